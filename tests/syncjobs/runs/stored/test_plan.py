"""The stored form of an item, and what its link settles."""

from importlib import import_module

import pytest
from django.apps import apps

from oncall.models import Responder
from syncjobs.models import ExternalLink
from syncjobs.runs.stored.plan import settled_by
from tests.syncjobs.conftest import Sync, user

pytestmark = pytest.mark.django_db


def test_what_a_created_object_settles_is_all_it_writes_and_is_stored_once(sync: Sync) -> None:
    (item,) = sync.run().items.filter(entity_type="user_group")
    own = f"{sync.connection.pk}:"
    assert "base" not in item.changes
    assert ExternalLink.objects.get(entity_type="user_group").base == {
        "fields": {"name": "Platform", "description": "", "active": True},
        "elements": {
            "members": {
                f"{own}T1:U1": {"person_key": f"{own}U1", "role": "manager"},
                f"{own}T1:U2": {"person_key": f"{own}U2", "role": "responder"},
            }
        },
    }


def test_an_update_settles_what_moved_alone(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=(user("U1", "Ana", title="Boss"), *sync.source.snapshot.users[1:]))
    (item,) = sync.run().items.all()
    assert settled_by(item) == {"fields": {"title": "Boss"}}


def test_an_item_of_an_earlier_release_keeps_its_base_and_settles_it_when_it_is_applied(sync: Sync) -> None:
    sync.run()
    others = sync.source.snapshot.users[1:]
    sync.source.change(users=(user("U1", "Ana", title="Boss", contact_methods=()), *others))
    plan = sync.plan()
    item = plan.items.get()
    stored = item.changes
    earlier = {name: value for name, value in stored.items() if name != "link"} | {"base": stored["link"]["base"][1]}
    plan.items.update(changes=earlier)
    import_module("syncjobs.migrations.0011_items_of_waiting_plans").convert(apps, None)
    item.refresh_from_db()
    assert item.changes == stored | {"link": {"base": stored["link"]["base"]}}
    assert sync.apply(plan).items.get().outcome == "applied"
    assert ExternalLink.objects.get(external_id="U1").base["fields"]["title"] == "Boss"
    sync.source.change(users=(user("U1", "Ana", title="Chief", contact_methods=()), *others))
    assert sync.run().items.get().action == "update"
    assert Responder.objects.get(email="ana@example.com").title == "Chief"

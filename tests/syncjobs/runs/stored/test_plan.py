"""The stored form of an item, and what its link settles."""

import pytest

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

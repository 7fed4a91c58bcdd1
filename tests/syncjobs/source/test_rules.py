"""The page of the rules of a source."""

import pytest
from django.test import Client

from syncjobs.models import Strategy
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import Sync
from tests.syncjobs.source.conftest import rules, url

pytestmark = pytest.mark.django_db


def test_a_rule_that_changes_moves_the_version_and_review_does_not(sync: Sync, admin_client: Client) -> None:
    page = url(sync.connection, "rules")
    assert admin_client.post(page, rules(review_first="")).headers["Location"] == page
    sync.profile.refresh_from_db()
    assert (sync.profile.review_first, sync.profile.rules_version) == (False, 1)
    shown = admin_client.post(page, rules(strategy="source"), follow=True).content.decode()
    sync.profile.refresh_from_db()
    assert (sync.profile.strategy, sync.profile.rules_version) == (Strategy.OVERWRITE, 2)
    assert "Plan first, and look at these edits" in shown
    admin_client.post(page, rules(strategy="source", contact_details=""))
    sync.profile.refresh_from_db()
    assert (sync.profile.contact_details, sync.profile.rules_version) == (False, 3)


def test_owners_guard_and_interval_are_stored_and_shown(sync: Sync, admin_client: Client) -> None:
    page = url(sync.connection, "rules")
    given = rules(every="other", other_every="0 3 * * 1-5 Europe/Berlin", guard_share="40", guard_count="9")
    admin_client.post(page, {**given, "own.schedule.name": "local", "own.responder.title": "source"})
    sync.profile.refresh_from_db()
    assert sync.profile.every == "0 3 * * 1-5 Europe/Berlin"
    assert sync.profile.guard == {"share": 40, "count": 9}
    assert sync.profile.ownership == {"schedule.name": "local", "responder.title": "source"}
    shown = admin_client.get(page).content.decode()
    assert "Every day" in shown and 'value="0 3 * * 1-5 Europe/Berlin"' in shown
    admin_client.post(page, {**rules(), "own.schedule.name": "default"})
    sync.profile.refresh_from_db()
    assert (sync.profile.every, sync.profile.ownership) == ("off", {})
    assert sync.profile.guard == {"share": 20, "count": 5}


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"every": "other", "other_every": "hourly"}, "other_every", "no length"),
        ({"every": "never"}, "every", "valid choice"),
        ({"guard_share": "100"}, "guard_share", "less than or equal to 99"),
        ({"guard_count": "0"}, "guard_count", "greater than or equal to 1"),
        ({"strategy": "both"}, "strategy", "valid choice"),
        ({"own.schedule.name": "nobody"}, "own.schedule.name", "valid choice"),
    ],
)
def test_what_is_not_allowed_is_said_on_its_field_and_nothing_is_stored(
    sync: Sync, admin_client: Client, wrong: dict[str, str], field: str, words: str
) -> None:
    page = admin_client.post(url(sync.connection, "rules"), {**rules(review_first=""), **wrong})
    assert words in str(page.context["form"].errors[field])
    sync.profile.refresh_from_db()
    assert (sync.profile.review_first, sync.profile.every, sync.profile.rules_version) == (True, "off", 1)


def test_rights(sync: Sync) -> None:
    client = staff("view_connection", "view_syncprofile")
    page = client.get(url(sync.connection, "rules")).content.decode()
    assert "Save</button>" not in page
    assert client.post(url(sync.connection, "rules"), rules()).status_code == 403

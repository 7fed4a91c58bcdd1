"""Merges while others write: two connections to PostgreSQL, whose steps are arranged."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.db import connection, transaction

from oncall.aggregates import Draft, ElementChanges
from oncall.errors import InvalidDraft
from oncall.models import ContactMethod, GroupMember, Responder, UserGroup
from oncall.operations import write
from syncjobs.conflicts.merging import merge_rows
from syncjobs.models import ExternalLink
from syncjobs.runs.stored.references import repair_references
from tests.syncjobs.conftest import BY, Sync
from tests.threads import start_thread, wait_until_blocked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole database"),
]


@pytest.fixture
def people(sync: Sync) -> Iterator[dict[str, int]]:
    """The ids of the imported people by name."""
    sync.run()
    yield dict(Responder.objects.values_list("name", "pk"))


def merging(loser: int, into: int) -> Callable[[], None]:
    def merge() -> None:
        with suppress(InvalidDraft):
            merge_rows("responder", loser, into, by=BY)

    return merge


def save_form(row_id: int) -> None:
    row = Responder.objects.get(pk=row_id)
    values = {"channel": "sms", "address": "+4930123456", "extension": "", "label": "New", "enabled": True}
    changes = {"contact_methods": ElementChanges({"local:+": values})}
    write("responder", [Draft({"title": "SRE"}, changes, id=row_id, version=row.version)], by=BY)


def test_a_merge_waits_for_a_form_and_moves_what_it_saved(people: dict[str, int]) -> None:
    loser, into = people["Bo"], people["Ana"]
    with transaction.atomic():
        save_form(loser)
        end = start_thread(merging(loser, into))
        wait_until_blocked()
    end()
    assert ContactMethod.objects.get(label="New").responder_id == into
    assert Responder.objects.get(pk=loser).merged_into_id == into


def test_a_reference_that_is_stored_while_its_row_is_merged_follows(people: dict[str, int]) -> None:
    loser, into = people["Bo"], people["Ana"]
    group = UserGroup.objects.get()
    put = {"local:+": {"person_key": f"local:{loser}", "role": ""}}
    with transaction.atomic():
        draft = Draft({}, {"members": ElementChanges(put)}, id=group.pk, version=group.version)
        write("user_group", [draft], by=BY)
        start_thread(merging(loser, into))()  # does not wait: it does not see the member
    member = GroupMember.objects.get(person_key=f"local:{loser}")
    assert member.responder_id == loser
    assert repair_references() == 1
    member.refresh_from_db()
    assert member.responder_id == into
    assert repair_references() == 0


@pytest.mark.parametrize("second", ["Bo into Ana", "Ana into Cy"])
def test_of_two_merges_of_one_row_the_second_sees_the_first(people: dict[str, int], second: str) -> None:
    ana, bo, cy = people["Ana"], people["Bo"], people["Cy"]
    with transaction.atomic():
        merge_rows("responder", ana, bo, by=BY)
        end = start_thread(merging(bo, ana) if second == "Bo into Ana" else merging(ana, cy))
        wait_until_blocked()
    end()
    assert dict(Responder.objects.values_list("pk", "merged_into")) == {ana: bo, bo: None, cy: None}


def test_a_merge_after_a_merge_that_it_did_not_see_leads_all_to_the_last_row(people: dict[str, int]) -> None:
    ana, bo, cy = people["Ana"], people["Bo"], people["Cy"]
    with transaction.atomic():
        merge_rows("responder", ana, bo, by=BY)
        end = start_thread(merging(bo, cy))
        wait_until_blocked()
    end()
    assert dict(Responder.objects.values_list("pk", "merged_into")) == {ana: cy, bo: cy, cy: None}
    links = ExternalLink.objects.filter(entity_type="responder").values_list("responder", "primary")
    assert sorted(links) == [(cy, False), (cy, False), (cy, True)]

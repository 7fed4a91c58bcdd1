"""A person saves a form while references are filled: two connections to PostgreSQL, whose steps are arranged."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from oncall.aggregates import Draft, ElementChanges
from oncall.models import EscalationPolicy, GroupMember, Reference, Schedule, Service, UserGroup
from oncall.operations import write
from syncjobs.runs.stored.references import repair_references
from tests.syncjobs.conftest import BY, Sync
from tests.threads import start_thread, wait_until_blocked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole database"),
]


def edit_member() -> None:
    group, member = UserGroup.objects.get(), GroupMember.objects.get(person_key__endswith=":U1")
    values = {"person_key": member.person_key, "role": "edited"}
    changes = {"members": ElementChanges({member.source_key: values})}
    write("user_group", [Draft({}, changes, id=group.pk, version=group.version)], by=BY)


def edit_layers() -> None:
    row = Schedule.objects.get()
    layers = {**row.layers, "layers": [{**each, "name": "Edited"} for each in row.layers["layers"]]}
    write("schedule", [Draft({"layers": layers}, id=row.pk, version=row.version)], by=BY)


def edit_policy() -> None:
    row = EscalationPolicy.objects.get()
    write("escalation_policy", [Draft({"description": "Edited"}, id=row.pk, version=row.version)], by=BY)


def edit_service() -> None:
    row = Service.objects.get()
    write("service", [Draft({"description": "Edited"}, id=row.pk, version=row.version)], by=BY)


def opened() -> list[int]:
    return [
        GroupMember.objects.filter(responder=None).count(),
        Reference.objects.filter(owner_schedule__isnull=False, responder=None).count(),
        EscalationPolicy.objects.filter(group=None).count(),
        Service.objects.filter(policy=None).count(),
    ]


def lose_foreign_keys() -> None:
    GroupMember.objects.update(responder=None)
    Reference.objects.update(responder=None, schedule=None)
    EscalationPolicy.objects.update(group=None)
    Service.objects.update(policy=None)


EDITS = pytest.mark.parametrize("edit", [edit_member, edit_layers, edit_policy, edit_service])


@pytest.fixture
def filled_world(sync: Sync) -> Sync:
    """A world whose references are open."""
    sync.run()
    lose_foreign_keys()
    assert all(opened())
    return sync


@EDITS
def test_a_form_that_is_saved_while_a_run_fills_loses_no_row(filled_world: Sync, edit: Callable[[], None]) -> None:
    """The form waits for the run, and then writes the columns as the run left them."""
    with transaction.atomic():
        assert repair_references() > 0
        end = start_thread(edit)
        wait_until_blocked()
    end()
    assert opened() == [0, 0, 0, 0]


@EDITS
def test_a_run_that_fills_does_not_wait_for_a_form(filled_world: Sync, edit: Callable[[], None]) -> None:
    """It leaves the rows of the form to the next call."""
    with transaction.atomic():
        edit()
        start_thread(repair_references)()
    assert sum(opened()) > 0
    repair_references()
    assert opened() == [0, 0, 0, 0]
    assert repair_references() == 0


def test_forms_and_fills_in_turn_end_with_complete_references(sync: Sync) -> None:
    """Without arranged steps: forms are saved again and again while the references are lost and filled."""
    sync.run()
    stop = threading.Event()

    def save_forms() -> None:
        while not stop.is_set():
            for edit in (edit_member, edit_layers, edit_policy, edit_service):
                edit()

    end = start_thread(save_forms)
    try:
        for _ in range(20):
            lose_foreign_keys()
            repair_references()
    finally:
        stop.set()
        end()
    repair_references()
    assert opened() == [0, 0, 0, 0]

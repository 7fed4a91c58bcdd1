"""Tests deactivating, deleting and merging aggregates."""

from collections.abc import Callable
from typing import Any

import pytest

from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.errors import InvalidDraft, RowsInUse
from oncall.models import ChangeRecord, GroupMember, Override, Reference, Responder, Schedule, Service
from oncall.operations import Actor, deactivate, delete, merge, reactivate, write

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]


def test_deactivating_keeps_the_row_and_records_the_actor(make: MakeRow, tester: Actor) -> None:
    pk = make("service")
    assert [row.version for row in deactivate("service", [pk, 9999], tester)] == [2]
    assert [row.version for row in deactivate("service", [pk], tester)] == [2]  # it is inactive already
    assert [row.version for row in reactivate("service", [pk], tester)] == [3]
    changes = ChangeRecord.objects.order_by("pk").values_list("changes", flat=True)[1:]
    assert list(changes) == [{"active": [True, False]}, {"active": [False, True]}]


def test_deleting_records_the_old_values(make: MakeRow, tester: Actor) -> None:
    member = {"person_key": "3:PANA", "role": ""}
    pk = make("user_group", {"members": {"3:T:PANA": member}}, name="Team")
    assert delete("user_group", [pk, 9999], tester) == 1
    record = ChangeRecord.objects.latest("pk")
    assert (record.action, record.label) == ("delete", "Team")
    assert record.changes["name"] == ["Team", None]
    assert record.changes["members.3:T:PANA"] == [member, None]
    assert not GroupMember.objects.exists()


def test_a_row_in_use_is_not_deleted(make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any]) -> None:
    ana, other = make("responder", name="Ana"), make("responder", name="Ben")
    make("schedule", name="Primary", layers=weekly_layers(f"person:local:{ana}"))
    make("user_group", {"members": {"local:+": {"person_key": f"local:{ana}", "role": ""}}}, name="Team")
    with pytest.raises(RowsInUse) as used:
        delete("responder", [ana], tester)
    assert str(used.value) == ("Ana is in use by schedule Primary, user group Team. Deactivate instead of deleting.")
    with pytest.raises(RowsInUse, match="Some of Ana, Ben are in use"):
        delete("responder", [ana, other], tester)
    assert Responder.objects.count() == 2


def test_merging_moves_elements_and_references(make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any]) -> None:
    method = {"channel": "email", "address": "a@example.com", "extension": "", "label": "", "enabled": True}
    loser, into = make("responder", {"contact_methods": {"3:P1:M": method}}, name="A. K."), make("responder")
    resolve: dict[tuple[Kind, str], int] = {("responder", "3:P1"): loser}
    shift = {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z", "by_key": "person:3:P1"}
    fields = {"name": "S", "time_zone": "UTC", "layers": weekly_layers("person:3:P1")}
    write("schedule", [Draft(fields, {"overrides": ElementChanges({"3:S:O": shift})})], by=tester, resolve=resolve)

    written = merge("responder", loser, into, tester)

    assert [(row.id, row.version) for row in written] == [(loser, 2), (into, 2)]
    gone = Responder.objects.get(pk=loser)
    assert (gone.active, gone.merged_into_id) == (False, into)
    assert Responder.objects.get(pk=into).contact_methods.get().source_key == "3:P1:M"
    assert (Reference.objects.get().responder_id, Override.objects.get().by_id) == (into, into)
    records = {r.object_id: r.changes for r in ChangeRecord.objects.filter(action="update")}
    assert records[loser] == {
        "merged_into": [None, into],
        "active": [True, False],
        "contact_methods.3:P1:M": [method, None],
    }
    assert records[into] == {"contact_methods.3:P1:M": [None, method]}
    for one, other in ((loser, into), (into, into), (into, 9999)):
        with pytest.raises(InvalidDraft):
            merge("responder", one, other, tester)


def test_merging_policies_moves_their_services(make: MakeRow, tester: Actor) -> None:
    loser, into = make("escalation_policy", name="Old"), make("escalation_policy", name="New")
    make("service", policy_key=f"local:{loser}")
    assert [row.version for row in merge("escalation_policy", loser, into, tester)] == [2, 1]
    assert Service.objects.get().policy_id == into
    assert not Schedule.objects.exists()

"""What conflicts concern: groups, schedules with the next shift, policies; in a bounded number of queries."""

from datetime import UTC, datetime

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connectors.records import SourceTeam
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import Responder, UserGroup
from oncall.operations import delete, write
from syncjobs.conflicts.concerned import Concern, concerns, sources_of
from syncjobs.models import Conflict, ConflictState
from tests.syncjobs.conftest import BY, Sync, layer, policy, schedule, user, world

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday; turns begin on Mondays at 09:00 in Paris


def concern(label: str) -> Concern:
    conflict = Conflict.objects.get(kind="user_not_found", label=label)
    return concerns([conflict], AT)[conflict.pk]


def test_the_schedule_with_the_next_shift_is_first(sync: Sync) -> None:
    later = schedule("S2", "A later one", layer("U2", "U3", "U1", anchor="2026-11-16T09:00:00"))
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U1", "U2", anchor="2026-11-16T09:00:00")), later),
        policies=(policy("P1", "Default", Target("schedule", "S1"), Target("responder", "U1"), group_id="T1"),),
    )
    sync.run()
    assert concern("Ana").holds_up == (
        "schedule Primary: on call now",
        "schedule A later one: next shift Mon 30 Nov 2026 08:00 UTC",
        "escalation policy Default",
    )
    assert concern("Bo").holds_up == (
        "schedule A later one: on call now",
        "schedule Primary: next shift Mon 23 Nov 2026 08:00 UTC",
    )


def test_a_list_leaves_out_shifts_and_renders_nothing(sync: Sync) -> None:
    sync.run()
    conflicts = list(Conflict.objects.filter(kind="user_not_found"))
    with CaptureQueriesContext(database) as queries:
        found = concerns(conflicts, AT, render=False)
    assert [found[each.pk].holds_up for each in sorted(conflicts, key=lambda each: each.label)] == [
        ("schedule Primary",),
        ("schedule Primary",),
        ("escalation policy Default",),
    ]
    assert len(queries) == 4


def test_an_inactive_schedule_has_no_shift_and_a_distant_one_is_not_searched(sync: Sync) -> None:
    distant = layer("U1", anchor="2026-01-05T09:00:00", starts_at=int(AT.timestamp()) + 20 * 86_400)
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U1"), enabled=False), schedule("S2", "Distant", distant)),
        policies=(),
    )
    sync.run()
    assert concern("Ana").holds_up == ("schedule Distant", "schedule Primary")


def test_the_groups_of_a_person_are_memberships_and_owners_of_what_the_person_holds(sync: Sync) -> None:
    teams = (SourceTeam("T1", "Platform"), SourceTeam("T2", "Owners"), SourceTeam("T3", "Others"))
    sync.source.change(
        teams=(*world().teams, *teams[1:]),
        schedules=(schedule("S1", "Primary", layer("U1"), group_ids=("T2",)),),
    )
    sync.run()
    assert concern("Ana").groups == ("Owners", "Platform")
    assert concern("Bo").groups == ("Platform",)
    assert concern("Cy").groups == ("Platform",)  # target of the policy of this group


def test_a_row_that_was_deleted_is_not_concerned(sync: Sync) -> None:
    (here,) = write("user_group", [Draft({"name": "platform"})], by=BY)
    sync.run()
    conflict = Conflict.objects.get(kind="team_name_collision")
    imported = UserGroup.objects.exclude(pk=here.id).get()
    key = f"{sync.connection.pk}:T1"
    assert concerns([conflict], AT)[conflict.pk].rows == {key: imported.pk, f"local:{here.id}": here.id}
    delete("user_group", [here.id], by=BY)
    assert concerns([conflict], AT)[conflict.pk].rows == {key: imported.pk}
    assert sources_of([conflict]) == {conflict.pk: ("acme",)}


def test_the_number_of_queries_does_not_depend_on_the_number_of_conflicts(sync: Sync) -> None:
    write("schedule", [Draft({"name": "primary", "time_zone": "UTC"})], by=BY)
    write("user_group", [Draft({"name": "platform"})], by=BY)
    sync.run()

    def cost() -> int:
        conflicts = list(Conflict.objects.select_related("connection").filter(state=ConflictState.OPEN))
        with CaptureQueriesContext(database) as queries:
            concerns(conflicts, AT)
            sources_of(conflicts)
        return len(queries)

    few = cost()
    people = tuple(user(f"X{number}", f"Person{number}") for number in range(30))
    more = tuple(schedule(f"Y{number}", f"Schedule {number}", layer(f"X{number}")) for number in range(30))
    sync.source.change(users=(*world().users, *people), schedules=(*world().schedules, *more))
    sync.run()
    assert Conflict.objects.count() > 30
    assert cost() == few
    assert Responder.objects.count() == 33

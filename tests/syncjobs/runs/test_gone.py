"""Objects that leave the source: missing, gone, held by the guard, asked about, and back again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.records import ENTITY_TYPES, EntityType, SourceService, SourceTeam
from oncall.aggregates import Kind
from oncall.escalation.policy import Target
from oncall.models import Responder, Schedule
from oncall.tables.kinds import ROOTS
from syncjobs.management.shell import run_document
from syncjobs.models import Conflict, ConflictState, ExternalLink, LinkState, RunState, SyncRun
from syncjobs.undoing.undo import undo
from tests.syncjobs.conftest import Sync, contents, edit, layer, policy, schedule, user, world

pytestmark = pytest.mark.django_db

HOUR = 3_600
PARTS: Mapping[EntityType, str] = {
    "responder": "users",
    "user_group": "teams",
    "schedule": "schedules",
    "escalation_policy": "policies",
    "service": "services",
}
#: By kind, an object that nothing else at the source refers to.
EXTRA: Mapping[EntityType, Any] = {
    "responder": user("U9", "Ida"),
    "user_group": SourceTeam("T9", "Search", members=()),
    "schedule": schedule("S9", "Secondary", layer("U1")),
    "escalation_policy": policy("P9", "Other", Target("responder", "U1")),
    "service": SourceService("V9", "Search"),
}
EVERY_KIND = pytest.mark.parametrize("kind", ENTITY_TYPES)


def test_every_kind_has_an_entry() -> None:
    assert set(PARTS) == set(EXTRA) == set(ENTITY_TYPES)


@pytest.fixture
def grown(sync: Sync) -> Sync:
    """A synced world with two objects of each kind and four people."""
    known = world()
    sync.source.change(
        **{part: (*getattr(known, part), EXTRA[kind]) for kind, part in PARTS.items()},
    )
    sync.run()
    return sync


def remove(sync: Sync, kind: EntityType, answer: Any = "not_found") -> Any:
    """Remove the extra object of a kind from the source. Return its record."""
    record, part = EXTRA[kind], PARTS[kind]
    left = tuple(one for one in getattr(sync.source.snapshot, part) if one.external_id != record.external_id)
    sync.source.change(**{part: left})
    sync.source.answers[kind, record.external_id] = answer
    return record


def later(sync: Sync, seconds: int = 2 * HOUR) -> None:
    sync.source.change(fetched_at=sync.source.snapshot.fetched_at + seconds)


def link_of(external_id: str) -> ExternalLink:
    return ExternalLink.objects.get(external_id=external_id)


def actions(run: SyncRun) -> list[tuple[str, str, str]]:
    return list(run.items.order_by("pk").values_list("action", "external_id", "outcome"))


def is_active(kind: Kind, external_id: str) -> bool:
    return bool(ROOTS[kind].rows.get(links__external_id=external_id).active)


@EVERY_KIND
def test_a_deletion_walks_the_whole_way_and_a_return_is_an_update(grown: Sync, kind: EntityType) -> None:
    record = remove(grown, kind)
    id_ = record.external_id
    first = grown.run()
    assert actions(first) == [("missing", id_, "skipped")]
    assert (first.state, first.items.get().sighting) == (RunState.SUCCEEDED, 1)
    assert "missing 1 of 2" in first.items.get().reason
    assert (is_active(kind, id_), link_of(id_).missing_count) == (True, 1)
    before = contents()
    later(grown, HOUR // 2)
    assert actions(grown.run()) == [("missing", id_, "skipped")]  # less than an hour after the first sighting
    assert contents() == before
    later(grown)
    second = grown.run()
    assert actions(second) == [("deactivate", id_, "applied")]
    assert (second.state, is_active(kind, id_), link_of(id_).state) == (RunState.SUCCEEDED, False, LinkState.GONE)
    before = contents()
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)
    grown.source.change(**{PARTS[kind]: (*getattr(grown.source.snapshot, PARTS[kind]), record)})
    later(grown)
    assert actions(grown.run()) == [("update", id_, "applied")]
    assert (is_active(kind, id_), link_of(id_).state, link_of(id_).missing_count) == (True, LinkState.LINKED, 0)
    before = contents()
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)


@EVERY_KIND
def test_an_object_that_comes_back_after_one_sighting_was_never_missing(grown: Sync, kind: EntityType) -> None:
    before = contents()
    record = remove(grown, kind)
    grown.run()
    grown.source.change(**{PARTS[kind]: (*getattr(grown.source.snapshot, PARTS[kind]), record)})
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)


@EVERY_KIND
def test_the_tick_of_a_reviewer_is_the_second_sighting(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    plan = grown.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    assert plan.items.get().ticked is False
    plan.items.update(ticked=True)
    applied = grown.apply(plan)
    assert (actions(applied), is_active(kind, id_)) == ([("missing", id_, "applied")], False)
    assert link_of(id_).state == LinkState.GONE


@EVERY_KIND
def test_a_plan_that_is_applied_without_the_tick_deactivates_nothing(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    applied = grown.apply(grown.plan())
    assert (applied.state, actions(applied)) == (RunState.SUCCEEDED, [("missing", id_, "skipped")])
    assert is_active(kind, id_)


@EVERY_KIND
def test_a_list_that_lacks_an_object_which_still_exists_is_contradicted(grown: Sync, kind: EntityType) -> None:
    remove(grown, kind, "found")
    before = contents()
    for _ in range(3):
        later(grown)
        run = grown.run()
        assert (run.state, actions(run), contents()) == (RunState.PARTIAL, [], before)
        assert "lacks objects that the source still knows" in str(run.completeness)


@EVERY_KIND
def test_an_object_without_a_usable_answer_stays_as_it_is(grown: Sync, kind: EntityType) -> None:
    remove(grown, kind, "unknown")
    before = contents()
    for _ in range(3):
        later(grown)
        assert (actions(grown.run()), contents()) == ([], before)


@EVERY_KIND
def test_an_object_that_the_source_may_only_hide_is_a_question(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind, "not_visible").external_id
    grown.run()
    later(grown)
    run = grown.run()
    conflict = Conflict.objects.get(kind="not_visible")
    assert (actions(run), conflict.external_id) == ([("conflict", id_, "skipped")], id_)
    assert is_active(kind, id_)
    before = contents()
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)


def _edit(kind: Kind, external_id: str) -> None:
    field = "title" if kind == "responder" else "description"
    edit(kind, ROOTS[kind].rows.get(links__external_id=external_id), **{field: "ours"})


@EVERY_KIND
def test_a_row_that_was_edited_here_is_a_question_when_its_object_is_gone(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    _edit(kind, id_)
    grown.run()
    later(grown)
    grown.run()
    conflict = Conflict.objects.get(kind="gone")
    assert conflict.evidence["edited"] == ["title" if kind == "responder" else "description"]
    assert is_active(kind, id_)
    before = contents()
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)


@EVERY_KIND
def test_a_ticked_edited_row_becomes_a_question_and_stays_active(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    _edit(kind, id_)
    plan = grown.plan()
    plan.items.update(ticked=True)
    grown.apply(plan)
    assert is_active(kind, id_)
    grown.run()
    assert Conflict.objects.filter(kind="gone", external_id=id_).exists()


@EVERY_KIND
def test_a_row_whose_presence_the_source_owns_becomes_inactive_though_it_was_edited(
    grown: Sync, kind: EntityType
) -> None:
    grown.rules(strategy="source")
    grown.run()
    id_ = remove(grown, kind).external_id
    _edit(kind, id_)
    grown.run()
    later(grown)
    assert ("deactivate", id_, "applied") in actions(grown.run())
    assert not is_active(kind, id_)


@EVERY_KIND
def test_a_row_whose_presence_is_decided_here_stays_as_it_is(grown: Sync, kind: EntityType) -> None:
    grown.rules(ownership={f"{kind}.active": "local"})
    grown.run()
    id_ = remove(grown, kind).external_id
    for _ in range(3):
        later(grown)
        assert actions(grown.run()) == []
    assert is_active(kind, id_)


@EVERY_KIND
def test_what_a_read_of_a_few_objects_lacks_is_not_missing(grown: Sync, kind: EntityType) -> None:
    remove(grown, kind)
    before = contents()
    for _ in range(2):
        later(grown)
        grown.run(only=[("responder", "U1")])
    assert (contents(), grown.source.sought) == (before, [])


def test_a_row_of_two_sources_is_detached_and_stays_active() -> None:
    first, second = Sync("first"), Sync("second")
    for one in (first, second):
        one.source.change(users=(*world().users, user("U9", "Ida")))
        one.run()
    ida = Responder.objects.get(name="Ida", merged_into=None)
    assert ida.links.count() == 2
    own = f"{first.connection.pk}:"
    assert {key.startswith(own) for key in ida.contact_methods.values_list("source_key", flat=True)} == {True, False}
    first.source.change(users=world().users)
    first.source.answers["responder", "U9"] = "not_found"
    first.run()
    later(first)
    assert actions(first.run()) == [("detach", "U9", "applied")]
    ida.refresh_from_db()
    assert ida.active
    assert {key.startswith(own) for key in ida.contact_methods.values_list("source_key", flat=True)} == {False}
    second.run()
    assert ida.links.get(primary=True).connection == second.connection
    second.source.change(users=world().users)
    second.source.answers["responder", "U9"] = "not_found"
    second.run()
    later(second)
    assert ("deactivate", "U9", "applied") in actions(second.run())
    ida.refresh_from_db()
    assert not ida.active


# --- the guard --------------------------------------------------------------------------------------------------------


def many(sync: Sync, number: int) -> None:
    """Sync a source with many schedules, S100 and further, beside that of the policy."""
    more = tuple(schedule(f"S{100 + n}", f"Rota {n}", layer("U1")) for n in range(number))
    sync.source.change(schedules=(*world().schedules, *more))
    sync.run()


def lose(sync: Sync, number: int, *, all_of_them: bool = False) -> None:
    known = () if all_of_them else sync.source.snapshot.schedules[:-number]
    for one in sync.source.snapshot.schedules:
        if one not in known:
            sync.source.answers["schedule", one.external_id] = "not_found"
    sync.source.change(schedules=known)
    sync.run()
    later(sync)


@pytest.mark.parametrize(
    ("number", "lost", "held"), [(9, 4, False), (19, 4, False), (19, 5, True), (29, 6, False), (29, 7, True)]
)
def test_the_guard_holds_more_than_a_share_and_at_least_five(sync: Sync, number: int, lost: int, held: bool) -> None:
    """Of number + 1 schedules."""
    many(sync, number)
    lose(sync, lost)
    run = sync.run()
    assert set(run.items.values_list("action", "held")) == {("deactivate", held)}
    assert (run.state == RunState.PARTIAL) == held
    assert Schedule.objects.filter(active=False).count() == (0 if held else lost)
    reason = f"{lost} of {number + 1} schedules would become inactive, more than 20 %."
    assert run.guard.get("reasons", []) == ([reason] if held else [])


def test_a_profile_sets_its_own_guard(sync: Sync) -> None:
    sync.rules(guard={"share": 10, "count": 2})
    many(sync, 9)
    lose(sync, 2)
    assert sync.run().guard["reasons"] == ["2 of 10 schedules would become inactive, more than 10 %."]


def test_the_last_of_a_kind_is_held(sync: Sync) -> None:
    sync.run()
    sync.source.change(services=())
    sync.source.answers["service", "V1"] = "not_found"
    sync.run()
    later(sync)
    run = sync.run()
    assert (actions(run), run.state) == ([("deactivate", "V1", "deferred")], RunState.PARTIAL)
    assert run.guard["reasons"] == ["The only service would become inactive."]


def test_what_is_held_stays_held_and_is_counted_once(sync: Sync) -> None:
    many(sync, 9)
    lose(sync, 5)
    for _ in range(3):
        run = sync.run()
        later(sync)
        assert run.counts["schedule"]["held"] == 5
        assert Schedule.objects.filter(active=False).count() == 0
    plan = sync.plan()
    chosen = plan.items.order_by("pk").first()
    assert chosen is not None
    plan.items.filter(pk=chosen.pk).update(held_ticked=True)
    done = sync.apply(plan)
    assert Schedule.objects.get(active=False).pk == chosen.row_id
    assert (done.state, done.counts["schedule"]["held"]) == (RunState.PARTIAL, 4)
    plan = sync.plan()
    plan.items.update(held_ticked=True)
    assert sync.apply(plan).state == RunState.SUCCEEDED
    assert Schedule.objects.filter(active=False).count() == 5


def test_a_kind_that_vanishes_holds_the_whole_run_at_the_first_sighting(sync: Sync) -> None:
    many(sync, 5)
    sync.source.change(teams=(replace(world().teams[0], name="Renamed"),), schedules=())
    run = sync.run()
    assert (run.state, run.has_open_plan) == (RunState.HELD, True)
    assert run.reason == "The source lists none of the 6 schedules any more."
    assert not ROOTS["user_group"].rows.filter(name="Renamed").exists()
    again = sync.run()
    run.refresh_from_db()
    assert (again.state, run.state) == (RunState.HELD, RunState.SUPERSEDED)
    applied = sync.apply(again)
    assert (applied.state, Schedule.objects.filter(active=False).count()) == (RunState.SUCCEEDED, 0)
    assert ROOTS["user_group"].rows.filter(name="Renamed").exists()


def test_a_vanished_kind_is_approved_as_a_whole(sync: Sync) -> None:
    many(sync, 5)
    for one in sync.source.snapshot.schedules:
        sync.source.answers["schedule", one.external_id] = "not_found"
    sync.source.change(schedules=())
    run = sync.run()
    assert set(run.items.values_list("action", "held", "ticked")) == {("missing", True, False)}
    run.items.update(held_ticked=True)
    done = sync.apply(run)
    assert (done.state, Schedule.objects.filter(active=True).count()) == (RunState.SUCCEEDED, 0)


def test_a_read_asks_for_at_most_twenty_objects_and_the_next_for_the_others(sync: Sync) -> None:
    many(sync, 199)
    lost = sync.source.snapshot.schedules[-30:]
    sync.source.change(schedules=sync.source.snapshot.schedules[:-30])
    sync.source.answers |= {("schedule", one.external_id): "not_found" for one in lost}
    counts = []
    for _ in range(4):
        sync.run()
        counts.append((len(sync.source.sought[-1]), Schedule.objects.filter(active=False).count()))
        later(sync)
    assert counts == [(20, 0), (20, 20), (10, 20), (10, 30)]


# --- created again ----------------------------------------------------------------------------------------------------


def test_an_object_created_again_blocks_the_absence_of_the_old_one_until_it_is_decided(grown: Sync) -> None:
    remove(grown, "schedule")
    again = schedule("S10", "secondary", layer("U2"))
    grown.source.change(schedules=(*grown.source.snapshot.schedules, again))
    for _ in range(3):
        grown.run()
        later(grown)
    conflict = Conflict.objects.get(kind="recreated")
    own = grown.connection.pk
    assert conflict.evidence == {"rows": [f"{own}:S9", f"{own}:S10"], "equal": "name"}
    assert not Conflict.objects.filter(kind="duplicate_schedule").exists()
    assert is_active("schedule", "S9")
    assert is_active("schedule", "S10")
    Conflict.objects.filter(pk=conflict.pk).update(state=ConflictState.DECIDED, choice="keep_all")
    grown.run()
    later(grown)
    grown.run()
    assert (is_active("schedule", "S9"), is_active("schedule", "S10")) == (False, True)


def test_two_objects_with_the_name_of_a_missing_one_are_no_pair(grown: Sync) -> None:
    remove(grown, "schedule")
    more = (schedule("S10", "Secondary", layer("U2")), schedule("S11", "Secondary", layer("U3")))
    grown.source.change(schedules=(*grown.source.snapshot.schedules, *more))
    grown.run()
    assert not Conflict.objects.filter(kind="recreated").exists()


def test_a_person_who_is_inactive_at_the_source_and_on_call_is_a_question(sync: Sync) -> None:
    sync.source.change(users=(user("U1", "Ana"), user("U2", "Bo", state="inactive"), user("U3", "Cy")))
    sync.run()
    assert Conflict.objects.get(kind="inactive_scheduled").external_id == "U2"
    before = contents()
    assert (actions(sync.run()), contents()) == ([], before)
    sync.source.change(users=world().users)
    sync.run()
    assert Conflict.objects.get(kind="inactive_scheduled").state == ConflictState.CLOSED


def test_a_row_that_was_kept_by_an_undo_stays_active(grown: Sync) -> None:
    remove(grown, "schedule")
    grown.run()
    later(grown)
    run = grown.run()
    assert not is_active("schedule", "S9")
    undo(run, None)
    assert (is_active("schedule", "S9"), link_of("S9").state) == (True, LinkState.LINKED)
    before = contents()
    for _ in range(2):
        later(grown)
        assert ([item for item in actions(grown.run()) if item[0] != "settle"], contents()) == ([], before)


def test_what_waits_says_how_many_hours_it_leaves_uncovered(sync: Sync) -> None:
    many(sync, 5)
    sync.source.answers |= {("schedule", one.external_id): "not_found" for one in sync.source.snapshot.schedules}
    sync.source.change(schedules=())
    run = sync.run()
    assert run.state == RunState.HELD
    assert run.guard["hours"] == 6 * 7 * 24  # six schedules, each of which always has somebody
    document = run_document(run)["guard"]
    assert (document["held"], document["hours"], document["reasons"]) == (6, 6 * 7 * 24, run.guard["reasons"])


@EVERY_KIND
def test_an_object_that_the_source_knew_in_between_is_proved_gone_anew(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    grown.run()
    for answer, sightings in (("found", 0), ("not_found", 1), ("found", 0), ("unknown", 0), ("not_found", 1)):
        grown.source.answers[kind, id_] = answer  # type: ignore[assignment]
        later(grown)
        grown.run()
        assert (is_active(kind, id_), link_of(id_).missing_count) == (True, sightings), answer
    later(grown)
    assert actions(grown.run()) == [("deactivate", id_, "applied")]

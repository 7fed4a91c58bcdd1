"""The last phase of a run: every schedule it read against the rendering that came with the read, stored and named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from connectors.errors import ProviderUnavailable, ReadStopped
from connectors.records import Snapshot
from oncall.models import Schedule
from oncall.operations import delete
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import Override, person
from syncjobs.models import ParityBasis, ParityCheck, RunKind, RunState
from syncjobs.parity.checks import KEPT, LatestChecks, latest_parity, store
from syncjobs.runs.start import cancel
from syncjobs.runs.verify import MOST_CALLS, MOST_CALLS_AHEAD, SourceRendering
from tests.syncjobs.conftest import BY, NOW, Sync, layer, schedule, world

DAY = 86_400
pytestmark = pytest.mark.django_db


def of_source(snapshot: Snapshot, ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
    """As a source would render these schedules: here from the same records."""
    specs = {one.external_id: one.spec() for one in snapshot.schedules if one.external_id in ids}
    return {id_: render_final(spec, (), since, until) for id_, spec in specs.items() if spec is not None}


def telling(snapshot: Snapshot) -> Snapshot:
    since, until = snapshot.fetched_at, snapshot.fetched_at + 90 * DAY
    ids = [one.external_id for one in snapshot.schedules]
    return replace(snapshot, rendered=of_source(snapshot, ids, since, until), rendered_range=(since, until))


@pytest.fixture
def told(sync: Sync) -> Sync:
    """A source whose reads tell its own rendering, and that answers for other times, too, one call each."""
    sync.source.snapshot = telling(world())
    asked: list[tuple[str, int, int]] = []

    def rendered(ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        sync.source.calls += len(ids)
        asked.extend((id_, since, until) for id_ in ids)
        return of_source(sync.source.snapshot, ids, since, until)

    sync.source.rendered = rendered
    sync.asked = asked  # type: ignore[attr-defined]
    return sync


def test_every_sync_compares_the_next_days_and_the_days_around_clock_changes(told: Sync) -> None:
    run = told.run()
    assert run.state == RunState.SUCCEEDED
    assert run.counts["schedule"]["parity_equal"] == 1
    assert (run.calls, run.phase) == (2, "done")
    row = Schedule.objects.get()
    checks = list(run.parity_checks.order_by("id"))
    assert [(c.basis, c.schedule_id, c.external_id, c.judge) for c in checks] == [
        ("sync", row.pk, "S1", "vendor"),
        ("transition", row.pk, "S1", "vendor"),
        ("transition", row.pk, "S1", "vendor"),
    ]
    first = checks[0]
    assert (int(first.since.timestamp()), int(first.until.timestamp())) == (NOW, NOW + 14 * DAY)
    assert [c.total_seconds for c in checks] == [14 * DAY, 6 * DAY, 6 * DAY]
    assert all(c.equal_seconds == c.total_seconds and not c.differs and c.is_compared for c in checks)
    key = f"person:{told.connection.pk}:U1"
    assert first.source_spans[0][2] == [key]
    assert latest_parity([row.pk]) == {row.pk: first}


def test_a_source_that_draws_otherwise_is_counted_and_named_and_the_run_succeeds(told: Sync) -> None:
    other = world().schedules[0]
    moved = replace(other, layers=(layer("U1", "U2", "U1", anchor="2026-01-05T10:00:00"),))
    wrong = telling(replace(world(), schedules=(moved,)))
    told.source.snapshot = replace(world(), rendered=wrong.rendered, rendered_range=wrong.rendered_range)
    run = told.run()
    assert run.state == RunState.SUCCEEDED
    assert run.counts["schedule"]["parity_unequal"] == 1
    (note,) = [note for note in run.notes if note["code"] == "parity"]
    assert note["external_id"] == "S1"
    assert note["message"].startswith("Primary: for 2.0 hours other people are on call here than at the source")
    assert note["message"].endswith(": turn.")
    check = latest_parity([Schedule.objects.get().pk])[Schedule.objects.get().pk]
    assert check.differs
    assert [d["cause"] for d in check.differences] == ["turn", "turn"]
    assert check.differences[0]["source"] != check.differences[0]["ours"]


def test_what_could_not_be_compared_says_why(told: Sync) -> None:
    unsettled = schedule("S2", "Night", layer("U2"), zone="Mars/Phobos")
    silent = schedule("S3", "Day", layer("U2"))
    snapshot = telling(replace(world(), schedules=(*world().schedules, unsettled, silent)))
    rendered = {**snapshot.rendered, "S2": ()}
    del rendered["S3"]
    told.source.snapshot = replace(snapshot, rendered=rendered)
    run = told.run()
    assert {word: n for word, n in run.counts["schedule"].items() if word.startswith("parity")} == {
        "parity_equal": 1,
        "parity_not_compared": 2,
    }
    notes = {c.external_id: c.note for c in run.parity_checks.filter(basis=ParityBasis.SYNC)}
    assert notes == {
        "S1": "",
        "S2": "its time zone is not settled",
        "S3": "the source did not report its own rendering",
    }
    assert not run.parity_checks.get(external_id="S2").is_compared


def test_somebody_the_source_names_and_nobody_here_knows_is_unresolved(told: Sync) -> None:
    snapshot = told.source.snapshot
    rendered = {"S1": (Span(NOW, NOW + 14 * DAY, (person("U9"),)),)}
    told.source.snapshot = replace(snapshot, rendered=rendered)
    run = told.run()
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert check.unresolved == [f"person:{told.connection.pk}:U9"]
    assert {d["cause"] for d in check.differences} == {"unresolved person"}


def test_a_source_whose_read_tells_no_rendering_is_asked_for_the_next_days_too(told: Sync) -> None:
    told.source.snapshot = world()
    asked: list[tuple[str, int, int]] = told.asked  # type: ignore[attr-defined]
    run = told.run()
    assert run.counts["schedule"]["parity_equal"] == 1
    assert [check.basis for check in run.parity_checks.order_by("id")] == ["sync", "transition", "transition"]
    assert asked[0] == ("S1", NOW, NOW + 14 * DAY)
    assert run.calls == len(asked) == 3


def test_a_reviewed_plan_of_such_a_source_is_compared_when_it_is_applied(told: Sync) -> None:
    told.source.snapshot = world()
    plan = told.plan()
    assert plan.calls == 0
    assert told.apply(plan).parity_checks.filter(basis=ParityBasis.SYNC).get().is_compared


def test_those_that_waited_longest_for_the_next_days_are_asked_for_first(told: Sync) -> None:
    many = tuple(schedule(f"S{i:03}", f"Team {i}", layer("U1"), zone="Asia/Kolkata") for i in range(50))
    told.source.snapshot = replace(world(), schedules=many, policies=(), services=())
    asked: list[tuple[str, int, int]] = told.asked  # type: ignore[attr-defined]
    for _ in range(2):
        told.source.calls = 0
        assert told.run().calls == MOST_CALLS_AHEAD
    assert [id_ for id_, _, _ in asked[:50]] == [one.external_id for one in many]
    assert {id_ for id_, _, _ in asked[50:]} < {id_ for id_, _, _ in asked[:40]}


def test_a_reviewed_plan_is_compared_with_the_read_it_was_made_from(told: Sync) -> None:
    plan = told.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    assert not ParityCheck.objects.exists()
    assert SourceRendering.from_json(plan.checkpoint["told"]) == SourceRendering.of(told.source.snapshot)
    told.source.snapshot = world()  # later reads tell nothing: the stored one is used
    told.source.rendered = lambda ids, since, until: {}
    run = told.apply(plan)
    assert run.parity_checks.get(basis=ParityBasis.SYNC).equal_seconds == 14 * DAY
    assert "told" not in run.checkpoint


def test_an_old_plan_is_compared_with_what_the_source_says_by_then(told: Sync) -> None:
    plan = told.plan()
    type(plan).objects.filter(pk=plan.pk).update(planned_at=timezone.now() - timedelta(hours=1))
    later = replace(world(), fetched_at=NOW + DAY)
    told.source.snapshot = telling(later)
    run = told.apply(plan)
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert int(check.since.timestamp()) == NOW + DAY


def test_a_second_sync_confirms_and_asks_nothing_again(told: Sync) -> None:
    first = told.run()
    told.source.calls = 0
    told.source.snapshot = telling(replace(world(), fetched_at=NOW + 3600))
    again = told.run()
    assert again.calls == 0
    assert ParityCheck.objects.count() == 3
    check = again.parity_checks.get()
    assert (check.basis, int(check.since.timestamp())) == ("sync", NOW)
    assert check.measured_at > first.finished_at
    told.source.snapshot = telling(replace(world(), fetched_at=NOW + DAY))
    told.run()
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == 2


def test_what_was_found_otherwise_in_between_is_measured_anew(told: Sync) -> None:
    told.run()
    old = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    ParityCheck.objects.create(
        connection=told.connection,
        schedule=old.schedule,
        external_id="S1",
        judge="vendor",
        basis=ParityBasis.DEMAND,
        measured_at=timezone.now(),
        since=old.since,
        until=old.until,
        equal_seconds=0,
        total_seconds=1,
    )
    assert old.schedule_id is not None
    assert latest_parity([old.schedule_id])[old.schedule_id].differs
    told.run()
    assert not latest_parity([old.schedule_id])[old.schedule_id].differs
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == 2


def test_a_changed_schedule_is_looked_at_around_clock_changes_again_and_an_old_look_renewed(told: Sync) -> None:
    told.run()
    told.source.calls = 0
    renamed = replace(world().schedules[0], name="First")
    told.source.snapshot = telling(replace(world(), schedules=(renamed,)))
    assert told.run().calls == 2
    told.source.calls = 0
    assert told.run().calls == 0
    ParityCheck.objects.update(measured_at=timezone.now() - timedelta(days=8))
    assert told.run().calls == 2


def test_clock_changes_are_asked_for_within_a_budget_those_never_asked_first(told: Sync) -> None:
    many = tuple(schedule(f"S{i:03}", f"Team {i}", layer("U1", "U2")) for i in range(MOST_CALLS))
    kolkata = schedule("T1", "East", layer("U1"), zone="Asia/Kolkata")
    told.source.snapshot = telling(replace(world(), schedules=(*many, kolkata), policies=(), services=()))
    asked: list[tuple[str, int, int]] = told.asked  # type: ignore[attr-defined]
    for _ in range(2):
        told.source.calls = 0
        run = told.run()
        assert run.calls == MOST_CALLS
    assert len({id_ for id_, _, _ in asked}) == len(asked) / 2 == MOST_CALLS
    assert run.counts["schedule"]["parity_equal"] == MOST_CALLS + 1


def test_a_source_that_fails_around_clock_changes_fails_nothing(told: Sync) -> None:
    def failing(ids: Sequence[str], since: int, until: int) -> Any:
        raise ProviderUnavailable("It is down.", hint="Try later.", provider="pagerduty")

    told.source.rendered = failing
    run = told.run()
    assert run.state == RunState.SUCCEEDED
    assert run.parity_checks.get().basis == ParityBasis.SYNC
    (note,) = [note for note in run.notes if note["code"] == "parity_not_measured"]
    assert note["message"] == "Not every schedule could be compared with the source's own rendering: It is down."


def test_a_cancelled_run_stores_no_measurement(told: Sync) -> None:
    def stopping(ids: Sequence[str], since: int, until: int) -> Any:
        assert cancel(told.profile.runs.get())
        told.source.should_stop()  # the next progress finds the claim gone
        raise ReadStopped("Stopped.", hint="", provider="pagerduty")

    told.source.rendered = stopping
    assert told.run().state == RunState.CANCELLED
    assert not ParityCheck.objects.exists()
    assert Schedule.objects.count() == 1


def test_a_run_taken_away_unnoticed_stores_no_measurement(told: Sync) -> None:
    def unnoticed(ids: Sequence[str], since: int, until: int) -> Any:
        cancel(told.profile.runs.get())
        return {}

    told.source.rendered = unnoticed
    assert told.run().state == RunState.CANCELLED
    assert not ParityCheck.objects.exists()


def test_a_limited_run_compares_what_it_read(told: Sync) -> None:
    two = (*world().schedules, schedule("S2", "Second", layer("U1", "U2")))
    told.source.snapshot = telling(replace(world(), schedules=two))
    told.run()
    told.source.snapshot = telling(replace(world(), fetched_at=NOW + 2 * DAY))
    run = told.run(RunKind.APPLY, only=[("schedule", "S1")])
    assert [check.external_id for check in run.parity_checks.all()] == ["S1"]


def test_a_deleted_schedule_leaves_its_measurements(told: Sync) -> None:
    told.source.snapshot = telling(replace(world(), policies=(), services=()))
    told.run()
    row = Schedule.objects.get()
    delete("schedule", [row.pk], by=BY)
    check = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    assert (check.schedule, str(check)) == (None, "Parity of S1")
    assert latest_parity([row.pk]) == {}


def test_an_override_made_here_is_the_cause(told: Sync) -> None:
    told.run()
    snapshot = told.source.snapshot
    override = Override("O1", NOW + DAY, NOW + 2 * DAY, person("U3"))
    with_override = replace(world().schedules[0], overrides=(override,))
    told.source.snapshot = replace(snapshot, schedules=(with_override,))  # told, but not drawn
    run = told.run()
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert [(d["cause"], d["ours"]) for d in check.differences] == [("override", [f"person:{told.connection.pk}:U3"])]


def test_a_red_clock_change_shows_until_it_is_over(told: Sync) -> None:
    told.run()
    row = Schedule.objects.get()
    coming, later = ParityCheck.objects.filter(basis=ParityBasis.TRANSITION).order_by("until")
    ParityCheck.objects.filter(pk=coming.pk).update(equal_seconds=1)
    assert latest_parity([row.pk])[row.pk] == coming
    with TestCase().assertNumQueries(1):
        latest_parity([row.pk])
    ParityCheck.objects.filter(pk=coming.pk).update(until=timezone.now() - timedelta(days=1))
    assert latest_parity([row.pk])[row.pk].basis == ParityBasis.SYNC
    ParityCheck.objects.filter(basis=ParityBasis.SYNC).update(equal_seconds=2)
    ParityCheck.objects.filter(pk=later.pk).update(equal_seconds=1)
    assert latest_parity([row.pk])[row.pk].basis == ParityBasis.SYNC


def test_only_the_last_measurements_of_each_basis_are_kept(told: Sync) -> None:
    told.run()
    check = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    rows = [replace_pk(check) for _ in range(KEPT - 1)]
    ParityCheck.objects.bulk_create(rows)
    newest = LatestChecks(told.connection)
    assert (len(newest), newest.kept["S1", "sync"], newest.kept["S1", "transition"]) == (2, KEPT, 2)
    store(told.connection, [], newest, at=timezone.now())
    assert ParityCheck.objects.count() == KEPT + 2
    told.source.snapshot = telling(replace(world(), fetched_at=NOW + 2 * DAY))
    told.run()
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == KEPT
    assert ParityCheck.objects.filter(basis=ParityBasis.TRANSITION).count() == 2
    assert not ParityCheck.objects.filter(pk=check.pk).exists()


def replace_pk(check: ParityCheck) -> ParityCheck:
    fields = {f.attname: getattr(check, f.attname) for f in ParityCheck._meta.concrete_fields if f.attname != "id"}
    return ParityCheck(**fields)

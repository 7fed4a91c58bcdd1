"""The last phase of a run compares every schedule with the source's rendering, and stores the results."""

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
def rendered_sync(sync: Sync) -> Sync:
    """A source that reports its own rendering with each read. For other times it needs one call each."""
    sync.source.snapshot = telling(world())
    requests: list[tuple[str, int, int]] = []

    def rendered(ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        sync.source.calls += len(ids)
        requests.extend((id_, since, until) for id_ in ids)
        return of_source(sync.source.snapshot, ids, since, until)

    sync.source.rendered = rendered
    sync.requests = requests  # type: ignore[attr-defined]
    return sync


def test_every_sync_compares_the_next_days_and_the_days_around_clock_changes(rendered_sync: Sync) -> None:
    run = rendered_sync.run()
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
    key = f"person:{rendered_sync.connection.pk}:U1"
    assert first.source_spans[0][2] == [key]
    assert latest_parity([row.pk]) == {row.pk: first}


def test_a_schedule_that_differs_is_counted_and_noted_and_the_run_succeeds(rendered_sync: Sync) -> None:
    other = world().schedules[0]
    moved = replace(other, layers=(layer("U1", "U2", "U1", anchor="2026-01-05T10:00:00"),))
    wrong = telling(replace(world(), schedules=(moved,)))
    rendered_sync.source.snapshot = replace(world(), rendered=wrong.rendered, rendered_range=wrong.rendered_range)
    run = rendered_sync.run()
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


def test_a_check_without_comparison_has_a_reason(rendered_sync: Sync) -> None:
    unsettled = schedule("S2", "Night", layer("U2"), zone="Mars/Phobos")
    silent = schedule("S3", "Day", layer("U2"))
    snapshot = telling(replace(world(), schedules=(*world().schedules, unsettled, silent)))
    rendered = {**snapshot.rendered, "S2": ()}
    del rendered["S3"]
    rendered_sync.source.snapshot = replace(snapshot, rendered=rendered)
    run = rendered_sync.run()
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


def test_a_person_without_a_row_is_unresolved(rendered_sync: Sync) -> None:
    snapshot = rendered_sync.source.snapshot
    rendered = {"S1": (Span(NOW, NOW + 14 * DAY, (person("U9"),)),)}
    rendered_sync.source.snapshot = replace(snapshot, rendered=rendered)
    run = rendered_sync.run()
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert check.unresolved == [f"person:{rendered_sync.connection.pk}:U9"]
    assert {d["cause"] for d in check.differences} == {"unresolved person"}


def test_the_next_days_are_fetched_if_the_read_reports_no_rendering(rendered_sync: Sync) -> None:
    rendered_sync.source.snapshot = world()
    requests: list[tuple[str, int, int]] = rendered_sync.requests  # type: ignore[attr-defined]
    run = rendered_sync.run()
    assert run.counts["schedule"]["parity_equal"] == 1
    assert [check.basis for check in run.parity_checks.order_by("id")] == ["sync", "transition", "transition"]
    assert requests[0] == ("S1", NOW, NOW + 14 * DAY)
    assert run.calls == len(requests) == 3


def test_a_reviewed_plan_without_a_rendering_is_compared_when_it_is_applied(rendered_sync: Sync) -> None:
    rendered_sync.source.snapshot = world()
    plan = rendered_sync.plan()
    assert plan.calls == 0
    assert rendered_sync.apply(plan).parity_checks.filter(basis=ParityBasis.SYNC).get().is_compared


def test_schedules_that_were_compared_longest_ago_come_first(rendered_sync: Sync) -> None:
    many = tuple(schedule(f"S{i:03}", f"Team {i}", layer("U1"), zone="Asia/Kolkata") for i in range(50))
    rendered_sync.source.snapshot = replace(world(), schedules=many, policies=(), services=())
    requests: list[tuple[str, int, int]] = rendered_sync.requests  # type: ignore[attr-defined]
    for _ in range(2):
        rendered_sync.source.calls = 0
        assert rendered_sync.run().calls == MOST_CALLS_AHEAD
    assert [id_ for id_, _, _ in requests[:50]] == [one.external_id for one in many]
    assert {id_ for id_, _, _ in requests[50:]} < {id_ for id_, _, _ in requests[:40]}


def test_a_reviewed_plan_is_compared_with_the_read_it_was_made_from(rendered_sync: Sync) -> None:
    plan = rendered_sync.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    assert not ParityCheck.objects.exists()
    assert SourceRendering.from_json(plan.checkpoint["told"]) == SourceRendering.of(rendered_sync.source.snapshot)
    rendered_sync.source.snapshot = world()  # later reads report no rendering, so the stored rendering is used
    rendered_sync.source.rendered = lambda ids, since, until: {}
    run = rendered_sync.apply(plan)
    assert run.parity_checks.get(basis=ParityBasis.SYNC).equal_seconds == 14 * DAY
    assert "told" not in run.checkpoint


def test_an_old_plan_is_compared_with_a_new_read(rendered_sync: Sync) -> None:
    plan = rendered_sync.plan()
    type(plan).objects.filter(pk=plan.pk).update(planned_at=timezone.now() - timedelta(hours=1))
    later = replace(world(), fetched_at=NOW + DAY)
    rendered_sync.source.snapshot = telling(later)
    run = rendered_sync.apply(plan)
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert int(check.since.timestamp()) == NOW + DAY


def test_a_second_sync_confirms_the_checks_without_a_call(rendered_sync: Sync) -> None:
    first = rendered_sync.run()
    rendered_sync.source.calls = 0
    rendered_sync.source.snapshot = telling(replace(world(), fetched_at=NOW + 3600))
    again = rendered_sync.run()
    assert again.calls == 0
    assert ParityCheck.objects.count() == 3
    check = again.parity_checks.get()
    assert (check.basis, int(check.since.timestamp())) == ("sync", NOW)
    assert check.measured_at > first.finished_at
    rendered_sync.source.snapshot = telling(replace(world(), fetched_at=NOW + DAY))
    rendered_sync.run()
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == 2


def test_equality_with_a_schedule_read_in_part_is_a_result_of_its_own(rendered_sync: Sync) -> None:
    rendered_sync.run()
    snapshot = rendered_sync.source.snapshot
    (primary,), (ana, *others) = snapshot.schedules, snapshot.users
    partly = {
        "schedules": (replace(primary, unread={"overrides": 2}),),
        "users": (replace(ana, unread={"substitutions": 1}), *others),
    }
    rendered_sync.source.change(**partly)
    for _ in range(2):
        rendered_sync.run()
        checks = ParityCheck.objects.filter(basis=ParityBasis.SYNC).order_by("pk")
        assert [check.note for check in checks] == [
            "", "compared without 2 overrides and 1 substitution that could not be read",
        ]  # fmt: skip
        assert not checks[1].differs
    rendered_sync.source.change(schedules=(replace(partly["schedules"][0], layers=(layer("U2", "U2", "U1"),)),))
    run = rendered_sync.run()
    note = next(each["message"] for each in run.notes if each["code"] == "parity")
    assert note.endswith(": unread element; compared without 2 overrides and 1 substitution that could not be read.")


def test_a_different_result_in_between_leads_to_a_new_check(rendered_sync: Sync) -> None:
    rendered_sync.run()
    old = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    ParityCheck.objects.create(
        connection=rendered_sync.connection,
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
    rendered_sync.run()
    assert not latest_parity([old.schedule_id])[old.schedule_id].differs
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == 2


def test_clock_changes_are_compared_again_after_a_change_or_a_week(rendered_sync: Sync) -> None:
    rendered_sync.run()
    rendered_sync.source.calls = 0
    renamed = replace(world().schedules[0], name="First")
    rendered_sync.source.snapshot = telling(replace(world(), schedules=(renamed,)))
    assert rendered_sync.run().calls == 2
    rendered_sync.source.calls = 0
    assert rendered_sync.run().calls == 0
    ParityCheck.objects.update(measured_at=timezone.now() - timedelta(days=8))
    assert rendered_sync.run().calls == 2


def test_clock_changes_are_fetched_with_limited_calls_new_schedules_first(rendered_sync: Sync) -> None:
    many = tuple(schedule(f"S{i:03}", f"Team {i}", layer("U1", "U2")) for i in range(MOST_CALLS))
    kolkata = schedule("T1", "East", layer("U1"), zone="Asia/Kolkata")
    rendered_sync.source.snapshot = telling(replace(world(), schedules=(*many, kolkata), policies=(), services=()))
    requests: list[tuple[str, int, int]] = rendered_sync.requests  # type: ignore[attr-defined]
    for _ in range(2):
        rendered_sync.source.calls = 0
        run = rendered_sync.run()
        assert run.calls == MOST_CALLS
    assert len({id_ for id_, _, _ in requests}) == len(requests) / 2 == MOST_CALLS
    assert run.counts["schedule"]["parity_equal"] == MOST_CALLS + 1


def test_a_source_that_fails_around_clock_changes_fails_nothing(rendered_sync: Sync) -> None:
    def failing(ids: Sequence[str], since: int, until: int) -> Any:
        raise ProviderUnavailable("It is down.", hint="Try later.", provider="pagerduty")

    rendered_sync.source.rendered = failing
    run = rendered_sync.run()
    assert run.state == RunState.SUCCEEDED
    assert run.parity_checks.get().basis == ParityBasis.SYNC
    (note,) = [note for note in run.notes if note["code"] == "parity_not_measured"]
    assert note["message"] == "Not every schedule could be compared with the source's own rendering: It is down."


def test_a_cancelled_run_stores_no_measurement(rendered_sync: Sync) -> None:
    def stopping(ids: Sequence[str], since: int, until: int) -> Any:
        assert cancel(rendered_sync.profile.runs.get())
        rendered_sync.source.should_stop()  # the next progress finds the claim gone
        raise ReadStopped("Stopped.", hint="", provider="pagerduty")

    rendered_sync.source.rendered = stopping
    assert rendered_sync.run().state == RunState.CANCELLED
    assert not ParityCheck.objects.exists()
    assert Schedule.objects.count() == 1


def test_a_run_that_lost_its_claim_stores_no_measurement(rendered_sync: Sync) -> None:
    def unnoticed(ids: Sequence[str], since: int, until: int) -> Any:
        cancel(rendered_sync.profile.runs.get())
        return {}

    rendered_sync.source.rendered = unnoticed
    assert rendered_sync.run().state == RunState.CANCELLED
    assert not ParityCheck.objects.exists()


def test_a_limited_run_compares_what_it_read(rendered_sync: Sync) -> None:
    two = (*world().schedules, schedule("S2", "Second", layer("U1", "U2")))
    rendered_sync.source.snapshot = telling(replace(world(), schedules=two))
    rendered_sync.run()
    rendered_sync.source.snapshot = telling(replace(world(), fetched_at=NOW + 2 * DAY))
    run = rendered_sync.run(RunKind.APPLY, only=[("schedule", "S1")])
    assert [check.external_id for check in run.parity_checks.all()] == ["S1"]


def test_a_deleted_schedule_leaves_its_measurements(rendered_sync: Sync) -> None:
    rendered_sync.source.snapshot = telling(replace(world(), policies=(), services=()))
    rendered_sync.run()
    row = Schedule.objects.get()
    delete("schedule", [row.pk], by=BY)
    check = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    assert (check.schedule, str(check)) == (None, "Parity of S1")
    assert latest_parity([row.pk]) == {}


def test_an_override_made_here_is_the_cause(rendered_sync: Sync) -> None:
    rendered_sync.run()
    snapshot = rendered_sync.source.snapshot
    override = Override("O1", NOW + DAY, NOW + 2 * DAY, person("U3"))
    with_override = replace(world().schedules[0], overrides=(override,))
    rendered_sync.source.snapshot = replace(snapshot, schedules=(with_override,))  # reported, but not rendered
    run = rendered_sync.run()
    check = run.parity_checks.get(basis=ParityBasis.SYNC)
    assert [(d["cause"], d["ours"]) for d in check.differences] == [
        ("override", [f"person:{rendered_sync.connection.pk}:U3"])
    ]


def test_a_difference_at_a_clock_change_shows_until_it_is_over(rendered_sync: Sync) -> None:
    rendered_sync.run()
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


def test_only_the_last_measurements_of_each_basis_are_kept(rendered_sync: Sync) -> None:
    rendered_sync.run()
    check = ParityCheck.objects.get(basis=ParityBasis.SYNC)
    rows = [replace_pk(check) for _ in range(KEPT - 1)]
    ParityCheck.objects.bulk_create(rows)
    last_checks = LatestChecks(rendered_sync.connection)
    assert (len(last_checks), last_checks.kept["S1", "sync"], last_checks.kept["S1", "transition"]) == (2, KEPT, 2)
    store(rendered_sync.connection, [], last_checks, at=timezone.now())
    assert ParityCheck.objects.count() == KEPT + 2
    rendered_sync.source.snapshot = telling(replace(world(), fetched_at=NOW + 2 * DAY))
    rendered_sync.run()
    assert ParityCheck.objects.filter(basis=ParityBasis.SYNC).count() == KEPT
    assert ParityCheck.objects.filter(basis=ParityBasis.TRANSITION).count() == 2
    assert not ParityCheck.objects.filter(pk=check.pk).exists()


def replace_pk(check: ParityCheck) -> ParityCheck:
    fields = {f.attname: getattr(check, f.attname) for f in ParityCheck._meta.concrete_fields if f.attname != "id"}
    return ParityCheck(**fields)

"""Sources that tell several schedules in one call, or that tell a limited time only."""

from collections.abc import Mapping, Sequence

import pytest

from connectors.records import SourceTeam
from oncall.rendering.final import Span
from syncjobs.models import ParityBasis
from tests.syncjobs.conftest import NOW, Sync, layer, schedule

DAY = 86_400
pytestmark = pytest.mark.django_db

WalkQuery = list[tuple[dict[str, tuple[str, ...]], int, int]]


@pytest.fixture
def asked(sync: Sync) -> WalkQuery:
    """Of each call the schedules with their groups, and the range. Five schedules in two zones, read without their
    rendering; three are told in one call."""
    zones = {
        "S1": "Europe/Paris",
        "S2": "Asia/Kolkata",
        "S3": "Europe/Paris",
        "S4": "Europe/Paris",
        "S5": "Europe/Paris",
    }
    sync.source.change(
        teams=(SourceTeam("T1", "Platform", members=()), SourceTeam("T2", "Payments", members=())),
        schedules=tuple(
            schedule(id_, f"{id_} of all", layer("U1", "U2"), zone=zone, group_ids=("T1",) if id_ < "S3" else ("T2",))
            for id_, zone in zones.items()
        ),
        policies=(),
        services=(),
    )
    calls: WalkQuery = []

    def rendered(schedules: Mapping[str, Sequence[str]], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        sync.source.calls += 1
        calls.append(({id_: tuple(groups) for id_, groups in schedules.items()}, since, until))
        return dict.fromkeys(schedules, ())

    sync.source.rendered = rendered
    sync.source.rendered_together = 3
    return calls


def test_schedules_that_are_due_in_the_same_time_are_asked_for_together_with_their_groups(
    sync: Sync, asked: WalkQuery
) -> None:
    run = sync.run()
    ahead, around = asked[:2], asked[2:]
    assert [call[0] for call in ahead] == [
        {"S1": ("T1",), "S2": ("T1",), "S3": ("T2",)},
        {"S4": ("T2",), "S5": ("T2",)},
    ]
    assert [list(call[0]) for call in around] == [["S1", "S3", "S4"]] * 2 + [["S5"]] * 2
    assert {call[1:] for call in ahead} == {(NOW, NOW + 14 * DAY)}
    assert run.calls == 6
    assert run.parity_checks.count() == 5 + 2 * 4


def test_what_the_source_never_tells_is_not_asked_for_and_says_so(sync: Sync, asked: WalkQuery) -> None:
    sync.source.rendered_range = lambda: (NOW, NOW + 30 * DAY)
    run = sync.run()
    assert len(asked) == 2
    notes = set(run.parity_checks.filter(basis=ParityBasis.TRANSITION).values_list("note", flat=True))
    assert notes == {"the source tells its own rendering only until 2026-12-20T12:00:00Z"}
    sync.source.rendered_range = lambda: (NOW + DAY, NOW + 90 * DAY)
    run = sync.run()
    notes = set(run.parity_checks.filter(basis=ParityBasis.SYNC).values_list("note", flat=True))
    assert notes == {"the source tells its own rendering only from 2026-11-21T12:00:00Z on"}


def test_a_schedule_whose_zone_is_open_is_not_asked_for(sync: Sync, asked: WalkQuery) -> None:
    open_ = schedule("S1", "Open", layer("U1"), zone="Mars/Phobos")
    sync.source.change(schedules=(open_,))
    run = sync.run()
    assert asked == []
    assert run.parity_checks.get().note == "its time zone is not settled"

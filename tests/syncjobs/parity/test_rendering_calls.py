"""Sources that render several schedules in one call, or only a limited time."""

from collections.abc import Mapping, Sequence

import pytest

from connectors.records import SourceTeam
from oncall.rendering.final import Span
from syncjobs.models import ParityBasis
from tests.syncjobs.conftest import NOW, Sync, layer, schedule

DAY = 86_400
pytestmark = pytest.mark.django_db

Calls = list[tuple[dict[str, tuple[str, ...]], int, int]]


@pytest.fixture
def calls(sync: Sync) -> Calls:
    """The calls to the source, each with its schedules, their groups and the range.

    There are five schedules in two zones. They are read without their rendering; one call renders up to three.
    """
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
    made: Calls = []

    def rendered(schedules: Mapping[str, Sequence[str]], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        sync.source.calls += 1
        made.append(({id_: tuple(groups) for id_, groups in schedules.items()}, since, until))
        return dict.fromkeys(schedules, ())

    sync.source.rendered = rendered
    sync.source.rendered_together = 3
    return made


def test_schedules_with_the_same_range_are_requested_together_with_their_groups(sync: Sync, calls: Calls) -> None:
    run = sync.run()
    ahead, around = calls[:2], calls[2:]
    assert [call[0] for call in ahead] == [
        {"S1": ("T1",), "S2": ("T1",), "S3": ("T2",)},
        {"S4": ("T2",), "S5": ("T2",)},
    ]
    assert [list(call[0]) for call in around] == [["S1", "S3", "S4"]] * 2 + [["S5"]] * 2
    assert {call[1:] for call in ahead} == {(NOW, NOW + 14 * DAY)}
    assert run.calls == 6
    assert run.parity_checks.count() == 5 + 2 * 4


def test_a_range_that_the_source_does_not_render_is_not_requested(sync: Sync, calls: Calls) -> None:
    sync.source.rendered_range = lambda: (NOW, NOW + 30 * DAY)
    run = sync.run()
    assert len(calls) == 2
    notes = set(run.parity_checks.filter(basis=ParityBasis.TRANSITION).values_list("note", flat=True))
    assert notes == {"the source reports its own rendering only until 2026-12-20T12:00:00Z"}
    sync.source.rendered_range = lambda: (NOW + DAY, NOW + 90 * DAY)
    run = sync.run()
    notes = set(run.parity_checks.filter(basis=ParityBasis.SYNC).values_list("note", flat=True))
    assert notes == {"the source reports its own rendering only from 2026-11-21T12:00:00Z on"}


def test_a_schedule_without_a_settled_zone_is_not_requested(sync: Sync, calls: Calls) -> None:
    open_ = schedule("S1", "Open", layer("U1"), zone="Mars/Phobos")
    sync.source.change(schedules=(open_,))
    run = sync.run()
    assert calls == []
    assert run.parity_checks.get().note == "its time zone is not settled"

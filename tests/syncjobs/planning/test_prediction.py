"""Rotation state that moves by itself at the source gives no item, whenever it is read; an edit gives one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceSchedule
from connectors.simulator.xmatters.model import Rotation, Seat, Shift
from oncall.aggregates import State
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import Always, ByTime, Everyone, Layer, person
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.plan import by_kind, make_plan
from syncjobs.planning.prediction import as_predicted
from syncjobs.planning.values import Base, Item, LinkDetail, LinkView, Picture, Proposal, Rules
from tests.connectors.providers.xmatters.rotating import DAY, HOUR, instants, read, simulated, when
from tests.syncjobs.conftest import schedule

#: A rotation, by zone, first start of its shift, unit, interval, and first change.
OWN_START = [
    ("Europe/Berlin", when(2025, 1, 6, 2, 30), "DAYS", 1, None),
    ("America/New_York", when(2025, 1, 6, 2, 30), "DAYS", 3, None),
    ("Africa/Cairo", when(2025, 1, 6), "DAYS", 1, None),
    ("Africa/Cairo", when(2025, 1, 3), "WEEKS", 1, None),
    ("Australia/Lord_Howe", when(2025, 1, 5, 2, 15), "WEEKS", 2, None),
    ("Europe/Berlin", when(2025, 1, 31, 2, 30), "MONTHS", 1, None),
    ("America/New_York", when(2024, 2, 29, 9), "MONTHS", 12, None),
    ("Africa/Cairo", when(2025, 1, 31), "MONTHS", 2, None),
    ("Europe/Berlin", when(2025, 1, 6, 2, 30), "SHIFTS", 1, None),
    ("Africa/Cairo", when(2025, 1, 6, 20), "SHIFTS", 2, None),
]
ANOTHER_TIME = [
    ("Europe/Berlin", when(2025, 1, 6, 9), "DAYS", 1, when(2025, 1, 6, 2, 30)),
    ("America/New_York", when(2025, 1, 6, 9), "DAYS", 2, when(2025, 1, 6, 2, 30)),
    ("Africa/Cairo", when(2025, 1, 6, 9), "DAYS", 1, when(2025, 1, 6)),
    ("Africa/Cairo", when(2025, 1, 6, 9), "WEEKS", 1, when(2025, 1, 10)),
    ("Europe/Berlin", when(2025, 1, 6, 9), "MONTHS", 1, when(2025, 1, 31, 12)),
    ("Europe/Berlin", when(2025, 1, 6, 9), "MONTHS", 1, when(2025, 1, 30, 2, 30)),
    ("Africa/Cairo", when(2025, 1, 6, 9), "MONTHS", 3, when(2025, 1, 31)),
]


class Synced:
    """One schedule that is read again and again; what is planned for it is applied."""

    def __init__(self) -> None:
        self.settled: dict[str, Any] = {}
        self.hash = ""

    def sync(self, told: SourceSchedule, instant: int) -> Item | None:
        now = instant_to_text(instant)
        proposal = Proposer(3, now, {}).propose(told)
        links: Any = {kind: {} for kind in ("responder", "user_group", "schedule", "escalation_policy", "service")}
        details = {}
        if self.settled:
            view = LinkView(1, told.external_id, "linked", 1, self.hash, 1, 7, 1)
            links["schedule"][told.external_id] = view
            local = State(dict(self.settled), {}, 7, 1)
            details[1] = LinkDetail(Base(self.settled), {}, local, primary=True)
        picture = Picture(links, details, dict.fromkeys(links, ()), {}, frozenset(), {}, ())
        rules = Rules("ask", {}, now, 3, "xMatters")
        plan = make_plan(by_kind([proposal]), picture, rules, complete={})
        if not plan.items:
            return None
        (item,) = plan.items
        self.settled |= item.base["fields"]
        self.hash = item.fingerprint
        return item


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("zone", "start", "unit", "interval", "change"), OWN_START + ANOTHER_TIME)
def test_eleven_hundred_days_of_reading_give_one_item_the_first(
    zone: str, start: int, unit: str, interval: int, change: int | None, last: bool
) -> None:
    """Read every 25 hours, from the first read that tells all about the rotation: past handoffs in skipped and repeated
    hours, at midnights that do not exist, and on the last days of months."""
    shift = simulated(zone, start, unit, interval, change=change, last=last)
    synced = Synced()
    items = [item for instant in told_from(shift) if (item := synced.sync(read(shift, instant), instant))]
    assert [item.action for item in items] == ["create"]


def told_from(shift: Shift) -> list[int]:
    """The instants of reading from the first on that tells all; several shifts to a turn never do."""
    times = list(instants(shift, 25 * HOUR))
    first = 0 if several_shifts_to_a_turn(shift) else next(n for n, at in enumerate(times) if tells_all(shift, at))
    assert first < 60
    return times[first:]


def tells_all(shift: Shift, instant: int) -> bool:
    findings = Findings(VENDOR)
    read(shift, instant, findings)
    return all(note.code != "rotation_time_open" for note in findings.notes)


def several_shifts_to_a_turn(shift: Shift) -> bool:
    return shift.rotation is not None and shift.rotation.trigger == "shift" and shift.rotation.interval > 1


def test_a_first_read_that_leaves_the_day_open_is_put_right_once() -> None:
    """Read first in February, a rotation on the 31st looks like one on the 28th; March tells."""
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), "MONTHS", 1, change=when(2025, 1, 31, 12))
    synced = Synced()
    times = [at for at in instants(shift) if at > when(2025, 2, 3)]
    assert not tells_all(shift, times[0])
    items = [item for at in times if (item := synced.sync(read(shift, at), at))]
    assert [(item.action, [*item.fields]) for item in items] == [("create", [*items[0].fields]), ("update", ["layers"])]


def test_another_edit_at_a_moment_that_leaves_the_rotation_open_is_one_item_and_no_echo() -> None:
    """A description changed while the next change falls into a skipped hour: the rotation stays out of the item, and
    the next read, which tells all again, finds nothing."""
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), "DAYS", 1, change=when(2025, 1, 6, 2, 30))
    synced = Synced()
    before, open_, after = (when(2025, 3, 28, 12), when(2025, 3, 29, 12), when(2025, 3, 30, 12))
    assert [tells_all(shift, at) for at in (before, open_, after)] == [True, False, True]
    synced.sync(read(shift, before), before)
    item = synced.sync(replace(read(shift, open_), description="Mind the gap"), open_)
    assert item is not None and [*item.fields] == ["description"]
    assert synced.sync(replace(read(shift, after), description="Mind the gap"), after) is None


def test_an_alert_moves_everybody_on_and_is_no_change() -> None:
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), "ALERTS", 1)
    assert shift.rotation is not None
    synced = Synced()
    now = when(2025, 1, 7)
    first = synced.sync(read(shift, now), now)
    assert first is not None and first.action == "create"
    for alerts in range(1, 8):
        shift = replace(shift, rotation=replace(shift.rotation, alerts=alerts))
        assert synced.sync(read(shift, now), now) is None


def _swapped(shift: Shift) -> Shift:
    ana, walt, bo, cy = shift.seats
    return replace(shift, seats=[bo, walt, replace(ana, delay=10), cy])


def _joined(shift: Shift) -> Shift:
    return replace(shift, seats=[*shift.seats, Seat(("PERSON", "DEE"), 30)])


def _turned(**changes: Any) -> Callable[[Shift], Shift]:
    def edit(shift: Shift) -> Shift:
        assert isinstance(shift.rotation, Rotation)
        return replace(shift, rotation=replace(shift.rotation, **changes))

    return edit


@pytest.mark.parametrize("unit", ["DAYS", "ALERTS", "SHIFTS"])
@pytest.mark.parametrize("edit", [_swapped, _joined])
def test_people_who_change_seats_or_join_are_a_change(unit: str, edit: Callable[[Shift], Shift]) -> None:
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), unit, 1)
    assert _edited(shift, edit) == ["layers"]


@pytest.mark.parametrize(
    "edit",
    [
        _turned(interval=2),
        _turned(unit="WEEKS"),
        _turned(direction="LAST_TO_FIRST"),
        _turned(first=when(2025, 1, 6, 10)),
        _turned(settled=1),
        _turned(trigger="shift", type="COVERAGE_ROTATION"),
    ],
)
def test_another_rotation_is_a_change(edit: Callable[[Shift], Shift]) -> None:
    shift = simulated("Etc/UTC", when(2025, 1, 6, 9), "DAYS", 1)
    assert _edited(shift, edit) == ["layers"]


def _edited(shift: Shift, edit: Callable[[Shift], Shift]) -> list[str]:
    """The fields of the item that an edit gives."""
    synced = Synced()
    now = when(2025, 1, 7)
    synced.sync(read(shift, now), now)
    item = synced.sync(read(edit(shift), now), now)
    return [] if item is None else [*item.fields]


# --- one record at a time --------------------------------------------------------------------------------------------

NOW = when(2026, 3, 28, 12)


def proposed(anchor: int, *people: str, zone: str | None = "Europe/Berlin", own: str | None = None) -> Proposal:
    rotation = ByTime(anchor, DAY)
    layer = Layer("1", "1", (Always(),), rotation, tuple(person(one) for one in people), zone=own)
    return Proposer(3, instant_to_text(NOW), {}).propose(schedule("S", "S", layer, zone=zone))


def test_a_predicted_proposal_has_the_fingerprint_of_what_predicts_it() -> None:
    settled, read_ = proposed(when(2026, 3, 1, 2, 30), "A", "B"), proposed(when(2026, 3, 1, 3), "A", "B")
    assert settled.fingerprint != read_.fingerprint
    assert as_predicted(read_, Base(settled.fields), instant_to_text(NOW)) == settled


@pytest.mark.parametrize(
    ("settled", "read_"),
    [
        (Base({}), proposed(when(2026, 3, 1, 3), "A", "B")),
        (Base(proposed(when(2026, 3, 1, 2, 30), "B", "A").fields), proposed(when(2026, 3, 1, 3), "A", "B")),
        (Base(proposed(when(2026, 3, 1, 1, 30), "A", "B").fields), proposed(when(2026, 3, 1, 3), "A", "B")),
        (
            Base(proposed(when(2026, 3, 1, 2, 30), "A", "B", zone=None).fields),
            proposed(when(2026, 3, 1, 3), "A", "B", zone=None),
        ),
        (
            Base(proposed(when(2026, 3, 1, 2, 30), "A", "B", own="Etc/UTC").fields),
            proposed(when(2026, 3, 1, 3), "A", "B", own="Etc/UTC"),
        ),
    ],
    ids=["never settled", "another order", "another hour", "unknown zone", "zone of the layer"],
)
def test_what_is_not_predicted_stays_as_read(settled: Base, read_: Proposal) -> None:
    assert as_predicted(read_, settled, instant_to_text(NOW)) is read_


def test_layers_that_do_not_turn_are_never_predicted() -> None:
    layer = Layer("1", "1", (Always(),), Everyone(), (person("A"),))
    other = replace(layer, participants=(person("B"),))
    one, two = (Proposer(3, instant_to_text(NOW), {}).propose(schedule("S", "S", each)) for each in (layer, other))
    assert as_predicted(two, Base(one.fields), instant_to_text(NOW)) is two


def test_a_zone_settled_here_counts_where_the_source_leaves_it_open() -> None:
    settled = proposed(when(2026, 3, 1, 2, 30), "A", "B")
    read_ = proposed(when(2026, 3, 1, 3), "A", "B", zone=None)
    made = as_predicted(read_, Base(settled.fields), instant_to_text(NOW))
    assert made.fields["layers"] == settled.fields["layers"]

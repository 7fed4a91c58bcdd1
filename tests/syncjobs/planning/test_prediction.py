"""A rotation that moves on at the source gives no item at any time of the read; an edit gives an item."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.presence import Presence
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceSchedule
from connectors.simulator.xmatters.model import Rotation, Seat, Shift
from oncall.aggregates import State
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import Always, ByTime, Everyone, Layer, person
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.moving.prediction import as_predicted
from syncjobs.planning.plan import by_kind, make_plan
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
    """A schedule that is read repeatedly, and whose planned items are applied."""

    def __init__(self) -> None:
        self.settled: dict[str, Any] = {}
        self.hash = ""

    def sync(self, record: SourceSchedule, instant: int) -> Item | None:
        now = instant_to_text(instant)
        proposal = Proposer(3, now, {}).propose(record)
        links: Any = {kind: {} for kind in ("responder", "user_group", "schedule", "escalation_policy", "service")}
        details = {}
        if self.settled:
            view = LinkView(1, record.external_id, "linked", 1, self.hash, 1, 7, 1)
            links["schedule"][record.external_id] = view
            local = State(dict(self.settled), {}, 7, 1)
            details[1] = LinkDetail(Base(self.settled), {}, local, primary=True)
        picture = Picture(links, details, dict.fromkeys(links, ()), {}, frozenset(), {}, ())
        rules = Rules("ask", {}, now, 3, "xMatters")
        plan = make_plan(
            by_kind([proposal]),
            picture,
            rules,
            presence=lambda kind, external_id: Presence("absent"),
            check=lambda kind, fields, elements: None,
        )
        if not plan.items:
            return None
        (item,) = plan.items
        self.settled |= item.base["fields"]
        self.hash = item.fingerprint
        return item


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("zone", "start", "unit", "interval", "change"), OWN_START + ANOTHER_TIME)
def test_only_the_first_of_many_reads_gives_an_item(
    zone: str, start: int, unit: str, interval: int, change: int | None, last: bool
) -> None:
    """For 1100 days, the schedule is read every 25 hours, from the first read that determines the whole rotation.

    Handoffs fall into skipped and repeated hours, on missing midnights and on the last days of months.
    """
    shift = simulated(zone, start, unit, interval, change=change, last=last)
    synced = Synced()
    items = [item for instant in instants_of_reads(shift) if (item := synced.sync(read(shift, instant), instant))]
    assert [item.action for item in items] == ["create"]


def instants_of_reads(shift: Shift) -> list[int]:
    """Return the instants of the reads from the first that determines the whole rotation.

    With several shifts in a turn, no read does, so all are returned.
    """
    times = list(instants(shift, 25 * HOUR))
    if has_several_shifts_in_a_turn(shift):
        return times
    first = next(number for number, at in enumerate(times) if determines_rotation(shift, at))
    assert first < 60
    return times[first:]


def determines_rotation(shift: Shift, instant: int) -> bool:
    findings = Findings(VENDOR)
    read(shift, instant, findings)
    return all(note.code != "rotation_time_open" for note in findings.notes)


def has_several_shifts_in_a_turn(shift: Shift) -> bool:
    return shift.rotation is not None and shift.rotation.trigger == "shift" and shift.rotation.interval > 1


def test_a_first_read_with_an_unknown_day_is_corrected_once() -> None:
    """A rotation on the 31st looks like a rotation on the 28th in February. The first read in March corrects it."""
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), "MONTHS", 1, change=when(2025, 1, 31, 12))
    synced = Synced()
    times = [at for at in instants(shift) if at > when(2025, 2, 3)]
    assert not determines_rotation(shift, times[0])
    items = [item for at in times if (item := synced.sync(read(shift, at), at))]
    assert [(item.action, [*item.fields]) for item in items] == [("create", [*items[0].fields]), ("update", ["layers"])]


def test_another_edit_while_the_rotation_is_unknown_gives_one_item() -> None:
    """The description changes while the next handoff falls into a skipped hour. The item does not contain the rotation,
    and the next read, which determines the rotation again, gives no item."""
    shift = simulated("Europe/Berlin", when(2025, 1, 6, 9), "DAYS", 1, change=when(2025, 1, 6, 2, 30))
    synced = Synced()
    before, open_, after = (when(2025, 3, 28, 12), when(2025, 3, 29, 12), when(2025, 3, 30, 12))
    assert [determines_rotation(shift, at) for at in (before, open_, after)] == [True, False, True]
    synced.sync(read(shift, before), before)
    item = synced.sync(replace(read(shift, open_), description="Mind the gap"), open_)
    assert item is not None and [*item.fields] == ["description"]
    assert synced.sync(replace(read(shift, after), description="Mind the gap"), after) is None


def test_a_handoff_by_alert_is_no_change() -> None:
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
    """Return the fields of the item that an edit gives."""
    synced = Synced()
    now = when(2025, 1, 7)
    synced.sync(read(shift, now), now)
    item = synced.sync(read(edit(shift), now), now)
    return [] if item is None else [*item.fields]


# --- one record at a time --------------------------------------------------------------------------------------------

NOW = when(2026, 3, 28, 12)


def proposed(anchor: int, *people: str, zone: str | None = "Europe/Berlin", own: str | None = None) -> Proposal:
    rotation = ByTime(anchor, DAY)
    layer = Layer("1", "1", (Always(),), rotation, tuple(person(id_) for id_ in people), zone=own)
    return Proposer(3, instant_to_text(NOW), {}).propose(schedule("S", "S", layer, zone=zone))


def test_a_predicted_proposal_has_the_fingerprint_of_the_settled_proposal() -> None:
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


def test_layers_without_turns_by_time_are_never_predicted() -> None:
    layer = Layer("1", "1", (Always(),), Everyone(), (person("A"),))
    other = replace(layer, participants=(person("B"),))
    settled, read_ = (
        Proposer(3, instant_to_text(NOW), {}).propose(schedule("S", "S", each)) for each in (layer, other)
    )
    assert as_predicted(read_, Base(settled.fields), instant_to_text(NOW)) is read_


def test_a_zone_set_here_is_used_if_that_of_the_source_is_unknown() -> None:
    settled = proposed(when(2026, 3, 1, 2, 30), "A", "B")
    read_ = proposed(when(2026, 3, 1, 3), "A", "B", zone=None)
    made = as_predicted(read_, Base(settled.fields), instant_to_text(NOW))
    assert made.fields["layers"] == settled.fields["layers"]

"""Who is on call in the parallel rotations of a schedule, found by walking through time.

The walk visits instants. At each instant it answers for every rotation: is it running, is its window open, whose turn
is it, which override replaces that, and to whom is that person forwarded? These instants are sufficient: readings of a
clock differ from instants by the zone's offset, so handoffs and edges of windows lie on grids (residue, step) whose
step divides the day, every offset and every change of the clock; hourly turns have their own grid. Clips, overrides,
forwardings and the zone's changes are visited too. Tests compare this with a walk over every minute.

Rules (Opsgenie's documentation and recorded timelines): turns of days and weeks are steps of the wall clock, of hours
steps of elapsed time; restrictions hide turns and never stop them; a window whose end is not after its start continues
in the next day or week; an override takes effect for its whole span; the newest override wins; forwarding is applied
last and only once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

from connectors.simulator.atlassian.model import Forwarding, Override, Participant, Rotation, Schedule, Window
from connectors.simulator.zones import DAY, HOUR, WEEK, Stretch, reading_at, stretches

_UNITS = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}


@dataclass(frozen=True, slots=True)
class Period:
    """``kind`` default | override | forwarding. ``mark`` identifies the turn or the override."""

    start: int
    end: int
    recipient: Participant
    kind: str = "default"
    from_user: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Walked:
    """Periods in [since, until) by rotation id, in order of time."""

    base: dict[str, tuple[Period, ...]]
    overridden: dict[str, tuple[Period, ...]]
    forwarded: dict[str, tuple[Period, ...]]
    final: dict[str, tuple[Period, ...]]


_Holder = tuple[Participant, str, str | None, str] | None  # recipient, kind, forwarding user, mark; None = nobody


def _span(window: Window) -> tuple[int, int, int]:
    """Return (first start, period, length) in seconds of the wall clock. Readings begin on a Thursday."""
    start, end = window.start * 60, window.end * 60
    if window.start_day is None or window.end_day is None:
        return start, DAY, (end - start) % DAY or DAY
    days = (window.end_day - window.start_day) * DAY
    return (3 + window.start_day) % 7 * DAY + start, WEEK, (days + end - start) % WEEK or WEEK


def _windows(rotation: Rotation) -> list[tuple[int, int, int]]:
    return [_span(window) for window in rotation.restriction.windows] if rotation.restriction else []


def _visits(
    schedule: Schedule, forwardings: Sequence[Forwarding], since: int, until: int, zone_stretches: Sequence[Stretch]
) -> list[int]:
    """Return the instants to visit in [since, until), in order; ``since`` is the first."""
    unit = DAY
    for stretch in zone_stretches:
        unit = gcd(unit, stretch.offset, stretch.start)
    grids: set[tuple[int, int]] = set()
    visits = {since, *(stretch.start for stretch in zone_stretches)}
    for rotation in schedule.rotations:
        start = int(rotation.start)
        if rotation.unit == "hourly":
            grids.add((start, HOUR * rotation.length))
        else:
            grids.add((reading_at(schedule.time_zone, start), unit))
        for first, _, length in _windows(rotation):
            grids.update(((first, unit), (first + length, unit)))
        visits.update((start, since if rotation.end is None else rotation.end))
    visits.update(moment for one in schedule.overrides for moment in (one.start, one.end))
    visits.update(moment for one in forwardings for moment in (one.start, one.end))
    for residue, step in {(residue % step, step) for residue, step in grids}:
        visits.update(range(since + (residue - since) % step, until, step))
    return sorted(visit for visit in visits if since <= visit < until)


def _turn(rotation: Rotation, zone: str, visit: int, stretch: Stretch) -> int:
    length = rotation.length * _UNITS[rotation.unit]
    if rotation.unit == "hourly":
        return (visit - int(rotation.start)) // length
    reading = visit + stretch.offset
    if visit < stretch.fold_end:  # a repeated hour is counted once
        reading = max(reading, stretch.last_reading_before)
    return (reading - reading_at(zone, int(rotation.start))) // length


def _base(rotation: Rotation, zone: str, visits: Sequence[int], zone_stretches: Sequence[Stretch]) -> Iterator[_Holder]:
    windows = _windows(rotation)
    pending = iter(zone_stretches)
    stretch = next(pending)
    for visit in visits:
        while visit >= stretch.end:
            stretch = next(pending)
        clipped = visit < int(rotation.start) or (rotation.end is not None and visit >= rotation.end)
        reading = visit + stretch.offset
        closed = windows and not any((reading - first) % period < length for first, period, length in windows)
        if clipped or closed or not rotation.participants:
            yield None
            continue
        turn = _turn(rotation, zone, visit, stretch)
        kind, key = rotation.participants[turn % len(rotation.participants)]
        yield None if kind == "none" else ((kind, key), "default", None, str(turn))


def _overriding(overrides: Sequence[Override], rotation: Rotation, visit: int) -> Override | None:
    """Return the newest running override of the rotation."""
    running = (
        one
        for one in reversed(overrides)
        if one.start <= visit < one.end and (not one.rotation_ids or rotation.id in one.rotation_ids)
    )
    return next(running, None)


def _forwarded(held: _Holder, forwardings: Sequence[Forwarding], visit: int) -> _Holder:
    if held is None or held[0][0] != "user":
        return held
    for one in forwardings:
        if one.from_user == held[0][1] and one.start <= visit < one.end:
            return ("user", one.to_user), "forwarding", one.from_user, held[3]
    return held


def _periods(visits: Sequence[int], held: Sequence[_Holder], until: int) -> tuple[Period, ...]:
    periods: list[Period] = []
    begin, current = 0, None
    for visit, now in [*zip(visits, held, strict=True), (until, None)]:
        if now != current:
            if current is not None:
                periods.append(Period(begin, visit, *current))
            begin, current = visit, now
    return tuple(periods)


def walk(schedule: Schedule, forwardings: Sequence[Forwarding], since: int, until: int) -> Walked:
    """Return all periods of [since, until), cut at its ends. An empty range has no periods."""
    walked = Walked({}, {}, {}, {})
    zone_stretches = list(stretches(schedule.time_zone, since, until)) if since < until else []
    visits = _visits(schedule, forwardings, since, until, zone_stretches) if zone_stretches else []
    for rotation in schedule.rotations:
        base = list(_base(rotation, schedule.time_zone, visits, zone_stretches)) if zone_stretches else []
        overriding: list[_Holder] = []
        replaced: list[_Holder] = []
        for visit, held in zip(visits, base, strict=True):
            override = _overriding(schedule.overrides, rotation, visit)
            by: _Holder = None
            if override is not None and override.by[0] != "none":
                by = (override.by, "override", None, override.alias)
            overriding.append(by)
            replaced.append(held if override is None else by)
        final = [_forwarded(held, forwardings, visit) for visit, held in zip(visits, replaced, strict=True)]
        walked.base[rotation.id] = _periods(visits, base, until)
        walked.overridden[rotation.id] = _periods(visits, overriding, until)
        walked.forwarded[rotation.id] = _periods(
            visits, [held if held and held[1] == "forwarding" else None for held in final], until
        )
        walked.final[rotation.id] = _periods(visits, final, until)
    return walked

"""Who is on call in a layer-based schedule, found by walking through time.

The walk visits instants. At each it takes the override, else the first layer in the order of a GET that has somebody.
These instants are sufficient: a turn or window can only begin or end where a reading is congruent to the turn's anchor
or to an edge of the window; readings differ from instants by the zone's offset; so every such instant lies on a grid
(residue, modulus) whose modulus divides the day, all offsets and all changes of the zone. Clips, overrides and the
zone's changes are visited too. Tests compare this with a walk over every minute and every second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from connectors.simulator.pagerduty.model import Layer, Schedule
from connectors.simulator.zones import DAY, WEEK, Stretch, reading_at, stretches

FAR = 97 * DAY + 7_411
"""Seconds around a window in which real ends of entries are searched. Recorded answers end 92..103 days ahead."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``source`` is the id of the override or layer. ``turn`` is the number of the layer's turn (0 for overrides)."""

    start: int
    end: int
    user_id: str
    source: str
    turn: int


Holder = tuple[str, int, str] | None  # (source, turn, user id) at one instant, None = nobody


def monday_offset(weekday: int, second: int) -> int:
    """Return the seconds from the Thursday on which readings begin to the window's first start."""
    return (3 + weekday) % 7 * DAY + second


def _visits(schedule: Schedule, since: int, until: int, zone_stretches: Sequence[Stretch]) -> list[int]:
    """Return the instants to visit in [since, until), in order; ``since`` is the first."""
    unit = DAY
    for stretch in zone_stretches:
        unit = gcd(unit, stretch.offset, stretch.start)
    grids: set[tuple[int, int]] = set()
    visits = {since}
    for layer in schedule.layers:
        step = gcd(layer.turn_length, unit)
        grids.add((reading_at(schedule.time_zone, layer.virtual_start) % step, step))
        for window in layer.restrictions:
            grids.add((window.start_second % unit, unit))
            grids.add(((window.start_second + window.duration) % unit, unit))
        visits.update((layer.start, since if layer.end is None else layer.end))
    for override in schedule.overrides:
        visits.update((override.start, override.end))
    visits.update(stretch.start for stretch in zone_stretches)
    for residue, step in grids:
        visits.update(range(since + (residue - since) % step, until, step))
    return sorted(visit for visit in visits if since <= visit < until)


def _walk_layer(
    schedule: Schedule, layer: Layer, visits: Sequence[int], zone_stretches: Sequence[Stretch]
) -> list[Holder]:
    held: list[Holder] = []
    anchor = reading_at(schedule.time_zone, layer.virtual_start)
    windows = [
        (window.start_second, DAY, window.duration)
        if window.weekday is None
        else (monday_offset(window.weekday, window.start_second), WEEK, window.duration)
        for window in layer.restrictions
    ]
    pending = iter(zone_stretches)
    stretch = next(pending)
    for visit in visits:
        while visit >= stretch.end:
            stretch = next(pending)
        reading = visit + stretch.offset
        clipped = visit < layer.start or (layer.end is not None and visit >= layer.end)
        outside = windows and not any((reading - start) % period < length for start, period, length in windows)
        if not layer.users or clipped or outside:
            held.append(None)
        else:
            if visit < stretch.fold_end:
                reading = max(reading, stretch.last_reading_before)
            turn = (reading - anchor) // layer.turn_length
            held.append((layer.id, turn, layer.users[turn % len(layer.users)]))
    return held


def _walk_overrides(schedule: Schedule, visits: Sequence[int]) -> list[Holder]:
    held: list[Holder] = [None] * len(visits)
    for override in schedule.overrides:
        for position, visit in enumerate(visits):
            if override.start <= visit < override.end:
                held[position] = (override.id, 0, override.user_id)
    return held


def _entries(visits: Sequence[int], held: Sequence[Holder], until: int) -> list[Entry]:
    entries: list[Entry] = []
    begin, current = 0, None
    for visit, now in [*zip(visits, held, strict=True), (until, None)]:
        if now != current:
            if current is not None:
                entries.append(Entry(begin, visit, current[2], current[0], current[1]))
            begin, current = visit, now
    return entries


@dataclass(frozen=True, slots=True)
class Walked:
    """``layers``: each layer alone, in the order of a GET. ``overrides``: without layers. ``final``: all together."""

    layers: tuple[tuple[Entry, ...], ...]
    overrides: tuple[Entry, ...]
    final: tuple[Entry, ...]


def walk(schedule: Schedule, since: int, until: int) -> Walked:
    """Return all entries of [since, until), cut at its ends. An empty range has no entries."""
    if since >= until:
        return Walked(tuple(() for _ in schedule.layers), (), ())
    zone_stretches = list(stretches(schedule.time_zone, since, until))
    visits = _visits(schedule, since, until, zone_stretches)
    overriding = _walk_overrides(schedule, visits)
    held = [_walk_layer(schedule, layer, visits, zone_stretches) for layer in schedule.layers]
    final = [next((one for one in column if one is not None), None) for column in zip(overriding, *held, strict=True)]
    return Walked(
        tuple(tuple(_entries(visits, one, until)) for one in held),
        tuple(_entries(visits, overriding, until)),
        tuple(_entries(visits, final, until)),
    )


def walk_whole(schedule: Schedule, since: int, until: int) -> Walked:
    """Return the entries of walk() with their real starts and ends, at most FAR beyond the window (overflow=true)."""
    wide = walk(schedule, since, until)
    for reach in (9 * DAY, 40 * DAY, FAR):
        wide = walk(schedule, since - reach, until + reach)
        whole = Walked(
            tuple(_touching(entries, since, until) for entries in wide.layers),
            _touching(wide.overrides, since, until),
            _touching(wide.final, since, until),
        )
        edges = (since - reach, until + reach)
        kept = [*whole.overrides, *whole.final, *(entry for entries in whole.layers for entry in entries)]
        if reach == FAR or not any(entry.start == edges[0] or entry.end == edges[1] for entry in kept):
            return whole
    raise AssertionError("unreachable")


def _touching(entries: Sequence[Entry], since: int, until: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.start < until and entry.end > since)


def coverage(entries: Sequence[Entry], since: int, until: int) -> float:
    """Return the percentage of [since, until) in which somebody is on call."""
    if since >= until:
        return 0.0
    covered = sum(min(entry.end, until) - max(entry.start, since) for entry in entries)
    return round(100 * covered / (until - since), 2)

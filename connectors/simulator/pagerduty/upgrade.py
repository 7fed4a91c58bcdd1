"""Converts a layer-based schedule to a shift-based schedule that puts the same people on call.

Shift-based rotations do not cover each other, so only a schedule with a single current layer can be converted.
"""

from math import gcd

from connectors.simulator.pagerduty.model import Event, Layer, OverrideShift, Rotation, Schedule, ShiftSchedule
from connectors.simulator.pagerduty.walk import FAR, walk
from connectors.simulator.world import Identifiers
from connectors.simulator.zones import DAY, WEEK, reading_at

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MOST_EVENTS = 5


def upgraded(schedule: Schedule, ids: Identifiers, now: int) -> ShiftSchedule:
    """Return the shift-based schedule. Raises ValueError when no such schedule puts the same people on call."""
    live = [layer for layer in schedule.layers if layer.users and (layer.end is None or layer.end > now)]
    if len(live) != 1:
        raise ValueError(f"{schedule.name} has {len(live)} live layers; only one alone can become a rotation.")
    rotation = Rotation(ids.new("rotation", schedule.id, prefix="R", length=26), [])
    rotation.events = _events(schedule, live[0], ids)
    return ShiftSchedule(
        schedule.id,
        schedule.name,
        schedule.time_zone,
        [rotation],
        description=schedule.description,
        team_ids=list(schedule.team_ids),
        overrides=_overrides(schedule, rotation.id, ids, now),
    )


def _events(schedule: Schedule, layer: Layer, ids: Identifiers) -> list[Event]:
    anchor = reading_at(schedule.time_zone, layer.virtual_start)
    made: list[Event] = []

    def add(start: int, length: int, rule: str, members: list[str], each: int) -> None:
        made.append(
            Event(
                ids.new("event", schedule.id, layer.id, len(made), prefix="E", length=26),
                f"{layer.name} {len(made) + 1}",
                schedule.time_zone,
                start,
                start + length,
                f"RRULE:{rule}",
                list(members),
                each,
                layer.start,
                layer.end,
            )
        )

    turn = layer.turn_length
    if layer.restrictions:
        for window in layer.restrictions:
            period = DAY if window.weekday is None else WEEK
            base = (
                window.start_second if window.weekday is None else (3 + window.weekday) % 7 * DAY + window.start_second
            )
            start = anchor + (base - anchor) % period
            if turn % period or start - anchor + window.duration > period:
                raise ValueError(f"A handoff of {schedule.name} cuts a window: no rotation of shifts does that.")
            rule = "FREQ=DAILY" if window.weekday is None else f"FREQ=WEEKLY;BYDAY={_DAYS[window.weekday - 1]}"
            add(start, window.duration, rule, layer.users, turn // period)
    elif turn % WEEK == 0:
        add(anchor, turn, f"FREQ=WEEKLY;INTERVAL={turn // WEEK}", layer.users, 1)
    elif turn % DAY == 0:
        add(anchor, turn, f"FREQ=DAILY;INTERVAL={turn // DAY}", layer.users, 1)
    elif DAY % turn == 0:
        daily = DAY // turn
        cycle = len(layer.users) // gcd(len(layer.users), daily)
        for slot in range(daily):
            members = [layer.users[(slot + daily * day) % len(layer.users)] for day in range(cycle)]
            add(anchor + slot * turn, turn, "FREQ=DAILY", members, 1)
    else:
        raise ValueError(f"Turns of {turn} seconds do not recur by days or weeks.")
    if len(made) > _MOST_EVENTS:
        raise ValueError(f"{schedule.name} needs {len(made)} events; a rotation holds {_MOST_EVENTS}.")
    return made


def _overrides(schedule: Schedule, rotation_id: str, ids: Identifiers, now: int) -> list[OverrideShift]:
    """Each override becomes one per person it replaces; where it covered a gap nothing remains."""
    bare = Schedule(schedule.id, schedule.name, schedule.time_zone, schedule.layers)
    return [
        OverrideShift(
            ids.new("override_shift", override.id, entry.start, prefix="O", length=26),
            entry.start,
            entry.end,
            entry.user_id,
            override.user_id,
            rotation_id,
        )
        for override in schedule.overrides
        if override.end > now and override.start < now + FAR
        for entry in walk(bare, override.start, override.end).final
    ]

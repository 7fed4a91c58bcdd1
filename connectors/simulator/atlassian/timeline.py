"""The vendor's own rendering of a schedule: final, base, override and forwarding timelines of a window.

The window begins with the day, week (Monday) or month of the requested date in the schedule's zone. Periods before the
request are ``historical`` and end at the moment of the request. In the past there are no override and forwarding
periods, and the base timeline shows the same history. Only a historical period lists its people (``flattened``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.simulator.atlassian.model import Participant, Rotation, Schedule
from connectors.simulator.atlassian.oncalls import people_of
from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.walk import Period, walk
from connectors.simulator.world import monday
from connectors.simulator.zones import DAY, WEEK, first_instant, reading_at

UNITS: Final = ("days", "weeks", "months")
LAYERS: Final = ("base", "override", "forwarding")


@dataclass(frozen=True, slots=True)
class TimelinePeriod:
    """One period of a timeline. ``start`` and ``end`` may have milliseconds (the moment of the request)."""

    start: float
    end: float
    kind: str
    recipient: Participant
    from_user: str | None = None
    flattened: tuple[Participant, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The window in instants, and per layer (``final``, ``base``, ...) the rotations with their periods."""

    since: int
    until: int
    layers: dict[str, list[tuple[Rotation, list[TimelinePeriod]]]]


def window(zone: str, moment: float, interval: int, unit: str) -> tuple[int, int]:
    """Return ``interval`` units of the zone's calendar. The first unit contains ``moment``."""
    midnight = reading_at(zone, int(moment)) // DAY * DAY
    if unit == "days":
        first, last = midnight, midnight + interval * DAY
    elif unit == "weeks":
        first = monday(zone, int(moment))
        last = first + interval * WEEK
    else:
        day = datetime.fromtimestamp(midnight, UTC).replace(day=1)
        months = day.year * 12 + day.month - 1 + interval
        first = round(day.timestamp())
        last = round(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp())
    return first_instant(zone, first), first_instant(zone, last)


def timeline(
    state: State, schedule: Schedule, since: int, until: int, now: float, expanded: Sequence[str] = LAYERS
) -> Timeline:
    """Return the timelines of [since, until). now: the moment of the request; it is cut to milliseconds."""
    moment = int(now * 1000) / 1000
    walked = walk(schedule, list(state.forwardings.values()), since, until)
    layers: dict[str, list[tuple[Rotation, list[TimelinePeriod]]]] = {"final": []}
    chosen = {"base": walked.base, "override": walked.overridden, "forwarding": walked.forwarded}
    layers |= {name: [] for name in LAYERS if name in expanded}
    for rotation in schedule.rotations:
        served = _served(state, walked.final[rotation.id], moment)
        layers["final"].append((rotation, served + _planned(walked.final[rotation.id], moment)))
        for name in layers.keys() - {"final"}:
            history = served if name == "base" else []
            layers[name].append((rotation, history + _planned(chosen[name][rotation.id], moment)))
    return Timeline(since, until, layers)


def _served(state: State, periods: Sequence[Period], moment: float) -> list[TimelinePeriod]:
    shown = []
    for period in periods:
        if period.start < moment:
            people = tuple(people_of(state, period.recipient, period.start))
            end = min(float(period.end), moment)
            shown.append(TimelinePeriod(period.start, end, "historical", period.recipient, None, people))
    return shown


def _planned(periods: Sequence[Period], moment: float) -> list[TimelinePeriod]:
    return [
        TimelinePeriod(max(float(one.start), moment), float(one.end), one.kind, one.recipient, one.from_user)
        for one in periods
        if one.end > moment
    ]

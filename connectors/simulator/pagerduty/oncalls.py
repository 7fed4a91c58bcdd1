"""Who is on call for which policy level (REST API: List all of the on-calls).

Entries are not cut at the window, and adjacent turns of one person are one entry, as recorded from live accounts. An
entry that does not end within FAR has no end when the schedule has no other person; else it ends with the range that
was computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.simulator.pagerduty.model import EscalationPolicy, Schedule, ShiftSchedule
from connectors.simulator.pagerduty.shifts import shifts
from connectors.simulator.pagerduty.state import State, schedule_users
from connectors.simulator.pagerduty.walk import FAR, walk
from connectors.simulator.zones import DAY, HOUR


@dataclass(frozen=True, slots=True)
class Span:
    user_id: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class OnCall:
    """``schedule_id`` None = the user is a target of the policy, on call without start and end."""

    policy: EscalationPolicy
    level: int
    user_id: str
    schedule_id: str | None = None
    start: int | None = None
    end: int | None = None


def on_calls(state: State, since: int, until: int) -> Iterator[OnCall]:
    """Yield all on-calls of [since, until]. Equal bounds mean one instant."""
    last = max(until, since + 1)
    for policy, level, rule in state.rules():
        for kind, target_id in rule.targets:
            if kind == "user":
                yield OnCall(policy, level, target_id)
                continue
            for span in _spans(state, target_id, since, last):
                if span.start < last and (span.end is None or span.end > since):
                    yield OnCall(policy, level, span.user_id, target_id, span.start, span.end)


def earliest(found: Iterator[OnCall]) -> Iterator[OnCall]:
    """Yield the first on-call of each (policy, level, person)."""
    seen: dict[tuple[str, int, str], OnCall] = {}
    for one in found:
        key = (one.policy.id, one.level, one.user_id)
        if key not in seen or (one.start or 0) < (seen[key].start or 0):
            seen[key] = one
    return iter(seen.values())


def _spans(state: State, schedule_id: str, since: int, until: int) -> list[Span]:
    first, last = since // HOUR * HOUR, (until // HOUR + 1) * HOUR
    schedule = state.schedules[schedule_id]
    return state.cached(("spans", schedule_id, first, last), lambda: _whole_spans(schedule, first, last))


def _whole_spans(schedule: Schedule | ShiftSchedule, since: int, until: int) -> list[Span]:
    alone = len(schedule_users(schedule)) == 1 and not (isinstance(schedule, Schedule) and schedule.overrides)
    for reach in (9 * DAY, 40 * DAY, FAR):
        edges = (since - reach, until + reach)
        found = [span for span in _merged(schedule, *edges) if span.start < until and (span.end or until) > since]
        if reach == FAR:
            return [
                Span(span.user_id, span.start, None if span.end == edges[1] and alone else span.end) for span in found
            ]
        if not any(span.start == edges[0] or span.end == edges[1] for span in found):
            return found
    raise AssertionError("unreachable")


def _merged(schedule: Schedule | ShiftSchedule, since: int, until: int) -> list[Span]:
    if isinstance(schedule, Schedule):
        pieces = [(entry.user_id, entry.start, entry.end) for entry in walk(schedule, since, until).final]
    else:
        found = shifts(schedule, since, until)
        pieces = [(shift.member, shift.start, shift.end) for shift in found if shift.member is not None]
    merged: list[Span] = []
    running: dict[str, int] = {}
    for user_id, start, end in pieces:
        position = running.get(user_id)
        if position is not None and (merged[position].end or 0) >= start:
            merged[position] = Span(user_id, merged[position].start, max(end, merged[position].end or 0))
        else:
            running[user_id] = len(merged)
            merged.append(Span(user_id, start, end))
    return merged

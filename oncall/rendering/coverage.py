"""Coverage, workload and the next change of a schedule, computed from rendered spans."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import NO_HOLDER, Held, Range, Who
from oncall.rendering.spec import LATEST, Participant, ScheduleSpec, Substitution
from oncall.rendering.zones import DAY, HOUR, WEEK, stretches

#: How many seconds before and after an instant a change is searched.
HORIZON = 60 * DAY
_MONDAY = 4 * DAY  # 1970-01-05
_MORNING, _EVENING = 6 * HOUR, 22 * HOUR
_SATURDAY = 5 * DAY
#: Horizons that are tried before the longest one. Most changes are found within the first.
SHORT_HORIZONS = (2 * DAY, 14 * DAY)


def filled(spans: Sequence[Span], since: int, until: int) -> Iterator[Held]:
    """Yields the spans cut to ``[since, until)`` and :data:`NO_HOLDER` between them, without gaps.

    spans: in order, disjoint.
    """
    reached = since
    for span in spans:
        start, end = max(span.start, reached), min(span.end, until)
        if start >= end:
            continue
        if reached < start:
            yield reached, start, NO_HOLDER
        yield start, end, span.participants
        reached = end
    if reached < until:
        yield reached, until, NO_HOLDER


def gaps(spans: Sequence[Span], since: int, until: int) -> tuple[Range, ...]:
    """Returns the ranges in ``[since, until)`` in which no one is on call, in order."""
    return tuple((start, end) for start, end, who in filled(spans, since, until) if not who)


def covered(spans: Sequence[Span], since: int, until: int) -> int:
    """Returns how many seconds of ``[since, until)`` have someone on call."""
    return sum(end - start for start, end, who in filled(spans, since, until) if who)


# --- how the time is shared -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """The time on call of one participant, in elapsed seconds.

    A night is 22:00 to 06:00, a weekend is Saturday and Sunday, on the wall clock. A Saturday night counts in both.
    shifts: the number of stretches on call without interruption, whoever else is on call.
    """

    seconds: int
    night_seconds: int
    weekend_seconds: int
    shifts: int


@dataclass(frozen=True, slots=True)
class Fairness:
    """How evenly the time on call is shared.

    balance: 0 to 100, the mean over all pairs of the smaller time divided by the larger time. 95 or more is reported as
    100; so is one participant. average: seconds. overloaded: the participants with over 15 % more than the average, the
    busiest first.
    """

    balance: int
    average: int
    overloaded: tuple[Participant, ...]


def loads(spans: Sequence[Span], zone: str, since: int, until: int) -> dict[Participant, Load]:
    """Returns the load of each participant in ``[since, until)``. Nights and weekends are in ``zone``.

    A participant without time on call in the range is left out.
    """
    held: dict[Participant, list[Range]] = defaultdict(list)
    for start, end, who in filled(spans, since, until):
        for each in who:
            continues = held[each] and held[each][-1][1] == start
            held[each].append((held[each].pop()[0] if continues else start, end))
    return {each: _load(ranges, zone) for each, ranges in sorted(held.items())}


def _load(ranges: Sequence[Range], zone: str) -> Load:
    night = weekend = 0
    for since, until in ranges:
        for start, end, offset in stretches(zone, since, until):
            night += _nights_until(end + offset) - _nights_until(start + offset)
            weekend += _weekends_until(end + offset) - _weekends_until(start + offset)
    return Load(sum(end - start for start, end in ranges), night, weekend, len(ranges))


def _nights_until(reading: int) -> int:
    """Returns the seconds of night between the reading 0 and this reading."""
    days, second = divmod(reading, DAY)
    return days * (_MORNING + DAY - _EVENING) + min(second, _MORNING) + max(second - _EVENING, 0)


def _weekends_until(reading: int) -> int:
    """Returns the seconds of weekend between the first Monday after the reading 0 and this reading."""
    weeks, second = divmod(reading - _MONDAY, WEEK)
    return weeks * (WEEK - _SATURDAY) + max(second - _SATURDAY, 0)


def fairness(shares: Mapping[Participant, Load]) -> Fairness:
    """Returns how evenly the loads are shared. shares: the result of :func:`loads`."""
    if not shares:
        return Fairness(100, 0, ())
    ascending = sorted(shares, key=lambda each: (shares[each].seconds, each))
    total, ratios = 0, 0.0
    for each in ascending:  # earlier ones have less time, so one running sum replaces all pairs
        ratios += total / shares[each].seconds
        total += shares[each].seconds
    count = len(ascending)
    balance = round(100 * ratios / (count * (count - 1) / 2)) if count > 1 else 100
    overloaded = (each for each in reversed(ascending) if 100 * count * shares[each].seconds > 115 * total)
    return Fairness(100 if balance >= 95 else balance, total // count, tuple(overloaded))


# --- when it changes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Who is on call now, the instant of the next change, and who is on call then.

    at: None when nothing changes within the horizon; ``following`` is empty then.
    """

    now: Who
    at: int | None
    following: Who


def next_change(spec: ScheduleSpec, substitutions: Sequence[Substitution], instant: int, horizon: int) -> Change:
    """Returns the first change after ``instant`` within ``horizon`` seconds. Raises InvalidSpec like ``render``."""
    for seconds in (*(each for each in SHORT_HORIZONS if each < horizon), horizon):
        until = min(instant + seconds, max(instant + 1, LATEST))
        parts = filled(render_final(spec, substitutions, instant, until), instant, until)
        _, _, now = next(parts)
        for start, _, following in parts:
            return Change(now, start, following)
    return Change(now, None, NO_HOLDER)

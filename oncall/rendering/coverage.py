"""When anybody is on call, how the time is shared, and when it next changes: answers from rendered spans."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import NOBODY, Held, Range, Who
from oncall.rendering.spec import Participant, ScheduleSpec, Substitution
from oncall.rendering.zones import DAY, LATEST, stretches

WEEK = 7 * DAY
HOUR = DAY // 24
_MONDAY = 4 * DAY  # 1970-01-05
_MORNING, _EVENING = 6 * HOUR, 22 * HOUR
_SATURDAY = 5 * DAY
_HORIZONS = (2 * DAY, 14 * DAY)  # most answers lie in the first


def filled(spans: Sequence[Span], since: int, until: int) -> Iterator[Held]:
    """The spans (in order, disjoint) cut to ``[since, until)``, with :data:`NOBODY` in between; gapless."""
    reached = since
    for span in spans:
        start, end = max(span.start, reached), min(span.end, until)
        if start >= end:
            continue
        if reached < start:
            yield reached, start, NOBODY
        yield start, end, span.participants
        reached = end
    if reached < until:
        yield reached, until, NOBODY


def gaps(spans: Sequence[Span], since: int, until: int) -> tuple[Range, ...]:
    """The parts of ``[since, until)`` in which nobody is on call, in order and apart."""
    return tuple((start, end) for start, end, who in filled(spans, since, until) if not who)


def covered(spans: Sequence[Span], since: int, until: int) -> int:
    """The seconds of ``[since, until)`` in which somebody is on call."""
    return sum(end - start for start, end, who in filled(spans, since, until) if who)


# --- how the time is shared -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """What one participant carries: elapsed seconds on call, and how many of them are nights and weekends.

    A night is from 22:00 to 06:00, a weekend Saturday and Sunday, as the wall clock shows them; the night of a Saturday
    counts as both. shifts: unbroken stretches on call, whoever else is on call meanwhile.
    """

    seconds: int
    night_seconds: int
    weekend_seconds: int
    shifts: int


@dataclass(frozen=True, slots=True)
class Fairness:
    """How evenly the time on call is shared.

    balance: 0 to 100, the mean over all pairs of the lesser time divided by the greater; from 95 on it counts as 100,
    and so it is with less than two participants. average: seconds. overloaded: who has over 15 % more than that, the
    busiest first.
    """

    balance: int
    average: int
    overloaded: tuple[Participant, ...]


def loads(spans: Sequence[Span], zone: str, since: int, until: int) -> dict[Participant, Load]:
    """Who carries how much of ``[since, until)``, by the wall clock of ``zone``; who has nothing in it is left out."""
    held: dict[Participant, list[Range]] = defaultdict(list)
    for start, end, who in filled(spans, since, until):
        for each in who:
            goes_on = held[each] and held[each][-1][1] == start
            held[each].append((held[each].pop()[0] if goes_on else start, end))
    return {each: _load(ranges, zone) for each, ranges in sorted(held.items())}


def _load(ranges: Sequence[Range], zone: str) -> Load:
    night = weekend = 0
    for since, until in ranges:
        for start, end, offset in stretches(zone, since, until):
            night += _nights_until(end + offset) - _nights_until(start + offset)
            weekend += _weekends_until(end + offset) - _weekends_until(start + offset)
    return Load(sum(end - start for start, end in ranges), night, weekend, len(ranges))


def _nights_until(reading: int) -> int:
    """Seconds of night between the reading 0 and this one."""
    days, second = divmod(reading, DAY)
    return days * (_MORNING + DAY - _EVENING) + min(second, _MORNING) + max(second - _EVENING, 0)


def _weekends_until(reading: int) -> int:
    """Seconds of weekend between the first Monday since the reading 0 and this one."""
    weeks, second = divmod(reading - _MONDAY, WEEK)
    return weeks * (WEEK - _SATURDAY) + max(second - _SATURDAY, 0)


def fairness(shares: Mapping[Participant, Load]) -> Fairness:
    """Of what :func:`loads` answers."""
    if not shares:
        return Fairness(100, 0, ())
    ascending = sorted(shares, key=lambda each: (shares[each].seconds, each))
    total, ratios = 0, 0.0
    for each in ascending:  # who comes earlier has the lesser time: one sum instead of all pairs
        ratios += total / shares[each].seconds
        total += shares[each].seconds
    count = len(ascending)
    balance = round(100 * ratios / (count * (count - 1) / 2)) if count > 1 else 100
    overloaded = (each for each in reversed(ascending) if 100 * count * shares[each].seconds > 115 * total)
    return Fairness(100 if balance >= 95 else balance, total // count, tuple(overloaded))


# --- when it changes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Who is on call at an instant, the instant at which others are, and who they are.

    at: None when nothing changes as far as was looked; ``following`` is then empty.
    """

    now: Who
    at: int | None
    following: Who


def next_change(spec: ScheduleSpec, substitutions: Sequence[Substitution], instant: int, horizon: int) -> Change:
    """The first change after ``instant``, sooner than ``horizon`` seconds later. Raises InvalidSpec like ``render``."""
    for seconds in (*(each for each in _HORIZONS if each < horizon), horizon):
        until = min(instant + seconds, max(instant + 1, LATEST))
        parts = filled(render_final(spec, substitutions, instant, until), instant, until)
        _, _, now = next(parts)
        for start, _, following in parts:
            return Change(now, start, following)
    return Change(now, None, NOBODY)

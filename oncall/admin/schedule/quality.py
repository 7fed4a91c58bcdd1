"""Describes a schedule in the days shown: who is on call now, the gaps, and how evenly the time is shared."""

from dataclasses import dataclass

from oncall.admin.base.columns import moment, span_in_words
from oncall.admin.schedule.bars import Bars, identity, name_of, names_in_order, names_in_words
from oncall.rendering.coverage import fairness, gaps, loads
from oncall.rendering.final import Span
from oncall.rendering.rotations import rotations
from oncall.rendering.spec import ScheduleSpec
from oncall.rendering.zones import HOUR
from oncall.selectors.schedules import OnCall

MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class OnCallNow:
    """Who is on call now, until when, and who follows, in words. rest: the time until then."""

    who: str
    until: str
    rest: str
    following: str


@dataclass(frozen=True, slots=True)
class RotationOrder:
    """The people of a rotation that several layers share, in their present order. next, rest: the next handoff, and the
    time until then; empty if there is none within a year."""

    order: str
    next: str
    rest: str


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """The time that one person is on call. share: its length compared with the longest."""

    who: str
    identity: str
    hours: str
    nights: str
    weekends: str
    shifts: int
    share: str
    overloaded: bool


@dataclass(frozen=True, slots=True)
class Quality:
    """covered: the covered share of the time, in percent. uncovered: the length of the rest, empty if there is none.
    unknown: the length of the covered time in which only somebody unknown is on call, empty if there is none. gaps:
    (start, end, length) of each gap. home: the time zone that decides what is night and weekend."""

    covered: str
    uncovered: str
    unknown: str
    gaps: list[tuple[str, str, str]]
    more_gaps: int
    balance: int
    home: str
    loads: list[PersonLoad]


def now_in_words(answer: OnCall, bars: Bars) -> OnCallNow:
    until, rest = _until(answer.until, bars)
    return OnCallNow(names_in_words(answer.now, bars.names), until, rest, names_in_words(answer.following, bars.names))


def rotations_in_words(spec: ScheduleSpec, bars: Bars) -> list[RotationOrder]:
    """Returns each rotation that several layers share, once."""
    return [
        RotationOrder(names_in_order(rotation.order, bars.names), *_until(rotation.next_handoff, bars))
        for rotation in rotations(spec, bars.now)
    ]


def _until(instant: int | None, bars: Bars) -> tuple[str, str]:
    """Returns an instant, and the time until then, in words; empty for None."""
    if instant is None:
        return "", ""
    return moment(instant, bars.visible.zone, bars.now), span_in_words(instant - bars.now)


def quality(spans: tuple[Span, ...], home: str, bars: Bars) -> Quality:
    """Returns the quality of a final schedule. home: the schedule's time zone."""
    visible = bars.visible
    uncovered = gaps(spans, visible.since, visible.until)
    seconds = sum(end - start for start, end in uncovered)
    unknown = sum(span.end - span.start for span in spans if {each.kind for each in span.participants} == {"unknown"})
    shares = loads(spans, home, visible.since, visible.until)
    fair = fairness(shares)
    most = max((load.seconds for load in shares.values()), default=1)
    return Quality(
        percent(visible.until - visible.since - seconds, visible.until - visible.since, decimals=1),
        span_in_words(seconds) if seconds else "",
        span_in_words(unknown) if unknown else "",
        [
            (moment(start, visible.zone, bars.now), moment(end, visible.zone, bars.now), span_in_words(end - start))
            for start, end in uncovered[:MOST_GAPS]
        ],
        max(len(uncovered) - MOST_GAPS, 0),
        fair.balance,
        home,
        [
            PersonLoad(
                name_of(each, bars.names),
                identity(each, bars.names),
                hours(load.seconds),
                hours(load.night_seconds),
                hours(load.weekend_seconds),
                load.shifts,
                f"{load.seconds / most * 100:.2f}%",
                each in fair.overloaded,
            )
            for each, load in sorted(shares.items(), key=lambda item: (-item[1].seconds, item[0]))
        ],
    )


def hours(seconds: int) -> str:
    """Returns a length like ``12 h`` or ``12.5 h``."""
    return f"{seconds / HOUR:.1f}".removesuffix(".0") + " h"


def percent(count: int, total: int, *, decimals: int) -> str:
    """Returns the share of ``total``, rounded down, so that 100 means that nothing is missing. total: above 0."""
    scale = 10**decimals
    whole, fraction = divmod(count * 100 * scale // total, scale)
    return f"{whole}.{fraction:0{decimals}}"

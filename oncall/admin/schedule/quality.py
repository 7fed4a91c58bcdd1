"""How good a schedule is in the days shown: who is on call now, what nobody covers, how evenly the time is shared."""

from typing import Any

from oncall.admin.base.columns import moment, span_in_words
from oncall.admin.schedule.bars import Bars, identity, name_of, names_in_words
from oncall.rendering.coverage import fairness, gaps, loads
from oncall.rendering.final import Span
from oncall.rendering.rotations import rotations
from oncall.rendering.spec import ScheduleSpec
from oncall.rendering.zones import HOUR
from oncall.selectors.schedules import OnCall

MOST_GAPS = 20


def now_in_words(answer: OnCall, bars: Bars) -> dict[str, Any]:
    """Who is on call now, until when, and who then."""
    zone, now = bars.shown.zone, bars.now
    return {
        "who": names_in_words(answer.now, bars.names),
        "until": "" if answer.until is None else moment(answer.until, zone, now),
        "rest": "" if answer.until is None else span_in_words(answer.until - now),
        "following": names_in_words(answer.following, bars.names),
    }


def rotations_in_words(spec: ScheduleSpec, bars: Bars) -> list[dict[str, str]]:
    """Each rotation that several layers share, once: who has which place now, and when all of them move on."""
    zone, now = bars.shown.zone, bars.now
    return [
        {
            "order": ", ".join(name_of(each, bars.names) for each in rotation.order),
            "next": "" if rotation.next_handoff is None else moment(rotation.next_handoff, zone, now),
            "rest": "" if rotation.next_handoff is None else span_in_words(rotation.next_handoff - now),
        }
        for rotation in rotations(spec, now)
    ]


def quality(spans: tuple[Span, ...], home: str, bars: Bars) -> dict[str, Any]:
    """The quality box. home: the schedule's own zone, whose clock says what is night and weekend."""
    shown = bars.shown
    uncovered = gaps(spans, shown.since, shown.until)
    seconds = sum(end - start for start, end in uncovered)
    shares = loads(spans, home, shown.since, shown.until)
    fair = fairness(shares)
    most = max((load.seconds for load in shares.values()), default=1)
    busiest = sorted(shares, key=lambda each: (-shares[each].seconds, each))
    return {
        "covered": percent(shown.until - shown.since - seconds, shown.until - shown.since, decimals=1),
        "uncovered": span_in_words(seconds) if seconds else "",
        "gaps": [
            (moment(start, shown.zone, bars.now), moment(end, shown.zone, bars.now), span_in_words(end - start))
            for start, end in uncovered[:MOST_GAPS]
        ],
        "more_gaps": max(len(uncovered) - MOST_GAPS, 0),
        "balance": fair.balance,
        "home": home,
        "loads": [
            {
                "who": name_of(each, bars.names),
                "identity": identity(each, bars.names),
                "hours": hours(shares[each].seconds),
                "nights": hours(shares[each].night_seconds),
                "weekends": hours(shares[each].weekend_seconds),
                "shifts": shares[each].shifts,
                "share": f"{shares[each].seconds / most * 100:.2f}%",
                "overloaded": each in fair.overloaded,
            }
            for each in busiest
        ],
    }


def hours(seconds: int) -> str:
    """``12 h``, ``12.5 h``."""
    return f"{seconds / HOUR:.1f}".removesuffix(".0") + " h"


def percent(part: int, total: int, *, decimals: int) -> str:
    """Rounded down, so that 100 says that nothing is missing. total: more than nothing."""
    scale = 10**decimals
    whole, fraction = divmod(part * 100 * scale // total, scale)
    return f"{whole}.{fraction:0{decimals}}"

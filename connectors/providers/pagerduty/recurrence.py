"""Parses the recurrence lines of an event (RFC 5545: RRULE, EXDATE, RDATE). Pure.

An unsupported part raises UnknownValue, because a shift pattern is never approximated.
"""

import re
from calendar import timegm
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from connectors.providers.pagerduty.vendor import unknown_value
from connectors.zones.timezones import convert
from oncall.rendering.spec import EARLIEST, LATEST, Frequency, Recurring, Rule
from oncall.rendering.validation import window_faults
from oncall.rendering.zones import DAY, at, furthest_reading, reading

_WEEKDAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), start=1)}
_RULE_KEYS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST", "COUNT", "UNTIL"}
_END_OF_DAY = DAY - 1

Note = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class _Date:
    """A date-time of a line. reading: in the event's zone. instant: of a date-time with Z, else None."""

    reading: int
    instant: int | None = None

    @property
    def is_far(self) -> bool:
        return not EARLIEST <= self.reading < LATEST


def recurring(lines: Sequence[str], start: int, duration: int, zone: str, path: str, note: Note) -> Recurring:
    """Returns the window of an event. Raises UnknownValue for an unsupported line.

    start: the instant of the first start. duration: wall-clock seconds. path: JSON path for errors. note: receives the
    code and the end of the message of a note.
    """
    rules: list[Rule] = []
    dates: dict[str, list[_Date]] = {"EXDATE": [], "RDATE": []}
    for index, line in enumerate(lines):
        where = f"{path}[{index}]"
        head, _, value = line.strip().partition(":")
        name, *parameters = head.upper().split(";")
        if name == "RRULE" and not parameters:
            rules.append(_rule(value.upper(), zone, where, note))
        elif name in dates:
            dates[name] += (_date(text, zone, parameters, where) for text in value.split(","))
        else:
            raise unknown_value(where, f"The recurrence {line[:60]!r} is not RRULE, EXDATE or RDATE.")
    if len(rules) != 1:
        raise unknown_value(path, f"An event needs exactly one RRULE, but this event has {len(rules)}.")
    if any(date.is_far for each in dates.values() for date in each):
        note("date_out_of_time", "has added or excluded dates before 1900 or after 2200; they were left out.")
    first = reading(zone, start)
    late_start = start if at(zone, first) != start else None
    added, late = _apart(dates["RDATE"], zone)
    excluded, late_excluded = _apart(dates["EXDATE"], zone)
    for date in dates["EXDATE"]:  # a start that the clock skips begins at the end of the gap and keeps its reading
        skipped = date.reading // DAY * DAY + first % DAY
        if date.instant is not None and not date.is_far and at(zone, skipped) == date.instant:
            excluded.add(skipped)
    if late_start is not None:  # nothing starts in the first pass then
        excluded -= {first for date in dates["EXDATE"] if date.instant == at(zone, first)}
    if late_start in late_excluded:
        excluded.add(first)
    # An added date that is excluded too is no occurrence, so it uses up nobody's turn, in either pass.
    window = Recurring(
        rule=rules[0],
        first=first,
        duration=duration,
        excluded=tuple(sorted(excluded)),
        added=tuple(sorted(added - excluded)),
        first_at=late_start,
        late=tuple(sorted(late - late_excluded)),
    )
    for field, message in window_faults(window):
        raise unknown_value(path, f"This pattern is not supported: {field} {message}.")
    return window


def _apart(dates: Iterable[_Date], zone: str) -> tuple[set[int], set[int]]:
    """The dates as readings, and as instants those in the second pass of a repeated hour: a reading means the first."""
    readings, late = set(), set()
    for date in dates:
        if date.is_far:
            continue
        if date.instant is not None and at(zone, date.reading) != date.instant:
            late.add(date.instant)
        else:
            readings.add(date.reading)
    return readings, late


def _rule(text: str, zone: str, path: str, note: Note) -> Rule:
    parts: dict[str, str] = {}
    for piece in text.split(";"):
        key, _, value = piece.partition("=")
        if key not in _RULE_KEYS or key in parts or not value:
            raise unknown_value(path, f"The rule part {piece[:60]!r} is not supported.")
        parts[key] = value
    frequency = next((name for name in get_args(Frequency) if name == parts.get("FREQ")), None)
    if frequency is None:
        raise unknown_value(path, f"The frequency {parts.get('FREQ', 'none')!r} is not supported.")
    by_day = tuple(sorted(_weekday(text, path) for text in parts.get("BYDAY", "").split(",") if text))
    if any(ordinal for ordinal, _ in by_day) and frequency not in ("MONTHLY", "YEARLY"):
        raise unknown_value(path, f"{parts['BYDAY']!r} counts weekdays, which is possible in months and years only.")
    month_days = _numbers(parts, "BYMONTHDAY", range(1, 32), path, also=-1)
    if month_days and frequency == "WEEKLY":
        raise unknown_value(path, "A weekly rule cannot have days of the month.")
    return Rule(
        frequency=frequency,
        interval=_positive(parts.get("INTERVAL", "1"), path),
        by_day=by_day,
        by_month_day=month_days,
        by_month=_numbers(parts, "BYMONTH", range(1, 13), path),
        week_start=_weekday(parts.get("WKST", "MO"), path)[1],
        count=_positive(parts["COUNT"], path) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], zone, path, note) if "UNTIL" in parts else None,
    )


def _until(text: str, zone: str, path: str, note: Note) -> int | None:
    """Returns the largest reading at which a start is not after UNTIL. None: UNTIL is after the rendered years."""
    date = _date(text, zone, (), path, day_end=True)
    if date.reading >= LATEST:
        note("without_end", "recurs until after the year 2200. It was imported without an end.")
        return None
    if date.is_far:
        raise unknown_value(path, f"The date {text[:40]!r} is before the year 1900.")
    return date.reading if date.instant is None else furthest_reading(zone, date.instant)


def _weekday(text: str, path: str) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?[1-9][0-9]?)?([A-Z]{2})", text)
    if match is None or match[2] not in _WEEKDAYS:
        raise unknown_value(path, f"The weekday {text[:20]!r} is not supported.")
    return int(match[1] or 0), _WEEKDAYS[match[2]]


def _numbers(parts: dict[str, str], key: str, allowed: range, path: str, also: int | None = None) -> tuple[int, ...]:
    numbers = set()
    for text in parts[key].split(",") if key in parts else ():
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,3}", text) else 0
        if number not in allowed and number != also:
            raise unknown_value(path, f"{key}={text[:20]} is not supported.")
        numbers.add(number)
    return tuple(sorted(numbers))


def _positive(text: str, path: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise unknown_value(path, f"{text[:20]!r} is not a number of 1 or more.")
    return int(text)


def _date(text: str, zone: str, parameters: Sequence[str], path: str, *, day_end: bool = False) -> _Date:
    """Returns a date-time of a line.

    A date-time with Z is an instant. TZID must name the same zone. day_end: a date without a time means the last second
    of that day (UNTIL); otherwise it is not supported.
    """
    match = re.fullmatch(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", text.strip().upper())
    own = [parameter.removeprefix("TZID=") for parameter in parameters if parameter.startswith("TZID=")]
    others = [p for p in parameters if not p.startswith("TZID=") and p != "VALUE=DATE-TIME"]
    if match is None or others or (match[2] is None and not day_end):
        raise unknown_value(path, f"The date {text[:40]!r} is not supported.")
    try:
        shown = timegm(datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S").timetuple())  # noqa: DTZ007
    except ValueError:
        raise unknown_value(path, f"The date {text[:40]!r} does not exist.") from None
    if match[2] is None:
        return _Date(shown + _END_OF_DAY)
    if match[3]:
        return _Date(reading(zone, shown), shown)
    if own and convert(own[0]).zone != zone:
        raise unknown_value(path, f"The zone {own[0][:60]!r} differs from the event's own time zone.")
    return _Date(shown)

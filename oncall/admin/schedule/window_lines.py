"""Converts windows of a layer to rows of form fields and to lines of text like ``mon-fri 09:00 for 8h``, and back.

This module is pure: it does not use Django. Windows that become rows or lines and windows again are the same windows,
in the same order.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oncall.rendering.spec import Always, Daily, Weekly, Window
from oncall.rendering.validation import window_faults
from oncall.rendering.zones import DAY, HOUR, MINUTE

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The units of a length in a form. The first one that divides a length without a rest is shown.
UNITS = {"days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": 1}
EXAMPLES = "“mon-fri 09:00 for 8h”, “daily 17:00 until 03:00” or “always”"

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LINE = re.compile(
    r"(?P<days>[a-z][a-z ,–-]*?)\s+(?P<start>\d[\d:]*)"
    r"(?:\s+for\s+(?P<length>[\ddhms ]+)|(?:\s+until\s+|\s*[–-]\s*)(?P<until>\d[\d:]*))"
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_LENGTH = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?", re.ASCII)
_MOST_DIGITS = 9


class InvalidWindow(ValueError):
    """The message says what is wrong, in words for people."""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """Windows that open at the same time for the same time. days: the weekdays (1 = Monday .. 7 = Sunday) of weekly
    windows, in order; empty: one window of every day. start: seconds after midnight. duration: seconds."""

    days: tuple[int, ...]
    start: int
    duration: int

    def windows(self) -> tuple[Window, ...]:
        if not self.days:
            return (Daily(self.start, self.duration),)
        return tuple(Weekly(day, self.start, self.duration) for day in self.days)


def rows_of(windows: Iterable[Window]) -> list[WindowRow | Window]:
    """Returns the rows of the windows, in order. A window that a row cannot express stays a window."""
    rows: list[WindowRow | Window] = []
    for window in windows:
        last = rows[-1] if rows else None
        match window:
            case Weekly(day, start, duration):
                before: tuple[int, ...] = ()
                if isinstance(last, WindowRow) and (last.start, last.duration) == (start, duration):
                    before = last.days
                if before and before[-1] < day:
                    rows[-1] = WindowRow((*before, day), start, duration)
                else:
                    rows.append(WindowRow((day,), start, duration))
            case Daily(start, duration):
                rows.append(WindowRow((), start, duration))
            case _:
                rows.append(window)
    return rows


def make_row(days: Iterable[int], start: int, duration: int) -> WindowRow:
    """Returns a row. days: empty for every day. Raises InvalidWindow if one of its windows cannot be rendered."""
    row = WindowRow(tuple(sorted(set(days))), start, duration)
    for window in row.windows():
        for field, message in window_faults(window):
            raise InvalidWindow(f"its {'length' if field == 'duration' else field} {message}.")
    return row


def time_of(text: str, *, end: bool = False) -> int:
    """Returns the seconds after midnight of a text like ``17:00``. end: whether it may be 24:00. Raises
    InvalidWindow."""
    match = _TIME.fullmatch(text.strip())
    hours, minutes, seconds = (int(number or 0) for number in match.groups()) if match else (99, 0, 0)
    time = hours * HOUR + minutes * MINUTE + seconds
    if minutes > 59 or seconds > 59 or time > DAY:
        raise InvalidWindow(f"“{text}” is no time of day like 17:00.")
    if time == DAY and not end:
        raise InvalidWindow("No window starts at 24:00. Write 00:00, and the next day.")
    return time


def duration_until(start: int, until: int) -> int:
    """Returns the seconds from ``start`` to the next ``until``, both after midnight. Raises InvalidWindow if they are
    equal."""
    if until == start:
        raise InvalidWindow("It starts and ends at the same time. Write how long it is instead, for example 24 hours.")
    return until - start if until > start else until + DAY - start


def shown_until(row: WindowRow) -> str:
    """Returns the time of day at which the windows of a row end. It is empty if :func:`duration_until` of this time is
    another length."""
    return clock_text((row.start + row.duration) % DAY) if 0 < row.duration < DAY else ""


def length_and_unit(duration: int) -> tuple[int, str]:
    return next((duration // size, name) for name, size in UNITS.items() if duration % size == 0)


def windows_from_text(text: str) -> tuple[Window, ...]:
    """Returns the windows of all lines that are not blank. Raises InvalidWindow."""
    return tuple(window for line in text.splitlines() if line.strip() for window in windows_from_line(line.strip()))


def windows_from_line(line: str) -> tuple[Window, ...]:
    """Returns the windows of a line. Raises InvalidWindow, whose message contains the line."""
    try:
        return _windows(line.lower())
    except InvalidWindow as wrong:
        raise InvalidWindow(f"“{line}”: {wrong}") from None


def text_from_windows(windows: Iterable[Window]) -> str | None:
    """Returns the lines of the windows, or None if a window cannot be written as a line."""
    lines = [_line(row) for row in rows_of(windows)]
    return None if None in lines else "\n".join(line for line in lines if line)


def clock_text(start: int) -> str:
    text = f"{start // HOUR:02}:{start // 60 % 60:02}"
    return f"{text}:{start % 60:02}" if start % 60 else text


def _windows(line: str) -> tuple[Window, ...]:
    if line == "always":
        return (Always(),)
    match = _LINE.fullmatch(line)
    if not match:
        raise InvalidWindow(f"write a window like {EXAMPLES}.")
    start = time_of(match["start"])
    if match["until"]:
        duration = duration_until(start, time_of(match["until"], end=True))
    else:
        duration = _length_of(match["length"])
    return make_row(_days(match["days"]), start, duration).windows()


def _days(text: str) -> list[int]:
    """Returns the weekdays, none for every day. Raises InvalidWindow."""
    if text in ("daily", "every day"):
        return []
    days: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", re.sub(r"\s*[–-]\s*", "-", text))):
        first, *last = (_day(name) for name in part.split("-"))
        if len(last) > 1:
            raise InvalidWindow(f"write a window like {EXAMPLES}.")
        days += [first] if not last else [(first - 1 + n) % 7 + 1 for n in range((last[-1] - first) % 7 + 1)]
    return days


def _day(name: str) -> int:
    for number, full in enumerate(_NAMES, 1):
        if len(name) > 2 and full.startswith(name):
            return number
    raise InvalidWindow(f"“{name}” is no day. Write a window like {EXAMPLES}.")


def _length_of(text: str) -> int:
    match = _LENGTH.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise InvalidWindow(f"write a window like {EXAMPLES}.")
    if any(len(number or "") > _MOST_DIGITS for number in match.groups()):
        raise InvalidWindow("its length is too large.")
    return sum(int(number or 0) * size for number, size in zip(match.groups(), UNITS.values(), strict=True))


def _line(row: WindowRow | Window) -> str | None:
    if isinstance(row, WindowRow):
        return f"{_day_words(row.days)} {clock_text(row.start)} for {_length(row.duration)}"
    return "always" if isinstance(row, Always) else None


def _day_words(days: Sequence[int]) -> str:
    """Returns words like ``mon-fri``, ``sat,sun`` or ``daily``."""
    if not days:
        return "daily"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{DAYS[days[0] - 1]}-{DAYS[days[-1] - 1]}"
    return ",".join(DAYS[day - 1] for day in days)


def _length(duration: int) -> str:
    parts = ((duration // HOUR, "h"), (duration // 60 % 60, "m"), (duration % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)

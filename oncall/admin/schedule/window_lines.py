"""Converts windows of a layer to lines of text like ``daily 17:00 for 10h`` or ``fri 20:30 for 12h30m``, and back.

This module is pure: it does not use Django. A line that is written from a window gives the same window again.
"""

import re
from collections.abc import Iterable

from oncall.rendering.spec import Always, Daily, Weekly, Window
from oncall.rendering.zones import HOUR, MINUTE

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = (("h", HOUR), ("m", MINUTE), ("s", 1))
_LINE = re.compile(r"(?P<day>daily|mon|tue|wed|thu|fri|sat|sun)\w*\s+(?P<time>[\d:]+)\s+for\s+(?P<length>[\dhms ]+)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_LENGTH = re.compile(r"(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?")


class UnreadableLine(ValueError):
    """The message contains the line that cannot be read, and examples of lines."""


def windows_from_text(text: str) -> tuple[Window, ...]:
    """Returns a window for each line that is not blank, or an always open window if all are blank. Raises
    UnreadableLine."""
    windows = tuple(_window(line.strip()) for line in text.splitlines() if line.strip())
    return windows or (Always(),)


def text_from_windows(windows: Iterable[Window]) -> str | None:
    """Returns the lines of the windows, or None if a window cannot be written as a line."""
    lines = [_line(window) for window in windows]
    if None in lines:
        return None
    return "\n".join(line for line in lines if line)


def _window(line: str) -> Window:
    match = _LINE.fullmatch(line.lower())
    time = match and _TIME.fullmatch(match["time"])
    length = match and _LENGTH.fullmatch(match["length"].strip())
    if not match or not time or not length or not any(length.groups()):
        raise UnreadableLine(f"{line!r}: write a window like 'daily 17:00 for 10h' or 'fri 20:30 for 12h30m'")
    hours, minutes, seconds = (int(number or 0) for number in time.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise UnreadableLine(f"{line!r}: {match['time']} is no time of day")
    start = hours * HOUR + minutes * MINUTE + seconds
    duration = sum(int(number or 0) * unit for number, (_, unit) in zip(length.groups(), _UNITS, strict=True))
    if match["day"] == "daily":
        return Daily(start, duration)
    return Weekly(DAYS.index(match["day"]) + 1, start, duration)


def _line(window: Window) -> str | None:
    match window:
        case Always():
            return ""
        case Daily():
            return f"daily {_clock(window.start)} for {_length(window.duration)}"
        case Weekly():
            return f"{DAYS[window.weekday - 1]} {_clock(window.start)} for {_length(window.duration)}"
    return None


def _clock(start: int) -> str:
    text = f"{start // HOUR:02}:{start // 60 % 60:02}"
    return f"{text}:{start % 60:02}" if start % 60 else text


def _length(duration: int) -> str:
    parts = ((duration // HOUR, "h"), (duration // 60 % 60, "m"), (duration % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)

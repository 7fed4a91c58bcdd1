"""The rule ``every`` of a connection: its text, its grid of slots, and its words."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from celery.schedules import ParseException, crontab

from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK, zone_names
from syncjobs.slots.grid import Crontab, Grid, Interval, next_slot

OFF: Final = "off"
#: What may be written, as a sentence.
ALLOWED: Final = (
    "Write off; a length from 1m to 366d such as 30m, 6h or 1d; or a crontab of five fields (minute, hour, day of the "
    "month, month, day of the week) and an IANA time zone, such as 0 3 * * 1-5 Europe/Berlin."
)
#: The shortest and the longest interval in seconds.
SHORTEST: Final = MINUTE
LONGEST: Final = 366 * DAY
#: Below this interval the page says what it costs.
CHEAP: Final = 15 * MINUTE
_UNITS: Final = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_LENGTH: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_CRONTAB_FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MOST_TIMES: Final = 4


class InvalidEvery(ValueError):
    """The text is no rule. The message says why, and what is allowed. why: without what is allowed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} {ALLOWED}")
        self.why = why


def clean_every(text: str) -> str:
    """Return the text as it is stored. Raises InvalidEvery."""
    words = text.split()
    cleaned = " ".join(words) if len(words) > 1 else "".join(words).lower()
    if len(cleaned) > 100:
        raise InvalidEvery("The rule is longer than 100 characters.")
    grid_of(cleaned)
    return cleaned


@lru_cache(maxsize=256)
def grid_of(text: str) -> Grid | None:
    """Return the grid of a rule; None if it is off. Raises InvalidEvery."""
    if not text:
        raise InvalidEvery("No rule was entered.")
    if text == OFF:
        return None
    parts = text.split(" ")
    if len(parts) == 1:
        return _interval(text)
    if len(parts) == 5:
        raise InvalidEvery(f"The crontab {text!r} has no time zone.")
    if len(parts) != 6:
        raise InvalidEvery(f"{text!r} is neither a length nor a crontab with a time zone.")
    return _crontab(parts[:5], parts[5])


def unreadable(text: str) -> str:
    """Return why a stored rule cannot be read any more, such as one whose time zone was abolished; empty if it can."""
    try:
        grid_of(text)
    except InvalidEvery as invalid:
        return invalid.why
    return ""


def stored_grid(text: str) -> Grid | None:
    """Return the grid of a stored rule; None if it is off or cannot be read any more."""
    return None if unreadable(text) else grid_of(text)


def _interval(text: str) -> Interval:
    parts = _LENGTH.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidEvery(f"{text!r} is no length.")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not SHORTEST <= seconds <= LONGEST:
        raise InvalidEvery(f"{text!r} is too {'short' if seconds < SHORTEST else 'long'}.")
    return Interval(seconds)


def _crontab(fields: Sequence[str], zone: str) -> Crontab:
    if zone not in zone_names():
        raise InvalidEvery(f"There is no time zone {zone!r}.")
    if not all(field.isascii() for field in fields):
        raise InvalidEvery(f"The crontab {' '.join(fields)!r} cannot be read.")
    given = dict(zip(_CRONTAB_FIELDS, fields, strict=True))
    given["day_of_week"] = _sunday_as_zero(given["day_of_week"])
    try:
        parsed: Any = crontab(**given)
    except (ValueError, ParseException, IndexError) as error:
        raise InvalidEvery(f"The crontab {' '.join(fields)!r} cannot be read or never fires.") from error
    found = Crontab(
        frozenset(parsed.minute),
        frozenset(parsed.hour),
        frozenset(parsed.day_of_month),
        frozenset(parsed.month_of_year),
        frozenset(parsed.day_of_week),
        zone,
    )
    if next_slot(found, 0, 0) is None:
        raise InvalidEvery(f"The crontab {' '.join(fields)!r} never fires.")
    return found


def _sunday_as_zero(field: str) -> str:
    """Return the days of the week with 0 for Sunday. Crontabs also write 7, which Celery refuses."""
    return re.sub(r"(?<![\d/])7(?!\d)", "0", "*" if field in ("0-7", "1-7") else field)


# --- words ------------------------------------------------------------------------------------------------------------


def in_words(grid: Grid | None) -> str:
    """Return a rule in words, such as ``every weekday at 03:00, Berlin``."""
    if grid is None:
        return "off"
    if isinstance(grid, Interval):
        return f"every {_length(grid.seconds)}"
    days, times = _days(grid), _times(grid)
    parts = [days, times]
    if times.startswith("every"):
        parts = [times] if days == "every day" else [f"{days},", times]
    return f"{' '.join(parts)}, {grid.zone.rpartition('/')[2].replace('_', ' ')}"


def stored_in_words(text: str) -> str:
    """Return a stored rule in words."""
    return f"“{text}”, which cannot be read any more" if unreadable(text) else in_words(grid_of(text))


def _length(seconds: int) -> str:
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds % size == 0:
            number = seconds // size
            return word if number == 1 else f"{number} {word}s"
    return f"{seconds} seconds"


def _times(grid: Crontab) -> str:
    minutes, hours = sorted(grid.minutes), sorted(grid.hours)
    if len(hours) == 24:
        step = minutes[1] - minutes[0] if len(minutes) > 1 else 60
        if minutes == list(range(0, 60, step)) and 60 % step == 0:  # else the last gap of an hour is shorter
            return "every hour" if step == 60 else "every minute" if step == 1 else f"every {step} minutes"
        return f"every hour at minute {_listed(minutes)}"
    step = hours[1] - hours[0] if len(hours) > 1 else 24
    if len(minutes) == 1 and len(hours) > 2 and hours == list(range(0, 24, step)) and 24 % step == 0:
        return f"every {step} hours from 00:{minutes[0]:02}"
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return f"at {_listed([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"
    return f"at minute {_listed(minutes)} of hour {_listed(hours)}"


def _days(grid: Crontab) -> str:
    weekdays = sorted(grid.weekdays, key=lambda day: (day - 1) % 7)  # Monday first
    days, months = sorted(grid.days), sorted(grid.months)
    every_weekday, every_date = len(weekdays) == 7, len(days) == 31
    if every_weekday:
        found = "every day"
    elif weekdays == [1, 2, 3, 4, 5]:
        found = "every weekday"
    else:
        found = f"every {_listed([_DAYS[day] for day in weekdays])}"
    if not every_date:
        dates = f"day {_listed(days, 'or')} of the month"
        found = f"on {dates}" if every_weekday else f"{found} that is {dates}"
    return found if len(months) == 12 else f"{found} in {_listed([_MONTHS[month - 1] for month in months])}"


def _listed(values: Collection[object], word: str = "and") -> str:
    """Return values with commas and a word before the last; at least four consecutive numbers as a range."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) == len(values) > 3 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    *first, last = map(str, values)
    return f"{', '.join(first)} {word} {last}" if first else last


def span_in_words(seconds: int) -> str:
    """Return a length of time, such as ``5 h``, in its largest unit."""
    if seconds >= 2 * DAY:
        return f"{seconds // DAY} days"
    if seconds >= HOUR:
        return f"{round(seconds / HOUR)} h"
    return f"{max(round(seconds / MINUTE), 1)} min"


# --- cost -------------------------------------------------------------------------------------------------------------


def runs_a_day(grid: Grid) -> int:
    """Return the number of slots of a day on which it fires, rounded up."""
    if isinstance(grid, Interval):
        return -(-DAY // grid.seconds)
    return len(grid.minutes) * len(grid.hours)


def shortest_gap(grid: Grid) -> int:
    """Return the shortest time between two slots of a day in seconds."""
    if isinstance(grid, Interval):
        return grid.seconds
    times = sorted(hour * HOUR + minute * MINUTE for hour in grid.hours for minute in grid.minutes)
    return min((later - earlier for earlier, later in pairwise([*times, times[0] + DAY])), default=DAY)

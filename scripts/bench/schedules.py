"""The rendered schedules: the standard schedule, its variants, and the same schedules as iCalendar.

Standard: New York; three stacked layers, each with a handoff on Mondays at 09:00: nights 20-02 (3 people) over office
hours 09-17 (4) over round the clock (5); 26 overrides of eight hours a year.
"""

import calendar
from dataclasses import replace
from datetime import UTC, datetime

from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Layer,
    Override,
    Recurring,
    Rule,
    ScheduleSpec,
    Window,
    person,
)
from oncall.rendering.zones import DAY, HOUR, WEEK

YEAR_START = calendar.timegm((2026, 1, 5, 9, 0, 0))
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Pacific/Auckland",
    "Atlantic/Azores",
)


def _layer(key: str, people: int, window: Window) -> Layer:
    members = tuple(person(f"{key}-{number}") for number in range(people))
    return Layer(key, key, (window,), ByTime(YEAR_START - WEEK, WEEK), members)


def standard(zone: str = ZONES[0]) -> ScheduleSpec:
    layers = (
        _layer("nights", 3, Daily(20 * HOUR, 6 * HOUR)),
        _layer("office", 4, Daily(9 * HOUR, 8 * HOUR)),
        _layer("always", 5, Always()),
    )
    starts = (YEAR_START + number * 2 * WEEK + 3 * DAY for number in range(26))
    overrides = tuple(Override(f"o{start}", start, start + 8 * HOUR, person("stand-in")) for start in starts)
    return ScheduleSpec(zone, "stacked", layers, overrides=overrides)


def recurring() -> ScheduleSpec:
    """Return a schedule with the standard overrides, nights and office hours on working days.

    The people of the nights change with every second occurrence. Both windows recur by a rule.
    """
    first = YEAR_START - WEEK
    working_days = Rule("WEEKLY", by_day=tuple((0, weekday) for weekday in range(1, 6)))
    layers = (
        replace(
            _layer("nights", 3, Recurring(Rule("DAILY"), first + 11 * HOUR, 6 * HOUR)),
            turns=ByOccurrence(shifts_per_participant=2),
        ),
        _layer("office", 4, Recurring(working_days, first, 8 * HOUR)),
    )
    return replace(standard(), layers=layers)


def shifted(spec: ScheduleSpec, seconds: int) -> ScheduleSpec:
    """Return the schedule with every rotation and rule starting ``seconds`` later (negative: earlier)."""
    return replace(spec, layers=tuple(_moved(each, seconds) for each in spec.layers))


def _moved(layer: Layer, seconds: int) -> Layer:
    turns = layer.turns
    if isinstance(turns, ByTime):
        turns = replace(turns, anchor=turns.anchor + seconds)
    windows = (
        replace(each, first=each.first + seconds) if isinstance(each, Recurring) else each for each in layer.windows
    )
    return replace(layer, turns=turns, windows=tuple(windows))


def many(count: int) -> list[ScheduleSpec]:
    """Return variants of the standard schedule: eight zones, handoffs on other days at the same hour."""
    return [shifted(standard(ZONES[number % len(ZONES)]), number % 7 * DAY) for number in range(count)]


# --- as iCalendar -----------------------------------------------------------------------------------------------------


def as_icalendar(spec: ScheduleSpec) -> str:
    """Return a calendar with a recurring event per participant and layer, and an event per override.

    SUMMARY is the person, PRIORITY the position in the stack (0 = overrides). Supported are schedules of weekly turns
    that begin at or outside of their windows.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//EN"]
    for place, layer in enumerate(spec.layers, start=1):
        for number, who in enumerate(layer.participants):
            start, duration, rule = _recurrence(layer, number)
            lines += _event(f"{layer.key}-{number}", place, str(who), f";TZID={spec.zone}:{_stamp(start)}", duration)
            lines[-1:-1] = [f"RRULE:{rule}"]
    for override in spec.overrides:
        start = f":{_stamp(override.starts_at)}Z"
        lines += _event(override.key, 0, str(override.by), start, override.ends_at - override.starts_at)
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _recurrence(layer: Layer, number: int) -> tuple[int, int, str]:
    """Return first start (a reading), seconds, and rule of the turns of one participant."""
    if not isinstance(layer.turns, ByTime) or layer.turns.length != WEEK:
        raise TypeError("only weekly turns are written")
    begin = layer.turns.anchor + number * WEEK
    every = f"FREQ=WEEKLY;INTERVAL={len(layer.participants)}"
    match layer.windows:
        case (Always(),):
            return begin, WEEK, every
        case (Daily(start, duration),):
            first = begin + (start - begin) % DAY
            # A week that begins on the day of the handoff contains the turn's seven starts.
            day = datetime.fromtimestamp(first, UTC).weekday()
            days = ",".join(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))
            return first, duration, f"{every};WKST={days.split(',')[day]};BYDAY={days}"
    raise TypeError("only layers that are always or daily open are written")


def _event(uid: str, priority: int, summary: str, start: str, seconds: int) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        f"DTSTART{start}",
        f"DURATION:PT{seconds // HOUR}H",
        f"SUMMARY:{summary}",
        f"PRIORITY:{priority}",
        "END:VEVENT",
    ]


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")

"""A second opinion: who is on call, decided minute by minute from the written definitions alone.

It imports nothing of the product and takes plain values. It is slow on purpose: for each minute it reads the clock and
applies each rule of docs/rendering.md. A schedule is ``{"zone", "composition", "layers", "extra_shifts", "overrides",
"groups"}``, see ``comparison.plain``. Participants are text, None is vacant. All times are whole minutes.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

MINUTE, DAY = 60, 86_400
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
LOOK_BACK = DAY  # nobody sets a clock back by more

Clock = dict[int, tuple[int, int]]
#: Index, the reading it starts at, the one it ends at, and the instant it starts at if that is in a second pass.
Occurrence = tuple[int, float, float, int | None]


@cache
def zone_info(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@lru_cache(maxsize=80)
def clock(zone: str, since: int, until: int) -> Clock:
    """Returns for each minute the reading, and the largest reading so far."""
    info = zone_info(zone)
    shown, furthest = {}, 0
    for minute in range(since - LOOK_BACK, until, MINUTE):
        offset = datetime.fromtimestamp(minute, info).utcoffset()
        assert offset is not None
        reading = minute + offset // timedelta(seconds=1)
        furthest = reading if minute == since - LOOK_BACK else max(furthest, reading)
        shown[minute] = (reading, furthest)
    return shown


def most_shown_by(zone: str, instant: int) -> int:
    """``at(x) <= instant`` is the same as: by then the clock has shown x or more."""
    return clock(zone, instant, instant + MINUTE)[instant][1]


# --- when: definitions 4 to 13 ----------------------------------------------------------------------------------------


def moment(reading: int) -> datetime:
    return EPOCH + timedelta(seconds=reading)


def period(frequency: str, day: datetime, week_start: int) -> int:
    """Returns the number of the day, week, month or year of the calendar that contains the day."""
    match frequency:
        case "DAILY":
            return day.toordinal()
        case "WEEKLY":  # day 1 of year 1 was a Monday
            return (day.toordinal() - week_start) // 7
        case "MONTHLY":
            return day.year * 12 + day.month
    return day.year


def is_that_weekday(day: datetime, ordinal: int, weekday: int, within_year: bool) -> bool:
    if day.isoweekday() != weekday:
        return False
    if ordinal == 0:
        return True
    step = timedelta(weeks=1 if ordinal < 0 else -1)
    position, other = 1, day + step  # the number of equal weekdays from this day to the end, or back to the beginning
    while other.year == day.year and (within_year or other.month == day.month):
        position, other = position + 1, other + step
    return position == abs(ordinal)


def is_day_of_rule(rule: dict[str, Any], first: datetime, day: datetime) -> bool:
    frequency = rule["frequency"]
    elapsed = period(frequency, day, rule["week_start"]) - period(frequency, first, rule["week_start"])
    if elapsed % rule["interval"] or (rule["by_month"] and day.month not in rule["by_month"]):
        return False
    if not rule["by_day"] and not rule["by_month_day"]:
        match frequency:
            case "DAILY":
                return True
            case "WEEKLY":
                return day.isoweekday() == first.isoweekday()
            case "MONTHLY":
                return day.day == first.day
        return day.day == first.day and (bool(rule["by_month"]) or day.month == first.month)
    last = monthrange(day.year, day.month)[1]
    if rule["by_month_day"] and not any(day.day == (n if n > 0 else last + 1 + n) for n in rule["by_month_day"]):
        return False
    within_year = frequency == "YEARLY" and not rule["by_month"]
    return not rule["by_day"] or any(is_that_weekday(day, *pair, within_year) for pair in rule["by_day"])


def starts_of_rule(rule: dict[str, Any], first: int, until: int) -> list[int]:
    """Every day is tested, from the day of ``first`` to the reading ``until``."""
    starts: list[int] = []
    for reading in range(first, until, DAY):
        if len(starts) == rule["count"] or (rule["until"] is not None and reading > rule["until"]):
            break
        if is_day_of_rule(rule, moment(first), moment(reading)):
            starts.append(reading)
    return starts


def occurs(rule: dict[str, Any], first: int) -> bool:
    """Has the rule a single start in the years that docs/rendering.md allows?"""
    return bool(starts_of_rule({**rule, "count": 1}, first, (datetime(2201, 1, 1) - EPOCH) // timedelta(seconds=1)))  # noqa: DTZ001


def occurrences(
    window: dict[str, Any], excluded_counts: bool, since: int, until: int, zone: str = "Etc/UTC"
) -> list[Occurrence]:
    """Those that hold a reading of ``[since, until)``."""
    late: list[tuple[int, int, int]] = []
    if window["type"] == "always":
        return [(0, -inf, inf, None)]
    if window["type"] == "recurring":
        added = [reading for reading in window["added"] if reading < until]
        starts = sorted({*starts_of_rule(window["rule"], window["first"], until), *added})
        counted = [start for start in starts if excluded_counts or start not in window["excluded"]]
        for instant in window["late"]:  # after everything that the clock has shown by then
            before = [start for start in counted if start <= most_shown_by(zone, instant)]
            earlier = [each for each in window["late"] if each < instant]
            late.append((len(before) + len(earlier), clock(zone, instant, instant + MINUTE)[instant][0], instant))
        found = [
            (index + sum(start > most_shown_by(zone, instant) for instant in window["late"]), start)
            for index, start in enumerate(counted)
            if start not in window["excluded"]
        ]
    else:
        midnight = since - since % DAY
        days = range(midnight - window["duration"] // DAY * DAY - DAY, until, DAY)
        weekdays = range(1, 8) if window["type"] == "daily" else [window["weekday"]]
        found = [(0, day + window["start"]) for day in days if moment(day).isoweekday() in weekdays]
    second_pass = {} if window["type"] != "recurring" else {window["first"]: window["first_at"]}
    return [
        (index, start, start + window["duration"], instant)
        for index, start, instant in [*((i, start, second_pass.get(start)) for i, start in found), *late]
        if start < until and start + window["duration"] > since
    ]


@cache
def ends_of_run(begins: int, end: float, zone: str) -> float:
    """The first minute from ``begins`` on in which the clock shows the last reading of an occurrence, or more."""
    minutes = clock(zone, begins, begins + 3 * DAY)
    return next((minute for minute in minutes if minute >= begins and minutes[minute][0] >= end), inf)


def runs_since(begins: int, end: float, zone: str, instant: int) -> bool:
    """Does an occurrence that starts at an instant run? From then on no minute has shown its last reading yet."""
    return begins <= instant < ends_of_run(begins, end, zone)


def is_whole(layer: dict[str, Any], start: float, end: float) -> bool:
    """Does ``[at(start), at(end))`` lie inside the clip? Nothing before the clip has shown ``start``."""
    if layer["starts_at"] is not None and most_shown_by(layer["zone"], layer["starts_at"] - MINUTE) >= start:
        return False
    return layer["ends_at"] is None or most_shown_by(layer["zone"], layer["ends_at"]) >= end


def open_during(layer: dict[str, Any], since: int, until: int) -> list[Occurrence]:
    found = [
        each
        for window in layer["windows"]
        for each in occurrences(
            window, layer["excluded_occurrence_uses_turn"], since - 2 * DAY, until + DAY, layer["zone"]
        )
    ]
    return [each for each in found if is_whole(layer, *each[1:3])] if layer["clip"] == "drop" else found


def window_is_open(window: dict[str, Any], reading: int) -> bool:
    """Returns whether a reading is in a daily or weekly window."""
    return bool(occurrences(window, True, reading, reading + 1))


# --- who: definitions 14 to 17 ----------------------------------------------------------------------------------------


def months_later(reading: int, months: int) -> int:
    """Returns the same day and time this number of months later, on the last day of the month at most."""
    moment = EPOCH + timedelta(seconds=reading)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - EPOCH) // timedelta(seconds=1)


def turn(turns: dict[str, Any], instant: int, furthest: int) -> int:
    if turns["unit"] == "months":
        k = 0
        while months_later(turns["anchor"], (k + 1) * turns["length"]) <= furthest:
            k += 1
        while months_later(turns["anchor"], k * turns["length"]) > furthest:
            k -= 1
        return k
    now = instant if turns["clock"] == "elapsed" else furthest
    return int((now - turns["anchor"]) // turns["length"])


def layer_says(layer: dict[str, Any], instant: int, reading: int, furthest: int) -> set[str]:
    if layer["starts_at"] is not None and instant < layer["starts_at"]:
        return set()
    if layer["ends_at"] is not None and instant >= layer["ends_at"]:
        return set()
    order, turns = layer["participants"], layer["turns"]
    # [at(s), at(e)) holds an instant when by then the clock has shown s or more and has not yet shown e or more.
    unbroken = turns["type"] == "by_occurrence" or layer["window_edge"] == "boundary"
    shown = furthest if unbroken else reading
    inside = [
        index
        for index, start, end, begins in layer["open"]
        if (start <= shown < end if begins is None else runs_since(begins, end, layer["zone"], instant))
    ]
    if not order or not inside:
        return set()
    match turns["type"]:
        case "everyone":
            whose = order
        case "by_occurrence":
            whose = [order[index // turns["shifts_per_participant"] % len(order)] for index in inside]
        case _:
            whose = [order[turn(turns, instant, furthest) % len(order)]]
    return {each for each in whose if each is not None}


# --- together: definitions 18 to 20 -----------------------------------------------------------------------------------


def strongest(overrides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(overrides, key=lambda o: (o["rank"], o["starts_at"], o["key"]), reverse=True)


def who_is_on_call(
    schedule: dict[str, Any], substitutions: list[dict[str, Any]], instant: int, clocks: dict[str, Clock]
) -> tuple[str, ...]:
    layers = schedule["layers"]
    own: list[tuple[str, str, set[str]]] = []  # (kind, key, who) of each layer and of each extra shift that runs
    for layer in layers:
        own.append(("layer", layer["key"], layer_says(layer, instant, *clocks[layer["zone"]][instant])))
    for shift in schedule["extra_shifts"]:
        if shift["starts_at"] <= instant < shift["ends_at"]:
            own.append(("shift", shift["key"], set() if shift["by"] is None else {shift["by"]}))
    if not layers:
        own.append(("layer", "no layer at all", set()))
    active = strongest([o for o in schedule["overrides"] if o["starts_at"] <= instant < o["ends_at"]])

    final: set[str] = set()
    decided = False  # a layer above has somebody, or an override that leaves nobody there
    for kind, key, people in own:
        looking = [o for o in active if o["sources"] is None or key in o["sources"]]
        now: set[str | None] = set()
        for one in people:
            replacing = [o for o in looking if o["replaces"] in ("everyone", one)]
            now.add(replacing[0]["by"] if replacing else one)
        if not people:
            filling = []
            for override in looking:
                seen = [who for _, k, who in own if override["sources"] is None or k in override["sources"]]
                if override["covers_gaps"] and (override["replaces"] == "everyone" or not any(seen)):
                    filling.append(override["by"])
            now = set(filling[:1])
        if kind == "shift" or not decided:
            final |= {one for one in now if one is not None}
        if kind == "layer" and now and schedule["composition"] == "stacked":
            decided = True

    shown: set[str] = set()
    for one in final:
        away = [
            s
            for s in substitutions
            if s["person"] == one
            and s["starts_at"] <= instant < s["ends_at"]
            and (s["groups"] is None or s["groups"] & set(schedule["groups"]))
        ]
        stand_in = max(away, key=lambda s: (s["starts_at"], s["key"]))["replacement"] if away else one
        if stand_in is not None:
            shown.add(stand_in)
    return tuple(sorted(shown))


def timeline(
    schedule: dict[str, Any], substitutions: list[dict[str, Any]], since: int, until: int
) -> dict[int, tuple[str, ...]]:
    """Returns who is on call in each minute of ``[since, until)``."""
    layers = [{**layer, "open": open_during(layer, since, until)} for layer in schedule["layers"]]
    schedule = {**schedule, "layers": layers}
    clocks = {layer["zone"]: clock(layer["zone"], since, until) for layer in schedule["layers"]}
    return {minute: who_is_on_call(schedule, substitutions, minute, clocks) for minute in range(since, until, MINUTE)}

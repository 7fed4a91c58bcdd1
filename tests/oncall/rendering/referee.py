"""A second opinion: who is on call, decided minute by minute from the written definitions alone.

It imports nothing of the product and takes plain values. Slow on purpose: it looks at a clock each minute and asks each
rule whether it holds. A schedule is ``{"zone", "layers", "extra_shifts", "overrides", "groups"}``, shaped as in
``comparison.plain``; participants are text, None is the vacant one. Everything must lie on whole minutes.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

MINUTE, DAY = 60, 86_400
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
LOOK_BACK = DAY  # nobody sets a clock back by more

Clock = dict[int, tuple[int, int]]


@cache
def zone_info(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@lru_cache(maxsize=80)
def clock(zone: str, since: int, until: int) -> Clock:
    """For each minute: what the wall clock shows, and the most it has shown by then."""
    info = zone_info(zone)
    shown, furthest = {}, 0
    for minute in range(since - LOOK_BACK, until, MINUTE):
        offset = datetime.fromtimestamp(minute, info).utcoffset()
        assert offset is not None
        reading = minute + offset // timedelta(seconds=1)
        furthest = reading if minute == since - LOOK_BACK else max(furthest, reading)
        shown[minute] = (reading, furthest)
    return shown


def window_is_open(window: dict[str, Any], reading: int) -> bool:
    """Is there a day d on which the window starts, so that d + start <= reading < d + start + duration?"""
    if window["type"] == "always":
        return True
    midnight = reading - reading % DAY
    for days_ago in range(2 if window["type"] == "daily" else 9):  # no window is longer than that
        day = midnight - days_ago * DAY
        weekday = (day // DAY + 3) % 7 + 1  # 1970-01-01 was a Thursday
        if window["type"] == "weekly" and weekday != window["weekday"]:
            continue
        if day + window["start"] <= reading < day + window["start"] + window["duration"]:
            return True
    return False


def months_later(reading: int, months: int) -> int:
    """The same day and time so many months later; the day is cut to the month's last."""
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
    order = layer["participants"]
    if not order or not any(window_is_open(window, reading) for window in layer["windows"]):
        return set()
    if layer["turns"]["type"] == "everyone":
        return {each for each in order if each is not None}
    whose = order[turn(layer["turns"], instant, furthest) % len(order)]
    return set() if whose is None else {whose}


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
        if kind == "layer" and now:
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
    """Who is on call in each minute of ``[since, until)``."""
    clocks = {layer["zone"]: clock(layer["zone"], since, until) for layer in schedule["layers"]}
    return {minute: who_is_on_call(schedule, substitutions, minute, clocks) for minute in range(since, until, MINUTE)}

"""Converts a vendor's time-zone string to one IANA name, or reports why this is not possible. It never guesses.

Different names for one place become one canonical name, so that equal zones compare equal. The IANA data comes only
from the ``tzdata`` package: the data of the operating system differs by machine and has entries that are not zones,
for example ``localtime``.
"""

import difflib
import html
import re
import unicodedata
from calendar import timegm
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from tzlocal.windows_tz import win_tz

from connectors.zones.chosen import chosen_zone, kept_zone
from connectors.zones.zone_names import ABBREVIATIONS, LINKS_BY_PLACE, RAILS, UTC_NAMES
from oncall.rendering.zones import offset_at

Outcome = Literal["ok", "converted", "warn", "conflict", "kept"]
Rule = Literal[
    "blank",
    "too_long",
    "abbreviation",
    "utc",
    "iana",
    "windows",
    "rails",
    "fixed_offset",
    "offset",
    "label",
    "unknown",
    "chosen",
]

MAX_RAW, MAX_NAME, MAX_CANDIDATES = 200, 64, 5
_REFERENCE_YEAR = 2026  # a label has the standard or the summer offset; any recent year shows both

_LABEL = re.compile(r"\((?:UTC|GMT) ?(?:([+-])([0-9]{1,2}):?([0-9]{2})?)?\) ?", re.IGNORECASE)
_OFFSET = re.compile(r"(?:UTC|GMT)? ?([+-])([0-9]{1,2}):?([0-9]{2})?", re.IGNORECASE)
_DAYLIGHT = re.compile(r"daylight time$")


@dataclass(frozen=True, slots=True)
class ZoneReading:
    """The meaning of one vendor string.

    zone: canonical IANA name, None if the outcome is ``conflict``. outcome: ``ok`` (an IANA name), ``converted`` (a
    Windows or Rails name), ``warn`` (a fixed offset, which must be confirmed for a schedule), ``conflict`` (a person
    must choose), ``kept`` (one of the last two, but the schedule had a known zone before, and keeps it). candidates:
    suggestions, most likely first; they are never applied. rule: the kind of name that was
    recognised. note: one sentence for people.
    """

    raw: str
    zone: str | None
    outcome: Outcome
    rule: Rule
    candidates: tuple[str, ...]
    note: str

    @property
    def is_sure(self) -> bool:
        """Return whether the string means the zone without doubt."""
        return self.outcome in ("ok", "converted")


def convert(raw: str | None) -> ZoneReading:
    """Read one vendor string. None and blanks are a conflict; the caller knows which default zone applies.

    A string for which a person has chosen a zone means that zone. A blank does so only for a schedule
    (:func:`chosen_for_blank`), because a person may have no zone.
    """
    return (_chosen(raw) if raw else None) or _convert(raw or "")


def chosen_for_blank() -> ZoneReading | None:
    """Return the zone that a person has chosen for schedules without one, or None."""
    return _chosen("")


def keep_known(reading: ZoneReading, schedule: str) -> ZoneReading:
    """Return the reading of a schedule's string, with the last known zone of the schedule if it is not sure.

    schedule: its id at the source.
    """
    zone = None if reading.is_sure else kept_zone(schedule)
    if zone is None:
        return reading
    note = f"{reading.note} The schedule keeps {zone}, its last known zone, until a zone is chosen."
    return replace(reading, zone=zone, outcome="kept", note=note)


def asked_name(raw: str | None, schedule: str) -> str | None:
    """Return the name by which to ask a vendor for the zone of a schedule: the chosen or kept one, else its own string.

    None if there is no string. schedule: its id at the source.
    """
    if not raw:
        return None
    return chosen_zone(raw) or (None if convert(raw).is_sure else kept_zone(schedule)) or raw


def _chosen(raw: str) -> ZoneReading | None:
    zone = chosen_zone(raw[:MAX_RAW])
    if zone is None:
        return None
    return ZoneReading(raw, zone, "converted", "chosen", (), f"{zone} was chosen for {_shown(raw)}.")


@lru_cache(maxsize=4096)
def _convert(raw: str) -> ZoneReading:
    if len(raw) > MAX_RAW:
        return _conflict(raw[:MAX_RAW], "too_long", (), "The time zone is too long to be a name; choose one.")
    name = _clean(raw)
    if not name:
        return _conflict(raw, "blank", (), "No time zone is given; choose one.")
    if len(name) > MAX_NAME:
        return _conflict(raw, "too_long", (), "The time zone is too long to be a name; choose one.")
    label = _LABEL.match(name)
    if label is None:
        return _read(raw, name)
    rest = name[label.end() :]
    if not rest:
        return _read(raw, name.strip("()"))
    return _agreeing(_read(raw, rest), _minutes(*label.groups()))


def same_zone(a: str | None, b: str | None) -> bool:
    """Return whether two strings mean the same zone. An unknown string equals nothing, not even itself."""
    zone = convert(a).zone
    return zone is not None and zone == convert(b).zone


def _clean(raw: str) -> str:
    text = unicodedata.normalize("NFKC", html.unescape(raw)).replace("\N{MINUS SIGN}", "-")
    return " ".join(text.split())


def _read(raw: str, name: str) -> ZoneReading:
    """The order matters: "EST" and "GMT" are also IANA names, and "GMT Standard Time" is a Windows name."""
    folded = name.casefold()
    if meanings := ABBREVIATIONS.get(name.upper()):
        return _conflict(raw, "abbreviation", meanings, f"{_shown(name)} is an abbreviation; choose the zone it means.")
    if folded in UTC_NAMES:
        return ZoneReading(raw, "Etc/UTC", "ok", "utc", (), f"{_shown(name)} is UTC.")
    iana = _iana().get(folded) or _iana().get(folded.replace(" ", "_"))
    if iana:
        return ZoneReading(raw, iana, "ok", "iana", (), f"{_shown(name)} is the IANA zone {iana}.")
    if windows := _windows().get(folded):
        return ZoneReading(raw, windows, "converted", "windows", (), f"Windows calls {windows} {_shown(name)}.")
    if standard := _windows().get(_DAYLIGHT.sub("standard time", folded)):
        note = f"{_shown(name)} names only the summer half of a zone; choose the zone."
        return _conflict(raw, "windows", (standard,), note)
    if rails := _rails().get(folded):
        if len(rails) > 1:
            note = f"{_shown(name)} has meant different zones in different versions of Rails; choose one."
            return _conflict(raw, "rails", rails, note)
        return ZoneReading(raw, rails[0], "converted", "rails", (), f"Rails calls {rails[0]} {_shown(name)}.")
    if offset := _OFFSET.fullmatch(name):
        return _fixed(raw, name, _minutes(*offset.groups()))
    return _conflict(raw, "unknown", _similar(folded), f"{_shown(name)} is no known time zone; choose one.")


def _fixed(raw: str, name: str, minutes: int) -> ZoneReading:
    # POSIX counts west of Greenwich as positive: UTC+5 is Etc/GMT-5.
    zone = _iana().get(f"etc/gmt{-minutes // 60:+d}") if minutes % 60 == 0 else None
    if zone is None:
        note = f"{_shown(name)} is an offset that no zone without summer time has; choose a zone."
        return _conflict(raw, "offset", _zones_at(minutes), note)
    note = f"{_shown(name)} is a fixed offset without summer time: right for one instant, seldom for a schedule."
    return ZoneReading(raw, zone, "warn", "fixed_offset", (zone,), note)


def _agreeing(reading: ZoneReading, minutes: int) -> ZoneReading:
    """Return the reading, or a conflict if the label's offset is not an offset of the zone in winter or summer."""
    if reading.zone is None or minutes in _offsets(reading.zone):
        return reading
    note = f"The offset in {_shown(reading.raw)} is never that of {reading.zone}; choose the zone that is meant."
    return _conflict(reading.raw, "label", (reading.zone,), note)


def _conflict(raw: str, rule: Rule, candidates: Iterable[str], note: str) -> ZoneReading:
    return ZoneReading(raw, None, "conflict", rule, tuple(candidates), note)


def _minutes(sign: str | None, hours: str | None, minutes: str | None) -> int:
    """Return minutes east of Greenwich from the groups of a label or an offset. A label without numbers is UTC."""
    total = int(hours or 0) * 60 + int(minutes or 0)
    return -total if sign == "-" else total


def _shown(name: str) -> str:
    return '"' + "".join(char if char.isprintable() else "?" for char in name[:MAX_NAME]) + '"'


@cache
def _iana() -> dict[str, str]:
    """Return the canonical IANA name by case-folded IANA name."""
    data = files("tzdata")
    names = {name for name in data.joinpath("zones").read_text("ascii").split() if name != "Factory"}
    places = {line.split("\t")[2] for line in _lines(data.joinpath("zoneinfo", "zone.tab").read_text("utf-8"))}
    links = dict(LINKS_BY_PLACE)
    for line in _lines(data.joinpath("zoneinfo", "tzdata.zi").read_text("utf-8")):
        kind, *words = line.split()
        if kind == "L":
            target, alias = words
            links.setdefault(alias, target)

    def canonical(name: str) -> str:
        # A place keeps its own name although tzdata links it to a bigger neighbour (Oslo to Berlin).
        while name not in places and name in links:
            name = links[name]
        return name

    return {name.casefold(): canonical(name) for name in names}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _windows() -> dict[str, str]:
    """Return the canonical IANA name by case-folded Windows id, without ids that are only an offset ("UTC-08")."""
    return {name.casefold(): _iana()[zone.casefold()] for name, zone in win_tz.items() if not name.startswith("UTC")}


@cache
def _rails() -> dict[str, tuple[str, ...]]:
    return {name.casefold(): tuple(_iana()[zone.casefold()] for zone in zones) for name, zones in RAILS.items()}


@lru_cache(maxsize=1024)
def _offsets(zone: str) -> tuple[int, ...]:
    """Return the zone's offsets from UTC in January and July, in minutes."""
    return tuple(offset_at(zone, timegm((_REFERENCE_YEAR, month, 1, 0, 0, 0))) // 60 for month in (1, 7))


def _zones_at(minutes: int) -> tuple[str, ...]:
    zones = sorted(zone for zone in set(_iana().values()) if minutes in _offsets(zone))
    return tuple(zones[:MAX_CANDIDATES])


def _similar(folded: str) -> tuple[str, ...]:
    """Return zones of the same city, then zones with a similar spelling."""
    key = folded.replace(" ", "_")
    city = key.rpartition("/")[2]
    near = [name for name in _iana() if "/" in name and name.rpartition("/")[2] == city]
    near += difflib.get_close_matches(key, _iana(), n=MAX_CANDIDATES * 2, cutoff=0.75)
    zones = [_iana()[name] for name in near]
    zones += [_windows()[name] for name in difflib.get_close_matches(folded, _windows(), n=MAX_CANDIDATES, cutoff=0.85)]
    return tuple(dict.fromkeys(zones))[:MAX_CANDIDATES]

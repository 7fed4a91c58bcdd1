"""People and teams of an invented organisation in no vendor's words, and ids and times that are repeatable."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from connectors.simulator.zones import DAY, HOUR, first_instant, iso, offset_at, reading_at, stretches, weekday_of

CHANGING_ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
)
"""Zones with daylight saving time. The schedule "Clock Change" uses the first that changes within two weeks."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Person:
    """``phone`` is (country code, national number). ``key`` identifies the person in this organisation."""

    key: str
    name: str
    email: str
    phone: tuple[int, str]
    zone: str
    title: str


@dataclass(frozen=True, slots=True)
class Team:
    """``members`` are keys of people, the lead first. ``parent`` is the key of another team."""

    key: str
    name: str
    description: str
    members: tuple[str, ...]
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    name: str
    zone: str
    people: tuple[Person, ...]
    teams: tuple[Team, ...]

    def person(self, key: str) -> Person:
        return next(person for person in self.people if person.key == key)


def identifier(seed: int, *parts: object, prefix: str = "P", length: int = 7) -> str:
    """Return an id like ``PQ1ZK7M``. The same seed and parts give the same id."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    number = int.from_bytes(blake2b(text.encode(), digest_size=20).digest(), "big")
    letters = []
    for _ in range(length - len(prefix)):
        number, letter = divmod(number, 36)
        letters.append(_ALPHABET[letter])
    return prefix + "".join(letters)


def uuid(seed: int, *parts: object) -> str:
    """Return a UUID. The same seed and parts give the same UUID."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))


class Identifiers:
    """Makes ids that are unique per kind. The same seed gives the same ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given: dict[str, set[str]] = {}

    def new(self, kind: str, *parts: object, prefix: str = "P", length: int = 7) -> str:
        given = self._given.setdefault(kind, set())
        attempt = 0
        while (made := identifier(self._seed, kind, attempt, *parts, prefix=prefix, length=length)) in given:
            attempt += 1
        given.add(made)
        return made


def spread_ids(objects: Sequence[Any], number: int, count: int) -> list[str]:
    """Return the ids of ``count`` different objects. Another ``number`` gives other objects."""
    step = max(1, len(objects) // (count + 1))
    return list(dict.fromkeys(objects[(number * 13 + place * step) % len(objects)].id for place in range(count)))


def changing_zone(now: int, zones: Sequence[str], *, fallback: str, days: int = 14) -> str:
    """Return the first of ``zones`` whose offset changes within the next ``days``, else ``fallback``."""
    for zone in zones:
        if any(part.start > now for part in stretches(zone, now, now + days * DAY)):
            return zone
    return fallback


def monday(zone: str, now: int) -> int:
    """Return the reading of the Monday midnight with which the current week of ``zone`` began."""
    today = reading_at(zone, now) // DAY * DAY
    return today - (weekday_of(today) - 1) * DAY


def local_time(zone: str, now: int, *, day: int = 0, hour: float = 0, from_monday: bool = False) -> int:
    """Return the instant of ``hour`` on the wall clock, ``day`` days after today or this week's Monday."""
    base = monday(zone, now) if from_monday else (now + offset_at(zone, now)) // DAY * DAY
    return first_instant(zone, base + day * DAY + round(hour * HOUR))


def instant_text(moment: float) -> str:
    """Return ISO 8601 in UTC with a Z. Milliseconds are written without trailing zeros."""
    seconds, thousandths = divmod(round(moment * 1000), 1000)
    fraction = f".{thousandths:03}".rstrip("0").rstrip(".")
    return f"{iso(seconds, 'UTC')[:-1]}{fraction}Z"

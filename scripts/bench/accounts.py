"""A made-up account as records, of any size, and the same account a day later. Equal arguments give equal accounts.

70 % of the objects are people (with one to three contact methods and a notification rule), 5 % teams of 5 to 10, 9 %
schedules of one or two layers (every fourth with an override), 8 % policies of two levels, 8 % services.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    Record,
    Snapshot,
    SourceContactMethod,
    SourceMember,
    SourceNotificationRule,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from connectors.zones.timezones import convert
from oncall.escalation.policy import Level, Policy, Target
from oncall.rendering.spec import Always, ByTime, Daily, Layer, Override, person
from scripts.bench.schedules import DAY, HOUR, WEEK, YEAR_START

FETCHED_AT = YEAR_START + 100 * DAY
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")
R = TypeVar("R", bound=Record)


def account(size: int) -> Snapshot:
    """Return the account as the result of one read."""
    teams, schedules, policies, services = (max(1, size * part // 100) for part in (5, 9, 8, 8))
    people = max(12, size - teams - schedules - policies - services)
    return Snapshot(
        provider="pagerduty",
        account=Account("acme", "acme.pagerduty.com", "us"),
        fetched_at=FETCHED_AT,
        users=tuple(_user(number) for number in range(people)),
        teams=tuple(_team(number, people) for number in range(teams)),
        schedules=tuple(_schedule(number, people, teams) for number in range(schedules)),
        policies=tuple(_policy(number, people, teams, schedules) for number in range(policies)),
        services=tuple(_service(number, policies, teams) for number in range(services)),
        completeness={kind: Completeness(True) for kind in ENTITY_TYPES},
        mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
    )


def changed(snapshot: Snapshot) -> Snapshot:
    """Return the account a day later: every tenth object has another name."""

    def renamed(records: Sequence[R]) -> tuple[R, ...]:
        return tuple(
            replace(each, name=f"{each.name} II") if number % 10 == 0 else each for number, each in enumerate(records)
        )

    return replace(
        snapshot,
        users=renamed(snapshot.users),
        teams=renamed(snapshot.teams),
        schedules=renamed(snapshot.schedules),
        policies=renamed(snapshot.policies),
        services=renamed(snapshot.services),
    )


def newcomer(snapshot: Snapshot) -> Snapshot:
    """Return the account with one more person."""
    return replace(snapshot, users=(*snapshot.users, _user(len(snapshot.users))))


def records(snapshot: Snapshot) -> list[Record]:
    return [record for kind in ENTITY_TYPES for record in snapshot.records(kind)]


def _some(number: int, people: int, count: int) -> Iterator[str]:
    """Return ``count`` different people; another ``number`` gives other people."""
    return (f"U{(number * 13 + place * (people // (count + 1))) % people}" for place in range(count))


def _user(number: int) -> SourceUser:
    email = f"person.{number}@example.com"
    phone = f"+1{number:010}"
    methods = (
        SourceContactMethod(f"M{number}-0", "email", email, "Default", True),
        SourceContactMethod(f"M{number}-1", "voice", phone, "Work", True),
        SourceContactMethod(f"M{number}-2", "sms", phone, "Mobile", True),
    )[: 1 + number % 3]
    return SourceUser(
        external_id=f"U{number}",
        name=f"Person {number}",
        email=email,
        state="active",
        time_zone=convert(ZONES[number % 3]),
        title="Engineer",
        contact_methods=methods,
        notification_rules=(SourceNotificationRule(f"N{number}", "high", 0, methods[-1].external_id),),
        substitutions=(),
    )


def _team(number: int, people: int) -> SourceTeam:
    members = tuple(SourceMember(who, "responder") for who in _some(number, people, 5 + number % 6))
    return SourceTeam(f"T{number}", f"Team {number:05}", f"Made-up team {number}", members)


def _schedule(number: int, people: int, teams: int) -> SourceSchedule:
    turns = ByTime(YEAR_START + number % 7 * DAY, WEEK)
    members = tuple(map(person, _some(number + 7, people, 3 + number % 4)))
    layers = [Layer("L1", "Layer 1", (Always(),), turns, members)]
    if number % 3 == 0:
        night = (Daily(20 * HOUR, 12 * HOUR),)
        layers.insert(0, Layer("L2", "Layer 2", night, turns, tuple(map(person, _some(number + 8, people, 2)))))
    start = FETCHED_AT + number % 60 * DAY
    overrides = (Override(f"O{number}", start, start + 8 * HOUR, person(f"U{number % people}")),)
    return SourceSchedule(
        external_id=f"S{number}",
        name=f"Schedule {number:05}",
        time_zone=convert(ZONES[number % 3]),
        composition="stacked",
        layers=tuple(layers),
        description=f"Made-up schedule {number}",
        group_ids=(f"T{number % teams}",),
        extra_shifts=(),
        overrides=overrides if number % 4 == 0 else (),
        fetched_range=(FETCHED_AT - DAY, FETCHED_AT + 90 * DAY),
    )


def _policy(number: int, people: int, teams: int, schedules: int) -> SourcePolicy:
    first = (Target("schedule", f"S{number % schedules}"),)
    second = tuple(Target("responder", who) for who in _some(number, people, 2))
    levels = (Level(10, "everyone", first), Level(15, "everyone", second))
    rules = Policy(0, levels, number % 3, "nothing", "skip", "level")
    return SourcePolicy(f"P{number}", f"Policy {number:05}", rules, group_id=f"T{number % teams}")


def _service(number: int, policies: int, teams: int) -> SourceService:
    return SourceService(
        f"V{number}", f"Service {number:05}", policy_id=f"P{number % policies}", group_id=f"T{number % teams}"
    )

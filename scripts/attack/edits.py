"""Edits of an account at the vendor: each takes the account and a source of random numbers, and changes a record."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from connectors.records import (
    EntityKey,
    Record,
    SourceContactMethod,
    SourceMember,
    SourcePolicy,
    SourceSchedule,
    SourceTeam,
    SourceUser,
)
from connectors.zones.timezones import convert
from oncall.escalation.policy import Level, Target
from oncall.rendering.spec import ByTime, Participant, person
from scripts.attack.accounts import SourceAccount, key_of, read_simulator

Edit = Callable[[SourceAccount, Random], str]
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Mars/Olympus_Mons", "EST", "")
_NAMES = ("Platform", "platform", "Payments", "Security Desk", "Night Shift", "Data  Pipelines", "Clock Change")


def edit_source(account: SourceAccount, random: Random) -> str:
    """Make one edit. Returns it in words; an edit without an object to change does nothing."""
    return random.choice(EDITS)(account, random)


def _put(account: SourceAccount, record: Record, **changes: Any) -> str:
    changed = replace(record, **changes)
    if isinstance(changed, SourceUser):  # a changed value is a reported one
        changed = replace(changed, unreported=changed.unreported - changes.keys())
    account.records[key_of(changed)] = changed
    if isinstance(record, SourceUser):
        account.touched |= {address.casefold() for address in (record.email, changed.email) if address}
    return f"{account.provider}: {key_of(record)} {', '.join(changes)}"


def _one(account: SourceAccount, random: Random, *kinds: str) -> Any:
    found = account.of_kind(*kinds)
    return random.choice(found) if found else None


def _rename(account: SourceAccount, random: Random) -> str:
    record = _one(account, random, *{kind for kind, _ in account.records})
    if isinstance(record, SourceUser):
        return _put(account, record, name=f"{record.name.split(' (')[0]} ({random.randint(1, 99)})")
    # Names that other objects have, here or at the other vendor.
    return _put(account, record, name=random.choice(_NAMES)) if record else ""


def _describe(account: SourceAccount, random: Random) -> str:
    record = _one(account, random, "user_group", "schedule", "escalation_policy", "service")
    return _put(account, record, description=f"Text {random.randint(1, 99)}") if record else ""


def _person(account: SourceAccount, random: Random) -> str:
    user = _one(account, random, "responder")
    if user is None or not user.listed:  # the source reports no values of a person known only from references
        return ""
    number = random.randint(1, 99)
    choices: list[dict[str, Any]] = [
        {"email": f"new.{number}@example.com"},
        {"email": None},
        {"email": random.choice([each.email for each in account.of_kind("responder")])},
        {"title": f"Title {number}"},
        {"time_zone": convert(random.choice(_ZONES))},
        {"state": random.choice(["active", "inactive", "deleted"])},
    ]
    methods = user.contact_methods
    if methods is not None:
        new = SourceContactMethod(f"NEW{number}", "sms", f"+4930{number:06}", "Mobile", True)
        choices += [
            {"contact_methods": (*(each for each in methods if each.external_id != new.external_id), new)},
            {"contact_methods": tuple(replace(each, label=f"Label {number}") for each in methods)},
        ]
        used = {rule.method_id for rule in user.notification_rules or ()}
        rest = tuple(each for each in methods if each.external_id in used)
        choices.append({"contact_methods": rest})
    return _put(account, user, **random.choice(choices))


def _members(account: SourceAccount, random: Random) -> str:
    team = _one(account, random, "user_group")
    if not isinstance(team, SourceTeam) or team.members is None:
        return ""
    members = list(team.members)
    match random.choice(["add", "remove", "role", "none"]):
        case "add":
            ids = {member.person_id for member in members}
            new = [each.external_id for each in account.of_kind("responder") if each.external_id not in ids]
            members += [SourceMember(random.choice(new), "responder")] if new else []
        case "remove" if members:
            members.pop(random.randrange(len(members)))
        case "role" if members:
            place = random.randrange(len(members))
            members[place] = replace(members[place], role=f"role {random.randint(1, 99)}")
        case "none":
            members = []
    return _put(account, team, members=tuple(members))


def _layers(account: SourceAccount, random: Random) -> str:
    schedule = _one(account, random, "schedule")
    people = [each.external_id for each in account.of_kind("responder")]
    if not isinstance(schedule, SourceSchedule) or not schedule.layers:
        return ""
    layers = list(schedule.layers)
    place = random.randrange(len(layers))
    layer = layers[place]
    match random.choice(["swap", "add", "remove", "length", "drop"]):
        case "swap":
            layers[place] = replace(
                layer, participants=tuple(random.sample(layer.participants, len(layer.participants)))
            )
        case "add" if people:
            layers[place] = replace(layer, participants=(*layer.participants, person(random.choice(people))))
        case "remove" if len(layer.participants) > 1:
            layers[place] = replace(layer, participants=layer.participants[1:])
        case "length" if isinstance(layer.turns, ByTime) and layer.turns.unit == "seconds":
            layers[place] = replace(layer, turns=replace(layer.turns, length=layer.turns.length + 86_400))
        case "drop" if len(layers) > 1:
            layers.pop(place)
    return _put(account, schedule, layers=tuple(layers))


def _zone(account: SourceAccount, random: Random) -> str:
    schedule = _one(account, random, "schedule")
    return _put(account, schedule, time_zone=convert(random.choice(_ZONES))) if schedule else ""


def _switch(account: SourceAccount, random: Random) -> str:
    record = _one(account, random, "schedule", "escalation_policy")
    return _put(account, record, enabled=not record.enabled) if record else ""


def _groups(account: SourceAccount, random: Random) -> str:
    record = _one(account, random, "schedule", "escalation_policy", "service")
    groups = [each.external_id for each in account.of_kind("user_group")]
    group = random.choice([*groups, None])
    if isinstance(record, SourceSchedule):
        return _put(account, record, group_ids=(group,) if group else ())
    return _put(account, record, group_id=group) if record else ""


def _levels(account: SourceAccount, random: Random) -> str:
    policy = _one(account, random, "escalation_policy")
    if not isinstance(policy, SourcePolicy):
        return ""
    targets = [Target("responder", each.external_id) for each in account.of_kind("responder")]
    targets += [Target("schedule", each.external_id) for each in account.of_kind("schedule")]
    targets += [Target("user_group", each.external_id) for each in account.of_kind("user_group")]
    levels = list(policy.policy.levels)
    match random.choice(["add", "remove", "target"]):
        case "add" if targets:
            levels.append(Level(random.choice([None, 5, 30]), "everyone", (random.choice(targets),)))
        case "remove" if len(levels) > 1:
            levels.pop(random.randrange(len(levels)))
        case "target" if levels and targets:
            place = random.randrange(len(levels))
            levels[place] = replace(levels[place], targets=(*levels[place].targets, random.choice(targets)))
    return _put(account, policy, policy=replace(policy.policy, levels=tuple(levels)))


def _policy_of_service(account: SourceAccount, random: Random) -> str:
    service = _one(account, random, "service")
    policies = [each.external_id for each in account.of_kind("escalation_policy")]
    return _put(account, service, policy_id=random.choice([*policies, None])) if service else ""


def _add(account: SourceAccount, random: Random) -> str:
    """Add an object of the vendor's whole account that this part does not have, or that was removed before."""
    whole = [each for kind in sorted({kind for kind, _ in account.records}) for each in _whole(account, kind)]
    absent = [each for each in whole if key_of(each) not in account.records]
    if not absent:
        return ""
    record = random.choice(absent)
    account.records[key_of(record)] = record
    if isinstance(record, SourceUser) and record.email:
        account.touched.add(record.email.casefold())
    return f"{account.provider}: {key_of(record)} added"


def _whole(account: SourceAccount, kind: Any) -> tuple[Record, ...]:
    return read_simulator(account.provider).records(kind)


def _remove(account: SourceAccount, random: Random) -> str:
    record = _one(account, random, *{kind for kind, _ in account.records})
    if record is None or len(account.records) < 4:
        return ""
    _take_out(account, record)
    return f"{account.provider}: {key_of(record)} removed"


def _take_out(account: SourceAccount, record: Record) -> None:
    del account.records[key_of(record)]
    if isinstance(record, SourceUser) and record.email:
        account.touched.add(record.email.casefold())


def _recreate(account: SourceAccount, random: Random) -> str:
    """Replace an object by an equal one with another id; what refers to the old id keeps referring to it."""
    record = _one(account, random, *{kind for kind, _ in account.records})
    if record is None:
        return ""
    _take_out(account, record)
    key: EntityKey = (key_of(record)[0], f"{record.external_id}n")
    account.records[key] = replace(record, external_id=key[1])
    return f"{account.provider}: {key_of(record)} has a new id"


def _stand_in(account: SourceAccount, random: Random) -> str:
    """Let another person take over an override, if a schedule has one."""
    schedules = [each for each in account.of_kind("schedule") if getattr(each, "overrides", None)]
    people = [each.external_id for each in account.of_kind("responder")]
    if not schedules or not people:
        return ""
    schedule = random.choice(schedules)
    by: Participant = person(random.choice(people))
    overrides = [replace(each, by=by) for each in schedule.overrides]
    return _put(account, schedule, overrides=tuple(overrides[: random.randint(0, len(overrides))]))


EDITS: tuple[Edit, ...] = (
    _rename, _rename, _describe, _person, _person, _person, _members, _members, _layers, _layers, _zone, _switch,
    _groups, _levels, _levels, _policy_of_service, _add, _add, _remove, _recreate, _stand_in,
)  # fmt: skip

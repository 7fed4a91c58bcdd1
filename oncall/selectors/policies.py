"""Escalation policies with all that a walk through them asks, in a number of queries that only grows with how deep
policies lie inside each other."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from oncall.escalation.codec import InvalidPolicy, levels_from_json
from oncall.escalation.context import Group, WalkContext
from oncall.escalation.policy import Policy
from oncall.models import EscalationPolicy, GroupLead, GroupMember, Reference, Responder, Service, Substitution
from oncall.rendering.codec import participant_from_text
from oncall.rendering.coverage import HORIZON
from oncall.rendering.spec import Participant, ScheduleSpec, person
from oncall.rendering.spec import Substitution as SubstitutionValue
from oncall.selectors.schedules import Name, concerns, participant_names, specs, substitution_of
from oncall.tables.base import LOCAL

#: What sources that can page the leads of a group call them (Opsgenie, JSM Operations: member role of a team).
LEAD_ROLES = frozenset({"admin"})
EMPTY = ScheduleSpec("UTC", "concurrent", ())


@dataclass(frozen=True, slots=True)
class Row:
    """What a key means here."""

    pk: int
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Walkable:
    """policy, and the context of its walk. rows: by Reference kind and key. names: of everybody who may be paged."""

    policy: Policy
    known: WalkContext
    rows: Mapping[tuple[str, str], Row]
    names: Mapping[Participant, Name]
    zones: tuple[str, ...]


def policy_value(row: EscalationPolicy) -> Policy:
    """Raises InvalidPolicy for levels in a form that cannot be read."""
    stored: Any = row  # the columns' choices are the words of the value
    return Policy(
        initial_wait=row.initial_wait,
        levels=levels_from_json(row.levels),
        repeat_count=row.repeat_count,
        after_last=stored.after_last,
        unstaffed_level=stored.unstaffed_level,
        resolved=stored.resolved,
    )


def walkable(row: EscalationPolicy, at: int) -> Walkable:
    """A policy to walk from the instant ``at`` on. Raises InvalidPolicy when it cannot be read itself."""
    policy = policy_value(row)
    rows = _named(row.pk)
    schedules = {key: each for (kind, key), each in rows.items() if kind == "schedule"}
    loaded = specs({each.pk for each in schedules.values()}, since=at - HORIZON)
    people = _People(rows, at)
    names = participant_names({each.pk for each in schedules.values()}) | people.names
    known = WalkContext(
        policies=_policies({key: each.pk for (kind, key), each in rows.items() if kind == "escalation_policy"}),
        schedules={
            key: loaded[each.pk] if each.active else (EMPTY, ()) for key, each in schedules.items() if each.pk in loaded
        },
        groups=people.groups,
        routings={key: key for kind, key in rows if _may_route(kind, key) and ("escalation_policy", key) in rows},
        substitutions=people.substitutions,
        reachable=_reachable(names),
    )
    zones = dict.fromkeys(loaded[each.pk][0].zone for each in schedules.values() if each.pk in loaded)
    return Walkable(policy, known, rows, names, tuple(zones))


def _named(policy: int) -> dict[tuple[str, str], Row]:
    """All that the policy names, and what these name in turn; two queries per step away from it.

    A policy whose key at the source is that of a group is what the group's routing leads to.
    """
    rows: dict[tuple[str, str], Row] = {}
    policies, schedules = {policy}, set[int]()
    read: dict[str, set[int]] = {"escalation_policy": {policy}, "schedule": set()}
    while policies or schedules:
        found = _meanings(Reference.objects.filter(Q(owner_policy__in=policies) | Q(owner_schedule__in=schedules)))
        groups = {key for kind, key in found if _may_route(kind, key)}
        if groups:
            found |= _meanings(Reference.objects.filter(kind="escalation_policy", key__in=groups))
            services = Service.objects.filter(policy_key__in=groups, policy__isnull=False)
            for service in services.select_related("policy"):
                if (known := service.policy) is not None:
                    found["escalation_policy", service.policy_key] = Row(known.pk, known.name, known.active)
        rows |= found
        policies, schedules = (
            {each.pk for (of, _), each in found.items() if of == kind} - read[kind]
            for kind in ("escalation_policy", "schedule")
        )
        read["escalation_policy"] |= policies
        read["schedule"] |= schedules
    return rows


def _may_route(kind: str, key: str) -> bool:
    """A hand-picked row's key says nothing about rows of another kind."""
    return kind == "user_group" and not key.startswith(LOCAL)


def _meanings(references: Any) -> dict[tuple[str, str], Row]:
    """What the keys mean, where that is known."""
    kinds = Reference.Kind.values
    columns = (Coalesce(*(F(f"{kind}__{name}") for kind in kinds)) for name in ("pk", "name", "active"))
    found = references.values_list("kind", "key", *columns).distinct()
    return {(kind, key): Row(pk, name, active) for kind, key, pk, name, active in found if pk is not None}


def _policies(ids: Mapping[str, int]) -> dict[str, Policy]:
    """Key -> policy. One that is inactive has no levels; one that cannot be read is left out."""
    read: dict[int, Policy] = {}
    for row in EscalationPolicy.objects.filter(pk__in=set(ids.values())):
        try:
            policy = policy_value(row)
        except InvalidPolicy:  # the walk names it as not known
            continue
        read[row.pk] = policy if row.active else replace(policy, levels=())
    return {key: read[pk] for key, pk in ids.items() if pk in read}


@dataclass
class _People:
    """Members of groups, and who stands in for them and for people who are targets themselves."""

    rows: Mapping[tuple[str, str], Row]
    at: int
    groups: dict[str, Group] = field(default_factory=dict)
    names: dict[Participant, Name] = field(default_factory=dict)
    substitutions: dict[Participant, tuple[SubstitutionValue, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (kind, key), row in self.rows.items():
            if kind == "responder":
                self.names[person(key)] = Name(row.pk, row.name)
        self._read_groups()
        self._read_substitutions()

    def _read_groups(self) -> None:
        rows = {key: row for (kind, key), row in self.rows.items() if kind == "user_group"}
        ids = {row.pk for row in rows.values()}
        led = set(GroupLead.objects.filter(group__in=ids).values_list("group_id", "account__responder"))
        members: dict[int, dict[int | str, Participant]] = defaultdict(dict)
        leads: dict[int, set[Participant]] = defaultdict(set)
        for member in GroupMember.objects.filter(group__in=ids).select_related("responder").order_by("pk"):
            key = member.person_key or f"{LOCAL}{member.responder_id}"
            # A person who is a member by several sources is one member.
            who = members[member.group_id].setdefault(member.responder_id or key, person(key))
            if member.responder is not None:
                self.names[who] = Name(member.responder.pk, member.responder.name)
            is_led_here = member.responder_id is not None and (member.group_id, member.responder_id) in led
            if is_led_here or member.imported_role in LEAD_ROLES:
                leads[member.group_id].add(who)
        for key, row in rows.items():
            found = tuple(members[row.pk].values()) if row.active else ()
            self.groups[key] = Group(found, frozenset(leads[row.pk]))

    def _read_substitutions(self) -> None:
        people: dict[int, list[Participant]] = defaultdict(list)
        for who, name in self.names.items():
            if name.responder_id is not None:
                people[name.responder_id].append(who)
        found: dict[Participant, list[SubstitutionValue]] = defaultdict(list)
        running = Substitution.objects.filter(responder__in=people, ends_at__gt=datetime.fromtimestamp(self.at, UTC))
        for row in running.select_related("by").order_by("pk"):
            for who in people[row.responder_id]:
                if concerns(row, who.id):
                    found[who].append(substitution_of(row, who.id))
            if row.by is not None:
                self.names[participant_from_text(row.by_key)] = Name(row.by.pk, row.by.name)
        self.substitutions = {who: tuple(each) for who, each in found.items()}


def _reachable(names: Mapping[Participant, Name]) -> frozenset[Participant]:
    ids = {name.responder_id for name in names.values() if name.responder_id is not None}
    there = Responder.objects.filter(pk__in=ids, active=True, state=Responder.State.ACTIVE)
    active = set(there.values_list("pk", flat=True))
    return frozenset(who for who, name in names.items() if name.responder_id in active)

"""Reads escalation policies and everything a walk through them needs.

The number of queries grows only with the depth to which policies are inside each other.
"""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from oncall.escalation.codec import InvalidPolicy, levels_from_json
from oncall.escalation.context import Group, WalkContext
from oncall.escalation.policy import Level, Policy, Target
from oncall.models import EscalationPolicy, GroupLead, GroupMember, Reference, Responder, Service, Substitution
from oncall.rendering.coverage import HORIZON
from oncall.rendering.spec import Participant, person
from oncall.rendering.spec import Substitution as SubstitutionValue
from oncall.selectors.participants import Name, one_key, participant_names
from oncall.selectors.responders import reachable
from oncall.selectors.schedules import applies, specs, substitution_value
from oncall.tables.base import LOCAL

#: The member roles of leads at sources that can page the leads of a group (Opsgenie, JSM Operations).
LEAD_ROLES = frozenset({"admin"})
RowKey = tuple[str, str]  # Reference kind and key


@dataclass(frozen=True, slots=True)
class Row:
    """The row that a key identifies."""

    pk: int
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Walkable:
    """A policy and the context of its walk. names: of everybody who may be paged. zones: of its schedules."""

    policy: Policy
    context: WalkContext
    rows: Mapping[RowKey, Row]
    names: Mapping[Participant, Name]
    zones: tuple[str, ...]


def policy_value(row: EscalationPolicy) -> Policy:
    """Returns the value of a stored policy. Raises InvalidPolicy if its levels cannot be read."""
    stored: Any = row  # the choices of the columns are the literals of the value
    return Policy(
        initial_wait=row.initial_wait,
        levels=levels_from_json(row.levels),
        repeat_count=row.repeat_count,
        after_last=stored.after_last,
        unstaffed_level=stored.unstaffed_level,
        resolved=stored.resolved,
    )


def walkable(row: EscalationPolicy, at: int) -> Walkable:
    """Reads a policy for a walk from the instant ``at`` on. Raises InvalidPolicy if its levels cannot be read.

    Each person has one key in it, see :func:`~oncall.selectors.participants.one_key`.
    """
    rows = _referenced_rows(row.pk)
    policy = _effective(row, rows)
    schedules = {key: each.pk for (kind, key), each in rows.items() if kind == "schedule"}
    loaded = specs(set(schedules.values()), since=at - HORIZON)
    people = _People(rows, at)
    names = participant_names(set(schedules.values())) | people.names
    context = WalkContext(
        policies=_policies(rows),
        schedules={key: loaded[pk] for key, pk in schedules.items() if pk in loaded},
        groups=people.groups,
        routings={key: key for kind, key in rows if _may_route(kind, key) and ("escalation_policy", key) in rows},
        substitutions=people.substitutions,
        reachable=_reachable_people(names),
    )
    zones = dict.fromkeys(loaded[pk][0].zone for pk in schedules.values() if pk in loaded)
    return Walkable(policy, context, rows, names, tuple(zones))


def _referenced_rows(policy: int) -> dict[RowKey, Row]:
    """Returns the rows to which the policy refers, directly or through other rows. Each step takes two queries.

    If a policy has the key of a group, the routing of the group leads to that policy. People are found under their one
    key, too.
    """
    rows: dict[RowKey, Row] = {}
    policies, schedules = {policy}, set[int]()
    read: dict[str, set[int]] = {"escalation_policy": {policy}, "schedule": set()}
    while policies or schedules:
        found = _rows_of(Reference.objects.filter(Q(owner_policy__in=policies) | Q(owner_schedule__in=schedules)))
        groups = {key for kind, key in found if _may_route(kind, key)}
        if groups:
            found |= _rows_of(Reference.objects.filter(kind="escalation_policy", key__in=groups))
            services = Service.objects.filter(policy_key__in=groups, policy__isnull=False)
            for service in services.select_related("policy"):
                if (routing := service.policy) is not None:
                    found["escalation_policy", service.policy_key] = Row(routing.pk, routing.name, routing.active)
        rows |= found
        policies, schedules = (
            {row.pk for (kind, _), row in found.items() if kind == wanted} - read[wanted]
            for wanted in ("escalation_policy", "schedule")
        )
        read["escalation_policy"] |= policies
        read["schedule"] |= schedules
    return rows | {(kind, one_key(row.pk).id): row for (kind, _), row in rows.items() if kind == "responder"}


def _may_route(kind: str, key: str) -> bool:
    """Whether the key may also be the key of a policy; local keys contain the primary key of one kind of row."""
    return kind == "user_group" and not key.startswith(LOCAL)


def _rows_of(references: QuerySet[Reference]) -> dict[RowKey, Row]:
    """Returns the rows of the references; references without a row are left out."""
    kinds = Reference.Kind.values
    columns = (Coalesce(*(F(f"{kind}__{name}") for kind in kinds)) for name in ("pk", "name", "active"))
    found = references.values_list("kind", "key", *columns).distinct()
    return {(kind, key): Row(pk, name, active) for kind, key, pk, name, active in found if pk is not None}


def _policies(rows: Mapping[RowKey, Row]) -> dict[str, Policy]:
    """Returns policies by key. Policies that cannot be read are left out."""
    ids = {key: row.pk for (kind, key), row in rows.items() if kind == "escalation_policy"}
    read: dict[int, Policy] = {}
    for row in EscalationPolicy.objects.filter(pk__in=set(ids.values())):
        with suppress(InvalidPolicy):  # the walk reports it as unknown
            read[row.pk] = _effective(row, rows)
    return {key: read[pk] for key, pk in ids.items() if pk in read}


def _effective(row: EscalationPolicy, rows: Mapping[RowKey, Row]) -> Policy:
    """Returns a policy in which each person has one key, and is one target of a level. Raises InvalidPolicy.

    An inactive policy has no levels.
    """
    policy = policy_value(row)
    return replace(policy, levels=tuple(_with_one_key(each, rows) for each in policy.levels) if row.active else ())


def _with_one_key(level: Level, rows: Mapping[RowKey, Row]) -> Level:
    targets: dict[object, Target] = {}
    for number, target in enumerate(level.targets):
        row = rows.get(("responder", target.key)) if target.kind == "responder" else None
        if row is None:  # not a person who is known here
            targets[number] = target
        else:
            targets.setdefault((row.pk, target.condition), replace(target, key=one_key(row.pk).id))
    return replace(level, targets=tuple(targets.values()))


@dataclass
class _People:
    """Reads members of groups, and substitutions of these members and of people who are targets."""

    rows: Mapping[RowKey, Row]
    at: int
    groups: dict[str, Group] = field(default_factory=dict)
    names: dict[Participant, Name] = field(default_factory=dict)
    substitutions: dict[Participant, tuple[SubstitutionValue, ...]] = field(default_factory=dict)
    _keys: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for (kind, key), row in self.rows.items():
            if kind == "responder":
                self._keys[row.pk].add(key)
                self._name(row)
        self._read_groups()
        self._read_substitutions()

    def _name(self, row: Row | Responder) -> Participant:
        who = one_key(row.pk)
        self.names[who] = Name(row.pk, row.name, row.active)
        return who

    def _read_groups(self) -> None:
        rows = {key: row for (kind, key), row in self.rows.items() if kind == "user_group"}
        ids = {row.pk for row in rows.values()}
        led = set(GroupLead.objects.filter(group__in=ids).values_list("group_id", "account__responder"))
        members: dict[int, dict[Participant, None]] = defaultdict(dict)  # in order; two sources may report one person
        leads: dict[int, set[Participant]] = defaultdict(set)
        for member in GroupMember.objects.filter(group__in=ids).select_related("responder").order_by("pk"):
            who = person(member.person_key)
            if member.responder is not None:
                who = self._name(member.responder)
                self._keys[member.responder.pk].add(member.person_key)
            members[member.group_id][who] = None
            is_led_here = member.responder_id is not None and (member.group_id, member.responder_id) in led
            if is_led_here or member.imported_role in LEAD_ROLES:
                leads[member.group_id].add(who)
        for key, row in rows.items():
            found = tuple(members[row.pk]) if row.active else ()
            self.groups[key] = Group(found, frozenset(leads[row.pk]))

    def _read_substitutions(self) -> None:
        found: dict[Participant, list[SubstitutionValue]] = defaultdict(list)
        at = datetime.fromtimestamp(self.at, UTC)
        running = Substitution.objects.filter(responder__in=self._keys, ends_at__gt=at)
        for row in running.select_related("by").order_by("pk"):
            if applies(row, self._keys[row.responder_id]):
                found[one_key(row.responder_id)].append(substitution_value(row))
            if row.by is not None:
                self._name(row.by)
        self.substitutions = {who: tuple(each) for who, each in found.items()}


def _reachable_people(names: Mapping[Participant, Name]) -> frozenset[Participant]:
    found = reachable(name.responder_id for name in names.values() if name.responder_id is not None)
    return frozenset(who for who, name in names.items() if name.responder_id in found)

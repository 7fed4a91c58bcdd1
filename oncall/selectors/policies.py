"""Reads escalation policies and everything a walk through them needs.

The number of queries grows only with the depth to which policies are inside each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from oncall.selectors.ids import batches
from oncall.selectors.participants import Name, one_key, participant_names
from oncall.selectors.responders import reachable
from oncall.selectors.schedules import applies, specs, substitution_value
from oncall.tables.base import LOCAL, chunks

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
    policy_value(row)  # raises InvalidPolicy
    return walkables([row], at)[row.pk]


def walkables(policies: Iterable[EscalationPolicy], at: int) -> dict[int, Walkable]:
    """Reads policies for walks from the instant ``at`` on, by primary key. Policies that cannot be read are left out.

    A context contains only what its own policy refers to, so it is the same however many policies are read at once.
    """
    roots = {policy.pk: policy for policy in policies}
    references = _References(roots)
    rows = {pk: references.rows_of(pk) for pk in roots}
    schedules = {row.pk for found in rows.values() for (kind, _), row in found.items() if kind == "schedule"}
    nested = {row.pk for found in rows.values() for (kind, _), row in found.items() if kind == "escalation_policy"}
    loaded = specs(schedules, since=at - HORIZON)
    names_of_schedules = {} if not schedules else participant_names(schedules)
    people = _People(rows, at)
    names = names_of_schedules | people.names
    reached = _reachable_people(names)
    stored = roots | {row.pk: row for batch in batches(nested - roots.keys()) for row in _policies_of(batch)}
    result: dict[int, Walkable] = {}
    for pk, policy in roots.items():
        own = rows[pk]
        with suppress(InvalidPolicy):
            value = _effective(policy, own)
            own_schedules = {key: row.pk for (kind, key), row in own.items() if kind == "schedule"}
            context = WalkContext(
                policies=_policies(own, stored),
                schedules={key: loaded[each] for key, each in own_schedules.items() if each in loaded},
                groups=people.groups_of(pk),
                routings={key: key for kind, key in own if _may_route(kind, key) and ("escalation_policy", key) in own},
                substitutions=people.substitutions_of(pk),
                reachable=reached,
            )
            zones = dict.fromkeys(loaded[each][0].zone for each in own_schedules.values() if each in loaded)
            result[pk] = Walkable(value, context, own, names, tuple(zones))
    return result


class _References:
    """Reads the rows to which policies refer, directly or through other rows. Each step takes a few queries.

    If a policy has the key of a group, the routing of the group leads to that policy.
    """

    def __init__(self, policies: Iterable[int]) -> None:
        self._found: dict[tuple[str, int], dict[RowKey, Row]] = defaultdict(dict)
        self._routed: dict[str, dict[RowKey, Row]] = {}
        new = {("escalation_policy", pk) for pk in policies}
        while new:
            read = new
            for batch in chunks(new):
                self._read(batch)
            found = {pair: row for owner in read for pair, row in self._found[owner].items()}
            keys = {key for kind, key in found if _may_route(kind, key)} - self._routed.keys()
            self._read_routings(keys)
            for key in keys:
                found |= self._routed[key]
            targets = {(kind, row.pk) for (kind, _), row in found.items() if kind in ("escalation_policy", "schedule")}
            new = targets - self._found.keys()

    def rows_of(self, policy: int) -> dict[RowKey, Row]:
        """Returns the rows to which a policy refers. People are found under their one key, too."""
        rows: dict[RowKey, Row] = {}
        seen, new = set[tuple[str, int]](), {("escalation_policy", policy)}
        while new:
            seen |= new
            found: dict[RowKey, Row] = {}
            for owner in new:
                found |= self._found[owner]
            for kind, key in list(found):
                if _may_route(kind, key):
                    found |= self._routed[key]
            rows |= found
            new = {
                (kind, row.pk) for (kind, _), row in found.items() if kind in ("escalation_policy", "schedule")
            } - seen
        return rows | {(kind, one_key(row.pk).id): row for (kind, _), row in rows.items() if kind == "responder"}

    def _read(self, owners: Sequence[tuple[str, int]]) -> None:
        for owner in owners:
            self._found[owner] = {}
        policies, schedules = (
            [pk for kind, pk in owners if kind == wanted] for wanted in ("escalation_policy", "schedule")
        )
        owned = Reference.objects.filter(Q(owner_policy__in=policies) | Q(owner_schedule__in=schedules))
        for (policy, schedule), pair, row in _rows_of(owned, "owner_policy_id", "owner_schedule_id"):
            owner = ("schedule", schedule) if policy is None else ("escalation_policy", policy)
            self._found[owner][pair] = row

    def _read_routings(self, keys: set[str]) -> None:
        for batch in chunks(sorted(keys)):
            for key in batch:
                self._routed[key] = {}
            named = Reference.objects.filter(kind="escalation_policy", key__in=batch)
            for (key,), pair, row in _rows_of(named, "key"):
                self._routed[key][pair] = row
            services = Service.objects.filter(policy_key__in=batch, policy__isnull=False)
            for service in services.select_related("policy"):
                if (routing := service.policy) is not None:
                    pair = ("escalation_policy", service.policy_key)
                    self._routed[service.policy_key][pair] = Row(routing.pk, routing.name, routing.active)


def _may_route(kind: str, key: str) -> bool:
    """Whether the key may also be the key of a policy; local keys contain the primary key of one kind of row."""
    return kind == "user_group" and not key.startswith(LOCAL)


def _rows_of(references: QuerySet[Reference], *owners: str) -> Iterator[tuple[Sequence[Any], RowKey, Row]]:
    """Yields the rows of the references with their ``owners``, columns; references without a row are left out."""
    kinds = Reference.Kind.values
    columns = (Coalesce(*(F(f"{kind}__{name}") for kind in kinds)) for name in ("pk", "name", "active"))
    for *of, kind, key, pk, name, active in references.values_list(*owners, "kind", "key", *columns).distinct():
        if pk is not None:
            yield of, (kind, key), Row(pk, name, active)


def _policies_of(batch: Iterable[int]) -> QuerySet[EscalationPolicy]:
    return EscalationPolicy.objects.filter(pk__in=batch)


def _policies(rows: Mapping[RowKey, Row], stored: Mapping[int, EscalationPolicy]) -> dict[str, Policy]:
    """Returns policies by key. Policies that cannot be read are left out."""
    found: dict[str, Policy] = {}
    for (kind, key), row in rows.items():
        if kind == "escalation_policy" and row.pk in stored:
            with suppress(InvalidPolicy):  # the walk reports it as unknown
                found[key] = _effective(stored[row.pk], rows)
    return found


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


class _People:
    """Reads members of groups, and substitutions of these members and of people who are targets.

    rows: those to which each policy refers, by policy. names: of all people.
    """

    def __init__(self, rows: Mapping[int, Mapping[RowKey, Row]], at: int) -> None:
        self._rows = rows
        self.names: dict[Participant, Name] = {}
        # In the order of the pages, each with whether the person leads. Two sources may report one person.
        self._members: dict[int, list[tuple[GroupMember, bool]]] = defaultdict(list)
        self._substitutions: dict[int, list[Substitution]] = defaultdict(list)
        all_rows = {pair: row for found in rows.values() for pair, row in found.items()}
        people = {row.pk for (kind, _), row in all_rows.items() if kind == "responder"}
        for (kind, _), row in all_rows.items():
            if kind == "responder":
                self._name(row)
        for batch in batches(row.pk for (kind, _), row in all_rows.items() if kind == "user_group"):
            ids = list(batch)
            led = set(GroupLead.objects.filter(group__in=ids).values_list("group_id", "account__responder"))
            for member in GroupMember.objects.filter(group__in=ids).select_related("responder").order_by("pk"):
                if member.responder is not None:
                    self._name(member.responder)
                    people.add(member.responder.pk)
                is_led_here = member.responder_id is not None and (member.group_id, member.responder_id) in led
                self._members[member.group_id].append((member, is_led_here or member.imported_role in LEAD_ROLES))
        for batch in batches(people):
            running = Substitution.objects.filter(responder__in=batch, ends_at__gt=datetime.fromtimestamp(at, UTC))
            for substitution in running.select_related("by").order_by("pk"):
                self._substitutions[substitution.responder_id].append(substitution)
                if substitution.by is not None:
                    self._name(substitution.by)

    def _name(self, row: Row | Responder) -> None:
        self.names[one_key(row.pk)] = Name(row.pk, row.name, row.active)

    def groups_of(self, policy: int) -> dict[str, Group]:
        """Returns the groups to which a policy refers, by key. An inactive group has no members."""
        groups: dict[str, Group] = {}
        for (kind, key), row in self._rows[policy].items():
            if kind == "user_group":
                members = [(_who(member), leads) for member, leads in self._members[row.pk]]
                found = tuple(dict.fromkeys(who for who, _ in members)) if row.active else ()
                groups[key] = Group(found, frozenset(who for who, leads in members if leads))
        return groups

    def substitutions_of(self, policy: int) -> dict[Participant, tuple[SubstitutionValue, ...]]:
        """Returns the substitutions of people who are targets of a policy, or members of its groups."""
        keys: dict[int, set[str]] = defaultdict(set)
        for (kind, key), row in self._rows[policy].items():
            if kind == "responder":
                keys[row.pk].add(key)
            elif kind == "user_group":
                for member, _ in self._members[row.pk]:
                    if member.responder_id is not None:
                        keys[member.responder_id].add(member.person_key)
        found = {
            one_key(pk): tuple(substitution_value(row) for row in self._substitutions[pk] if applies(row, names))
            for pk, names in keys.items()
            if pk in self._substitutions
        }
        return {who: each for who, each in found.items() if each}


def _who(member: GroupMember) -> Participant:
    return person(member.person_key) if member.responder_id is None else one_key(member.responder_id)


def _reachable_people(names: Mapping[Participant, Name]) -> frozenset[Participant]:
    found = reachable(name.responder_id for name in names.values() if name.responder_id is not None)
    return frozenset(who for who, name in names.items() if name.responder_id in found)

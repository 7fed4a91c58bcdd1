"""Finds what conflicts concern: rows, user groups, and the schedules and policies that they hold up.

Everything is computed when it is shown, so it is never out of date. The number of queries does not depend on the number
of conflicts, per 500 rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db.models import BigIntegerField, CharField, Model, QuerySet, Value
from django.db.models.functions import Cast, Coalesce

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.models import EscalationPolicy, ExtraShift, GroupMember, Override, Reference, Schedule, Service, UserGroup
from oncall.selectors.visible import Viewer, may_view_all, named_beside
from oncall.tables.base import chunks, local_id
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.deleted import owners_of_deleted
from syncjobs.conflicts.next_shifts import NextShifts
from syncjobs.conflicts.told_apart import ToldApart
from syncjobs.models import ROW_COLUMNS, Conflict, ConflictRow, ExternalLink
from syncjobs.planning.conflicts import NAMES_ROWS
from syncjobs.planning.values import element_key

#: A kind and the id of a row.
Row = tuple[Kind, int]
AnyRow = TypeVar("AnyRow", bound=Model)
#: The kinds that concern the groups that own their schedules or policies: a person those in which the person holds a
#: slot, a schedule or a policy its own.
_OWNED: Final = frozenset({"responder", "schedule", "escalation_policy"})


@dataclass(frozen=True, slots=True)
class Concern:
    """What a conflict concerns.

    rows: ids of the rows here, by key; keys without a row are missing. groups: names of the user groups that are
    concerned; group_ids: the ids of all, also of those that the account is not told. holds_up: in words, the schedules,
    that with the next shift first, and the escalation policies.
    """

    rows: Mapping[str, int]
    groups: tuple[str, ...]
    holds_up: tuple[str, ...]
    group_ids: frozenset[int] = frozenset()

    @property
    def has_other_groups(self) -> bool:
        """Return whether groups are concerned that the account is not told."""
        return len(self.group_ids) > len(self.groups)


@dataclass(frozen=True, slots=True)
class Known:
    """What was loaded before. rows: ids of rows by kind and key, None if the object has no row. schedules: those that
    the account is told of, by id.
    """

    rows: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    schedules: Mapping[int, Schedule] = field(default_factory=dict)


#: The id and the name of a user group.
_Group = tuple[int, str]


@dataclass
class _Held:
    """The ids of the schedules and policies that a row holds up, and the user groups concerned."""

    schedules: set[int] = field(default_factory=set)
    policies: set[int] = field(default_factory=set)
    groups: set[_Group] = field(default_factory=set)


def keys_of(conflict: Conflict) -> tuple[str, ...]:
    """Return the keys of the rows that a conflict is about."""
    if conflict.kind in NAMES_ROWS:
        return tuple(conflict.evidence.get("rows") or conflict.evidence.get("people") or ())
    if not (conflict.connection_id and conflict.external_id):
        return ()
    return (element_key(conflict.connection_id, conflict.external_id),)


def sources_of(conflicts: Sequence[Conflict]) -> dict[int, tuple[str, ...]]:
    """Return the names of the connections that each conflict concerns, by its id. Their ``connection`` is loaded.

    Makes a query per 500 conflicts about rows of several sources.
    """
    found = {each.pk: {each.connection.name} if each.connection else set() for each in conflicts}
    for piece in chunks(each.pk for each in conflicts if each.connection_id is None):
        rows = ConflictRow.objects.filter(conflict__in=piece, connection__isnull=False)
        for pk, name in rows.values_list("conflict", "connection__name").distinct():
            found[pk].add(name)
    return {pk: tuple(sorted(names)) for pk, names in found.items()}


def concerns(
    conflicts: Sequence[Conflict],
    at: datetime,
    *,
    render: bool = True,
    account: Viewer | None = None,
    known: Known | None = None,
) -> dict[int, Concern]:
    """Return what each conflict concerns, by its id.

    at: the instant from which the next shift is searched. render: False leaves out the next shifts, which saves four
    queries and all rendering. account: who is told, None for the shell; a lead is told only of groups, schedules and
    policies that it may see. known: what is not loaded again.
    """
    known = known or Known()
    kinds = {each.pk: entity_type_of(each.entity_type) for each in conflicts if each.entity_type}
    rows = _rows({each.pk: (kinds[each.pk], keys_of(each)) for each in conflicts if each.entity_type}, known.rows)
    wanted = {(kinds[pk], row_id) for pk, by_key in rows.items() for row_id in by_key.values()}
    held = _held(wanted, at)
    deleted = _owners_of_deleted(conflicts)
    owned = told_to(account, Schedule.objects.select_related("group"))
    schedules = _by_id(owned, (each.schedules for each in held.values()), known.schedules)
    paging = told_to(account, EscalationPolicy.objects.select_related("group"))
    policies = _by_id(paging, (each.policies for each in held.values()), {})
    is_told_all = account is None or may_view_all(account, Conflict)
    led = set() if is_told_all else set(told_to(account, UserGroup.objects.order_by()).values_list("pk", flat=True))
    shifts = NextShifts(schedules.values(), int(at.timestamp()), render=render)
    of_groups = ToldApart("user_group", _group_names(held.values(), deleted.values(), schedules, policies))
    of_schedules = ToldApart("schedule", {pk: each.name for pk, each in schedules.items()})
    of_policies = ToldApart("escalation_policy", {pk: each.name for pk, each in policies.items()})
    found = {each.pk: _of_source(each) for each in conflicts if not each.entity_type}
    for pk, by_key in rows.items():
        kind = kinds[pk]
        groups = deleted.get(pk, set())
        in_schedules: set[tuple[int, int | None]] = set()
        in_policies: set[int] = set()
        for row_id in by_key.values():
            each = held[kind, row_id]
            in_schedules |= {
                (key, row_id if kind == "responder" else None) for key in each.schedules & schedules.keys()
            }
            in_policies |= each.policies & policies.keys()
            groups |= each.groups
            if kind in _OWNED:
                owners: list[Schedule | EscalationPolicy | None]
                owners = [schedules.get(key) for key in each.schedules if kind != "schedule" or key == row_id]
                owners += [policies.get(key) for key in each.policies if kind != "schedule"]
                groups |= {(owner.group.pk, owner.group.name) for owner in owners if owner and owner.group}
        in_words = sorted(f"escalation policy {name}" for name in of_policies.of(in_policies).values())
        ids = frozenset(group for group, _ in groups)
        names = tuple(sorted(of_groups.of(ids if is_told_all else ids & led).values()))
        in_time = shifts.in_words(in_schedules, of_schedules.of({key for key, _ in in_schedules}))
        found[pk] = Concern(by_key, names, (*in_time, *in_words), ids)
    return found


def _group_names(
    held: Iterable[_Held],
    deleted: Iterable[set[_Group]],
    schedules: Mapping[int, Schedule],
    policies: Mapping[int, EscalationPolicy],
) -> dict[int, str]:
    """Return the names of all user groups that may be concerned, by id."""
    names = dict(group for groups in (*(each.groups for each in held), *deleted) for group in groups)
    owners = (owner.group for rows in (schedules, policies) for owner in rows.values())
    return names | {group.pk: group.name for group in owners if group is not None}


def _owners_of_deleted(conflicts: Sequence[Conflict]) -> dict[int, set[_Group]]:
    """Return the groups that own rows which were deleted here, by conflict."""
    keys = owners_of_deleted(conflicts)
    ids = rows_of("user_group", tuple(sorted(set(keys.values())))) if keys else {}
    names: dict[int, str] = {}
    for piece in chunks(sorted(set(ids.values()))):
        names |= dict(UserGroup.objects.filter(pk__in=piece).values_list("pk", "name"))
    return {pk: {(ids[key], names[ids[key]])} for pk, key in keys.items() if key in ids}


def _of_source(conflict: Conflict) -> Concern:
    """Return what a question about a source as a whole concerns."""
    return Concern({}, (), (f"every sync of {conflict.connection}",))


def told_to(account: Viewer | None, rows: "QuerySet[AnyRow]") -> "QuerySet[AnyRow]":
    """Return the rows that a question may name to an account. None is the shell, which is told of all."""
    return rows if account is None else named_beside(account, Conflict, rows)


def rows_of(kind: Kind, keys: tuple[str, ...]) -> dict[str, int]:
    """Return the ids of the rows of these keys that exist, by key."""
    return _rows({0: (kind, keys)}, {})[0]


def _rows(
    keys: Mapping[int, tuple[Kind, tuple[str, ...]]], known: Mapping[tuple[str, str], int | None]
) -> dict[int, dict[str, int]]:
    """Return the ids of the rows that exist, by conflict and key."""
    linked = {pair: row for pair, row in known.items() if row is not None}
    local: dict[Kind, dict[int, str]] = defaultdict(dict)
    for kind, each in keys.values():
        local[kind] |= {pk: key for key in each if (pk := local_id(key)) is not None}
    for kind, by_id in local.items():
        for ids in chunks(sorted(by_id)):
            linked |= {(kind, by_id[pk]): pk for pk in ROOTS[kind].rows.filter(pk__in=ids).values_list("pk", flat=True)}
    for piece in chunks(sorted(_unknown(keys.values(), known))):
        links = ExternalLink.objects.filter(key__in=piece).values_list("entity_type", "key", *ROW_COLUMNS)
        for name, key, *columns in links:
            row_id = next((pk for pk in columns if pk is not None), None)
            if row_id is not None:
                linked[name, key] = row_id
    return {pk: {key: linked[kind, key] for key in each if (kind, key) in linked} for pk, (kind, each) in keys.items()}


def _unknown(
    keys: Iterable[tuple[Kind, tuple[str, ...]]], known: Mapping[tuple[str, str], int | None]
) -> Iterator[str]:
    for kind, each in keys:
        yield from {key for key in each if local_id(key) is None and (kind, key) not in known}


def _held(rows: set[Row], at: datetime) -> dict[Row, _Held]:
    """Return what each row holds up, and the groups that do not follow from these schedules and policies."""
    found: dict[Row, _Held] = defaultdict(_Held)
    for kind, row_id in rows:
        held = found[kind, row_id]
        if kind == "schedule":
            held.schedules.add(row_id)
        if kind == "escalation_policy":
            held.policies.add(row_id)
    for piece in chunks(sorted(rows)):
        ids: dict[str, list[int]] = defaultdict(list)
        for kind, row_id in piece:
            ids[kind].append(row_id)
        first, *others = _held_by(ids, at)
        for kind, row_id, schedule, policy, group, name in first.union(*others):
            held = found[entity_type_of(kind), row_id]
            held.schedules |= {schedule} - {None}
            held.policies |= {policy} - {None}
            if group is not None:
                held.groups.add((group, name))
    return found


def _held_by(ids: Mapping[str, Sequence[int]], at: datetime) -> "Iterator[QuerySet[Any, Any]]":
    """Yield queries with a row for each thing that a row holds: kind, row, schedule, policy, group, and its name.

    ids: of rows by kind. A query without a value of its own has null there.
    """
    none, unnamed = Cast(Value(None), BigIntegerField()), Value("", CharField())
    people, groups = ids["responder"], ids["user_group"]
    for kind in ("responder", "user_group", "schedule"):
        uses = Reference.objects.order_by().filter(**{f"{kind}__in": ids[kind]})
        yield uses.values_list(Value(kind), kind, "owner_schedule", "owner_policy", none, unnamed)
    person, group, service = Value("responder"), Value("user_group"), Value("service")
    members = GroupMember.objects.order_by().filter(responder__in=people)
    yield members.values_list(person, "responder", none, none, "group", "group__name")
    for model in (ExtraShift, Override):
        taken = model._default_manager.order_by().filter(by__in=people, ends_at__gt=at)
        yield taken.values_list(person, "by", "schedule", none, none, unnamed)
    own = UserGroup.objects.order_by().filter(pk__in=groups)
    yield own.values_list(group, "pk", none, none, "pk", "name")
    yield Schedule.objects.order_by().filter(group__in=groups).values_list(group, "group", "pk", none, none, unnamed)
    paging = EscalationPolicy.objects.order_by().filter(group__in=groups)
    yield paging.values_list(group, "group", none, "pk", none, unnamed)
    services = Service.objects.order_by().filter(pk__in=ids["service"])
    yield services.values_list(service, "pk", none, "policy", "group", Coalesce("group__name", unnamed))


def _by_id(rows: "QuerySet[AnyRow]", ids: Iterable[Iterable[int]], known: Mapping[int, AnyRow]) -> dict[int, AnyRow]:
    """Return rows by id. Those that are known are not loaded again."""
    wanted = {pk for each in ids for pk in each}
    found = {pk: known[pk] for pk in wanted & known.keys()}
    for piece in chunks(sorted(wanted - found.keys())):
        found |= rows.in_bulk(piece)
    return found

"""Finds the schedules and policies in which a change of some rows may change who is on call.

The number of queries depends on the depth to which policies are inside each other, and on each 500 rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from django.db.models import Model, QuerySet, Value

from oncall.aggregates import Kind
from oncall.models import ExtraShift, GroupMember, Override, Reference, Service, Substitution
from oncall.tables.base import PERSON, chunks, source_of
from syncjobs.models import ExternalLink


@dataclass(slots=True)
class Touched:
    """The rows and objects that a change touches.

    rows: ids by kind. keys: of objects that become known with the change, by kind. routed: the keys of policies to
    which services lead, before or after the change.
    """

    rows: dict[Kind, set[int]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[Kind, set[str]] = field(default_factory=lambda: defaultdict(set))
    routed: set[str] = field(default_factory=set)

    def add(self, kind: Kind, row_id: int | None, key: str, changes: Mapping[str, Any]) -> None:
        """Add an object. row_id: None if the change creates the row. changes: as an item of a run stores them."""
        if row_id is not None:
            self.rows[kind].add(row_id)
        if key:
            self.keys[kind].add(key)
        if kind == "service":
            self.routed |= {each for each in changes.get("fields", {}).get("policy_key", ()) if each}

    def __or__(self, other: "Touched") -> "Touched":
        both = Touched(routed=self.routed | other.routed)
        for each in (self, other):
            for kind, ids in each.rows.items():
                both.rows[kind] |= ids
            for kind, keys in each.keys.items():
                both.keys[kind] |= keys
        return both

    def __bool__(self) -> bool:
        return any(self.rows.values()) or any(self.keys.values())


@dataclass(slots=True)
class Subjects:
    """The ids of schedules and policies."""

    schedules: set[int] = field(default_factory=set)
    policies: set[int] = field(default_factory=set)


def subjects_of(touched: Touched, at: int) -> Subjects:
    """Return the schedules and policies that exist and depend on what is touched. What ended before ``at`` is past."""
    if not any(touched.rows.values()) and not _are_named(touched):
        return Subjects()
    people = _Found(touched.rows["responder"], touched.keys["responder"])
    people.ids |= _replaced(people, at)
    found = Subjects(set(touched.rows["schedule"]), set(touched.rows["escalation_policy"]))
    owned = [*_owners("responder", people), *_owners("user_group", _groups_of(people, touched))]
    for kind in ("schedule", "escalation_policy"):
        owned += _owners(kind, _Found(set(), touched.keys[kind]))
    # The key of a group may be that of the policy to which its routing leads.
    owned += _owners("user_group", _Found(set(), touched.routed | touched.keys["escalation_policy"]))
    _add(found, owned)
    for model in (Override, ExtraShift):
        found.schedules |= _taken(model, people, at)
    _add_containing(found)
    return found


def _are_named(touched: Touched) -> bool:
    """Return whether anything here may name an object of these connections. Before a first import, nothing does.

    The database stops at the first row. It looks for links first, because it reads all keys if no row has such a key.
    """
    sources = {source_of(key) for key in (*touched.routed, *chain(*touched.keys.values()))}
    links = ExternalLink.objects.filter(connection__in=[int(each) for each in sources if each.isdecimal()]).order_by()
    places: tuple[tuple[QuerySet[Any], str, str], ...] = (
        (Reference.objects.order_by(), "key", ""),
        (GroupMember.objects.order_by(), "person_key", ""),
        *((model._default_manager.order_by(), "by_key", PERSON) for model in (Override, ExtraShift, Substitution)),
    )
    named: list[QuerySet[Any]] = [
        rows.filter(**{f"{column}__startswith": f"{prefix}{source}:"})
        for source in sources
        for rows, column, prefix in places
    ]
    found = [rows.annotate(found=Value(1)).values_list("found") for rows in (links, *named)]
    return bool(sources) and bool(list(found[0].union(*found[1:], all=True)[:1]))


@dataclass(slots=True)
class _Found:
    """Rows of one kind by id, and objects by key."""

    ids: set[int]
    keys: set[str]

    def rows(self, rows: "QuerySet[Any]", id_column: str, key_column: str, prefix: str = "") -> "Iterator[Any]":
        """Yield the querysets of the rows with one of the ids or keys in a column."""
        for ids in chunks(sorted(self.ids)):
            yield rows.filter(**{f"{id_column}__in": ids})
        for keys in chunks(sorted(self.keys)):
            yield rows.filter(**{f"{key_column}__in": [f"{prefix}{key}" for key in keys]})


def _owners(kind: str, found: _Found) -> Iterator[tuple[int | None, int | None]]:
    """Yield the schedules and policies that refer to rows or keys of a kind, as pairs."""
    for rows in found.rows(Reference.objects.filter(kind=kind).order_by(), kind, "key"):
        yield from rows.values_list("owner_schedule", "owner_policy").distinct()


def _add(found: Subjects, owned: Iterable[tuple[int | None, int | None]]) -> None:
    for schedule, policy in owned:
        if schedule is not None:
            found.schedules.add(schedule)
        if policy is not None:
            found.policies.add(policy)


def _replaced(people: _Found, at: int) -> set[int]:
    """Return the people whom one of these people replaces."""
    running = Substitution.objects.filter(ends_at__gt=_moment(at)).order_by()
    return {
        pk for rows in people.rows(running, "by", "by_key", PERSON) for pk in rows.values_list("responder", flat=True)
    }


def _groups_of(people: _Found, touched: Touched) -> _Found:
    """Return the groups that are touched, or have one of these people as a member."""
    members = people.rows(GroupMember.objects.order_by(), "responder", "person_key")
    ids = {pk for rows in members for pk in rows.values_list("group", flat=True)}
    return _Found(ids | touched.rows["user_group"], set(touched.keys["user_group"]))


def _taken(model: type[Model], people: _Found, at: int) -> set[int]:
    """Return the schedules whose elements of a model put one of these people on call."""
    running = model._default_manager.filter(ends_at__gt=_moment(at)).order_by()
    taken = people.rows(running, "by", "by_key", PERSON)
    return {pk for rows in taken for pk in rows.values_list("schedule", flat=True)}


def _add_containing(found: Subjects) -> None:
    """Add the policies that page a found schedule or start a found policy, and the schedules that hold a policy."""
    new = Subjects(set(found.schedules), set(found.policies))
    while new.schedules or new.policies:
        owned = [*_owners("schedule", _Found(new.schedules, set()))]
        owned += _owners("escalation_policy", _Found(new.policies, set()))
        owned += _owners("user_group", _Found(set(), _routes_to(new.policies)))
        before = Subjects(set(found.schedules), set(found.policies))
        _add(found, owned)
        new = Subjects(found.schedules - before.schedules, found.policies - before.policies)


def _routes_to(policies: set[int]) -> set[str]:
    """Return the keys under which other policies may route to these policies."""
    keys: set[str] = set()
    for piece in chunks(sorted(policies)):
        named = Reference.objects.filter(escalation_policy__in=piece).order_by().values_list("key")
        keys |= {
            key for (key,) in named.union(Service.objects.filter(policy__in=piece).order_by().values_list("policy_key"))
        }
    return keys


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)

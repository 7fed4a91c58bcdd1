"""Finds when somebody is in each schedule and in each level of a policy, and which rows decide that."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from django.db.models import F

from oncall.aggregates import Kind
from oncall.escalation.first import first_spans
from oncall.models import ExtraShift, GroupMember, Override, Reference, Service, Substitution
from oncall.rendering.final import Span
from oncall.rendering.intervals import Range, joined
from oncall.rendering.spec import Participant
from oncall.selectors.policies import Walkable
from oncall.selectors.responders import present
from oncall.tables.base import chunks
from syncjobs.planning.impact.values import COVERED
from syncjobs.planning.missing.last_person import Place

#: The kinds of rows to which a schedule or policy refers.
_KINDS: Final[tuple[Kind, ...]] = ("responder", "user_group", "schedule", "escalation_policy")
Row = tuple[Kind, int]


def staff_of_schedules(
    spans: Mapping[int, Sequence[Span]], responder_of: Callable[[Participant], int | None]
) -> dict[Place, Sequence[Range]]:
    """Return when somebody is on call in some schedules. spans: by schedule; makes two or three queries.

    Of a group, one active member is somebody. A participant whose row is not known is somebody, too.
    """
    everybody = {who for held in spans.values() for _, _, people in held for who in people}
    rows = {who: responder_of(who) for who in everybody}
    here = present({pk for pk in rows.values() if pk is not None})
    nobody = {who for who, pk in rows.items() if pk is not None and pk not in here}
    if any(who.kind in ("group", "policy") for who in everybody):
        nobody |= _without_people(spans)
    return {
        Place("schedule", pk): joined((start, end) for start, end, who in held if not nobody.issuperset(who))
        for pk, held in spans.items()
    }


def _without_people(schedules: Iterable[int]) -> set[Participant]:
    """Return the groups and policies in these schedules that are inactive; and the groups without active members."""
    found: set[Participant] = set()
    groups: dict[int, set[Participant]] = defaultdict(set)
    named = Reference.objects.filter(owner_schedule__in=list(schedules), kind__in=["user_group", "escalation_policy"])
    columns = ("kind", "key", "user_group", "user_group__active", "escalation_policy__active")
    for kind, key, group, group_is_active, policy_is_active in named.values_list(*columns).distinct():
        if kind == "user_group" and group is not None:
            groups[group if group_is_active else -1].add(Participant("group", key))
        elif policy_is_active is False:
            found.add(Participant("policy", key))
    members: dict[int, set[int | None]] = defaultdict(set)
    for group, responder in GroupMember.objects.filter(group__in=groups).values_list("group", "responder"):
        members[group].add(responder)
    here = {*present({pk for ids in members.values() for pk in ids if pk is not None}), None}
    empty = (who for group, who in groups.items() if here.isdisjoint(members[group]))
    return found.union(*empty)


def staff_of_levels(walks: Mapping[int, Walkable], at: int) -> dict[Place, Sequence[Range]]:
    """Return when each level of some policies pages somebody, whatever is known of their addresses. Makes one query."""
    names = {who: name.responder_id for each in walks.values() for who, name in each.names.items()}
    here = present({pk for pk in names.values() if pk is not None})
    people = frozenset(who for who, pk in names.items() if pk in here)
    found: dict[Place, Sequence[Range]] = {}
    for pk, each in walks.items():
        context = replace(each.context, reachable=people)
        for number, level in enumerate(each.policy.levels):
            alone = replace(each.policy, initial_wait=0, levels=(level,), repeat_count=0)
            spans = first_spans(alone, context, at, at + COVERED)
            found[Place("escalation_policy", pk, number)] = joined((start, end) for start, end, _ in spans)
    return found


def rows_behind(places: Iterable[Place]) -> dict[Place, frozenset[Row]]:
    """Return the rows that decide who is in each place, as the database has them now, with the place's own row.

    The number of queries depends on the depth to which schedules and policies are inside each other.
    """
    places = list(places)
    leads_to: dict[Row, set[Row]] = {}
    new: set[Row] = {(place.kind, place.row_id) for place in places}
    while new:
        leads_to |= {row: set() for row in new}
        for kind in {kind for kind, _ in new}:
            for ids in chunks(sorted(pk for each, pk in new if each == kind)):
                for owner, row in _next(kind, ids):
                    leads_to[kind, owner].add(row)
        new = {row for rows in leads_to.values() for row in rows} - leads_to.keys()
    return {place: _closure((place.kind, place.row_id), leads_to) for place in places}


def _closure(start: Row, leads_to: Mapping[Row, set[Row]]) -> frozenset[Row]:
    found, new = {start}, {start}
    while new:
        new = {row for each in new for row in leads_to[each]} - found
        found |= new
    return frozenset(found)


def _next(kind: Kind, ids: Sequence[int]) -> Iterable[tuple[int, Row]]:
    """Yield the rows to which rows of a kind lead: the id of the one, and the other row."""
    if kind == "responder":
        replaced = Substitution.objects.filter(responder__in=ids, by__isnull=False)
        yield from ((pk, ("responder", by)) for pk, by in replaced.values_list("responder", "by"))
    elif kind == "user_group":
        members = GroupMember.objects.filter(group__in=ids, responder__isnull=False)
        yield from ((pk, ("responder", who)) for pk, who in members.values_list("group", "responder"))
        yield from _routes(ids)
    elif kind in ("schedule", "escalation_policy"):
        owner = "owner_schedule" if kind == "schedule" else "owner_policy"
        for pk, *rows in Reference.objects.filter(**{f"{owner}__in": ids}).values_list(owner, *_KINDS).distinct():
            yield from ((pk, (each, row)) for each, row in zip(_KINDS, rows, strict=True) if row is not None)
        for model in (Override, ExtraShift) if kind == "schedule" else ():
            taken = model._default_manager.filter(schedule__in=ids, by__isnull=False)
            yield from ((pk, ("responder", by)) for pk, by in taken.values_list("schedule", "by"))


def _routes(groups: Sequence[int]) -> Iterable[tuple[int, Row]]:
    """Yield the services whose key a group has, and the policies to which they lead."""
    keys: dict[str, set[int]] = defaultdict(set)
    for group, key in Reference.objects.filter(user_group__in=groups).values_list("user_group", "key").distinct():
        keys[key].add(group)
    for service, key, policy in Service.objects.filter(policy_key__in=keys).values_list(
        "pk", "policy_key", F("policy")
    ):
        for group in keys[key]:
            yield group, ("service", service)
            if policy is not None:
                yield group, ("escalation_policy", policy)

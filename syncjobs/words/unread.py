"""What the last read of an object could not take, as sentences for everything that rests on the object."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from oncall.aggregates import Kind
from oncall.models import ExtraShift, Override, Reference
from oncall.selectors.policies import Walkable
from syncjobs.models import ROW_COLUMNS, ExternalLink, LinkState
from syncjobs.words.values import elements_in_words

_CONSEQUENCES: Final[Mapping[str, str]] = {
    "contact_methods": "how the person is reached may differ",
    "extra_shifts": "who is on call may differ",
    "layers": "who is on call may differ",
    "levels": "who is paged may differ",
    "members": "who belongs to it may differ",
    "notification_rules": "how the person is reached may differ",
    "overrides": "who is on call may differ",
    "substitutions": "who is on call may differ",
}


@dataclass(frozen=True, slots=True)
class UnreadElements:
    """The elements of one row that the last read of a connection could not take. counts: by collection, above 0."""

    kind: Kind
    row_id: int
    name: str
    connection: str
    counts: Mapping[str, int]

    def only(self, *collections: str) -> "UnreadElements":
        """Return the elements of these collections."""
        counts = {name: number for name, number in self.counts.items() if name in collections}
        return UnreadElements(self.kind, self.row_id, self.name, self.connection, counts)

    def sentences(self) -> Iterator[str]:
        """Return one sentence for each collection."""
        for collection, number in self.counts.items():
            yield (
                f"{elements_in_words(collection, number)} of {self.name} could not be read at {self.connection}; "
                f"{_CONSEQUENCES[collection]}."
            )


Unread = Mapping[tuple[Kind, int], list[UnreadElements]]


def sentences_of(found: Iterable[UnreadElements]) -> list[str]:
    """Return the sentences of all these elements, each once."""
    return list(dict.fromkeys(sentence for each in found for sentence in each.sentences()))


def unread_elements(*kinds: Kind) -> dict[tuple[Kind, int], list[UnreadElements]]:
    """Return the unread elements of all linked rows of these kinds, by kind and row id; one query."""
    rows = Coalesce(*(F(f"{kind}_id") for kind in ROW_COLUMNS))
    names = Coalesce(*(F(f"{kind}__name") for kind in ROW_COLUMNS))
    links = ExternalLink.objects.filter(entity_type__in=kinds, state=LinkState.LINKED).exclude(unread={})
    found: dict[tuple[Kind, int], list[UnreadElements]] = defaultdict(list)
    columns = links.order_by("pk").annotate(row=rows, name=names).exclude(row=None)
    for name_of_kind, row_id, name, connection, unread in columns.values_list(
        "entity_type", "row", "name", "connection__name", "unread"
    ):
        kind = next(each for each in kinds if each == name_of_kind)
        found[kind, row_id].append(UnreadElements(kind, row_id, name, connection, _by_collection(unread)))
    return found


def _by_collection(unread: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers by collection, sorted. A layer that was read only in part is stored as ``layers.<key>``."""
    counts: dict[str, int] = {}
    for path, number in sorted(unread.items()):
        name = path.partition(".")[0]
        counts[name] = counts.get(name, 0) + number
    return counts


def unread_by_schedule(
    schedule_ids: Iterable[int], *, since: int, unread_by_row: Unread | None = None
) -> dict[int, list[UnreadElements]]:
    """Return the unread elements on which schedules rest: their own, and the substitutions of their people.

    since: people of overrides and extra shifts that end at or before this instant do not count. unread_by_row: the
    unread elements of schedules and responders; if None, one query finds them. There is one more query if substitutions
    were not read.
    """
    found_by_row = unread_elements("schedule", "responder") if unread_by_row is None else unread_by_row
    wanted = set(schedule_ids)
    found: dict[int, list[UnreadElements]] = {pk: [] for pk in wanted}
    substitutions: dict[int, list[UnreadElements]] = {}
    for (kind, row_id), unread in found_by_row.items():
        if kind == "responder":
            substitutions[row_id] = [each.only("substitutions") for each in unread if "substitutions" in each.counts]
        elif kind == "schedule" and row_id in wanted:
            found[row_id] += unread
    if people := [row_id for row_id, unread in substitutions.items() if unread]:
        for schedule, responder in _holders(people, since):
            if schedule in wanted:
                found[schedule] += substitutions[responder]
    return found


def _holders(people: Collection[int], since: int) -> QuerySet[Reference, tuple[int, int]]:
    """Return (schedule, responder) of those people who hold a turn, an override or an extra shift."""
    left = {"by__in": people, "ends_at__gt": datetime.fromtimestamp(since, UTC)}
    references = Reference.objects.filter(responder__in=people, owner_schedule__isnull=False)
    return references.values_list("owner_schedule", "responder").union(
        *(model._default_manager.filter(**left).values_list("schedule", "by") for model in (Override, ExtraShift))
    )


def total_counts(found: Iterable[UnreadElements]) -> dict[str, int]:
    """Return the number of unread elements by collection."""
    counts: dict[str, int] = defaultdict(int)
    for each in found:
        for collection, number in each.counts.items():
            counts[collection] += number
    return dict(sorted(counts.items()))


def sentences_of_walk(policy: int, found: Walkable, at: int) -> list[str]:
    """Return sentences about the unread elements on which the walk of a policy from the instant ``at`` on rests.

    These are elements of policies, schedules and groups, and of the people in them.
    """
    ids: dict[str, set[int]] = defaultdict(set)
    ids["escalation_policy"].add(policy)
    for (kind, _), row in found.rows.items():
        ids[kind].add(row.pk)
    members = {who for group in found.context.groups.values() for who in group.members}
    ids["responder"] |= {found.names[who].responder_id or 0 for who in members if who in found.names}
    by_row = unread_elements("escalation_policy", "schedule", "user_group", "responder")
    others = [
        each.only("levels", "members", "substitutions")
        for (kind, row_id), unread in by_row.items()
        if kind != "schedule" and row_id in ids[kind]
        for each in unread
    ]
    by_schedule = unread_by_schedule(ids["schedule"], since=at, unread_by_row=by_row)
    return sentences_of([*chain.from_iterable(by_schedule.values()), *others])

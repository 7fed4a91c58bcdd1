"""Measures what writing does to who is on call: a picture before it, and a picture after it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.models import Responder
from oncall.operations import Actor
from oncall.rendering.final import Span
from oncall.rendering.intervals import merged
from oncall.rendering.spec import Participant, person
from oncall.tables.base import LOCAL, chunks
from syncjobs.models import OPEN_PLAN, ROW_COLUMNS, ExternalLink, SyncItem, SyncRun
from syncjobs.planning.impact.fields import NAMES_A_ROW, matters
from syncjobs.planning.impact.values import Impact, Subject, impact_of
from syncjobs.planning.values import element_key
from syncjobs.runs.apply import Application
from syncjobs.runs.impact.pictures import Picture, SubjectRow, merged_people, responder_of, take
from syncjobs.runs.impact.touched import Subjects, Touched, subjects_of
from syncjobs.runs.stored.plan import open_items

#: The most items that are carried out to foresee their impact. While they are, SQLite lets nobody else write.
MOST_ITEMS: Final = 8_000
#: Why nothing is foreseen, in words.
TOO_MANY: Final = (
    f"More than {MOST_ITEMS:,} items may change who is on call. What they change is computed when they are applied."
)
#: Keys of rows by kind and id.
Keys = Mapping[tuple[Kind, int], str]


class Measurement:
    """Takes the picture before something is written. :meth:`impact` compares it with what was written.

    Without anything that is touched, there is no query.
    """

    def __init__(self, touched: Touched, at: int | None = None) -> None:
        self.at = int(timezone.now().timestamp()) if at is None else at
        self._is_empty = not touched
        self._subjects = subjects_of(touched, self.at) if touched else Subjects()
        self._before = take(self._subjects, self.at)

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "empty": self._is_empty,
            "schedules": sorted(self._subjects.schedules),
            "policies": sorted(self._subjects.policies),
            "before": self._before.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Measurement":
        found = cls(Touched(), data["at"])
        found._is_empty = data["empty"]
        found._subjects = Subjects(set(data["schedules"]), set(data["policies"]))
        found._before = Picture.from_json(data["before"])
        return found

    def impact(self, created: Keys | None = None, *, keys_of_created: bool = False) -> Impact:
        """Return what changed meanwhile.

        created: the keys of the rows that were created. keys_of_created: whether the result names these rows by their
        keys, because they are going to be rolled back.
        """
        if self._is_empty:
            return Impact(self.at)
        created = created or {}
        subjects = Subjects(
            self._subjects.schedules | {pk for kind, pk in created if kind == "schedule"},
            self._subjects.policies | {pk for kind, pk in created if kind == "escalation_policy"},
        )
        after = take(subjects, self.at)
        compared = _Comparison(self._before, after, created if keys_of_created else {})
        return impact_of(compared.before(), compared.after(), self.at)


class _Comparison:
    """Gives the participants and subjects of both pictures the same names, so that they can be compared."""

    def __init__(self, before: Picture, after: Picture, keys: Keys) -> None:
        self._before, self._after, self._keys = before, after, keys
        became = merged_people(before.names)
        names = dict(after.names)
        for piece in chunks(sorted(set(became.values()) - names.keys())):
            names |= dict(Responder.objects.filter(pk__in=piece).values_list("pk", "name"))
        # Somebody else is on call if a person became another one; nobody sees a difference if both have one name.
        self._same = {pk: into for pk, into in became.items() if before.names[pk] == names.get(into)}

    def before(self) -> dict[Subject, tuple[Span, ...]]:
        return {self._subject(row): self._renamed(spans, self._before) for row, spans in self._before.spans.items()}

    def after(self) -> dict[Subject, tuple[Span, ...]]:
        """Return the spans after the change. A row that was merged has those of the row into which it was merged."""
        found: dict[Subject, tuple[Span, ...]] = {}
        for row in self._after.spans.keys() | self._before.spans.keys():
            now: SubjectRow = row
            while now in self._after.merged and now not in self._before.merged:
                now = (now[0], self._after.merged[now])
            found[self._subject(row)] = self._renamed(self._after.spans.get(now, ()), self._after)
        return found

    def _subject(self, row: SubjectRow) -> Subject:
        return Subject(row[0], self._keys.get(row, f"{LOCAL}{row[1]}"))

    def _renamed(self, spans: Iterable[Span], picture: Picture) -> tuple[Span, ...]:
        """Return spans in which each person has one name on both sides."""
        new: dict[Participant, Participant] = {}
        held = []
        for start, end, who in spans:
            for each in who:
                if each not in new:
                    new[each] = self._name(each, picture)
            held.append((start, end, tuple(sorted({new[each] for each in who}))))
        return tuple(map(Span._make, merged(held)))

    def _name(self, who: Participant, picture: Picture) -> Participant:
        pk = responder_of(who, picture)
        if pk is None:  # the change may make the row known
            pk = responder_of(who, self._after)
        if pk is None:
            return who
        pk = self._same.get(pk, pk)
        return person(self._keys.get(("responder", pk), f"{LOCAL}{pk}"))


# --- the items of a run -----------------------------------------------------------------------------------------------


def items_that_matter(run: SyncRun, *, with_held: bool = False) -> tuple[Touched, list[int]]:
    """Return what the open items touch that would be applied, and the ids of the items that may have an impact.

    with_held: as if all that waits was approved.
    """
    touched, ids = Touched(), []
    columns = ("pk", "entity_type", "external_id", "row_id", "action", "changes", "held_ticked")
    applied = _applied(run, with_held=with_held).values_list(*columns)
    for pk, name, external_id, row_id, action, changes, approved in applied.iterator():
        kind = entity_type_of(name)
        if not (approved or with_held):
            changes = {each: value for each, value in changes.items() if each != "held"}
        if matters(kind, action, changes):
            # The row of an object that is linked is known; its key leads to the row already.
            is_new = action in NAMES_A_ROW
            touched.add(kind, row_id, element_key(run.connection_id, external_id) if is_new else "", changes)
            ids.append(pk)
    return touched, ids


def _applied(run: SyncRun, *, with_held: bool = False) -> "QuerySet[SyncItem]":
    """Return the open items that are applied as they are ticked and approved now.

    with_held: also those that wait for approval.
    """
    if with_held:
        return open_items(run).filter(Q(ticked=True) | Q(held=True))
    approved = Q(action="missing", held_ticked=True)
    return open_items(run).filter(Q(ticked=True) | approved).exclude(held=True, held_ticked=False)


def created_rows(run: SyncRun) -> dict[tuple[Kind, int], str]:
    """Return the keys of the rows that the items of a run have created."""
    created: dict[tuple[Kind, int], str] = {}
    items = set(run.items.filter(action="create").values_list("entity_type", "external_id"))
    for piece in chunks(sorted({external_id for _, external_id in items})):
        links = ExternalLink.objects.filter(connection=run.connection_id, external_id__in=piece)
        for name, external_id, key, *rows in links.values_list("entity_type", "external_id", "key", *ROW_COLUMNS):
            row_id = next((each for each in rows if each is not None), None)
            if row_id is not None and (name, external_id) in items:
                created[entity_type_of(name), row_id] = key
    return created


def held_hours(run: SyncRun, impact: Impact | None) -> float | None:
    """Return how many hours nobody covers any more if all that waits is approved, beside those of ``impact``."""
    approved = foresee(run, with_held=True)
    if impact is None or approved is None:
        return None
    now, then = (sum(each.hours for each in one.uncovered) for one in (impact, approved))
    return round(max(then - now, 0.0), 2)


def foresee(run: SyncRun, *, with_held: bool = False) -> Impact | None:
    """Return what applying a stored plan would change, as it is ticked now; None for TOO_MANY items. Writes nothing.

    The items that matter are carried out in a transaction that is rolled back. It must be inside another transaction,
    which has locked the run. with_held: as if all that waits was approved.
    """
    touched, ids = items_that_matter(run, with_held=with_held)
    if len(ids) > MOST_ITEMS:
        return None
    measurement = Measurement(touched)
    if not ids:
        return measurement.impact()
    with transaction.atomic():
        by = Actor(run.requested_by_id, f"run:{run.pk}")
        application = Application(run, by, transaction.atomic, waits=False)
        wanted = set(ids)
        applied = _applied(run, with_held=with_held).iterator(chunk_size=500)
        items = (_approved(item) if with_held else item for item in applied if item.pk in wanted)
        application.apply(items, lambda kind, results: None)
        found = measurement.impact(created_rows(run), keys_of_created=True)
        transaction.set_rollback(True)
    return found


def _approved(item: SyncItem) -> SyncItem:
    item.held_ticked = True
    return item


def foresee_again(run: SyncRun) -> str:
    """Store what a plan that waits for review would change. Return why it was not stored, or an empty text."""
    with transaction.atomic():
        waiting = SyncRun.objects.select_for_update(of=("self",)).filter(pk=run.pk, state__in=OPEN_PLAN)
        locked = waiting.select_related("connection", "profile").first()
        if locked is None:
            run.refresh_from_db(fields=["state"])
            return f"Nothing was computed: the state of {run} is {run.get_state_display()}."
        impact = foresee(locked)
        waiting.update(impact=None if impact is None else impact.to_json())
    return TOO_MANY if impact is None else ""


def forget(run: SyncRun) -> None:
    """Forget what a waiting plan would change, because other items are ticked now."""
    SyncRun.objects.filter(pk=run.pk, state__in=OPEN_PLAN).update(impact=None)

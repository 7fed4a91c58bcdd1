"""Measures what writing does to who is on call: a picture before it, and a picture after it."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.models import Responder
from oncall.operations import Actor, lock_versions
from oncall.rendering.final import Span
from oncall.rendering.intervals import merged
from oncall.rendering.spec import Participant, person
from oncall.tables.base import LOCAL, chunks
from syncjobs.models import HELD_ITEMS, OPEN_PLAN, ROW_COLUMNS, ExternalLink, SyncItem, SyncRun
from syncjobs.planning.impact.fields import NAMES_A_ROW, matters
from syncjobs.planning.impact.values import COVERED, Impact, Subject, impact_of
from syncjobs.planning.missing.last_person import Loss, is_removal, last_people, lost_hours
from syncjobs.planning.values import element_key
from syncjobs.runs.apply import Application
from syncjobs.runs.impact.pictures import Picture, SubjectRow, merged_people, responder_of, take
from syncjobs.runs.impact.staff import Row
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

    Without anything that is touched, there is no query. with_staff: as :func:`take`. before: the picture.
    """

    def __init__(self, touched: Touched, at: int | None = None, *, with_staff: bool = False) -> None:
        self.at = int(timezone.now().timestamp()) if at is None else at
        self._is_empty, self._with_staff = not touched, with_staff
        self._subjects = subjects_of(touched, self.at) if touched else Subjects()
        self.before = take(self._subjects, self.at, with_staff=with_staff)

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "empty": self._is_empty,
            "schedules": sorted(self._subjects.schedules),
            "policies": sorted(self._subjects.policies),
            "before": self.before.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Measurement":
        found = cls(Touched(), data["at"])
        found._is_empty = data["empty"]
        found._subjects = Subjects(set(data["schedules"]), set(data["policies"]))
        found.before = Picture.from_json(data["before"])
        return found

    def picture(self, created: Keys) -> Picture:
        """Return the picture as it is now. created: the keys of the rows that were created."""
        subjects = Subjects(
            self._subjects.schedules | {pk for kind, pk in created if kind == "schedule"},
            self._subjects.policies | {pk for kind, pk in created if kind == "escalation_policy"},
        )
        return take(subjects, self.at, with_staff=self._with_staff)

    def impact(
        self, created: Keys | None = None, *, keys_of_created: bool = False, after: Picture | None = None
    ) -> Impact:
        """Return what changed meanwhile.

        created: the keys of the rows that were created. keys_of_created: whether the result names these rows by their
        keys, because they are going to be rolled back. after: the picture after it, if it was taken.
        """
        if self._is_empty:
            return Impact(self.at)
        created = created or {}
        compared = _Comparison(
            self.before, self.picture(created) if after is None else after, created if keys_of_created else {}
        )
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


@dataclass(slots=True)
class Matter:
    """The items of a run that may change who is on call. touched: what they touch. ids: theirs.

    removals: the rows from which, or with which, somebody may leave, by item. leaving: the rows that become inactive.
    """

    touched: Touched = field(default_factory=Touched)
    ids: list[int] = field(default_factory=list)
    removals: dict[int, Row] = field(default_factory=dict)
    leaving: set[Row] = field(default_factory=set)

    def add(
        self,
        pk: int,
        kind: Kind,
        key: str,
        row_id: int | None,
        action: str,
        changes: Mapping[str, Any],
        *,
        is_approved: bool = False,
    ) -> None:
        """Add an item if it matters. key: of its object. is_approved: whether a person approved what it removes."""
        if not matters(kind, action, changes):
            return
        # The row of an object that is linked is known; its key leads to the row already.
        self.touched.add(kind, row_id, key if action in NAMES_A_ROW else "", changes)
        self.ids.append(pk)
        if row_id is None:
            return
        fields = changes.get("fields", {})
        if not is_approved and is_removal(kind, action, fields, changes.get("elements", {})):
            self.removals[pk] = kind, row_id
        if fields.get("active", [False, True])[1] is False:
            self.leaving.add((kind, row_id))


def items_that_matter(run: SyncRun, *, waiting: Matter | None = None) -> Matter:
    """Return the open items that would be applied and may have an impact. Makes one query.

    waiting: gets what would be applied in addition if all that waits was approved.
    """
    found = Matter()
    columns = ("pk", "entity_type", "external_id", "row_id", "action", "changes", "ticked", "held", "held_ticked")
    items = open_items(run).filter(_APPLIED if waiting is None else _APPLIED | HELD_ITEMS)
    for pk, name, external_id, row_id, action, changes, ticked, held, approved in items.values_list(
        *columns
    ).iterator():
        kind = entity_type_of(name)
        parts = dict(changes)
        later = {} if approved else parts.pop("held", {})
        key = element_key(run.connection_id, external_id)
        if held and not approved:
            if waiting is not None:
                waiting.add(pk, kind, key, row_id, action, changes)
        elif ticked or (action == "missing" and approved):
            found.add(pk, kind, key, row_id, action, parts, is_approved=approved)
            if waiting is not None and later:
                waiting.add(pk, kind, key, row_id, "held", {"held": later})
    return found


#: The items that are applied as they are ticked and approved.
_APPLIED: Final = (Q(ticked=True) | Q(action="missing", held_ticked=True)) & ~Q(held=True, held_ticked=False)


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


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What applying a stored plan would change. removals: as Matter, of the items that would be applied.

    losses: the places that their last person leaves. hours: how many hours nobody covers any more if all that waits is
    approved, beside those that the impact says. Both are known only if the plan is guarded.
    """

    impact: Impact
    removals: Mapping[int, Row] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    hours: float = 0.0


def foresee(run: SyncRun, *, guarded: bool = False) -> Foreseen | None:
    """Return what applying a stored plan would change, as it is ticked now; None for TOO_MANY items. Writes nothing.

    The items that matter are carried out in a transaction that is rolled back: first those that would be applied, then,
    if the plan is guarded, what waits. It must be inside another transaction, which has locked the run.
    """
    waiting = Matter() if guarded else None
    now = items_that_matter(run, waiting=waiting)
    if len(now.ids) + (0 if waiting is None else len(waiting.ids)) > MOST_ITEMS:
        return None
    measurement = Measurement(now.touched if waiting is None else now.touched | waiting.touched, with_staff=guarded)
    if not now.ids and not (waiting and waiting.ids):
        return Foreseen(measurement.impact())
    with transaction.atomic():
        by = Actor(run.requested_by_id, f"run:{run.pk}")
        application = Application(run, by, transaction.atomic, waits=False)
        wanted = set(now.ids)
        applied = open_items(run).filter(_APPLIED).iterator(chunk_size=500)
        application.apply((item for item in applied if item.pk in wanted), lambda kind, results: None)
        created = created_rows(run)
        after = measurement.picture(created)
        impact = measurement.impact(created, keys_of_created=True, after=after)
        losses = last_people(measurement.before.staff, after.staff, now.leaving)
        hours = 0.0
        if waiting and waiting.ids:
            application.apply(_approved(run, waiting.ids, wanted), lambda kind, results: None)
            approved = measurement.picture(created)
            hours = lost_hours(after.staff, approved.staff, measurement.at, measurement.at + COVERED)
        transaction.set_rollback(True)
    return Foreseen(impact, now.removals, losses, hours)


def _approved(run: SyncRun, ids: Iterable[int], applied: Container[int]) -> Iterator[SyncItem]:
    """Yield items as if all that waits was approved; of those that were applied before, only what waits."""
    for piece in chunks(sorted(ids)):
        items = list(run.items.filter(pk__in=piece).order_by("id"))
        links = ExternalLink.objects.filter(
            connection=run.connection_id, external_id__in=[item.external_id for item in items if item.pk in applied]
        )
        known = {(link.entity_type, link.external_id): link for link in links}
        for kind in dict.fromkeys(item.entity_type for item in items):
            rows = [item.row_id for item in items if item.entity_type == kind and item.row_id is not None]
            versions = lock_versions(entity_type_of(kind), rows)
            for item in (each for each in items if each.entity_type == kind):
                item.held_ticked = True
                if item.pk in applied:
                    link = known[item.entity_type, item.external_id]
                    item.link_id, item.link_version = link.pk, link.version
                    item.row_version = versions[item.row_id or 0]
                    item.action, item.changes = "held", {"held": item.changes["held"]}
                yield item


def foresee_again(run: SyncRun) -> str:
    """Store what a plan that waits for review would change. Return why it was not stored, or an empty text."""
    with transaction.atomic():
        waiting = SyncRun.objects.select_for_update(of=("self",)).filter(pk=run.pk, state__in=OPEN_PLAN)
        locked = waiting.select_related("connection", "profile").first()
        if locked is None:
            run.refresh_from_db(fields=["state"])
            return f"Nothing was computed: the state of {run} is {run.get_state_display()}."
        foreseen = foresee(locked)
        waiting.update(impact=None if foreseen is None else foreseen.impact.to_json())
    return TOO_MANY if foreseen is None else ""


def forget(run: SyncRun) -> None:
    """Forget what a waiting plan would change, because other items are ticked now."""
    SyncRun.objects.filter(pk=run.pk, state__in=OPEN_PLAN).update(impact=None)

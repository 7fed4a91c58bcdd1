"""Compares imported schedules with the source and stores the results."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from django.db.models import Case, Count, F, Max, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from connectors.base import Connector
from connectors.checks import simulator_settings
from connectors.models import Connection
from oncall.rendering.codec import instant_to_text, participant_to_text
from oncall.rendering.final import Span
from oncall.rendering.spec import INACTIVE, NO_ZONE, Participant, person
from oncall.selectors.participants import ScheduleInput, one_key, participant_names, renamed
from oncall.selectors.schedules import specs
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState, ParityBasis, ParityCheck, ParityJudge, SyncRun
from syncjobs.parity.compare import NOT_REPORTED, NOTHING, Measurement, measure, unread_elements
from syncjobs.planning.values import element_key

#: How many results of a schedule are kept for each basis.
KEPT: Final = 30
#: For this time, a sync that finds the same equality again updates the stored result instead of adding another.
CONFIRMED: Final = timedelta(days=1)

Rendered = Mapping[str, Sequence[Span]]


def judge() -> ParityJudge:
    """Return whether comparisons are made with a vendor or with a simulator."""
    return ParityJudge.SIMULATOR if simulator_settings() else ParityJudge.VENDOR


@dataclass(frozen=True, slots=True)
class ScheduleParity:
    """The result of one schedule. schedule_id: its row here."""

    external_id: str
    name: str
    schedule_id: int
    basis: ParityBasis
    measured: Measurement


@dataclass(frozen=True, slots=True)
class ImportedSchedules:
    """The linked schedules of a connection, ready to be compared.

    rows: row id and name by external id, in the order of the names. specs: by row id, without inactive schedules. In
    them a linked person has the key of the first link. people: that participant by each linked one. is_known: returns
    whether a participant has a row. inactive: external ids of the schedules that could be rendered if they were active
    here. incomplete: of those that the source reported only in part. unread: the numbers of elements that could not be
    read, by external id and collection. absences: number of unread substitutions, by person.
    """

    connection_id: int
    rows: Mapping[str, tuple[int, str]]
    specs: Mapping[int, ScheduleInput]
    people: Mapping[Participant, Participant]
    is_known: Callable[[Participant], bool]
    inactive: frozenset[str]
    incomplete: frozenset[str]
    unread: Mapping[str, Mapping[str, int]]
    absences: Mapping[Participant, int]

    def spec(self, external_id: str) -> ScheduleInput | None:
        """Return the schedule to render; None if it cannot be rendered or is inactive here."""
        return self.specs.get(self.rows[external_id][0])

    def groups(self, external_id: str) -> tuple[str, ...]:
        """Return the ids of the groups of a schedule at the source."""
        spec, prefix = self.spec(external_id), element_key(self.connection_id, "")
        return (
            () if spec is None else tuple(key.removeprefix(prefix) for key in spec[0].groups if key.startswith(prefix))
        )

    def measure(
        self,
        external_id: str,
        basis: ParityBasis,
        source: Sequence[Span] | None,
        since: int,
        until: int,
        reason: str = NOT_REPORTED,
    ) -> ScheduleParity:
        """Compare a schedule in ``[since, until)``.

        source: spans with the ids of the source; None if they were not reported, for the given reason.
        """
        row_id, name = self.rows[external_id]
        schedule = self.specs.get(row_id)
        measured = measure(
            schedule,
            None if source is None else [self._with_keys(span) for span in source],
            since,
            until,
            is_known=self.is_known,
            incomplete=external_id in self.incomplete,
            unread=unread_elements(schedule, self.unread.get(external_id, NOTHING), self.absences),
            reason=reason,
            missing=INACTIVE if external_id in self.inactive else NO_ZONE,
        )
        return ScheduleParity(external_id, name, row_id, basis, measured)

    def _with_keys(self, span: Span) -> Span:
        keys = (Participant(p.kind, element_key(self.connection_id, p.id)) for p in span.participants)
        return Span(span.start, span.end, tuple(sorted({self.people.get(each, each) for each in keys})))


def load_imported(
    connection: Connection, notes: Iterable[Mapping[str, Any]], *, since: int, only: Collection[str] | None = None
) -> ImportedSchedules:
    """Load the linked schedules of a connection.

    notes: of the read. since: an instant; overrides, extra shifts and substitutions that ended by then are left out.
    only: external ids; None for all linked schedules. There are 6 queries, one more if people are not linked; 5 of them
    are repeated for each 500 ids in ``only``.
    """
    links = ExternalLink.objects.filter(connection=connection)
    schedules = links.filter(entity_type="schedule", state=LinkState.LINKED, schedule__isnull=False)
    people = links.filter(entity_type="responder", responder__isnull=False)
    rows: dict[str, tuple[int, str]] = {}
    inactive: set[str] = set()
    people_here: dict[Participant, Participant] = {}  # the participants of selectors -> the keys of the source
    same: dict[Participant, Participant] = {}
    unread: dict[str, Mapping[str, int]] = {}
    absences: dict[Participant, int] = {}
    for external_id, row_id, name, active, responder_id, missing in (
        (schedules | people)
        .order_by("schedule__name", "external_id")
        .values_list("external_id", "schedule_id", "schedule__name", "schedule__active", "responder_id", "unread")
    ):
        if row_id is None:
            who = person(element_key(connection.pk, external_id))
            first = same[who] = people_here.setdefault(one_key(responder_id), who)
            if "substitutions" in missing:
                absences[first] = absences.get(first, 0) + missing["substitutions"]
        elif only is None or external_id in only:
            rows[external_id] = (row_id, name)
            unread[external_id] = missing
            if not active:
                inactive.add(external_id)
    # For all schedules, a subquery keeps the number of statements independent of the number of schedules.
    ids = schedules.values("schedule_id") if only is None else [row_id for row_id, _ in rows.values()]
    loaded = {pk: renamed(each, people_here) for pk, each in specs(ids, since=since).items()}
    inactive = {external_id for external_id in inactive if rows[external_id][0] in loaded}
    for external_id in inactive:
        loaded.pop(rows[external_id][0], None)

    @cache
    def named_participants() -> frozenset[Participant]:
        return frozenset(participant_names(row_id for row_id, _ in rows.values()))

    def is_known(who: Participant) -> bool:
        return who in same or who in named_participants()

    incomplete = frozenset(
        str(note["external_id"]) for note in notes if note["entity_type"] == "schedule" and _is_loss(note)
    )
    return ImportedSchedules(
        connection.pk, rows, loaded, same, is_known, frozenset(inactive), incomplete, unread, absences
    )


def _is_loss(note: Mapping[str, Any]) -> bool:
    """Return whether a stored note is a loss. Notes of earlier releases have no such field, so their code decides."""
    code = str(note["code"])
    return bool(note.get("loss", code.endswith("_not_told") or code.startswith("unsupported")))


def comparison_start(since: int, until: int) -> int:
    """Return where the comparison with an answer of the source starts that was received just now.

    For the time before the answer, a source reports who was on call, not what its settings say. A range in the past is
    compared as a whole.
    """
    answered = int(timezone.now().timestamp()) + 1
    return max(since, answered) if answered < until else since


def measure_at_source(
    imported: ImportedSchedules, connector: Connector, ids: Iterable[str], basis: ParityBasis, since: int, until: int
) -> Iterator[ScheduleParity]:
    """Return the results of these schedules in ``[since, until)``, after a request to the source.

    Raises ConnectorError.
    """
    ids, available = list(ids), connector.rendered_range()
    rendered: Rendered = {}
    reason = NOT_REPORTED
    if available is not None and not available[0] <= since <= until <= available[1]:
        reason = f"the source reports its own rendering only until {instant_to_text(available[1])}"
        if since < available[0]:
            reason = f"the source reports its own rendering only from {instant_to_text(available[0])} on"
    else:
        schedules = {id_: imported.groups(id_) for id_ in ids if imported.spec(id_) is not None}
        rendered = connector.rendered(schedules, since, until) if schedules else {}
    since = comparison_start(since, until)
    return (imported.measure(id_, basis, rendered.get(id_), since, until, reason) for id_ in ids)


def measure_on_demand(
    connection: Connection, connector: Connector, since: int, until: int, *, at: datetime
) -> list[ScheduleParity]:
    """Compare all linked schedules in ``[since, until)`` with the rendering of the source and store the results.

    at: the time of the comparison. Raises ConnectorError.
    """
    read = SyncRun.objects.filter(connection=connection, planned_at__isnull=False).order_by("-id")
    imported = load_imported(connection, read.values_list("notes", flat=True).first() or (), since=since)
    results = list(measure_at_source(imported, connector, imported.rows, ParityBasis.DEMAND, since, until))
    store(connection, results, LatestChecks(connection), at=at)
    return results


# --- stored results ---------------------------------------------------------------------------------------------------


class LatestChecks(dict[tuple[str, str], ParityCheck]):
    """The latest results of the schedules of a connection, by external id and basis.

    kept: how many results are stored, by external id and basis.
    """

    def __init__(self, connection: Connection) -> None:
        parts = [F("external_id"), F("basis")]
        checks = ParityCheck.objects.filter(connection=connection).annotate(
            place=Window(RowNumber(), partition_by=parts, order_by="-id"), kept=Window(Count("pk"), partition_by=parts)
        )
        self.kept: dict[tuple[str, str], int] = {}
        for check in checks.filter(place=1):
            key = (check.external_id, check.basis)
            self[key], self.kept[key] = check, check.kept


def store(
    connection: Connection,
    results: Iterable[ScheduleParity],
    latest: LatestChecks,
    *,
    at: datetime,
    run: SyncRun | None = None,
) -> None:
    """Store the results, and delete all but the last :data:`KEPT` of each schedule and basis.

    If a sync finds a schedule equal again and the source did not change, only ``measured_at`` and the run of the stored
    result are updated. at: the time of the comparison.
    """
    said_by = judge()
    confirmed: list[int] = []
    new: list[ParityCheck] = []
    for result in results:
        check = ParityCheck(
            run=run,
            connection=connection,
            schedule_id=result.schedule_id,
            external_id=result.external_id,
            judge=said_by,
            basis=result.basis,
            measured_at=at,
            since=_moment(result.measured.since),
            until=_moment(result.measured.until),
            **_columns(result.measured),
        )
        old, on_demand = (latest.get((check.external_id, basis)) for basis in (check.basis, ParityBasis.DEMAND))
        is_last = old is not None and (on_demand is None or on_demand.pk <= old.pk)
        if old is not None and is_last and _is_repeated(old, check):
            confirmed.append(old.pk)
        else:
            new.append(check)
    for piece in chunks(confirmed):
        ParityCheck.objects.filter(pk__in=piece).update(measured_at=at, run=run)
    ParityCheck.objects.bulk_create(new)
    if any(latest.kept.get((check.external_id, check.basis), 0) >= KEPT for check in new):
        place = Window(RowNumber(), partition_by=[F("external_id"), F("basis")], order_by="-id")
        numbered = ParityCheck.objects.filter(connection=connection).annotate(place=place).filter(place__gt=KEPT)
        ParityCheck.objects.filter(pk__in=numbered.values("pk")).delete()


def _is_repeated(old: ParityCheck, new: ParityCheck) -> bool:
    """Return whether two syncs within :data:`CONFIRMED` found equality with the same spans of the source.

    Spans are compared in the time that both syncs measured.
    """
    if new.basis != ParityBasis.SYNC or new.since - old.since >= CONFIRMED:
        return False
    if not (old.is_compared and new.is_compared) or old.differs or new.differs:
        return False
    if any(getattr(old, name) != getattr(new, name) for name in ("schedule_id", "judge", "unresolved", "note")):
        return False
    since, until = (instant_to_text(int(at.timestamp())) for at in (new.since, old.until))
    return _cut(old.source_spans, since, until) == _cut(new.source_spans, since, until)


def _cut(spans: Iterable[Sequence[Any]], since: str, until: str) -> list[tuple[str, str, Any]]:
    """Return the parts of the spans in ``[since, until)``. Texts of instants sort like the instants."""
    cut = ((max(start, since), min(end, until), who) for start, end, who in spans)
    return [span for span in cut if span[0] < span[1]]


def _columns(measured: Measurement) -> dict[str, Any]:
    compared = measured.comparison
    return {
        "equal_seconds": None if compared is None else compared.equal,
        "total_seconds": None if compared is None else compared.total,
        "uncovered_source": 0 if compared is None else compared.uncovered_before,
        "uncovered_ours": 0 if compared is None else compared.uncovered_after,
        "unresolved": _texts(measured.unresolved),
        "differences": [
            {
                "start": instant_to_text(d.start),
                "end": instant_to_text(d.end),
                "source": _texts(d.source),
                "ours": _texts(d.ours),
                "cause": d.cause,
            }
            for d in measured.differences
        ],
        "source_spans": [
            [instant_to_text(span.start), instant_to_text(span.end), _texts(span.participants)]
            for span in measured.source
        ],
        "note": measured.note,
    }


def _texts(participants: Iterable[Participant]) -> list[str]:
    return [participant_to_text(participant) for participant in participants]


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def current_checks(schedule_ids: Iterable[int] | QuerySet[Any, Any]) -> "QuerySet[ParityCheck, Any]":
    """Return a query for the primary keys of the current results.

    These are, for each schedule, the last result for the next days and the last around each future clock change.
    """
    return (
        ParityCheck.objects.filter(schedule__in=schedule_ids)
        .exclude(basis=ParityBasis.TRANSITION, until__lt=timezone.now())
        .annotate(change=Case(When(basis=ParityBasis.TRANSITION, then=F("until")), default=Value(None)))
        .values("schedule", "change")
        .annotate(last=Max("pk"))
        .values("last")
    )


def latest_parity(schedule_ids: Iterable[int]) -> dict[int, ParityCheck]:
    """Return the result to show for each schedule, by schedule id; one query.

    It is the last result for the next days; if that has no difference, the first result around a future clock change
    that has. Schedules that were never measured are missing.
    """
    latest: dict[int, ParityCheck] = {}
    for check in _in_order(current_checks(schedule_ids)):
        before = latest.get(check.schedule_id or 0)
        if before is None or (check.differs and not before.differs):
            latest[check.schedule_id or 0] = check
    return latest


def _in_order(keys: "QuerySet[ParityCheck, Any]") -> list[ParityCheck]:
    """Return the results for the next days, then those around clock changes, each sorted by their range."""
    found = ParityCheck.objects.filter(pk__in=keys).order_by("since", "pk")
    return sorted(found, key=lambda check: check.basis == ParityBasis.TRANSITION)

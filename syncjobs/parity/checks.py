"""Measuring imported schedules against the source, and remembering what came of it."""

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
from oncall.rendering.spec import Participant
from oncall.selectors.schedules import ScheduleInput, participant_names, specs
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState, ParityBasis, ParityCheck, ParityJudge, SyncRun
from syncjobs.parity.compare import NOT_TOLD, Measured, measure
from syncjobs.planning.values import element_key

#: Measurements of a schedule that are kept, of each basis.
KEPT: Final = 30
#: So long a sync that finds the same again only says so on the measurement that is there.
CONFIRMED: Final = timedelta(days=1)

Rendered = Mapping[str, Sequence[Span]]


def judge() -> ParityJudge:
    """Who the comparison is made with: only a vendor proves anything about a vendor."""
    return ParityJudge.SIMULATOR if simulator_settings() else ParityJudge.VENDOR


@dataclass(frozen=True, slots=True)
class ScheduleParity:
    """One schedule's result; schedule_id: the row here."""

    external_id: str
    name: str
    schedule_id: int
    basis: ParityBasis
    measured: Measured


@dataclass(frozen=True, slots=True)
class Imported:
    """The linked schedules of a connection as comparing needs them. rows: external id -> (row id, name), by name.

    is_known: whether a person has a row. untold: external ids of schedules that the source told in part.
    """

    connection_id: int
    rows: Mapping[str, tuple[int, str]]
    specs: Mapping[int, ScheduleInput]
    is_known: Callable[[Participant], bool]
    untold: frozenset[str]

    def spec(self, external_id: str) -> ScheduleInput | None:
        return self.specs.get(self.rows[external_id][0])

    def groups(self, external_id: str) -> tuple[str, ...]:
        """Ids of a schedule's groups, at the source."""
        spec, own = self.spec(external_id), element_key(self.connection_id, "")
        return () if spec is None else tuple(key.removeprefix(own) for key in spec[0].groups if key.startswith(own))

    def measure(
        self,
        external_id: str,
        basis: ParityBasis,
        told: Sequence[Span] | None,
        since: int,
        until: int,
        because: str = NOT_TOLD,
    ) -> ScheduleParity:
        """told: the source's spans with bare external ids, None = not told, ``because`` of something."""
        row_id, name = self.rows[external_id]
        measured = measure(
            self.specs.get(row_id),
            None if told is None else [self._keyed(span) for span in told],
            since,
            until,
            is_known=self.is_known,
            untold=external_id in self.untold,
            because=because,
        )
        return ScheduleParity(external_id, name, row_id, basis, measured)

    def _keyed(self, span: Span) -> Span:
        keys = (Participant(p.kind, element_key(self.connection_id, p.id)) for p in span.participants)
        return Span(span.start, span.end, tuple(sorted(keys)))


def load_imported(
    connection: Connection, notes: Iterable[Mapping[str, Any]], *, since: int, only: Collection[str] | None = None
) -> Imported:
    """notes: those of the read. since: what ended by this instant is left out. only: external ids, None = all linked.
    6 queries, for more than 500 of ``only`` 5 of them per 500; one more when people are not linked."""
    links = ExternalLink.objects.filter(connection=connection)
    schedules = links.filter(entity_type="schedule", state=LinkState.LINKED, schedule__isnull=False)
    people = links.filter(entity_type="responder", responder__isnull=False)
    rows: dict[str, tuple[int, str]] = {}
    linked: set[str] = set()
    for external_id, row_id, name in (
        (schedules | people)
        .order_by("schedule__name", "external_id")
        .values_list("external_id", "schedule_id", "schedule__name")
    ):
        if row_id is None:
            linked.add(element_key(connection.pk, external_id))
        elif only is None or external_id in only:
            rows[external_id] = (row_id, name)
    # All: a sub-select, not a list, the same statements for one and for a thousand.
    ids = schedules.values("schedule_id") if only is None else [row_id for row_id, _ in rows.values()]
    loaded = specs(ids, since=since)

    @cache
    def named_otherwise() -> frozenset[Participant]:
        return frozenset(participant_names(row_id for row_id, _ in rows.values()))

    def is_known(who: Participant) -> bool:
        return who.id in linked or who in named_otherwise()

    untold = frozenset(
        str(note["external_id"]) for note in notes if note["entity_type"] == "schedule" and _is_loss(note)
    )
    return Imported(connection.pk, rows, loaded, is_known, untold)


def _is_loss(note: Mapping[str, Any]) -> bool:
    """Whether a stored note is a loss. Notes of earlier releases have no such field; there the code says it."""
    code = str(note["code"])
    return bool(note.get("loss", code.endswith("_not_told") or code.startswith("unsupported")))


def from_the_answer_on(since: int, until: int) -> int:
    """Where comparing begins with an answer that came just now: of the time before it a source tells who served, not
    what follows from its settings. A range that lies wholly in the past was asked for as such."""
    answered = int(timezone.now().timestamp()) + 1
    return max(since, answered) if answered < until else since


def measure_at_source(
    imported: Imported, connector: Connector, ids: Iterable[str], basis: ParityBasis, since: int, until: int
) -> Iterator[ScheduleParity]:
    """The results of these schedules in [since, until), for which the source is asked. Raises ConnectorError."""
    ids, tells = list(ids), connector.rendered_range()
    rendered: Rendered = {}
    because = NOT_TOLD
    if tells is not None and not tells[0] <= since <= until <= tells[1]:
        because = f"the source tells its own rendering only until {instant_to_text(tells[1])}"
        if since < tells[0]:
            because = f"the source tells its own rendering only from {instant_to_text(tells[0])} on"
    else:
        schedules = {id_: imported.groups(id_) for id_ in ids if imported.spec(id_) is not None}
        rendered = connector.rendered(schedules, since, until) if schedules else {}
    since = from_the_answer_on(since, until)
    return (imported.measure(id_, basis, rendered.get(id_), since, until, because) for id_ in ids)


def measure_on_demand(
    connection: Connection, connector: Connector, since: int, until: int, *, at: datetime
) -> list[ScheduleParity]:
    """Compare every linked schedule over [since, until) and store it. Asks the source for its rendering; raises
    ConnectorError."""
    read = SyncRun.objects.filter(connection=connection, planned_at__isnull=False).order_by("-id")
    imported = load_imported(connection, read.values_list("notes", flat=True).first() or (), since=since)
    results = list(measure_at_source(imported, connector, imported.rows, ParityBasis.DEMAND, since, until))
    store(connection, results, LatestChecks(connection), at=at)
    return results


# --- stored -----------------------------------------------------------------------------------------------------------


class LatestChecks(dict[tuple[str, str], ParityCheck]):
    """(external id, basis) -> the last measurement of a connection's schedules, and how many there are of each."""

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
    newest: LatestChecks,
    *,
    at: datetime,
    run: SyncRun | None = None,
) -> None:
    """Write the results, and forget all but the last :data:`KEPT` of each schedule and basis.

    A sync that finds equal what was equal, while the source says what it said, moves ``measured_at`` only.
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
        old, asked = (newest.get((check.external_id, basis)) for basis in (check.basis, ParityBasis.DEMAND))
        is_last = old is not None and (asked is None or asked.pk <= old.pk)
        if old is not None and is_last and _says_the_same(old, check):
            confirmed.append(old.pk)
        else:
            new.append(check)
    for piece in chunks(confirmed):
        ParityCheck.objects.filter(pk__in=piece).update(measured_at=at, run=run)
    ParityCheck.objects.bulk_create(new)
    if any(newest.kept.get((check.external_id, check.basis), 0) >= KEPT for check in new):
        place = Window(RowNumber(), partition_by=[F("external_id"), F("basis")], order_by="-id")
        old_ones = ParityCheck.objects.filter(connection=connection).annotate(place=place).filter(place__gt=KEPT)
        ParityCheck.objects.filter(pk__in=old_ones.values("pk")).delete()


def _says_the_same(old: ParityCheck, new: ParityCheck) -> bool:
    """Two syncs, soon after each other, that found everything equal, and the source's spans are the same in the time
    that both measured."""
    if new.basis != ParityBasis.SYNC or new.since - old.since >= CONFIRMED:
        return False
    if not (old.is_compared and new.is_compared) or old.differs or new.differs:
        return False
    if (old.schedule_id, old.judge, old.unresolved) != (new.schedule_id, new.judge, new.unresolved):
        return False
    since, until = (instant_to_text(int(at.timestamp())) for at in (new.since, old.until))
    return _cut(old.source_spans, since, until) == _cut(new.source_spans, since, until)


def _cut(spans: Iterable[Sequence[Any]], since: str, until: str) -> list[tuple[str, str, Any]]:
    """Texts of instants are in the order of the instants."""
    cut = ((max(start, since), min(end, until), who) for start, end, who in spans)
    return [span for span in cut if span[0] < span[1]]


def _columns(measured: Measured) -> dict[str, Any]:
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
    """Primary keys of the measurements that still say something: of each schedule the last over the next days, and the
    last around each clock change to come. For a subquery."""
    return (
        ParityCheck.objects.filter(schedule__in=schedule_ids)
        .exclude(basis=ParityBasis.TRANSITION, until__lt=timezone.now())
        .annotate(change=Case(When(basis=ParityBasis.TRANSITION, then=F("until")), default=Value(None)))
        .values("schedule", "change")
        .annotate(newest=Max("pk"))
        .values("newest")
    )


def latest_parity(schedule_ids: Iterable[int]) -> dict[int, ParityCheck]:
    """What to say of each schedule; one query. That is its last measurement over the next days, or, when that differs
    in nothing, one around a clock change to come that does. Schedules that were never measured are missing."""
    latest: dict[int, ParityCheck] = {}
    for check in _in_order(current_checks(schedule_ids)):
        known = latest.get(check.schedule_id or 0)
        if known is None or (check.differs and not known.differs):
            latest[check.schedule_id or 0] = check
    return latest


def _in_order(newest: "QuerySet[ParityCheck, Any]") -> list[ParityCheck]:
    """Those about the next days first, then by the range measured."""
    found = ParityCheck.objects.filter(pk__in=newest).order_by("since", "pk")
    return sorted(found, key=lambda check: check.basis == ParityBasis.TRANSITION)

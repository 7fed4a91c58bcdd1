"""Ranks questions by the next shift that they concern. It is computed when it is shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, Model, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from connectors.records import entity_type_of
from oncall.models import ExtraShift, Override, Reference, Schedule, Service, Substitution
from oncall.selectors.visible import Viewer
from oncall.tables.base import local_id
from syncjobs.conflicts.concerned import Known, keys_of, rows_of, told_to
from syncjobs.conflicts.next_shifts import NextShifts
from syncjobs.models import ROW_COLUMNS, WAITING_STATES, Conflict, ConflictRow, ExternalLink
from syncjobs.planning.conflicts import NAMED_BY_EVIDENCE, NAMES_ROWS

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Up to this number of questions, the ids of their rows are in a statement.
MOST_IDS: Final = 500


@dataclass(frozen=True, slots=True)
class Ranking:
    """shifts: by question, the instant of the next shift that it concerns, None if there is none within 14 days. known:
    what was loaded for it, which :func:`syncjobs.conflicts.concerned.concerns` needs, too.
    """

    shifts: Mapping[int, int | None] = field(default_factory=dict)
    known: Known = field(default_factory=Known)


def rank(questions: "QuerySet[Conflict]", at: datetime, account: Viewer | None = None) -> Ranking:
    """Return the next shifts that questions concern. Only the schedules that one of them concerns are rendered.

    A person concerns the own shifts; a schedule its own; an escalation policy, a service and a user group those
    of their schedules. The number of queries does not depend on the number of questions, per 500 schedules.

    questions: questions that wait. account: who is told, None for the shell; shifts of schedules that a lead may not
    see do not count.
    """
    asked = _Asked(questions.order_by().select_related(None))
    if not asked.questions:
        return Ranking()
    rows = told_to(account, Schedule.objects.filter(asked.schedules(at)).select_related("group"))
    schedules = {schedule.pk: schedule for schedule in rows.order_by("pk")}
    starts = _Starts(asked, schedules.values(), at)
    shifts = {
        each.pk: min(
            (
                start
                for key in keys_of(each)
                if (row := asked.rows.get((each.entity_type, key))) is not None
                and (start := starts.of(each.entity_type, row)) is not None
            ),
            default=None,
        )
        for each in asked.questions
    }
    return Ranking(shifts, Known(asked.known, schedules))


def in_order(pks: Iterable[int], shifts: Mapping[int, int | None]) -> list[int]:
    """Return ids of questions: that with the next shift first, then those without one, then those not in ``shifts``."""

    def place(pk: int) -> tuple[int, int, int]:
        start = shifts.get(pk)
        if start is not None:
            return 0, start, pk
        return (1, 0, pk) if pk in shifts else (2, 0, -pk)

    return sorted(pks, key=place)


class _Asked:
    """Questions with the rows that they are about.

    rows: ids of the rows, by kind and key. known: those that are known for certain, None if an object has no row.
    """

    def __init__(self, questions: "QuerySet[Conflict]") -> None:
        columns = ("pk", "kind", "entity_type", "external_id", "connection_id", "evidence")
        annotated: Any = questions.annotate(row=Subquery(_row_of_a_question())).only(*columns)
        self.questions: Sequence[Any] = list(annotated)
        self._kinds = {each.entity_type for each in self.questions}
        self._are_many = len(self.questions) > MOST_IDS
        about_rows = [each for each in self.questions if each.kind in NAMES_ROWS]
        self.known: dict[tuple[str, str], int | None] = {
            (each.entity_type, key): each.row
            for each in self.questions
            if each.kind not in NAMES_ROWS
            for key in keys_of(each)
        }
        own = {pair: row for pair, row in self.known.items() if row is not None}
        linked, named = _rows_of_names(about_rows, are_many=self._are_many) if about_rows else ({}, {})
        self.known |= linked
        self.rows = own | named
        self._ids: dict[str, set[int]] = defaultdict(set)
        for (kind, _), row in (named if self._are_many else self.rows).items():
            self._ids[kind].add(row)

    def named(self, column: str, kind: str) -> Q:
        """Return the condition that a column is one of these rows of a kind.

        A statement has no room for thousands of ids: then the rows of all questions that wait are a subquery.
        """
        if kind not in self._kinds:
            return Q(pk__in=())
        named = Q(**{f"{column}__in": sorted(self._ids[kind])})
        if not self._are_many:
            return named
        waiting = Conflict.objects.filter(state__in=WAITING_STATES, entity_type=kind).exclude(kind__in=NAMES_ROWS)
        own = waiting.order_by().annotate(row=Subquery(_row_of_a_question())).filter(row__isnull=False)
        return named | Q(**{f"{column}__in": own.values("row")})

    def schedules(self, at: datetime) -> Q:
        """Return the condition of the schedules that the rows concern."""
        found = self.named("pk", "schedule") | self.named("group", "user_group")
        if "responder" in self._kinds:
            replaced = Substitution.objects.filter(self.named("by", "responder"), ends_at__gt=at).values("responder")
            held = Reference.objects.filter(
                self.named("responder", "responder") | Q(responder__in=replaced), owner_schedule__isnull=False
            )
            found |= Q(pk__in=held.values("owner_schedule"))
            for model in (Override, ExtraShift):
                found |= Q(pk__in=self._taken(model, at, replaced).values("schedule"))
        if self._kinds & {"escalation_policy", "service"}:
            found |= Q(pk__in=self.uses().values("schedule"))
        return found

    def _taken(self, model: type[Model], at: datetime, replaced: "QuerySet[Any]") -> "QuerySet[Any]":
        who = self.named("by", "responder") | Q(by__in=replaced)
        return model._default_manager.filter(who, ends_at__gt=at)

    def uses(self) -> "QuerySet[Reference]":
        """Return the references of the escalation policies and services to schedules."""
        policies = self.named("owner_policy", "escalation_policy")
        policies |= Q(owner_policy__in=self.services().values("policy"))
        return Reference.objects.filter(policies, schedule__isnull=False, owner_policy__isnull=False)

    def services(self) -> "QuerySet[Service]":
        return Service.objects.filter(self.named("pk", "service"), policy__isnull=False)


def _row_of_a_question() -> "QuerySet[Any]":
    """Return the id of the row of the object of a question, as a subquery."""
    own = ("connection", "entity_type", "external_id")
    links = ExternalLink.objects.filter(**{column: OuterRef(column) for column in own})
    return links.values(row=Coalesce(*ROW_COLUMNS, output_field=BigIntegerField()))[:1]


_Rows = dict[tuple[str, str], int]


def _rows_of_names(about_rows: Sequence[Conflict], *, are_many: bool) -> tuple[_Rows, _Rows]:
    """Return the ids of the rows of questions about several rows, by kind and key: of those with links, and of all."""
    linked: _Rows = {}
    which = {"conflict__state__in": WAITING_STATES} if are_many else {"conflict__in": [each.pk for each in about_rows]}
    named = ConflictRow.objects.filter(**which).values("key")
    links = ExternalLink.objects.filter(key__in=named).values_list("entity_type", "key", *ROW_COLUMNS)
    for kind, key, *columns in links:
        row_id = next((pk for pk in columns if pk is not None), None)
        if row_id is not None:
            linked[kind, key] = row_id
    found = dict(linked)
    named_by_evidence: dict[str, set[str]] = defaultdict(set)
    for each in about_rows:
        found |= {(each.entity_type, key): pk for key in keys_of(each) if (pk := local_id(key)) is not None}
        if each.kind in NAMED_BY_EVIDENCE:
            named_by_evidence[each.entity_type].update(keys_of(each))
    for kind, keys in named_by_evidence.items():
        found |= {(kind, key): pk for key, pk in rows_of(entity_type_of(kind), tuple(sorted(keys))).items()}
    return linked, found


class _Starts:
    """The next shifts of people, schedules, and what has schedules. What is not asked for is not loaded."""

    def __init__(self, asked: _Asked, schedules: Iterable[Schedule], at: datetime) -> None:
        self._asked, self._all = asked, list(schedules)
        shifts = NextShifts(self._all, int(at.timestamp()))
        self._people, self._schedules = shifts.of_people(), shifts.of_schedules()

    def of(self, kind: str, row: int) -> int | None:
        """Return the instant of the next shift of a row."""
        if kind == "responder":
            return self._people.get(row)
        return min((self._schedules[pk] for pk in self._used_by(kind, row) if pk in self._schedules), default=None)

    def _used_by(self, kind: str, row: int) -> set[int]:
        match kind:
            case "schedule":
                return {row}
            case "user_group":
                return self._of_groups[row]
            case "escalation_policy":
                return self._of_policies[row]
            case "service":
                return self._of_policies[self._policies.get(row, 0)]
        return set()

    @cached_property
    def _of_groups(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for schedule in self._all:
            found[schedule.group_id or 0].add(schedule.pk)
        return found

    @cached_property
    def _of_policies(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for policy, schedule in self._asked.uses().values_list("owner_policy", "schedule").distinct():
            found[policy or 0].add(schedule or 0)
        return found

    @cached_property
    def _policies(self) -> dict[int, int]:
        return {service: policy or 0 for service, policy in self._asked.services().values_list("pk", "policy")}

"""Loads a run for its page, with the figures around it, in one query."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.records import ENTITY_TYPES
from oncall.selectors.visible import Viewer
from syncjobs.models import WAITING_STATES, Conflict, ParityCheck, RunKind, RunState, SyncRun
from syncjobs.pages.marks import conflicts_link


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions about one kind of object that a run asked: how many still wait, and how many were answered since.

    url: the list of those that wait, empty if there is none or the account may not open it.
    """

    waiting: int
    answered: int
    url: str


def with_figures(runs: "QuerySet[SyncRun]") -> "QuerySet[SyncRun]":
    """Return the runs with ``undone_by`` (id of the run that undid it, or None), ``questions`` (open questions of its
    connection), ``compared`` and ``different`` (schedules that the run compared with the source, and how many of them
    differ), and the numbers that :func:`asked_questions` reads."""
    undos = SyncRun.objects.filter(
        of_run=OuterRef("pk"), kind=RunKind.UNDO, state__in=[RunState.SUCCEEDED, RunState.PARTIAL]
    )
    questions = Conflict.objects.annotate(source=Coalesce("connection", "rows__connection"))
    questions = questions.filter(source=OuterRef("connection"))
    is_waiting = Q(state__in=WAITING_STATES)
    is_answered = Q(decided_at__gte=OuterRef("planned_at")) | Q(
        decided_at__isnull=False, opened_at__gte=OuterRef("started_at")
    )
    asked = questions.filter(opened_at__lte=Coalesce(OuterRef("finished_at"), Value(timezone.now())))
    checks = ParityCheck.objects.filter(run=OuterRef("pk"), total_seconds__gt=0)
    different = checks.filter(equal_seconds__lt=F("total_seconds"))
    return runs.annotate(
        undone_by=Subquery(undos.order_by("pk").values("pk")[:1]),
        questions=_number(questions.filter(is_waiting), "pk"),
        compared=_number(checks, "external_id"),
        different=_number(different, "external_id"),
        **{f"{kind}_waiting": _number(asked.filter(is_waiting, entity_type=kind), "pk") for kind in ENTITY_TYPES},
        **{
            f"{kind}_answered": _number(asked.filter(is_answered & ~is_waiting, entity_type=kind), "pk")
            for kind in ENTITY_TYPES
        },
    )


def asked_questions(run: SyncRun, viewer: Viewer) -> Mapping[str, Asked]:
    """Return the questions that a run asked, by kind of object. One that closed without an answer is not counted.

    run: as :func:`with_figures` returns it; a run of another query has none. Makes no query.
    """
    if run.planned_at is None or not any(counts.get("conflict") for counts in run.counts.values()):
        return {}
    page = conflicts_link(run.connection, viewer)
    until = {} if run.finished_at is None else {"opened_at__lte": run.finished_at.isoformat()}
    found: dict[str, Asked] = {}
    for kind in ENTITY_TYPES:
        waiting, answered = (int(getattr(run, f"{kind}_{word}", 0)) for word in ("waiting", "answered"))
        if waiting or answered:
            url = f"{page}&{urlencode({'entity_type__exact': kind, **until})}" if page and waiting else ""
            found[kind] = Asked(waiting, answered, url)
    return found


def _number(rows: "QuerySet[Conflict] | QuerySet[ParityCheck]", column: str) -> Coalesce:
    """Return the number of different values of a column, as an expression."""
    counted = rows.order_by().annotate(all=F("pk") * 0).values("all").annotate(number=Count(column, distinct=True))
    return Coalesce(Subquery(counted.values("number")), 0)

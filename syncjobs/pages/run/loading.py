"""Loads a run for its page, with the figures around it, in one query, and the questions that it asked in another."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

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
    differ)."""
    undos = SyncRun.objects.filter(
        of_run=OuterRef("pk"), kind=RunKind.UNDO, state__in=[RunState.SUCCEEDED, RunState.PARTIAL]
    )
    open_questions = (
        Conflict.objects.filter(state__in=WAITING_STATES)
        .annotate(source=Coalesce("connection", "rows__connection"))
        .filter(source=OuterRef("connection"))
    )
    checks = ParityCheck.objects.filter(run=OuterRef("pk"), total_seconds__gt=0)
    different = checks.filter(equal_seconds__lt=F("total_seconds"))
    return runs.annotate(
        undone_by=Subquery(undos.order_by("pk").values("pk")[:1]),
        questions=_number(open_questions, "pk"),
        compared=_number(checks, "external_id"),
        different=_number(different, "external_id"),
    )


def asked_questions(run: SyncRun, viewer: Viewer) -> Mapping[str, Asked]:
    """Return the questions that a run asked, by kind of object. One that closed without an answer is not counted.

    Makes one query; none if the run asked nothing.
    """
    if run.planned_at is None or not any(counts.get("conflict") for counts in run.counts.values()):
        return {}
    until = {} if run.finished_at is None else {"opened_at__lte": run.finished_at}
    is_waiting = Q(state__in=WAITING_STATES)
    is_answered = Q(decided_at__gte=run.planned_at) | Q(decided_at__isnull=False, opened_at__gte=run.started_at)
    counted = (
        Conflict.objects.of_connection(run.connection_id)
        .filter(**until)
        .order_by()
        .values_list("entity_type")
        .annotate(waiting=Count("pk", filter=is_waiting), answered=Count("pk", filter=is_answered & ~is_waiting))
    )
    page = conflicts_link(run.connection, viewer)
    filters = {name: moment.isoformat() for name, moment in until.items()}
    return {
        kind: Asked(
            waiting,
            answered,
            f"{page}&{urlencode({'entity_type__exact': kind, **filters})}" if page and waiting else "",
        )
        for kind, waiting, answered in counted
        if waiting or answered
    }


def _number(rows: "QuerySet[Conflict] | QuerySet[ParityCheck]", column: str) -> Coalesce:
    """Return the number of different values of a column, as an expression."""
    counted = rows.order_by().annotate(all=F("pk") * 0).values("all").annotate(number=Count(column, distinct=True))
    return Coalesce(Subquery(counted.values("number")), 0)

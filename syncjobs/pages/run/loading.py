"""Loads a run for its page, with the figures around it, in one query."""

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from syncjobs.models import WAITING_STATES, Conflict, ParityCheck, RunKind, RunState, SyncRun


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


def _number(rows: "QuerySet[Conflict] | QuerySet[ParityCheck]", column: str) -> Coalesce:
    """Return the number of different values of a column, as an expression."""
    counted = rows.order_by().annotate(all=F("pk") * 0).values("all").annotate(number=Count(column, distinct=True))
    return Coalesce(Subquery(counted.values("number")), 0)

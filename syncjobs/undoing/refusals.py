"""Says whether a run can be undone at all, and who may do it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet

from connectors.records import ENTITY_TYPES
from oncall.aggregates import Kind
from oncall.models import ChangeRecord, User
from oncall.tables.base import chunks
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.rights import demand_right
from syncjobs.deciding.sides import question_of
from syncjobs.errors import UndoRefused
from syncjobs.models import (
    ACTIVE,
    OPEN_PLAN,
    START,
    Awaits,
    Conflict,
    ConflictState,
    Outcome,
    RunKind,
    RunState,
    SyncRun,
)
from syncjobs.planning.decisions.table import find_choice
from syncjobs.planning.decisions.values import Refused

_DONE: Final = (RunState.SUCCEEDED, RunState.PARTIAL)
_NOT_APPLIED: Final = (*OPEN_PLAN, RunState.SUPERSEDED)


def undo_of(run: SyncRun) -> SyncRun | None:
    """Return the run that undid this run, or None. A plan that was not applied needs no query."""
    if run.state in _NOT_APPLIED:
        return None
    return run.following.filter(kind=RunKind.UNDO, state__in=_DONE).first()


def is_undoable(run: SyncRun, undone_by: int | None, *, wrote: bool) -> bool:
    """Return whether a page offers to undo a run. The page of the undo says what else prevents it. Makes no query.

    undone_by: the id of the run that undid it. wrote: whether one of its items was applied or skipped.
    """
    return _why_not(run, undone_by, wrote=wrote) is None


def may_undo(run: SyncRun, by: User | None) -> bool:
    """Return whether an account may undo a run. None is the shell, which has every right."""
    try:
        demand_may_undo(run, by)
    except UndoRefused:
        return False
    return True


def demand_may_undo(run: SyncRun, by: User | None) -> None:
    """Raises UndoRefused unless the account may apply a sync, or for a decision, may decide the same again."""
    if by is None:
        return
    if run.kind != RunKind.DECISION:
        if not (by.is_active and by.has_perm(START)):
            raise UndoRefused("not_allowed", "Only who may start and apply syncs may undo one. Nothing was written.")
        return
    conflict = Conflict.objects.filter(pk=run.scope.get("conflict")).first()
    choice = None if conflict is None else find_choice(question_of(conflict), conflict.choice)
    try:
        if conflict is None or choice is None:
            is_decider = by.is_active and by.has_perm("syncjobs.answer_conflict")
        else:
            is_decider = demand_right(conflict, choice, by) == "decide"
    except Refused:
        is_decider = False
    if not is_decider:
        raise UndoRefused("not_allowed", "Only who may answer this question may undo its answer. Nothing was written.")


def demand_undoable(run: SyncRun) -> None:
    """Raises UndoRefused if the run wrote nothing, is undone, or cannot be undone for another reason."""
    undone_by = undo_of(run)
    wrote = run.items.filter(outcome__in=[Outcome.APPLIED, Outcome.SKIPPED]).exists()
    refusal = _why_not(run, None if undone_by is None else undone_by.pk, wrote=wrote)
    if refusal is not None:
        raise refusal
    later = _decided_later(run)
    if later is not None:
        raise UndoRefused(
            "undo_later_first",
            f"Run {later.pk} answered the same question after {run}. Undo run {later.pk} first. Nothing was written.",
        )

    plan = _open_plan_with(run)
    if plan is not None:
        raise UndoRefused(
            "in_open_plan", f"{plan} was made with this answer. Apply it or drop it first. Nothing was written."
        )


def _why_not(run: SyncRun, undone_by: int | None, *, wrote: bool) -> UndoRefused | None:
    if run.kind == RunKind.UNDO:
        text = f"{run} is an undo itself. It cannot be undone: sync again, or answer the question again."
        return UndoRefused("is_undo", text)
    if run.state in ACTIVE:
        return UndoRefused("active", f"{run} is {run.get_state_display()}. Wait until it has ended, or cancel it.")
    if undone_by is not None:
        return UndoRefused("already_undone", f"{run} is undone already, by run {undone_by}. Nothing was written.")
    if run.kind == RunKind.DECISION:
        return None
    is_plan = run.state in _NOT_APPLIED
    if is_plan or not wrote:
        text = f"{run} is a plan that was not applied" if is_plan else f"{run} wrote nothing"
        return UndoRefused("wrote_nothing", f"{text}, so there is nothing to undo.")
    return None


def _decided_later(run: SyncRun) -> SyncRun | None:
    """Return a later decision of the same question that is not undone."""
    conflict = run.scope.get("conflict") if run.kind == RunKind.DECISION else None
    if conflict is None:
        return None
    later = SyncRun.objects.filter(kind=RunKind.DECISION, scope__conflict=conflict, pk__gt=run.pk).order_by("-pk")
    undone = SyncRun.objects.filter(kind=RunKind.UNDO, state__in=_DONE, of_run__isnull=False).values("of_run")
    return later.exclude(pk__in=undone).first()


def _open_plan_with(run: SyncRun) -> SyncRun | None:
    """Return a plan that waits and contains the answer of a decision about an object that is not imported yet."""
    waiting = Conflict.objects.filter(pk=run.scope.get("conflict"), awaits=Awaits.PLAN, state=ConflictState.DECIDED)
    conflict = waiting.first() if run.kind == RunKind.DECISION else None
    if conflict is None:
        return None
    plans = SyncRun.objects.filter(connection=run.connection_id, state__in=OPEN_PLAN)
    return plans.filter(planned_at__gte=conflict.decided_at).first()


def demand_not_merged(run: SyncRun, rows: Mapping[Kind, Iterable[int]]) -> None:
    """Raises UndoRefused if one of the rows that the run changed was merged after it, with what to undo first."""
    own = f"run:{run.pk}"
    last = ChangeRecord.objects.filter(cause=own).order_by("-pk").values_list("pk", flat=True).first() or 0
    for kind in ENTITY_TYPES:
        for ids in chunks(sorted(set(rows.get(kind, ())))):
            every: QuerySet[Any] = ROOTS[kind].rows
            merged = every.filter(Q(pk__in=ids) | Q(merged_into__in=ids), merged_into__isnull=False)
            names = dict(merged.values_list("pk", "name"))
            records = ChangeRecord.objects.filter(model=kind, object_id__in=names, changes__has_key="merged_into")
            later = list(records.filter(pk__gt=last).order_by("-pk").values_list("object_id", "cause"))
            void = _void_causes({cause for _, cause in later})
            row_id, cause = next((each for each in later if each[1] not in void), (0, ""))
            if cause:
                number = cause.removeprefix("run:")
                first = f"Undo run {number} first." if number != cause else "It was not merged by a run."
                text = f"{names[row_id]} was merged into another row after {run}. {first} Nothing was written."
                raise UndoRefused("merged_later", text)


def _void_causes(causes: Iterable[str]) -> frozenset[str]:
    """Return those of these causes of changes that are undone, or an undo."""
    ids = [int(cause.removeprefix("run:")) for cause in causes if cause.startswith("run:")]
    undos = SyncRun.objects.filter(kind=RunKind.UNDO, state__in=_DONE).filter(Q(pk__in=ids) | Q(of_run__in=ids))
    return frozenset(f"run:{pk}" for pair in undos.values_list("pk", "of_run") for pk in pair)

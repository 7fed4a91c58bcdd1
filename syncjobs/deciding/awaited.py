"""Goes on with decisions that waited for a run: for the rows that it writes, or for its end."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.db import transaction

from oncall.operations import Actor
from oncall.operations.audit import Changes
from syncjobs.conflicts.audit import record_question
from syncjobs.deciding.carrying_out import carry_out, lock_rows
from syncjobs.deciding.decide import connection_of
from syncjobs.deciding.reading import start_read
from syncjobs.deciding.sides import load_sides, question_of
from syncjobs.models import UNDECIDED, Awaits, Conflict, ConflictState, SyncRun
from syncjobs.planning.decisions.table import demand_choice
from syncjobs.planning.decisions.values import Outcome, Question, Refused, Sides


def carry_out_awaited(*, run: SyncRun, fenced: Callable[[], AbstractContextManager[None]], **signal: Any) -> None:
    """Carry out the decisions whose rows exist now, each in a transaction and a run of its own.

    fenced: opens a transaction of the run. A decision that cannot be carried out any more is a question again, with the
    reason as its comment. It stops nothing else.
    """
    waiting = Conflict.objects.of_connection(run.connection_id).filter(awaits=Awaits.IMPORT)
    for pk in list(waiting.filter(state=ConflictState.DECIDED).order_by("pk").values_list("pk", flat=True)):
        with fenced():
            _carry_out(pk, run)


def _carry_out(pk: int, run: SyncRun) -> None:
    conflict = Conflict.objects.select_related("connection", "decided_by").get(pk=pk)
    question = question_of(conflict)
    sides = load_sides(question)
    try:
        with transaction.atomic():
            outcome = _outcome(conflict, question, sides)
            if outcome.awaits:
                return
            lock_rows(outcome.effects, conflict.decided_by)
            locked = Conflict.objects.select_for_update(of=("self",)).get(pk=pk)
            if (locked.state, locked.awaits) != (ConflictState.DECIDED, Awaits.IMPORT):
                return
            if outcome != _outcome(conflict, question, load_sides(question)):
                raise Refused("stale_question", "Something was changed meanwhile. Nothing was written.")
            if outcome.effects:
                carry_out(conflict, connection_of(conflict), outcome.effects, conflict.decided_by)
            Conflict.objects.filter(pk=pk).update(awaits="")
    except Refused as refused:
        if _is_written(question, sides):
            _ask_again(conflict, run, refused)


def _outcome(conflict: Conflict, question: Question, sides: Sides) -> Outcome:
    return demand_choice(question, conflict.choice).outcome(question, conflict.arguments, sides)


def _is_written(question: Question, sides: Sides) -> bool:
    """Return whether all that the question is about exists, so that waiting for another import is of no use."""
    if question.keys:
        return len(sides.rows) == len(question.keys) and not any(row.is_planned for row in sides.rows.values())
    return sides.link is not None


def _ask_again(conflict: Conflict, run: SyncRun, refused: Refused) -> None:
    """Open a question again, and add the reason to its comment."""
    text = f"The answer “{conflict.choice}” could not be carried out after run {run.pk}: {refused}"
    comment = f"{conflict.comment}\n{text}".strip()
    Conflict.objects.filter(pk=conflict.pk).update(**UNDECIDED, comment=comment)
    changes: Changes = {"state": [ConflictState.DECIDED, ConflictState.OPEN], "answer": [conflict.choice, None]}
    record_question(conflict, Actor(None, f"question:{conflict.pk}"), changes)


def read_awaited(*, run: SyncRun, **signal: Any) -> None:
    """Start the read of the schedules whose questions were answered while the run was active."""
    waiting = Conflict.objects.filter(connection=run.connection_id, awaits=Awaits.READ, state=ConflictState.DECIDED)
    asked = list(waiting.select_related("decided_by").order_by("pk"))
    if asked:
        start_read(run.connection, asked, asked[0].decided_by, notify=True)

"""Takes back what a decision did apart from rows and links: its answer, its rule, its invitations, the account."""

from dataclasses import dataclass, field
from typing import Any, Final

from connectors.models import Connection
from oncall.models import User
from oncall.operations import Actor
from syncjobs.conflicts.audit import name_of, record_question
from syncjobs.deciding.answered import Answered
from syncjobs.deciding.stored_rules import take_back
from syncjobs.invitations.issuing import end
from syncjobs.models import (
    OPEN_INVITATION,
    OPEN_PLAN,
    PRESENT_STATES,
    UNDECIDED,
    Conflict,
    ConflictState,
    Invitation,
    InvitationState,
    Rule,
    SyncProfile,
    SyncRun,
)
from syncjobs.runs.start import cancel

#: The kind of an item about a source as a whole.
SOURCE: Final = "source"


@dataclass(slots=True)
class UndoneAnswer:
    """One thing that was taken back, or why it was not. Fields as those of an item; ``action`` too."""

    entity_type: str
    external_id: str
    label: str
    action: str = "reopen"
    done: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    is_partial: bool = False

    def keep(self, reason: str) -> None:
        self.kept.append(reason)
        self.is_partial = True


def take_back_answer(run: SyncRun, by: User | None, actor: Actor, *, reopens: bool) -> list[UndoneAnswer]:
    """Take back the answer of a decision, after its rows and links have their former values.

    reopens: False if some of these could not get them; then the question is not opened.
    """
    conflict = Conflict.objects.select_for_update(of=("self",)).filter(pk=run.scope.get("conflict")).first()
    if conflict is None:
        return []
    answered = Answered.of_run(run)
    found = [_take_back_invitation(pk) for pk in answered.invitations]
    found += [_take_back_rule(answered, conflict, by)] if answered.rule else []
    found += [_take_back_account(answered, run)] if answered.account else []
    is_accepted = any(one is not None and one.is_partial for one in found[: len(answered.invitations)])
    question = UndoneAnswer(conflict.entity_type or SOURCE, f"question:{conflict.pk}", name_of(conflict))
    if is_accepted and len(answered.invitations) == 1:
        question.kept.append("the accepted invitation has answered it")
    elif not reopens:
        question.keep("some of its rows could not be undone, so it stays answered")
    else:
        _reopen(conflict, question, actor)
    return [question, *(one for one in found if one is not None)]


def _reopen(conflict: Conflict, question: UndoneAnswer, actor: Actor) -> None:
    """Open the question again. Ending an invitation or deleting a rule may have done that."""
    conflict.refresh_from_db()
    same = Conflict.objects.filter(kind=conflict.kind, subject_key=conflict.subject_key, state__in=PRESENT_STATES)
    if same.exclude(pk=conflict.pk).exists():
        question.keep("it was asked again with other values after the answer")
        return
    if conflict.state == ConflictState.CLOSED and not conflict.evidence:
        question.keep("its values are not kept any more; the next sync asks it again")
        return
    changes: dict[str, Any] = {"state": [conflict.state, ConflictState.OPEN], "answer": [conflict.choice, None]}
    Conflict.objects.filter(pk=conflict.pk).update(**UNDECIDED, closed_at=None)
    record_question(conflict, actor, changes)
    question.done.append("the question is open again")


def _take_back_invitation(pk: int) -> UndoneAnswer | None:
    """Revoke an invitation unless it was accepted. Return None if it was deleted or is over for another reason."""
    invitation = Invitation.objects.filter(pk=pk).first()
    if invitation is None:
        return None
    one = UndoneAnswer("responder", f"invitation:{pk}", f"Invitation {pk}", "revoke")
    if invitation.state == InvitationState.ACCEPTED:
        one.keep("the invitation was accepted, so the account stays and stays linked")
    elif invitation.state in OPEN_INVITATION and end(invitation, InvitationState.REVOKED):
        one.done.append("the invitation is revoked")
    else:
        return None
    return one


def _take_back_rule(answered: Answered, conflict: Conflict, by: User | None) -> UndoneAnswer:
    rule = Rule.objects.select_related("connection").filter(pk=answered.rule or 0).first()
    one = UndoneAnswer(conflict.entity_type or SOURCE, f"rule:{answered.rule}", f"Rule {answered.rule}", "forget")
    if rule is None:
        one.kept.append("the rule was deleted after the answer")
    elif rule.made_at.isoformat() != answered.made_at:
        one.keep("another answer changed the rule later, so it stays")
    else:
        number = take_back(rule, answered.before, answered.closes, by)
        what = "the rule is deleted" if answered.before is None else "the rule is as before"
        again = f"; questions that wait again: {number}" if number else ""
        one.done.append(f"{what}{again}. What was written because of it stays")
    return one


def _take_back_account(answered: Answered, run: SyncRun) -> UndoneAnswer:
    """Give the connection its former account, and drop the plans of the other account."""
    connection = Connection.objects.select_for_update().get(pk=run.connection_id)
    one = UndoneAnswer(SOURCE, f"connection:{connection.pk}", connection.name, "restore")
    if any(getattr(connection, name) != new for name, (_, new) in answered.account.items()):
        one.keep("the account of the connection was changed later")
        return one
    for name, (old, _) in answered.account.items():
        setattr(connection, name, old)
    connection.learnt = {}
    connection.save(update_fields=[*answered.account, "learnt"])
    SyncProfile.objects.filter(connection=connection).update(evaluated_mapping={})
    for plan in SyncRun.objects.filter(connection=connection, state__in=OPEN_PLAN, created_at__gte=run.created_at):
        cancel(plan)
    one.done.append("its account is as before")
    return one

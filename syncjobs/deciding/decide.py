"""Answers questions: previews a decision, carries it out, or stores it as a proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from django.db import transaction
from django.utils import timezone

from connectors.models import Connection
from oncall.models import User
from oncall.operations.audit import Changes
from oncall.tables.base import chunks, source_of
from syncjobs.conflicts.audit import actor_of, record_question
from syncjobs.deciding.accounts import account_columns, decide_account
from syncjobs.deciding.answered import Answered
from syncjobs.deciding.carrying_out import carry_out, lock_rows
from syncjobs.deciding.reading import start_read
from syncjobs.deciding.rights import demand_right, demand_rights_of_outcome
from syncjobs.deciding.sides import load_sides, question_of
from syncjobs.deciding.stored_rules import store_rule
from syncjobs.invitations.issuing import approve, propose, withdraw_proposals
from syncjobs.models import (
    UNDECIDED,
    WAITING_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    SyncRun,
)
from syncjobs.planning.decisions.rules import ACKNOWLEDGE, HARMLESS, INVITE, rule_for
from syncjobs.planning.decisions.table import check_arguments, demand_choice, find_choice
from syncjobs.planning.decisions.values import Choice, Effect, Outcome, Refused, RuleDraft
from syncjobs.planning.impact.values import Impact
from syncjobs.planning.values import RuleView


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer to a question.

    by: None for the shell. evidence_hash: that of the question as it was shown; None accepts any. confirms: whether it
    carries out the proposal that waits. notify: False if the caller drives the read that it may start. propose: only
    store it as a proposal.
    """

    choice: str
    arguments: Mapping[str, str]
    by: User | None
    comment: str = ""
    remember: bool = False
    evidence_hash: str | None = None
    confirms: bool = False
    notify: bool = True
    propose: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision.

    applied: False for a preview and a proposal. run: records the answer; None if it was not applied. closes: the other
    questions that the remembered decision answers. connection: of the run and the rule. read: the run that reads the
    objects again that need it, or plans everything; None if nothing is read, or if another run is active: its end
    starts the read. invitations: the addresses that are invited. impact: what changes about who is on call; None if no
    row or link changes now.
    """

    conflict: Conflict
    choice: Choice
    outcome: Outcome
    applied: bool
    connection: Connection
    run: SyncRun | None = None
    closes: tuple[int, ...] = ()
    read: SyncRun | None = None
    invitations: tuple[str, ...] = ()
    impact: Impact | None = None


def preview(conflict: Conflict, decision: Decision) -> Decided:
    """Return what a decision would do, without writing. Raises Refused if the decision would be refused now.

    The effects are written in a transaction that is rolled back: so what only the operations refuse, such as a name
    that is too long or an account with more rights, is refused here already.
    """
    conflict = Conflict.objects.select_related("connection").get(pk=conflict.pk)
    choice, outcome, right = _prepare(conflict, decision, timezone.now())
    connection = connection_of(conflict)
    effects = _effects_now(outcome)
    impact = None
    if effects and right == "decide":
        with transaction.atomic():
            lock_rows(effects, decision.by)
            impact = _impact_of(carry_out(conflict, connection, effects, decision.by))
            transaction.set_rollback(True)
    others = _answered_by(outcome.rule, conflict, connection)
    invited = _invited(outcome, *others.values())
    return Decided(
        conflict, choice, outcome, False, connection, closes=_ids(others), invitations=invited, impact=impact
    )


def decide(conflict: Conflict, decision: Decision) -> Decided:
    """Carry out a decision in one transaction, or store it as a proposal if the account may only propose it.

    Raises Refused; nothing is written then.
    """
    at = timezone.now()
    _, outcome, _ = _prepare(Conflict.objects.select_related("connection").get(pk=conflict.pk), decision, at)
    with transaction.atomic():
        # Rows are locked before links, and links before questions, as a merge does it.
        effects = _effects_now(outcome)
        lock_rows(effects, decision.by)
        _lock_questions(conflict, outcome.rule)
        conflict = Conflict.objects.select_related("connection").get(pk=conflict.pk)
        choice, now, right = _prepare(conflict, decision, at)
        connection = connection_of(conflict)
        if now != outcome:
            raise Refused("stale_question", "Something was changed meanwhile. Nothing was written. Look at it again.")
        conflict.choice = choice.name
        # An argument in the form of the outcome, such as an address in canonical form, replaces what was typed.
        conflict.arguments = {**check_arguments(choice, decision.arguments), **outcome.arguments}
        conflict.comment, conflict.remember = decision.comment, decision.remember or outcome.rule is not None
        if right == "propose":
            before = conflict.state
            conflict.state, conflict.proposed_by = ConflictState.PROPOSED, decision.by
            conflict.save()
            changes: Changes = {"state": [before, conflict.state], "proposed answer": [None, conflict.choice]}
            record_question(conflict, actor_of(decision.by), changes)
            for invitee in outcome.invitations:
                propose(connection.pk, invitee, decision.by)
            return Decided(conflict, choice, outcome, False, connection)
        run = carry_out(conflict, connection, effects, decision.by)
        answered = Answered()
        _close(conflict, decision.by, outcome)
        others = _remember(outcome.rule, conflict, connection, decision.by, answered) if outcome.rule else {}
        conflict.save()
        if not outcome.invitations:
            withdraw_proposals(conflict.connection_id, conflict.external_id)
        for invitee in chain(outcome.invitations, *(other.invitations for other in others.values())):
            answered.invitations.append(approve(connection.pk, invitee, decision.by).pk)
        asked = [each for each, its in ((conflict, outcome), *others.items()) if its.reads]
        read = start_read(connection, asked, decision.by, notify=decision.notify) if asked else None
        if outcome.source_account is not None:
            former = account_columns(connection)
            read = decide_account(connection, outcome.source_account, decision.by, notify=decision.notify)
            answered.account = {name: [former[name], new] for name, new in account_columns(connection).items()}
        answered.record(run)
    invited = _invited(outcome, *others.values())
    return Decided(
        conflict,
        choice,
        outcome,
        True,
        connection,
        run,
        _ids(others),
        read,
        invited,
        _impact_of(run) if effects else None,
    )


def _impact_of(run: SyncRun | None) -> Impact | None:
    return None if run is None or run.impact is None else Impact.from_json(run.impact)


def _effects_now(outcome: Outcome) -> list[Effect]:
    return [effect for effect in outcome.effects if not effect.awaits]


def _invited(*outcomes: Outcome) -> tuple[str, ...]:
    return tuple(dict.fromkeys(invitee.email for outcome in outcomes for invitee in outcome.invitations))


def _ids(others: Mapping[Conflict, Outcome]) -> tuple[int, ...]:
    return tuple(other.pk for other in others)


def _close(conflict: Conflict, by: User | None, outcome: Outcome) -> None:
    conflict.state, conflict.decided_by, conflict.decided_at = ConflictState.DECIDED, by, timezone.now()
    conflict.awaits = outcome.awaits
    conflict.decided_until = datetime.fromisoformat(outcome.until) if outcome.until else None


def _remember(
    draft: RuleDraft, conflict: Conflict, connection: Connection, by: User | None, answered: Answered
) -> dict[Conflict, Outcome]:
    """Store a rule, in place of one for the same questions. Return the waiting questions that it answers.

    The version of the profile's rules stays: the next plan compares what the rule is about anyway, and no open plan
    fails because of it.
    """
    conflict.rule, before = store_rule(draft, conflict.kind, connection, by)
    others = _answered_by(draft, conflict, connection)
    answered.add_rule(conflict.rule, before, _ids(others))
    for other, outcome in others.items():
        _close(other, None, outcome)
        other.choice, other.arguments = draft.choice, {**outcome.arguments, **draft.arguments}
        other.rule = conflict.rule
    Conflict.objects.bulk_update(others, ["state", "decided_by", "decided_at", "awaits", "choice", "arguments", "rule"])
    return others


def _answered_by(draft: RuleDraft | None, conflict: Conflict, connection: Connection) -> dict[Conflict, Outcome]:
    """Return the other waiting questions that a rule answers without changing a row, with what this does."""
    if draft is None:
        return {}
    rule = RuleView(0, conflict.kind, draft.pattern, draft.choice)
    waiting = Conflict.objects.of_connection(connection.pk).filter(kind=conflict.kind, state__in=WAITING_STATES)
    changes_no_row = draft.choice in {*HARMLESS, ACKNOWLEDGE, INVITE} or conflict.kind == ConflictKind.TIMEZONE_MISMATCH
    found: dict[Conflict, Outcome] = {}
    for other in waiting.exclude(pk=conflict.pk).order_by("pk") if changes_no_row else ():
        if rule_for([rule], other.kind, other.entity_type, other.evidence) is None:
            continue
        question = question_of(other)
        choice = demand_choice(question, draft.choice)
        try:
            found[other] = choice.outcome(question, draft.arguments, load_sides(question))
        except Refused:  # this person cannot be invited; the question stays open
            continue
    return found


def confirm(
    conflict: Conflict, by: User | None, evidence_hash: str | None = None, *, comment: str = "", notify: bool = True
) -> Decided:
    """Carry out the proposal as ``conflict`` was loaded. Raises Refused, also if the proposal changed meanwhile.

    evidence_hash: that of the question as it was shown; None means that of ``conflict``. comment: replaces that of the
    proposal unless empty.
    """
    return decide(conflict, replace(_confirming(conflict, by, evidence_hash, comment), notify=notify))


def preview_confirming(conflict: Conflict, by: User | None) -> Decided:
    """Return what :func:`confirm` would do, without writing. Raises Refused."""
    return preview(conflict, _confirming(conflict, by))


def _confirming(conflict: Conflict, by: User | None, evidence_hash: str | None = None, comment: str = "") -> Decision:
    _demand_proposal(conflict)
    proposed = proposal_of(conflict, by, evidence_hash or conflict.evidence_hash)
    return replace(proposed, comment=comment or proposed.comment, confirms=True)


def proposal_of(conflict: Conflict, by: User | None, evidence_hash: str | None = None) -> Decision:
    """Return the proposed decision of a question, as the decision of an account."""
    arguments, comment, remember = conflict.arguments, conflict.comment, conflict.remember
    return Decision(conflict.choice, arguments, by, comment, remember, evidence_hash)


def decline(conflict: Conflict, by: User | None, comment: str = "") -> Conflict:
    """Drop a proposal, so that the question is open again. Raises Refused."""
    with transaction.atomic():
        conflict = Conflict.objects.select_for_update(of=("self",)).get(pk=conflict.pk)
        _demand_confirming(conflict, by)
        changes: Changes = {
            "state": [conflict.state, ConflictState.OPEN],
            "proposed answer": [conflict.choice, None],
        }
        for name, value in UNDECIDED.items():
            setattr(conflict, name, value)
        conflict.comment = comment
        conflict.save()
        record_question(conflict, actor_of(by), changes)
        withdraw_proposals(conflict.connection_id, conflict.external_id)
    return conflict


def _demand_proposal(conflict: Conflict) -> Choice:
    choice = find_choice(question_of(conflict), conflict.choice)
    if conflict.state != ConflictState.PROPOSED or choice is None:
        raise Refused("already_decided", f"Question {conflict.pk} has no proposal that waits. It is {conflict.state}.")
    return choice


def _demand_confirming(conflict: Conflict, by: User | None) -> None:
    """Raises Refused if no proposal waits, or the account may not decide it."""
    if demand_right(conflict, _demand_proposal(conflict), by) != "decide":
        raise Refused("not_allowed", "Your account may propose this answer, but not confirm or decline it.")


def _prepare(conflict: Conflict, decision: Decision, at: datetime) -> tuple[Choice, Outcome, str]:
    """Return the choice, the outcome at an instant, and whether the account decides or proposes. Raises Refused."""
    if conflict.state not in WAITING_STATES:
        what = "was decided" if conflict.state == ConflictState.DECIDED else "is closed"
        raise Refused("already_decided", f"Question {conflict.pk} {what}. Nothing was written.")
    if decision.evidence_hash not in (None, conflict.evidence_hash):
        raise Refused(
            "stale_question", "The question is about other values now. Nothing was written. Look at it again."
        )
    proposal = (ConflictState.PROPOSED, decision.choice, decision.arguments)
    if decision.confirms and (conflict.state, conflict.choice, conflict.arguments) != proposal:
        raise Refused("stale_question", "The proposal was changed or declined meanwhile. Nothing was written.")
    question = question_of(conflict)
    choice = demand_choice(question, decision.choice)
    arguments = check_arguments(choice, decision.arguments)
    right = demand_right(conflict, choice, decision.by)
    if decision.confirms and right != "decide":
        raise Refused("not_allowed", "Only an administrator may confirm a proposal.")
    sides = load_sides(question, at)
    if right == "propose":
        # A proposal does not say who has an account here. It is checked when it is confirmed.
        sides = replace(sides, account=lambda email: None)
    if decision.propose:
        right = "propose"
    outcome = choice.outcome(question, arguments, sides)
    if decision.remember and outcome.rule is None:  # some answers are always remembered
        if choice.rule is None:
            raise Refused("invalid_argument", f"“{choice.label}” cannot be remembered. Answer without it.")
        outcome = replace(outcome, rule=choice.rule(question, arguments, sides))
    if right == "decide":
        demand_rights_of_outcome(outcome, decision.by)
    return choice, outcome, right


def _lock_questions(conflict: Conflict, rule: RuleDraft | None) -> None:
    """Lock the question, and those that the rule answers, in the order of their ids."""
    ids = [conflict.pk]
    if rule is not None:
        ids += [other.pk for other in _answered_by(rule, conflict, connection_of(conflict))]
    for piece in chunks(sorted(ids)):
        list(Conflict.objects.select_for_update().filter(pk__in=piece).order_by("pk").values_list("pk"))


def connection_of(conflict: Conflict) -> Connection:
    """Return the connection of a question; of one about rows of several sources, that of the first row."""
    if conflict.connection is not None:
        return conflict.connection
    sources = sorted(int(source) for key in conflict.evidence["rows"] if (source := source_of(key)).isdecimal())
    return Connection.objects.get(pk=sources[0])

"""Answers questions: previews a decision, carries it out, or stores it as a proposal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.models import User
from oncall.operations import lock_for_merge, lock_versions
from oncall.tables.base import source_of
from syncjobs.deciding.carrying_out import carry_out
from syncjobs.deciding.rights import demand_right, demand_rights_of_outcome
from syncjobs.deciding.sides import load_sides, question_of
from syncjobs.models import (
    WAITING_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
    Rule,
    SyncProfile,
    SyncRun,
)
from syncjobs.planning.decisions.rules import HARMLESS, rule_for
from syncjobs.planning.decisions.table import check_arguments, demand_choice, find_choice
from syncjobs.planning.decisions.values import Choice, Outcome, Refused, RuleDraft
from syncjobs.planning.values import RuleView


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer to a question.

    by: None for the shell. evidence_hash: that of the question as it was shown; None accepts any.
    """

    choice: str
    arguments: Mapping[str, str]
    by: User | None
    comment: str = ""
    remember: bool = False
    evidence_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision.

    applied: False for a preview and a proposal. run: None if no row or link changes. closes: the other questions that
    the remembered decision answers. connection: of the run and the rule.
    """

    conflict: Conflict
    choice: Choice
    outcome: Outcome
    applied: bool
    connection: Connection
    run: SyncRun | None = None
    closes: tuple[int, ...] = ()


def preview(conflict: Conflict, decision: Decision) -> Decided:
    """Return what a decision would do, without writing. Raises Refused."""
    conflict = Conflict.objects.select_related("connection").get(pk=conflict.pk)
    choice, outcome, _ = _prepare(conflict, decision)
    connection = _connection(conflict)
    others = _answered_by(outcome.rule, conflict, connection)
    return Decided(conflict, choice, outcome, False, connection, closes=tuple(other.pk for other in others))


def decide(conflict: Conflict, decision: Decision) -> Decided:
    """Carry out a decision in one transaction, or store it as a proposal if the account may only propose it.

    Raises Refused; nothing is written then.
    """
    _, outcome, _ = _prepare(Conflict.objects.select_related("connection").get(pk=conflict.pk), decision)
    with transaction.atomic():
        # Rows are locked before links, and links before questions, as a merge does it.
        _lock(outcome)
        conflict = Conflict.objects.select_for_update(of=("self",)).select_related("connection").get(pk=conflict.pk)
        choice, now, right = _prepare(conflict, decision)
        connection = _connection(conflict)
        if now != outcome:
            raise Refused("stale_question", "Something was changed meanwhile. Nothing was written. Look at it again.")
        conflict.choice, conflict.arguments = choice.name, check_arguments(choice, decision.arguments)
        conflict.comment, conflict.remember = decision.comment, decision.remember
        if right == "propose":
            conflict.state, conflict.proposed_by = ConflictState.PROPOSED, decision.by
            conflict.save()
            return Decided(conflict, choice, outcome, False, connection)
        run = carry_out(conflict, connection, outcome.effects, decision.by) if outcome.effects else None
        _close(conflict, decision.by)
        others = _remember(outcome.rule, conflict, connection, decision.by) if outcome.rule else []
        conflict.save()
    return Decided(conflict, choice, outcome, True, connection, run, tuple(other.pk for other in others))


def _close(conflict: Conflict, by: User | None) -> None:
    conflict.state, conflict.decided_by, conflict.decided_at = ConflictState.DECIDED, by, timezone.now()


def _remember(draft: RuleDraft, conflict: Conflict, connection: Connection, by: User | None) -> list[Conflict]:
    """Store a rule, in place of one for the same questions. Return the waiting questions that it answers."""
    values = {"choice": draft.choice, "arguments": dict(draft.arguments), "active": True, "made_by": by}
    conflict.rule, _ = Rule.objects.update_or_create(
        connection=connection,
        kind=conflict.kind,
        pattern=draft.pattern,
        defaults={**values, "made_at": timezone.now()},
    )
    SyncProfile.objects.filter(connection=connection).update(rules_version=F("rules_version") + 1)
    others = _answered_by(draft, conflict, connection)
    for other in others:
        _close(other, by)
        other.choice, other.arguments, other.rule = draft.choice, dict(draft.arguments), conflict.rule
    Conflict.objects.bulk_update(others, ["state", "decided_by", "decided_at", "choice", "arguments", "rule"])
    return others


def _answered_by(draft: RuleDraft | None, conflict: Conflict, connection: Connection) -> list[Conflict]:
    """Return the other waiting questions that a rule answers without changing a row."""
    if draft is None:
        return []
    rule = RuleView(0, conflict.kind, draft.pattern, draft.choice)
    waiting = Conflict.objects.of_connection(connection.pk).filter(kind=conflict.kind, state__in=WAITING_STATES)
    harmless = draft.choice in HARMLESS or conflict.kind == ConflictKind.TIMEZONE_MISMATCH
    return [
        other
        for other in waiting.exclude(pk=conflict.pk).order_by("pk")
        if harmless and rule_for([rule], other.kind, entity_type_of(other.entity_type), other.evidence) is not None
    ]


def confirm(conflict: Conflict, by: User | None, evidence_hash: str | None = None) -> Decided:
    """Carry out a proposal. evidence_hash: as in a decision. Raises Refused."""
    conflict = Conflict.objects.select_related("connection").get(pk=conflict.pk)
    _demand_confirming(conflict, by)
    return decide(conflict, proposal_of(conflict, by, evidence_hash))


def proposal_of(conflict: Conflict, by: User | None, evidence_hash: str | None = None) -> Decision:
    """Return the proposed decision of a question, as the decision of an account."""
    arguments, comment, remember = conflict.arguments, conflict.comment, conflict.remember
    return Decision(conflict.choice, arguments, by, comment, remember, evidence_hash)


def decline(conflict: Conflict, by: User | None, comment: str = "") -> Conflict:
    """Drop a proposal, so that the question is open again. Raises Refused."""
    with transaction.atomic():
        conflict = Conflict.objects.select_for_update(of=("self",)).get(pk=conflict.pk)
        _demand_confirming(conflict, by)
        conflict.state, conflict.choice, conflict.arguments = ConflictState.OPEN, "", {}
        conflict.proposed_by, conflict.comment, conflict.remember = None, comment, False
        conflict.save()
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


def _prepare(conflict: Conflict, decision: Decision) -> tuple[Choice, Outcome, str]:
    """Return the choice, the outcome, and whether the account decides or only proposes. Raises Refused."""
    if conflict.state not in WAITING_STATES:
        what = "was decided" if conflict.state == ConflictState.DECIDED else "is closed"
        raise Refused("already_decided", f"Question {conflict.pk} {what}. Nothing was written.")
    if decision.evidence_hash not in (None, conflict.evidence_hash):
        raise Refused(
            "stale_question", "The question is about other values now. Nothing was written. Look at it again."
        )
    question = question_of(conflict)
    choice = demand_choice(question, decision.choice)
    arguments = check_arguments(choice, decision.arguments)
    right = demand_right(conflict, choice, decision.by)
    sides = load_sides(question)
    outcome = choice.outcome(question, arguments, sides)
    if decision.remember:
        if choice.rule is None:
            raise Refused("invalid_argument", f"“{choice.label}” cannot be remembered. Answer without it.")
        outcome = replace(outcome, rule=choice.rule(question, arguments, sides))
    if right == "decide":
        demand_rights_of_outcome(outcome, decision.by)
    return choice, outcome, right


def _lock(outcome: Outcome) -> None:
    for effect in outcome.effects:
        if effect.merge_into is not None and effect.row_id is not None:
            lock_for_merge(effect.kind, effect.row_id, effect.merge_into)
        elif effect.row_id is not None:
            lock_versions(effect.kind, [effect.row_id])
    links = sorted(effect.link.link.id for effect in outcome.effects if effect.link is not None)
    list(ExternalLink.objects.select_for_update(of=("self",)).filter(pk__in=links).order_by("pk").values_list("pk"))


def _connection(conflict: Conflict) -> Connection:
    """Return the connection of a question; of one about rows of several sources, that of the first row."""
    if conflict.connection is not None:
        return conflict.connection
    sources = sorted(int(source) for key in conflict.evidence["rows"] if (source := source_of(key)).isdecimal())
    return Connection.objects.get(pk=sources[0])

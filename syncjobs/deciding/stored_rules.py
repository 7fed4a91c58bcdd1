"""Stores remembered answers, switches them off and on, and deletes them. Each change has a change record."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from connectors.models import Connection
from oncall.models import User
from oncall.operations import Actor, account
from oncall.operations.audit import Changes, record
from syncjobs.models import UNDECIDED, Conflict, ConflictKind, ConflictState, Rule, SyncItem
from syncjobs.planning.decisions.values import RuleDraft

#: How change records name a rule.
RECORDED: Final = "rule"
_COLUMNS: Final = ("kind", "pattern", "choice", "arguments", "active")
#: The reason of an item that a rule has decided. It begins with the words of the rule.
_BY_RULE: Final = re.compile(r"\bby rule ([0-9]{1,18}) of ")
#: The questions of which the rule is the whole answer: the next read of the source needs it.
_WHOLE_ANSWER: Final = Q(kind=ConflictKind.TIMEZONE_MISMATCH)
#: The questions that a rule has answered, and those of which it is the whole answer.
_ANSWERED: Final = Q(remember=False) | _WHOLE_ANSWER


@dataclass(frozen=True, slots=True)
class Uses:
    """What a rule has decided. questions: without the question that made it. items: of runs."""

    questions: int
    items: int

    @property
    def total(self) -> int:
        return self.questions + self.items


def store_rule(
    draft: RuleDraft, kind: str, connection: Connection, by: User | None
) -> tuple[Rule, Mapping[str, Any] | None]:
    """Store a rule for questions of a kind, in place of one with the same pattern. Call it within a transaction.

    Return the rule, and the values of the one that it replaces, None if there was none.
    """
    known = Rule.objects.select_for_update().filter(connection=connection, kind=kind, pattern=draft.pattern).first()
    before = {} if known is None else _values(known)
    rule = known or Rule(connection=connection, kind=kind, pattern=draft.pattern)
    rule.choice, rule.arguments, rule.active = draft.choice, dict(draft.arguments), True
    rule.made_by, rule.made_at = by, timezone.now()
    rule.save()
    after = _values(rule)
    changes = {name: [value, after[name]] for name, value in before.items() if value != after[name]}
    _record(rule, "create" if known is None else "update", changes, by)
    return rule, before if known is not None else None


def take_back(rule: Rule, before: Mapping[str, Any] | None, answered: Iterable[int], by: User | None) -> int:
    """Delete a rule that an answer made, or give it the values that it had before. Return how many questions wait.

    answered: the questions that the answer let it answer: they wait again. Call it within a transaction.
    """
    if before is None:
        return forget(rule, by)
    again = list(_decided([rule], Q(pk__in=list(answered))).values_list("pk", flat=True))
    present = _values(rule)
    for name, value in before.items():
        setattr(rule, name, value)
    rule.save()
    _record(rule, "update", {n: [present[n], v] for n, v in before.items() if present[n] != v}, by)
    _reopen(again)
    return len(again)


@transaction.atomic
def switch(rule: Rule, *, active: bool, by: User | None) -> bool:
    """Switch a rule on or off. Return whether it was changed: not if it was so already, or was deleted meanwhile.

    What a rule has answered stays answered, apart from questions that still need the rule: these wait again.
    """
    needing = [] if active else _lock(rule, _WHOLE_ANSWER)
    stored = Rule.objects.select_for_update().filter(pk=rule.pk).exclude(active=active).first()
    if stored is None:
        return False
    stored.active = active
    stored.save(update_fields=["active"])
    _record(stored, "update", {"active": [not active, active]}, by)
    _reopen(needing)
    return True


@transaction.atomic
def forget(rule: Rule, by: User | None) -> int:
    """Delete a rule. Return how many questions wait again.

    These are the questions that the rule has answered and whose cause still exists, and those of which the rule is the
    whole answer. What was written because of the rule stays.
    """
    answered = _lock(rule, _ANSWERED)
    stored = Rule.objects.select_for_update().filter(pk=rule.pk).first()
    if stored is None:
        return 0
    _record(stored, "delete", {name: [value, None] for name, value in _values(stored).items()}, by)
    _reopen(answered)
    stored.delete()
    return len(answered)


def answered_by_rules(rules: Iterable[Rule]) -> "QuerySet[Conflict]":
    """Return the questions that would wait again if these rules were deleted."""
    return _decided(rules, _ANSWERED)


def items_of(rule: Rule) -> "QuerySet[SyncItem]":
    """Return the items of runs that a rule has decided."""
    return SyncItem.objects.filter(run__connection=rule.connection_id, reason__contains=f"by rule {rule.pk} of ")


def uses_of(rules: Iterable[Rule]) -> Mapping[int, Uses]:
    """Return what each rule has decided, by its id. Makes two queries."""
    connections = {rule.pk: rule.connection_id for rule in rules}
    questions = Conflict.objects.order_by().filter(rule__in=connections, remember=False).values_list("rule")
    counted = dict(questions.annotate(number=Count("pk")))
    items: Counter[int] = Counter()
    decided = SyncItem.objects.filter(run__connection__in=set(connections.values()), reason__contains="by rule ")
    for reason, number in decided.order_by().values_list("reason").annotate(number=Count("pk")):
        for pk in {int(each) for each in _BY_RULE.findall(reason)}:
            items[pk] += number
    return {pk: Uses(counted.get(pk, 0), items[pk]) for pk in connections}


def may_switch(by: User | None) -> bool:
    """Return whether an account may switch rules on and off. None is the shell, which has every right."""
    return by is None or by.has_perm("syncjobs.change_rule")


def may_forget(by: User | None) -> bool:
    """Return whether an account may delete rules."""
    return by is None or by.has_perm("syncjobs.delete_rule")


def _decided(rules: Iterable[Rule], which: Q) -> "QuerySet[Conflict]":
    return Conflict.objects.filter(which, rule__in=list(rules), state=ConflictState.DECIDED)


def _lock(rule: Rule, which: Q) -> list[int]:
    """Lock questions that a rule has decided, before the rule, as an answer does it. Return their ids."""
    decided = _decided([rule], which).select_for_update(of=("self",)).order_by("pk")
    return list(decided.values_list("pk", flat=True))


def _reopen(questions: list[int]) -> None:
    Conflict.objects.filter(pk__in=questions).update(**UNDECIDED)


def _values(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _COLUMNS}


def _record(rule: Rule, action: str, changes: Changes, by: User | None) -> None:
    actor = account(by.pk) if by is not None else Actor(None, "shell")
    record(RECORDED, rule.pk, f"{rule} of {rule.connection.name}", action, actor, changes)

"""Says in words which questions a remembered answer is for, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.records import ENTITY_WORDS, entity_type_of
from syncjobs.models import ConflictKind, Rule
from syncjobs.planning.decisions.rules import EVERY, IGNORE_NEW
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.words.losses import loss_title
from syncjobs.words.values import field_word


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """A remembered answer. kind: of the questions. subject: which of them. answer: with its values. effect: what the
    answer does, one sentence.
    """

    kind: str
    subject: str
    answer: str
    effect: str


def _field(pattern: str) -> str:
    kind, _, path = pattern.partition(".")
    return f"the field “{field_word(path)}” of {ENTITY_WORDS[entity_type_of(kind)][1]}"


#: Kind of question -> what the pattern of a rule means, unless the rule is for all questions of the kind.
SUBJECTS: Final[Mapping[str, Callable[[str], str]]] = {
    ConflictKind.USER_NOT_FOUND: lambda pattern: f"people with an address at {pattern.rpartition('@')[2]}",
    ConflictKind.TIMEZONE_MISMATCH: lambda pattern: (
        f"schedules with the time zone “{pattern}”" if pattern else "schedules without a time zone"
    ),
    ConflictKind.BOTH_EDITED: _field,
    ConflictKind.UNSUPPORTED: lambda code: f"objects about which the source notes: “{loss_title(code, code)}”",
}


def _new_object(pattern: str) -> str:
    kind, _, external_id = pattern.partition(":")
    return f"{ENTITY_WORDS[entity_type_of(kind)][0]} {external_id}"


def rule_in_words(rule: Rule) -> RuleInWords:
    """Return the words of a rule. A rule whose kind or answer exists no longer has the words that are stored."""
    if rule.kind == IGNORE_NEW:
        effect = "The list of new objects that are not selected leaves it out."
        return RuleInWords("new at the source, not selected", _new_object(rule.pattern), "Ignore it", effect)
    choice = next((choice for choice in CHOICES.get(rule.kind, ()) if choice.name == rule.choice), None)
    labels = {} if choice is None else {argument.name: argument.label for argument in choice.arguments}
    values = [f"{labels.get(name) or name.capitalize()} {value}" for name, value in rule.arguments.items()]
    label = rule.choice if choice is None else choice.label
    return RuleInWords(
        kind=next((str(kind.label) for kind in ConflictKind if kind == rule.kind), rule.kind),
        subject="all questions of this kind" if rule.pattern == EVERY else _subject(rule),
        answer=f"{label} ({', '.join(values)})" if values else label,
        effect="" if choice is None else choice.remembered or choice.effect,
    )


def _subject(rule: Rule) -> str:
    words = SUBJECTS.get(rule.kind)
    return rule.pattern if words is None else words(rule.pattern)

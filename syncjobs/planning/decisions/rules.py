"""Remembered decisions: which questions they answer, and the rules that decisions make. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from oncall.emails import canonical_email
from syncjobs.planning.decisions.people import PERSON, find_person
from syncjobs.planning.decisions.values import Arguments, Question, Refused, RuleDraft, Sides
from syncjobs.planning.values import RuleView

#: The pattern of a rule that answers every question of its kind.
EVERY: Final = "*"
#: Choices that change nothing, so that a rule may answer every question with them.
HARMLESS: Final = frozenset({"leave", "keep_all"})
#: The answer that only takes note of something.
ACKNOWLEDGE: Final = "acknowledge"
#: The answer that a rule gives to later questions by inviting the person.
INVITE: Final = "invite"
#: The kind of rules about objects that are new at the source and not selected: they are not shown any more. They answer
#: no question. The pattern is ``TYPE:ID``.
IGNORE_NEW: Final = "ignore_new"
#: Why a person has no account: the reasons for which a rule invites nobody.
_NOT_INVITED: Final = frozenset({"privileged", "taken"})


def rule_for(rules: Iterable[RuleView], kind: str, entity_type: str, evidence: Mapping[str, Any]) -> RuleView | None:
    """Return the rule that answers a question, or None. Rules that change what is compared or matched answer none."""
    subject = _subject(kind, entity_type, evidence)
    return next((rule for rule in rules if rule.kind == kind and rule.pattern in (EVERY, subject)), None)


def _subject(kind: str, entity_type: str, evidence: Mapping[str, Any]) -> str | None:
    """Return what the pattern of a rule names: the text of a time zone, the domain of a person who may be invited, the
    code of a note, or the only field of a question."""
    if kind == "timezone_mismatch":
        return str(evidence.get("raw", ""))
    if kind == "user_not_found":
        domain = _domain(str(evidence.get("email") or ""))
        return _of_domain(domain) if domain and evidence.get("why") not in _NOT_INVITED else None
    if kind == "unsupported":
        return str(evidence["code"])
    if kind == "both_edited":
        fields = {f"{entity_type}.{path.partition('.')[0]}" for path in evidence}
        return fields.pop() if len(fields) == 1 else None
    return None


def answers_of(rules: Iterable[RuleView]) -> dict[str, RuleView]:
    """Return the rules about fields that were edited on both sides, by ``kind.field``."""
    return {rule.pattern: rule for rule in rules if rule.kind == "both_edited"}


def domains_of(rules: Iterable[RuleView]) -> dict[str, str]:
    """Return the new domain by the old domain of addresses."""
    return {
        rule.pattern: rule.arguments["domain"] for rule in rules if rule.kind == "user_not_found" and rule.arguments
    }


def with_other_domain(email: str, domains: Mapping[str, str]) -> str:
    """Return an address with the new domain of its domain, if it has one."""
    canonical = canonical_email(email) if domains else None
    if canonical is None:
        return email
    name, _, domain = canonical.partition("@")
    return f"{name}@{domains[domain]}" if domain in domains else email


def remember_all(choice: str) -> RuleDraft:
    """Return the rule that gives this answer to every question of its kind and source."""
    return RuleDraft(EVERY, choice)


def remember_code(question: Question, arguments: Arguments, sides: Sides) -> RuleDraft:
    """Return the rule that takes note of later questions with the same code."""
    return RuleDraft(str(question.evidence["code"]), ACKNOWLEDGE)


def remember_field(choice: str, question: Question) -> RuleDraft:
    """Return the rule that gives this answer to later questions about the same field. Raises Refused."""
    subject = _subject(question.kind, question.row_kind, question.evidence)
    if subject is None:
        raise Refused(
            "invalid_argument", "The question is about several fields. An answer is remembered for one field only."
        )
    return RuleDraft(subject, choice)


def remember_domain(question: Question, arguments: Arguments, sides: Sides) -> RuleDraft:
    """Return the rule that one domain of addresses is another. Raises Refused."""
    to = arguments["to"]
    if to.startswith(PERSON):
        email = str(find_person(to, sides).state.fields.get("email", ""))
    else:
        account = sides.account(to)
        email = account.email if account else to
    old, new = _domain(str(question.evidence.get("email") or "")), _domain(email)
    if not old or not new or old == new:
        raise Refused(
            "invalid_argument", "Only two addresses with different domains can be remembered. Answer without it."
        )
    return RuleDraft(old, "map", {"domain": new})


def remember_invited_domain(question: Question, arguments: Arguments, sides: Sides) -> RuleDraft:
    """Return the rule that invites everyone with the domain of the person's address. Raises Refused."""
    domain = _domain(str(question.evidence.get("email") or ""))
    if not domain:
        raise Refused("invalid_argument", "The source reports no usable address, so that no domain can be remembered.")
    if sides.domains() <= {domain}:
        raise Refused(
            "would_match_everything",
            f"{domain} is the only domain of this source, so the rule would invite everyone. Invite without it.",
        )
    return RuleDraft(_of_domain(domain), INVITE)


def _of_domain(domain: str) -> str:
    return f"*@{domain}"


def _domain(email: str) -> str:
    return (canonical_email(email) or "").partition("@")[2]

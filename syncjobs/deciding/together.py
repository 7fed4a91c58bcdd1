"""Answers many questions about people with one answer, each by itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from oncall.models import User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict
from syncjobs.planning.decisions.values import Refused


@dataclass(frozen=True, slots=True)
class Together:
    """What became of the questions. refusals: the reasons, each once."""

    decided: int
    refusals: tuple[str, ...]


def decide_together(questions: Iterable[Conflict], choice: str, by: User) -> Together:
    """Answer each question in a transaction of its own. One that is refused stops no other."""
    decided, refusals = 0, dict[str, None]()
    for question in questions:
        try:
            decide(question, Decision(choice, {}, by, evidence_hash=question.evidence_hash))
        except Refused as refused:
            refusals[str(refused)] = None
        else:
            decided += 1
    return Together(decided, tuple(refusals))

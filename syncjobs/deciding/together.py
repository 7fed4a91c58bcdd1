"""Answers many questions about people with one answer, each by itself."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from oncall.models import User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict
from syncjobs.planning.decisions.values import Refused

_MOST_NAMES: Final = 3
#: The name of an argument, which the shell needs and a page with one field does not.
_ARGUMENT: Final = re.compile(r"^(?:to|email): ")


@dataclass(frozen=True, slots=True)
class Together:
    """What became of the questions. refusals: each reason once, with the first names that it concerns."""

    decided: int
    refusals: tuple[str, ...]


def decide_together(questions: Iterable[Conflict], choice: str, by: User) -> Together:
    """Answer each question in a transaction of its own. One that is refused stops no other."""
    decided, refused_names = 0, defaultdict[str, list[str]](list)
    for question in questions:
        try:
            decide(question, Decision(choice, {}, by, evidence_hash=question.evidence_hash))
        except Refused as refused:
            refused_names[reason_of(refused)].append(question.label)
        else:
            decided += 1
    refusals = (f"{_some_of(names)}: {reason}" for reason, names in refused_names.items())
    return Together(decided, tuple(refusals))


def reason_of(refused: Refused) -> str:
    """Return why an answer is refused, without the name of its argument."""
    return _ARGUMENT.sub("", str(refused))


def _some_of(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more

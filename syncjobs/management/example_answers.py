"""Chooses an answer for one question of each kind, as the demo gives it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from syncjobs.deciding.decide import Decision, preview
from syncjobs.deciding.sides import question_of
from syncjobs.deciding.suggesting import suggestions
from syncjobs.models import Conflict, ConflictKind, ConflictState
from syncjobs.planning.decisions.table import choices_of
from syncjobs.planning.decisions.values import Refused


@dataclass(frozen=True, slots=True)
class ExampleAnswer:
    """A question with the name of an answer and its arguments."""

    conflict: Conflict
    choice: str
    arguments: Mapping[str, str]

    def command(self) -> list[str]:
        """Return the arguments of the command ``conflicts`` that gives this answer."""
        given = [f"--set={name}={value}" for name, value in self.arguments.items()]
        return ["--resolve", str(self.conflict.pk), self.choice, *given]


def example_answers() -> Iterator[ExampleAnswer]:
    """Yield an answer for each kind of question that waits. Each is chosen after the caller gave those before."""
    for kind in ConflictKind:
        waiting = Conflict.objects.filter(kind=kind, state=ConflictState.OPEN).select_related("connection")
        found = _answer(list(waiting.order_by("pk")))
        if found is not None:
            yield found


def _answer(waiting: list[Conflict]) -> ExampleAnswer | None:
    """Return an answer that is suggested for a question, else one that needs no argument and sends no mail."""
    suggested = suggestions(waiting)
    for conflict in waiting:
        if conflict.pk in suggested:
            suggestion = suggested[conflict.pk]
            return ExampleAnswer(conflict, suggestion.choice, suggestion.arguments)
    for conflict in waiting:
        for choice in choices_of(question_of(conflict)):
            if any(argument.required for argument in choice.arguments):
                continue
            try:
                decided = preview(conflict, Decision(choice.name, {}, None))
            except Refused:  # another answer, or another question, does
                continue
            if not decided.invitations:
                return ExampleAnswer(conflict, choice.name, {})
    return None

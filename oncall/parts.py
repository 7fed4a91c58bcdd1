"""Values that the templates in ``templates/parts`` show, the same on all pages."""

from dataclasses import dataclass
from typing import Final, Literal

Colour = Literal["", "success", "warning", "danger", "info"]
StepState = Literal["done", "now", "next", "failed"]

#: A sign for each colour, because a colour alone is not seen by everybody.
SIGNS: Final[dict[Colour, str]] = {"success": "✓", "warning": "!", "danger": "×", "info": "…", "": "–"}
_STEP_SIGNS: Final[dict[StepState, str]] = {"done": "✓", "now": "", "next": "", "failed": "×"}
_STEP_WORDS: Final[dict[StepState, str]] = {"done": "done", "now": "now", "next": "not yet", "failed": "not finished"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One outcome of a strip. title: the outcome in words. url: its page, or empty. is_this: the page shows it now."""

    title: str
    colour: Colour
    url: str = ""
    is_this: bool = False

    @property
    def sign(self) -> str:
        return SIGNS[self.colour]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a line of steps. url: its page, or empty. note: a time or a figure below the title."""

    title: str
    state: StepState
    url: str = ""
    note: str = ""

    @property
    def sign(self) -> str:
        """Return the sign of the state; empty where the number of the step is shown."""
        return _STEP_SIGNS[self.state]

    @property
    def word(self) -> str:
        """Return the state as a screen reader says it."""
        return _STEP_WORDS[self.state]

"""Tests of faults that are not corrected yet: the name of the test, or the id of its case, and the reason.

An entry is removed with its correction. The tests of this folder run with an empty list.
"""

from collections.abc import Mapping
from typing import Final

_QUESTIONS = "a source asks about an equal name only in the run after the other source has asked"
_EMPTY = "references stay empty after a run that stopped between two kinds"
_UNFENCED = "a stopped run stores its plan, its questions, its account or the rules by which it compared"
_AGAIN = "a run that is taken again meets its own items"
_UNKNOWN = "a batch whose COMMIT has an unknown outcome is called stale, and references to it stay empty"
_EVERY_FAULT = (
    "killed",
    "killed after the commit",
    "connection lost",
    "outcome unknown",
    "refused",
    "cancelled",
    "disconnected",
    "lease lost",
)

KNOWN: Final[Mapping[str, str]] = {
    **{f"first import-{fault}": f"{_QUESTIONS}; {_EMPTY}; {_UNFENCED}; {_AGAIN}" for fault in _EVERY_FAULT},
    **{f"import that matches-{fault}": f"{_QUESTIONS}; {_EMPTY}; {_UNFENCED}; {_AGAIN}" for fault in _EVERY_FAULT},
    **{
        f"{phase}-{fault}": reason
        for phase in ("update", "update of the second source")
        for fault, reason in (
            ("killed", f"{_AGAIN}; {_EMPTY}"),
            ("killed after the commit", f"{_AGAIN}; {_EMPTY}"),
            ("outcome unknown", _UNKNOWN),
            ("cancelled", f"{_UNFENCED}; {_EMPTY}"),
            ("disconnected", f"{_UNFENCED}; {_EMPTY}"),
            ("lease lost", f"{_UNFENCED}; {_EMPTY}"),
        )
    },
    "plan-killed": _AGAIN,
    "plan-killed after the commit": _AGAIN,
    "plan-cancelled": _UNFENCED,
    "plan-disconnected": _UNFENCED,
    "plan-lease lost": _UNFENCED,
    "approved plan-outcome unknown": _UNKNOWN,
    "approved plan-cancelled": _UNFENCED,
    "approved plan-disconnected": _UNFENCED,
    "approved plan-lease lost": _UNFENCED,
    "test_two_first_imports_at_once_double_nobody": "creates and matches take no lock",
    "test_a_run_that_is_cancelled_while_its_plan_is_stored_writes_nothing_more": _UNFENCED,
    "test_a_save_of_a_group_during_a_run_leaves_no_reference_empty_after_a_tick": "a save writes back what it read",
}

"""Ends a run that failed. The failure is counted for the quarantine of its connection in the same transaction."""

from contextlib import suppress
from typing import Any, Final

from syncjobs.models import RunState
from syncjobs.runs.claim import Claim, FenceLost, end_columns
from syncjobs.runs.durable.quarantine import note_failure

#: How often a run may begin again without finishing one more page or batch.
MOST_ATTEMPTS: Final = 5
#: What to do when a run ended each of its workers. ``{}``: its last reason.
CRASH_LOOP: Final = f"crash loop: the run began {MOST_ATTEMPTS} times and ended its worker each time."
CRASH_LOOP_HINT: Final = (
    "What was written before stays; no object is half written. See the logs of the workers for what ends them (often a "
    "lack of memory), then start a new run."
)


def fail(claim: Claim, code: str, reason: str, hint: str, *, counts: bool = True) -> None:
    """End a run as failed. Does nothing if the claim is lost.

    code: stable word for the cause. counts: whether it is a fault of the connection or of this site.
    """
    columns: dict[str, Any] = end_columns(RunState.FAILED, reason, hint)
    with suppress(FenceLost), claim.fenced(**columns):
        if counts:
            note_failure(claim.run, code, reason, claim.at)

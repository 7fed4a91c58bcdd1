"""What a page says about a part of the installation that is missing: when it was last seen, and what to do."""

from collections.abc import Mapping
from typing import Final

from syncjobs.models import Part
from syncjobs.pages.marks import ago
from syncjobs.runs.heartbeats import MissingPart, missing_parts

#: What to do to get a part back.
REMEDIES: Final[Mapping[Part, str]] = {
    Part.BROKER: (
        "Start the server of CELERY_BROKER_URL, or correct this setting; `make setup` installs a missing library. "
        "Queued runs wait until then."
    ),
    Part.BEAT: (
        "Start it with `make beat`, unless it waits for the broker. "
        "Without it, a run whose message was lost never begins."
    ),
    Part.TICK: "Start it with `make worker`. Without it, a run whose message was lost never begins.",
    Part.RUNS: "Start it with `make worker`. Without it, no run begins.",
}


def missing_sentences() -> dict[Part, str]:
    """Return a text for each part that does not work, the cause before what depends on it. Makes one query."""
    return {missing.part: f"{_state(missing)} {REMEDIES[missing.part]}" for missing in missing_parts()}


def _state(missing: MissingPart) -> str:
    name = missing.part.label.capitalize()
    if missing.fault and missing.seen:
        return f"{name} could not be reached {ago(missing.seen)} ({missing.fault})."
    return f"{name} was last seen {ago(missing.seen)}." if missing.seen else f"{name} has not been seen yet."

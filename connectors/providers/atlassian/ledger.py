"""Rows of the loss ledger that hold for both APIs."""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry

SECONDS: Final = "Becomes an instant in whole seconds."
KIND: Final = "Tells which kind of object this is and decides how the rest is read; not stored as such."


def ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """The rows of an object that is sent at ``path``, and of its absence."""
    return (
        *(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows),
        Entry(path.removesuffix("[]"), "exact"),
    )


PERIOD: Final = (
    Entry("startDate", "converted", SECONDS),
    Entry("endDate", "converted", f"{SECONDS} After the year 2200 is for good."),
)


def rotation(participant: Sequence[Entry]) -> tuple[Entry, ...]:
    """``participant``: the rows of a pointer within ``participants``."""
    return (
        Entry("id", "exact"),
        Entry("name", "exact"),
        Entry("startDate", "converted", "The start, and the anchor of turns on the schedule's wall clock."),
        Entry("endDate", "converted", f"{SECONDS} Absent, null and after the year 2200 are for good."),
        Entry("type", "converted", "With the length: how long a turn is, and by which clock."),
        Entry("length", "converted", "With the type: how long a turn is."),
        *inside("participants[]", participant),
        *inside("timeRestriction", _RESTRICTION),
    )


_RESTRICTION: Final = (
    Entry("type", "converted", "Daily or weekly windows."),
    *(
        Entry(f"{path}.{name}", "converted", "Becomes a window: a start and a length on the wall clock.")
        for path in ("restriction", "restrictions[]")
        for name in ("startDay", "startHour", "startMin", "endDay", "endHour", "endMin")
    ),
    Entry("restriction", "exact"),
    Entry("restrictions", "exact"),
)
SCHEDULE: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("timezone", "converted", "Becomes the canonical IANA name."),
    Entry("enabled", "converted", "A schedule that is switched off is inactive."),
)
REPEAT: Final = (
    Entry("waitInterval", "exact"),
    Entry("count", "exact"),
    Entry("closeAlertAfterAll", "exact"),
    Entry("resetRecipientStates", "kept", "A note names it; acknowledgements are not part of a policy here."),
)
#: Without the pointer ``notify``.
ROUTING_RULE: Final = (
    *ignored("A rule has no identity here: a team's default rule is its routing.", "id"),
    Entry("name", "kept", "Names the rule in the note for a follow-up by hand."),
    Entry("isDefault", "converted", "The default rule becomes the team's routing; each other rule is named in a note."),
    *ignored(
        "How an alert is sent to a team or a person depends on the alert, and alerts are not imported.",
        *("order", "timezone", "criteria", "criteria.**", "timeRestriction", "timeRestriction.**"),
    ),
)
TIMELINE: Final = (
    *(
        Entry(name, "converted", "The vendor's own rendering: compared with ours for parity, not stored.")
        for name in ("startDate", "endDate", "finalTimeline.**")
    ),
    *ignored("Parts of the final timeline.", "baseTimeline.**", "overrideTimeline.**", "forwardingTimeline.**"),
)

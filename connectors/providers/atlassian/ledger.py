"""Entries of the loss ledger that both APIs share."""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry

SECONDS: Final = "Becomes an instant in whole seconds."
KIND: Final = "Decides which kind of object this is and how it is read; not stored itself."

IANA: Final = "Becomes the canonical IANA name."
MINUTES: Final = "Minutes since the start become minutes between levels."
OFFSET_ONLY: Final = "Only its offset is used; the address is never followed."
OTHER_PAGES: Final = "Only the next page is needed."
ABOUT_THE_ANSWER: Final = "Describes the answer, not an object."
NOT_ON_CALL: Final = "Has nothing to do with being on call."


def ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return ``rows`` for an object at ``path``, and an entry for ``path`` itself (null or empty)."""
    return (
        *(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows),
        Entry(path.removesuffix("[]"), "exact"),
    )


PERIOD: Final = (
    Entry("startDate", "converted", SECONDS),
    Entry("endDate", "converted", f"{SECONDS} An end after the year 2200 means no end."),
)


def rotation(participant: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries of a rotation. participant: the entries of a reference in ``participants``."""
    return (
        Entry("id", "exact"),
        Entry("name", "exact"),
        Entry("startDate", "converted", "Becomes the start, and the local time from which turns are counted."),
        Entry("endDate", "converted", f"{SECONDS} Absent, null or after the year 2200 means no end."),
        Entry("type", "converted", "With the length it gives how long a turn is, in local or in elapsed time."),
        Entry("length", "converted", "With the type it gives how long a turn is."),
        *inside("participants[]", participant),
        *inside("timeRestriction", _RESTRICTION),
    )


_RESTRICTION: Final = (
    Entry("type", "converted", "Decides whether windows are daily or weekly."),
    *(
        Entry(f"{path}.{name}", "converted", "Becomes a window: a start and a length in local time.")
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
    Entry("timezone", "converted", IANA),
    Entry("enabled", "converted", "A schedule that is switched off becomes inactive."),
)
REPEAT: Final = (
    Entry("waitInterval", "exact"),
    Entry("count", "exact"),
    Entry("closeAlertAfterAll", "exact"),
    Entry("resetRecipientStates", "kept", "Named in a note; policies here have no acknowledgements."),
)


def escalation(own: Sequence[Entry], delay: Sequence[Entry], recipient: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries of an escalation.

    own: the entries that only one API has. delay: the entries of the delay. recipient: the entries of a reference.
    """
    return (
        Entry("id", "exact"),
        Entry("name", "exact"),
        Entry("description", "exact"),
        *own,
        Entry("rules", "exact"),
        Entry("rules[].condition", "exact"),
        Entry("rules[].notifyType", "exact"),
        *delay,
        *inside("rules[].recipient", recipient),
        *ignored("Levels are an ordered list and have no id here.", "rules[].id"),
        *inside("repeat", REPEAT),
    )


def forwarding_rule(person: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries of a forwarding rule. person: the entries of a reference to a person."""
    return (
        Entry("id", "exact"),
        *inside("fromUser", person),
        *inside("toUser", person),
        *PERIOD,
        *ignored("Another name of the rule, often empty.", "alias"),
    )


#: Without the reference ``notify``.
ROUTING_RULE: Final = (
    *ignored("The id is not needed: only a team's default rule is imported, under the id of the team.", "id"),
    Entry("name", "kept", "Names the rule in the note that asks you to follow it up by hand."),
    Entry("isDefault", "converted", "The default rule becomes the team's routing; other rules are named in a note."),
    *ignored(
        "These depend on the alert, and alerts are not imported.",
        *("order", "timezone", "criteria", "criteria.**", "timeRestriction", "timeRestriction.**"),
    ),
)
TIMELINE: Final = (
    *(
        Entry(name, "converted", "The vendor's own rendering; compared with ours for parity, not stored.")
        for name in ("startDate", "endDate", "finalTimeline.**")
    ),
    *ignored("Included in the final timeline.", "baseTimeline.**", "overrideTimeline.**", "forwardingTimeline.**"),
)

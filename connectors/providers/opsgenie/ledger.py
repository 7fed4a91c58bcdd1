"""What becomes of every field Opsgenie sends: the loss ledger of this connector.

Tables are named after the object, paths start inside it. An answer's own fields (``took``, ``paging``) are in ``page``.
"""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry, Ledger

_OWN_OBJECT = "Only the id is taken; the name comes with the object itself."
_KIND = "Tells which kind of object this is and decides how the rest is read; not stored as such."
_SECONDS = "Becomes an instant in whole seconds."
_NO_ROUTING = "How an alert is sent to a team or a person depends on the alert, and alerts are not imported."


def _ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def _inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    return (
        *(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows),
        Entry(path.removesuffix("[]"), "exact"),
    )


def _owner(path: str) -> tuple[Entry, ...]:
    return (
        Entry(f"{path}.id", "exact"),
        *_ignored(_OWN_OBJECT, f"{path}.name"),
        Entry(path, "exact"),
    )


def _user(path: str) -> tuple[Entry, ...]:
    """A pointer to a person, who may be nowhere else: then this is all that is known of them."""
    only = "The person's own record wins; taken where a person is only referred to."
    return (
        Entry(f"{path}.id", "exact"),
        Entry(f"{path}.username", "kept", only),
        Entry(path, "exact"),
    )


def _pointer(path: str) -> tuple[Entry, ...]:
    """A pointer to anything: a user with a user name, or a team, escalation or schedule with a name."""
    return (
        Entry(f"{path}.id", "exact"),
        Entry(f"{path}.type", "converted", _KIND),
        Entry(f"{path}.username", "kept", "The person's own record wins; taken where a person is only referred to."),
        Entry(f"{path}.name", "kept", "The object's own name wins; shown where the object cannot be read."),
        Entry(path.removesuffix("[]"), "exact"),
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
_PERIOD: Final = (
    Entry("startDate", "converted", _SECONDS),
    Entry("endDate", "converted", f"{_SECONDS} After the year 2200 is for good."),
)
_STATUS: Final = (
    Entry("enabled", "exact"),
    Entry("disabledReason", "kept", "Part of the note that the contact is switched off."),
)
_CONTACT: Final = (
    Entry("id", "exact"),
    Entry("to", "converted", "Numbers become E.164; the address of a mobile contact is a secret and not kept."),
    *(Entry(n, "converted", "Becomes a channel: mobile is push.") for n in ("method", "contactMethod")),
    *_STATUS,
    *_inside("status", _STATUS),
    *_ignored("Shown in an order at Opsgenie; notification rules decide there.", "applyOrder"),
)
_USER: Final = (
    Entry("id", "exact"),
    Entry("username", "exact"),
    Entry("fullName", "exact"),
    Entry("blocked", "converted", "A blocked person is inactive."),
    Entry("verified", "kept", "A note names whoever has not accepted the invitation."),
    Entry("timeZone", "converted", "Becomes the canonical IANA name; a person without one has the account's."),
    *_inside("userContacts[]", _CONTACT),
    *_ignored("A role at Opsgenie gives no right here: rights are granted here.", "role", "role.id", "role.name"),
    *_ignored("Says nothing about being on call.", "locale", "tags", "tags[]", "details.**", "createdAt"),
    *_ignored("Where somebody lives is nobody's business here.", "userAddress.**", "skypeUsername"),
    *_ignored("A pause that a person has made for the moment; notifications are Opsgenie's own.", "mutedUntil"),
)
_TEAM: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_ignored("Addresses at Opsgenie; the team is known here by its id.", "links.web", "links.api"),
    Entry("members", "exact"),
    Entry("members[].role", "kept", "Shown with the member; lead rights are granted here."),
    *_user("members[].user"),
)
_ROUTING_RULE: Final = (
    *_ignored("A rule has no identity here: a team's default rule is its routing.", "id"),
    Entry("name", "kept", "Names the rule in the note for a follow-up by hand."),
    Entry("isDefault", "converted", "The default rule becomes the team's routing; each other rule is named in a note."),
    *_pointer("notify"),
    *_ignored(_NO_ROUTING, "order", "timezone", "criteria", "criteria.**", "timeRestriction", "timeRestriction.**"),
)
_SCHEDULE: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("timezone", "converted", "Becomes the canonical IANA name."),
    Entry("enabled", "converted", "A schedule that is switched off is inactive."),
    *_owner("ownerTeam"),
    Entry("rotations", "exact"),
    Entry("rotations[].id", "exact"),
    Entry("rotations[].name", "exact"),
    Entry("rotations[].startDate", "converted", "The start, and the anchor of turns on the schedule's wall clock."),
    Entry("rotations[].endDate", "converted", f"{_SECONDS} Absent, null and after the year 2200 are for good."),
    Entry("rotations[].type", "converted", "With the length: how long a turn is, and by which clock."),
    Entry("rotations[].length", "converted", "With the type: how long a turn is."),
    *_pointer("rotations[].participants[]"),
    *_inside("rotations[].timeRestriction", _RESTRICTION),
)
_OVERRIDE: Final = (
    Entry("alias", "exact"),
    *_pointer("user"),
    *_PERIOD,
    Entry("rotations", "exact"),
    Entry("rotations[].id", "exact"),
    *_ignored(_OWN_OBJECT, "rotations[].name"),
    *_ignored("The schedule that was asked.", "_parent.id", "_parent.name", "_parent.enabled"),
)
_ESCALATION: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_owner("ownerTeam"),
    Entry("rules", "exact"),
    Entry("rules[].condition", "exact"),
    Entry("rules[].notifyType", "exact"),
    Entry("rules[].delay.timeAmount", "converted", "Minutes since the start become minutes between levels."),
    Entry("rules[].delay.timeUnit", "converted", "Hours and days become minutes."),
    *_pointer("rules[].recipient"),
    *_ignored("Levels are an ordered list; a level has no identity of its own.", "rules[].id"),
    Entry("repeat", "exact"),
    Entry("repeat.waitInterval", "exact"),
    Entry("repeat.count", "exact"),
    Entry("repeat.closeAlertAfterAll", "exact"),
    Entry("repeat.resetRecipientStates", "kept", "A note names it; acknowledgements are not part of a policy here."),
)
_SERVICE: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("teamId", "exact"),
    *_ignored("Who may see a service at Opsgenie gives no right here.", "visibility"),
    *_ignored("Says nothing about being on call.", "tags", "tags[]", "isExternal", "links.**"),
)
_FORWARDING_RULE: Final = (
    Entry("id", "exact"),
    *_user("fromUser"),
    *_user("toUser"),
    *_PERIOD,
    *_ignored("Another name of the rule, often empty.", "alias"),
)
_RECIPIENTS: Final = "Opsgenie's own rendering: compared with ours for parity, not stored."
_TIMELINE: Final = (
    *(Entry(name, "converted", _RECIPIENTS) for name in ("startDate", "endDate", "finalTimeline.**")),
    *_ignored("Parts of the final timeline.", "baseTimeline.**", "overrideTimeline.**", "forwardingTimeline.**"),
    *_ignored("The schedule that was asked.", "_parent.**", "description", "ownerTeam.**"),
)
_ACCOUNT: Final = (
    Entry("name", "exact"),
    Entry("userCount", "converted", "Decides whether listing all people is fewer calls; not stored."),
    *_ignored("What the account pays for.", "plan.name", "plan.maxUserCount", "plan.isYearly"),
)
_REQUEST_LIMITS: Final = (
    Entry("rateLimits[].**", "converted", "Becomes calls per minute; not stored."),
    Entry("rateLimits", "exact"),
)
_PAGE: Final = (
    Entry("totalCount", "converted", "Tells whether a list is complete; not stored."),
    Entry("paging.next", "converted", "Only its offset is taken; the address is never followed."),
    *_ignored("How the answer was made.", "took", "requestId", "expandable", "expandable[]"),
    *_ignored("Other pages than the next.", "paging.first", "paging.prev", "paging.last"),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "contact": _CONTACT,
        "team": _TEAM,
        "routing_rule": _ROUTING_RULE,
        "schedule": _SCHEDULE,
        "override": _OVERRIDE,
        "escalation": _ESCALATION,
        "service": _SERVICE,
        "forwarding_rule": _FORWARDING_RULE,
        "timeline": _TIMELINE,
        "account": _ACCOUNT,
        "request_limits": _REQUEST_LIMITS,
        "page": _PAGE,
    }
)

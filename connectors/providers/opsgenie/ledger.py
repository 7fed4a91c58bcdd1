"""What becomes of every field Opsgenie sends: the loss ledger of this connector.

Tables are named after the object, paths start inside it. An answer's own fields (``took``, ``paging``) are in ``page``.
"""

from typing import Final

from connectors.ledger import Entry, Ledger
from connectors.providers.atlassian.ledger import (
    KIND,
    PERIOD,
    REPEAT,
    ROUTING_RULE,
    SCHEDULE,
    TIMELINE,
    ignored,
    inside,
    rotation,
)

_OWN_OBJECT = "Only the id is taken; the name comes with the object itself."


def _owner(path: str) -> tuple[Entry, ...]:
    return (
        Entry(f"{path}.id", "exact"),
        *ignored(_OWN_OBJECT, f"{path}.name"),
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


def _pointer() -> tuple[Entry, ...]:
    """A pointer to anything: a user with a user name, or a team, escalation or schedule with a name."""
    return (
        Entry("id", "exact"),
        Entry("type", "converted", KIND),
        Entry("username", "kept", "The person's own record wins; taken where a person is only referred to."),
        Entry("name", "kept", "The object's own name wins; shown where the object cannot be read."),
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
    *inside("status", _STATUS),
    *ignored("Shown in an order at Opsgenie; notification rules decide there.", "applyOrder"),
)
_USER: Final = (
    Entry("id", "exact"),
    Entry("username", "exact"),
    Entry("fullName", "exact"),
    Entry("blocked", "converted", "A blocked person is inactive."),
    Entry("verified", "kept", "A note names whoever has not accepted the invitation."),
    Entry("timeZone", "converted", "Becomes the canonical IANA name; a person without one has the account's."),
    *inside("userContacts[]", _CONTACT),
    *ignored("A role at Opsgenie gives no right here: rights are granted here.", "role", "role.id", "role.name"),
    *ignored("Says nothing about being on call.", "locale", "tags", "tags[]", "details.**", "createdAt"),
    *ignored("Where somebody lives is nobody's business here.", "userAddress.**", "skypeUsername"),
    *ignored("A pause that a person has made for the moment; notifications are Opsgenie's own.", "mutedUntil"),
)
_TEAM: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    *ignored("Addresses at Opsgenie; the team is known here by its id.", "links.web", "links.api"),
    Entry("members", "exact"),
    Entry("members[].role", "kept", "Shown with the member; lead rights are granted here."),
    *_user("members[].user"),
)
_SCHEDULE: Final = (
    *SCHEDULE,
    *_owner("ownerTeam"),
    *inside("rotations[]", rotation(_pointer())),
)
_OVERRIDE: Final = (
    Entry("alias", "exact"),
    *inside("user", _pointer()),
    *PERIOD,
    Entry("rotations", "exact"),
    Entry("rotations[].id", "exact"),
    *ignored(_OWN_OBJECT, "rotations[].name"),
    *ignored("The schedule that was asked.", "_parent.id", "_parent.name", "_parent.enabled"),
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
    *inside("rules[].recipient", _pointer()),
    *ignored("Levels are an ordered list; a level has no identity of its own.", "rules[].id"),
    *inside("repeat", REPEAT),
)
_SERVICE: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("teamId", "exact"),
    *ignored("Who may see a service at Opsgenie gives no right here.", "visibility"),
    *ignored("Says nothing about being on call.", "tags", "tags[]", "isExternal", "links.**"),
)
_FORWARDING_RULE: Final = (
    Entry("id", "exact"),
    *_user("fromUser"),
    *_user("toUser"),
    *PERIOD,
    *ignored("Another name of the rule, often empty.", "alias"),
)
_TIMELINE: Final = (
    *TIMELINE,
    *ignored("The schedule that was asked.", "_parent.**", "description", "ownerTeam.**"),
)
_ACCOUNT: Final = (
    Entry("name", "exact"),
    Entry("userCount", "converted", "Decides whether listing all people is fewer calls; not stored."),
    *ignored("What the account pays for.", "plan.name", "plan.maxUserCount", "plan.isYearly"),
)
_REQUEST_LIMITS: Final = (
    Entry("rateLimits[].**", "converted", "Becomes calls per minute; not stored."),
    Entry("rateLimits", "exact"),
)
_PAGE: Final = (
    Entry("totalCount", "converted", "Tells whether a list is complete; not stored."),
    Entry("paging.next", "converted", "Only its offset is taken; the address is never followed."),
    *ignored("How the answer was made.", "took", "requestId", "expandable", "expandable[]"),
    *ignored("Other pages than the next.", "paging.first", "paging.prev", "paging.last"),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "contact": _CONTACT,
        "team": _TEAM,
        "routing_rule": (*ROUTING_RULE, *inside("notify", _pointer())),
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

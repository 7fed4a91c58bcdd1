"""The loss ledger of this provider: it says for every field that Opsgenie sends how it is imported.

A table has the name of its object, and paths start inside the object. The fields of an answer around the objects
(``took``, ``paging``) are in the table ``page``.
"""

from typing import Final

from connectors.ledger import Entry, Ledger
from connectors.providers.atlassian.ledger import (
    ABOUT_THE_ANSWER,
    KIND,
    MINUTES,
    NOT_ON_CALL,
    OFFSET_ONLY,
    OTHER_PAGES,
    PERIOD,
    ROUTING_RULE,
    SCHEDULE,
    TIMELINE,
    escalation,
    forwarding_rule,
    ignored,
    inside,
    rotation,
)

_OWN_NAME: Final = "The name is taken from the object itself; only the id is needed here."
_PERSON_WINS: Final = "Used only if the person cannot be read."
_OWNER: Final = (
    Entry("id", "exact"),
    *ignored(_OWN_NAME, "name"),
)
_PERSON: Final = (
    Entry("id", "exact"),
    Entry("username", "kept", _PERSON_WINS),
)
#: A reference to a user (with a user name), or to a team, escalation or schedule (with a name).
_REFERENCE: Final = (
    Entry("id", "exact"),
    Entry("type", "converted", KIND),
    Entry("username", "kept", _PERSON_WINS),
    Entry("name", "kept", "Shown only if the object cannot be read."),
)
_STATUS: Final = (
    Entry("enabled", "exact"),
    Entry("disabledReason", "kept", "Shown in the note that the contact is switched off."),
)
_CONTACT: Final = (
    Entry("id", "exact"),
    Entry("to", "converted", "Numbers become E.164; the address of a mobile contact is a secret and is not stored."),
    *(Entry(n, "converted", "Becomes a channel; mobile becomes push.") for n in ("method", "contactMethod")),
    *_STATUS,
    *inside("status", _STATUS),
    *ignored("Only the order on Opsgenie's pages.", "applyOrder"),
)
_USER: Final = (
    Entry("id", "exact"),
    Entry("username", "exact"),
    Entry("fullName", "exact"),
    Entry("blocked", "converted", "A blocked person becomes inactive."),
    Entry("verified", "kept", "A note names a person who has not accepted the invitation."),
    Entry("timeZone", "converted", "Becomes the canonical IANA name; a person without a zone has the account's."),
    *inside("userContacts[]", _CONTACT),
    *ignored("A role at Opsgenie gives no permission here.", "role", "role.id", "role.name"),
    *ignored(NOT_ON_CALL, "locale", "tags", "tags[]", "details.**", "createdAt"),
    *ignored("Private data that is not needed here.", "userAddress.**", "skypeUsername"),
    *ignored("A temporary pause of Opsgenie's own notifications.", "mutedUntil"),
)
_TEAM: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    *ignored("Addresses at Opsgenie; a team is found by its id.", "links.web", "links.api"),
    Entry("members", "exact"),
    Entry("members[].role", "kept", "Shown with the member; permissions of leads are granted here."),
    *inside("members[].user", _PERSON),
)
_SCHEDULE: Final = (
    *SCHEDULE,
    *inside("ownerTeam", _OWNER),
    *inside("rotations[]", rotation(_REFERENCE)),
)
_OVERRIDE: Final = (
    Entry("alias", "exact"),
    *inside("user", _REFERENCE),
    *PERIOD,
    Entry("rotations", "exact"),
    Entry("rotations[].id", "exact"),
    *ignored(_OWN_NAME, "rotations[].name"),
    *ignored("The schedule of the request.", "_parent.id", "_parent.name", "_parent.enabled"),
)
_ESCALATION: Final = escalation(
    own=inside("ownerTeam", _OWNER),
    delay=(
        Entry("rules[].delay.timeAmount", "converted", MINUTES),
        Entry("rules[].delay.timeUnit", "converted", "Hours and days become minutes."),
    ),
    recipient=_REFERENCE,
)
_SERVICE: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("teamId", "exact"),
    *ignored("Visibility at Opsgenie gives no permission here.", "visibility"),
    *ignored(NOT_ON_CALL, "tags", "tags[]", "isExternal", "links.**"),
)
_TIMELINE: Final = (
    *TIMELINE,
    *ignored("The schedule of the request.", "_parent.**", "description", "ownerTeam.**"),
)
_ACCOUNT: Final = (
    Entry("name", "exact"),
    Entry("userCount", "converted", "Decides whether a list of all people needs fewer calls; not stored."),
    *ignored("Describes what the account pays for.", "plan.name", "plan.maxUserCount", "plan.isYearly"),
)
_REQUEST_LIMITS: Final = (
    Entry("rateLimits[].**", "converted", "Becomes calls per minute; not stored."),
    Entry("rateLimits", "exact"),
)
_PAGE: Final = (
    Entry("totalCount", "converted", "Shows whether a list is complete; not stored."),
    Entry("paging.next", "converted", OFFSET_ONLY),
    *ignored(ABOUT_THE_ANSWER, "took", "requestId", "expandable", "expandable[]"),
    *ignored(OTHER_PAGES, "paging.first", "paging.prev", "paging.last"),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "contact": _CONTACT,
        "team": _TEAM,
        "routing_rule": (*ROUTING_RULE, *inside("notify", _REFERENCE)),
        "schedule": _SCHEDULE,
        "override": _OVERRIDE,
        "escalation": _ESCALATION,
        "service": _SERVICE,
        "forwarding_rule": forwarding_rule(_PERSON),
        "timeline": _TIMELINE,
        "account": _ACCOUNT,
        "request_limits": _REQUEST_LIMITS,
        "page": _PAGE,
    }
)

"""The loss ledger of this provider: it says for every field of JSM Operations, Jira and Atlassian's teams how it is
imported.

A table has the name of its object, and paths start inside the object. The fields of an answer around the objects
(``links``) are in the table ``page``. Objects that are never requested have tables, too: contacts, notification rules,
services and the teams of the platform.
"""

from typing import Final

from connectors.ledger import Entry, Ledger
from connectors.providers.atlassian.ledger import (
    ABOUT_THE_ANSWER,
    IANA,
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

_OWN_ONLY: Final = "Never requested: the API gives a person only their own, not those of other people."
_WHOSE: Final = "Shown by Test connection as the owner of the token; not stored."
_REFERENCE: Final = (
    Entry("id", "exact"),
    Entry("type", "converted", KIND),
)
_PERSON: Final = (Entry("id", "exact"),)
_ROTATION: Final = rotation(_REFERENCE)
_USER: Final = (
    Entry("accountId", "exact"),
    Entry("displayName", "exact"),
    Entry("emailAddress", "exact"),
    Entry("active", "converted", "A deactivated account becomes an inactive person."),
    Entry("accountType", "kept", "A note names an account that does not belong to a person of the company."),
    Entry("timeZone", "converted", IANA),
    *ignored(NOT_ON_CALL, "locale", "self", "key", "name", "avatarUrls.**", "expand"),
    *ignored("A role in Jira gives no permission here.", "groups.**", "applicationRoles.**"),
)
_TEAM: Final = (
    Entry("teamId", "exact"),
    Entry("teamName", "exact"),
)
_PLATFORM_TEAM: Final = ignored("Never requested: it needs one call per team and adds only a description.", "**")
_MEMBER: Final = (Entry("accountId", "exact"),)
_SCHEDULE: Final = (
    *SCHEDULE,
    Entry("teamId", "exact"),
    *inside("rotations[]", _ROTATION),
)
_OVERRIDE: Final = (
    Entry("alias", "exact"),
    *inside("responder", _REFERENCE),
    *PERIOD,
    Entry("rotationIds", "exact"),
    Entry("rotationIds[]", "exact"),
)
_ESCALATION: Final = escalation(
    own=(Entry("enabled", "converted", "An escalation that is switched off becomes inactive."),),
    delay=(Entry("rules[].delay", "converted", MINUTES),),
    recipient=_REFERENCE,
)
_TENANT: Final = (Entry("cloudId", "converted", "Compared with the cloud id of the connection; not stored."),)
_PAGE: Final = (
    Entry("links.next", "converted", OFFSET_ONLY),
    *ignored(OTHER_PAGES, "links", "links.last", "links.prev", "links.first", "links.self"),
    *ignored(ABOUT_THE_ANSWER, "_expands", "_expands[]"),
    Entry("pageInfo.hasNextPage", "converted", "Shows whether there are more members; not stored."),
    Entry("pageInfo.endCursor", "converted", "The position of the next members; not stored."),
    *ignored(
        "People are requested by id, and all fit into one page.", "startAt", "maxResults", "total", "isLast", "self"
    ),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "team": _TEAM,
        "member": _MEMBER,
        "routing_rule": (*ROUTING_RULE, *inside("notify", _REFERENCE)),
        "schedule": _SCHEDULE,
        "rotation": _ROTATION,
        "override": _OVERRIDE,
        "escalation": _ESCALATION,
        "forwarding_rule": forwarding_rule(_PERSON),
        "timeline": (*TIMELINE, *ignored("Names what else could be requested.", "_expands", "_expands[]")),
        "tenant": _TENANT,
        "myself": (
            Entry("accountId", "converted", _WHOSE),
            Entry("displayName", "converted", _WHOSE),
            *ignored("Not needed to show whose token it is.", "**"),
        ),
        "page": _PAGE,
        "contact": ignored(_OWN_ONLY, "**"),
        "notification_rule": ignored(_OWN_ONLY, "**"),
        "service": ignored("Never requested: this API has no list of services.", "**"),
        "platform_team": _PLATFORM_TEAM,
    }
)

"""What becomes of every field that JSM Operations, Jira and Atlassian's teams send: the loss ledger of this connector.

Tables are named after the object, paths start inside it. An answer's own fields (``links``) are in ``page``.
What is never asked for has a table as well: contacts, notification rules, services, the teams of the platform.
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

_OWN_ONLY: Final = "Never asked for: the API gives everybody their own only, hence not other people's."
_POINTER: Final = (
    Entry("id", "exact"),
    Entry("type", "converted", KIND),
)
_PERSON: Final = (Entry("id", "exact"),)
_ROTATION: Final = rotation(_POINTER)
_USER: Final = (
    Entry("accountId", "exact"),
    Entry("displayName", "exact"),
    Entry("emailAddress", "exact"),
    Entry("active", "converted", "A deactivated account is an inactive person."),
    Entry("accountType", "kept", "A note names whoever is no person of the company."),
    Entry("timeZone", "converted", "Becomes the canonical IANA name."),
    *ignored("Says nothing about being on call.", "locale", "self", "key", "name", "avatarUrls.**", "expand"),
    *ignored("A role in Jira gives no right here: rights are granted here.", "groups.**", "applicationRoles.**"),
)
_TEAM: Final = (
    Entry("teamId", "exact"),
    Entry("teamName", "exact"),
)
_PLATFORM_TEAM: Final = ignored("Never asked for: one call a team, for a description.", "**")
_MEMBER: Final = (Entry("accountId", "exact"),)
_SCHEDULE: Final = (
    *SCHEDULE,
    Entry("teamId", "exact"),
    *inside("rotations[]", _ROTATION),
)
_OVERRIDE: Final = (
    Entry("alias", "exact"),
    *inside("responder", _POINTER),
    *PERIOD,
    Entry("rotationIds", "exact"),
    Entry("rotationIds[]", "exact"),
)
_ESCALATION: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("enabled", "converted", "An escalation that is switched off is inactive."),
    Entry("rules", "exact"),
    Entry("rules[].condition", "exact"),
    Entry("rules[].notifyType", "exact"),
    Entry("rules[].delay", "converted", "Minutes since the start become minutes between levels."),
    *inside("rules[].recipient", _POINTER),
    *ignored("Levels are an ordered list; a level has no identity of its own.", "rules[].id"),
    *inside("repeat", REPEAT),
)
_FORWARDING_RULE: Final = (
    Entry("id", "exact"),
    *inside("fromUser", _PERSON),
    *inside("toUser", _PERSON),
    *PERIOD,
    *ignored("Another name of the rule, often empty.", "alias"),
)
_TENANT: Final = (Entry("cloudId", "converted", "Compared with the cloud id of the connection; not stored."),)
_PAGE: Final = (
    Entry("links.next", "converted", "Only its offset is taken; the address is never followed."),
    *ignored("Other pages than the next.", "links", "links.last", "links.prev", "links.first", "links.self"),
    *ignored("How the answer was made.", "_expands", "_expands[]"),
    Entry("pageInfo.hasNextPage", "converted", "Tells whether members are missing; not stored."),
    Entry("pageInfo.endCursor", "converted", "Where the next members are; not stored."),
    *ignored(
        "People are asked for by id, and all fit into one page.", "startAt", "maxResults", "total", "isLast", "self"
    ),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "team": _TEAM,
        "member": _MEMBER,
        "routing_rule": (*ROUTING_RULE, *inside("notify", _POINTER)),
        "schedule": _SCHEDULE,
        "rotation": _ROTATION,
        "override": _OVERRIDE,
        "escalation": _ESCALATION,
        "forwarding_rule": _FORWARDING_RULE,
        "timeline": (*TIMELINE, *ignored("What could be asked for besides.", "_expands", "_expands[]")),
        "tenant": _TENANT,
        "myself": (
            Entry("accountId", "converted", "Says whose token it is, in Test connection; not stored."),
            Entry("displayName", "converted", "Says whose token it is, in Test connection; not stored."),
            *ignored("Whose token it is needs no more.", "**"),
        ),
        "page": _PAGE,
        "contact": ignored(_OWN_ONLY, "**"),
        "notification_rule": ignored(_OWN_ONLY, "**"),
        "service": ignored("Never asked for: the registry of services has no list in this API.", "**"),
        "platform_team": _PLATFORM_TEAM,
    }
)

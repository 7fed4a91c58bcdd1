"""What becomes of every field xMatters sends: the loss ledger of this connector.

Tables are named after the object, paths start inside it. A list's own fields (``count``, ``links``) are in ``page``;
lists inside an object come bare or in an envelope, both are classed.
"""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry, Ledger

_OWN_OBJECT = "Only the id is taken; the rest comes with the object itself."
_KIND = "Tells which kind of object this is and decides how the rest is read; not stored as such."
_UNTAKEN = "A secret that comes in clear: never taken, stored, logged or recorded."
_SECONDS = "Becomes an instant in whole seconds."
_PERSON = "The person's own record wins; taken where a person is only referred to."
_ELSEWHERE = "Says nothing about being on call."
_SYNC = "How xMatters itself keeps the object; it is known here by its id."


def _ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def _inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    return (*(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows), Entry(path, "exact"))


def _listed(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """A list inside an object, bare or in an envelope, whole or cut."""
    return (
        *_inside(f"{path}.data[]", rows),
        *_inside(f"{path}[]", rows),
        Entry(f"{path}.count", "ignored", "How many came."),
        Entry(f"{path}.total", "converted", "Tells whether the list is whole; not stored."),
        Entry(f"{path}.links.next", "converted", "Followed, within the instance only; not stored."),
        *_ignored("Other pages than the next.", f"{path}.links", f"{path}.links.self", f"{path}.links.previous"),
        Entry(f"{path}.data", "exact"),
        Entry(path, "exact"),
    )


def _left_out(path: str, reason: str) -> tuple[Entry, ...]:
    return _ignored(reason, path, f"{path}.**", f"{path}[]", f"{path}[].**")


_COMMON: Final = (
    Entry("id", "exact"),
    *_ignored("An address at xMatters; the object is known here by its id.", "links.**", "links"),
    *_ignored(_SYNC, "externalKey", "externallyOwned", "locked", "locked[]"),
    Entry("recipientType", "converted", _KIND),
)
_REFERENCE: Final = (
    *_COMMON,
    *_ignored(_OWN_OBJECT, "targetName", "name", "groupType", "status"),
)
#: A pointer to whoever can be notified. It may be all that is known of a person.
_RECIPIENT: Final = (
    *_COMMON,
    *(Entry(name, "kept", _PERSON) for name in ("targetName", "firstName", "lastName")),
    *_ignored(_OWN_OBJECT, "name", "status", "licenseType", "webLogin", "timezone", "language", "description"),
    Entry("groupType", "converted", "Tells how a nested group is resolved, where the group itself cannot be seen."),
    Entry("inRotation", "exact"),
    *_ignored("Who is on duty at the moment of the read follows from the schedule.", "onDuty"),
)
_DEVICE_PARTS: Final = (
    Entry("deviceType", "converted", "Becomes a channel; kinds without one are counted in a note."),
    Entry("emailAddress", "exact"),
    Entry(
        "phoneNumber", "converted", "Becomes E.164, an extension part of the label; another number is named in a note."
    ),
    Entry("sequence", "converted", "The order of contact methods and of their rules."),
    Entry("delay", "converted", "Minutes after a device become minutes after the page, for those behind it."),
    Entry("testStatus", "converted", "A device that was found invalid is switched off."),
    Entry("active", "converted", "Another spelling of the status."),
    *_ignored("An event's priority is not part of a rule here: the device counts for all.", "priorityThreshold"),
    *_ignored("Which device stands in when none is active is xMatters' own rule.", "defaultDevice"),
    *_ignored("The number carries its country.", "country"),
    *_ignored(_UNTAKEN, "pin", "apnToken", "registrationId", "accountId"),
    *_ignored(
        _ELSEWHERE,
        "alertSound",
        "soundStatus",
        "soundThreshold",
        "twoWayDevice",
        "privileged",
        "provider",
        "provider.**",
    ),
)
_WHOEVER: Final = (*_DEVICE_PARTS, *_inside("owner", _RECIPIENT), *_left_out("timeframes", _OWN_OBJECT), *_RECIPIENT)

_ROLE: Final = (Entry("name", "kept", "Shown with the person; it gives no right here."),)
_PEOPLE_ELSEWHERE: Final = ("language", "licenseType", "lastLogin", "whenCreated", "whenUpdated", "created")
_USER: Final = (
    *_COMMON,
    Entry("firstName", "converted", "First and last name become one."),
    Entry("lastName", "converted", "First and last name become one."),
    Entry("targetName", "kept", "The name, or the address, of somebody who has no other."),
    Entry("webLogin", "kept", "The address of somebody without an e-mail device, with a note."),
    Entry("timezone", "converted", "Becomes the canonical IANA name; without one that of the site."),
    Entry("status", "converted", "An inactive person is inactive."),
    *_listed("roles", (*_ROLE, *_ignored(_OWN_OBJECT, "id", "description", "links.**"))),
    Entry("site.id", "converted", "Its time zone stands in for a missing one; an inactive site is named in a note."),
    *_ignored(_OWN_OBJECT, "site.name", "site.links", "site.links.**"),
    Entry("site", "exact"),
    *_ignored(_UNTAKEN, "phonePin", "phoneLogin", "properties", "properties.**"),
    *_left_out("supervisors", "Who leads somebody plays no part in being on call: escalations name their people."),
    *_left_out("devices", "Asked for as a list of their own."),
    *_ignored(_ELSEWHERE, *_PEOPLE_ELSEWHERE),
)
_TIMEFRAME: Final = tuple(
    Entry(name, "kept", "A time in which the rule of the device holds.")
    for name in ("startTime", "timezone", "durationInMinutes", "days", "days[]", "excludeHolidays")
)
_DEVICE: Final = (
    Entry("name", "exact"),
    Entry("status", "converted", "An inactive device is switched off."),
    *_inside("owner", _RECIPIENT),
    *_listed("timeframes", (*_TIMEFRAME, *_ignored("Times are told by what they are.", "name"))),
    *_DEVICE_PARTS,
    *_COMMON,
    *_ignored("Holds the owner's name and the device's, in more than one form.", "targetName"),
    *_ignored("A text xMatters makes.", "description"),
)
_GROUP: Final = (
    *_COMMON,
    Entry("targetName", "exact"),
    Entry("groupType", "converted", "On-call groups become policies as well; absent, it means on call."),
    Entry("status", "converted", "Schedules of an inactive group are inactive."),
    Entry("description", "exact"),
    Entry("timezone", "converted", "Stands in for the time zone of a shift that tells none."),
    Entry("site.id", "converted", "Its time zone stands in for a missing one."),
    *_ignored(_OWN_OBJECT, "site.name", "site.links", "site.links.**"),
    Entry("site", "exact"),
    *_left_out("observers", "Who may see a group at xMatters gives no right here."),
    *_left_out("supervisors", "They administer the group at xMatters and are not notified; leads are named here."),
    *_left_out("services", "A service names its group itself."),
    *_left_out("criteria", "Decided by xMatters when the group is paged; a note says so."),
    *_ignored(_ELSEWHERE, "observedByAll", "created", "responseCount", "responseCountThreshold", "name"),
    *_ignored("A person has as many seats as the shift gives them.", "allowDuplicates"),
    *_ignored("Which devices stand in when none is active is xMatters' own rule.", "useDefaultDevices"),
)
_MEMBER: Final = (
    *_left_out("group", "The group that was asked."),
    *_inside("member", _WHOEVER),
    *_left_out("shifts", "A shift names its members itself."),
)
_ROTATING: Final = "With the order of the members: who takes turns on which seat, counted from a fixed epoch."
_SHIFT_MEMBER: Final = (
    Entry("position", "converted", "The seat: a layer of the schedule."),
    Entry("delay", "converted", "Minutes before this member become the wait of the level before."),
    Entry("escalationType", "kept", "The word of the level's target."),
    Entry("inRotation", "exact"),
    *_inside("recipient", _WHOEVER),
    *_left_out("shift", "The shift that was asked."),
)
_END_OF_ESCALATION: Final = (
    Entry("notifyEnabled", "kept", "A note says that somebody is told when the timeline ends."),
    *_ignored("Telling the end is no part of a policy.", "notificationType", "delay", "waitInSeconds"),
    *_left_out("recipient", "Telling the end is no part of a policy."),
)
_EXCLUSION: Final = (
    Entry("startDate", "converted", "The occurrence that is left out."),
    *_ignored("An occurrence is left out whole.", "endDate"),
)
_SHIFT: Final = (
    *_COMMON,
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_left_out("group", "The group that was asked."),
    Entry("start", "converted", "The first occurrence, on the wall clock of the shift."),
    Entry("end", "converted", "With the start: how long an occurrence lasts."),
    Entry("timezone", "converted", "Becomes the canonical IANA name."),
    Entry("recurrence.**", "converted", "Becomes a recurrence rule."),
    Entry("recurrence", "exact"),
    *(Entry(f"rotation{name}", "converted", _ROTATING) for name in ("", ".**")),
    Entry("rotationType", "converted", "Tells a rotation where the rotation itself is not told."),
    *_listed("members", _SHIFT_MEMBER),
    *_listed("exclusions", _EXCLUSION),
    Entry("siteHolidays.onCall", "kept", "A note says that the shift depends on site holidays."),
    *_ignored("Site holidays are told by no endpoint.", "siteHolidays", "siteHolidays.start", "siteHolidays.end"),
    Entry("repeatEscalation.repeatEnabled", "converted", "Whether there are further rounds."),
    Entry("repeatEscalation.repetitions", "exact"),
    *(
        Entry(f"repeatEscalation.{name}", "converted", "Whole minutes before the next round, rounded up with a note.")
        for name in ("delay", "waitInSeconds")
    ),
    *_ignored("A repeat notifies everybody again.", "repeatEscalation.escalationType", "repeatEscalation"),
    *_inside("notifyEndOfEscalation", _END_OF_ESCALATION),
    *_ignored(_ELSEWHERE, "created", "shiftType"),
    *_left_out("metrics", _ELSEWHERE),
)
_ABSENCE: Final = (
    *_COMMON,
    Entry("absenceType", "converted", "A vacancy has nobody, a replacement somebody, in the absent person's place."),
    Entry("start", "converted", _SECONDS),
    Entry("end", "converted", _SECONDS),
    *_inside("member", _RECIPIENT),
    *_inside("group", _REFERENCE),
    *_inside("replacement", _RECIPIENT),
    *_ignored("Substitutions hold for direct targets, too.", "includeDirectNotifications"),
)
_SERVICE: Final = (
    *_COMMON,
    Entry("targetName", "exact"),
    Entry("name", "kept", "The name, where the target name is missing."),
    Entry("description", "exact"),
    *_inside("ownedBy", _REFERENCE),
    *_ignored(_ELSEWHERE, "serviceType", "serviceTier", "status", "created"),
    *_left_out("serviceLinks", _ELSEWHERE),
)
_SITE: Final = (
    *_COMMON,
    Entry("timezone", "converted", "Stands in for the time zone of people and groups that tell none."),
    Entry("status", "kept", "A note names the people of an inactive site."),
    *_ignored("Sites are not imported.", "name", "language", "country", "externallyOwned"),
    *_ignored("Where somebody works is nobody's business here.", "address1", "address2", "city", "state", "postalCode"),
    *_ignored("Where somebody works is nobody's business here.", "latitude", "longitude"),
)
_RENDERED: Final = "xMatters' own rendering: compared with ours for parity, not stored."
_ON_CALL: Final = (
    *_left_out("group", "A shift belongs to one group."),
    Entry("shift.id", "converted", _RENDERED),
    *_ignored(_OWN_OBJECT, "shift", "shift.**"),
    Entry("start", "converted", _RENDERED),
    Entry("end", "converted", _RENDERED),
    *_ignored("A row without a shift is time that nobody covers.", "occurrenceType"),
    *_left_out("notifyEndOfEscalation", "Telling the end is no part of a policy."),
    *_listed(
        "members",
        (
            *_ignored(
                "Who is on call does not depend on when they are notified.", "position", "delay", "escalationType"
            ),
            *_ignored("The rendering tells the turn itself.", "inRotation"),
            *_inside("member", _WHOEVER),
            *_listed(
                "replacements", (*(Entry(n, "converted", _RENDERED) for n in ("start", "end", "replacement.**")),)
            ),
        ),
    ),
)
_TOKEN: Final = (
    Entry("access_token", "converted", "Shown with each request until it ends; in memory only."),
    Entry("refresh_token", "converted", "Renews the token; in memory only."),
    Entry("expires_in", "converted", "When the token is renewed."),
    *_ignored("Nothing depends on it.", "token", "token_type", "jti", "scope"),
)
_PAGE: Final = (
    Entry("total", "converted", "Tells whether a list is complete; not stored."),
    Entry("links.next", "converted", "Followed, within the instance only; not stored."),
    *_ignored("How many came.", "count"),
    *_ignored("Other pages than the next.", "links", "links.self", "links.previous"),
)

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "device": _DEVICE,
        "group": _GROUP,
        "member": _MEMBER,
        "recipient": _RECIPIENT,
        "shift": _SHIFT,
        "shift_member": _SHIFT_MEMBER,
        "exclusion": _EXCLUSION,
        "absence": _ABSENCE,
        "service": _SERVICE,
        "site": _SITE,
        "on_call": _ON_CALL,
        "token": _TOKEN,
        "page": _PAGE,
    }
)

"""The loss ledger of xMatters: what happens to every field that xMatters sends.

Each table is named after an object, and its paths start inside that object. The fields of a list itself (``count``,
``links``) are in ``page``. A list inside an object comes bare or in an envelope, so there are entries for both.
"""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry, Ledger

_OWN_OBJECT = "Only the id is used. The other fields come with the object itself."
_KIND = "The kind of object. It decides how the other fields are read, and it is not stored."
_CLEAR_TEXT = "A secret that is sent in clear text. It is never imported, stored, logged or recorded."
_SECONDS = "Becomes an instant in whole seconds."
_PERSON = "The person's own record wins. This field is used if a person is only referred to."
_ELSEWHERE = "Says nothing about being on call."
_SYNC = "Used by xMatters to manage the object. The object is identified here by its id."


def _ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def _inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    return (*(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows), Entry(path, "exact"))


def _listed(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """Returns the entries of a list inside an object: bare or in an envelope, complete or not."""
    return (
        *_inside(f"{path}.data[]", rows),
        *_inside(f"{path}[]", rows),
        Entry(f"{path}.count", "ignored", "The number of items in the answer."),
        Entry(f"{path}.total", "converted", "Shows whether the list is complete. It is not stored."),
        Entry(f"{path}.links.next", "converted", "Followed within the instance only. It is not stored."),
        *_ignored("Only the next page is followed.", f"{path}.links", f"{path}.links.self", f"{path}.links.previous"),
        Entry(f"{path}.data", "exact"),
        Entry(path, "exact"),
    )


def _left_out(path: str, reason: str) -> tuple[Entry, ...]:
    return _ignored(reason, path, f"{path}.**", f"{path}[]", f"{path}[].**")


_COMMON: Final = (
    Entry("id", "exact"),
    *_ignored("An address at xMatters. The object is identified here by its id.", "links.**", "links"),
    *_ignored(_SYNC, "externalKey", "externallyOwned", "locked", "locked[]"),
    Entry("recipientType", "converted", _KIND),
)
_REFERENCE: Final = (
    *_COMMON,
    *_ignored(_OWN_OBJECT, "targetName", "name", "groupType", "status"),
)
#: A reference to an object that can be notified. It may be the only object that describes a person.
_RECIPIENT: Final = (
    *_COMMON,
    *(Entry(name, "kept", _PERSON) for name in ("targetName", "firstName", "lastName")),
    *_ignored(_OWN_OBJECT, "name", "status", "licenseType", "webLogin", "timezone", "language", "description"),
    Entry("groupType", "converted", "Decides how a nested group is resolved if the group itself is not visible."),
    Entry("inRotation", "exact"),
    *_ignored("The schedule shows who is on duty at the moment of the read.", "onDuty"),
)
_DEVICE_PARTS: Final = (
    Entry("deviceType", "converted", "Becomes a channel. Devices without a channel are counted in a note."),
    Entry("emailAddress", "exact"),
    Entry("phoneNumber", "converted", "Becomes E.164 and an extension. An invalid number is kept as typed, but off."),
    Entry("sequence", "converted", "Becomes the order of contact methods and of their rules."),
    Entry(
        "delay",
        "converted",
        "Minutes after a device become the delay of the rules of later devices, counted from the page.",
    ),
    Entry("testStatus", "converted", "An invalid device is switched off."),
    Entry("active", "converted", "A second name of the status."),
    *_ignored("A rule here has no event priority: the device is used for all priorities.", "priorityThreshold"),
    *_ignored("xMatters uses it if no device is active. There is no such rule here.", "defaultDevice"),
    Entry("country", "converted", "The country of a number without a country code."),
    *_ignored(_CLEAR_TEXT, "pin", "apnToken", "registrationId", "accountId"),
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
_PERSON_OR_DEVICE: Final = (
    *_DEVICE_PARTS,
    *_inside("owner", _RECIPIENT),
    *_left_out("timeframes", _OWN_OBJECT),
    *_RECIPIENT,
)

_ROLE: Final = (Entry("name", "kept", "Shown with the person. It gives no rights here."),)
_PEOPLE_ELSEWHERE: Final = ("language", "licenseType", "lastLogin", "whenCreated", "whenUpdated", "created")
_USER: Final = (
    *_COMMON,
    Entry("firstName", "converted", "First and last name become one name."),
    Entry("lastName", "converted", "First and last name become one name."),
    Entry("targetName", "kept", "Used as the name or the e-mail address of a person who has no other."),
    Entry("webLogin", "kept", "Used as the e-mail address of a person without an e-mail device, with a note."),
    Entry(
        "timezone", "converted", "Becomes the canonical IANA name. If it is missing, the time zone of the site is used."
    ),
    Entry("status", "converted", "An inactive person is imported as inactive."),
    *_listed("roles", (*_ROLE, *_ignored(_OWN_OBJECT, "id", "description", "links.**"))),
    Entry("site.id", "converted", "Its time zone replaces a missing one. A note names an inactive site."),
    *_ignored(_OWN_OBJECT, "site.name", "site.links", "site.links.**"),
    Entry("site", "exact"),
    *_ignored(_CLEAR_TEXT, "phonePin", "phoneLogin", "properties", "properties.**"),
    *_left_out("supervisors", "A supervisor has no meaning for on-call. An escalation names its people."),
    *_left_out("devices", "Devices are read from their own list."),
    *_ignored(_ELSEWHERE, *_PEOPLE_ELSEWHERE),
)
_TIMEFRAME: Final = tuple(
    Entry(name, "kept", "Becomes a time in which the rule of the device applies.")
    for name in ("startTime", "timezone", "durationInMinutes", "days", "days[]", "excludeHolidays")
)
_DEVICE: Final = (
    Entry("name", "exact"),
    Entry("status", "converted", "An inactive device is imported as switched off."),
    *_inside("owner", _RECIPIENT),
    *_listed("timeframes", (*_TIMEFRAME, *_ignored("The other fields describe the time frame.", "name"))),
    *_DEVICE_PARTS,
    *_COMMON,
    *_ignored("Contains the names of the owner and of the device, in different formats.", "targetName"),
    *_ignored("A text that xMatters generates.", "description"),
)
_GROUP: Final = (
    *_COMMON,
    Entry("targetName", "exact"),
    Entry(
        "groupType", "converted", "An on-call group also becomes a policy. A group without a type is an on-call group."
    ),
    Entry("status", "converted", "The schedules of an inactive group are inactive."),
    Entry("description", "exact"),
    Entry("timezone", "converted", "Used for a shift without a time zone."),
    Entry("site.id", "converted", "Its time zone replaces a missing one."),
    *_ignored(_OWN_OBJECT, "site.name", "site.links", "site.links.**"),
    Entry("site", "exact"),
    *_left_out("observers", "A right to see a group at xMatters gives no rights here."),
    *_left_out("supervisors", "They administer the group at xMatters and are not notified. Leads are chosen here."),
    *_left_out("services", "Each service names its group."),
    *_left_out("criteria", "xMatters applies them when the group is paged. A note says so."),
    *_ignored(_ELSEWHERE, "observedByAll", "created", "responseCount", "responseCountThreshold", "name"),
    *_ignored("A person has all the seats that the shift contains.", "allowDuplicates"),
    *_ignored("xMatters uses them if no device is active. There is no such rule here.", "useDefaultDevices"),
)
_MEMBER: Final = (
    *_left_out("group", "The group whose list was requested."),
    *_inside("member", _PERSON_OR_DEVICE),
    *_left_out("shifts", "Each shift names its members."),
)
_ROTATING: Final = "Becomes the turns on each seat, with the order of the members, counted from a fixed epoch."
_SHIFT_MEMBER: Final = (
    Entry("position", "converted", "The seat becomes a layer of the schedule."),
    Entry("delay", "converted", "Minutes before this member become the wait of the previous level."),
    Entry("escalationType", "kept", "Becomes the word of the level's target."),
    Entry("inRotation", "exact"),
    *_inside("recipient", _PERSON_OR_DEVICE),
    *_left_out("shift", "The shift whose members were requested."),
)
_END_OF_ESCALATION: Final = (
    Entry("notifyEnabled", "kept", "A note says that xMatters sends a notification when the timeline ends."),
    *_ignored("A policy here has no notification at its end.", "notificationType", "delay", "waitInSeconds"),
    *_left_out("recipient", "A policy here has no notification at its end."),
)
_EXCLUSION: Final = (
    Entry("startDate", "converted", "Becomes an occurrence that is left out."),
    *_ignored("The whole occurrence is left out.", "endDate"),
)
_SHIFT: Final = (
    *_COMMON,
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_left_out("group", "The group whose list was requested."),
    Entry("start", "converted", "Becomes the first occurrence, in the local time of the shift."),
    Entry("end", "converted", "Start and end give the length of an occurrence."),
    Entry("timezone", "converted", "Becomes the canonical IANA name."),
    Entry("recurrence.**", "converted", "Becomes a recurrence rule."),
    Entry("recurrence", "exact"),
    *(Entry(f"rotation{name}", "converted", _ROTATING) for name in ("", ".**")),
    Entry("rotationType", "converted", "Used if the rotation itself is not reported."),
    *_listed("members", _SHIFT_MEMBER),
    *_listed("exclusions", _EXCLUSION),
    Entry("siteHolidays.onCall", "kept", "A note says that the shift depends on site holidays."),
    *_ignored("No endpoint reports site holidays.", "siteHolidays", "siteHolidays.start", "siteHolidays.end"),
    Entry("repeatEscalation.repeatEnabled", "converted", "Becomes whether there are further rounds."),
    Entry("repeatEscalation.repetitions", "exact"),
    *(
        Entry(
            f"repeatEscalation.{name}",
            "converted",
            "Becomes whole minutes before the next round, rounded up with a note.",
        )
        for name in ("delay", "waitInSeconds")
    ),
    *_ignored("A repetition notifies everyone again.", "repeatEscalation.escalationType", "repeatEscalation"),
    *_inside("notifyEndOfEscalation", _END_OF_ESCALATION),
    *_ignored(_ELSEWHERE, "created", "shiftType"),
    *_left_out("metrics", _ELSEWHERE),
)
_ABSENCE: Final = (
    *_COMMON,
    Entry("absenceType", "converted", "Becomes a substitution with a person (replacement) or with nobody (vacancy)."),
    Entry("start", "converted", _SECONDS),
    Entry("end", "converted", _SECONDS),
    *_inside("member", _RECIPIENT),
    *_inside("group", _REFERENCE),
    *_inside("replacement", _RECIPIENT),
    *_ignored("Substitutions always apply to direct targets too.", "includeDirectNotifications"),
)
_SERVICE: Final = (
    *_COMMON,
    Entry("targetName", "exact"),
    Entry("name", "kept", "Used as the name if the target name is missing."),
    Entry("description", "exact"),
    *_inside("ownedBy", _REFERENCE),
    *_ignored(_ELSEWHERE, "serviceType", "serviceTier", "status", "created"),
    *_left_out("serviceLinks", _ELSEWHERE),
)
_SITE: Final = (
    *_COMMON,
    Entry("timezone", "converted", "Used for people and groups without a time zone."),
    Entry("status", "kept", "People of an inactive site are imported as inactive, with a note."),
    *_ignored("Sites are not imported.", "name", "language", "country", "externallyOwned"),
    *_ignored("The place of work has no meaning for on-call.", "address1", "address2", "city", "state", "postalCode"),
    *_ignored("The place of work has no meaning for on-call.", "latitude", "longitude"),
)
_RENDERED: Final = "xMatters' own rendering. It is compared with ours for parity and not stored."
_ON_CALL: Final = (
    *_left_out("group", "A shift belongs to one group."),
    Entry("shift.id", "converted", _RENDERED),
    *_ignored(_OWN_OBJECT, "shift", "shift.**"),
    Entry("start", "converted", _RENDERED),
    Entry("end", "converted", _RENDERED),
    *_ignored("A row without a shift is a time without coverage.", "occurrenceType"),
    *_left_out("notifyEndOfEscalation", "A policy here has no notification at its end."),
    *_listed(
        "members",
        (
            *_ignored("A member is on call no matter when they are notified.", "position", "delay", "escalationType"),
            *_ignored("The rendering contains the result of the rotation.", "inRotation"),
            *_inside("member", _PERSON_OR_DEVICE),
            *_listed(
                "replacements", (*(Entry(n, "converted", _RENDERED) for n in ("start", "end", "replacement.**")),)
            ),
        ),
    ),
)
_TOKEN: Final = (
    Entry("access_token", "converted", "Sent with each request until it expires. It is kept in memory only."),
    Entry("refresh_token", "converted", "Used to renew the token. It is kept in memory only."),
    Entry("expires_in", "converted", "Decides when the token is renewed."),
    *_ignored("It is not used.", "token", "token_type", "jti", "scope"),
)
_PAGE: Final = (
    Entry("total", "converted", "Shows whether a list is complete. It is not stored."),
    Entry("links.next", "converted", "Followed within the instance only. It is not stored."),
    *_ignored("The number of items in the answer.", "count"),
    *_ignored("Only the next page is followed.", "links", "links.self", "links.previous"),
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

"""The loss ledger of PagerDuty: what happens to every field that PagerDuty sends.

Each table is named after an object, and its paths start inside that object. The fields of a page of a list (``limit``,
``more``) are in ``page``.
"""

from collections.abc import Sequence
from typing import Final

from connectors.ledger import Entry, Ledger

_ADDRESS = "An address at PagerDuty. The object is identified here by its id."
_NAME_AGAIN = "Repeats the name. It is used only if no name is sent."
_KIND = "The kind of object. It decides how the other fields are read, and it is not stored."
_OWN_OBJECT = "Only the id is used. The other fields come with the object itself."
_RENDERED = "PagerDuty's own rendering. Shifts are rendered here and compared with it for parity."
_OPEN_CALENDAR = "Opens the calendar without a key, so it is neither requested nor kept."
_NO_ROUTING = "How incidents are created and grouped is not part of on-call."


def _head(reason_for_web_address: str = _ADDRESS) -> tuple[Entry, ...]:
    return (
        Entry("id", "exact"),
        Entry("type", "converted", _KIND),
        Entry("summary", "ignored", _NAME_AGAIN),
        Entry("self", "ignored", _ADDRESS),
        Entry("html_url", "ignored", reason_for_web_address),
    )


_HEAD = _head()
_MAIN = _head(
    "Its host contains the account's subdomain, which is compared with the entered subdomain. It is not stored."
)


def _reference(path: str) -> tuple[Entry, ...]:
    """Returns the entries of a reference, bare or expanded. Null or an empty list is imported as it is."""
    return (
        Entry(f"{path}.id", "exact"),
        Entry(f"{path}.**", "ignored", _OWN_OBJECT),
        Entry(path.removesuffix("[]"), "exact"),
    )


def _person(path: str) -> tuple[Entry, ...]:
    """Returns the entries of a reference to a person. It may be the only object that describes the person."""
    only = "The person's own record wins. This field is used if a person is only referred to."
    return (
        Entry(f"{path}.id", "exact"),
        Entry(
            f"{path}.deleted_at", "converted", "The person becomes deleted and keeps every slot. The time is not kept."
        ),
        *(Entry(f"{path}.{name}", "kept", only) for name in ("name", "summary", "email", "time_zone")),
        Entry(f"{path}.type", "converted", _KIND),
        Entry(f"{path}.**", "ignored", _OWN_OBJECT),
        Entry(path.removesuffix("[]"), "exact"),
    )


def _ignored(reason: str, *patterns: str) -> tuple[Entry, ...]:
    return tuple(Entry(pattern, "ignored", reason) for pattern in patterns)


def _inside(path: str, rows: Sequence[Entry]) -> tuple[Entry, ...]:
    return (
        *(Entry(f"{path}.{row.pattern}", row.fate, row.reason) for row in rows),
        Entry(path.removesuffix("[]"), "exact"),
    )


_PERIOD = (
    Entry("start", "converted", "Becomes an instant in whole seconds."),
    Entry("end", "converted", "Becomes an instant in whole seconds."),
)
_CALENDARS = _ignored(_OPEN_CALENDAR, "http_cal_url", "web_cal_url", "personal_http_cal_url", "personal_web_cal_url")

_CONTACT_METHOD: Final = (
    *_HEAD,
    Entry("label", "exact"),
    Entry(
        "address",
        "converted",
        "A number becomes E.164 with the country code, its extension apart; one that is not valid is kept as typed and "
        "switched off. A push token is a secret and is not kept.",
    ),
    Entry("country_code", "converted", "Becomes part of the E.164 number."),
    Entry("enabled", "exact"),
    Entry("blacklisted", "converted", "A blocked method is imported as switched off."),
    *_ignored(
        "It is set at PagerDuty how an app or a mailbox shows a page.",
        "send_short_email",
        "send_html_email",
        "device_type",
        "sounds.**",
        "sounds[].**",
        "created_at",
    ),
)
_NOTIFICATION_RULE: Final = (
    *_HEAD,
    Entry("start_delay_in_minutes", "exact"),
    Entry("urgency", "exact"),
    *_reference("contact_method"),
    *_ignored("The order of rules follows from their delays.", "created_at"),
)
_USER: Final = (
    *_MAIN,
    Entry("name", "exact"),
    Entry("email", "exact"),
    Entry("job_title", "exact"),
    Entry("time_zone", "converted", "Becomes the canonical IANA name. A person without a time zone has the account's."),
    Entry("deleted_at", "converted", "The person becomes deleted. The time is not kept."),
    *_inside("contact_methods[]", _CONTACT_METHOD),
    *_inside("notification_rules[]", _NOTIFICATION_RULE),
    *_ignored("A role at PagerDuty gives no rights here.", "role"),
    *_ignored("Membership is read from the teams, with the role in each.", "teams", "teams[].**"),
    *_ignored("Says nothing about being on call.", "color", "avatar_url", "description", "billed", "locale"),
    *_ignored(
        "Invitations to PagerDuty and the sign-in there are not used here.", "invitation_sent", "created_via_sso"
    ),
    *_ignored("Incidents are not imported.", "coordinated_incidents", "coordinated_incidents[].**"),
    *_ignored("Other accounts of the same login are not read.", "subdomains", "subdomains[]"),
    *_CALENDARS,
)
_TEAM: Final = (
    *_MAIN,
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_ignored("A right to see a team at PagerDuty gives no rights here.", "default_role", "privilege.**"),
    *_ignored("Teams within teams are an undocumented early-access feature. Members are read per team.", "parent.**"),
)
_POLICY: Final = (
    *_HEAD,
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry("num_loops", "exact"),
    Entry("escalation_rules", "exact"),
    Entry("escalation_rules[].escalation_delay_in_minutes", "exact"),
    *_ignored("Levels are an ordered list. A level is identified by its place.", "escalation_rules[].id"),
    Entry(
        "escalation_rules[].escalation_rule_assignment_strategy.**",
        "converted",
        "Becomes everyone or round robin. Whose turn it is in a round robin cannot be predicted.",
    ),
    Entry(
        "escalation_rules[].escalation_rule_assignment_strategy[].type", "converted", "Becomes everyone or round robin."
    ),
    *_person("escalation_rules[].targets[]"),
    *_reference("teams[]"),
    *_ignored("Each service names its policy.", "services", "services[].**"),
    *_ignored("PagerDuty sends its own e-mails about handoffs.", "on_call_handoff_notifications"),
    *_ignored("Rights at PagerDuty give no rights here.", "privilege.**"),
)
_SERVICE: Final = (
    *_HEAD,
    Entry("name", "exact"),
    Entry("description", "exact"),
    *_reference("escalation_policy"),
    *_reference("teams[]"),
    *_ignored("Depends on open incidents and maintenance, not on configuration.", "status", "last_incident_timestamp"),
    *_ignored("This is not a setting.", "created_at", "updated_at"),
    *_ignored(
        _NO_ROUTING,
        "auto_resolve_timeout",
        "acknowledgement_timeout",
        "alert_creation",
        "alert_grouping",
        "alert_grouping_timeout",
        "alert_grouping_parameters.**",
        "auto_pause_notifications_parameters.**",
        "incident_urgency_rule.**",
        "support_hours.**",
        "scheduled_actions",
        "scheduled_actions[].**",
        "response_play.**",
        "addons",
        "addons[].**",
    ),
    *_ignored("May contain integration keys, so it is not requested.", "integrations", "integrations[].**"),
)
_LAYER: Final = (
    Entry("id", "exact"),
    Entry("name", "exact"),
    Entry(
        "start",
        "converted",
        "Nothing is rendered before it. PagerDuty moves it with every save, so it is not compared.",
    ),
    Entry("end", "converted", "Becomes an instant. A layer that has ended is left out, with a note."),
    Entry("rotation_virtual_start", "converted", "Becomes the wall-clock time from which turns are counted."),
    Entry("rotation_turn_length_seconds", "exact"),
    Entry("users", "exact"),
    *_person("users[].user"),
    Entry("restrictions", "exact"),
    Entry("restrictions[].type", "converted", "Becomes a daily or a weekly window."),
    Entry("restrictions[].start_time_of_day", "converted", "Becomes seconds after local midnight."),
    Entry("restrictions[].start_day_of_week", "exact"),
    Entry("restrictions[].duration_seconds", "exact"),
    *_ignored(_RENDERED, "rendered_schedule_entries", "rendered_schedule_entries[].**", "rendered_coverage_percentage"),
)
_SCHEDULE_COMMON: Final = (
    *_MAIN,
    Entry("name", "exact"),
    Entry("description", "exact"),
    Entry(
        "time_zone",
        "converted",
        "Becomes the canonical IANA name. A person has to choose the name for an unknown zone.",
    ),
    *_person("users[]"),
    *_reference("teams[]"),
    *_ignored("Each policy names its schedules.", "escalation_policies", "escalation_policies[].**"),
    *_CALENDARS,
)
_SCHEDULE: Final = (
    *_SCHEDULE_COMMON,
    *_inside("schedule_layers[]", _LAYER),
    *_ignored(_RENDERED, "final_schedule.**", "oncall.**", "next_oncall_for_user.**"),
    Entry(
        "overrides_subschedule.**",
        "kept",
        "Shows whether there are overrides, which are then read with their ids, and which of two wins.",
    ),
    *_ignored("Rights at PagerDuty give no rights here.", "privilege.**"),
)
_OVERRIDE: Final = (*_HEAD, *_PERIOD, *_person("user"))
_MEMBER_OF_SHIFT: Final = (
    Entry("type", "converted", "Becomes a person or an empty place."),
    Entry("user_id", "exact"),
)
_SHIFT_PERIOD: Final = (
    Entry("start_time", "converted", "Becomes an instant in whole seconds."),
    Entry("end_time", "converted", "Becomes an instant in whole seconds."),
)
_EVENT: Final = (
    Entry("id", "converted", "Rotation and event together are the layer's key."),
    Entry("name", "exact"),
    *_inside(
        "start_time",
        (
            Entry("date_time", "converted", "Becomes a wall-clock time in the event's own time zone."),
            Entry("time_zone", "converted", "Becomes the canonical IANA name of the layer."),
        ),
    ),
    *_inside(
        "end_time",
        (
            Entry("date_time", "converted", "Becomes the length of a shift on the wall clock."),
            Entry("time_zone", "converted", "The time zone of the start is used."),
        ),
    ),
    Entry("effective_since", "converted", "Becomes the instant at which the layer starts."),
    Entry(
        "effective_until",
        "converted",
        "Becomes the instant at which the layer ends. A layer that has ended is left out.",
    ),
    Entry("recurrence", "exact"),
    Entry("recurrence[]", "converted", "Read as RFC 5545. With an unsupported part the schedule fails."),
    Entry(
        "assignment_strategy.type",
        "converted",
        "Members take occurrences in turn, or all members take each occurrence.",
    ),
    Entry("assignment_strategy.shifts_per_member", "exact"),
    *_inside("assignment_strategy.members[]", _MEMBER_OF_SHIFT),
    *_ignored(_ADDRESS, "self", "html_url"),
    *_ignored("Each object of this list is an event.", "type"),
)
_SHIFT_SCHEDULE: Final = (
    *_SCHEDULE_COMMON,
    Entry("rotations[].id", "converted", "Rotation and event together are the layer's key."),
    *_inside("rotations[].events[]", _EVENT),
    *_ignored(_OWN_OBJECT, "rotations[].type", "rotations[].self", "rotations[].html_url"),
    Entry("rotations", "exact"),
    Entry(
        "final_schedule.**", "kept", "Shows which of two overrides wins. It is compared with our rendering for parity."
    ),
)
_CUSTOM_SHIFT: Final = (
    *_HEAD,
    *_SHIFT_PERIOD,
    *_inside("assignments[].member", _MEMBER_OF_SHIFT),
    *_ignored("A custom shift has one assignment. The id of the assignment is used nowhere else.", "assignments[].**"),
)
_OVERRIDE_SHIFT: Final = (
    *_HEAD,
    *_SHIFT_PERIOD,
    Entry("rotation_id", "converted", "Becomes the keys of all layers of that rotation."),
    Entry("custom_shift_id", "exact"),
    *_inside("overridden_member", _MEMBER_OF_SHIFT),
    *_inside("overriding_member", _MEMBER_OF_SHIFT),
)
_PAGING = "Shows where the list continues."

LEDGER: Final = Ledger(
    {
        "user": _USER,
        "contact_method": _CONTACT_METHOD,
        "notification_rule": _NOTIFICATION_RULE,
        "team": _TEAM,
        "member": (Entry("role", "exact"), *_person("user")),
        "escalation_policy": _POLICY,
        "service": _SERVICE,
        "schedule": _SCHEDULE,
        "override": _OVERRIDE,
        "shift_schedule": _SHIFT_SCHEDULE,
        "shift_schedule_reference": _MAIN,
        "custom_shift": _CUSTOM_SHIFT,
        "override_shift": _OVERRIDE_SHIFT,
        "ability": (Entry("", "kept", "Shows whether the plan has teams."),),
        "page": (
            *_ignored(_PAGING, "limit", "offset", "more"),
            Entry("total", "kept", "Shown as progress, and compared with the number of objects that came."),
        ),
    }
)

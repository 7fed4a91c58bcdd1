"""What could not be imported exactly: one sentence for each code of a note, as the title of all notes with the code."""

from collections.abc import Mapping
from typing import Final

_NOT_REPORTED: Final = "_not_told"
#: Code of a note -> sentence. The messages of the notes name the objects and say more.
_SENTENCES: Final[Mapping[str, str]] = {
    "account_not_told": "The source did not report which account this is.",
    "assumed_zone": "Shifts without a time zone use the zone of their group or site.",
    "blocked": "People who are blocked at the source are inactive here.",
    "changed_while_reading": "Objects changed while the list was read, and their later state was used.",
    "chosen_not_found": "Selected objects were not found at the source.",
    "contact_details_forbidden": "The key does not allow reading contact details.",
    "contact_method_off": "Contact methods are switched off at the source.",
    "days_ignored": "Daily shifts contain days of the week, which were ignored.",
    "deactivated": "People who are deactivated at the source are inactive here.",
    "deleted": "People who were deleted at the source keep their turns.",
    "device_seat": "Devices hold a turn, which is shown as a turn of their owner.",
    "devices_by_person": "Devices cannot be listed, so they were requested for each person.",
    "devices_incomplete": "The lists of devices were incomplete, so contact methods are unknown.",
    "dynamic_group": "The source chooses the members of dynamic groups anew for each alert.",
    "email_from_login": "The login of a person was used as the e-mail address.",
    "email_hidden": "People hide their e-mail address from this key.",
    "empty_layer": "Layers have no participants.",
    "empty_level": "Levels have no targets.",
    "empty_member": "The empty member puts nobody on call in shifts of everyone and custom shifts.",
    "empty_restriction": "Rotations with an empty restriction apply at all times.",
    "empty_rotation": "Rotations have no participants.",
    "empty_rule": "Rules of escalations notify nobody.",
    "empty_turn_filled": "Overrides of the empty member are assumed to fill its turns.",
    "ended_layer": "Layers that have ended were left out.",
    "ended_rotation": "Rotations have ended and are kept with their end.",
    "exclusion_without_occurrence": "Deleted occurrences match no occurrence of their shift.",
    "inactive": "People who are inactive at the source are inactive here.",
    "inactive_site": "People at inactive sites are inactive here.",
    "incomplete_list": "Lists ended before all objects that the source had announced.",
    "interval_ignored": "The intervals of repeating shifts were ignored.",
    "invalid_email": "E-mail addresses that are not valid were kept and switched off.",
    "invalid_number": "Phone numbers that are not valid were kept and switched off.",
    "linked_groups": "Groups inside groups are user groups of their own here.",
    "more": "There are more notes than can be stored.",
    "nested_group_not_seen": "Groups that hold a turn are not visible with this key.",
    "nested_in_itself": "Groups hold a turn in a shift of their own, which is not followed again.",
    "no_days": "Weekly shifts without a day of the week run every day.",
    "no_default_routing": "Teams have no default routing rule, so whom they page is unknown.",
    "no_email": "People have no usable e-mail address.",
    "no_layers": "Schedules have no layer that is in force.",
    "no_levels": "Shifts notify no known person.",
    "no_members": "Shifts have no members.",
    "no_rules": "Escalations have no rules.",
    "no_shifts": "On-call groups have no shifts and page nobody.",
    "none_here": "This account has no objects of this kind that can be read.",
    "not_verified": "People have not accepted their invitation at the source.",
    "not_visible": "Listed objects that cannot be read were left out.",
    "override_order_assumed": "The source does not show which of these overlapping overrides wins.",
    "override_without_effect": "Overrides of nothing that is in force were left out.",
    "parity": "Other people are on call here than at the source.",
    "parity_not_measured": "Schedules were not compared with the source.",
    "people_forbidden": "The key does not allow reading names and addresses.",
    "perhaps_lost_zone": "The time zone GMT may replace a zone that the source does not know.",
    "phone_extension": "Extensions were kept apart from the phone numbers.",
    "policy_not_seen": "Services name escalation policies that could not be read.",
    "policy_not_told": "Who is paged for these services is unknown.",
    "reference_differs": "References to a person contain another e-mail address.",
    "referenced_only": "People who were not found at the source keep their turns.",
    "repeated_id": "Elements have one id with different values, and the last one was taken.",
    "repeats_not_told": "The source did not report how often these policies repeat.",
    "replacement_not_told": "The source did not report who replaces an absent person.",
    "resets_states": "Rounds that reset who has seen the alert cannot be expressed here.",
    "restricted_key": "The lists are incomplete, because the key is probably limited to a team.",
    "restricted_token": "The lists are incomplete, because the token is probably limited to a part of the site.",
    "roles_incomplete": "Not all roles of these people could be read.",
    "rotation_time_open": "The times of later changes in these rotations are unknown.",
    "rotations_not_confirmed": "Schedules are listed without rotations, and this could not be confirmed.",
    "rounded_wait": "Waits were rounded up to whole minutes.",
    "routed_to_nobody": "The default routing rules of teams notify nobody.",
    "routing_by_alert": "Routing rules that depend on the alert were not imported.",
    "rules_sorted": "The rules of escalations were sorted by their delays.",
    "services_remembered": "On-call groups stay services, because the account had none when they were last read.",
    "several_teams": "Objects belong to several teams, and none of these became the owner.",
    "shift_without_end": "Shifts that end after 2200 have no end here.",
    "shift_without_id": "Shifts without an id keep their place as unresolved targets.",
    "site_not_confirmed": "The site of the key could not be confirmed.",
    "skipped_devices": "Devices of some kinds were left out.",
    "skipped_members": "Members of groups were left out.",
    "start_compared": "Starts in 1970 were compared with the timeline of the source.",
    "start_in_1970": "Rotations start in 1970, which is probably an error at the source.",
    "switched_off": "Objects that are switched off at the source are inactive here.",
    "tells_end": "Notifications at the end of an escalation cannot be expressed here.",
    "unknown_contact_method": "Contact methods of an unknown type have no address here.",
    "unknown_holder": "Holders who are not understood keep their turns.",
    "unknown_rotation": "Overrides name rotations that do not exist.",
    "unknown_routing": "Default routing rules notify something of an unknown type.",
    "unknown_target": "Targets of an unknown type were kept unresolved.",
    "unknown_zone": "Time zones are unknown or ambiguous.",
    "unreadable_target": "Targets without an id were kept unresolved.",
    "unreadable_team": "Teams without an id were left out.",
    "unresolved_target": "Targets that could not be read were kept unresolved.",
    "unsupported_change_inside_shift": "Rotations change during a shift, which cannot be expressed here.",
    "unsupported_holiday_shift": "Shifts on the holidays of a site show nobody here.",
    "unsupported_rotation": "Rotations of an unsupported form keep the order of the first read.",
    "unsupported_rotation_by_alert": "Rotations that change with every alert keep the order of the first read.",
    "unsupported_site_holidays": "Shifts do not run on site holidays, which the source does not report.",
    "unusual_account": "Accounts are not people of the company.",
    "whole_restriction": "Restrictions that end when they start apply for their whole period.",
}
#: End of the code of a note about a period -> sentence about the plural of its beginning.
_PERIODS: Final[Mapping[str, str]] = {
    "_out_of_time": "{} before 1900 or after 2200 were left out.",
    "_without_end": "{} that end after 2200 have no end here.",
    "_without_time": "{} that end when they start have no effect.",
}
_PLURALS: Final[Mapping[str, str]] = {"forwarding": "forwarding rules"}


def loss_title(code: str, message: str) -> str:
    """Return the sentence for a code. message: that of a note with the code, returned if the code has no sentence."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    if code.endswith(_NOT_REPORTED):
        return f"The source did not report: {code.removesuffix(_NOT_REPORTED).replace('_', ' ')}."
    for suffix, sentence in _PERIODS.items():
        if code.endswith(suffix):
            what = code.removesuffix(suffix)
            return sentence.format(_PLURALS.get(what, f"{what.replace('_', ' ')}s").capitalize())
    return message

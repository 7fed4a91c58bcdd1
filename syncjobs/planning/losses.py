"""Says which notes of a read change who is paged, so that a person is asked to look at them. Pure.

A note changes who is paged if the source pages, or may page, other people or at other minutes than what was imported:
because something could not be read, is of an unknown type, cannot be expressed here, or had to be assumed. A note does
not change it if it only explains what was imported, or is about how people are reached.
"""

from collections.abc import Mapping
from typing import Final

#: The beginnings and ends of the codes of notes about periods, see :mod:`connectors.reading.periods`.
_PERIODS: Final = ("absence", "custom_shift", "event", "event_date", "forwarding", "layer", "override", "rotation")
_ENDS: Final = ("out_of_time", "without_end", "without_time")

#: Code of a note -> whether it changes who is paged. A test fails when a code of a note is missing.
CHANGES_WHO_IS_PAGED: Final[Mapping[str, bool]] = {
    **dict.fromkeys(
        (
            # what the source did not report
            "absences_not_told",
            "custom_shifts_not_told",
            "escalations_not_told",
            "exclusions_not_told",
            "forwarding_not_told",
            "members_behind_not_told",
            "members_not_told",
            "nested_group_not_seen",
            "no_default_routing",
            "overrides_not_told",
            "pause_not_told",
            "policy_not_seen",
            "policy_not_told",
            "repeats_not_told",
            "restrictions_not_told",
            "rotation_not_told",
            "rotation_time_open",
            "rotations_not_confirmed",
            "routing_rules_not_told",
            "shifts_not_told",
            # what is unknown or cannot be read
            "shift_without_id",
            "skipped_members",
            "unknown_holder",
            "unknown_routing",
            "unknown_target",
            "unreadable_target",
            "unresolved_target",
            # what cannot be expressed here
            "dynamic_group",
            "resets_states",
            "routing_by_alert",
            "unsupported_change_inside_shift",
            "unsupported_holiday_shift",
            "unsupported_rotation",
            "unsupported_rotation_by_alert",
            "unsupported_site_holidays",
            # what was assumed
            "days_ignored",
            "empty_turn_filled",
            "interval_ignored",
            "override_order_assumed",
            "repeated_id",
        ),
        True,
    ),
    **dict.fromkeys(
        (
            "account_not_told",
            "assumed_zone",
            "blocked",
            "changed_while_reading",
            "chosen_not_found",
            "contact_details_forbidden",
            "contact_method_off",
            "contact_methods_not_told",
            "contacts_not_told",
            "deactivated",
            "deleted",
            "device_seat",
            "devices_by_person",
            "devices_incomplete",
            "devices_not_told",
            "email_from_login",
            "email_hidden",
            "empty_layer",
            "empty_level",
            "empty_member",
            "empty_restriction",
            "empty_rotation",
            "empty_rule",
            "ended_layer",
            "ended_rotation",
            "exclusion_without_occurrence",
            "inactive",
            "inactive_site",
            "incomplete_list",
            "invalid_email",
            "invalid_number",
            "linked_groups",
            "nested_in_itself",
            "no_days",
            "no_email",
            "no_layers",
            "no_levels",
            "no_members",
            "no_rules",
            "no_shifts",
            "none_here",
            "not_verified",
            "not_visible",
            "notification_rules_not_told",
            "override_without_effect",
            "people_forbidden",
            "perhaps_lost_zone",
            "phone_extension",
            "reference_differs",
            "referenced_only",
            "restricted_key",
            "restricted_token",
            "roles_incomplete",
            "rounded_wait",
            "routed_to_nobody",
            "rules_sorted",
            "services_not_told",
            "services_remembered",
            "several_teams",
            "shift_without_end",
            "site_not_confirmed",
            "sites_not_told",
            "skipped_devices",
            "start_compared",
            "start_in_1970",
            "switched_off",
            "tells_end",
            "unknown_contact_method",
            "unknown_rotation",
            "unknown_zone",  # a question of its own
            "unreadable_team",
            "unusual_account",
            "whole_restriction",
        ),
        False,
    ),
    **dict.fromkeys((f"{period}_{end}" for period in _PERIODS for end in _ENDS), False),
}


def changes_who_is_paged(code: str) -> bool:
    """Return whether a note with this code changes who is paged. A code that nobody judged does not."""
    return CHANGES_WHO_IS_PAGED.get(code, False)

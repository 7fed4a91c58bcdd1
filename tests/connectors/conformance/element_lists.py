"""The lists whose elements belong to one object, for every provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.records import EntityType


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementList:
    """One list.

    path: the end of the endpoint's path. at: where the list is in an object of the endpoint, dotted, "" = the objects
    themselves are the elements. kind, name: the record and its collection. id: the place of what identifies an element.
    needs: the place of a value without which it cannot be read. start, end: the places of its period, "" = none. A
    place is dotted.
    """

    path: str
    at: str = ""
    kind: EntityType
    name: str
    id: str = "id"
    needs: str
    start: str = ""
    end: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.at or 'list'}"


_PERIOD: Final = {"start": "startDate", "end": "endDate"}
LISTS: Final[dict[str, Sequence[ElementList]]] = {
    "pagerduty": (
        ElementList(path="/users", at="contact_methods", kind="responder", name="contact_methods", needs="type"),
        ElementList(
            path="/users", at="notification_rules", kind="responder", name="notification_rules", needs="contact_method"
        ),
        ElementList(path="/teams/{id}/members", kind="user_group", name="members", id="user.id", needs="user"),
        ElementList(
            path="/schedules/{id}/overrides", kind="schedule", name="overrides", needs="user", start="start", end="end"
        ),
        ElementList(
            path="/v3/schedules/{id}/overrides",
            kind="schedule",
            name="overrides",
            needs="overriding_member",
            start="start_time",
            end="end_time",
        ),
        ElementList(
            path="/v3/schedules/{id}/custom_shifts",
            kind="schedule",
            name="extra_shifts",
            needs="assignments",
            start="start_time",
            end="end_time",
        ),
    ),
    "opsgenie": (
        ElementList(
            path="/v2/users/{id}", at="userContacts", kind="responder", name="contact_methods", needs="contactMethod"
        ),
        ElementList(path="/v2/teams/{id}", at="members", kind="user_group", name="members", id="user.id", needs="user"),
        ElementList(
            path="/v2/schedules/{id}/overrides", kind="schedule", name="overrides", id="alias", needs="user", **_PERIOD
        ),
        ElementList(path="/v2/forwarding-rules", kind="responder", name="substitutions", needs="toUser", **_PERIOD),
        ElementList(path="/v2/schedules", at="rotations", kind="schedule", name="layers", needs="type"),
    ),
    "jsm": (
        ElementList(path="/members", kind="user_group", name="members", id="accountId", needs="accountId"),
        ElementList(
            path="/schedules/{id}/overrides",
            kind="schedule",
            name="overrides",
            id="alias",
            needs="responder",
            **_PERIOD,
        ),
        ElementList(path="/forwarding-rules", kind="responder", name="substitutions", needs="toUser", **_PERIOD),
        ElementList(path="/schedules", at="rotations", kind="schedule", name="layers", needs="type"),
    ),
    "xmatters": (
        ElementList(path="/1/devices", kind="responder", name="contact_methods", needs="deviceType"),
        ElementList(path="/groups/{id}/members", kind="user_group", name="members", id="member.id", needs="member"),
        ElementList(
            path="/temporary-absences", kind="responder", name="substitutions", needs="member", start="start", end="end"
        ),
    ),
}

"""JSON that Opsgenie and JSM Operations write in the same way."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.simulator.atlassian.model import (
    Contact,
    NotificationRule,
    Participant,
    Repeat,
    Restriction,
    Rotation,
    Window,
)
from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.timeline import TimelinePeriod
from connectors.simulator.world import instant_text

Json = dict[str, Any]
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def restriction_json(restriction: Restriction, request_number: int) -> Json:
    """Write a restriction. request_number: shifts the order of windows, which differs between two reads."""
    windows = restriction.windows
    if not windows:
        return {"type": "time-of-day", "restriction": {}}
    if windows[0].start_day is None:
        shape = _window(windows[0])
        spelled: Json = {"restrictions": [shape]} if restriction.as_list else {"restriction": shape}
        return {"type": "time-of-day", **spelled}
    first = request_number % len(windows)
    listed = [_window(window) for window in (*windows[first:], *windows[:first])]
    return {"type": "weekday-and-time-of-day", "restrictions": listed}


def _window(window: Window) -> Json:
    made: Json = {}
    if window.start_day is not None and window.end_day is not None:
        made = {"startDay": DAYS[window.start_day - 1], "endDay": DAYS[window.end_day - 1]}
    return made | {
        "startHour": window.start // 60,
        "startMin": window.start % 60,
        "endHour": window.end // 60,
        "endMin": window.end % 60,
    }


def repeat_json(repeat: Repeat) -> Json:
    return {
        "waitInterval": repeat.wait,
        "count": repeat.count,
        "resetRecipientStates": repeat.reset,
        "closeAlertAfterAll": repeat.close,
    }


def contact_json(contact: Contact, order: int) -> Json:
    status: Json = {"enabled": contact.enabled}
    if contact.disabled_reason:
        status["disabledReason"] = contact.disabled_reason
    return {"id": contact.id, "method": contact.method, "to": contact.to, "status": status, "applyOrder": order}


def roles_json(team_id: str) -> list[Json]:
    """Return the custom roles of a team."""
    rights = [{"right": "edit-escalations", "granted": True}, {"right": "delete-team", "granted": False}]
    return [{"id": f"{team_id}-lead", "name": "Shift Lead", "rights": rights}]


@dataclass(frozen=True, slots=True)
class BaseWire(ABC):
    """Base of the writers of both vendors.

    ``request_number`` shifts the order of restrictions, because a vendor does not keep it between two reads.
    """

    state: State
    request_number: int

    @abstractmethod
    def participant(self, participant: Participant) -> Json:
        """A participant or recipient in the vendor's words."""

    @abstractmethod
    def timeline_period(self, period: TimelinePeriod) -> Json:
        """One period of a timeline in the vendor's words."""

    def notification_rule_head(self, rule: NotificationRule) -> Json:
        return {
            "id": rule.id,
            "name": rule.name,
            "actionType": rule.action_type,
            "order": rule.order,
            "enabled": rule.enabled,
        }

    def rotation_head(self, rotation: Rotation) -> Json:
        """A rotation without its end and its restriction."""
        return {
            "id": rotation.id,
            "name": rotation.name,
            "startDate": instant_text(rotation.start),
            "type": rotation.unit,
            "length": rotation.length,
            "participants": [self.participant(one) for one in rotation.participants],
        }

    def timeline_rotation(self, rotation: Rotation, periods: Sequence[TimelinePeriod]) -> Json:
        """A rotation of a timeline; the key ``periods`` is absent when there are none."""
        made: Json = {"id": rotation.id, "name": rotation.name, "order": rotation.order}
        return made | ({"periods": [self.timeline_period(one) for one in periods]} if periods else {})

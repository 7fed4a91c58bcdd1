"""Reads contact methods and notification rules: with the person, or with one request per person."""

from collections.abc import Callable
from typing import Any, TypeVar

from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.pagerduty.client import Client
from connectors.providers.pagerduty.vendor import invalid
from connectors.providers.pagerduty.wire import ContactMethod, NotificationRule, User
from connectors.reading.findings import Elements, Findings
from connectors.reading.listing import RECOVERABLE
from connectors.reading.wire import Identified

Element = TypeVar("Element", bound=Identified)
INCLUDE = ("contact_methods", "notification_rules")


class PeopleDetails:
    """Reads the contact details of people. A missing right is reported once.

    wanted: whether contact details are read. It becomes False if the key has no right to read them.
    """

    def __init__(self, client: Client, findings: Findings, wanted: bool) -> None:
        self._client = client
        self._findings = findings
        self.wanted = wanted

    @property
    def include(self) -> tuple[str, ...]:
        return INCLUDE if self.wanted else ()

    def forbid(self, error: PermissionMissing) -> None:
        """Reads no more contact details, because the key has no right to them, and adds a note."""
        self.wanted = False
        message = f"Contact details were left out. Grant users:contact_methods.read to read them: {error.message}"
        self._findings.note("responder", None, "contact_details_forbidden", message)

    def of(self, user: User) -> tuple[Elements[ContactMethod] | None, Elements[NotificationRule] | None]:
        """Returns the contact methods and the notification rules of a person. None means not reported."""
        return (
            self._read(ContactMethod, user, "contact_methods", user.contact_methods, self._client.contact_methods),
            self._read(
                NotificationRule, user, "notification_rules", user.notification_rules, self._client.notification_rules
            ),
        )

    def _read(
        self, model: type[Element], user: User, key: str, sent: list[Any] | None, fetch: Callable[[str], JsonValue]
    ) -> Elements[Element] | None:
        """sent: the list that came with the person. Returns None if the list was not reported."""
        if not self.wanted:
            return None
        raw: list[Any] | None = sent
        if raw is None or any(map(_is_reference, raw)):
            raw = self._fetched(user, key, fetch)
        if raw is None:
            return None
        return self._findings.read_all(model, raw, "responder", user.id, key)

    def _fetched(self, user: User, key: str, fetch: Callable[[str], JsonValue]) -> list[Any] | None:
        subject = f"The {key.replace('_', ' ')} of {user.label}"
        try:
            raw = fetch(user.id)
        except NotFound as error:
            message = f"{subject} could not be read: {error.message}"
            self._findings.note("responder", user.id, f"{key}_not_told", message, key, loss=True)
            return None
        except PermissionMissing as error:
            self.forbid(error)
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", user.id, error)
            return None
        if not isinstance(raw, list) or any(map(_is_reference, raw)):
            self._findings.fail("responder", user.id, invalid("invalid_value", key, f"{subject} came without content."))
            return None
        return raw


def _is_reference(item: object) -> bool:
    """Returns whether an item is a bare reference, which contains neither address nor delay."""
    return isinstance(item, dict) and str(item.get("type")).endswith("_reference")

"""Contact methods and notification rules: told with the person, asked for one by one, or not told."""

from collections.abc import Callable
from typing import Any, TypeVar

from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.pagerduty.client import Client
from connectors.providers.pagerduty.vendor import invalid
from connectors.providers.pagerduty.wire import ContactMethod, NotificationRule, User
from connectors.reading.findings import Findings
from connectors.reading.listing import RECOVERABLE
from connectors.reading.wire import Identified

Element = TypeVar("Element", bound=Identified)
INCLUDE = ("contact_methods", "notification_rules")


class PeopleDetails:
    """wanted: whether contact details are read at all. A missing right is found out and named once."""

    def __init__(self, client: Client, findings: Findings, wanted: bool) -> None:
        self._client = client
        self._findings = findings
        self.wanted = wanted

    @property
    def include(self) -> tuple[str, ...]:
        return INCLUDE if self.wanted else ()

    def forbid(self, error: PermissionMissing) -> None:
        """The key may not read contact details: people are imported without, once and for all of this read."""
        self.wanted = False
        message = f"Contact details were left out; grant users:contact_methods.read to read them: {error.message}"
        self._findings.note("responder", None, "contact_details_forbidden", message)

    def of(self, user: User) -> tuple[tuple[ContactMethod, ...] | None, tuple[NotificationRule, ...] | None]:
        return (
            self._read(ContactMethod, user, "contact_methods", user.contact_methods, self._client.contact_methods),
            self._read(
                NotificationRule, user, "notification_rules", user.notification_rules, self._client.notification_rules
            ),
        )

    def _read(
        self, model: type[Element], user: User, key: str, told: list[Any] | None, ask: Callable[[str], JsonValue]
    ) -> tuple[Element, ...] | None:
        """None: not told."""
        if not self.wanted:
            return None
        raw: list[Any] | None = told
        if raw is None or any(map(_is_reference, raw)):
            raw = self._asked(user, key, ask)
        if raw is None:
            return None
        return self._findings.read_all(model, raw, "responder", user.id, key)

    def _asked(self, user: User, key: str, ask: Callable[[str], JsonValue]) -> list[Any] | None:
        word = f"The {key.replace('_', ' ')} of {user.label}"
        try:
            raw = ask(user.id)
        except NotFound as error:
            message = f"{word} could not be read: {error.message}"
            self._findings.note("responder", user.id, f"{key}_not_told", message, key, loss=True)
            return None
        except PermissionMissing as error:
            self.forbid(error)
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", user.id, error)
            return None
        if not isinstance(raw, list) or any(map(_is_reference, raw)):
            self._findings.fail("responder", user.id, invalid("invalid_value", key, f"{word} came without content."))
            return None
        return raw


def _is_reference(item: object) -> bool:
    """Bare references tell neither address nor delay."""
    return isinstance(item, dict) and str(item.get("type")).endswith("_reference")

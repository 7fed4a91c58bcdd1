"""The callers of the simulated instance: users with passwords, API keys and tokens. They open only this simulator."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qs

DEMO_USER = "rotabridge.reader"
DEMO_PASSWORD = "demo-acme-xmatters-password"  # noqa: S105 - opens this simulator only
"""A REST Web Service User who sees all objects."""
API_KEY_USER = "x-api-key-5d0c6f1e-3a7b-4c58-9f21-ac3e00000003"
API_KEY_SECRET = "demo-acme-xmatters-key-secret"  # noqa: S105 - opens this simulator only
"""An API key of the same user."""
LIMITED_USER = "rotabridge.limited"
LIMITED_PASSWORD = "demo-acme-xmatters-limited"  # noqa: S105 - opens this simulator only
"""A user who sees half of the groups, no devices and no absences."""
POWERLESS_USER = "rotabridge.powerless"
POWERLESS_PASSWORD = "demo-acme-xmatters-powerless"  # noqa: S105 - opens this simulator only
"""A user without a role for the API."""
SSO_USER = "rotabridge.sso"
SSO_PASSWORD = "demo-acme-xmatters-sso"  # noqa: S105 - opens nothing at all
"""A password of single sign-on, which the API does not take."""
CLIENT_ID = "7e1f2a3b-0000-4000-8000-ac3e00000004"
"""The id with which an application requests tokens."""

READ, DEVICES, ABSENCES, OPEN = "read", "devices", "absences", "open"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who sends a request. ``rights`` are rights of routes. ``limited``: restricted groups are hidden."""

    name: str
    rights: frozenset[str]
    limited: bool = False


_ALL = Caller(DEMO_USER, frozenset({READ, DEVICES, ABSENCES}))
_CALLERS = {
    (DEMO_USER, DEMO_PASSWORD): _ALL,
    (API_KEY_USER, API_KEY_SECRET): _ALL,
    (LIMITED_USER, LIMITED_PASSWORD): Caller(LIMITED_USER, frozenset({READ}), limited=True),
    (POWERLESS_USER, POWERLESS_PASSWORD): Caller(POWERLESS_USER, frozenset()),
}


def _basic(text: str) -> tuple[str, str] | None:
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


class Authenticator:
    """Checks credentials and issues tokens. ``lifetime`` of a token is in seconds of the instance's clock."""

    def __init__(self, lifetime: int = 14_400) -> None:
        self.lifetime = lifetime
        self._access: dict[str, tuple[Caller, float]] = {}
        self._refresh: dict[str, Caller] = {}

    def caller(self, header: str, now: float) -> tuple[Caller | None, bool]:
        """Return the caller of an Authorization header (None = unknown), and whether the header has a token."""
        scheme, _, text = header.partition(" ")
        if scheme == "Bearer":
            caller, until = self._access.get(text, (None, 0.0))
            return (caller if now < until else None), True
        pair = _basic(text) if scheme == "Basic" else None
        return (_CALLERS.get(pair) if pair else None), False

    def grant(self, body: bytes, now: float) -> dict[str, object] | None:
        """Return tokens for the form in ``body``, or None when it is refused. An API key gets no tokens."""
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        caller = None
        if form.get("client_id") == CLIENT_ID and form.get("grant_type") == "password":
            caller = _CALLERS.get((form.get("username", ""), form.get("password", "")))
            caller = None if form.get("username") == API_KEY_USER else caller
        elif form.get("client_id") == CLIENT_ID and form.get("grant_type") == "refresh_token":
            caller = self._refresh.get(form.get("refresh_token", ""))
        if caller is None:
            return None
        number = len(self._access) + 1
        access, refresh = f"demo-access-token-{number}", f"demo-refresh-token-{number}"
        self._access[access] = (caller, now + self.lifetime)
        self._refresh[refresh] = caller
        return {
            "access_token": access,
            "token": "bearer",
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "refresh_token": refresh,
            "jti": f"demo-{number}",
            "scope": "read",
        }

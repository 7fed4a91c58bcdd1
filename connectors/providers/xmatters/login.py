"""How a connection shows who it is: user and password, an API key, or an OAuth token got with a password.

Reference: https://help.xmatters.com/xmapi/ "Authentication". A password of a single sign-on does not work there: it has
to be one of xMatters' own.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.errors import AuthenticationFailed, ConnectionConfigError, ConnectorError, RequestRejected
from connectors.network.client import HttpClient, JsonValue
from connectors.providers.xmatters.vendor import API_ROOT, PROVIDER, VENDOR
from connectors.redaction import Secret

TOKEN_PATH: Final = f"{API_ROOT}/oauth2/token"
KEY_PREFIX: Final = "x-api-key-"
#: Seconds before its end at which a token is renewed.
_MARGIN: Final = 60.0

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def looks_like_a_key_id(username: str) -> bool:
    """The bare id of an API key, as xMatters shows it beside the key."""
    return _UUID.fullmatch(username) is not None


def basic(username: str, password: Secret) -> dict[str, str]:
    """The headers of a user and password, or of an API key and its secret."""
    pair = f"{username}:{password.reveal()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@dataclass(frozen=True, slots=True)
class _Token:
    """Secrets, so that they are masked wherever they turn up. ends: instant."""

    access: Secret
    refresh: Secret | None
    ends: float


class PasswordGrant:
    """Headers with an OAuth token, got and renewed when needed. ``http``: declares :data:`TOKEN_PATH`."""

    def __init__(
        self, http: HttpClient, client_id: str, username: str, password: Secret, now: Callable[[], float]
    ) -> None:
        self._http = http
        self._client_id = client_id
        self._username = username
        self._password = password
        self._now = now
        self._token: _Token | None = None
        self._renewed = False

    def headers(self) -> dict[str, str]:
        if self._token is None or self._now() >= self._token.ends - _MARGIN:
            self._token = self._next()
        return {"Authorization": f"Bearer {self._token.access.reveal()}"}

    def renew(self) -> bool:
        """Forgets a token that was refused before its time; False when a new one was refused as well."""
        if self._renewed:
            return False
        self._renewed = True
        self._token = None
        return True

    def _next(self) -> _Token:
        """By the refresh token; without one, or when that leads to nothing, by the password.

        What was answered to a refresh token is never shown: it may quote the token, and only the password is masked.
        """
        refresh = None if self._token is None else self._token.refresh
        if refresh is not None:
            try:
                return self._ask({"grant_type": "refresh_token", "refresh_token": refresh.reveal()})
            except ConnectorError:
                self._token = None  # the password is asked for next
        return self._ask({"grant_type": "password", "username": self._username, "password": self._password.reveal()})

    def _ask(self, form: Mapping[str, str]) -> _Token:
        body: JsonValue = {**form, "client_id": self._client_id}
        answer = self._http.post(TOKEN_PATH, body, envelope=("access_token", "expires_in"), form=True)
        access, refresh, seconds = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
        if not isinstance(access, str) or not access or not isinstance(seconds, int | float):
            raise VENDOR.invalid(
                "invalid_token", TOKEN_PATH, "xMatters answered a token in a form that cannot be read."
            )
        kept = Secret(refresh) if isinstance(refresh, str) and refresh else None
        return _Token(Secret(access), kept, self._now() + float(seconds))


def refused(error: AuthenticationFailed | RequestRejected, auth: str, username: str) -> ConnectionConfigError:
    """A refused credential, on the field that is the likeliest to be wrong."""
    hint = "Check user name and password. The password of a single sign-on does not work: it must be one of xMatters."
    field = "password"
    if auth == "oauth" and "client" in error.message.casefold():
        field, hint = "client_id", "Check the client id (xMatters, Developer, OAuth)."
    elif auth == "basic" and looks_like_a_key_id(username):
        field, hint = "username", f"This looks like the id of an API key: put {KEY_PREFIX} in front of it."
    return AuthenticationFailed(error.message, hint=hint, provider=PROVIDER, field=field)

"""Authentication: user and password, an API key, or an OAuth token that is requested with the password.

Reference: https://help.xmatters.com/xmapi/ "Authentication". The password of a single sign-on does not work. It must be
the password of an xMatters login.
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
    """Returns whether this is the id of an API key without its prefix, as xMatters shows it with the key."""
    return _UUID.fullmatch(username) is not None


def basic(username: str, password: Secret) -> dict[str, str]:
    """Returns the headers for a user and a password, or for an API key and its secret."""
    pair = f"{username}:{password.reveal()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@dataclass(frozen=True, slots=True)
class _Token:
    """An OAuth token. Its values are secrets, so that they are masked everywhere. ends: instant of expiry."""

    access: Secret
    refresh: Secret | None
    ends: float


class PasswordGrant:
    """Returns headers with an OAuth token, which is requested and renewed when needed.

    http: a client that declares :data:`TOKEN_PATH` for POST requests.
    """

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
            self._token = self._request()
        return {"Authorization": f"Bearer {self._token.access.reveal()}"}

    def renew(self) -> bool:
        """Drops a token that was refused before it expired. Returns False if a new token was refused too."""
        if self._renewed:
            return False
        self._renewed = True
        self._token = None
        return True

    def _request(self) -> _Token:
        """Requests a token with the refresh token. If there is none or it fails, the password is used.

        The answer to a refresh token is never shown, because it may contain the token and only the password is masked.
        """
        refresh = None if self._token is None else self._token.refresh
        if refresh is not None:
            try:
                return self._post({"grant_type": "refresh_token", "refresh_token": refresh.reveal()})
            except ConnectorError:
                self._token = None  # the password is used next
        return self._post({"grant_type": "password", "username": self._username, "password": self._password.reveal()})

    def _post(self, form: Mapping[str, str]) -> _Token:
        body: JsonValue = {**form, "client_id": self._client_id}
        answer = self._http.post(TOKEN_PATH, body, envelope=("access_token", "expires_in"), form=True)
        access, refresh, seconds = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
        if not isinstance(access, str) or not access or not isinstance(seconds, int | float):
            raise VENDOR.invalid("invalid_token", TOKEN_PATH, "The answer of xMatters contains no valid token.")
        kept = Secret(refresh) if isinstance(refresh, str) and refresh else None
        return _Token(Secret(access), kept, self._now() + float(seconds))


def refusal(error: AuthenticationFailed | RequestRejected, auth: str, username: str) -> ConnectionConfigError:
    """Returns the error for a refused credential, on the field that is most likely wrong."""
    hint = "Check user name and password. The password of a single sign-on does not work: use an xMatters login."
    field = "password"
    if auth == "oauth" and "client" in error.message.casefold():
        field, hint = "client_id", "Check the client id (xMatters, Developer, OAuth)."
    elif auth == "basic" and looks_like_a_key_id(username):
        field, hint = "username", f"This looks like the id of an API key: put {KEY_PREFIX} in front of it."
    return AuthenticationFailed(error.message, hint=hint, provider=PROVIDER, field=field)

"""What of an answer must not be recorded: xMatters sends secrets of people in clear. Pure."""

from typing import Final

#: Of a person: the PIN and login of the phone system, and custom properties, which may be of the type PASSWORD. Of a
#: device: its push token, account and PIN. Tokens of a login are masked in every recording.
_SECRET_KEYS: Final = frozenset(
    {"phonepin", "phonelogin", "properties", "pin", "apntoken", "registrationid", "accountid"}
)


def scrubbed(body: object) -> object:
    """The body without them, at any depth."""
    if isinstance(body, list):
        return [scrubbed(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: scrubbed(value) for key, value in body.items() if str(key).lower() not in _SECRET_KEYS}

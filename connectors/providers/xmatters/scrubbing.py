"""Removes secrets from answers before they are recorded: xMatters sends them in clear text. Pure."""

from typing import Final

#: A person's PIN and login of the phone system and custom properties, which may have the type PASSWORD. A device's push
#: token, account and PIN. Tokens of a login are masked in every recording.
_SECRET_KEYS: Final = frozenset(
    {"phonepin", "phonelogin", "properties", "pin", "apntoken", "registrationid", "accountid"}
)


def scrubbed(body: object) -> object:
    """Returns the body without secrets, at any depth."""
    if isinstance(body, list):
        return [scrubbed(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: scrubbed(value) for key, value in body.items() if str(key).lower() not in _SECRET_KEYS}

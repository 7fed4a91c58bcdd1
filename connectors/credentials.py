"""Credentials at rest: encrypted with the first of a list of keys, bound to one row and one field.

Stored as ``enc1:<Fernet token>``. The encrypted text names the row and the field it belongs to, so that a ciphertext
copied into another row is refused.
"""

import json
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from connectors.redaction import Secret

PREFIX: Final = "enc1:"


class CredentialUnreadable(Exception):
    """A stored credential that no key decrypts, or that belongs to another row."""


def _keys() -> MultiFernet:
    keys: Sequence[str] = settings.CREDENTIAL_KEYS
    if not keys:
        raise ImproperlyConfigured(
            "CREDENTIAL_KEYS is not set, so credentials can be neither stored nor read. "
            "Run `make setup`, or set it to a list of Fernet keys, the active one first."
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured(
            "CREDENTIAL_KEYS has a value that is not a Fernet key (44 characters of URL-safe base64). "
            "Nothing was read; correct the environment."
        ) from None


@sensitive_variables()
def seal(secret: str, *, row: str, field: str) -> str:
    """Return the secret encrypted for one row (any stable text) and field."""
    text = json.dumps({"c": row, "f": field, "v": secret})
    return PREFIX + _keys().encrypt(text.encode()).decode()


@sensitive_variables()
def unseal(sealed: str, *, row: str, field: str) -> Secret:
    """Return the decrypted secret. Raises CredentialUnreadable, whose message has no secret."""
    hint = "Restore the key in CREDENTIAL_KEYS that encrypted it, or enter the key of the source again."
    if not sealed.startswith(PREFIX):
        raise CredentialUnreadable(f"The stored {field} has an unknown form. {hint}")
    try:
        content = json.loads(_keys().decrypt(sealed.removeprefix(PREFIX).encode()))
    except InvalidToken:
        raise CredentialUnreadable(f"The stored {field} cannot be decrypted with any of the keys. {hint}") from None
    if content["c"] != row or content["f"] != field:
        raise CredentialUnreadable(
            f"The stored {field} belongs to another connection. Enter the key of the source again."
        )
    return Secret(content["v"])


def check_keys() -> None:
    """Raise ImproperlyConfigured, with the name of the variable, if the keys cannot be used."""
    _keys()


def is_current(sealed: str) -> bool:
    """Return whether the first key decrypts it, so that it needs no rotation."""
    try:
        Fernet(settings.CREDENTIAL_KEYS[0]).decrypt(sealed.removeprefix(PREFIX).encode())
    except InvalidToken:
        return False
    return True

"""Texts that people choose at the vendor: names, keys such as aliases, e-mail addresses. Pure."""

import hashlib
import re
from typing import Final

from oncall.emails import canonical_email

#: The length of an object's id and of an element's key in the database.
MOST_CHARACTERS: Final = 255
#: The length of a name in the database.
_NAME_CHARACTERS: Final = 512
_DIGEST_CHARACTERS: Final = 32
#: The part of an address before the @: letters of any language, but no blanks and none of the reserved characters.
_LOCAL_PART: Final = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}")


def name_of(external_id: str, *names: str | None) -> str:
    """The first of ``names`` that has a visible character, exactly as sent, or the id when none has.

    A name that is too long for the database is cut and ends with an ellipsis.
    """
    name = next((name for name in names if name is not None and _is_visible(name)), external_id)
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"


def _is_visible(text: str) -> bool:
    """Whether ``text`` has a character that is neither a blank nor a mark without width."""
    return any(each.isprintable() and not each.isspace() for each in text)


def short_text(text: str) -> str:
    """``text``, or its beginning and an ellipsis when it is too long for the database."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def short_key(key: str) -> str:
    """``key``, or its beginning and a digest when it is too long for the database. Equal keys stay equal."""
    if len(key) <= MOST_CHARACTERS:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{key[: MOST_CHARACTERS - _DIGEST_CHARACTERS - 1]}~{digest}"


def is_email(address: str) -> bool:
    """Whether mail can be sent to ``address``: one local part, also of non-ASCII letters, and a domain with a dot."""
    local, _, domain = address.rpartition("@")
    return bool(_LOCAL_PART.fullmatch(local)) and canonical_email(f"a@{domain}") is not None

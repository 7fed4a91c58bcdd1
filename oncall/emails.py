"""The one form in which two e-mail addresses count as the same. Pure: no Django.

Case folding of non-ASCII letters differs between databases and lets look-alikes collide (CVE-2019-19844), so an address
is compared only when its local part is ASCII and its domain is valid IDNA; anything else is nobody's address.
"""

import re
from functools import lru_cache

import idna

_LOCAL_PART = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_MAX_LENGTH = 254  # RFC 5321 4.5.3.1, as corrected by RFC 3696 erratum 1690
_MAX_LOCAL_PART = 64


def canonical_email(text: str) -> str | None:
    """The address in lower case with its domain in IDNA (UTS 46) ASCII form; None when it has no such form."""
    local, at, domain = text.strip(" ").rpartition("@")
    if not at or not local.isascii() or len(local) > _MAX_LOCAL_PART:
        return None
    local = local.lower()
    if not _LOCAL_PART.fullmatch(local):
        return None
    host = _ascii(domain)
    address = f"{local}@{host}"
    return address if host is not None and len(address) <= _MAX_LENGTH else None


@lru_cache(maxsize=1024)
def _ascii(domain: str) -> str | None:
    """The domain in IDNA form. Remembered: an account has thousands of addresses in a handful of domains."""
    try:
        host = idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return None
    return host if "." in host and not host.endswith(".") else None

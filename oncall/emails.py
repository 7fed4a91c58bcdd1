"""Converts e-mail addresses to the form in which equal addresses are equal. Pure: no Django.

Case folding of non-ASCII letters differs between databases and lets look-alikes collide (CVE-2019-19844), so an address
has this form only if its local part is ASCII and its domain is valid IDNA. UTS 46 replaces some letters by ASCII, for
example U+217C by l, and removes invisible ones. A domain with one of these has no canonical form: it would equal the
domain that it looks like. Addresses without a canonical form never match a person.
"""

import re
from functools import lru_cache

import idna

_LOCAL_PART = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_MAX_LENGTH = 254  # RFC 5321 4.5.3.1, as corrected by RFC 3696 erratum 1690
_MAX_LOCAL_PART = 64


@lru_cache(maxsize=16_384)  # every address of a read is needed twice
def canonical_email(text: str) -> str | None:
    """Returns the address in lower case with its domain in ASCII (IDNA, UTS 46), or None if that is impossible."""
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
    """Returns the domain in IDNA form. It is cached: thousands of addresses have the same few domains."""
    try:
        if any(not letter.isascii() and idna.uts46_remap(letter, std3_rules=False).isascii() for letter in domain):
            return None
        host = idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return None
    return host if "." in host and not host.endswith(".") else None

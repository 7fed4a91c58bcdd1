"""Which PagerDuty account a key belongs to. Pure.

API hosts are shared by all accounts, so the subdomain shows only in the web address of an object, as the first label
of its host (so does the vendor's own Python client, ``RestApiV2Client.subdomain``).
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from connectors.errors import ConnectionConfigError
from connectors.providers.pagerduty.vendor import PROVIDER
from connectors.records import Account

_DOMAIN = ".pagerduty.com"
_SHARED = {"app", "www", "api", "identity", "eu"}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def clean_subdomain(text: str) -> str:
    """``acme``, ``acme.pagerduty.com`` or any address there -> ``acme``. Raises ConnectionConfigError."""
    given = text.strip().lower()
    host = _host(given if "//" in given else f"//{given}")
    label = host.removesuffix(".").removesuffix(_DOMAIN).removesuffix(".eu")
    if not _LABEL.fullmatch(label) or label in _SHARED:
        raise ConnectionConfigError(
            f"{text.strip()[:80]!r} is no PagerDuty subdomain.",
            hint="Enter the first part of the address you sign in at: acme for https://acme.pagerduty.com.",
            provider=PROVIDER,
            field="subdomain",
        )
    return label


def subdomain_of(html_url: str | None) -> str | None:
    """The account's subdomain in an object's web address, None when it does not show there."""
    host = _host(html_url or "")
    label = host.partition(".")[0]
    return label if host.endswith(_DOMAIN) and label not in _SHARED else None


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


class Identity:
    """The account as told by the first object that shows it, held against the one that was typed in."""

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self.found: str | None = None

    def account(self, region: str) -> Account:
        label = f"{self.expected}{_DOMAIN}"
        return Account(self.found, label if self.found else f"{label} (not confirmed)", region)

    def look(self, html_urls: Iterable[str | None]) -> None:
        """Raises ConnectionConfigError when the account is another one."""
        if self.found is None:
            self.found = next((label for url in html_urls if (label := subdomain_of(url))), None)
        if self.found is not None and self.found != self.expected:
            raise ConnectionConfigError(
                f"The key belongs to the PagerDuty account {self.found!r}, not to {self.expected!r}.",
                hint=f"Correct the subdomain to {self.found}, or paste a key of {self.expected}. Nothing was imported.",
                provider=PROVIDER,
                field="subdomain",
            )

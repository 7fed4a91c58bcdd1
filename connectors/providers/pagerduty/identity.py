"""Finds the PagerDuty account that a key belongs to. Pure.

All accounts share the API hosts, so only the web address of an object contains the subdomain, as the first label of
its host. The vendor's own Python client uses the same rule (``RestApiV2Client.subdomain``).
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from connectors.errors import AnotherAccount, ConnectionConfigError
from connectors.providers.pagerduty.vendor import PROVIDER
from connectors.records import Account

_DOMAIN = ".pagerduty.com"
_SHARED = {"app", "www", "api", "identity", "eu"}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def clean_subdomain(text: str) -> str:
    """Returns ``acme`` for ``acme``, ``acme.pagerduty.com`` or any address there. Raises ConnectionConfigError."""
    given = text.strip().lower()
    host = _host(given if "//" in given else f"//{given}")
    label = host.removesuffix(".").removesuffix(_DOMAIN).removesuffix(".eu")
    if not _LABEL.fullmatch(label) or label in _SHARED:
        raise ConnectionConfigError(
            f"{text.strip()[:80]!r} is not a PagerDuty subdomain.",
            hint="Enter the first part of the address you sign in at: acme for https://acme.pagerduty.com.",
            provider=PROVIDER,
            field="subdomain",
        )
    return label


def subdomain_of(html_url: str | None) -> str | None:
    """Returns the account's subdomain from an object's web address, None if the address does not contain it."""
    host = _host(html_url or "")
    label = host.partition(".")[0]
    return label if host.endswith(_DOMAIN) and label not in _SHARED else None


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


class Identity:
    """Compares the subdomain in the web addresses of objects with the subdomain that was entered.

    expected: the entered subdomain. found: the first subdomain in a web address, None until there is one.
    """

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self.found: str | None = None

    def account(self, region: str) -> Account:
        label = f"{self.expected}{_DOMAIN}"
        return Account(self.found, label if self.found else f"{label} (not confirmed)", region)

    def check(self, html_urls: Iterable[str | None]) -> None:
        """Raises AnotherAccount if the key belongs to another account."""
        if self.found is None:
            self.found = next((label for url in html_urls if (label := subdomain_of(url))), None)
        if self.found is not None and self.found != self.expected:
            raise AnotherAccount(
                f"The key belongs to the PagerDuty account {self.found!r}, not to {self.expected!r}.",
                hint=f"Correct the subdomain to {self.found}, or paste a key of {self.expected}. Nothing was imported.",
                provider=PROVIDER,
                field="subdomain",
                account_id=self.found,
                account_label=f"{self.found}{_DOMAIN}",
            )

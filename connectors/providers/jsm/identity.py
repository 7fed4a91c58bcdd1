"""Cleans the site and the ids of a connection, and checks that the site has the entered cloud id."""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from connectors.errors import ConnectionConfigError
from connectors.providers.jsm.client import Client
from connectors.providers.jsm.vendor import PROVIDER
from connectors.providers.jsm.wire import Tenant
from connectors.reading.listing import RECOVERABLE

#: The credential is sent to the site, so only sites of Atlassian's cloud are accepted.
_DOMAIN: Final = ".atlassian.net"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)


def clean_site(text: str) -> str:
    """Return ``acme.atlassian.net`` for ``acme``, the host or any address on it. Raises ConnectionConfigError."""
    host = text.strip().lower().removeprefix("https://").partition("/")[0]
    label = host.removesuffix(_DOMAIN)
    if not _LABEL.fullmatch(label):
        raise ConnectionConfigError(
            f"{text[:60]!r} is not a site of Atlassian's cloud.",
            hint="Enter the address you work at: acme.atlassian.net.",
            provider=PROVIDER,
            field="site",
        )
    return label + _DOMAIN


def clean_id(settings: Mapping[str, str], name: str, *, words: str, required: bool) -> str:
    """Return the entered id without blanks around it. Raises ConnectionConfigError if it is invalid or missing."""
    text = settings.get(name, "").strip()
    if not _ID.fullmatch(text) and (text or required):
        raise ConnectionConfigError(
            f"{text[:60]!r} is not a valid {words}.",
            hint="It is made of letters, digits and dashes, for example 3a015c30-bac7-4abc-97a1-50c1feea188a.",
            provider=PROVIDER,
            field=name,
        )
    return text


def confirm_site(client: Client, *, site: str, cloud_id: str) -> str:
    """Return why the site could not be confirmed, "" if it was. Raises ConnectionConfigError for another cloud id."""
    try:
        tenant = Tenant.model_validate(client.tenant())
    except RECOVERABLE as error:
        return f"Whether {site} is the site of the cloud id could not be read: {error.message}"
    except ValidationError:
        return f"The answer of {site} about its cloud id is not valid."
    if tenant.cloud_id.casefold() != cloud_id.casefold():
        raise ConnectionConfigError(
            f"{site} is another site: its cloud id is {tenant.cloud_id}.",
            hint=f"Correct the site or the cloud id. https://{site}/_edge/tenant_info shows the id of a site.",
            provider=PROVIDER,
            field="site",
        )
    return ""

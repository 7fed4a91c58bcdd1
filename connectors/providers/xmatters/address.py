"""The address of an instance: what may be typed, and which links of an answer still lead to it. Pure."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from connectors.errors import ConnectionConfigError, UnexpectedResponse
from connectors.network.addresses import OriginRefused, parse_origin
from connectors.network.exchange import Query
from connectors.providers.xmatters.vendor import API_ROOT, PROVIDER

_TYPED = re.compile(r"(?P<origin>[A-Za-z]+://[^/?#]*)(?P<path>/[^?#]*)?(?P<rest>[?#].*)?", re.ASCII | re.DOTALL)
_EXAMPLE: Final = "https://acme.xmatters.com"


def clean_base_url(text: str) -> str:
    """``https://acme.cs1.xmatters.com`` from that, or from the same with ``/api/xm/1``; the host as typed, whatever
    its segments. Raises ConnectionConfigError for anything else: a host is never put together or corrected."""
    typed = _TYPED.fullmatch(text.strip())
    if typed is None:
        raise _refused("The instance is no address.", f"Enter it in full, for example {_EXAMPLE}.")
    try:
        origin = str(parse_origin(typed["origin"].lower()))
    except OriginRefused as refused:
        raise _refused(f"The instance cannot be used: {refused}", f"Enter for example {_EXAMPLE}.") from None
    if typed["rest"]:
        raise _refused("The instance holds a query or a fragment.", f"Enter {origin} alone.")
    if (typed["path"] or "").rstrip("/") not in ("", API_ROOT):
        raise _refused("The instance is the address of a page, not of the instance.", f"Enter {origin} alone.")
    return origin


def followed(link: str, origin: str, asked: Query) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Path and query of a ``links.next``, with what ``asked`` had and the link does not name.

    Links are root-relative and hold ``/api/xm/1`` already. Raises UnexpectedResponse for one that leads elsewhere: the
    credential would be sent there.
    """
    try:
        parts = urlsplit(link)
    except ValueError:
        raise _foreign() from None
    if parts.scheme or parts.netloc:
        host = f"{parts.scheme}://{parts.netloc}".lower()
        if host.removesuffix(":443") != origin:
            raise _foreign()
    if not parts.path.startswith(f"{API_ROOT}/"):
        raise _foreign()
    named = parse_qsl(parts.query, keep_blank_values=True)
    names = {name for name, _ in named}
    return parts.path, (*named, *(pair for pair in asked if pair[0] not in names))


def _refused(message: str, hint: str) -> ConnectionConfigError:
    return ConnectionConfigError(message, hint=hint, provider=PROVIDER, field="base_url")


def _foreign() -> UnexpectedResponse:
    return UnexpectedResponse(
        "A list of xMatters goes on at an address outside of this instance's API.",
        hint="It was not followed; what was read of this list counts as incomplete.",
        provider=PROVIDER,
        code="foreign_link",
    )

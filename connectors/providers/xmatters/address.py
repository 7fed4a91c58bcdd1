"""Checks the address of an instance that was entered, and the links of answers that must stay in it. Pure."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from connectors.errors import ConnectionConfigError, UnexpectedResponse
from connectors.network.addresses import OriginRefused, parse_origin
from connectors.network.exchange import Query
from connectors.providers.xmatters.vendor import API_ROOT, PROVIDER

_ADDRESS = re.compile(r"(?P<origin>[A-Za-z]+://[^/?#]*)(?P<path>/[^?#]*)?(?P<rest>[?#].*)?", re.ASCII | re.DOTALL)
_EXAMPLE: Final = "https://acme.xmatters.com"


def clean_base_url(text: str) -> str:
    """Returns the origin of an address that may end with ``/api/xm/1``, such as ``https://acme.cs1.xmatters.com``.

    The host is taken as it was entered; it is never completed or corrected. Raises ConnectionConfigError for any other
    address.
    """
    entered = _ADDRESS.fullmatch(text.strip())
    if entered is None:
        raise _refused("The instance is not an address.", f"Enter it in full, for example {_EXAMPLE}.")
    try:
        origin = str(parse_origin(entered["origin"].lower()))
    except OriginRefused as refused:
        raise _refused(f"The instance cannot be used: {refused}", f"Enter for example {_EXAMPLE}.") from None
    if entered["rest"]:
        raise _refused("The instance contains a query or a fragment.", f"Enter only {origin}.")
    if (entered["path"] or "").rstrip("/") not in ("", API_ROOT):
        raise _refused("This is the address of a page, not of the instance.", f"Enter only {origin}.")
    return origin


def next_request(link: str, origin: str, query: Query) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Returns the path and the query of a ``links.next``. Parameters of ``query`` that the link lacks are added.

    A link is relative to the root and contains ``/api/xm/1``. Raises UnexpectedResponse for a link to another place,
    because the credential would be sent there.
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
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    present = {name for name, _ in parameters}
    return parts.path, (*parameters, *(pair for pair in query if pair[0] not in present))


def _refused(message: str, hint: str) -> ConnectionConfigError:
    return ConnectionConfigError(message, hint=hint, provider=PROVIDER, field="base_url")


def _foreign() -> UnexpectedResponse:
    return UnexpectedResponse(
        "A list of xMatters continues at an address outside of this instance's API.",
        hint="The link was not followed, so this list is treated as incomplete.",
        provider=PROVIDER,
        code="foreign_link",
    )

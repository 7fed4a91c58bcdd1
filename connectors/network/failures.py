"""Makes the error for a status, a fault or an invalid answer, with a hint. Pure. Texts are already redacted.

provider: registry key, kept on the error. label: the provider's name in messages.
"""

from connectors.errors import (
    AddressRefused,
    AuthenticationFailed,
    CertificateRefused,
    ConnectorError,
    NotFound,
    PermissionMissing,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
    UnexpectedResponse,
)
from connectors.network.exchange import Request, TransportFault
from connectors.network.payload import Flaw
from connectors.network.retrying import is_retryable
from connectors.redaction import excerpt


def refusal(
    provider: str, label: str, request: Request, status: int, reason: str, wait: float | None
) -> ConnectorError:
    """Return the error for a status outside 2xx. reason: the vendor's words, redacted. wait: reported seconds."""
    message = f"{label} answered {status} to {_name(request)}" + (f": {reason}" if reason else ".")
    if status == 401:
        message = f"{label} refused the key at {_name(request)}" + (f": {reason}." if reason else ".")
        hint = "Check the key, and that it belongs to the chosen region or host."
        return AuthenticationFailed(message, hint=hint, provider=provider)
    if status in (402, 403):
        hint = "Give the key the right to read this, or leave it out of the selection."
        return PermissionMissing(message, hint=hint, provider=provider, status=status)
    if status in (404, 410):
        return NotFound(message, hint="Check that it still exists and that this key may see it.", provider=provider)
    if status == 429:
        return rate_limited(provider, label, request, wait, message)
    if is_retryable(status):
        return ProviderUnavailable(message, hint="Try again later.", provider=provider)
    if 400 <= status < 500:
        hint = "The source does not accept this request: report it with this message."
        return RequestRejected(message, hint=hint, provider=provider, path=request.path, status=status, reason=reason)
    code = "unexpected_redirect" if 300 <= status < 400 else "unexpected_status"
    hint = "Check the host: a sign-in page redirects, an API does not. The redirect was not followed."
    return UnexpectedResponse(message, hint=hint, provider=provider, path=request.path, code=code)


def rate_limited(provider: str, label: str, request: Request, wait: float | None, message: str = "") -> RateLimited:
    """Return the error for a used-up rate limit. wait: seconds until requests are allowed, None = not reported."""
    return RateLimited(
        message or f"{label} allows no further request before {_name(request)}.",
        hint="Try again in some minutes." if wait is None else f"The source requires a wait of {wait:.0f} s.",
        provider=provider,
        retry_after=wait,
    )


def unreachable(provider: str, label: str, request: Request, fault: TransportFault, text: str) -> ConnectorError:
    """Return the error for an attempt without a usable answer. text: the text of the fault, redacted."""
    message = f"{label} did not answer {_name(request)}: {text}."
    if fault.kind == "tls":
        hint = "Check the host name; if a proxy of yours inspects TLS, exempt this host."
        return CertificateRefused(message, hint=hint, provider=provider)
    if fault.kind == "address":
        hint = "Enter the public host of the source. Nothing was sent."
        return AddressRefused(message, hint=hint, provider=provider)
    if fault.kind == "limits":
        hint = "Import a smaller selection."
        return UnexpectedResponse(message, hint=hint, provider=provider, path=request.path, code="limits")
    hint = "Check the network from this machine to the source, then try again."
    return ProviderUnavailable(message, hint=hint, provider=provider)


def flawed(provider: str, label: str, request: Request, flaw: Flaw, text: str) -> UnexpectedResponse:
    """Return the error for a 2xx answer that is not the requested JSON object. text: the text of the flaw, redacted."""
    hints = {
        "empty_answer": "An empty answer is never read as an empty list. Try again.",
        "not_api": "Check the host: this may be a sign-in page.",
    }
    return UnexpectedResponse(
        f"{label} gave an unusable answer to {_name(request)}: {text}.",
        hint=hints.get(flaw.code, "Try again. If the error stays, report it with this message."),
        provider=provider,
        path=request.path,
        code=flaw.code,
    )


def _name(request: Request) -> str:
    return f"{request.method} {excerpt(request.path)}"

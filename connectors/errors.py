"""The errors of a read, grouped by the next step of the caller.

Every error has a message with what happened and a hint with the next step. Neither contains a secret.
"""


class ConnectorError(Exception):
    """The base of all errors that stop a read.

    message: what happened, in one sentence. hint: what the person should do next. provider: registry key of the
    connector, e.g. ``"pagerduty"``.  code: stable word for run items and tests.
    """

    code = "connector_error"

    def __init__(self, message: str, *, hint: str, provider: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.provider = provider

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConnectionConfigError(ConnectorError):
    """The connection's settings are wrong. field: the form field to correct, None = the whole form."""

    code = "config"

    def __init__(self, message: str, *, hint: str, provider: str, field: str | None = None) -> None:
        super().__init__(message, hint=hint, provider=provider)
        self.field = field


class AuthenticationFailed(ConnectionConfigError):
    """The source refused the credential (401)."""

    code = "auth"


class AnotherAccount(ConnectionConfigError):
    """The key belongs to another account than the settings say. account_id, account_label: of that account."""

    code = "account"

    def __init__(
        self, message: str, *, hint: str, provider: str, field: str | None, account_id: str, account_label: str
    ) -> None:
        super().__init__(message, hint=hint, provider=provider, field=field)
        self.account_id = account_id
        self.account_label = account_label


class PermissionMissing(ConnectionConfigError):
    """The credential is valid but lacks a right (402, 403). right: in the vendor's words."""

    code = "permission"

    def __init__(
        self, message: str, *, hint: str, provider: str, field: str | None = None, right: str = "", status: int = 403
    ) -> None:
        super().__init__(message, hint=hint, provider=provider, field=field)
        self.right = right
        self.status = status


class AddressRefused(ConnectionConfigError):
    """The host resolves to an address that is not public: nothing was sent."""

    code = "address"


class CertificateRefused(ConnectionConfigError):
    """The host could not prove who it is: its certificate or the TLS handshake was refused."""

    code = "tls"


class TemporaryFailure(ConnectorError):
    """The read may succeed later: the connection and the data are correct."""

    code = "temporary"


class RateLimited(TemporaryFailure):
    """The source requires a longer wait than a worker may sleep. retry_after: seconds, None = not reported."""

    code = "rate_limited"

    def __init__(self, message: str, *, hint: str, provider: str, retry_after: float | None) -> None:
        super().__init__(message, hint=hint, provider=provider)
        self.retry_after = retry_after


class ProviderUnavailable(TemporaryFailure):
    """The source did not answer properly: connection error, time-out, 5xx, truncated body, after all attempts."""

    code = "unavailable"


class DeadlineExceeded(TemporaryFailure):
    """The whole read took longer than it may; what was read so far is incomplete."""

    code = "deadline"


class ReadStopped(ConnectorError):
    """The person or process that started the read stopped it. This is not a fault."""

    code = "stopped"


class NotFound(ConnectorError):
    """The source answered 404 or 410. For a list this never means "empty"."""

    code = "not_found"


class UnexpectedResponse(ConnectorError):
    """The answer differs from the documented one. ``path``: its JSON path or URL path.

    The excerpt in the message is redacted.
    """

    code = "unexpected_response"

    def __init__(self, message: str, *, hint: str, provider: str, path: str = "", code: str | None = None) -> None:
        super().__init__(message, hint=hint, provider=provider)
        self.path = path
        if code is not None:
            self.code = code


class RequestRejected(UnexpectedResponse):
    """Another 4xx: the source refused the request itself. ``status`` and the vendor's own ``reason``."""

    code = "bad_request"

    def __init__(self, message: str, *, hint: str, provider: str, path: str, status: int, reason: str = "") -> None:
        super().__init__(message, hint=hint, provider=provider, path=path)
        self.status = status
        self.reason = reason


class UnknownValue(UnexpectedResponse):
    """A value that the vendor does not document: it is reported, never guessed."""

    code = "unknown_value"

"""Records the exchanges of a read, and replays them without a network.

A recording is a JSON document in the format ``rotabridge-recording/1``; see the commands ``record`` and ``replay``.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

from connectors.errors import ConnectorError
from connectors.network.exchange import JsonValue, Request, Response, Transport
from connectors.network.payload import Flaw, decode, is_json
from connectors.redaction import MASK, credential, mask_values

FORMAT: Final = "rotabridge-recording/1"

Scrub: TypeAlias = Callable[[str, JsonValue], object]

_NOT_FOUND: Final = b'{"error": {"code": 2100, "message": "Not Found"}}'
_JSON_HEADERS: Final = {"content-type": "application/json"}
_KEPT_HEADERS = re.compile(r"content-type|retry-after|(x-)?ratelimit-[a-z-]+", re.ASCII)
# Fields with these names contain a credential at every vendor. Each provider's ``scrub`` removes more.
_SECRET_FIELDS = re.compile(
    r"(access|refresh|id|auth)_?token|client_?secret|password|passphrase|api_?key|(integration|routing)_?key|authorization"
    r"|\w*_cal_url",
    re.IGNORECASE | re.ASCII,
)


class RecordingUnreadable(ConnectorError):
    """The document is not a recording. The message has the place and the error there."""

    code = "recording_unreadable"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint=f"A recording is a JSON document of the format {FORMAT}.", provider="")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange. host None: the provider has only one host. headers: of the response; JSON if none were recorded.

    body: the bytes of the response.
    """

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    status: int
    body: bytes
    host: str | None = None
    request_body: JsonValue = None
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON_HEADERS)


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges of one read. settings: the settings of the connection, without credentials."""

    provider: str
    settings: Mapping[str, JsonValue]
    exchanges: tuple[Recorded, ...]
    recorded_at: datetime | None = None


def load(source: str | Path | Mapping[str, JsonValue]) -> Recording:
    """Return the recording in a file or a parsed document. Unknown keys are ignored. Raises RecordingUnreadable."""
    document = source if isinstance(source, Mapping) else _parsed(Path(source))
    if document.get("format") != FORMAT:
        raise RecordingUnreadable(f"format is {document.get('format')!r}.")
    exchanges = document.get("exchanges")
    if not isinstance(exchanges, list):
        raise RecordingUnreadable("exchanges is not a list.")
    provider = document.get("provider")
    if not isinstance(provider, str) or not provider:
        raise RecordingUnreadable("provider is missing.")
    return Recording(
        provider=provider,
        settings=_object(document.get("settings"), "settings"),
        exchanges=tuple(_recorded(item, f"exchanges[{index}]") for index, item in enumerate(exchanges)),
        recorded_at=_instant(document.get("recorded_at")),
    )


class ReplayTransport:
    """Answers from a recording. An exchange matches by method, path and its recorded query parameters.

    The most specific exchange wins, then the first. If none matches, the answer is the vendor's 404, and the request is
    kept in ``unmatched_requests``.
    """

    def __init__(self, recording: Recording) -> None:
        self._by_address: dict[tuple[str, str], list[Recorded]] = {}
        for recorded in recording.exchanges:
            self._by_address.setdefault(_address(recorded.method, recorded.path), []).append(recorded)
        self.unmatched_requests: list[Request] = []

    @property
    def unmatched(self) -> int:
        return len(self.unmatched_requests)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        query = _query(request.query)
        candidates = [
            recorded
            for recorded in self._by_address.get(_address(request.method, request.path), [])
            if _answers(recorded, request, query)
        ]
        if not candidates:
            self.unmatched_requests.append(request)
            return Response(404, _JSON_HEADERS, _NOT_FOUND)
        best = max(candidates, key=lambda recorded: _specificity(recorded, request))
        return Response(best.status, best.headers, best.body)


@dataclass(slots=True)
class Recorder:
    """A transport that records every exchange. A repeated request replaces the earlier answer.

    secrets: texts that are masked everywhere, as is the value of the Authorization header. scrub: the provider's
    function that returns the body at a path without secret fields.
    """

    transport: Transport
    provider: str
    settings: Mapping[str, JsonValue]
    secrets: Collection[str] = field(default=(), repr=False)
    scrub: Scrub | None = None
    _kept: dict[str, dict[str, JsonValue]] = field(default_factory=dict, repr=False)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        shown = (credential(value) for name, value in headers.items() if name.lower() == "authorization")
        self.secrets = tuple(dict.fromkeys((*self.secrets, *shown)))
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        self._keep(request, response)
        return response

    def dump(self, recorded_at: datetime) -> dict[str, JsonValue]:
        """Return the document for ``json.dump`` without request headers and secrets. recorded_at: aware datetime."""
        return {
            "format": FORMAT,
            "provider": self.provider,
            "settings": self._masked(dict(self.settings)),
            "recorded_at": recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "exchanges": list(self._kept.values()),
        }

    def _keep(self, request: Request, response: Response) -> None:
        sent: dict[str, JsonValue] = {"method": request.method}
        if request.host is not None:
            sent["host"] = request.host
        sent["path"] = mask_values(request.path, self.secrets)
        sent["query"] = {
            name: [MASK if _SECRET_FIELDS.fullmatch(name) else mask_values(value, self.secrets) for value in values]
            for name, values in _query(request.query).items()
        }
        if request.body is not None:
            sent["request_body"] = self._masked(request.body)
        headers: dict[str, JsonValue] = {
            name: mask_values(value, self.secrets)
            for name, value in response.headers.items()
            if _KEPT_HEADERS.fullmatch(name)
        }
        body = _body(response)
        scrubbed: object = body if self.scrub is None else self.scrub(request.path, body)
        answer: dict[str, JsonValue] = {"status": response.status, "headers": headers, "body": self._masked(scrubbed)}
        self._kept[json.dumps(sent, sort_keys=True)] = {**sent, **answer}

    def _masked(self, value: object) -> JsonValue:
        if isinstance(value, str):
            return mask_values(value, self.secrets)
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, dict):
            return {
                mask_values(key, self.secrets): MASK
                if isinstance(item, str) and _SECRET_FIELDS.fullmatch(key)
                else self._masked(item)
                for key, item in value.items()
            }
        if value is None or isinstance(value, bool | int | float):
            return value
        raise TypeError(f"scrub returned a {type(value).__name__}, which is not a JSON value")


def without_secret_fields(value: object) -> object:
    """Return a JSON value in which the text of every field with the name of a credential is masked."""
    if isinstance(value, list):
        return [without_secret_fields(item) for item in value]
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(item, str) and _SECRET_FIELDS.fullmatch(key) else without_secret_fields(item)
            for key, item in value.items()
        }
    return value


def _body(response: Response) -> JsonValue:
    if not response.body:
        return None
    if is_json(response.headers):
        with suppress(Flaw):  # recorded as text then, so that the recording shows what was received
            return decode(response.body)
    return response.body.decode("utf-8", "replace")


def _answers(recorded: Recorded, request: Request, query: Mapping[str, list[str]]) -> bool:
    if recorded.host is not None and request.host is not None and recorded.host != request.host:
        return False
    return all(sorted(values) == sorted(query.get(name, ())) for name, values in recorded.query.items())


def _specificity(recorded: Recorded, request: Request) -> tuple[int, bool]:
    """Return the sort key: more recorded parameters win, then an equal body (a POST may have its paging there)."""
    same_body = recorded.request_body is not None and recorded.request_body == request.body
    return len(recorded.query), same_body


def _address(method: str, path: str) -> tuple[str, str]:
    """Return the method and the decoded path. An encoded slash stays inside its segment."""
    return method.upper(), "/".join(unquote(part).replace("/", "%2F") for part in path.split("/"))


def _query(pairs: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


def _parsed(path: Path) -> Mapping[str, JsonValue]:
    # The strict decoder is not used: a malicious body must fail when it is replayed, not when the file is loaded.
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as exc:
        raise RecordingUnreadable(f"{path} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError):
        raise RecordingUnreadable(f"{path} is not valid JSON.") from None
    if not isinstance(document, dict):
        raise RecordingUnreadable(f"{path} is not a JSON object.")
    return document


def _recorded(item: JsonValue, place: str) -> Recorded:
    exchange = _object(item, place)
    method, path, host, status = (exchange.get(name) for name in ("method", "path", "host", "status"))
    if not isinstance(method, str) or not method:
        raise RecordingUnreadable(f"{place}.method is missing.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise RecordingUnreadable(f'{place}.path does not start with "/".')
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise RecordingUnreadable(f"{place}.status is not an HTTP status.")
    if not isinstance(host, str | None):
        raise RecordingUnreadable(f"{place}.host is not a text.")
    if "body" not in exchange:
        raise RecordingUnreadable(f"{place}.body is missing.")
    headers = _headers(exchange.get("headers", {}), f"{place}.headers")
    return Recorded(
        method=method,
        path=path,
        query={name: _texts(values, f"{place}.query.{name}") for name, values in _query_of(exchange, place).items()},
        status=status,
        body=_wire(exchange["body"], headers, f"{place}.body"),
        host=host,
        request_body=exchange.get("request_body"),
        headers=headers,
    )


def _wire(body: JsonValue, headers: Mapping[str, str], place: str) -> bytes:
    """Return the bytes of a body. None is an empty body. Text is encoded unchanged if the content type is not JSON."""
    if body is None:
        return b""
    if isinstance(body, str) and not is_json(headers):
        return body.encode("utf-8", "replace")
    try:
        return json.dumps(body).encode()
    except RecursionError:
        raise RecordingUnreadable(f"{place} is nested too deep.") from None


def _query_of(exchange: Mapping[str, JsonValue], place: str) -> Mapping[str, JsonValue]:
    return _object(exchange.get("query", {}), f"{place}.query")


def _headers(value: JsonValue, place: str) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, text in _object(value, place).items():
        if not isinstance(text, str):
            raise RecordingUnreadable(f"{place}.{name} is not a text.")
        headers[name.lower()] = text
    return headers if "content-type" in headers else {**_JSON_HEADERS, **headers}


def _texts(value: JsonValue, place: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise RecordingUnreadable(f"{place} is not a list of texts.")
    texts = tuple(item for item in value if isinstance(item, str))
    if len(texts) != len(value):
        raise RecordingUnreadable(f"{place} is not a list of texts.")
    return texts


def _object(value: JsonValue, place: str) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise RecordingUnreadable(f"{place} is not an object.")
    return value


def _instant(value: JsonValue) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RecordingUnreadable("recorded_at is not an instant with an offset, for example 2026-01-31T12:00:00Z.")
    return instant

"""Keeps the answers of a read, so that a read that was interrupted goes on without the requests that were answered.

An answer is kept without the vendor's secret fields. An answer that contains a credential is not kept at all.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from connectors.network.exchange import JsonValue, Request, Response, Transport
from connectors.network.payload import Flaw, decode, is_json
from connectors.recordings.recording import without_secret_fields
from connectors.redaction import mask_values

#: An answer with more bytes is not kept: it is requested again.
LARGEST: Final = 4_000_000
#: The statuses that are kept besides 2xx. The source gives them for one object or one list, again and again.
_KEPT: Final = frozenset({402, 403, 404, 410})


class Store(Protocol):
    """Where the answers of one read are kept.

    began: when the read began, in seconds since the epoch. It is a part of every key, so that another read never finds
    these answers.
    """

    began: float

    def find(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        ...

    def keep(self, key: str, answer: bytes) -> None:
        """Keep an answer. Raises an error if the read may not go on."""
        ...


class KeepingTransport:
    """Answers from a store what is there, and keeps there what the transport below answers.

    source: what the answers depend on besides the requests. Answers that were kept for another source are not found.
    """

    def __init__(
        self,
        transport: Transport,
        store: Store,
        source: Sequence[JsonValue],
        *,
        secrets: Collection[str],
        scrub: Callable[[str, JsonValue], object],
    ) -> None:
        self._transport = transport
        self._store = store
        self._secrets = secrets
        self._scrub = scrub
        self._read = json.dumps([*source, store.began], sort_keys=True)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        if request.form:  # it requests a token
            return self._transport.exchange(request, headers=headers, deadline=deadline)
        key = self._key(request)
        kept = self._store.find(key)
        if kept is not None:
            return _unpacked(kept)
        response = self._transport.exchange(request, headers=headers, deadline=deadline)
        if 200 <= response.status < 300 or response.status in _KEPT:
            packed = self._packed(request, response)
            if packed is not None:
                self._store.keep(key, packed)
        return response

    def _key(self, request: Request) -> str:
        # The order of the parameters, such as that of ids, may differ between two processes.
        query: list[JsonValue] = [f"{name}={value}" for name, value in sorted(request.query)]
        sent = [self._read, request.method, request.host, request.path, query, request.body]
        return hashlib.blake2b(json.dumps(sent, sort_keys=True).encode(), digest_size=16).hexdigest()

    def _packed(self, request: Request, response: Response) -> bytes | None:
        """Return the answer as bytes without secret fields. None: it cannot be kept."""
        if len(response.body) > LARGEST or not is_json(response.headers):
            return None
        try:
            body = decode(response.body)
        except Flaw:
            return None
        scrubbed: Any = without_secret_fields(self._scrub(request.path, body))
        text = json.dumps(scrubbed, separators=(",", ":"))
        if mask_values(text, self._secrets) != text:
            return None
        head = json.dumps([response.status, response.headers.get("content-type", "")])
        return zlib.compress(f"{head}\n{text}".encode(), 1)


def _unpacked(kept: bytes) -> Response:
    head, _, body = zlib.decompress(kept).partition(b"\n")
    status, content_type = json.loads(head)
    return Response(status, {"content-type": content_type}, body)

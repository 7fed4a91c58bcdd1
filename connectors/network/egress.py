"""Sends one request over the network and checks each address before it connects. Only this module uses ``requests``.

No Session is used, so redirects, cookies, proxies, environment variables and .netrc have no effect on a request.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Self, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from connectors.network.addresses import Allow, Origin, OriginRefused, is_public, parse_allow, parse_origin
from connectors.network.exchange import Request, Response, TransportFault
from connectors.network.retrying import CONNECT_SECONDS, PAGE_BYTES, READ_SECONDS, REQUEST_SECONDS

__all__ = ["Allow", "LiveTransport", "Origin", "OriginRefused", "is_public", "parse_allow", "parse_origin"]

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

_CHUNK = 65_536
_ADDRESSES_TRIED = 3


def resolve(host: str, port: int) -> Sequence[str]:
    """Return all addresses of a name, in the system's order. Raises OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


class LiveTransport:
    """Sends requests to one origin over the network. It is not thread-safe.

    origin: ``https://api.pagerduty.com``. allow: (host, port) pairs that may use http, another port and a
    private address. hosts: further origins by the ``host`` of a Request. ca_bundle: PEM file of a private authority;
    verification cannot be switched off. Raises OriginRefused for an origin that no connection may call.
    """

    def __init__(
        self,
        origin: str,
        *,
        allow: Allow = (),
        hosts: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
        page_bytes: int = PAGE_BYTES,
        resolver: Resolver = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = _checked(origin, allow)
        self._hosts = {host: _checked(text, allow) for host, text in (hosts or {}).items()}
        self._verify: bool | str = ca_bundle or True
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._request_seconds = request_seconds
        self._page_bytes = page_bytes
        self._clock = clock
        self._dialer = _GuardedDialer(allow, resolver)
        self._adapter = _GuardedAdapter(self._dialer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close kept connections. The transport can be used again."""
        self._adapter.close()

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        seconds = min(self._request_seconds, deadline - self._clock())
        if seconds <= 0:
            raise TransportFault("timeout", "no time was left for the request", retryable=True)
        prepared = self._prepare(request, headers)
        with _Watchdog(seconds) as watchdog:
            self._dialer.watchdog = watchdog
            try:
                return self._attempt(prepared, watchdog)
            except (requests.RequestException, HTTPError, OSError) as exc:
                # These exceptions contain the whole URL with its query, so they are neither chained nor quoted.
                raise (_late(seconds) if watchdog.fired else _fault(exc)) from None

    def _prepare(self, request: Request, headers: Mapping[str, str]) -> requests.PreparedRequest:
        origin = self._origin if request.host is None else self._hosts.get(request.host)
        if origin is None or not request.path.startswith("/"):
            raise TransportFault("address", "the request leads away from the hosts of this source", retryable=False)
        body: dict[str, Any] = {"data" if request.form else "json": request.body}
        prepared = requests.Request(request.method, f"{origin}/", headers=dict(headers), **body).prepare()
        prepared.headers.setdefault("Accept-Encoding", "gzip, identity")
        # Set afterwards: requests would decode and re-encode the path, and one segment could become two.
        prepared.url = f"{origin}{request.target}"
        return prepared

    def _attempt(self, prepared: requests.PreparedRequest, watchdog: "_Watchdog") -> Response:
        opened = self._dialer.opened
        try:
            answer = self._send(prepared)
        except requests.ConnectionError:
            if watchdog.fired or self._dialer.opened > opened:
                raise
            # The peer may have closed the kept connection meanwhile: send the request on a new connection.
            answer = self._send(prepared)
        with closing(answer):
            body = b"".join(self._chunks(answer))
        # After the watchdog shut the socket, the answer looks complete, so the watchdog is checked first.
        if watchdog.fired:
            raise _late(watchdog.seconds)
        return Response(answer.status_code, {name.lower(): text for name, text in answer.headers.items()}, body)

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        timeout = (self._connect_seconds, self._read_seconds)
        return self._adapter.send(prepared, stream=True, timeout=timeout, verify=self._verify)

    def _chunks(self, answer: requests.Response) -> Iterator[bytes]:
        size = 0
        for chunk in answer.iter_content(_CHUNK):
            size += len(chunk)
            if size > self._page_bytes:
                raise TransportFault("limits", f"the answer is larger than {self._page_bytes} bytes", retryable=False)
            yield chunk


def _checked(text: str, allow: Allow) -> Origin:
    """Return the origin. Raises OriginRefused if ``requests`` reads another host or port than we do."""
    origin = parse_origin(text, allow)
    prepared = requests.Request("GET", f"{origin}/").prepare()
    if prepared.url != f"{origin}/":
        raise OriginRefused(f"{origin} is read differently by the HTTP library.")
    return origin


def _late(seconds: float) -> TransportFault:
    return TransportFault("timeout", f"the answer was not complete within {seconds:g} s", retryable=True)


def _fault(exc: BaseException) -> TransportFault:
    """Return the fault for an exception of a library, without the text of the exception."""
    causes = list(_causes(exc))
    for cause in causes:
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return TransportFault("broken", "the connection was cut inside TLS", retryable=True)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TransportFault("tls", f"the certificate was refused: {cause.verify_message}", retryable=False)
        if isinstance(cause, ssl.SSLError):
            return TransportFault("tls", f"the TLS handshake failed: {cause.reason}", retryable=False)
    if isinstance(exc, requests.Timeout):
        return TransportFault("timeout", "the source did not answer in time", retryable=True)
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and isinstance(cause.strerror, str)]
    return TransportFault("broken", f"the answer broke off ({(reasons or [type(exc).__name__])[-1]})", retryable=True)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all that it wraps in args, reason, cause and context, as requests and urllib3 do."""
    pending, seen = [exc], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        pending += [inner for inner in wrapped if isinstance(inner, BaseException)]


class _Watchdog:
    """Shuts the socket when the time is over, also if a slow peer resets the read time-out with each byte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.fired = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def watch(self, sock: socket.socket) -> None:
        """Keep a second handle of the socket, because TLS takes over the first and the library may close it early."""
        with self._lock:
            if self.fired:
                raise _late(self.seconds)
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))

    def _fire(self) -> None:
        with self._lock:
            self.fired = True
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the peer has already closed it


class _GuardedDialer:
    """Opens connections: looks a name up once, checks all its addresses and connects to a checked address."""

    def __init__(self, allow: Allow, resolver: Resolver) -> None:
        self._allow = frozenset(allow)
        self._resolver = resolver
        self.watchdog = _Watchdog(REQUEST_SECONDS)
        self.opened = 0

    def open(self, host: str, port: int, timeout: Any, options: Any) -> socket.socket:
        try:
            addresses = self._resolver(host, port)
        except (OSError, UnicodeError):
            raise TransportFault("connect", f"the name {host} was not found", retryable=True) from None
        if (host, port) not in self._allow and not all(is_public(address) for address in addresses):
            raise TransportFault("address", f"{host} leads to an address that is not public", retryable=False)
        reason = "no address"
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                sock = create_connection((address, port), timeout, socket_options=options)
            except OSError as exc:
                reason = exc.strerror or "timed out"
            else:
                self.opened += 1
                self._watch(sock)
                return sock
        raise TransportFault("connect", f"no connection to {host} port {port} ({reason})", retryable=True)

    def _watch(self, sock: socket.socket) -> None:
        try:
            self.watchdog.watch(sock)
        except TransportFault:
            sock.close()
            raise


class _GuardedAdapter(HTTPAdapter):
    """An adapter that opens connections with ``_GuardedDialer``. SNI and certificate check still use the host name."""

    def __init__(self, dialer: _GuardedDialer) -> None:
        self._dialer = dialer
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        dialer = self._dialer

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return dialer.open(self.host, self.port, self.timeout, self.socket_options)

            def request(self, *args: Any, **kwargs: Any) -> None:
                if self.sock is not None:  # kept from the previous request
                    dialer.watchdog.watch(self.sock)
                super().request(*args, **kwargs)

        class Tls(Plain, HTTPSConnection):
            pass

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

"""An HTTP server on the loopback that answers with a simulated vendor and carries out planned faults."""

import json
import socket
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from connectors.simulator import control
from connectors.simulator.exchange import Answer, Limit, Request, Vendor
from connectors.simulator.faults import Fault, Faults

LoggedRequest = tuple[str, str, dict[str, list[str]], int]
_MAX_REQUEST_BODY = 1_000_000
_HTML = b"<!DOCTYPE html><html><head><title>Down</title></head><body><h1>Something went wrong</h1></body></html>"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: "Server") -> None:
        self.owner = owner
        self.open_connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Server:
    """Serves one vendor at ``http://host:port``.

    ``requests`` logs (method, path, query, status) of the latest 20,000 requests, without those to the control plane.
    ``faults`` and ``rate_limit`` may be changed while the server runs.
    """

    def __init__(self, vendor: Vendor, rate_limit: Limit, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.vendor = vendor
        self.faults = Faults()
        self.rate_limit = rate_limit
        self.requests: deque[LoggedRequest] = deque(maxlen=20_000)
        self.stopping = threading.Event()
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> Any:
        return self.vendor.state

    @property
    def origin(self) -> str:
        if self._server is None:
            raise RuntimeError("The simulator is not running: call start() first.")
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> str:
        """Listen, serve from a daemon thread and return the origin. Raises OSError when the port is taken."""
        if self._server is not None:
            raise RuntimeError("The simulator is already running.")
        self.stopping.clear()
        self._server = _Server(self._address, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulator", daemon=True)
        self._thread.start()
        return self.origin

    def stop(self) -> None:
        """Stop serving and close every open connection. Does nothing when the server does not run."""
        if self._server is None or self._thread is None:
            return
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in tuple(self._server.open_connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client has closed it already
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def decide(self, request: Request) -> tuple[Answer, Fault | None]:
        """Return the answer and the fault to carry out while the answer is sent (None = no fault)."""
        quota = self.rate_limit.count(request.headers.get("authorization", ""), self.vendor.domain(request))
        headers = self.vendor.quota_headers(quota)
        if quota.exceeded:
            refused = self.vendor.refusal(429)
            refused.headers.update(headers)
            return refused, None
        fault, wait = self.faults.strike(request)
        if wait:
            self.stopping.wait(wait)
        if fault is None:
            answer = self.vendor.answer(request)
        elif fault.kind == "status":
            answer = self._failure(fault)
            if fault.body == "none":
                return answer, None
        elif fault.kind == "redirect":
            answer = Answer(302, headers={"Location": fault.location})
        elif fault.kind == "html":
            answer = Answer(200, body=_HTML, content_type="text/html")
        elif fault.kind == "empty":
            answer = Answer(200)
        elif fault.kind == "shrink":
            answer = self.vendor.answer(replace(request, shrink=fault.items))
        elif fault.kind == "loop":
            answer = self.vendor.answer(replace(request, loop=True))
        else:
            answer = self.vendor.answer(request)
        answer.headers = {**headers, **answer.headers}
        return answer, fault

    def _failure(self, fault: Fault) -> Answer:
        if fault.body == "json":
            answer = self.vendor.refusal(fault.status)
        elif fault.body == "html":
            answer = Answer(fault.status, body=_HTML, content_type="text/html")
        else:
            answer = Answer(fault.status)
        answer.headers.update(fault.headers)
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open_connections.add(self.connection)

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Write no log here: the owner logs requests."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = parse_qs(parts.query, keep_blank_values=True)
        body = self._read_body(headers)
        if control.is_control(parts.path):
            answer, fault = (
                control.answer(self.server.owner, self.command, parts.path, headers, body, self._peer()),
                None,
            )
        else:
            request = Request(self.command, parts.path, query, headers, body=body, raw_query=parts.query)
            answer, fault = self.server.owner.decide(request)
            self.server.owner.requests.append((self.command, parts.path, query, answer.status))
        self._send(answer, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _handle  # noqa: N815

    def _peer(self) -> str:
        return str(self.client_address[0])

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        size = int(length) if length.isdecimal() else 0
        if size > _MAX_REQUEST_BODY or "transfer-encoding" in headers:
            self.close_connection = True
            return b""
        return self.rfile.read(size) if size else b""

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        body = answer.body
        if body is None:
            body = b"" if answer.payload is None else json.dumps(answer.payload, ensure_ascii=False).encode()
        kind = fault.kind if fault else None
        if kind == "truncated":
            body = body[: len(body) // 2]
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if body or kind == "endless":
            self.send_header("Content-Type", "text/plain" if kind == "mistyped" else answer.content_type)
        if kind == "endless":
            self.close_connection = True
            self.send_header("Connection", "close")
        elif answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind == "cut":
            self.close_connection = True
            self.wfile.write(body[: len(body) // 2])
        elif kind == "endless":
            self._send_for_ever(body)
        elif kind == "drip" and fault is not None:
            self._drip(body, fault.seconds)
        else:
            self.wfile.write(body)

    def _send_for_ever(self, body: bytes) -> None:
        self.wfile.write(body)
        while not self.server.owner.stopping.is_set():
            self.wfile.write(b" " * 65_536)
            self.wfile.flush()

    def _drip(self, body: bytes, seconds: float) -> None:
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
            if self.server.owner.stopping.wait(seconds):
                self.close_connection = True
                return

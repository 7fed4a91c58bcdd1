"""A server on loopback that misbehaves on demand: raw sockets, one thread per connection, bounded waits."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Self

Behaviour = Callable[["Peer"], None]


def message(
    body: bytes | object = b"{}",
    *,
    status: str = "200 OK",
    headers: tuple[tuple[str, str], ...] = (),
    content_type: str | None = "application/json",
    length: int | None = -1,
) -> bytes:
    """A whole HTTP answer. ``length`` -1: the true one, None: no Content-Length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if length is not None:
        lines.append(f"Content-Length: {len(content) if length == -1 else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


class Peer:
    """One request as a behaviour sees it: ``head`` is what was received, ``count`` which request to its path it is."""

    def __init__(self, sock: socket.socket, head: bytes, count: int, stopped: threading.Event) -> None:
        self.sock = sock
        self.head = head
        self.count = count
        self.stopped = stopped

    def drip(self, data: bytes, pause: float = 0.02) -> None:
        for byte in data:
            if self.stopped.wait(pause):
                return
            self.sock.sendall(bytes([byte]))

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def silence(self) -> None:
        self.stopped.wait(5)


def sends(data: bytes) -> Behaviour:
    return lambda peer: peer.sock.sendall(data)


def drips(data: bytes) -> Behaviour:
    return lambda peer: peer.drip(data)


def in_turn(*steps: Behaviour) -> Behaviour:
    def behave(peer: Peer) -> None:
        for step in steps:
            step(peer)

    return behave


class FaultServer:
    """``server.on(path, behaviour)``; the connection is closed after each behaviour unless ``keep_alive``."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.heads: list[bytes] = []
        self.connections = 0
        self.keep_alive = False
        self.to_tls = message(b"", status="400 Bad Request")
        self._behaviours: dict[str, Behaviour] = {}
        self._counts: dict[str, int] = {}
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(2)
        self._listener.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> set[tuple[str, int]]:
        return {("127.0.0.1", self.port)}

    def on(self, path: str, behaviour: Behaviour) -> None:
        self._behaviours[path] = behaviour

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(2)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            while self._one(sock) and self.keep_alive:
                pass
        except OSError:
            return  # the client went away, or refused our certificate: that is what is being tested
        finally:
            sock.close()

    def _complete(self, data: bytes) -> bool:
        if data and not data.startswith((b"GET", b"POST")):
            return True  # a TLS greeting: there is no more to wait for
        head, end, body = data.partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return bool(end) and len(body) >= int(lengths[0] if lengths else 0)

    def _one(self, sock: socket.socket) -> bool:
        head = b""
        while not self._complete(head):
            data = sock.recv(65536)
            if not data:
                return False
            head += data
        self.heads.append(head)
        if not head.startswith((b"GET", b"POST")):
            sock.sendall(self.to_tls)
            return False
        path = head.split(b" ")[1].decode().partition("?")[0]
        self._counts[path] = self._counts.get(path, 0) + 1
        self._behaviours.get(path, sends(message()))(Peer(sock, head, self._counts[path], self._stopped))
        return True

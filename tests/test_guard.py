"""The guard of conftest.py: no test reaches another machine."""

import socket

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1", "169.254.169.254"])
def test_it_refuses_foreign_hosts(host: str) -> None:
    with pytest.raises(AssertionError, match="tests may not reach"):
        socket.create_connection((host, 80), timeout=1)
    with socket.socket() as sock, pytest.raises(AssertionError, match="tests may not reach"):
        sock.connect((host, 80))
    with socket.socket() as sock, pytest.raises(AssertionError, match="tests may not reach"):
        sock.connect_ex((host, 80))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_allows_this_machine(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port), timeout=1) as client:
            assert client.getpeername()[1] == port


def test_it_allows_unix_sockets() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"

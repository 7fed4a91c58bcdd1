"""One attempt over real sockets: every way a connection can go wrong, on loopback."""

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.network import egress
from connectors.network.egress import LiveTransport, OriginRefused
from connectors.network.exchange import Request, Response, TransportFault
from tests.connectors.network.fault_server import Behaviour, FaultServer, Peer, drips, in_turn, message, sends

LOCAL = "127.0.0.1"
PUBLIC = "93.184.216.34"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def ask(server: FaultServer, request: Request | None = None, *, seconds: float = 5, **options: object) -> Response:
    with LiveTransport(server.origin, allow=server.allow, **options) as transport:  # type: ignore[arg-type]
        return transport.exchange(
            request or Request("GET", "/x"),
            headers={"Authorization": "Token token=abc"},
            deadline=time.monotonic() + seconds,
        )


def fault_of(call: Callable[[], object]) -> TransportFault:
    with pytest.raises(TransportFault) as caught:
        call()
    assert "token" not in str(caught.value).lower()
    return caught.value


def test_it_sends_the_request_as_it_is_and_returns_the_answer(server: FaultServer) -> None:
    server.on("/a%2Fb/%2E%2E", sends(message({"ok": 1}, headers=(("RateLimit-Remaining", "7"),))))
    answer = ask(server, Request("GET", "/a%2Fb/%2E%2E", (("include[]", "x y"), ("include[]", "ü"), ("offset", "0"))))
    assert (answer.status, answer.body) == (200, b'{"ok": 1}')
    assert answer.headers["ratelimit-remaining"] == "7"
    head = server.heads[0].decode()
    assert head.startswith("GET /a%2Fb/%2E%2E?include%5B%5D=x+y&include%5B%5D=%C3%BC&offset=0 HTTP/1.1\r\n")
    assert "\r\nAuthorization: Token token=abc\r\n" in head
    assert "\r\nAccept-Encoding: gzip, identity\r\n" in head
    assert f"\r\nHost: 127.0.0.1:{server.port}\r\n" in head


def test_it_posts_a_json_body(server: FaultServer) -> None:
    ask(server, Request("POST", "/x", body={"after": "é"}))
    head = server.heads[0]
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert head.endswith(b'{"after": "\\u00e9"}')


def test_it_keeps_the_connection_and_survives_its_end(server: FaultServer) -> None:
    server.keep_alive = True
    with LiveTransport(server.origin, allow=server.allow) as transport:
        for _ in range(3):
            transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)
        assert server.connections == 1
        server.keep_alive = False
        for _ in range(3):
            transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)
    # The server may see the switch before it waits for the fourth request or after it: the kept connection then ends
    # before that request or with it. Either way every request was answered.
    assert server.connections in (3, 4)


def test_a_request_on_a_kept_connection_that_breaks_is_repeated_only_once(server: FaultServer) -> None:
    server.keep_alive = True
    server.on("/reset", Peer.reset)
    with LiveTransport(server.origin, allow=server.allow) as transport:
        transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)
        fault = fault_of(
            lambda: transport.exchange(Request("GET", "/reset"), headers={}, deadline=time.monotonic() + 5)
        )
    assert (fault.kind, fault.retryable) == ("broken", True)
    assert [head.split()[1] for head in server.heads] == [b"/x", b"/reset", b"/reset"]


def test_it_goes_only_to_the_hosts_it_was_given(server: FaultServer) -> None:
    with FaultServer() as other:
        transport = LiveTransport(
            server.origin, allow=server.allow | other.allow, hosts={"identity.example.com": other.origin}
        )
        with transport:
            deadline = time.monotonic() + 5
            transport.exchange(Request("GET", "/x", host="identity.example.com"), headers={}, deadline=deadline)
            for request in (Request("GET", "/x", host="evil.example"), Request("GET", "@evil.example/x")):
                fault = fault_of(lambda: transport.exchange(request, headers={}, deadline=deadline))  # noqa: B023
                assert (fault.kind, fault.retryable) == ("address", False)
        assert len(other.heads) == 1
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_follows_no_redirect(server: FaultServer, status: int) -> None:
    with FaultServer() as trap:
        for target in (
            f"{trap.origin}/x",
            f"//127.0.0.1:{trap.port}/",
            "/elsewhere",
            "https://127.0.0.1/",
            "ftp://x",
            "",
        ):
            server.on("/x", sends(message(b"", status=f"{status} Moved", headers=(("Location", target),))))
            assert ask(server).status == status
        assert trap.connections == 0
    assert {head.split()[1] for head in server.heads} == {b"/x"}


def test_it_ignores_netrc_proxies_and_cookies(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {LOCAL} login planted password planted\n")
    netrc.chmod(0o600)
    server.on("/x", sends(message(headers=(("Set-Cookie", "planted=1; Path=/"),))))
    with FaultServer() as trap:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, trap.origin)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("NO_PROXY", raising=False)
        with LiveTransport(server.origin, allow=server.allow) as transport:
            for _ in range(2):
                transport.exchange(
                    Request("GET", "/x"), headers={"Authorization": "Token token=abc"}, deadline=time.monotonic() + 5
                )
        assert trap.connections == 0
    for head in server.heads:
        assert head.lower().count(b"authorization:") == 1
        assert b"Authorization: Token token=abc" in head
        assert b"planted" not in head


WHOLE = message({"users": ["a" * 500]})
BROKEN: dict[str, Behaviour] = {
    "closed before the status line": lambda peer: None,
    "reset before the status line": Peer.reset,
    "no HTTP at all": sends(b"SSH-2.0-OpenSSH_9\r\n\r\n"),
    "cut body with a length": sends(WHOLE[:-40]),
    "reset inside the body": in_turn(sends(WHOLE[:-40]), lambda peer: time.sleep(0.05), Peer.reset),
    "cut chunk": sends(message(b"40\r\n{}", length=None, headers=(("Transfer-Encoding", "chunked"),))),
    "bad chunk size": sends(message(b"zz\r\n{}\r\n", length=None, headers=(("Transfer-Encoding", "chunked"),))),
    "two lengths": sends(message(b"{}", headers=(("Content-Length", "5"),))),
    "bad gzip": sends(message(b"this is not gzip", headers=(("Content-Encoding", "gzip"),))),
    "too many headers": sends(message(headers=tuple((f"X-{n}", "y") for n in range(200)))),
    "endless header": sends(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_never_returns_a_part_of_an_answer(server: FaultServer, name: str) -> None:
    server.on("/x", BROKEN[name])
    fault = fault_of(lambda: ask(server, Request("GET", "/x", (("apiKey", "TOKENsecret"),))))
    assert (fault.kind, fault.retryable) == ("broken", True)
    assert fault.__cause__ is None
    assert fault.__suppress_context__


def test_a_cut_inside_the_headers_looks_empty_not_whole(server: FaultServer) -> None:
    server.on("/x", sends(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"))
    assert ask(server).body == b""


def test_a_cut_without_length_cannot_be_seen_here(server: FaultServer) -> None:
    server.on("/x", sends(message({"users": [1, 2]}, length=None)[:-4]))
    assert ask(server).body == b'{"users": [1,'


DRIPS: dict[str, Behaviour] = {
    "status line": drips(b"HTTP/1.1 200 OK" * 50),
    "headers": in_turn(sends(b"HTTP/1.1 200 OK\r\n"), drips(b"X-A: b\r\n" * 60)),
    "body with a length": in_turn(sends(message(b"", length=900)), drips(b"{" * 300)),
    "body without a length": in_turn(sends(message(b"", length=None)), drips(b"{" * 300)),
    "body before Connection: close": in_turn(
        sends(message(b"", length=900, headers=(("Connection", "close"),))), drips(b"{" * 300)
    ),
    "silence": Peer.silence,
}


@pytest.mark.parametrize("name", DRIPS)
def test_it_ends_at_its_deadline_whatever_drips(server: FaultServer, name: str) -> None:
    server.on("/x", DRIPS[name])
    started = time.monotonic()
    fault = fault_of(lambda: ask(server, request_seconds=0.3))
    assert 0.25 < time.monotonic() - started < 1.5
    assert (fault.kind, fault.retryable) == ("timeout", True)
    assert "0.3 s" in str(fault)


def test_it_guards_a_kept_connection_as_well(server: FaultServer) -> None:
    server.keep_alive = True
    server.on("/drip", DRIPS["headers"])
    with LiveTransport(server.origin, allow=server.allow) as transport:
        transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 30)
        fault = fault_of(
            lambda: transport.exchange(Request("GET", "/drip"), headers={}, deadline=time.monotonic() + 0.4)
        )
        assert fault.kind == "timeout"
    assert server.connections == 1


def test_it_obeys_the_read_timeout_and_the_callers_deadline(server: FaultServer) -> None:
    server.on("/x", Peer.silence)
    assert fault_of(lambda: ask(server, read_seconds=0.1)).kind == "timeout"
    fault = fault_of(lambda: ask(server, seconds=0.2))
    assert fault.kind == "timeout"
    assert fault_of(lambda: ask(server, seconds=-1)).kind == "timeout"
    assert len(server.heads) == 2


def test_it_leaves_no_thread_and_no_timer_behind(server: FaultServer) -> None:
    ask(server)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(1)
    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_it_stops_at_the_byte_cap_without_holding_the_bomb(server: FaultServer) -> None:
    bomb = gzip.compress(b"[" + b"0" * 60_000_000 + b"]", 1)
    server.on("/x", sends(message(bomb, headers=(("Content-Encoding", "gzip"),))))
    tracemalloc.start()
    try:
        fault = fault_of(lambda: ask(server))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (fault.kind, fault.retryable) == ("limits", False)
    assert peak < 50_000_000


def test_it_stops_an_endless_body(server: FaultServer) -> None:
    def endless(peer: Peer) -> None:
        peer.sock.sendall(message(b"", length=None))
        while not peer.stopped.is_set():
            peer.sock.sendall(b"x" * 65536)

    server.on("/x", endless)
    assert fault_of(lambda: ask(server, page_bytes=500_000)).kind == "limits"


def test_it_reads_gzip(server: FaultServer) -> None:
    server.on("/x", sends(message(gzip.compress(b'{"a": 1}'), headers=(("Content-Encoding", "gzip"),))))
    assert ask(server).body == b'{"a": 1}'


def test_a_refused_connection_is_worth_another_try() -> None:
    with socket.create_server((LOCAL, 0)) as closed:
        port = closed.getsockname()[1]
    with LiveTransport(f"http://{LOCAL}:{port}", allow={(LOCAL, port)}) as transport:
        fault = fault_of(lambda: transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5))
    assert (fault.kind, fault.retryable) == ("connect", True)
    assert "refused" in str(fault)


def test_a_look_up_that_takes_all_the_time_opens_no_request(server: FaultServer) -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.2)
        return [LOCAL]

    fault = fault_of(lambda: ask(server, seconds=0.1, resolver=slow))
    assert fault.kind == "timeout"
    assert server.heads == []


def by_name(answers: list[str] | Exception) -> LiveTransport:
    def resolver(host: str, port: int) -> list[str]:
        if isinstance(answers, Exception):
            raise answers
        return answers

    return LiveTransport("https://source.example.com", resolver=resolver)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_an_unknown_name_is_worth_another_try(error: Exception) -> None:
    fault = fault_of(lambda: by_name(error).exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5))
    assert (fault.kind, fault.retryable) == ("connect", True)
    assert "source.example.com" in str(fault)
    assert (
        fault_of(lambda: by_name([]).exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)).kind
        == "connect"
    )


def test_the_default_resolver_asks_the_system() -> None:
    assert LOCAL in egress.resolve("localhost", 80)


@pytest.mark.parametrize(
    "answers",
    [[LOCAL], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], [PUBLIC, LOCAL]],
)
def test_no_packet_leaves_when_one_answer_is_not_public(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: opened.append(address))
    fault = fault_of(lambda: by_name(answers).exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5))
    assert (fault.kind, fault.retryable) == ("address", False)
    assert opened == []


def test_alternating_answers_never_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up, opened = 0, list[str]()

    def resolver(host: str, port: int) -> list[str]:
        nonlocal looked_up
        looked_up += 1
        return [PUBLIC if looked_up % 2 else LOCAL]

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        opened.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *args: [(socket.AF_INET, 1, 6, "", (host, port))])
    transport = LiveTransport("https://source.example.com", resolver=resolver)
    kinds = [
        fault_of(lambda: transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)).kind
        for _ in range(1000)
    ]
    assert looked_up == 1000
    assert (kinds.count("connect"), kinds.count("address")) == (500, 500)
    assert set(opened) == {PUBLIC}


def test_it_tries_the_next_address(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    allow = {("source.example.com", server.port)}
    origin = f"http://source.example.com:{server.port}"
    with LiveTransport(origin, allow=allow, resolver=lambda host, port: ["127.0.0.9", LOCAL]) as transport:
        answer = transport.exchange(Request("GET", "/x"), headers={}, deadline=time.monotonic() + 5)
    assert answer.status == 200
    assert f"Host: source.example.com:{server.port}".encode() in server.heads[0]


def usage(*, signs: bool) -> x509.KeyUsage:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    none = dict.fromkeys((*names, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=signs, crl_sign=signs, **none)


def certificate(
    folder: Path, name: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None, *, days: int = 30
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    issuer, signing_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(LOCAL))]), critical=False
        )
        # Python 3.13 verifies strictly: without these two and the usage an authority is none.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .add_extension(usage(signs=signer is None), critical=True)
        .sign(signing_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.pem").write_bytes(cert.public_bytes(pem) + private)
    return cert, key


@pytest.fixture
def tls(tmp_path: Path) -> Callable[..., FaultServer]:
    authority = certificate(tmp_path, "authority", None)

    def make(name: str = "source.example.com", *, days: int = 30, self_signed: bool = False) -> FaultServer:
        certificate(tmp_path, name, None if self_signed else authority, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / f"{name}.pem")
        return FaultServer(context)

    return make


def ask_tls(server: FaultServer, tmp_path: Path, *, trusted: bool = True, seconds: float = 5) -> Response:
    transport = LiveTransport(
        f"https://source.example.com:{server.port}",
        allow={("source.example.com", server.port)},
        resolver=lambda host, port: [LOCAL],
        ca_bundle=str(tmp_path / "authority.pem") if trusted else None,
    )
    with transport:
        return transport.exchange(
            Request("GET", "/x"), headers={"Authorization": "Token token=abc"}, deadline=time.monotonic() + seconds
        )


def test_it_checks_the_certificate_on_the_name_not_the_address(tls: Callable[..., FaultServer], tmp_path: Path) -> None:
    with tls() as server:
        names: list[str | None] = []
        assert server.tls is not None
        server.tls.sni_callback = lambda sock, name, context: names.append(name)
        assert ask_tls(server, tmp_path).status == 200
        assert names == ["source.example.com"]


@pytest.mark.parametrize(
    ("options", "trusted"),
    [
        ({}, False),
        ({"name": "other.example.com"}, True),
        ({"days": -1}, True),
        ({"self_signed": True}, True),
    ],
    ids=["unknown authority", "wrong host", "expired", "self-signed"],
)
def test_it_refuses_a_bad_certificate_before_it_sends_anything(
    tls: Callable[..., FaultServer], tmp_path: Path, options: dict[str, object], trusted: bool
) -> None:
    with tls(**options) as server:
        fault = fault_of(lambda: ask_tls(server, tmp_path, trusted=trusted))
        assert (fault.kind, fault.retryable) == ("tls", False)
        assert server.heads == []


def test_it_refuses_a_server_without_tls(server: FaultServer, tmp_path: Path) -> None:
    fault = fault_of(lambda: ask_tls(server, tmp_path, trusted=False, seconds=1))
    assert (fault.kind, fault.retryable) == ("tls", False)
    assert not any(b"Token" in head for head in server.heads)


def test_a_handshake_cut_short_is_worth_another_try(server: FaultServer, tmp_path: Path) -> None:
    server.to_tls = b""
    fault = fault_of(lambda: ask_tls(server, tmp_path, trusted=False))
    assert (fault.kind, fault.retryable) == ("broken", True)


def test_it_ends_a_drip_inside_tls(tls: Callable[..., FaultServer], tmp_path: Path) -> None:
    with tls() as server:
        for name in ("headers", "body with a length"):
            server.on("/x", DRIPS[name])
            started = time.monotonic()
            fault = fault_of(lambda: ask_tls(server, tmp_path, seconds=0.4))
            assert fault.kind == "timeout"
            assert time.monotonic() - started < 1.5


def test_a_connection_cut_inside_tls_is_worth_another_try(tls: Callable[..., FaultServer], tmp_path: Path) -> None:
    with tls() as server:
        server.on("/x", lambda peer: peer.sock.close())
        fault = fault_of(lambda: ask_tls(server, tmp_path))
        assert (fault.kind, fault.retryable) == ("broken", True)


def test_there_is_no_origin_that_skips_the_check() -> None:
    for origin in ("http://api.pagerduty.com", "https://127.0.0.1", "https://api.pagerduty.com:8443"):
        with pytest.raises(OriginRefused):
            LiveTransport(origin)

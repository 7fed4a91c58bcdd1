"""Which addresses and origins are refused. The vectors are the special-purpose registries of IANA and parser traps."""

import pytest
import requests

from connectors.network.egress import LiveTransport, OriginRefused, is_public, parse_allow, parse_origin

PRIVATE = """
127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1
192.168.255.255 169.254.169.254 169.254.0.1 100.64.0.1 100.127.255.255 192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1
198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 192.88.99.1 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 febf::1 fc00::1 fdff::1 fd00:ec2::254 ff00::1 ff02::1 ff0e::1
fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:169.254.169.254 ::127.0.0.1 ::8.8.8.8
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808::1
2001:0:7f00:1::1 2001::1 2001:20::1 2001:db8::1 3fff::1 5f00::1 4000::1 2606:4700::1111%1
""".split()  # noqa: SIM905 - a table to read
PUBLIC = """
8.8.8.8 1.1.1.1 93.184.216.34 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 223.255.255.254
2606:4700::1111 2a00:1450:4001:830::200e 2001:4860:4860::8888 2003::1
""".split()  # noqa: SIM905 - a table to read

URLS = [
    "http://acme.xmatters.com",
    "ftp://acme.xmatters.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://acme.xmatters.com",
    "//acme.xmatters.com",
    "acme.xmatters.com",
    "",
    " ",
    "https://",
    "https:///acme.xmatters.com",
    "https:acme.xmatters.com",
    "https:/acme.xmatters.com",
    "https:\\\\acme.xmatters.com",
    r"https://evil.example\.xmatters.com/",
    r"https://acme.xmatters.com\@evil.example/",
    r"https://acme.xmatters.com\.evil.example",
    "https://evil.example\t.xmatters.com",
    "https://evil.example\n.xmatters.com",
    "https://acme.xmatters.com\r\nHost: evil.example",
    "https://acme.xmatters.com\n",
    "\thttps://acme.xmatters.com",
    " https://acme.xmatters.com",
    "https://acme.xmatters.com ",
    "https://acme.xmatters.com\x00",
    "https://acme.xmatters.com%2eevil.example/",
    "https://acme%00.xmatters.com",
    "https://acme．xmatters．com",
    "https://acme。xmatters.com",
    "https://аcme.xmatters.com",
    "https://ⓐcme.xmatters.com",
    "https://acme.xmatters.com:99999",
    "https://acme.xmatters.com:0",
    "https://acme.xmatters.com:-1",
    "https://acme.xmatters.com:80",
    "https://acme.xmatters.com:8443",
    "https://acme.xmatters.com:",
    "https://acme.xmatters.com:٤٤٣",
    "https://acme.xmatters.com:443:443",
    "https://user@acme.xmatters.com",
    "https://user:pass@acme.xmatters.com",
    "https://acme.xmatters.com@evil.example",
    "https://acme.xmatters.com#@evil.example",
    "https://acme.xmatters.com?@evil.example",
    "https://acme.xmatters.com#",
    "https://acme.xmatters.com?",
    "https://acme.xmatters.com/",
    "https://acme.xmatters.com/api",
    "https://acme.xmatters.com//evil.example",
    "https://acme.xmatters.com.",
    "https://.xmatters.com",
    "https://acme..xmatters.com",
    "https://-acme.xmatters.com",
    "https://acme-.xmatters.com",
    "https://ac_me.xmatters.com",
    "https://ACME.xmatters.com",
    "HTTPS://acme.xmatters.com",
    "https://" + "a" * 64 + ".xmatters.com",
    "https://" + "a." * 127 + "com",
    "https://localhost",
    "https://foo.localhost",
    "https://metadata.google.internal",
    "https://printer.local",
    "https://router.home.arpa",
    "https://intranet",
    "https://127.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.1",
    "https://0177.0.0.1",
    "https://0",
    "https://169.254.169.254",
    "https://8.8.8.8",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://[fe80::1%25eth0]",
    "https://[2606:4700::1111]",
    "https://[::1",
    "https://::1",
    "https://*.xmatters.com",
    "https://${host}.xmatters.com",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_it_calls_no_special_address_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_it_calls_ordinary_addresses_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "acme.example.com", "127.1", "2130706433", "0x7f.1", "8.8.8.8 ", "08.8.8.8", "[::1]"]
)
def test_it_calls_what_is_no_address_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("url", URLS)
def test_it_refuses_an_origin_that_is_not_plainly_https_and_a_name(url: str) -> None:
    with pytest.raises(OriginRefused):
        parse_origin(url)
    with pytest.raises(OriginRefused):
        LiveTransport(url)
    with pytest.raises(OriginRefused):
        LiveTransport("https://acme.xmatters.com", hosts={"other": url})


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://api.pagerduty.com", "api.pagerduty.com"),
        ("https://api.eu.pagerduty.com", "api.eu.pagerduty.com"),
        ("https://acme-2.xmatters.com:443", "acme-2.xmatters.com"),
        ("https://xn--mnchen-3ya.example.org", "xn--mnchen-3ya.example.org"),
    ],
)
def test_it_accepts_the_origins_of_vendors_as_the_http_library_reads_them(text: str, host: str) -> None:
    origin = parse_origin(text)
    assert (origin.scheme, origin.host, origin.port) == ("https", host, 443)
    assert requests.Request("GET", f"{origin}/").prepare().url == f"https://{host}/"
    LiveTransport(text).close()


def test_it_opens_only_the_allowed_pair_of_host_and_port() -> None:
    allow = parse_allow(["127.0.0.1:8123", " [::1]:8123 ", "simulator:80", "", "API.example.com:8443"])
    assert allow == {("127.0.0.1", 8123), ("::1", 8123), ("simulator", 80), ("api.example.com", 8443)}
    for text in ("http://127.0.0.1:8123", "http://[::1]:8123", "http://simulator", "https://api.example.com:8443"):
        assert str(parse_origin(text, allow)) == text
    for text in ("http://127.0.0.1:8124", "http://127.0.0.2:8123", "https://simulator", "http://api.example.com"):
        with pytest.raises(OriginRefused):
            parse_origin(text, allow)


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "127.0.0.1:", ":80", "host:0", "host:65536", "host:x", "http://host:80", "::1:80", "a b:80"]
)
def test_it_names_an_allow_entry_it_cannot_read(entry: str) -> None:
    with pytest.raises(ValueError, match="EGRESS_ALLOW") as caught:
        parse_allow(["127.0.0.1:1", entry])
    assert repr(entry.strip()) in str(caught.value)

"""Decides which addresses and origins a connection may reach. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

Allow: TypeAlias = Collection[tuple[str, int]]

# The standard library calls these ranges global, although they lead to other networks or to no host:
# RFC 6890 protocol assignments, the 6to4 relays (RFC 7526).
_REFUSED_V4 = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))
# Global unicast is 2000::/3 (RFC 4291). What embeds an IPv4 address (mapped, NAT64, IPv4-compatible) lies outside it;
# inside it are Teredo and the protocol assignments, 6to4, and two documentation ranges (RFC 3849, RFC 9637).
_GLOBAL_V6 = ip_network("2000::/3")
_REFUSED_V6 = tuple(ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class OriginRefused(ValueError):
    """The text is not an origin that a connection may call. The message has the reason."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (IPv6 without brackets) and port of a source."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def is_public(address: str | IPv4Address | IPv6Address) -> bool:
    """Return whether the address is on the public internet. An invalid address is not public.

    ``is_global`` alone is not enough: it is True for multicast, NAT64, 6to4 and some protocol ranges, and an IPv6
    address that embeds an IPv4 address reaches the embedded address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return ip.scope_id is None and ip in _GLOBAL_V6 and not any(ip in network for network in _REFUSED_V6)


def parse_allow(entries: Iterable[str]) -> frozenset[tuple[str, int]]:
    """Return ``["127.0.0.1:8123", "[::1]:8123", "simulator:443"]`` as pairs of host and port. Raises ValueError.

    For simulators and tests, a connection may call these pairs over http and at a private address.
    """
    return frozenset(_allow_entry(entry.strip()) for entry in entries if entry.strip())


def _allow_entry(entry: str) -> tuple[str, int]:
    match = _ORIGIN.fullmatch("http://" + entry.lower())
    if match is None or match[3] is None or not 0 < int(match[3]) < 65536:
        raise ValueError(f"EGRESS_ALLOW: {entry!r} is not host:port. Write for example 127.0.0.1:8123 or [::1]:8123.")
    return match[2].strip("[]"), int(match[3])


def parse_origin(text: str, allow: Allow = ()) -> Origin:
    """Return the origin ``https://name[:443]``, or another one if its (host, port) is in ``allow``.

    Raises OriginRefused. A strict pattern is used, because a lenient parser may read another host than the library
    that connects.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise OriginRefused("An origin is written https://host, in lower case, without path, user or query.")
    scheme, host = match[1], match[2].strip("[]")
    port = int(match[3]) if match[3] else _DEFAULT_PORTS[scheme]
    origin = Origin(scheme, host, port)
    if (host, port) in allow:
        return origin
    if scheme != "https":
        raise OriginRefused(f"{origin} is not https.")
    if port != 443:
        raise OriginRefused(f"{origin} uses another port than 443.")
    labels = host.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise OriginRefused(f"{origin} is not a full host name.")
    # In every notation, the last label of an address starts with a digit (1.2.3.4, 127.1, 0x7f.1). No TLD does.
    if labels[-1][0].isdigit():
        raise OriginRefused(f"{origin} is an address, not a host name.")
    if any(host.endswith("." + name) for name in _LOCAL_NAMES):
        raise OriginRefused(f"{origin} is a host of a local network.")
    return origin

"""Builds a simulated vendor, and serves it from a shell until it is interrupted."""

import time
from collections.abc import Callable

from connectors.simulator import jsm, opsgenie, pagerduty, xmatters
from connectors.simulator.server import Server

_VENDORS = {"pagerduty": pagerduty, "opsgenie": opsgenie, "jsm": jsm, "xmatters": xmatters}
PROVIDERS = tuple(_VENDORS)


def build(provider: str, *, host: str = "127.0.0.1", port: int = 0, size: int | None = None, seed: int = 7) -> Server:
    """Return a simulator of ``provider`` at the present time, not started. Raises LookupError for an unknown provider.

    size: about how many objects a made-up account has; None = the demo account.
    """
    if provider not in _VENDORS:
        raise LookupError(f"There is no simulator of {provider!r}; choose one of {', '.join(PROVIDERS)}.")
    vendor = _VENDORS[provider]
    server: Server = vendor.Simulator(vendor.build_world(time.time(), size, seed), host=host, port=port)
    return server


def demo_account(provider: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings and credentials of a connection to the simulated account with all rights."""
    vendor = _VENDORS[provider]
    return dict(vendor.DEMO_SETTINGS), dict(vendor.DEMO_CREDENTIALS)


def serve(
    provider: str,
    host: str = "127.0.0.1",
    port: int = 0,
    size: int | None = None,
    seed: int = 7,
    *,
    announce: Callable[[str], None] = lambda origin: None,
    seconds: float | None = None,
) -> None:
    """Serve until Ctrl-C, or for ``seconds``. Raises OSError when the port is taken.

    announce: called with the origin as soon as the server listens.
    """
    server = build(provider, host=host, port=port, size=size, seed=seed)
    with server:
        announce(server.origin)
        try:
            server.stopping.wait(seconds)
        except KeyboardInterrupt:
            return

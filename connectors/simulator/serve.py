"""Serving a simulated vendor from a shell until interrupted."""

import time
from collections.abc import Callable

from connectors.simulator.pagerduty import Simulator as PagerDutySimulator
from connectors.simulator.pagerduty import build_world as build_pagerduty
from connectors.simulator.server import Server

PROVIDERS = ("pagerduty",)


def build(provider: str, *, host: str = "127.0.0.1", port: int = 0, size: int | None = None, seed: int = 7) -> Server:
    """A simulator of ``provider`` as of the present moment, not started. LookupError for an unknown provider."""
    if provider == "pagerduty":
        return PagerDutySimulator(build_pagerduty(time.time(), size, seed), host=host, port=port)
    raise LookupError(f"There is no simulator of {provider!r}; choose one of {', '.join(PROVIDERS)}.")


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
    """Serve until Ctrl-C (or for ``seconds``); ``announce`` is told the origin. OSError when the port is taken."""
    server = build(provider, host=host, port=port, size=size, seed=seed)
    with server:
        announce(server.origin)
        try:
            server.stopping.wait(seconds)
        except KeyboardInterrupt:
            return

"""Every test of this folder runs once per provider of the table."""

from collections.abc import Callable, Iterator

import pytest

from connectors.records import Snapshot
from connectors.simulator.faults import RateLimit
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import Provider
from tests.connectors.conformance.scenes import Acme, acme, live, read
from tests.connectors.conformance.table import PROVIDERS


@pytest.fixture(params=PROVIDERS, ids=str)
def provider(request: pytest.FixtureRequest) -> Provider:
    chosen: Provider = request.param
    return chosen


@pytest.fixture(autouse=True)
def _skipped_for_a_reason(request: pytest.FixtureRequest) -> None:
    if "provider" in request.fixturenames:
        skips = request.getfixturevalue("provider").skips
        name = getattr(request.node, "originalname", "")
        if name in skips:
            pytest.skip(skips[name])


@pytest.fixture(scope="session")
def _read_once() -> Callable[[Provider], Acme]:
    kept: dict[str, Acme] = {}

    def once(provider: Provider) -> Acme:
        if str(provider) not in kept:
            kept[str(provider)] = acme(provider)
        return kept[str(provider)]

    return once


@pytest.fixture
def rich(provider: Provider, _read_once: Callable[[Provider], Acme]) -> Acme:
    """Acme, read once."""
    return _read_once(provider)


@pytest.fixture(scope="session")
def _running() -> Iterator[Callable[[Provider], tuple[Server, Snapshot]]]:
    """Made-up accounts that stay: one per provider, with a whole read of it."""
    running: dict[str, tuple[Server, Snapshot]] = {}

    def run(provider: Provider) -> tuple[Server, Snapshot]:
        if str(provider) not in running:
            server = provider.simulator(size=100)
            server.start()
            running[str(provider)] = server, read(provider, live(provider, server))
        return running[str(provider)]

    yield run
    for server, _ in running.values():
        server.stop()


@pytest.fixture
def small(provider: Provider, _running: Callable[[Provider], tuple[Server, Snapshot]]) -> Iterator[Server]:
    """A running account of about a hundred objects; never edited."""
    server, _ = _running(provider)
    server.requests.clear()
    server.rate_limit = RateLimit(100_000, 60, enforced=False)  # the tests together ask more than one reader does
    yield server
    server.faults.clear()


@pytest.fixture
def whole(provider: Provider, _running: Callable[[Provider], tuple[Server, Snapshot]]) -> Snapshot:
    """All of ``small``, read without a fault."""
    return _running(provider)[1]

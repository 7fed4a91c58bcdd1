"""Gives every test its own environment, and no network beyond this machine."""

import importlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import django
import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings, settings
from django.urls import clear_url_caches

from tests.paths import REPOSITORY

# Set here and not in pyproject.toml, where pytest-django would load the settings before this file is imported.
# Processes that tests start inherit these variables.
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["ENV_FILE"] = str(REPOSITORY / "tests" / "settings.env")
os.environ["CREDENTIAL_KEYS"] = Fernet.generate_key().decode()
django.setup()
# A real password hash takes as long as a whole test of a page. Django tests its strength.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test client starts the middleware anew, which would then look at all static files. They are found when asked for.
settings.WHITENOISE_AUTOREFRESH = True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--with-database", action="store_true", help="only tests that use a database")
    parser.addoption("--share", type=float, default=1.0, help="this share of the tests; each day, others are chosen")
    parser.addoption(
        "--sample",
        type=float,
        default=1.0,
        help="this share of the cases of tables and of the slow tests; each day others",
    )
    parser.addoption("--thorough", action="store_true", help="long searches in full instead of a sample by seed")
    parser.addoption("--every-statement", action="store_true", help="kill runs at every statement (several minutes)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests that use no database, if only the others are wanted, and those that are not in the share.

    Slow tests of mutants run with ``--thorough`` and with ``-m mutants``.
    """
    if config.getoption("--with-database"):
        _keep(config, items, [_uses_database(each) for each in items])
    if not (config.getoption("--thorough") or "mutants" in config.getoption("markexpr")):
        _keep(config, items, [not {"mutants", "slow"} <= {mark.name for mark in each.iter_markers()} for each in items])
    if (share := config.getoption("--share")) < 1:
        _keep(config, items, [_lot(each) < share for each in items])
    if (share := config.getoption("--sample")) < 1:
        _keep(config, items, _sampled(items, share))


def _uses_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool({"db", "transactional_db"} & fixtures)


def _lot(item: pytest.Item) -> float:
    """Returns a number of the test from 0 to 1, which is another one each day."""
    return crc32(f"{datetime.now(UTC).toordinal()} {item.nodeid}".encode()) / 2**32


def _sampled(items: list[pytest.Item], share: float) -> list[bool]:
    """Returns which tests are in the sample: all without a table of cases, and of each table at least one case."""
    least: dict[str, float] = {}
    for item in items:
        table = item.nodeid.partition("[")[0]
        least[table] = min(_lot(item), least.get(table, 1.0))
    return [
        _lot(item) < share
        or (item.get_closest_marker("slow") is None and _lot(item) == least[item.nodeid.partition("[")[0]])
        for item in items
    ]


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[bool]) -> None:
    config.hook.pytest_deselected(items=[each for each, stays in zip(items, kept, strict=True) if not stays])
    items[:] = [each for each, stays in zip(items, kept, strict=True) if stays]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints how much the tests that generate their cases have tried, and which mutants were noticed by what.

    They come from ``record_property("counts", ...)`` and ``record_property("mutant", "<what> | <noticed by>")``.
    """
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    mutants = sorted(text for each in reports for name, text in each.user_properties if name == "mutant")
    for what, _, noticed_by in (text.partition(" | ") for text in mutants):
        terminalreporter.write_line(f"{what:<60} {noticed_by}")
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "counts" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether long searches run in full. Otherwise they take a sample."""
    return bool(request.config.getoption("--thorough"))


class ForeignSocketError(AssertionError):
    """A test tried to reach another machine."""


def _is_local(host: object) -> bool:
    """Whether the host is a loopback address or name. For getaddrinfo, None and "" mean any address of this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse(host: object) -> None:
    if not _is_local(host):
        raise ForeignSocketError(f"tests may not reach {host!r}: use a simulator on 127.0.0.1 or a recorded response")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            _refuse(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX:
            _refuse(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield


@pytest.fixture(autouse=True)
def _no_login_is_stored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login in use is stored once a minute. On a busy machine, a test that counts queries would count that, too."""
    monkeypatch.setattr("oncall.operations.sessions._SEEN_EVERY", 24 * 3600)


@pytest.fixture
def pages_of_debug(settings: LazySettings) -> Iterator[None]:
    """The addresses that only a site with DEBUG has."""
    import config.urls  # the admin is registered after django.setup()

    def reload() -> None:
        importlib.reload(config.urls)
        clear_url_caches()

    settings.DEBUG = True
    reload()
    yield
    settings.DEBUG = False
    reload()

"""A credential leaves in a request's header and is nowhere else; what the vendor counts as secret is not kept."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import ConnectorError
from connectors.network.exchange import Request, Response, Transport
from connectors.recordings.replay import document as replayed
from connectors.redaction import mask_values
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import NOW, Login, Provider
from tests.connectors.conformance.scenes import Acme, Watch, connector, document, live, read, recorder
from tests.connectors.conformance.table import PROVIDERS


class Echo:
    """A vendor that repeats the request's headers in what it answers, from the ``after``-th request on."""

    def __init__(self, transport: Transport, status: int, media: str, after: int) -> None:
        self.transport, self.status, self.media, self.left = transport, status, media, after

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        self.left -= 1
        if self.left >= 0:
            return self.transport.exchange(request, headers=headers, deadline=deadline)
        sent = " ".join(f"{name}: {value}" for name, value in headers.items())
        body = (
            json.dumps({"message": sent, "error": {"message": sent, "errors": [sent]}})
            if "json" in self.media
            else sent
        )
        return Response(self.status, {"content-type": self.media}, body.encode())


def assert_silent(provider: Provider, shown: Collection[str], *texts: str) -> None:
    """``shown``: what went over the wire as the credential."""
    secrets = [*provider.credentials.values(), *shown]
    for text in texts:
        assert mask_values(text, secrets) == text, "a credential is shown"
        assert provider.vendor.CANARY not in text


def chain(error: BaseException | None) -> Iterator[str]:
    """All that a traceback of this error would print of it and of its causes."""
    while error is not None:
        yield f"{error!s} {error!r} {error.args!r} {vars(error)!r}"
        error = error.__cause__ or error.__context__


def test_an_account_has_secrets_that_are_not_ours(provider: Provider, rich: Acme) -> None:
    assert any(provider.vendor.CANARY in response.body.decode() for _, response in rich.exchanges)


def test_a_read_keeps_no_secret(provider: Provider, rich: Acme) -> None:
    document = json.dumps(replayed(rich.snapshot, NOW, NOW + 14 * 86_400))
    assert rich.shown
    assert_silent(provider, rich.shown, repr(rich.snapshot), document)


def test_a_recording_keeps_no_secret(provider: Provider, rich: Acme) -> None:
    recorded = json.dumps(rich.recorded)
    assert_silent(provider, rich.shown, recorded)
    assert "authorization" not in recorded.casefold()


@pytest.mark.parametrize(
    ("provider", "login"),
    [pytest.param(one, each, id=f"{one}-{i}") for one in PROVIDERS for i, each in enumerate(one.logins)],
)
def test_no_kind_of_credential_is_kept(provider: Provider, login: Login, small: Server) -> None:
    other = provider.by(login)
    kept = recorder(other, live(other, small))
    watch = Watch(kept)
    snapshot = read(other, watch)
    assert watch.shown
    assert_silent(other, watch.shown, repr(snapshot), json.dumps(document(kept)))


def test_a_connector_shows_no_secret(provider: Provider, small: Server) -> None:
    watch = Watch(live(provider, small))
    reader = connector(provider, watch)
    reader.probe()
    assert watch.shown
    assert_silent(provider, watch.shown, repr(reader), repr(vars(reader)), repr(reader.rim), str(reader.credentials))


@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.parametrize("media", ["application/json", "text/html"])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422, 429, 500])
def test_a_vendor_that_repeats_the_credential_is_not_quoted(
    provider: Provider, small: Server, caplog: Any, status: int, media: str, after: int
) -> None:
    with caplog.at_level(logging.DEBUG):
        kept = recorder(provider, Echo(live(provider, small), status, media, after))
        watch = Watch(kept)
        reader = connector(provider, watch)
        texts: list[str] = []
        for ask in (reader.probe, reader.inventory, lambda: reader.fetch(Selection(), contact_details=True)):
            try:
                texts.append(repr(ask()))  # type: ignore[operator]
            except ConnectorError as error:
                texts += chain(error)
    assert len(texts) >= 3
    texts += [json.dumps(document(kept)), *(record.getMessage() for record in caplog.records)]
    assert_silent(provider, watch.shown, *texts)


def test_what_is_logged_of_a_read_holds_no_secret(provider: Provider, small: Server, caplog: Any) -> None:
    """Whatever the settings keep quiet: every logger there is, at its most talkative."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(one, one.level, one.propagate, one.disabled) for one in known]
    try:
        for one in known:
            one.setLevel(logging.DEBUG)
            one.propagate, one.disabled = True, False
        with caplog.at_level(logging.DEBUG):
            watch = Watch(live(provider, small))
            read(provider, watch)
    finally:
        for one, level, one.propagate, one.disabled in before:
            one.setLevel(level)
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert_silent(provider, watch.shown, *(f"{record.getMessage()} {record.args!r}" for record in caplog.records))

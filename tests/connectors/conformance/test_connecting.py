"""What somebody enters by mistake is said on the field where it can be put right; what a key may not read is named."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.admin.forms import new_connection_form
from connectors.connections.probe import probe_connection
from connectors.errors import ConnectionConfigError
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, Snapshot
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import Listing, Login, Provider, Wrong
from tests.connectors.conformance.scenes import connector, live, read
from tests.connectors.conformance.table import PROVIDERS


def entered(provider: Provider, wrong: Wrong | None = None) -> Any:
    """The connection form, filled in and sent."""
    data = {"name": "Acme", **provider.settings, **provider.credentials}
    if wrong is not None:
        data |= {**wrong.settings, **wrong.credentials}
    return new_connection_form(provider.connector)(data, typed={}, entered=())


def stored(provider: Provider, form: Any) -> Connection:
    """The connection that a valid form describes."""
    settings = form.cleaned_data["settings"]
    connection = Connection(name="Acme", provider=provider.connector.provider, settings=settings)
    connection.enter_credentials(form.given_secrets())
    connection.save()
    return connection


@pytest.fixture
def led(provider: Provider, small: Server, settings: Any) -> Server:
    """The simulator, where connections of this provider are led to."""
    settings.CONNECTOR_ORIGINS = {provider.connector.provider: small.origin}
    settings.EGRESS_ALLOW = [small.origin.removeprefix("http://")]
    return small


def logins() -> list[Any]:
    return [pytest.param(one, each, id=f"{one}-{i}") for one in PROVIDERS for i, each in enumerate(one.logins)]


def listings() -> list[Any]:
    return [pytest.param(one, each, id=f"{one}-{each.path}") for one in PROVIDERS for each in one.listings]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("provider", "wrong"),
    [pytest.param(one, wrong, id=f"{one}-{i}-{wrong.field}") for one in PROVIDERS for i, wrong in enumerate(one.wrong)],
)
def test_a_mistake_is_said_on_its_field(provider: Provider, wrong: Wrong, led: Server) -> None:
    form = entered(provider, wrong)
    assert wrong.field in form.fields
    if not form.is_valid():
        assert form.errors.keys() == {wrong.field}
        assert wrong.words in str(form.errors[wrong.field])
        assert not led.requests
        return
    connection = stored(provider, form)
    with pytest.raises(ConnectionConfigError) as refused:
        probe_connection(connection)
    assert refused.value.field == wrong.field
    assert wrong.words in str(refused.value)
    assert refused.value.hint
    assert Connection.objects.get().tested_at is None


@pytest.mark.django_db
def test_what_is_right_is_accepted_and_tells_account_and_rights(provider: Provider, led: Server) -> None:
    form = entered(provider)
    assert form.is_valid(), form.errors
    probe = probe_connection(stored(provider, form))
    assert probe.account.label
    granted = {kind: True if kind in provider.kinds else None for kind in ENTITY_TYPES}
    assert {right.entity_type: right.granted for right in probe.rights} == granted
    assert all(right.detail for right in probe.rights if not right.granted)
    assert Connection.objects.get().tested_at is not None


@pytest.mark.parametrize(("provider", "login"), logins())
def test_every_kind_of_credential_opens_the_same_account(
    provider: Provider, login: Login, small: Server, whole: Snapshot
) -> None:
    other = provider.by(login)
    assert (other.settings, other.credentials) != (provider.settings, provider.credentials)
    before, after = (connector(one, live(one, small)).probe() for one in (provider, other))
    assert (after.account, after.rights) == (before.account, before.rights)
    assert replace(read(other, live(other, small)), calls=0) == replace(whole, calls=0)


@pytest.mark.parametrize(("provider", "listing"), listings())
def test_a_right_that_is_missing_costs_its_kind_only_and_is_named(
    provider: Provider, listing: Listing, small: Server, whole: Snapshot
) -> None:
    before = {right.entity_type: right.granted for right in connector(provider, live(provider, small)).probe().rights}
    small.faults.add(listing.everywhere, "status", status=403, count=None)
    snapshot = read(provider, live(provider, small))
    assert listing.names(snapshot.notes if listing.without else snapshot.failed)
    through = {listing.kind, *listing.carries}
    for kind in ENTITY_TYPES:
        if kind in through:
            assert not snapshot.completeness[kind].listing
            assert snapshot.completeness[kind].reason
        else:
            assert snapshot.completeness[kind] == whole.completeness[kind]
            assert bool(snapshot.records(kind)) == bool(whole.records(kind))
    probe = connector(provider, live(provider, small)).probe()
    rights = {right.entity_type: right for right in probe.rights}
    reported = [rights[listing.kind].detail, *probe.messages]
    assert any(listing.grant in text for text in reported)
    assert {kind for kind, right in rights.items() if right.granted != before[kind]} <= through

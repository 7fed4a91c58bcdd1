"""A new key of each provider replaces the old one only if it works and belongs to the same account."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Probe
from connectors.connections import replacing
from connectors.connections.probe import probe_connection
from connectors.connections.replacing import NotReplaced, replace_key
from connectors.errors import ConnectionConfigError
from connectors.models import Connection
from connectors.records import Account
from connectors.simulator.server import Server
from oncall.models import ChangeRecord
from oncall.operations import Actor
from tests.connectors.conformance.entries import Provider

pytestmark = pytest.mark.django_db
BY = Actor(None, "test")


@pytest.fixture
def connection(provider: Provider, small: Server, settings: Any) -> Connection:
    """A tested connection of the simulated account, whose key has another encryption than each later one."""
    settings.CONNECTOR_ORIGINS = {provider.connector.provider: small.origin}
    settings.EGRESS_ALLOW = [small.origin.removeprefix("http://")]
    made = Connection(name="acme", provider=str(provider), settings=provider.connector.clean(_settings(provider)))
    made.enter_credentials(provider.credentials)
    made.save()
    probe_connection(made)
    return made


def _settings(provider: Provider) -> dict[str, str]:
    initial = {field.name: field.initial for field in provider.connector.fields() if field.kind != "secret"}
    return {**initial, **provider.settings}


def _replace(connection: Connection, provider: Provider, **more: Any) -> replacing.Replaced:
    return replace_key(connection, provider.credentials, connection.settings, by=BY, **more)


def _stored(connection: Connection) -> dict[str, Any]:
    return Connection.objects.values().get(pk=connection.pk)


def test_a_key_of_the_same_account_replaces_the_old_one_with_one_record(
    provider: Provider, connection: Connection
) -> None:
    before = _stored(connection)
    replaced = _replace(connection, provider)
    after = _stored(connection)
    assert (replaced.other_account, replaced.is_same) == ("", True)
    changed = {name for name, value in after.items() if value != before[name]}
    # The simulated account has one key, which is as old as before.
    assert changed == {"credentials", "tested_at"}
    (record,) = ChangeRecord.objects.all()
    assert (record.model, record.object_id, set(record.changes)) == ("connection", connection.pk, {"key"})
    secrets = [*provider.credentials.values(), *before["credentials"].values(), *after["credentials"].values()]
    assert not any(secret in str(record.changes) for secret in secrets)


def test_a_key_that_does_not_work_changes_nothing(provider: Provider, connection: Connection) -> None:
    before = _stored(connection)
    for wrong in provider.wrong:
        if not wrong.credentials or wrong.settings:
            continue
        with pytest.raises((ConnectionConfigError, NotReplaced)):
            replace_key(connection, {**provider.credentials, **wrong.credentials}, connection.settings, by=BY)
        assert _stored(connection) == before
    assert not ChangeRecord.objects.exists()


def test_a_key_of_another_account_is_taken_only_knowingly(provider: Provider, connection: Connection) -> None:
    Connection.objects.update(account_id="former", account_label="Former Ltd")
    connection.refresh_from_db()
    before = _stored(connection)
    with pytest.raises(NotReplaced, match="was made for Former Ltd") as refused:
        _replace(connection, provider)
    assert [objection.doubt for objection in refused.value.objections] == ["other_account"]
    assert _stored(connection) == before
    replaced = _replace(connection, provider, accepted=["other_account"])
    after = _stored(connection)
    assert replaced.other_account
    assert (after["account_id"], after["account_label"]) == ("former", "Former Ltd")  # the next read asks
    assert after["credentials"] != before["credentials"]
    assert (after["rights"], after["tested_at"]) == ([], None)


def test_before_an_import_the_account_may_become_another_one(provider: Provider, connection: Connection) -> None:
    known = connection.account_id
    Connection.objects.update(account_id="former", account_label="Former Ltd", learnt={"has_services": False})
    connection.refresh_from_db()
    assert _replace(connection, provider, is_bound=False).other_account == ""
    after = _stored(connection)
    assert (after["account_id"], after["learnt"]) == (known, {})


@pytest.mark.parametrize("side", ["new", "old"])
def test_an_account_that_the_source_does_not_say_is_confirmed_by_a_person(
    provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    known = connection.account_label
    if side == "old":
        Connection.objects.update(account_id="")
        connection.refresh_from_db()
    else:
        _probes(monkeypatch, account=Account(None, ""))
    before = _stored(connection)
    with pytest.raises(NotReplaced, match=f"did not say to which account the {side} key belongs") as refused:
        _replace(connection, provider)
    assert [objection.doubt for objection in refused.value.objections] == ["unknown_account"]
    assert known in refused.value.objections[0].accept
    assert _stored(connection) == before
    assert _replace(connection, provider, accepted=["unknown_account"]).other_account == ""
    assert _stored(connection)["account_label"] == known


def test_the_rights_that_only_the_old_key_had_are_named(
    provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = replacing.probe_of(connection)
    fewer = [replace(r, granted=False, detail="Grant it.") if r.entity_type == "schedule" else r for r in probe.rights]
    _probes(monkeypatch, rights=tuple(fewer))
    before = _stored(connection)
    with pytest.raises(NotReplaced, match=r"may not read schedules, which the old key could read.*Grant it") as refused:
        _replace(connection, provider)
    assert [objection.doubt for objection in refused.value.objections] == ["fewer_rights"]
    assert _stored(connection) == before
    _replace(connection, provider, accepted=["fewer_rights"])
    assert {r["entity_type"]: r["granted"] for r in _stored(connection)["rights"]}["schedule"] is False
    _replace(connection, provider)  # the key before has this right no more, so nothing is lost


def test_a_key_without_any_right_is_refused(
    provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = tuple(replace(right, granted=False) for right in replacing.probe_of(connection).rights)
    _probes(monkeypatch, rights=rights)
    before = _stored(connection)
    with pytest.raises(ConnectionConfigError, match=r"it may read no people, .* The old key stays in use"):
        _replace(connection, provider, accepted=replacing.DOUBTS)
    assert _stored(connection) == before


def test_a_connection_that_changed_during_the_test_keeps_its_key(
    provider: Provider, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe_of = replacing.probe_of

    def meanwhile(candidate: Connection) -> Probe:
        Connection.objects.update(account_id="meanwhile")
        return probe_of(candidate)

    monkeypatch.setattr(replacing, "probe_of", meanwhile)
    with pytest.raises(ConnectionConfigError, match="changed by somebody else while the new key was tested"):
        _replace(connection, provider)
    assert Connection.objects.get().credentials == connection.credentials


def _probes(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    """Let each test of a new key find these parts, and otherwise what the simulator reports."""
    probe_of = replacing.probe_of
    monkeypatch.setattr(replacing, "probe_of", lambda candidate: replace(probe_of(candidate), **parts))

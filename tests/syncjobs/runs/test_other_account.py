"""A key of another account: each provider's read holds the run and asks, and what was imported stays as it was."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from connectors.models import Connection
from connectors.records import ENTITY_TYPES, Account
from connectors.registry import CONNECTORS
from connectors.simulator.pagerduty import OTHER_ACCOUNT_KEY
from connectors.simulator.server import Server
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, ExternalLink, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from tests.connectors.conformance.entries import Provider
from tests.connectors.conformance.table import PROVIDERS
from tests.syncjobs.conftest import Sync, without_questions

pytestmark = pytest.mark.django_db


def _former_account(connection: Connection) -> None:
    """The connection was made for another account than that of its key."""
    Connection.objects.filter(pk=connection.pk).update(account_id="former", account_label="Former Ltd")


def _globex(connection: Connection) -> None:
    """The key is one of another account, and the setting that names the account is still the old one."""
    connection.enter_credentials({"api_key": OTHER_ACCOUNT_KEY})
    connection.save()


#: How the key of each provider comes to belong to another account.
CHANGES: Final[Mapping[str, tuple[Callable[[Connection], None], ...]]] = {
    "pagerduty": (_former_account, _globex),
    "opsgenie": (_former_account,),
    "jsm": (_former_account,),
    "xmatters": (_former_account,),
}


def test_every_provider_has_an_entry() -> None:
    assert set(CHANGES) == {connector.provider for connector in CONNECTORS}


@pytest.fixture(
    params=[
        pytest.param((one, change), id=f"{one}-{change.__name__}") for one in PROVIDERS for change in CHANGES[str(one)]
    ]
)
def changed(request: pytest.FixtureRequest, settings: Any) -> Iterator[SyncProfile]:
    """A connection whose objects were imported, and whose key then belongs to another account."""
    provider: Provider
    provider, change = request.param
    server: Server = provider.simulator(size=20)
    with server:
        settings.CONNECTOR_ORIGINS = {str(provider): server.origin}
        settings.EGRESS_ALLOW = [server.origin.removeprefix("http://")]
        initial = {field.name: field.initial for field in provider.connector.fields() if field.kind != "secret"}
        given = provider.connector.clean({**initial, **provider.settings})
        connection = Connection(name="acme", provider=str(provider), settings=given)
        connection.enter_credentials(provider.credentials)
        connection.save()
        profile = SyncProfile.objects.create(connection=connection)
        assert _run(profile).state in (RunState.SUCCEEDED, RunState.PARTIAL)
        connection.refresh_from_db()
        change(connection)
        yield profile


def _run(profile: SyncProfile, kind: RunKind = RunKind.APPLY) -> SyncRun:
    run = drive(start(SyncProfile.objects.get(pk=profile.pk), kind, by=None, notify=False).pk)
    assert run is not None
    return run


def _imported() -> Any:
    rows = {kind: list(ROOTS[kind].rows.order_by("pk").values()) for kind in ENTITY_TYPES}
    return rows, list(ExternalLink.objects.order_by("pk").values())


def test_the_read_of_another_account_is_held_and_asks_once(changed: SyncProfile) -> None:
    connection, before = changed.connection, _imported()
    for number in (1, 2):
        run = _run(changed)
        assert run.state == RunState.HELD, run.reason
        question = Conflict.objects.get(kind="account_changed")
        assert f"Answer question {question.pk}, or replace the key" in run.hint
        connection.refresh_from_db()
        assert question.evidence["here"] == {"id": connection.account_id, "label": connection.account_label}
        assert question.evidence["source"]["id"] not in ("", connection.account_id)
        assert run.items.count() == 0
        assert SyncRun.objects.filter(state=RunState.HELD).count() == 1, f"read {number}"
    assert _imported() == before


def test_an_accepted_account_is_compared_in_a_plan_that_removes_nothing_by_itself(changed: SyncProfile) -> None:
    before = _imported()
    _run(changed)
    question = Conflict.objects.get(kind="account_changed")
    applied = decide(question, Decision("accept", {}, None, notify=False))
    assert applied.read is not None
    run = drive(applied.read.pk)
    assert run is not None and run.kind == RunKind.PLAN
    assert run.state in (RunState.AWAITING_REVIEW, RunState.SUCCEEDED), run.reason
    assert not run.items.filter(action__in=["deactivate", "detach"], ticked=True).exists()
    assert _imported() == before
    question.refresh_from_db()
    assert question.state == ConflictState.CLOSED
    assert Connection.objects.get().account_id == question.evidence["source"]["id"]


def test_runs_of_a_refused_account_fail_until_another_key_is_entered(changed: SyncProfile) -> None:
    before = _imported()
    _run(changed)
    question = Conflict.objects.get(kind="account_changed")
    decide(question, Decision("refuse", {}, None))
    run = _run(changed)
    assert (run.state, run.calls) == (RunState.FAILED, 0)
    assert "that account was refused" in run.reason
    assert _imported() == before


def test_it_remembers_the_account_and_holds_when_it_changes(sync: Sync) -> None:
    sync.run()
    sync.connection.refresh_from_db()
    assert sync.connection.account_id == "acme"
    before = without_questions()
    sync.source.change(account=Account("other", "other.pagerduty.com", "us"), users=())
    run = sync.run()
    assert run.state == RunState.HELD
    assert "other.pagerduty.com" in run.reason
    assert without_questions() == before

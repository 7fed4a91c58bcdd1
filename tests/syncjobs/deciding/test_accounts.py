"""A key of another account: refused, the connection is paused; accepted, everything is compared for review."""

from typing import Any

import pytest
from django.urls import reverse

from connectors.connections.opening import open_connector
from connectors.errors import ConnectionConfigError
from connectors.records import Account
from oncall.models import Role
from syncjobs.deciding.decide import Decision, decide
from syncjobs.management.commands import conflicts
from syncjobs.models import Conflict, ConflictState, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.planning.decisions.values import Refused
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from tests.syncjobs.admin.test_answers import client_with, filled, url_of
from tests.syncjobs.conflicts.test_kinds import KINDS, arisen
from tests.syncjobs.conftest import Sync, contents, user
from tests.syncjobs.management.test_shell import shell

pytestmark = pytest.mark.django_db


def refused(sync: Sync) -> Conflict:
    conflict = arisen(sync, "account_changed")
    decide(conflict, Decision("refuse", {}, None))
    sync.connection.refresh_from_db()
    return conflict


def run_for_real(sync: Sync, kind: RunKind) -> Any:
    """Run as a worker does, which opens the connection. Sockets are blocked in tests."""
    profile = SyncProfile.objects.get(pk=sync.profile.pk)
    return drive(start(profile, kind, by=None, notify=False).pk)


@pytest.mark.parametrize("kind", [RunKind.PLAN, RunKind.APPLY])
def test_runs_of_a_refused_account_fail_with_that_reason_and_ask_nothing(sync: Sync, kind: RunKind) -> None:
    refused(sync)
    before = contents()
    for _ in range(2):
        run = run_for_real(sync, kind)
        assert (run.state, run.calls) == (RunState.FAILED, 0)
        assert "is paused: its key belongs to the account other.pagerduty.com" in run.reason
        assert run.hint.startswith("Enter a key of acme.pagerduty.com")
    assert contents() == before


def test_another_key_of_the_same_account_ends_the_pause_and_the_question(sync: Sync) -> None:
    conflict = refused(sync)
    sync.connection.enter_credentials({"api_key": "u+another-key"})
    sync.connection.save()
    KINDS["account_changed"].cease(sync)  # type: ignore[misc] # a plan looks for the cause of this kind
    assert sync.run().state == RunState.SUCCEEDED
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.CLOSED


def test_another_key_of_the_refused_account_closes_the_decision_so_that_it_can_be_asked_again(sync: Sync) -> None:
    conflict = refused(sync)
    sync.connection.enter_credentials({"api_key": "u+another-key"})
    sync.connection.save()
    assert sync.run().state == RunState.HELD
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.CLOSED
    again = Conflict.objects.get(kind="account_changed", state=ConflictState.OPEN)
    assert (again.evidence, again.pk != conflict.pk) == (conflict.evidence, True)


def test_the_same_key_under_a_new_encryption_is_no_other_key(sync: Sync) -> None:
    refused(sync)
    sync.connection.seal_credentials({name: secret.reveal() for name, secret in sync.connection.secrets().items()})
    sync.connection.save()
    assert run_for_real(sync, RunKind.PLAN).state == RunState.FAILED


def test_the_page_of_a_paused_connection_says_so_and_takes_another_key(sync: Sync) -> None:
    refused(sync)
    client = client_with(Role.ADMINISTRATOR, is_superuser=True)
    url = reverse("admin:connectors_connection_change", args=[sync.connection.pk])
    page = client.get(url).content.decode()
    assert "paused: the key belongs to other.pagerduty.com, and that account was refused" in page
    assert "Replace key …" in page
    listed = client.get(reverse("admin:connectors_connection_changelist")).content.decode()
    assert "paused" in listed


def test_an_accepted_account_keeps_links_and_compares_everything_for_review(sync: Sync) -> None:
    conflict = arisen(sync, "account_changed")
    links = list(sync.connection.links.order_by("pk").values_list("pk", "external_id", "state"))
    sync.connection.refresh_from_db()
    sync.connection.learnt = {"former": True}
    sync.connection.save()
    applied = decide(conflict, Decision("accept", {}, None, notify=False))
    assert applied.read is not None and applied.read.kind == RunKind.PLAN
    assert SyncProfile.objects.get().evaluated_mapping == {}  # so that no object counts as unchanged unread
    sync.source.change(users=(user("U1", "Anna"), *sync.source.snapshot.users[1:]), teams=())
    run = sync.drive(applied.read)
    assert (run.state, run.counts["user_group"].get("unlisted")) == (RunState.AWAITING_REVIEW, 1)
    assert [(item.external_id, item.action) for item in run.items.all()] == [("U1", "update")]
    assert list(sync.connection.links.order_by("pk").values_list("pk", "external_id", "state")) == links
    sync.connection.refresh_from_db()
    assert (sync.connection.account_id, sync.connection.account_label) == ("other", "other.pagerduty.com")
    assert sync.connection.learnt == {}
    assert sync.apply(run).state == RunState.SUCCEEDED
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.CLOSED


def test_an_account_is_not_accepted_while_a_run_is_active(sync: Sync) -> None:
    conflict = arisen(sync, "account_changed")
    start(SyncProfile.objects.get(pk=sync.profile.pk), RunKind.APPLY, by=None, notify=False)
    before = contents()
    with pytest.raises(Refused, match="Answer when it has ended") as found:
        decide(conflict, Decision("accept", {}, None))
    assert (found.value.code, contents()) == ("stale_question", before)


def test_a_plan_of_an_unknown_account_does_not_close_the_question(sync: Sync) -> None:
    conflict = arisen(sync, "account_changed")
    sync.source.change(account=Account(None, "unknown"))
    assert sync.run().state == RunState.SUCCEEDED
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.OPEN


def test_a_paused_connection_is_not_opened(sync: Sync) -> None:
    refused(sync)
    with pytest.raises(ConnectionConfigError, match="is paused"):
        open_connector(sync.connection)


def test_the_shell_and_the_page_say_that_a_plan_is_made(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    conflict = arisen(sync, "account_changed")
    monkeypatch.setattr(conflicts, "drive", lambda run_id: sync.drive(SyncRun.objects.get(pk=run_id)))
    sync.source.change(users=(user("U1", "Anna"), *sync.source.snapshot.users[1:]))
    code, printed = shell("conflicts", "--resolve", str(conflict.pk), "accept")
    read = SyncRun.objects.latest("pk")
    assert code == 0
    assert f"A plan for review is made: run {read.pk}, awaiting review." in printed
    assert "The account of acme is other.pagerduty.com from now on, and a plan for review is made." in printed
    assert read.state == RunState.AWAITING_REVIEW


def test_the_page_names_the_run_of_the_plan(sync: Sync) -> None:
    conflict = arisen(sync, "account_changed")
    client = client_with(Role.ADMINISTRATOR)
    data = filled(client, url_of(conflict), "accept", {})
    page = client.post(url_of(conflict), {**data, "answer": "1"}, follow=True).content.decode()
    assert f"A plan for review is made: run {SyncRun.objects.latest('pk').pk}, queued." in page

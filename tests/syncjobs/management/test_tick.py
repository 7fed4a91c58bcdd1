"""The command tick, and what rules and runs say of slots."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from connectors.models import Connection
from oncall.models import Responder, User
from syncjobs.management.shell import run_document
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.durable.quarantine import FAILURES
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.conftest import Sync
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def _change(**columns: Any) -> Callable[[Sync], object]:
    return lambda sync: SyncProfile.objects.filter(pk=sync.profile.pk).update(**columns)


def _refuse(sync: Sync) -> None:
    Connection.objects.filter(pk=sync.connection.pk).update(refused_account="other")


#: Each cause for which nothing is synced by itself though a rule is set.
STOPS: dict[str, Callable[[Sync], object]] = {
    "disconnected": lambda sync: disconnect(sync.connection),
    "refused": _refuse,
    "paused": _change(paused_at=timezone.now()),
    "in setup": _change(setup_step="select", paused_at=timezone.now()),
    "unreadable": _change(every="0 3 * * * Mars/Phobos"),
}


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def driven(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """The command reads the source of the test."""
    path = "syncjobs.management.commands.tick.drive"
    monkeypatch.setattr(path, lambda pk, **how: drive(pk, opener=sync.source.open, **how))
    return sync


def test_every_is_set_shown_and_off_again(sync: Sync) -> None:
    rules = document("rules", "acme", "--set", "every=6h")
    assert (rules["every"], rules["last_slot"]) == ("6h", None)
    since = SyncProfile.objects.get().every_since
    assert since is not None
    assert rules["next_slot"] == iso(since.replace(microsecond=0) + 6 * HOUR)
    rules = document("rules", "acme", "--set", "every=0 3 * * 1-5 Europe/Berlin")
    assert rules["every"] == "0 3 * * 1-5 Europe/Berlin"
    assert datetime.fromisoformat(rules["next_slot"]) > timezone.now()
    assert "0 3 * * 1-5 Europe/Berlin" in shell("rules", "acme")[1]
    rules = document("rules", "acme", "--set", "every=off")
    assert (rules["every"], rules["next_slot"]) == ("off", None)


@pytest.mark.parametrize("every", ["1s", "30s", "0 3 * * *", "0 0 30 2 * UTC", "0 3 * * * Mars/Base", "", "sometimes"])
def test_what_is_not_allowed_is_wrong_usage_and_says_what_is(sync: Sync, every: str) -> None:
    code, out = shell("rules", "acme", "--set", f"every={every}")
    assert code == 64
    assert "6h or 1d; or a crontab of five fields" in out
    assert SyncProfile.objects.get().every == "off"


def test_a_tick_starts_and_drives_what_is_due_at_its_instant(driven: Sync) -> None:
    shell("rules", "acme", "--set", "every=6h", "--set", "review_first=false")
    assert document("tick") == {"started": [], "resumed": [], "failed": [], "mails": 0}
    at = timezone.now() + 6 * HOUR
    ticked = document("tick", "--at", iso(at), "--drive")
    (pk,) = ticked["started"]
    assert SyncRun.objects.get().state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3
    rules = document("rules", "acme")
    run = SyncRun.objects.get(pk=pk)
    assert run.slot is not None
    assert rules["last_slot"] == iso(run.slot)
    for again in (at, at + HOUR, at - HOUR, at - 6 * HOUR):
        assert document("tick", "--at", iso(again), "--drive")["started"] == []
    assert document("tick", "--at", iso(at + 72 * HOUR), "--drive")["started"] != []
    assert SyncRun.objects.count() == 2


def test_a_run_says_its_slot(driven: Sync) -> None:
    shell("rules", "acme", "--set", "every=6h")
    (pk,) = document("tick", "--at", iso(timezone.now() + 6 * HOUR), "--drive")["started"]
    assert run_document(SyncRun.objects.get(pk=pk))["slot"] == document("rules", "acme")["last_slot"]
    assert run_document(driven.plan())["slot"] is None


def test_without_drive_the_run_waits_for_a_worker(
    driven: Sync, notified: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    shell("rules", "acme", "--set", "every=6h")
    with django_capture_on_commit_callbacks(execute=True):
        (pk,) = document("tick", "--at", iso(timezone.now() + 6 * HOUR))["started"]
    assert SyncRun.objects.get(pk=pk).state == RunState.QUEUED
    assert notified == [pk]


def test_leases_are_judged_by_the_instant_of_the_tick(driven: Sync) -> None:
    run = start(driven.profile, RunKind.PLAN, by=None, notify=False)
    now = timezone.now()
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING, lease_expires_at=now + HOUR)
    assert document("tick")["failed"] == []
    ticked = document("tick", "--at", iso(now + 2 * HOUR))
    assert [*ticked["failed"], *ticked["resumed"]] == [run.pk]


def test_mails_are_counted_and_due_by_the_instant_of_the_tick(driven: Sync, settings: Any) -> None:
    User.objects.create_superuser("root@example.com", "a long password")
    driven.source.error = ZeroDivisionError()
    driven.run()
    assert document("tick")["mails"] == 1
    assert len(mail.outbox) == 1
    assert document("tick")["mails"] == 0


@pytest.mark.parametrize("at", ["", "tomorrow", "2026-12-01T00:00:00", "9999-01-01T00:00:00Z"])
@pytest.mark.parametrize("command", [("tick",), ("on_call",), ("walk", "Default")], ids=" ".join)
def test_an_odd_instant_is_wrong_usage(sync: Sync, command: tuple[str, ...], at: str) -> None:
    assert shell(*command, "--at", at)[0] == 64


@pytest.mark.parametrize("name", STOPS)
def test_next_slot_is_none_while_nothing_starts_by_itself(driven: Sync, name: str) -> None:
    shell("rules", "acme", "--set", "every=6h")
    assert document("rules", "acme")["next_slot"] is not None
    STOPS[name](driven)
    rules = document("rules", "acme")
    assert rules["next_slot"] is None
    assert document("tick", "--at", iso(timezone.now() + 30 * HOUR))["started"] == []


def test_the_table_of_rules_says_why_and_how_long_a_source_waits_whose_runs_fail(driven: Sync) -> None:
    driven.source.error = ZeroDivisionError()
    for _ in range(FAILURES):
        driven.run()
    found = document("rules", "acme")["quarantine"]
    out = " ".join(shell("rules", "acme")[1].split())
    assert f"quarantine since {found['since']}, {FAILURES} tries, next {found['next_try']}: {found['reason']}" in out


def test_the_table_names_the_runs(driven: Sync) -> None:
    shell("rules", "acme", "--set", "every=6h")
    code, out = shell("tick", "--at", iso(datetime.now(UTC) + 6 * HOUR), "--drive")
    assert (code, "started  " in out, "Mails sent: 0." in out) == (0, True, True)
    run = SyncRun.objects.get()
    assert f"{run}: Plan, awaiting review; objects written: 0." in out

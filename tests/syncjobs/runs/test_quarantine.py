"""Connections whose runs fail again and again wait longer and longer, until a run reads the source."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.errors import AuthenticationFailed, ProviderUnavailable
from connectors.models import Connection
from oncall.models import User
from syncjobs.management.shell import run_document
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.notices.announcing import announce
from syncjobs.notices.outbox import send_notices
from syncjobs.notices.texts import QUARANTINE
from syncjobs.pages.status import connection_statuses
from syncjobs.runs import runner
from syncjobs.runs.durable.quarantine import FAILURES, LONGEST, SHORTEST, may_run_by_itself, quarantine_of
from syncjobs.runs.start import approve, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.slots.every import span_in_words
from syncjobs.slots.starting import start_due
from syncjobs.slots.status import slots_of
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.ticks import set_every

DOWN = ProviderUnavailable("PagerDuty does not answer.", hint="Try later.", provider="pagerduty")
REFUSED = AuthenticationFailed("PagerDuty refused the key.", hint="Enter another.", provider="pagerduty")


def fail(sync: Sync, error: Exception | None = DOWN, times: int = 1, *, by_itself: bool = True) -> SyncRun:
    sync.source.error = error
    for _ in range(times):
        sync.profile.refresh_from_db()
        run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
        if by_itself:
            SyncRun.objects.filter(pk=run.pk).update(slot=timezone.now())
        ended = sync.drive(run)
    sync.profile.refresh_from_db()
    return ended


def waits(sync: Sync) -> timedelta:
    """Returns the time from the last failure to the next try."""
    ended = SyncRun.objects.latest("pk").finished_at
    assert ended is not None
    assert sync.profile.next_try_at is not None
    return sync.profile.next_try_at - ended


def test_a_few_failures_are_no_quarantine(sync: Sync) -> None:
    run = fail(sync, times=FAILURES - 1)
    assert quarantine_of(sync.profile) is None
    assert run_document(run)["quarantine"] is None
    assert may_run_by_itself(sync.profile, timezone.now())


def test_repeated_failures_wait_longer_and_longer(sync: Sync) -> None:
    run = fail(sync, times=FAILURES)
    found = quarantine_of(sync.profile)
    assert found is not None
    assert (found["reason"], found["tries"]) == (DOWN.message, FAILURES)
    assert run_document(run)["quarantine"] == found
    assert not may_run_by_itself(sync.profile, timezone.now())
    assert may_run_by_itself(sync.profile, timezone.now() + SHORTEST + timedelta(seconds=1))
    pauses = [waits(sync)]
    for _ in range(6):
        fail(sync)
        pauses.append(waits(sync))
    assert [round(pause / SHORTEST) for pause in pauses] == [1, 2, 4, 8, 16, 24, 24]
    assert round(pauses[-1] / LONGEST) == 1


def test_another_reason_keeps_the_time(sync: Sync) -> None:
    fail(sync, times=FAILURES)
    since = sync.profile.quarantined_at
    fail(sync, REFUSED, times=2)
    assert sync.profile.quarantined_at == since
    assert sync.profile.quarantine_reason == REFUSED.message


@pytest.mark.parametrize("kind", [RunKind.APPLY, RunKind.PLAN])
def test_a_run_that_reads_the_source_ends_it(sync: Sync, kind: RunKind) -> None:
    fail(sync, times=FAILURES)
    sync.source.error = None
    run = sync.run(kind)
    assert run.state in (RunState.SUCCEEDED, RunState.AWAITING_REVIEW)
    sync.profile.refresh_from_db()
    assert (quarantine_of(sync.profile), sync.profile.failures) == (None, 0)
    fail(sync, times=FAILURES)
    assert quarantine_of(sync.profile) is not None  # it is a new one


def test_a_run_that_has_ended_has_ended_the_quarantine(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker may be killed at the next statement."""
    fail(sync, times=FAILURES)
    sync.source.error = None

    def killed(run_id: int) -> Any:
        raise SystemExit

    monkeypatch.setattr(runner, "load_ended", killed)
    with pytest.raises(SystemExit):
        sync.run()
    assert SyncRun.objects.latest("pk").state == RunState.SUCCEEDED
    sync.profile.refresh_from_db()
    assert (quarantine_of(sync.profile), sync.profile.failures) == (None, 0)


def test_a_plan_that_is_applied_or_refused_without_a_read_does_not_end_it(sync: Sync) -> None:
    plan = sync.plan()
    fail(sync, times=FAILURES)
    sync.source.error = DOWN
    approve(plan, by=None, notify=False)
    sync.rules(contact_details=False)
    assert sync.drive(plan).state == RunState.AWAITING_REVIEW
    sync.profile.refresh_from_db()
    assert quarantine_of(sync.profile) is not None
    approve(plan, by=None, notify=False, despite_rules=True)
    plan.refresh_from_db()
    assert sync.drive(plan).state == RunState.SUCCEEDED
    sync.profile.refresh_from_db()
    assert quarantine_of(sync.profile) is not None


def test_a_manual_run_is_allowed_and_does_not_delay_the_next_try(sync: Sync) -> None:
    fail(sync, times=FAILURES)
    before = quarantine_of(sync.profile)
    fail(sync, times=3, by_itself=False)
    assert quarantine_of(sync.profile) == before


def test_another_key_ends_it(sync: Sync) -> None:
    fail(sync, REFUSED, times=FAILURES)
    sync.connection.enter_credentials({"api_key": "u+another-key"})
    sync.connection.save()
    profile = SyncProfile.objects.get()
    assert quarantine_of(profile) is None
    assert may_run_by_itself(profile, timezone.now())
    fail(sync)
    assert (quarantine_of(sync.profile), sync.profile.failures) == (None, 1)


def test_a_run_whose_key_is_replaced_while_it_reads_does_not_count(sync: Sync) -> None:
    fail(sync, REFUSED, times=FAILURES - 1)

    def replace() -> None:
        connection = Connection.objects.get(pk=sync.connection.pk)
        connection.enter_credentials({"api_key": "u+another-key"})
        connection.save()
        raise REFUSED

    sync.source.during = replace
    assert fail(sync, None).state == RunState.FAILED
    profile = SyncProfile.objects.select_related("connection").get()
    assert (quarantine_of(profile), profile.failures) == (None, 0)
    fail(sync, REFUSED)
    assert sync.profile.failures == 1


def test_a_run_that_a_person_ends_does_not_count(sync: Sync) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    sync.source.during = interrupt
    with pytest.raises(KeyboardInterrupt):
        sync.run()
    sync.profile.refresh_from_db()
    assert sync.profile.failures == 0


def test_a_run_of_a_disconnected_source_does_not_count(sync: Sync) -> None:
    disconnect(sync.connection)
    fail(sync)
    assert sync.profile.failures == 0


def test_the_page_says_since_when_why_and_when_next_and_tries_now(sync: Sync, client: Client) -> None:
    fail(sync, times=FAILURES)
    client.force_login(User.objects.create_superuser("admin@example.com", "a-long-password"))
    page = client.get(f"/admin/connectors/connection/{sync.connection.pk}/change/").content.decode()
    assert "In quarantine since" in page
    assert DOWN.message in page
    assert "No automatic sync starts before" in page
    assert "Try now" in page
    assert connection_statuses([sync.connection])[sync.connection.pk].quarantine is not None
    sync.source.error = None
    sync.run()
    page = client.get(f"/admin/connectors/connection/{sync.connection.pk}/change/").content.decode()
    assert "In quarantine" not in page


def test_administrators_get_a_mail_when_it_fails_and_one_when_automatic_syncs_wait(
    sync: Sync, mailoutbox: list[Any]
) -> None:
    User.objects.create_superuser("root@example.com", "a long password")
    now = timezone.now()
    for _ in range(FAILURES + 2):
        fail(sync)
        announce(now)
    assert send_notices(now) == 2
    assert [QUARANTINE in " ".join(mail.body.split()) for mail in mailoutbox] == [True, True]


def test_a_slot_waits_for_the_next_try_and_is_not_lost(sync: Sync) -> None:
    fail(sync, times=FAILURES)
    sync.profile.every, sync.profile.every_since = "1h", timezone.now() - timedelta(hours=5)
    sync.profile.slots_until = sync.profile.every_since
    sync.profile.save()
    assert start_due(timezone.now(), notify=False) == []
    assert sync.profile.next_try_at is not None
    (run,) = start_due(sync.profile.next_try_at + timedelta(minutes=6), notify=False)
    assert run.slot is not None


@pytest.mark.parametrize(
    "wait", [timedelta(minutes=-5), timedelta(minutes=20), timedelta(hours=2), timedelta(hours=24)]
)
@pytest.mark.parametrize("every", ["30m", "6h", "3d", "0 3 * * 1 UTC"])
def test_what_pages_say_of_the_next_sync_is_when_it_starts(
    sync: Sync, admin_client: Client, every: str, wait: timedelta
) -> None:
    now = timezone.now().replace(microsecond=0)
    set_every(sync, every, since=now - timedelta(days=20))
    SyncProfile.objects.update(
        slots_until=now, failures=FAILURES, quarantined_at=now, quarantine_reason="Down.", next_try_at=now + wait
    )
    profile = SyncProfile.objects.select_related("connection").get()
    slots = slots_of([profile], now)[profile.pk]
    assert slots.following is not None
    said = span_in_words(int((slots.following - now).total_seconds()))
    for page in ("connectors/connection/{}/change", "syncjobs/syncprofile"):
        shown = admin_client.get(f"/admin/{page.format(sync.connection.pk)}/").content.decode()
        assert f"in {said}" in shown
        assert ("runs failed" in shown) is (wait > timedelta(0) or "connection" in page)
    assert start_due(slots.following - timedelta(seconds=1), notify=False) == []
    assert len(start_due(slots.following, notify=False)) == 1

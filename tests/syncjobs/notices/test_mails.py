"""Mails about runs: to the leads of whose groups on-call changed, and to administrators about what waits for them."""

from collections.abc import Callable
from dataclasses import replace
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from connectors.errors import ProviderUnavailable
from oncall.models import GroupLead, Responder, Role, User, UserGroup
from oncall.operations import create_account, grant_lead
from syncjobs.deciding.decide import Decision, decide
from syncjobs.invitations.sending import UNWRITABLE
from syncjobs.models import Conflict, Notice, NoticeState, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.notices.announcing import announce
from syncjobs.runs.durable.quarantine import FAILURES
from syncjobs.runs.start import approve, cancel, start
from syncjobs.slots.ticking import run_tick
from syncjobs.tasks import tick
from syncjobs.undoing.undo import undo
from tests.syncjobs.conftest import BY, Sync, layer, schedule, user, world
from tests.syncjobs.invitations.conftest import server
from tests.syncjobs.invitations.mails import MailServer

__all__ = ("server",)

pytestmark = pytest.mark.django_db


def account(email: str, role: Role, **fields: Any) -> User:
    made = create_account(email, "a quite unusual sentence", by=BY, **fields)
    made.groups.set(Group.objects.filter(name=role))
    return User.objects.get(pk=made.pk)


@pytest.fixture
def owned(sync: Sync) -> Sync:
    """An imported source whose schedule belongs to the group Platform."""
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), group_ids=("T1",)),))
    sync.run()
    tick()
    return sync


@pytest.fixture
def lead(owned: Sync) -> User:
    made = account("lead@example.com", Role.TEAM_LEAD, name="Lea Lead")
    grant_lead(made.pk, UserGroup.objects.get(name="Platform").pk, BY)
    return made


@pytest.fixture
def admins(db: None) -> list[User]:
    return [account(f"{name}@example.com", Role.ADMINISTRATOR, is_staff=True) for name in ("ada", "ben")]


def hand_over(sync: Sync, *people: str) -> SyncRun:
    sync.source.change(schedules=(schedule("S1", "Primary", layer(*people), group_ids=("T1",)),))
    return sync.run()


def mails() -> list[tuple[str, str]]:
    """Send what is due, and return the address and the subject of each new mail."""
    mail.outbox.clear()
    tick()
    return sorted((sent.to[0], str(sent.subject)) for sent in mail.outbox)


# --- leads ------------------------------------------------------------------------------------------------------------

CHANGED = "Who is on call in your groups has changed"


def test_a_lead_gets_one_mail_that_says_who_is_on_call_instead_of_whom(owned: Sync, lead: User) -> None:
    hand_over(owned, "U2")
    assert mails() == [("lead@example.com", CHANGED)]
    body = str(mail.outbox[0].body)
    assert "- On call now in Primary: Bo instead of Ana." in body
    assert "These questions wait for an answer:" in body
    assert "- User not found: Bo" in body
    assert "https://" in body or "http://" in body
    assert mails() == []


def test_nothing_is_mailed_when_nothing_changed_for_the_group(owned: Sync, lead: User) -> None:
    owned.run()
    assert mails() == []
    owned.source.change(users=(user("U1", "Anna"), *world().users[1:]))
    owned.run()
    assert mails() == []
    other = schedule("S2", "Secondary", layer("U3"))
    owned.source.change(schedules=(*owned.source.snapshot.schedules, other))
    owned.run()
    assert mails() == []


def test_a_lead_of_another_group_gets_none_and_one_of_two_gets_one(owned: Sync, lead: User) -> None:
    team = replace(world().teams[0], external_id="T2", name="Database", members=())
    owned.source.change(teams=(*world().teams, team))
    owned.source.change(
        schedules=(*owned.source.snapshot.schedules, schedule("S2", "Backup", layer("U1"), group_ids=("T2",)))
    )
    owned.run()
    tick()
    other = account("other@example.com", Role.TEAM_LEAD)
    for each in (other, lead):
        grant_lead(each.pk, UserGroup.objects.get(name="Database").pk, BY)
    owned.source.change(
        schedules=(
            schedule("S1", "Primary", layer("U2"), group_ids=("T1",)),
            schedule("S2", "Backup", layer("U2"), group_ids=("T2",)),
        )
    )
    owned.run()
    sent = mails()
    assert [to for to, _ in sent] == ["lead@example.com", "other@example.com"]
    texts = {each.to[0]: str(each.body) for each in mail.outbox}
    assert "Primary" not in texts["other@example.com"]
    assert "Primary" in texts["lead@example.com"]
    assert "Backup" in texts["lead@example.com"]


def test_a_decision_and_an_undo_are_mailed_too(owned: Sync, lead: User) -> None:
    run = hand_over(owned, "U2")
    tick()
    undone = undo(run, None).run
    assert undone is not None
    assert undone.impact is not None
    assert mails() == [("lead@example.com", CHANGED)]
    assert "- On call now in Primary: Ana instead of Bo." in str(mail.outbox[0].body)
    question = Conflict.objects.get(kind="user_not_found", label="Ana")
    local = Responder.objects.create(name="Zoe")
    decide(question, Decision("map", {"to": f"responder:{local.pk}"}, None))
    assert mails() == [("lead@example.com", CHANGED)]
    assert "Zoe instead of Ana" in str(mail.outbox[0].body)


def test_a_mail_is_made_when_it_is_sent_from_what_the_lead_may_see_then(owned: Sync, lead: User) -> None:
    hand_over(owned, "U2")
    announce(timezone.now())
    GroupLead.objects.all().delete()
    assert mails() == []
    assert Notice.objects.get().state == NoticeState.DROPPED


def test_an_administrator_who_leads_is_told_only_of_the_own_groups(owned: Sync) -> None:
    admin = account("ada@example.com", Role.ADMINISTRATOR)
    grant_lead(admin.pk, UserGroup.objects.get(name="Platform").pk, BY)
    owned.source.change(schedules=(*owned.source.snapshot.schedules, schedule("S2", "Foreign", layer("U1"))))
    owned.run()
    tick()
    owned.source.change(
        schedules=(
            schedule("S1", "Primary", layer("U2"), group_ids=("T1",)), schedule("S2", "Foreign", layer("U2")),
        )
    )  # fmt: skip
    owned.run()
    assert mails() == [("ada@example.com", CHANGED)]
    assert "Foreign" not in str(mail.outbox[0].body)


def test_a_plan_that_waits_is_mailed_to_leads_only_when_it_is_applied(owned: Sync, lead: User) -> None:
    owned.source.change(schedules=(schedule("S1", "Primary", layer("U3"), group_ids=("T1",)),))
    owned.rules(approval_on_impact=True)
    run = owned.run()
    assert run.state == RunState.AWAITING_REVIEW
    assert mails() == []
    owned.apply(run)
    assert mails() == [("lead@example.com", CHANGED)]


def test_a_mail_has_no_address_and_no_link_of_a_vendor(owned: Sync, lead: User) -> None:
    hostile = "Bo bo@example.com http://evil.example/x +49 170 1234567"
    owned.source.change(users=(*world().users[:1], user("U2", hostile, email="bo@example.com"), world().users[2]))
    hand_over(owned, "U2")
    assert [to for to, _ in mails()] == ["lead@example.com"]
    body = str(mail.outbox[0].body)
    for part in ("bo@example.com", "evil.example", "http://evil", "1234567"):
        assert part not in body


def test_a_mail_about_many_changes_lists_20_and_counts_the_others(owned: Sync, lead: User) -> None:
    many = [schedule(f"M{number}", f"Rota {number}", layer("U1"), group_ids=("T1",)) for number in range(30)]
    owned.source.change(schedules=tuple(many))
    owned.run()
    assert [to for to, _ in mails()] == ["lead@example.com"]
    assert "- and 1" in str(mail.outbox[0].body)
    assert str(mail.outbox[0].body).count("On call now in Rota") == 20


# --- administrators ---------------------------------------------------------------------------------------------------


def _fails(sync: Sync, text: str = "The source does not answer.") -> None:
    sync.source.error = ProviderUnavailable(text, hint="Try later.", provider="pagerduty")
    sync.run()
    sync.source.error = None


def _waits(sync: Sync) -> None:
    sync.plan()


def _is_held(sync: Sync) -> None:
    snapshot = sync.source.snapshot
    sync.source.change(account=replace(snapshot.account, id="another"))
    sync.run()
    sync.source.change(account=snapshot.account)


PROBLEMS: dict[str, tuple[Callable[[Sync], object], str]] = {
    "failed": (_fails, "A sync of acme has failed"),
    "waiting": (_waits, "A plan of acme waits for review"),
    "held": (_is_held, "A sync of acme is held"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_administrators_get_one_mail_for_each_reason(sync: Sync, admins: list[User], name: str) -> None:
    cause, subject = PROBLEMS[name]
    if name == "held":
        sync.run()
    account("op@example.com", Role.OPERATOR)
    cause(sync)
    assert mails() == [(admin.email, subject) for admin in admins]
    run = SyncRun.objects.latest("pk")
    body = str(mail.outbox[0].body)
    assert f"/admin/syncjobs/syncrun/{run.pk}/change/" in body
    assert run.reason in body
    for number in range(3):
        cause(sync)
        waits = name == "failed" and number == FAILURES - 2  # from now on, automatic syncs wait
        assert mails() == ([(admin.email, subject) for admin in admins] if waits else [])


def test_after_a_better_run_the_same_reason_is_mailed_again_and_another_reason_at_once(
    sync: Sync, admins: list[User]
) -> None:
    _fails(sync)
    assert len(mails()) == 2
    _fails(sync, "The key is refused.")
    assert len(mails()) == 2
    sync.run()
    assert mails() == []
    _fails(sync)
    assert len(mails()) == 2


def test_the_plan_of_a_setup_that_is_not_finished_is_not_mailed(sync: Sync, admins: list[User]) -> None:
    SyncProfile.objects.filter(pk=sync.profile.pk).update(setup_step="review")
    sync.plan()
    assert mails() == []
    SyncProfile.objects.filter(pk=sync.profile.pk).update(setup_step="")
    sync.plan()
    assert len(mails()) == 2


def test_a_mail_that_waits_is_not_sent_after_the_source_went_back_to_its_setup(sync: Sync, admins: list[User]) -> None:
    sync.plan()
    announce(timezone.now())
    SyncProfile.objects.filter(pk=sync.profile.pk).update(setup_step="review")
    assert mails() == []


def test_numbers_make_no_other_reason(sync: Sync, admins: list[User]) -> None:
    _fails(sync, "3 pages of 7 failed.")
    assert len(mails()) == 2
    _fails(sync, "4 pages of 9 failed.")
    assert mails() == []


def test_what_is_over_before_it_is_sent_is_not_mailed(sync: Sync, admins: list[User]) -> None:
    run = sync.plan()
    announce(timezone.now())
    cancel(run)
    assert mails() == []
    assert set(Notice.objects.values_list("state", flat=True)) == {NoticeState.DROPPED}


def test_a_plan_that_was_replaced_before_it_is_sent_leads_to_the_present_one(sync: Sync, admins: list[User]) -> None:
    sync.plan()
    announce(timezone.now())
    now = sync.plan()
    assert len(mails()) == 2
    assert f"/syncrun/{now.pk}/change/" in str(mail.outbox[0].body)


def test_who_started_a_run_is_not_mailed_that_it_failed(sync: Sync, admins: list[User]) -> None:
    run = start(sync.profile, RunKind.APPLY, by=admins[0], notify=False)
    sync.source.error = ZeroDivisionError()
    sync.drive(run)
    assert [to for to, _ in mails()] == [admins[1].email]


def test_a_run_whose_worker_died_is_mailed_if_it_fails(sync: Sync, admins: list[User]) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.FAILED, reason="The worker stopped answering.")
    assert len(mails()) == 2


def test_an_approved_plan_is_announced_anew(sync: Sync, admins: list[User]) -> None:
    run = sync.plan()
    tick()
    run.refresh_from_db()
    assert run.announced
    approve(run, by=None, notify=False)
    run.refresh_from_db()
    assert not run.announced


# --- sending ----------------------------------------------------------------------------------------------------------


def test_a_mail_server_that_is_down_costs_time_and_no_mail(
    sync: Sync, admins: list[User], server: type[MailServer]
) -> None:
    server.error = SMTPServerDisconnected("connection of ana@example.com lost")
    _fails(sync)
    assert mails() == []
    tried = Notice.objects.get(tries=1)
    assert tried.last_error == "The mail server cannot be reached (SMTPServerDisconnected)."
    assert Notice.objects.filter(tries=0).count() == 1  # the others wait
    server.error = None
    assert tried.next_try is not None
    assert run_tick(tried.next_try).mails == 2
    assert {notice.state for notice in Notice.objects.all()} == {NoticeState.SENT}
    assert run_tick(tried.next_try).mails == 0


def test_an_address_that_no_mail_can_have_fails_at_once_and_stops_no_other_mail(
    sync: Sync, admins: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(server: EmailBackend, messages: list[EmailMessage]) -> int:
        if messages[0].to == [admins[0].email]:
            raise UnicodeError("label empty or too long")
        return _send(server, messages)

    _send = EmailBackend.send_messages
    monkeypatch.setattr(EmailBackend, "send_messages", send)
    _fails(sync)
    assert [to for to, _ in mails()] == [admins[1].email]
    failed = Notice.objects.get(account=admins[0])
    assert (failed.state, failed.last_error) == (NoticeState.FAILED, UNWRITABLE)


def test_a_mail_that_cannot_be_sent_ends_after_some_attempts(
    sync: Sync, admins: list[User], server: type[MailServer]
) -> None:
    server.error = SMTPServerDisconnected()
    _fails(sync)
    tick()
    for _ in range(30):
        waiting = Notice.objects.filter(state=NoticeState.QUEUED).order_by("next_try").first()
        if waiting is None:
            break
        assert waiting.next_try is not None
        run_tick(waiting.next_try)
    assert set(Notice.objects.values_list("state", "tries")) == {(NoticeState.FAILED, 10)}


def test_nothing_is_announced_twice_and_the_usual_tick_makes_one_query(
    owned: Sync, lead: User, django_assert_num_queries: Any
) -> None:
    run = hand_over(owned, "U2")
    now = timezone.now()
    assert (announce(now), announce(now)) == (1, 0)
    SyncRun.objects.filter(pk=run.pk).update(announced=False)  # as if it was forgotten
    announce(now)
    assert Notice.objects.count() == 1
    with django_assert_num_queries(1):
        announce(now)

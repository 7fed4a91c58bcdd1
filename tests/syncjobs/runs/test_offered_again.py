"""What a run did not apply is offered again, and what overtook a plan is planned again."""

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from connectors.records import Account, Completeness, FailedEntity, Reach, SourceTeam
from connectors.zones.timezones import convert
from oncall.models import GroupMember, Responder, UserGroup
from syncjobs.models import ExternalLink, Outcome, RunState, SyncItem, SyncRun
from syncjobs.runs import claim
from syncjobs.runs.start import approve, cancel
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.conftest import Sync, contents, edit, user, world

pytestmark = pytest.mark.django_db


def _untick(sync: Sync, plan: SyncRun) -> SyncRun:
    plan.items.filter(external_id="U1").update(ticked=False)
    return sync.apply(plan)


def _edit_meanwhile(sync: Sync, plan: SyncRun) -> SyncRun:
    edit("responder", Responder.objects.get(email="ana@example.com"), time_zone="Europe/Rome")
    return sync.apply(plan)


def _fail(sync: Sync, plan: SyncRun) -> SyncRun:
    plan.items.filter(external_id="U1").update(changes={"fields": {"name": ["Ana", ""]}})
    return sync.apply(plan)


LEFT: dict[Outcome, Callable[[Sync, SyncRun], SyncRun]] = {
    Outcome.SKIPPED: _untick,
    Outcome.STALE: _edit_meanwhile,
    Outcome.FAILED: _fail,
}


def test_each_outcome_that_leaves_something_out_is_covered() -> None:
    held = {Outcome.DEFERRED}  # its link keeps its hash: see test_the_held_part_is_offered_again
    assert LEFT.keys() | held == set(Outcome) - {Outcome.NONE, Outcome.APPLIED}


@pytest.mark.parametrize("outcome", LEFT)
def test_a_change_that_was_left_out_is_offered_again_also_after_a_change_of_rules(sync: Sync, outcome: Outcome) -> None:
    sync.run()
    edit("responder", Responder.objects.get(email="ana@example.com"), title="Ours")
    sync.rules(strategy="source")  # now the source's empty title replaces ours, although the source did not change
    plan = sync.plan()
    assert [item.external_id for item in plan.items.all()] == ["U1"]
    applied = LEFT[outcome](sync, plan)
    assert applied.items.get().outcome == outcome
    ExternalLink.objects.update(synced_version=Responder.objects.get(email="ana@example.com").version)
    again = sync.plan()
    assert [(item.external_id, item.action) for item in again.items.all()] == [("U1", "update")]


def test_a_limited_run_does_not_count_as_an_evaluation_of_all_rules(sync: Sync) -> None:
    sync.run()
    edit("responder", Responder.objects.get(email="ana@example.com"), title="Ours")
    sync.rules(strategy="source")
    sync.source.change(users=(), teams=(), schedules=(), policies=())
    sync.run(only=[("service", "V1")])
    sync.source.snapshot = world()
    assert [item.external_id for item in sync.plan().items.all()] == ["U1"]


def test_a_plan_that_is_applied_despite_newer_rules_does_not_count_as_their_evaluation(sync: Sync) -> None:
    sync.run()
    edit("responder", Responder.objects.get(email="ana@example.com"), title="Ours")
    ana, bo, cy = (user("U1", "Ana", time_zone=convert("Europe/Rome")), *world().users[1:])
    sync.source.change(users=(ana, bo, cy))
    sync.run()  # from now on the row counts as untouched, although its title is ours
    sync.source.change(users=(ana, user("U2", "Bo", title="New"), cy))
    plan = sync.plan()
    sync.rules(strategy="source")
    approve(plan, by=None, notify=False, despite_rules=True)
    assert sync.drive(plan).items.get().outcome == Outcome.APPLIED
    assert [(item.external_id, item.action) for item in sync.plan().items.all()] == [("U1", "update")]


def test_a_newer_read_replaces_a_waiting_plan_also_with_nothing_to_do(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=(user("U1", "Ana", title="New"), *world().users[1:]))
    plan = sync.plan()
    sync.source.snapshot = world()
    newer = sync.run()
    plan.refresh_from_db()
    assert (newer.items.count(), plan.state, plan.superseded_by) == (0, RunState.SUPERSEDED, newer)


# --- reading again before applying ------------------------------------------------------------------------------------


def _old(plan: SyncRun) -> None:
    SyncRun.objects.filter(pk=plan.pk).update(planned_at=timezone.now() - timedelta(minutes=16))


def test_an_old_plan_is_not_applied_with_the_key_of_another_account(sync: Sync) -> None:
    plan = sync.plan()
    _old(plan)
    sync.source.change(account=Account("other", "other.pagerduty.com"))
    sync.connection.refresh_from_db()
    assert sync.connection.account_id == "acme"
    held = sync.apply(plan)
    assert (held.state, Responder.objects.count()) == (RunState.HELD, 0)
    assert "belongs to other.pagerduty.com" in held.reason


def _unread(sync: Sync) -> None:
    failed = FailedEntity("responder", "U1", "invalid_json", "", "The answer was cut.")
    sync.source.change(users=world().users[1:], failed=(failed,))


def _cut(sync: Sync) -> None:
    sync.source.change(
        users=world().users[1:], completeness={**world().completeness, "responder": Completeness(False, "It was cut.")}
    )


def _gone(sync: Sync) -> None:
    sync.source.change(users=world().users[1:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_unread, "the source's answer about it could not be read, so it could not be compared again; plan again"),
        (_cut, "the source could not be read completely, so it could not be compared again (It was cut); plan again"),
        (_gone, "the source no longer lists it; plan again"),
    ],
)
def test_an_old_plan_says_why_an_object_could_not_be_compared_again(
    sync: Sync, change: Callable[[Sync], None], words: str
) -> None:
    plan = sync.plan()
    _old(plan)
    change(sync)
    applied = sync.apply(plan)
    assert applied.items.get(external_id="U1").reason == words
    assert sorted(Responder.objects.values_list("name", flat=True)) == ["Bo", "Cy"]


def test_an_object_that_is_selected_again_is_not_detached_by_an_old_plan(sync: Sync) -> None:
    sync.run()
    sync.rules(selection={"everything": False, "chosen": {"service": ["V1"]}})
    sync.source.change(teams=())
    sync.source.reach = Reach(frozenset((kind, each) for kind, each in _listed(sync)))
    plan = sync.plan()
    assert [(item.external_id, item.action) for item in plan.items.filter(action="detach")] == [("T1", "detach")]
    _old(plan)
    sync.source.change(teams=world().teams)
    sync.source.reach = None
    applied = sync.apply(plan)
    assert applied.items.get(external_id="T1").reason == "it is selected again; plan again"
    assert ExternalLink.objects.get(external_id="T1").state == "linked"


def _listed(sync: Sync) -> list[tuple[Any, str]]:
    kinds = ("responder", "user_group", "schedule", "escalation_policy", "service")
    return [(kind, each.external_id) for kind in kinds for each in sync.source.snapshot.records(kind)]


# --- commits and stops ------------------------------------------------------------------------------------------------


def test_a_commit_of_unknown_outcome_is_looked_up(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks each time when a transaction of the run was committed."""
    leave = transaction.Atomic.__exit__
    broken: list[int] = []

    def breaking(self: Any, kind: Any, value: Any, trace: Any) -> None:
        leave(self, kind, value, trace)
        if kind is None and sys._getframe(1).f_code.co_filename == claim.__file__:
            broken.append(1)
            raise OperationalError("the connection was closed")

    monkeypatch.setattr(transaction.Atomic, "__exit__", breaking)
    run = sync.run()
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    assert len(broken) > len(_listed(sync)) / 2
    assert {item.outcome for item in run.items.all()} == {"applied"}


@pytest.mark.parametrize("stop", [cancel, lambda run: disconnect(run.connection)], ids=["cancelled", "disconnected"])
def test_nothing_is_stored_after_a_run_was_stopped_while_it_planned(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, stop: Callable[[SyncRun], Any]
) -> None:
    sync.run()
    sync.source.change(users=(user("U1", "Ana", title="New"), *world().users[1:]))
    before: list[str] = []

    def stopped(*args: Any, **more: Any) -> Any:
        stop(SyncRun.objects.latest("pk"))
        before.append(contents())
        return make_plan(*args, **more)

    from syncjobs.planning.plan import make_plan

    monkeypatch.setattr("syncjobs.runs.planned_read.make_plan", stopped)
    run = sync.run()
    assert run.state == RunState.CANCELLED
    assert contents() == before[0]
    assert not run.items.exists()
    assert run.planned_at is None


@pytest.mark.parametrize("phase", ["planning", "applying"])
def test_a_killed_run_can_be_driven_again(sync: Sync, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    class Killed(BaseException):
        pass

    def kill(*args: Any, **more: Any) -> Any:
        raise Killed

    place = {"planning": "syncjobs.runs.planned_read.store_conflicts", "applying": "syncjobs.runs.apply.write_links"}
    monkeypatch.setattr(place[phase], kill)
    with pytest.raises(Killed):
        sync.run()
    monkeypatch.undo()
    run = SyncRun.objects.get()
    SyncRun.objects.update(state=RunState.QUEUED)
    assert sync.drive(run).state == RunState.SUCCEEDED
    assert {item.outcome for item in run.items.all()} == {"applied"}
    assert SyncItem.objects.count() == len(_listed(sync))


def test_progress_goes_on_between_the_last_page_and_the_stored_plan(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr(claim, "PAUSE_SHARE", 10**9)
    written: list[str] = []
    write = claim.Claim.write

    def seen(self: claim.Claim, **changes: Any) -> bool:
        written.append(self.run.phase)
        return write(self, **changes)

    monkeypatch.setattr(claim.Claim, "write", seen)
    sync.source.during = written.clear
    sync.run()
    assert written.index("planned") > 2 * len(_listed(sync))


# --- items of one row, and what items do to links ---------------------------------------------------------------------


def test_items_of_one_row_have_one_number_and_are_applied_together(sync: Sync) -> None:
    """Two people of the source are one person here."""
    sync.run()
    ana = Responder.objects.get(name="Ana")
    ExternalLink.objects.filter(external_id="U2").update(responder=ana, primary=False, synced_version=ana.version)
    method = world().users[1].contact_methods[0]
    sync.source.change(
        users=(
            user("U1", "Ana", title="Engineer"),
            user("U2", "Bo", contact_methods=(method.__class__("CX", "sms", "+4915112345678", "Mobile", True),)),
            world().users[2],
        )
    )
    plan = sync.plan()
    both = plan.items.filter(external_id__in=["U1", "U2"])
    assert {item.group_no for item in both} == {1}
    assert {item.row_id for item in both} == {ana.pk}
    assert sync.apply(plan).state == RunState.SUCCEEDED
    ana.refresh_from_db()
    assert ana.title == "Engineer"
    assert "sms" in ana.contact_methods.values_list("channel", flat=True)
    assert set(ExternalLink.objects.filter(responder=ana).values_list("synced_version", flat=True)) == {ana.version}


def test_an_item_of_an_edited_row_takes_the_other_items_of_the_row_with_it(sync: Sync) -> None:
    sync.run()
    ana = Responder.objects.get(name="Ana")
    ExternalLink.objects.filter(external_id="U2").update(responder=ana, primary=False, synced_version=ana.version)
    sync.source.change(users=(user("U1", "Ana", title="X"), user("U2", "Bo", contact_methods=()), world().users[2]))
    plan = sync.plan()
    edit("responder", ana, time_zone="Europe/Rome")
    applied = sync.apply(plan)
    assert {item.external_id: item.outcome for item in applied.items.all()} == {"U1": "stale", "U2": "stale"}


def test_an_item_keeps_both_sides_of_what_it_does_to_its_link(sync: Sync) -> None:
    sync.run()
    link = ExternalLink.objects.get(external_id="T1")
    old = (link.source_hash, link.base["fields"]["name"], link.version)
    team = world().teams[0].__class__("T1", "Platform crew", members=world().teams[0].members)
    sync.source.change(teams=(team,))
    item = sync.run().items.get()
    link.refresh_from_db()
    assert item.changes["link"] == {
        "base": [
            {"fields": {"name": "Platform"}, "elements": {}},
            {"fields": {"name": "Platform crew"}},
        ],
        "source_hash": [old[0], link.source_hash],
    }
    assert (link.base["fields"]["name"], link.version) == ("Platform crew", old[2] + 1)
    assert UserGroup.objects.get().name == "Platform crew"


def test_what_is_planned_again_keeps_its_approval_and_its_comment(sync: Sync) -> None:
    sync.run()
    sync.source.change(teams=(SourceTeam("T1", "Crew", members=()),))
    plan = sync.plan()
    plan.items.update(held_ticked=True, comment="Agreed with Ana.")
    ExternalLink.objects.filter(external_id="T1").update(version=F("version") + 1)
    applied = sync.apply(plan)
    item = applied.items.get()
    assert (item.outcome, item.held_ticked, item.comment) == (Outcome.APPLIED, True, "Agreed with Ana.")
    assert (UserGroup.objects.get().name, GroupMember.objects.count()) == ("Crew", 0)
    assert sync.run().items.count() == 0

"""Tables of tests: what the merge, presence and the guard do, each way on the site and in the shell; bad input."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from connectors.presence import State
from oncall.models import Schedule, User, UserGroup
from oncall.tables.kinds import ROOTS
from syncjobs.management.commands import apply
from syncjobs.models import Conflict, LinkState, RunState, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.admin import test_undo as undo_pages
from tests.syncjobs.conftest import Sync, edit, without_questions, world
from tests.syncjobs.histories import test_planned as histories
from tests.syncjobs.management import test_rules as rules
from tests.syncjobs.management.test_shell import shell
from tests.syncjobs.planning import test_merge as merging
from tests.syncjobs.planning import test_plan as planning
from tests.syncjobs.runs import test_gone as gone
from tests.syncjobs.runs import test_other_account as accounts
from tests.syncjobs.runs import test_runs as runs
from tests.syncjobs.runs import test_sightings as sightings
from tests.syncjobs.runs import test_sync as syncing
from tests.syncjobs.runs.impact import test_last_person as last
from tests.syncjobs.runs.test_gone import EVERY_KIND, grown, later, lose, many, remove
from tests.syncjobs.undoing import test_imports as undoing

pytestmark = pytest.mark.django_db
__all__ = ["grown"]
Test = Callable[..., None]
WAYS = pytest.mark.parametrize("way", ["admin", "shell"])


@pytest.fixture
def finish(way: str, monkeypatch: pytest.MonkeyPatch, admin_client: Client) -> Callable[..., SyncRun]:
    """Return a function that ticks or approves items of a plan and applies it, on the site or in the shell."""

    def by_admin(sync: Sync, run: SyncRun, *, tick: bool, approve: bool) -> SyncRun:
        ids = list(run.items.values_list("pk", flat=True))
        ticked = ids if tick else list(run.items.filter(ticked=True).values_list("pk", flat=True))
        form = {"item": ids, "tick": ticked, "approve": ids if approve else []}
        admin_client.post(reverse("admin:syncjobs_syncrun_ticks", args=[run.pk]), form)
        admin_client.post(reverse("admin:syncjobs_syncrun_apply", args=[run.pk]))
        return sync.drive(run)

    def by_shell(sync: Sync, run: SyncRun, *, tick: bool, approve: bool) -> SyncRun:
        monkeypatch.setattr(apply, "drive", lambda run_id: drive(run_id, opener=sync.source.open))
        options = ["--approve", "all"] if approve else []
        for item in run.items.all() if tick else ():
            options += ["--tick", f"{item.entity_type}:{item.external_id}"]
        shell("apply", str(run.pk), *options)
        run.refresh_from_db()
        return run

    def finished(sync: Sync, run: SyncRun, *, tick: bool = False, approve: bool = False) -> SyncRun:
        return (by_admin if way == "admin" else by_shell)(sync, run, tick=tick, approve=approve)

    return finished


# --- the merge --------------------------------------------------------------------------------------------------------

#: base, here, at the source -> by owner: the value here afterwards, and whether it is asked.
SITUATIONS: Mapping[str, tuple[tuple[str, str, str], Mapping[str, tuple[str, bool]]]] = {
    "both are equal": (("b", "x", "x"), {"ask": ("x", False), "source": ("x", False)}),
    "only the source changed": (("b", "b", "s"), {"ask": ("s", False), "source": ("s", False)}),
    "only edited here": (("b", "l", "b"), {"ask": ("l", False), "source": ("b", False)}),
    "all three differ": (("b", "l", "s"), {"ask": ("l", True), "source": ("s", False)}),
}


@WAYS
@pytest.mark.parametrize("owner", ["ask", "source"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_has_the_result_of_the_table(
    sync: Sync, name: str, owner: str, finish: Callable[..., SyncRun]
) -> None:
    (base, here, there), results = SITUATIONS[name]
    (team,) = world().teams

    def named(value: str) -> dict[str, Any]:
        return {"teams": (type(team)(team.external_id, value, members=team.members),)}

    sync.rules(strategy=owner)
    sync.source.change(**named(base))
    sync.run()
    if here != base:
        edit("user_group", UserGroup.objects.get(), name=here)
    sync.source.change(**named(there))
    plan = sync.plan()
    if plan.has_open_plan:
        finish(sync, plan)
    is_asked = Conflict.objects.filter(kind="both_edited").exists()
    assert (UserGroup.objects.get().name, is_asked) == results[owner]


#: Rows of the table that are tested elsewhere, too: without a base, and deleted here.
OTHER_SITUATIONS: Mapping[str, tuple[Test, ...]] = {
    "every row, for both owners, purely": (merging.test_each_owner_decides_as_documented,),
    "no base": (merging.test_it_settles_a_first_difference_in_a_quiet_field_without_writing,),
    "deleted here": (syncing.test_what_is_deleted_here_stays_deleted,),
    "owned here": (syncing.test_a_field_owned_here_is_never_written,),
}

# --- presence ---------------------------------------------------------------------------------------------------------

PRESENCE: Mapping[str, tuple[Test, ...]] = {
    "listed": (gone.test_a_deletion_walks_the_whole_way_and_a_return_is_an_update,),
    "not_chosen": (syncing.test_out_of_selection_is_detached_and_comes_back,),
    "not_reached": (
        syncing.test_what_a_selection_did_not_reach_stays_as_it_is,
        gone.test_a_list_that_lacks_an_object_which_still_exists_is_contradicted,
    ),
    "unreadable": (planning.test_an_object_that_could_not_be_read_is_failed_and_nothing_else,),
    "not_found": (
        gone.test_a_deletion_walks_the_whole_way_and_a_return_is_an_update,
        gone.test_the_tick_of_a_reviewer_is_the_second_sighting,
        sightings.test_another_key_begins_the_sightings_anew,
    ),
    "not_visible": (gone.test_an_object_that_the_source_may_only_hide_is_a_question,),
    "absent": (gone.test_a_read_asks_for_at_most_twenty_objects_and_the_next_for_the_others,),
}


def test_every_state_of_presence_has_a_test() -> None:
    assert set(PRESENCE) == set(get_args(State))


@WAYS
@EVERY_KIND
def test_the_tick_that_is_the_second_sighting_is_given_on_the_site_and_in_the_shell(
    grown: Sync, kind: Any, finish: Callable[..., SyncRun]
) -> None:
    id_ = remove(grown, kind).external_id
    plan = grown.plan()
    finish(grown, plan, tick=True)
    row = ROOTS[kind].rows.get(links__external_id=id_)
    assert (row.active, row.links.get().state) == (False, LinkState.GONE)


# --- the guard --------------------------------------------------------------------------------------------------------

GUARD: Mapping[str, tuple[Test, ...]] = {
    "a share and a number": (
        gone.test_the_guard_holds_more_than_a_share_and_at_least_five,
        gone.test_a_profile_sets_its_own_guard,
    ),
    "all of a kind": (gone.test_the_last_of_a_kind_is_held,),
    "a whole kind vanished": (
        gone.test_a_kind_that_vanishes_holds_the_whole_run_at_the_first_sighting,
        gone.test_a_vanished_kind_is_approved_as_a_whole,
    ),
    "an emptied collection": (syncing.test_emptied_members_wait_for_approval_and_the_rest_goes_on,),
    "the last person of a schedule or level": (
        last.test_what_takes_the_last_person_away_waits,
        last.test_what_leaves_somebody_is_applied,
        last.test_it_stays_held_with_its_comment_and_is_counted_once_until_it_is_approved,
        last.test_the_admin_approves_it,
        last.test_the_shell_approves_it,
    ),
    "another account": (accounts.test_the_read_of_another_account_is_held_and_asks_once,),
    "what is held stays held": (gone.test_what_is_held_stays_held_and_is_counted_once,),
    "hours are named": (gone.test_what_waits_says_how_many_hours_it_leaves_uncovered,),
}


def _share(sync: Sync) -> None:
    many(sync, 9)
    lose(sync, 5)


def _all_of_a_kind(sync: Sync) -> None:
    many(sync, 2)
    lose(sync, 3, all_of_them=True)


def _whole_kind(sync: Sync) -> None:
    many(sync, 5)
    for one in sync.source.snapshot.schedules:
        sync.source.answers["schedule", one.external_id] = "not_found"
    sync.source.change(schedules=())


HOLDING = {"a share and a number": (_share, 5), "all of a kind": (_all_of_a_kind, 3), "a whole kind": (_whole_kind, 6)}


@WAYS
@pytest.mark.parametrize("rule", HOLDING)
def test_what_a_rule_of_the_guard_holds_is_approved_on_the_site_and_in_the_shell(
    sync: Sync, rule: str, finish: Callable[..., SyncRun]
) -> None:
    arrange, number = HOLDING[rule]
    arrange(sync)
    finish(sync, sync.plan())
    assert not Schedule.objects.filter(active=False).exists()
    later(sync)
    plan = sync.plan()
    assert plan.items.filter(held=True).count() == number
    finish(sync, plan, approve=True)
    assert Schedule.objects.filter(active=False).count() == number


# --- bad input --------------------------------------------------------------------------------------------------------


def operator() -> User:
    """Return an account that may see and start runs."""
    account = User.objects.create_user("op@example.com", "not-a-real-password")
    User.objects.filter(pk=account.pk).update(is_staff=True)
    account.user_permissions.set(Permission.objects.filter(codename__in=["start_syncrun", "view_syncrun"]))
    return account


def test_a_plan_is_not_approved_by_who_lost_the_right(sync: Sync) -> None:
    account = operator()
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    plan = sync.plan()
    assert "Apply" in client.get(reverse("admin:syncjobs_syncrun_change", args=[plan.pk])).content.decode()
    account.user_permissions.remove(Permission.objects.get(codename="start_syncrun"))
    before = without_questions()
    for page in ("ticks", "apply", "cancel"):
        assert client.post(reverse(f"admin:syncjobs_syncrun_{page}", args=[plan.pk])).status_code == 403
    plan.refresh_from_db()
    assert (plan.state, without_questions()) == (RunState.AWAITING_REVIEW, before)


@pytest.mark.parametrize("loses", ["the right", "the account"])
def test_a_plan_whose_approver_lost_the_right_before_it_was_applied_waits_again(sync: Sync, loses: str) -> None:
    account, plan = operator(), sync.plan()
    approve(plan, by=account, notify=False)
    if loses == "the right":
        account.user_permissions.clear()
    else:
        User.objects.filter(pk=account.pk).update(is_active=False)
    before = without_questions()
    waiting = sync.drive(plan)
    assert (waiting.state, without_questions()) == (RunState.AWAITING_REVIEW, before)
    assert "Who approved this plan" in waiting.reason
    approve(waiting, by=None, notify=False)
    assert sync.drive(waiting).state == RunState.SUCCEEDED


def test_a_connection_that_is_removed_during_a_run_gets_nothing_more(sync: Sync) -> None:
    sync.run()
    name = UserGroup.objects.get().name
    (team,) = world().teams
    sync.source.change(teams=(type(team)(team.external_id, "Renamed", members=team.members),))
    sync.source.during = lambda: disconnect(sync.connection)
    run = sync.run()
    assert (run.state, UserGroup.objects.get().name) == (RunState.CANCELLED, name)
    assert not run.items.exists()


BAD_INPUT: Mapping[str, tuple[Test, ...]] = {
    "a stale plan": (runs.test_an_old_plan_reads_the_source_again_and_leaves_alone_what_moved,),
    "an expired plan": (runs.test_a_plan_expires_after_a_week,),
    "a superseded plan": (runs.test_a_newer_plan_replaces_the_one_that_waits,),
    "undo of merged rows": (undoing.test_a_run_whose_rows_were_merged_later_names_what_to_undo_first,),
    "undo of deleted rows": (undoing.test_a_row_that_was_deleted_later_is_listed,),
    "undo of edited rows": (
        undoing.test_exactly_what_was_edited_later_stays,
        undo_pages.test_what_changed_after_the_page_was_shown_is_shown_anew,
    ),
    "a guard of 0 % or 100 %": (rules.test_anything_else_is_wrong_usage_and_says_what_is_allowed,),
    "a lost right": (
        test_a_plan_is_not_approved_by_who_lost_the_right,
        test_a_plan_whose_approver_lost_the_right_before_it_was_applied_waits_again,
    ),
    "a removed connection": (test_a_connection_that_is_removed_during_a_run_gets_nothing_more,),
    "an empty list": (gone.test_a_kind_that_vanishes_holds_the_whole_run_at_the_first_sighting,),
    "half a list": (gone.test_the_guard_holds_more_than_a_share_and_at_least_five,),
    "an alternating list": (
        gone.test_an_object_that_comes_back_after_one_sighting_was_never_missing,
        histories.test_nothing_that_exists_becomes_inactive_and_deletions_arrive,
    ),
    "a list of another account": (accounts.test_the_read_of_another_account_is_held_and_asks_once,),
}
BAD_LINES = {
    *("a stale plan", "an expired plan", "a superseded plan"),
    *("undo of merged rows", "undo of deleted rows", "undo of edited rows"),
    *("a guard of 0 % or 100 %", "a lost right", "a removed connection"),
    *("an empty list", "half a list", "an alternating list", "a list of another account"),
}


def test_every_line_of_bad_input_has_a_test() -> None:
    assert set(BAD_INPUT) == BAD_LINES


@pytest.mark.parametrize("table", [OTHER_SITUATIONS, PRESENCE, GUARD, BAD_INPUT])
def test_what_the_tables_name_is_a_test(table: Mapping[str, tuple[Test, ...]]) -> None:
    for name, tests in table.items():
        assert tests, name
        assert all(each.__name__.startswith("test_") for each in tests), name

"""The page of a run: progress, the review of a plan, and buttons that need a POST."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.reading.findings import Vendor
from connectors.records import Completeness, FailedEntity, MappingNote, Reach, SourceMember, SourceTeam
from oncall.escalation.policy import Target
from oncall.models import Responder, Schedule, User, UserGroup
from oncall.operations import Actor, create_account
from syncjobs.models import RunKind, RunState, SyncItem, SyncRun
from syncjobs.pages.run.progress import ListRead, incomplete_lists
from syncjobs.runs.start import start
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import Sync, edit, layer, policy, schedule, user, world
from tests.syncjobs.runs.test_gone import lose, many

pytestmark = pytest.mark.django_db
LIST = "/admin/syncjobs/syncrun/"


def url(run: SyncRun, page: str = "change", *more: int) -> str:
    return reverse(f"admin:syncjobs_syncrun_{page}", args=[run.pk, *more])


def read(client: Client, run: SyncRun, **query: str) -> str:
    answer = client.get(url(run), query)
    assert answer.status_code == 200
    return answer.content.decode()


def people(number: int) -> list[object]:
    return [user(f"U{index}", f"Person{index}") for index in range(number)]


def test_the_page_of_a_plan_counts_explains_and_offers_to_apply(sync: Sync, admin_client: Client) -> None:
    page = read(admin_client, sync.plan())
    assert "awaiting review" in page
    assert "Nothing was written yet." in page
    assert "Apply the plan" in page
    assert "+ create" in page
    assert 'hx-trigger="every 2s"' not in page


def test_a_plan_is_applied_by_the_button(sync: Sync, admin_client: Client, admin_user: User) -> None:
    run = sync.plan()
    answer = admin_client.post(url(run, "apply"))
    assert answer.headers["Location"] == url(run)
    run.refresh_from_db()
    assert (run.state, run.requested_by) == (RunState.QUEUED, admin_user)
    sync.drive(run)
    page = read(admin_client, run)
    assert "Everything was applied." in page
    assert "Apply the plan" not in page


def test_only_what_is_ticked_is_applied(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    group = run.items.get(entity_type="user_group")
    others = run.items.exclude(pk=group.pk).filter(entity_type="responder")
    ticks = {"item": [group.pk, *(item.pk for item in others)], "tick": [item.pk for item in others]}
    answer = admin_client.post(url(run, "ticks"), ticks, headers={"HX-Request": "true"})
    assert "1 item left out" in answer.content.decode()
    admin_client.post(url(run, "apply"))
    sync.drive(run)
    assert not UserGroup.objects.exists()
    assert "Everything was applied, except the skipped items." in read(admin_client, run)


def test_a_run_whose_items_are_all_unticked_says_so(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    admin_client.post(url(run, "ticks"), {"all": "off"})
    sync.apply(run)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert "All items were skipped." in read(admin_client, run)


def test_all_that_a_filter_shows_is_ticked_at_once(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    admin_client.post(url(run, "ticks"), {"all": "off", "kind": "responder", "query": "kind=responder"})
    assert set(run.items.filter(ticked=False).values_list("entity_type", flat=True)) == {"responder"}
    admin_client.post(url(run, "ticks"), {"all": "on"})
    assert not run.items.filter(ticked=False).exists()


@pytest.mark.parametrize("vanished", [True, False], ids=["at the first sight", "proved"])
def test_all_that_is_held_is_approved_and_taken_back_at_once(
    sync: Sync, admin_client: Client, *, vanished: bool
) -> None:
    many(sync, 9)
    held = 10 if vanished else 5
    if vanished:
        sync.source.answers |= {("schedule", one.external_id): "not_found" for one in sync.source.snapshot.schedules}
        sync.source.change(schedules=())
    else:
        lose(sync, held)
    sync.source.change(users=(user("U1", "Ana", title="New"), *world().users[1:]))
    run = sync.plan()
    assert "Approve all that is held" in read(admin_client, run)
    admin_client.post(url(run, "ticks"), {"all": "approve", "kind": "responder"})
    assert not run.items.filter(held_ticked=True).exists()
    admin_client.post(url(run, "ticks"), {"all": "approve"})
    assert set(run.items.filter(held_ticked=True).values_list("entity_type", flat=True)) == {"schedule"}
    assert run.items.filter(held_ticked=True, ticked=True).count() == held
    admin_client.post(url(run, "ticks"), {"all": "off"})
    assert not run.items.filter(Q(ticked=True) | Q(held_ticked=True), outcome="").exists()
    page = read(admin_client, run)
    left = 1 if vanished else 1 + held
    assert f"{left} item{'' if left == 1 else 's'} left out; the removals of {held} items are not approved" in page
    admin_client.post(url(run, "ticks"), {"all": "approve"})
    sync.apply(run)
    assert Schedule.objects.filter(active=False).count() == held
    assert Responder.objects.get(name="Ana").title == ""


def test_an_item_that_only_opens_a_question_has_no_tick(sync: Sync, admin_client: Client) -> None:
    sync.run()
    edit("user_group", UserGroup.objects.get(), description="ours")
    theirs = SourceTeam("T1", "Platform", description="theirs", members=world().teams[0].members)
    sync.source.change(teams=(theirs,), users=(user("U1", "Ana", title="New"), *world().users[1:]))
    run = sync.plan()
    question, update = run.items.get(action="conflict"), run.items.get(action="update")
    page = read(admin_client, run)
    assert f'name="tick" value="{update.pk}"' in page
    assert f'name="tick" value="{question.pk}"' not in page
    admin_client.post(url(run, "ticks"), {"all": "off"})
    assert list(run.items.filter(ticked=False)) == [update]


def test_a_filter_that_is_longer_than_every_label_matches_no_item(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    for text in ("a" * 60_000, "%" * 60_000):
        admin_client.post(url(run, "ticks"), {"all": "off", "q": text})
        assert not SyncItem.objects.filter(run=run, ticked=False).exists()
        assert 'id="items"' in read(admin_client, run, q=text)


def test_ticks_of_a_run_that_is_past_review_stay(sync: Sync, admin_client: Client) -> None:
    run = sync.apply(sync.plan())
    page = admin_client.post(url(run, "ticks"), {"all": "off"}, follow=True).content.decode()
    assert "No tick was changed: the state of" in page
    assert not run.items.filter(ticked=False).exists()


def test_the_held_part_of_an_item_has_a_tick_of_its_own(sync: Sync, admin_client: Client) -> None:
    sync.run()
    sync.source.change(teams=(SourceTeam("T1", "Platform crew", members=()),))
    plan = sync.plan()
    page = read(admin_client, plan)
    assert "~ update" in page
    assert "All items are ticked; the removals of 1 item are not approved" in page
    assert "those here are kept until their removal is approved" in page
    item = plan.items.get()
    ticks = url(plan, "ticks")
    shown = admin_client.post(
        ticks, {"item": [item.pk], "tick": [item.pk], "approve": [item.pk]}, headers={"HX-Request": "true"}
    )
    assert shown.content.decode().strip() == "All items are ticked"
    assert f'name="approve" value="{item.pk}" checked' in read(admin_client, plan)
    sync.apply(plan)
    group = UserGroup.objects.get()
    assert (group.name, group.members.count()) == ("Platform crew", 0)
    assert "removal approved" in read(admin_client, plan)


def test_a_plan_whose_rules_changed_asks_before_it_is_applied(sync: Sync, admin_client: Client) -> None:
    plan = sync.plan()
    assert "Apply the plan" in read(admin_client, plan)
    sync.rules(selection={"everything": False, "chosen": {"schedule": ["S1"]}})
    page = admin_client.post(url(plan, "apply"), follow=True).content.decode()
    assert "The selection and the rules of acme changed after this plan was made. Nothing was written." in page
    assert "Plan again, or apply this plan as it was reviewed." in page
    assert "Apply the plan" not in page
    assert "Apply it as it was reviewed" in page
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW
    admin_client.post(url(plan, "apply"), {"despite_rules": "1"})
    plan.refresh_from_db()
    assert plan.state == RunState.QUEUED


def test_a_run_is_named_by_what_it_is_now(sync: Sync, admin_client: Client) -> None:
    plan = sync.plan()
    assert "Plan of" in " ".join(read(admin_client, plan).split())
    sync.apply(plan)
    assert "Import of" in " ".join(read(admin_client, plan).split())
    assert "Import without changes of" in " ".join(read(admin_client, sync.run()).split())


def test_an_update_whose_removals_nobody_approved_is_applied_without_them(sync: Sync) -> None:
    sync.run()
    sync.source.change(teams=(SourceTeam("T1", "Platform crew", members=()),))
    applied = sync.apply(sync.plan())
    assert (applied.state, applied.items.get().outcome) == (RunState.PARTIAL, "applied")
    assert "1 held" in applied.reason
    assert "Nothing was removed." in applied.hint
    assert UserGroup.objects.get().members.count() == 2
    assert [item.action for item in sync.plan().items.all()] == ["held"]


def test_a_plan_that_was_replaced_links_to_the_newer_one(sync: Sync, admin_client: Client) -> None:
    old = sync.plan()
    new = sync.plan()
    page = admin_client.post(url(old, "apply"), follow=True).content.decode()
    assert f'<a class="rb-link" href="{url(new)}">Open run {new.pk}</a>' in page
    assert "Nothing was written" in page


def test_an_expired_plan_says_so(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    SyncRun.objects.update(plan_expires_at=timezone.now() - timedelta(hours=1))
    assert "This plan has expired" in read(admin_client, run)
    assert "expired on" in admin_client.post(url(run, "apply"), follow=True).content.decode()


def test_an_active_run_is_linked_to_instead_of_starting_another(sync: Sync, admin_client: Client) -> None:
    plan = sync.plan()
    active = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    for button in ("apply", "again"):
        page = admin_client.post(url(plan, button), follow=True).content.decode()
        assert f'href="{url(active)}">Open run {active.pk}</a>' in page
    assert SyncRun.objects.count() == 2


def test_a_run_is_cancelled(sync: Sync, admin_client: Client) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    assert "The run is cancelled." in admin_client.post(url(run, "cancel"), follow=True).content.decode()
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert "had already ended" in admin_client.post(url(run, "cancel"), follow=True).content.decode()


def test_the_page_moves_by_itself_and_stops_by_itself(sync: Sync, admin_client: Client) -> None:
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    assert f'hx-get="{url(run, "progress")}" hx-trigger="every 2s"' in read(admin_client, run)
    moving = admin_client.get(url(run, "progress"))
    assert (moving.status_code, "Waiting for a worker." in moving.content.decode()) == (200, True)
    sync.drive(run)
    ended = admin_client.get(url(run, "progress"))
    assert (ended.status_code, ended.headers["HX-Refresh"]) == (286, "true")


def test_progress_shows_a_total_where_the_source_reports_it(sync: Sync, admin_client: Client) -> None:
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    counts = {"responder": {"fetched": 40, "total": 160}, "schedule": {"fetched": 7, "total": None}}
    SyncRun.objects.update(state=RunState.RUNNING, phase="fetch", counts=counts)
    page = read(admin_client, run)
    assert "40 of 160" in page
    assert '<progress class="rb-bar" max="160" value="40" aria-label="People fetched">' in page
    assert "Reading the source." in page
    assert page.count("<progress") == 1


def test_a_change_is_shown_with_names_and_lines_not_with_keys(sync: Sync, admin_client: Client) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2", "U3")),))
    run = sync.plan()
    item = run.items.get(entity_type="schedule")
    page = admin_client.get(url(run, "item", item.pk)).content.decode()
    assert "Layer 1: Ana → Bo → Ana" in page
    assert "Layer 1: Bo → Cy" in page
    assert "hands over every week, counted from Mon 5 Jan 2026 09:00" in page
    assert "person:" not in page
    assert "U2" not in page


def test_a_new_object_names_what_the_same_plan_creates(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    policy = admin_client.get(url(run, "item", run.items.get(entity_type="escalation_policy").pk)).content.decode()
    assert "Level 1: schedule Primary, Cy; then wait 30 minutes" in policy
    assert "Here now" not in policy
    group = admin_client.get(url(run, "item", run.items.get(entity_type="user_group").pk)).content.decode()
    assert "Ana (manager)" in group


def test_a_run_of_a_few_objects_says_so(sync: Sync, admin_client: Client) -> None:
    run = sync.run(RunKind.PLAN, only=[("schedule", "S1")])
    text = read(admin_client, run)
    assert "Only this object was planned. Nothing is concluded about the others." in text
    assert "Started from the shell or by a deleted account" in text
    run = sync.run(RunKind.PLAN, only=[("schedule", "S1"), ("user_group", "G1")])
    assert "Only these 2 objects were planned." in read(admin_client, run)


def test_a_run_names_the_account_that_started_it(sync: Sync, admin_client: Client, admin_user: User) -> None:
    run = sync.plan()
    SyncRun.objects.filter(pk=run.pk).update(requested_by=admin_user)
    assert f"Started by {admin_user}" in read(admin_client, run)
    assert f"by {admin_user}" in admin_client.get(LIST).content.decode()


def test_an_account_that_is_linked_is_named(sync: Sync, admin_client: Client) -> None:
    create_account(email="bo@example.com", name="Bo B.", password="long-enough-1", by=Actor(None, "test"))
    run = sync.plan()
    item = run.items.get(label="Bo")
    assert "is linked to Bo B." in admin_client.get(url(run, "item", item.pk)).content.decode()
    User.objects.filter(email="bo@example.com").delete()
    assert "the account was deleted" in admin_client.get(url(run, "item", item.pk)).content.decode()


def test_rows_are_linked_for_those_who_may_see_them(sync: Sync, admin_client: Client) -> None:
    run = sync.apply(sync.plan())
    there = reverse("admin:oncall_responder_change", args=[Responder.objects.get(name="Ana").pk])
    assert there in read(admin_client, run)
    assert there not in read(staff("view_syncrun"), run)


def test_items_are_filtered_and_searched(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    page = read(admin_client, run, kind="schedule")
    assert ("<strong>Primary</strong>" in page, "<strong>Ana</strong>" in page) == (True, False)
    page = read(admin_client, run, q="ana")
    assert ("<strong>Primary</strong>" in page, "<strong>Ana</strong>" in page) == (False, True)
    assert "No item matches the filters." in read(admin_client, run, action="detach")
    assert "<strong>Ana</strong>" in read(admin_client, run, outcome="open")


def test_items_are_paged_and_the_filter_stays(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=people(60))
    run = sync.plan()
    page = read(admin_client, run, kind="responder", page="2")
    assert "Page 2 of 2, 60 items" in page
    assert 'href="?kind=responder&amp;page=1#items"' in page


def test_a_page_costs_the_same_however_many_items_there_are(sync: Sync, admin_client: Client) -> None:
    few = sync.plan()
    first = (queries(admin_client, url(few)), queries(admin_client, LIST))
    sync.source.change(users=people(300))
    many = sync.plan()
    group = SourceTeam("T2", "Everybody", members=tuple(SourceMember(f"U{index}", "responder") for index in range(300)))
    sync.source.change(teams=(group,))
    huge = sync.plan()
    assert (queries(admin_client, url(many)), queries(admin_client, LIST)) == first
    assert first[0] <= 10
    item = huge.items.get(external_id="T2")
    assert queries(admin_client, url(huge, "item", item.pk)) <= 8


@pytest.mark.parametrize("applied", [False, True])
def test_a_page_with_names_in_its_impact_makes_at_most_ten_queries(
    sync: Sync, admin_client: Client, applied: bool
) -> None:
    sync.run()
    new = (schedule("S1", "Primary", layer("U9")), schedule("S2", "Second", layer("U2")))
    more = (*world().policies, policy("P2", "Other", Target("schedule", "S2")))
    sync.source.change(users=(*world().users, user("U9", "Ida")), schedules=new, policies=more)
    run = sync.run() if applied else sync.plan()
    assert run.impact is not None
    assert len(run.impact["now"]) > 3
    page = admin_client.get(url(run))
    assert len(page.content) < 300_000
    assert "Ida" in page.content.decode()
    assert queries(admin_client, url(run)) <= 10


def test_notes_are_grouped_with_their_number(sync: Sync, admin_client: Client) -> None:
    notes = tuple(MappingNote("schedule", f"S{index}", "switched_off", f"no colour {index}") for index in range(25))
    sync.source.change(notes=notes)
    page = read(admin_client, sync.plan())
    assert "Objects that are switched off at the source are inactive here." in page
    assert "<strong>schedule Primary</strong> no colour 1" in page  # S1 has a name, S2 is unknown
    assert "<strong>schedule S2</strong> no colour 2" in page
    assert "no colour 19" in page
    assert "no colour 20" not in page
    assert "and 5 more of this kind" in page


def test_hostile_names_reasons_and_notes_are_text(sync: Sync, admin_client: Client) -> None:
    sync.connection.name = HOSTILE
    sync.connection.save()
    sync.source.change(
        users=(user("U1", HOSTILE), user("U2", "Bo"), user("U3", "Cy")),
        notes=(MappingNote("schedule", HOSTILE, HOSTILE, HOSTILE),),
    )
    run = sync.plan()
    SyncItem.objects.update(reason=HOSTILE)
    SyncRun.objects.update(reason=HOSTILE, hint=HOSTILE)
    for page in (url(run), LIST, url(run, "progress")):
        assert_harmless(admin_client.get(page).content.decode())
    for item in run.items.filter(entity_type__in=["responder", "schedule", "user_group"]):
        text = admin_client.get(url(run, "item", item.pk)).content.decode()
        assert HOSTILE not in text


def test_a_failed_read_says_why_and_what_to_do(sync: Sync, admin_client: Client) -> None:
    sync.source.error = RuntimeError("boom")
    page = read(admin_client, sync.plan())
    assert "An unexpected RuntimeError stopped the run." in page
    assert "Plan again" in page
    assert "boom" not in page


@pytest.mark.parametrize("button", ["ticks", "apply", "cancel", "again"])
def test_buttons_need_a_post_a_token_and_the_right(
    sync: Sync, admin_client: Client, admin_user: User, button: str
) -> None:
    run = sync.plan()
    assert admin_client.get(url(run, button)).status_code == 405
    assert staff("view_syncrun").post(url(run, button)).status_code == 403
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(admin_user)
    assert guarded.post(url(run, button)).status_code == 403
    run.refresh_from_db()
    assert run.state == RunState.AWAITING_REVIEW


def test_viewers_see_runs_without_buttons_and_others_see_nothing(sync: Sync) -> None:
    run = sync.plan()
    viewer = staff("view_syncrun")
    page = read(viewer, run)
    assert "Apply the plan" not in page
    assert 'type="checkbox" name="tick"' not in page
    viewer.logout()
    assert viewer.get(url(run)).status_code == 302


@pytest.mark.parametrize("page", [lambda run: url(run), lambda run: url(run, "progress"), lambda run: LIST])
def test_without_the_right_to_see_runs_there_is_nothing(sync: Sync, page: Callable[[SyncRun], str]) -> None:
    assert staff("view_conflict").get(page(sync.plan())).status_code == 403


def test_what_is_not_there_is_not_found(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    assert admin_client.get(f"{LIST}999/change/").status_code == 404
    assert admin_client.get(f"{LIST}nonsense/change/").status_code == 404
    assert admin_client.get(url(run, "item", 0)).status_code == 404


def test_runs_are_neither_added_nor_deleted_by_hand(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(url(run, "delete")).status_code == 403
    assert admin_client.get(LIST, {"connection__credentials__startswith": "enc1"}).status_code == 400
    assert admin_client.get(LIST, {"state__exact": "failed"}).status_code == 200


def test_a_listing_that_broke_off_is_named(sync: Sync, admin_client: Client) -> None:
    sync.source.change(completeness=world().completeness | {"schedule": Completeness(False, "page 3 failed.")})
    warning = '<p class="rb-note rb-note-warn">The list of schedules was not read completely: page 3 failed.'
    assert warning in read(admin_client, sync.plan())


def test_a_list_that_was_not_meant_to_be_read_completely_is_no_warning(sync: Sync, admin_client: Client) -> None:
    part = Completeness(False, "Only the people that are needed were read.", by_design=True)
    sync.source.change(completeness=world().completeness | {"responder": part})
    run = sync.plan()
    sentence = "Only the people that are needed were read. All other people count as unchanged."
    assert incomplete_lists(run) == [ListRead(sentence, is_fault=False)]
    page = read(admin_client, run)
    assert f'<p class="rb-note">{sentence}</p>' in page
    assert "was not read completely" not in page
    run.completeness["responder"]["unreached"] = {part.reason: 2, "It failed.": 1}
    assert [each.is_fault for each in incomplete_lists(run)] == [False, True]


def test_objects_that_were_not_reached_are_shown_with_the_reason(sync: Sync, admin_client: Client) -> None:
    more = (schedule("S2", "Second", layer("U1")), schedule("S3", "Third", layer("U1")))
    sync.source.change(schedules=(*world().schedules, *more))
    sync.run()
    sync.profile.selection = {"everything": False, "chosen": {"service": ["V1"]}}
    sync.profile.save()
    sync.source.reach = Reach(frozenset({("service", "V1")}), unresolved=(("service", "V1"),))
    sync.source.change(schedules=(), policies=(), services=())
    page = read(admin_client, sync.run())
    why = "The service V1 could not be read, so what it refers to is not known."
    assert f"3 schedules were not reached by this read, so they are kept unchanged: {why}" in page
    assert f"1 escalation policy was not reached by this read, so it is kept unchanged: {why}" in page
    assert "was not read completely" not in page


def test_an_object_that_was_imported_in_part_says_so_and_nothing_else(sync: Sync, admin_client: Client) -> None:
    hint = Vendor("pagerduty", "PagerDuty").element_hint
    failed = FailedEntity(
        "schedule", "S1", "invalid_value", "overrides[0]", f"Override 1 is unusable. {hint}", hint, True
    )
    (primary,) = world().schedules
    sync.source.change(failed=(failed,), schedules=(replace(primary, unread={"overrides": 1}),))
    run = sync.run()
    page = read(admin_client, run, kind="schedule")
    assert "+ create" in page
    assert "applied" in page
    assert (
        "Only a part of it could be read, and nothing is removed because of that: Override 1 is unusable. "
        "Only this element is left out, the others were read; correct it in PagerDuty."
    ) in page
    assert "was changed" not in page

"""A run of a few objects says step by step what was done with each; pages start runs of one or some objects."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection
from connectors.records import Reach
from oncall.models import Responder, Schedule
from syncjobs.models import ExternalLink, LinkState, Outcome, RunKind, RunState, SyncItem, SyncRun
from syncjobs.pages.marks import run_url
from syncjobs.pages.run.traces import traces_of
from syncjobs.planning.trace import STEPS
from syncjobs.runs.runner import drive
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import Sync, layer, schedule
from tests.syncjobs.management.test_shell import document

KEY = ("schedule", "S1")


def steps(run: SyncRun) -> dict[str, str]:
    (traced,) = traces_of(run)
    assert tuple(each["step"] for each in traced["steps"]) == STEPS
    assert (traced["entity_type"], traced["external_id"]) == KEY
    return {each["step"]: each["text"] for each in traced["steps"]}


def test_an_object_that_is_new(sync: Sync) -> None:
    found = steps(sync.run(only=[KEY]))
    assert found == {
        "fetched": "The source lists it.",
        "mapped": "“Primary” (extra shifts: 0, overrides: 0).",
        "matched": "No schedule here is this one.",
        "compared": found["compared"],
        "decided": "It is created here.",
        "written": f"It was written: row {Schedule.objects.get().pk}.",
    }
    assert "layers" in found["compared"]


def test_an_object_that_is_unchanged(sync: Sync) -> None:
    sync.run()
    found = steps(sync.run(only=[KEY]))
    row = Schedule.objects.get().pk
    assert found["matched"] == f"It is schedule {row} here, which follows it."
    assert (found["compared"], found["decided"], found["written"]) == (
        "Nothing differs.",
        "There is nothing to do.",
        "There is nothing to write.",
    )


def test_an_object_that_changed_waits_in_a_plan_and_is_written_then(sync: Sync) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Renamed", layer("U1", "U2", "U1")),))
    run = sync.run(RunKind.PLAN, only=[KEY])
    found = steps(run)
    assert (found["compared"], found["decided"]) == ("These differ: name.", "The row here is changed.")
    assert found["written"] == "It waits for the review of the plan."
    sync.apply(run)
    run.refresh_from_db()
    assert steps(run)["written"] == f"It was written: row {Schedule.objects.get().pk}."


def test_an_object_that_both_sides_changed_is_a_question(sync: Sync) -> None:
    sync.run()
    Schedule.objects.update(name="Mine", name_key="mine", version=9)
    sync.source.change(schedules=(schedule("S1", "Theirs", layer("U1", "U2", "U1")),))
    found = steps(sync.run(only=[KEY]))
    assert found["decided"].endswith("It is a question: both edited.")


def test_an_object_that_the_source_does_not_list(sync: Sync) -> None:
    sync.run()
    sync.source.change(schedules=(), not_found=frozenset({KEY}))
    found = steps(sync.run(only=[KEY]))
    assert found["fetched"] == "The source does not know this id."
    assert (found["mapped"], found["compared"]) == ("Nothing was mapped.", "Nothing was compared.")
    assert found["written"] == "There is nothing to write."


def test_an_item_that_failed_says_why(sync: Sync) -> None:
    sync.run()
    run = sync.run(only=[KEY])
    SyncItem.objects.create(
        run=run, entity_type="schedule", external_id="S1", label="Primary", action="update", outcome=Outcome.FAILED,
        reason="The name is too long.",
    )  # fmt: skip
    assert steps(run)["written"] == "It was not written (failed): The name is too long."


def test_the_trace_of_many_objects_is_bounded_and_a_whole_sync_has_none(sync: Sync) -> None:
    assert traces_of(sync.run()) == []
    many = sync.run(only=[("schedule", f"S{number}") for number in range(30)])
    assert len(traces_of(many)) == 20


def test_titles_say_the_name_of_an_object_and_not_its_id(sync: Sync, page: Client) -> None:
    sync.run()
    unchanged = sync.run(only=[KEY])
    assert not unchanged.items.exists()
    gone = sync.run(only=[("schedule", "S404")])
    sync.profile.selection = {"everything": False, "chosen": {"service": ["V1"]}}
    sync.profile.save()
    sync.source.reach = Reach(frozenset({("service", "V1")}))
    sync.source.change(schedules=(), policies=(), users=(), teams=())
    left = sync.plan()
    item = left.items.get(external_id="S1")
    assert (item.action, item.label) == ("detach", "Primary")
    assert set(left.items.filter(entity_type="responder").values_list("label", flat=True)) == {"Ana", "Bo", "Cy"}
    for run, name in ((unchanged, "Primary"), (gone, "S404")):
        assert f"What was done with {name}" in page.get(run_url(run)).content.decode()
    shown = page.get(reverse("admin:syncjobs_syncrun_item", args=[left.pk, item.pk])).content.decode()
    assert "− detach: Primary" in shown.partition("</title>")[0]


def test_the_shell_prints_the_trace(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "syncjobs.management.commands.sync_run.SyncCommand._tracing",
        lambda self, connection, **given: sync.source.open(connection, **given),
    )
    found: dict[str, Any] = document("sync_run", "acme", "--only", "schedule:S1", "--trace")
    ((traced),) = found["trace"]
    assert [each["step"] for each in traced["steps"]] == list(STEPS)


@pytest.fixture
def page(sync: Sync, admin_client: Client) -> Client:
    sync.run()
    sync.profile.review_first = False
    sync.profile.save()
    return admin_client


def limited_to(*keys: tuple[str, str]) -> SyncRun:
    run = SyncRun.objects.latest("pk")
    assert (run.state, run.kind, run.scope) == (RunState.QUEUED, RunKind.APPLY, {"only": [list(key) for key in keys]})
    return run


def test_the_page_of_a_limited_run_shows_the_trace(sync: Sync, page: Client) -> None:
    text = page.get(run_url(sync.run(only=[KEY]))).content.decode()
    assert "What was done with Primary" in text
    assert "Nothing differs." in text


@pytest.mark.parametrize(("outcome", "word"), [(Outcome.FAILED, "Retry this"), (Outcome.APPLIED, "Sync this")])
def test_an_item_is_synced_alone(sync: Sync, page: Client, outcome: Outcome, word: str) -> None:
    item = SyncItem.objects.get(entity_type="schedule")
    SyncItem.objects.filter(pk=item.pk).update(outcome=outcome)
    url = reverse("admin:syncjobs_syncrun_item", args=[item.run_id, item.pk])
    assert word in page.get(url).content.decode()
    answer = page.post(f"{url}sync/")
    assert answer.headers["Location"] == run_url(limited_to(KEY))


def test_a_person_is_not_synced_alone(sync: Sync, page: Client) -> None:
    item = SyncItem.objects.filter(entity_type="responder")[0]
    url = reverse("admin:syncjobs_syncrun_item", args=[item.run_id, item.pk])
    assert "Sync this" not in page.get(url).content.decode()
    before = SyncRun.objects.count()
    answer = page.post(f"{url}sync/", follow=True).content.decode()
    assert (SyncRun.objects.count(), "cannot be synced alone" in answer) == (before, True)


def test_review_first_makes_a_plan_of_it(sync: Sync, page: Client) -> None:
    sync.profile.review_first = True
    sync.profile.save()
    item = SyncItem.objects.get(entity_type="schedule")
    page.post(reverse("admin:syncjobs_syncrun_sync_item", args=[item.run_id, item.pk]))
    assert SyncRun.objects.latest("pk").kind == RunKind.PLAN


#: The lists with the action, and the object of the world in each.
LISTS = {
    "service": ("service", "V1"),
    "usergroup": ("user_group", "T1"),
    "schedule": KEY,
    "escalationpolicy": ("escalation_policy", "P1"),
}


@pytest.mark.parametrize("model", LISTS)
def test_selected_rows_of_a_list_are_synced(page: Client, model: str) -> None:
    kind, external_id = LISTS[model]
    link = ExternalLink.objects.get(entity_type=kind, external_id=external_id)
    url = reverse(f"admin:oncall_{model}_changelist")
    answer = page.post(url, {"action": "sync_selected", "_selected_action": [str(link.row_id)]})
    assert answer.headers["Location"] == run_url(limited_to((kind, external_id)))


def test_rows_of_two_sources_start_a_run_each_and_others_are_named(page: Client, sync: Sync) -> None:
    other = Sync("globex")
    other.rules(review_first=False)
    other.source.snapshot = replace(other.source.snapshot, account=replace(other.source.snapshot.account, id="globex"))
    other.run()
    local = Schedule.objects.create(name="Local", name_key="local", time_zone="Europe/Paris")
    rows = [str(local.pk), *map(str, ExternalLink.objects.filter(external_id="S1").values_list("schedule", flat=True))]
    before = SyncRun.objects.count()
    url = reverse("admin:oncall_schedule_changelist")
    text = page.post(url, {"action": "sync_selected", "_selected_action": rows}, follow=True).content.decode()
    assert SyncRun.objects.count() == before + 2
    assert "1 of the selected rows follow no source." in text


def test_a_connection_that_is_busy_is_named(page: Client, sync: Sync) -> None:
    url = reverse("admin:oncall_schedule_changelist")
    data = {"action": "sync_selected", "_selected_action": [str(Schedule.objects.get().pk)]}
    page.post(url, data, follow=True)
    before = SyncRun.objects.count()
    text = page.post(url, data, follow=True).content.decode()
    assert (SyncRun.objects.count(), "Open run" in text, "was started" in text) == (before, True, False)


def test_a_detached_row_follows_no_source(page: Client) -> None:
    ExternalLink.objects.filter(external_id="S1").update(state=LinkState.DETACHED)
    before = SyncRun.objects.count()
    url = reverse("admin:oncall_schedule_changelist")
    text = page.post(
        url, {"action": "sync_selected", "_selected_action": [str(Schedule.objects.get().pk)]}, follow=True
    ).content.decode()
    assert (SyncRun.objects.count(), "follow no source" in text) == (before, True)


def button_of(browser: Client, model: str, row: int) -> str:
    """Returns the form with the button on the page of a row, empty if there is none."""
    text = browser.get(reverse(f"admin:oncall_{model}_change", args=[row])).content.decode()
    found = re.search(r"<form[^>]*>(?:(?!</form>).)*Sync this</button>", text, re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize("model", LISTS)
def test_the_button_of_an_object_syncs_it_alone_and_leads_to_the_trace(page: Client, sync: Sync, model: str) -> None:
    kind, external_id = LISTS[model]
    link = ExternalLink.objects.get(entity_type=kind, external_id=external_id)
    form = button_of(page, model, link.row_id)
    sent = dict(re.findall(r'name="(action|_selected_action)" value="([^"]*)"', form))
    assert sent == {"action": "sync_selected", "_selected_action": str(link.row_id)}
    (address,) = re.findall(r'action="([^"]*)"', form)
    answer = page.post(address, sent, follow=True)
    run = limited_to((kind, external_id))
    assert answer.redirect_chain == [(run_url(run), 302)]
    drive(run.pk, opener=sync.source.open)
    assert f"What was done with {getattr(link, kind).name}" in page.get(run_url(run)).content.decode()


@pytest.mark.parametrize("state", set(LinkState.values) - {LinkState.LINKED})
def test_an_object_that_follows_no_source_has_no_button(page: Client, state: str) -> None:
    row = Schedule.objects.get().pk
    assert button_of(page, "schedule", row)
    ExternalLink.objects.filter(external_id="S1").update(state=state)
    assert not button_of(page, "schedule", row)


def test_an_object_of_a_source_that_is_disconnected_has_no_button(page: Client, sync: Sync) -> None:
    Connection.objects.update(disconnected_at=timezone.now())
    assert not button_of(page, "schedule", Schedule.objects.get().pk)


def test_a_person_has_no_button_and_neither_does_an_account_that_may_not_start_syncs(page: Client) -> None:
    assert not button_of(page, "responder", Responder.objects.order_by("pk")[0].pk)
    assert not button_of(staff("view_schedule"), "schedule", Schedule.objects.get().pk)

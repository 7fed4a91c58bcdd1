"""The page of a run says what changes about who is on call."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from oncall.models import Responder
from syncjobs.models import RunState, SyncRun
from syncjobs.pages.impact import MOST
from syncjobs.words.impact import NOTHING_CHANGES
from tests.syncjobs.admin.conftest import queries, staff
from tests.syncjobs.conftest import NOW, Sync, layer, schedule, user, world

pytestmark = pytest.mark.django_db
NOT_YET = "It was not computed yet for the items that are ticked now."
BO_NOW = "On call now in Primary: Bo instead of Ana."


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def url(run: SyncRun, page: str = "change") -> str:
    return reverse(f"admin:syncjobs_syncrun_{page}", args=[run.pk])


def read(client: Client, run: SyncRun) -> str:
    return " ".join(client.get(url(run)).content.decode().split())


def planned(sync: Sync) -> SyncRun:
    """A plan by which Bo is on call instead of Ana, and Cy has a title."""
    sync.run()
    cy = user("U3", "Cy", title="Lead")
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),), users=(*world().users[:2], cy))
    return sync.plan()


def test_a_plan_says_who_is_on_call_instead_and_an_import_who_was(sync: Sync, admin_client: Client) -> None:
    plan = planned(sync)
    page = read(admin_client, plan)
    assert BO_NOW in page
    assert "What changes about who is on call" in page
    assert "First paged now by Default: Bo, Cy instead of Ana, Cy." in page
    assert "True for Fri 20 Nov 2026 12:00 UTC" in page
    assert page.index(BO_NOW) < page.index('id="items"')
    page = read(admin_client, sync.apply(plan))
    assert BO_NOW in page
    assert "What changed about who is on call" in page


def test_a_plan_that_changes_nobody_is_one_sentence(sync: Sync, admin_client: Client) -> None:
    sync.run()
    sync.source.change(users=(*world().users[:2], user("U3", "Cy", title="Lead")))
    assert NOTHING_CHANGES in read(admin_client, sync.plan())


def test_hours_that_become_uncovered_are_named(sync: Sync, admin_client: Client) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", ends_at=NOW + 150 * 3_600)),))
    page = read(admin_client, sync.plan())
    assert "Nobody is on call in Primary from Thu 26 Nov 2026 18:00 UTC to Fri 27 Nov 2026 12:00 UTC (18 h)." in page
    assert "Hours that are covered become uncovered." in page


def test_other_ticks_have_another_impact_which_a_button_computes(sync: Sync, admin_client: Client) -> None:
    plan = planned(sync)
    item = plan.items.get(entity_type="schedule")
    admin_client.post(url(plan, "ticks"), {"item": [item.pk], "tick": []})
    page = read(admin_client, plan)
    assert BO_NOW not in page
    assert NOT_YET in page
    answer = admin_client.post(url(plan, "impact"))
    assert answer.headers["Location"] == f"{url(plan)}#impact"
    assert NOTHING_CHANGES in read(admin_client, plan)
    admin_client.post(url(plan, "ticks"), {"item": [item.pk], "tick": [item.pk]})
    admin_client.post(url(plan, "impact"))
    assert BO_NOW in read(admin_client, plan)


def test_nothing_is_computed_for_a_plan_that_does_not_wait(sync: Sync, admin_client: Client) -> None:
    plan = planned(sync)
    stored = plan.impact
    SyncRun.objects.update(state=RunState.CANCELLED)
    page = admin_client.post(url(plan, "impact"), follow=True).content.decode()
    assert "Nothing was computed: the state of" in page
    assert "What changes about who is on call" in page  # nothing was applied
    plan.refresh_from_db()
    assert plan.impact == stored
    admin_client.post(url(plan, "ticks"), {"all": "off"})
    plan.refresh_from_db()
    assert plan.impact == stored


def test_only_who_may_apply_sees_the_button(sync: Sync) -> None:
    plan = planned(sync)
    SyncRun.objects.filter(pk=plan.pk).update(impact=None)
    viewer = staff("view_syncrun")
    assert NOT_YET not in read(viewer, plan)
    assert viewer.post(url(plan, "impact")).status_code == 403


def test_a_name_that_is_an_address_is_hidden(sync: Sync) -> None:
    sync.run()
    Responder.objects.filter(name="Bo").update(name="bo@example.com")
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    plan = sync.plan()
    viewer = staff("view_syncrun")
    page = read(viewer, plan)
    assert "On call now in Primary: (hidden) instead of Ana." in page
    assert "bo@example.com" not in page


def test_many_changes_take_as_many_queries_as_few_and_are_counted(sync: Sync, admin_client: Client) -> None:
    counts = []
    for number in (2, 60):
        sync.source.change(schedules=tuple(schedule(f"S{n}", f"Schedule {n}", layer("U1")) for n in range(number)))
        sync.run()
        sync.source.change(schedules=tuple(schedule(f"S{n}", f"Schedule {n}", layer("U2")) for n in range(number)))
        plan = sync.plan()
        counts.append(queries(admin_client, url(plan)))
        page = read(admin_client, plan)
    assert counts[0] == counts[1]
    assert page.count("Bo instead of Ana.") == 60  # and the policy of one of them
    assert f"{61 - MOST} more changes" in page

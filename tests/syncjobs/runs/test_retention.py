"""Old addresses disappear and old runs are deleted, in pieces, and never what is still needed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oncall.models import ChangeRecord, Responder
from syncjobs.models import Conflict, ExternalLink, LinkState, RunState, SyncItem, SyncRun
from syncjobs.runs import retention
from syncjobs.runs.retention import retain
from syncjobs.tasks import tick
from tests.syncjobs.conftest import Sync, edit, user

WRITES = ("INSERT", "UPDATE", "DELETE")


def later(days: int) -> None:
    """Moves everything that happened into the past."""
    back = timedelta(days=days)
    for column in ("created_at", "finished_at", "plan_expires_at"):
        SyncRun.objects.update(**{column: F(column) - back})
    ChangeRecord.objects.update(at=F("at") - back)
    Conflict.objects.update(closed_at=F("closed_at") - back)
    ExternalLink.objects.update(since=F("since") - back)


def with_addresses() -> dict[str, int]:
    """The number of rows that contain an address, by table; only links that are not followed count."""
    unfollowed = ExternalLink.objects.exclude(state=LinkState.LINKED)
    tables: dict[str, Any] = {
        "items": SyncItem.objects.values_list("changes", "reason", "label"),
        "records": ChangeRecord.objects.filter(model="responder").values_list("changes", "label"),
        "questions": Conflict.objects.filter(state="closed").values_list("label", "evidence", "subject_key"),
        "links": unfollowed.values_list("base", "source_label"),
        "runs": SyncRun.objects.values_list("reason", "notes"),
    }
    return {name: sum("@" in str(row) for row in rows) for name, rows in tables.items()}


def statements() -> list[str]:
    """The statements of one piece of work, without those that begin and end a transaction."""
    with CaptureQueriesContext(database) as captured:
        retain()
    return [each["sql"] for each in captured if each["sql"].startswith(("SELECT", *WRITES))]


@pytest.fixture
def lived(sync: Sync) -> Sync:
    """People who were imported and changed; one of them is no longer selected."""
    sync.run()
    sync.source.change(users=(user("U1", "Ana", email="ana.new@example.com"), *sync.source.snapshot.users[1:]))
    run = sync.run()
    edit("responder", Responder.objects.get(name="Bo"), email="bo.new@example.com")
    Conflict.objects.filter(external_id="U2").update(state="closed", closed_at=timezone.now())
    SyncRun.objects.filter(pk=run.pk).update(reason="ana@example.com is odd.")
    ExternalLink.objects.filter(external_id="U3").update(state=LinkState.DETACHED)
    assert min(with_addresses().values()) > 0
    return sync


def test_addresses_disappear_when_they_are_old_enough_and_not_before(lived: Sync, settings: Any) -> None:
    before = with_addresses()
    later(89)
    retain()
    assert with_addresses() == before
    later(2)
    for _ in range(3):  # a run in each piece
        retain()
    assert with_addresses() == dict.fromkeys(before, 0)
    item = SyncItem.objects.get(entity_type="responder", external_id="U1", action="update")
    assert item.changes["fields"]["email"] == ["(hidden)", "(hidden)"]  # what changed is still known
    assert "contact_methods" in str(SyncItem.objects.filter(entity_type="responder").first().changes)  # type: ignore[union-attr]
    assert {each.name for each in Responder.objects.all()} == {"Ana", "Bo", "Cy"}
    assert Responder.objects.get(name="Ana").email == "ana.new@example.com"


def test_a_limit_of_zero_days_keeps_everything(lived: Sync, settings: Any) -> None:
    settings.PERSONAL_DATA_DAYS = 0
    before, rows = with_addresses(), SyncRun.objects.count()
    later(4000)
    assert all("syncjobs_connectiondraft" in each for each in statements())  # drafts have a limit of their own
    assert (with_addresses(), SyncRun.objects.count()) == (before, rows)


def test_nothing_is_written_when_nothing_is_due_and_the_number_of_queries_is_fixed(lived: Sync, settings: Any) -> None:
    settings.ITEM_DAYS = settings.RUN_DAYS = settings.CHANGE_RECORD_DAYS = 1000
    fresh = statements()
    assert [each for each in fresh if each.startswith(WRITES)] == []
    assert len(fresh) == 9  # one query for each kind of work
    later(100)
    for _ in range(4):
        retain()
    done = statements()
    assert [each for each in done if each.startswith(WRITES)] == []
    assert len(done) == 9


def test_the_work_is_done_in_pieces(lived: Sync, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    settings.RUN_DAYS = 1000
    later(91)
    for _ in range(10):
        before = with_addresses()
        done = retain()
        assert max(done.values()) <= 2
        assert all(before[name] - left <= 2 for name, left in with_addresses().items())
    assert sum(with_addresses().values()) == 0


def test_an_open_plan_keeps_its_values_until_it_has_expired_for_long(lived: Sync) -> None:
    lived.source.change(users=(user("U1", "Ana", email="ana.plan@example.com"), *lived.source.snapshot.users[1:]))
    plan = lived.plan()
    SyncRun.objects.exclude(pk=plan.pk).update(personal=False)
    later(95)
    retain()
    assert "ana.plan@example.com" in str(SyncItem.objects.get(run=plan, external_id="U1").changes)
    later(3)
    retain()
    assert "ana.plan@example.com" not in str(SyncItem.objects.get(run=plan, external_id="U1").changes)


def test_both_sides_can_still_be_compared_afterwards(lived: Sync) -> None:
    """A followed link keeps its base: a local edit stays, a change at the source arrives, and nothing else moves."""
    base = ExternalLink.objects.get(external_id="U2").base
    later(91)
    for _ in range(4):
        retain()
    assert ExternalLink.objects.get(external_id="U2").base == base
    _, bo, cy = lived.source.snapshot.users
    lived.source.change(users=(user("U1", "Ana", email="ana.third@example.com"), bo, cy))
    lived.run()
    assert Responder.objects.get(name="Ana").email == "ana.third@example.com"
    assert Responder.objects.get(name="Bo").email == "bo.new@example.com"


def test_a_link_without_addresses_is_compared_from_scratch_when_it_is_selected_again(sync: Sync) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="U3").update(state=LinkState.DETACHED)
    later(91)
    retain()
    assert "@" not in str(ExternalLink.objects.get(external_id="U3").base)
    sync.run()
    link = ExternalLink.objects.get(external_id="U3")
    assert (link.state, link.base["fields"]["email"]) == (LinkState.LINKED, "cy@example.com")
    person = Responder.objects.get(name="Cy")
    assert (person.email, person.contact_methods.count()) == ("cy@example.com", 1)
    assert not Conflict.objects.filter(kind="both_edited").exists()
    assert not SyncItem.objects.filter(run__pk=sync.run().pk).exists()


def test_runs_are_deleted_but_never_one_that_is_needed(sync: Sync, settings: Any) -> None:
    settings.RUN_DAYS, settings.PERSONAL_DATA_DAYS = 10, 0
    first, second, third = sync.run(), sync.run(), sync.run()
    SyncRun.objects.filter(pk=second.pk).update(of_run=first)
    sync.source.change(users=(user("U1", "Anna"), *sync.source.snapshot.users[1:]))
    plan = sync.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    later(11)
    for _ in range(5):
        retain()
    # The newest one, the open plan, and none else: when the second is gone, nothing refers to the first any more.
    assert set(SyncRun.objects.values_list("pk", flat=True)) == {third.pk, plan.pk}
    assert SyncItem.objects.filter(run=plan).exists()
    later(4000)
    for _ in range(5):
        retain()
    assert set(SyncRun.objects.values_list("pk", flat=True)) == {third.pk, plan.pk}


def test_a_run_to_which_another_refers_stays_with_its_items(sync: Sync, settings: Any) -> None:
    settings.RUN_DAYS = settings.ITEM_DAYS = 10
    first = sync.run()
    sync.run()
    SyncRun.objects.exclude(pk=first.pk).update(of_run=first)
    items = SyncItem.objects.filter(run=first).count()
    later(11)
    for _ in range(3):
        retain()
    assert SyncItem.objects.filter(run=first).count() == items > 0


def test_items_are_deleted_alone_and_runs_in_pieces(sync: Sync, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 3)
    settings.ITEM_DAYS = 10
    first = sync.run()
    sync.run()
    later(9)
    retain()
    items = SyncItem.objects.filter(run=first).count()
    assert items > 6
    later(2)
    for left in (items - 3, items - 6):
        assert retain()["items deleted"] == 3
        assert SyncItem.objects.filter(run=first).count() == left
    settings.ITEM_DAYS, settings.RUN_DAYS = 0, 10
    while SyncRun.objects.filter(pk=first.pk).exists():
        before = SyncItem.objects.filter(run=first).count()
        retain()
        assert before - SyncItem.objects.filter(run=first).count() <= 3
    assert SyncRun.objects.count() == 1


def test_change_records_are_deleted_when_a_limit_is_set(sync: Sync, settings: Any) -> None:
    sync.run()
    count = ChangeRecord.objects.count()
    later(30)
    retain()
    assert ChangeRecord.objects.count() == count
    settings.CHANGE_RECORD_DAYS = 29
    assert retain()["change records deleted"] == count
    assert ChangeRecord.objects.count() == 0
    assert retain()["change records deleted"] == 0


def test_the_tick_does_it(lived: Sync) -> None:
    later(91)
    for _ in range(3):
        tick()
    assert sum(with_addresses().values()) == 0

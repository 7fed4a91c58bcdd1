"""An item tells what it does to its link, and what another import does is no edit made here."""

from typing import Any

import pytest

from connectors.records import SourceContactMethod, SourceTeam
from oncall.aggregates import Draft
from oncall.models import Responder, UserGroup
from oncall.operations import write
from syncjobs.conflicts.merging import merge_rows
from syncjobs.models import Conflict, ConflictState, ExternalLink, Outcome, RunState
from syncjobs.runs import runner
from syncjobs.setup.disconnect import disconnect
from syncjobs.words.runs import run_word
from tests.syncjobs.conftest import BY, Sync, user, world

pytestmark = pytest.mark.django_db

PHONE = SourceContactMethod("CX", "sms", "+33612345678", "Phone", True)


@pytest.fixture
def pair(db: None) -> tuple[Sync, Sync]:
    """Two sources of the same people. The first one is primary."""
    first, second = Sync("first"), Sync("second")
    first.run()
    second.run()
    return first, second


def change_ana(sync: Sync, **changes: Any) -> None:
    sync.source.change(users=(user("U1", "Ana", **changes), *world().users[1:]))


def test_the_import_of_another_source_is_no_edit_and_the_item_is_applied(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    change_ana(second, contact_methods=(*world().users[0].contact_methods, PHONE))
    plan = second.plan()
    change_ana(first, title="Chief")
    first.run()
    applied = second.apply(plan)
    assert (applied.state, applied.items.get().outcome) == (RunState.SUCCEEDED, Outcome.APPLIED)
    ana = Responder.objects.get(email="ana@example.com")
    assert ana.title == "Chief"
    assert ana.contact_methods.filter(address=PHONE.address).exists()


def test_an_import_that_another_source_overtakes_plans_again_by_itself(
    pair: tuple[Sync, Sync], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    change_ana(second, contact_methods=(*world().users[0].contact_methods, PHONE))
    change_ana(first, title="Chief")
    write_items, overtaken = runner._write_items, []

    def write_after_the_first(run: Any, *given: Any) -> Any:
        if run.connection_id == second.connection.pk and not overtaken:
            overtaken.append(first.run())
        return write_items(run, *given)

    monkeypatch.setattr(runner, "_write_items", write_after_the_first)
    run = second.run()
    assert (run.state, run.items.get().outcome) == (RunState.SUCCEEDED, Outcome.APPLIED)


def test_a_run_of_a_few_objects_keeps_a_plan_of_everything(sync: Sync) -> None:
    sync.run()
    change_ana(sync, title="Chief")
    plan = sync.plan()
    limited = sync.run(only=[("service", "V1")])
    plan.refresh_from_db()
    assert (limited.state, plan.state) == (RunState.SUCCEEDED, RunState.AWAITING_REVIEW)
    sync.run()
    plan.refresh_from_db()
    assert plan.state == RunState.SUPERSEDED


def test_a_plan_that_only_found_failures_is_no_import(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=(user("U1", "  "), *world().users[1:]))
    plan = sync.plan()
    assert (plan.state, run_word(plan)) == (RunState.PARTIAL, "Plan")
    assert plan.hint.startswith("Nothing was written. Nothing was removed.")


@pytest.mark.parametrize("approved", [False, True], ids=["held", "approved"])
def test_an_item_with_a_held_part_tells_what_the_part_does_to_the_link(sync: Sync, approved: bool) -> None:
    sync.run()
    before = ExternalLink.objects.get(external_id="T1")
    sync.source.change(teams=(SourceTeam("T1", "Platform", members=()),))
    plan = sync.plan()
    plan.items.update(held_ticked=approved)
    item = sync.apply(plan).items.get()
    after = ExternalLink.objects.get(external_id="T1")
    assert "source_hash" not in item.changes.get("link", {})
    held = item.changes["held_link"]
    old, new = held["base"]
    assert old["elements"]["members"] == before.base["elements"]["members"]
    assert set(new["elements"]["members"].values()) == {None}
    assert held["source_hash"][0] == before.source_hash
    assert (after.source_hash == held["source_hash"][1]) is approved
    assert after.base["elements"]["members"] == ({} if approved else old["elements"]["members"])


def test_an_item_that_takes_over_names_the_former_primary_link(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    former = ExternalLink.objects.get(connection=first.connection, external_id="U1")
    disconnect(first.connection)
    item = second.run().items.get(external_id="U1")
    assert item.changes["former_primary"] == former.pk
    former.refresh_from_db()
    assert not former.primary


def test_a_question_stays_open_while_a_connected_source_follows_one_of_its_rows(db: None) -> None:
    first, second = Sync("first"), Sync("second")
    for each in (first, second):
        each.source.change(users=(), schedules=(), policies=(), services=(), teams=(SourceTeam("T0", "Platform"),))
        each.run()
    into, loser = UserGroup.objects.order_by("pk")
    merge_rows("user_group", loser.pk, into.pk, by=BY)
    write("user_group", [Draft({"name": "platform"})], by=BY)
    second.run()
    question = Conflict.objects.get(kind="team_name_collision", state=ConflictState.OPEN)
    disconnect(first.connection)
    question.refresh_from_db()
    assert question.state == ConflictState.OPEN
    disconnect(second.connection)
    question.refresh_from_db()
    assert question.state == ConflictState.CLOSED

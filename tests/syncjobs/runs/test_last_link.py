"""Rows that follow several objects: only the last one that is gone makes the row inactive, and each return is seen."""

from typing import Any

import pytest

from connectors.records import EntityType, SourceTeam
from oncall.models import Responder, UserGroup
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.merging import merge_rows
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ExternalLink, LinkState, RunState, SyncRun
from syncjobs.undoing.undo import undo
from tests.syncjobs.conftest import BY, Sync, contents, edit, user, world
from tests.syncjobs.runs.test_gone import PARTS, actions, later

pytestmark = pytest.mark.django_db

#: The kinds of which a row can follow several objects.
KINDS: tuple[EntityType, ...] = ("responder", "user_group")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def record(kind: EntityType, external_id: str) -> Any:
    return user(external_id, "Ida") if kind == "responder" else SourceTeam(external_id, "Search", members=())


def show(sync: Sync, kind: EntityType, *ids: str) -> None:
    """Let the source list these objects beside those of the world, and no longer know any other one."""
    part = PARTS[kind]
    sync.source.answers = {(kind, id_): "not_found" for id_ in {"X8", "X9"} - set(ids)}
    sync.source.change(**{part: (*getattr(world(), part), *(record(kind, id_) for id_ in ids))})


def synced(sync: Sync, kind: EntityType, *ids: str) -> SyncRun:
    """Sync what the source lists now, two hours after the last time."""
    show(sync, kind, *ids)
    later(sync)
    return sync.run()


def unite(kind: EntityType) -> int:
    """Make one row of those with the name of the records. Return its id."""
    model: Any = Responder if kind == "responder" else UserGroup
    first, *others = model.objects.filter(name=record(kind, "").name, merged_into=None).order_by("pk")
    for other in others:
        merge_rows(kind, other.pk, first.pk, by=BY)
    return int(first.pk)


def pair(kind: EntityType) -> tuple[Sync, Sync]:
    """Two sources that one row follows; the first one is primary."""
    sources = Sync("first"), Sync("second")
    for one in sources:
        synced(one, kind, "X9")
    unite(kind)
    for one in sources:
        synced(one, kind, "X9")
    assert ExternalLink.objects.filter(external_id="X9", state=LinkState.LINKED).count() == 2
    return sources


def active(kind: EntityType) -> bool:
    return bool(ROOTS[kind].rows.get(name=record(kind, "").name, merged_into=None).active)


@EVERY_KIND
@pytest.mark.parametrize("back", [0, 1])
@pytest.mark.parametrize("between", [False, True], ids=["at once", "one after the other"])
def test_a_return_is_seen_whichever_source_of_a_row_lists_it_again(kind: EntityType, back: int, between: bool) -> None:
    first, second = sources = pair(kind)
    synced(first, kind)
    synced(first, kind)
    assert active(kind)
    if between:
        synced(second, kind, "X9")
    synced(second, kind)
    synced(second, kind)
    assert not active(kind)
    synced(sources[back], kind, "X9")
    assert active(kind)
    before = contents()
    assert (actions(synced(sources[back], kind, "X9")), contents()) == ([], before)


@EVERY_KIND
def test_an_undo_brings_back_the_source_that_wrote_before_the_last_one_was_gone(kind: EntityType) -> None:
    first, second = pair(kind)
    synced(first, kind)
    synced(first, kind)
    synced(second, kind)
    run = synced(second, kind)
    primary = ExternalLink.objects.get(external_id="X9", primary=True)
    assert (primary.connection, active(kind)) == (second.connection, False)
    undo(run, None)
    primary = ExternalLink.objects.get(external_id="X9", primary=True)
    assert (primary.connection, active(kind)) == (first.connection, True)


@EVERY_KIND
def test_two_plans_that_wait_do_not_both_leave_the_row_to_the_other_source(kind: EntityType) -> None:
    plans = []
    for one in (sources := pair(kind)):
        show(one, kind)
        plans.append(one.plan())
        plans[-1].items.update(ticked=True)
    first, second = (one.apply(plan) for one, plan in zip(sources, plans, strict=True))
    assert (actions(first), actions(second)) == ([("missing", "X9", "applied")], [("missing", "X9", "stale")])
    assert "it was planned again" in second.items.get().reason
    assert active(kind)
    synced(sources[1], kind)
    assert not active(kind)


@pytest.mark.parametrize("elements", [(), None], ids=["no elements", "not fetched"])
def test_a_plan_makes_no_row_inactive_that_another_source_began_to_follow(elements: Any) -> None:
    ida = user("X9", "Ida", contact_methods=elements, notification_rules=None)
    first, second = Sync("first"), Sync("second")
    first.source.change(users=(*world().users, ida))
    first.run()
    show(first, "responder")
    plan = first.plan()
    plan.items.update(ticked=True)
    second.source.change(users=(ida,))
    second.run()
    version = Responder.objects.get(name="Ida").version
    assert plan.items.get().row_version == version  # the match changed nothing of the row
    done = first.apply(plan)
    assert (done.state, actions(done)) == (RunState.PARTIAL, [("missing", "X9", "stale")])
    assert "it follows another object of a source, too" in done.items.get().reason
    assert active("responder")


@EVERY_KIND
@pytest.mark.parametrize("order", [("X8", "X9"), ("X9", "X8")], ids="".join)
def test_a_row_of_two_objects_of_one_source_waits_for_the_proof_of_both(
    sync: Sync, kind: EntityType, order: tuple[str, str]
) -> None:
    first, second = order
    synced(sync, kind, "X8", "X9")
    row = ROOTS[kind].rows.get(pk=unite(kind))
    synced(sync, kind, "X8", "X9")
    synced(sync, kind, second)
    run = synced(sync, kind)
    assert set(actions(run)) == {("detach", first, "applied"), ("missing", second, "skipped")}
    row.refresh_from_db()
    assert row.active
    assert actions(synced(sync, kind)) == [("deactivate", second, "applied")]
    row.refresh_from_db()
    assert not row.active
    assert not Conflict.objects.filter(kind="gone").exists()
    synced(sync, kind, first)
    row.refresh_from_db()
    assert row.active


@EVERY_KIND
def test_both_objects_of_a_row_may_be_gone_at_once(sync: Sync, kind: EntityType) -> None:
    synced(sync, kind, "X8", "X9")
    row = ROOTS[kind].rows.get(pk=unite(kind))
    synced(sync, kind, "X8", "X9")
    synced(sync, kind)
    assert sorted(actions(synced(sync, kind))) == [("deactivate", "X9", "applied"), ("detach", "X8", "applied")]
    row.refresh_from_db()
    assert not row.active
    before = contents()
    assert (actions(synced(sync, kind)), contents()) == ([], before)


@EVERY_KIND
def test_a_question_about_the_last_source_lets_it_take_over_and_its_answer_allows_a_return(kind: EntityType) -> None:
    first, second = pair(kind)
    synced(first, kind)
    synced(first, kind)
    row = ROOTS[kind].rows.get(links__connection=second.connection, links__external_id="X9")
    edit(kind, row, **{"title" if kind == "responder" else "description": "ours"})
    synced(second, kind)
    assert actions(synced(second, kind)) == [("settle", "X9", "applied")]
    link = ExternalLink.objects.get(external_id="X9", connection=second.connection)
    assert (link.state, link.primary, active(kind)) == (LinkState.LINKED, True, True)
    decide(Conflict.objects.get(kind="gone"), Decision("deactivate", {}, None))
    assert not active(kind)
    synced(first, kind, "X9")
    assert active(kind)

"""Rules of presence that the comparison with the oracle found broken: rows of two sources, ticks, returns."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.records import ENTITY_TYPES, EntityKey, EntityType, Reach
from oncall.aggregates import Draft, ElementChanges
from oncall.models import Responder, Service
from oncall.operations import delete, write
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, LinkState, RunState
from tests.syncjobs.conftest import BY, Sync, contents, edit, user, world
from tests.syncjobs.runs.test_gone import EVERY_KIND, EXTRA, actions, grown, later, link_of, remove

__all__ = ["grown"]

pytestmark = pytest.mark.django_db


def two_sources() -> tuple[Sync, Sync, Responder]:
    """Two sources with one person, Ida."""
    both = Sync("first"), Sync("second")
    for each in both:
        each.source.change(users=(*world().users, user("U9", "Ida")))
        each.run()
    return *both, Responder.objects.get(name="Ida", merged_into=None)


def lose_ida(sync: Sync) -> None:
    sync.source.change(users=world().users)
    sync.source.answers["responder", "U9"] = "not_found"


def own_methods(ida: Responder, sync: Sync) -> dict[str, str]:
    found = ida.contact_methods.filter(source_key__startswith=f"{sync.connection.pk}:")
    return dict(found.values_list("source_key", "label"))


def relabel(ida: Responder, sync: Sync) -> None:
    """Edit the contact method of one source."""
    key = f"{sync.connection.pk}:U9:CU9"
    values = {"channel": "email", "address": "ida@example.com", "extension": "", "label": "Ours", "enabled": True}
    ida.refresh_from_db()
    write(
        "responder",
        [Draft({}, {"contact_methods": ElementChanges(put={key: values})}, id=ida.pk, version=ida.version)],
        by=BY,
    )


def test_an_edited_row_that_follows_another_source_is_detached_without_a_question() -> None:
    first, _, ida = two_sources()
    edit("responder", ida, title="ours")
    lose_ida(first)
    first.run()
    later(first)
    assert actions(first.run()) == [("detach", "U9", "applied")]
    assert not Conflict.objects.filter(kind="gone").exists()


@pytest.mark.parametrize(("owner", "left"), [("ask", {"Ours"}), ("source", set()), ("local", {"Ours"})])
def test_an_edited_element_of_a_detached_link_is_handled_by_its_owner(owner: str, left: set[str]) -> None:
    first, _, ida = two_sources()
    first.rules(ownership={"responder.contact_methods": owner})
    first.run()
    relabel(ida, first)
    lose_ida(first)
    for _ in range(2):
        first.run()
        later(first)
    assert set(own_methods(ida, first).values()) == left
    known = link_of_first(first).base["elements"].get("contact_methods", {})
    assert bool(known) == (owner == "local")  # otherwise nothing of this source is known any more


def link_of_first(sync: Sync) -> Any:
    return sync.connection.links.get(external_id="U9")


def test_a_tick_detaches_the_link_of_a_row_that_follows_another_source() -> None:
    first, _, ida = two_sources()
    lose_ida(first)
    plan = first.plan()
    plan.items.filter(action="missing").update(ticked=True)
    first.apply(plan)
    ida.refresh_from_db()
    assert (ida.active, link_of_first(first).state, own_methods(ida, first)) == (True, LinkState.DETACHED, {})


def test_a_tick_within_the_hour_does_not_remove_what_may_only_be_hidden(grown: Sync) -> None:
    remove(grown, "service", "not_visible")
    grown.run()
    plan = grown.plan()
    plan.items.filter(action="missing").update(ticked=True)
    grown.apply(plan)
    grown.run()
    assert Service.objects.get(links__external_id="V9").active
    assert Conflict.objects.get(kind="not_visible").external_id == "V9"


def test_a_plan_requests_again_what_it_offers_to_tick(grown: Sync) -> None:
    remove(grown, "service")
    grown.run()
    grown.source.answers["service", "V9"] = "found"
    plan = grown.plan()
    assert (plan.items.count(), link_of("V9").state) == (0, LinkState.LINKED)


def test_a_service_that_was_created_again_is_a_question(grown: Sync) -> None:
    remove(grown, "service")
    grown.source.change(services=(*grown.source.snapshot.services, EXTRA["service"].__class__("V10", "SEARCH")))
    grown.run()
    conflict = Conflict.objects.get(kind="recreated")
    assert conflict.evidence == {"rows": [f"{grown.connection.pk}:V9", f"{grown.connection.pk}:V10"], "equal": "name"}
    before = contents()
    later(grown)
    assert (actions(grown.run()), contents()) == ([], before)
    decide(conflict, Decision("relink", {}, None))
    row = Service.objects.get(links__external_id="V10")
    assert (row.name, link_of("V9").row_id, link_of("V9").state) == ("SEARCH", row.pk, LinkState.IGNORED)


@pytest.mark.parametrize("deleted", ["V9", "V10"])
def test_a_pair_with_a_deleted_row_is_no_question_any_more(grown: Sync, deleted: str) -> None:
    remove(grown, "service")
    grown.source.change(services=(*grown.source.snapshot.services, EXTRA["service"].__class__("V10", "Search")))
    grown.run()
    delete("service", [Service.objects.get(links__external_id=deleted).pk], by=BY)
    grown.run()
    assert Conflict.objects.get(kind="recreated").state == "closed"


@pytest.mark.parametrize("owner", ["source", "ask"])
@EVERY_KIND
def test_a_deleted_row_is_asked_about_where_the_source_owns_its_presence(
    grown: Sync, kind: EntityType, owner: str
) -> None:
    id_ = EXTRA[kind].external_id
    grown.rules(ownership={f"{kind}.active": owner})
    grown.run()
    delete(kind, [ROOTS[kind].rows.get(links__external_id=id_).pk], by=BY)
    grown.run()
    asked = Conflict.objects.filter(kind="deleted_here", external_id=id_).exists()
    assert (asked, link_of(id_).state) == ((True, "linked") if owner == "source" else (False, "ignored"))


def select(sync: Sync, *, without: EntityKey | None) -> None:
    keys = frozenset((kind, one.external_id) for kind in ENTITY_TYPES for one in sync.source.snapshot.records(kind))
    chosen = keys - {without} if without else keys
    sync.rules(selection=Selection(False, chosen).to_json())
    sync.source.reach = Reach(chosen)


@pytest.mark.parametrize(("owner", "edits"), [("source", 2), ("ask", 0)])
def test_objects_that_follow_their_source_again_wait_where_they_would_replace_edits(
    grown: Sync, owner: str, edits: int
) -> None:
    grown.rules(strategy=owner)
    grown.run()
    service = EXTRA["service"]
    select(grown, without=("service", "V9"))
    grown.source.change(services=world().services)
    grown.run()
    assert link_of("V9").state == LinkState.DETACHED
    row = Service.objects.get(links__external_id="V9")
    edit("service", row, name="Ours", description="ours")
    grown.source.change(services=(*world().services, service))
    select(grown, without=None)
    run = grown.run()
    row.refresh_from_db()
    assert row.name == "Ours"
    if not edits:
        assert (run.state, link_of("V9").state) == (RunState.SUCCEEDED, LinkState.LINKED)
        return
    assert (run.state, link_of("V9").state) == (RunState.AWAITING_REVIEW, LinkState.DETACHED)
    assert run.reason == "Objects follow this source again, which replaces 2 values edited here."
    assert grown.apply(run).state == RunState.SUCCEEDED
    row.refresh_from_db()
    assert (row.name, row.description) == (service.name, service.description)


def test_elements_that_would_be_replaced_count_as_edits() -> None:
    sync = Sync()
    sync.rules(strategy="source")
    sync.run()
    cy = Responder.objects.get(name="Cy")
    select(sync, without=("responder", "U3"))
    people = sync.source.snapshot.users
    sync.source.change(users=people[:2])
    sync.run()
    key = f"{sync.connection.pk}:U3:CU3"
    removal = ElementChanges(remove=frozenset({key}))
    cy.refresh_from_db()
    write("responder", [Draft({}, {"contact_methods": removal}, id=cy.pk, version=cy.version)], by=BY)
    sync.source.change(users=people)
    select(sync, without=None)
    assert sync.run().reason == "Objects follow this source again, which replaces 1 value edited here."

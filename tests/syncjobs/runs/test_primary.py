"""One link of a row writes its fields. When it no longer follows its source, another link takes over."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.models import Connection
from connectors.records import SourceTeam
from oncall.models import Responder
from syncjobs.models import Conflict, ExternalLink, LinkState, RunState, SyncProfile
from syncjobs.planning.primary import RowLink, primary_link
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.conftest import Sync, edit, user, world

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], None),
        ([RowLink(1, False, True)], None),
        ([RowLink(1, True, True), RowLink(2, True, False)], 1),
        ([RowLink(1, True, False), RowLink(2, True, True)], 2),
        ([RowLink(1, False, True), RowLink(2, True, False), RowLink(3, True, False)], 2),
        ([RowLink(3, True, False), RowLink(2, True, False)], 2),
    ],
    ids=["no link", "none is live", "live and primary", "a younger one", "the primary is dead", "nobody is primary"],
)
def test_the_live_primary_link_writes_or_else_the_oldest_live_one(links: list[RowLink], expected: int | None) -> None:
    assert primary_link(links) == expected


@pytest.fixture
def pair(sync: Sync) -> Iterator[tuple[Sync, Sync]]:
    """Two connections that share all people. The first one is their primary source; both have been imported."""
    other = Sync(name="other")
    for each in (sync, other):
        each.profile.review_first = False
        each.profile.save()
    other.source.change(
        users=tuple(user(u.external_id, u.name, title=f"{u.name} of other") for u in world().users),
        account=replace(world().account, id="other"),
    )
    sync.run()
    other.run()
    assert primaries() == {"U1": "acme", "U2": "acme", "U3": "acme"}
    yield sync, other


def primaries() -> dict[str, str]:
    links = ExternalLink.objects.filter(entity_type="responder", primary=True, responder__isnull=False)
    return dict(links.values_list("external_id", "connection__name"))


def titles() -> list[str]:
    return list(Responder.objects.order_by("pk").values_list("title", flat=True))


def test_the_second_source_takes_over_when_the_first_is_disconnected_and_its_values_arrive(
    pair: tuple[Sync, Sync],
) -> None:
    first, second = pair
    assert titles() == ["", "", ""]
    assert second.run().items.count() == 0
    disconnect(first.connection)
    plan = second.plan()
    items = plan.items.filter(entity_type="responder")
    assert {(item.action, item.reason) for item in items} == {
        ("update", "no other source sets its fields any more; from now on this source does")
    }
    assert [item.changes["link"]["primary"] for item in items] == [[False, True]] * 3
    assert second.apply(plan).state == RunState.SUCCEEDED
    assert titles() == ["Ana of other", "Bo of other", "Cy of other"]
    assert primaries() == {"U1": "other", "U2": "other", "U3": "other"}
    assert not Conflict.objects.filter(kind="both_edited", state="open").exists()
    assert second.run().items.count() == 0


def test_a_value_edited_here_is_asked_about_when_another_source_takes_over(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    edit("responder", Responder.objects.get(name="Ana"), title="Boss")
    disconnect(first.connection)
    second.run()
    assert titles() == ["Boss", "Bo of other", "Cy of other"]
    assert Conflict.objects.get(kind="both_edited", state="open").paths == ["title"]


def test_a_row_that_left_the_selection_of_its_primary_source_is_handed_over(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    ExternalLink.objects.filter(connection=first.connection, external_id="U1").update(state=LinkState.DETACHED)
    second.run()
    assert primaries() == {"U1": "other", "U2": "acme", "U3": "acme"}
    assert titles() == ["Ana of other", "", ""]
    first.run()  # it is selected again, and follows without writing the fields
    assert primaries() == {"U1": "other", "U2": "acme", "U3": "acme"}
    assert titles() == ["Ana of other", "", ""]
    assert ExternalLink.objects.get(connection=first.connection, external_id="U1").state == LinkState.LINKED


def test_the_values_of_a_source_that_takes_over_again_arrive(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    disconnect(first.connection)
    second.run()
    Connection.objects.filter(pk=first.connection.pk).update(disconnected_at=None)
    first.run()
    assert titles() == ["Ana of other", "Bo of other", "Cy of other"]
    edit("responder", Responder.objects.get(name="Cy"), title="Boss")
    disconnect(second.connection)
    first.run()
    assert primaries() == {"U1": "acme", "U2": "acme", "U3": "acme"}
    assert titles() == ["", "", "Boss"]
    assert Conflict.objects.get(kind="both_edited", state="open").external_id == "U3"
    assert first.run().items.count() == 0


def test_a_primary_link_that_lost_its_row_hands_nothing_over(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    ExternalLink.objects.filter(connection=first.connection, external_id="U1").update(responder=None)
    second.run()
    assert primaries() == {"U1": "other", "U2": "acme", "U3": "acme"}


def test_a_plan_to_take_over_is_planned_again_when_the_primary_source_is_back(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    links = ExternalLink.objects.filter(connection=first.connection, external_id="U1")
    links.update(state=LinkState.DETACHED)
    plan = second.plan()
    links.update(state=LinkState.LINKED)
    applied = second.apply(plan)
    assert (applied.state, applied.items.get().outcome) == (RunState.SUCCEEDED, "skipped")
    assert "another source began or ended to set its fields" in applied.items.get().reason
    assert primaries() == {"U1": "acme", "U2": "acme", "U3": "acme"}


def test_a_new_match_takes_over_a_row_whose_only_source_is_disconnected(sync: Sync) -> None:
    sync.run()
    disconnect(sync.connection)
    other = Sync(name="other")
    other.source.change(
        users=(user("X1", "Ana", email="ana@example.com", title="Engineer"),),
        teams=(SourceTeam("T9", "Others"),),
        account=replace(world().account, id="other"),
    )
    plan = other.plan()
    item = plan.items.get(external_id="X1")
    assert (item.action, item.changes["link"]["primary"]) == ("match", [False, True])
    other.apply(plan)
    assert primaries() == {"X1": "other", "U2": "acme", "U3": "acme"}
    assert Responder.objects.get(name="Ana").title == "Engineer"
    assert SyncProfile.objects.count() == 2


def test_an_object_that_is_not_listed_is_handed_over_and_its_values_arrive_when_it_is(pair: tuple[Sync, Sync]) -> None:
    first, second = pair
    everybody = second.source.snapshot.users
    second.source.change(users=everybody[1:])
    second.run()
    disconnect(first.connection)
    item = second.run().items.get(external_id="U1")
    assert (item.action, item.outcome, item.changes["link"]["primary"]) == ("settle", "applied", [False, True])
    assert primaries() == {"U1": "other", "U2": "other", "U3": "other"}
    assert titles() == ["", "Bo of other", "Cy of other"]
    assert second.run().items.count() == 0
    second.source.change(users=everybody)
    second.run()
    assert titles() == ["Ana of other", "Bo of other", "Cy of other"]
    assert not Conflict.objects.filter(kind="both_edited", state="open").exists()

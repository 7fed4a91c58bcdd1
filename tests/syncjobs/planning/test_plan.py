"""What a plan concludes about objects that a read did not bring."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.presence import Presence, State
from connectors.records import ENTITY_TYPES, FailedEntity
from oncall import aggregates
from oncall.aggregates import Kind
from syncjobs.planning.plan import by_kind, make_plan
from syncjobs.planning.values import Base, LinkDetail, LinkView, OpenConflict, Picture, Plan, Proposal, Rules


def plan(
    presence: State,
    link_state: Any = "linked",
    people: Sequence[Proposal] = (),
    questions: tuple[OpenConflict, ...] = (),
    **more: Any,
) -> Plan:
    """Return the plan of a read of some people, for one linked schedule. questions: the open ones."""
    links: dict[Kind, dict[str, LinkView]] = {kind: {} for kind in ENTITY_TYPES}
    links["schedule"]["S1"] = LinkView(1, "S1", link_state, 1, "hash", 1, 7, 1)
    local = aggregates.State({"name": "Primary", "active": True}, {}, 7, 1)
    details = {1: LinkDetail(Base({"name": "Primary", "active": True}), {}, local, True)}
    picture = Picture(links, details, dict.fromkeys(ENTITY_TYPES, ()), {}, frozenset(), {}, questions)
    return make_plan(
        by_kind(people),
        picture,
        Rules("ask", {}, "2026-11-20T12:00:00Z", 3, "acme"),
        presence=lambda kind, external_id: Presence(presence, "a page is missing"),
        check=lambda kind, fields, elements: None,
        **more,
    )


@pytest.mark.parametrize(
    ("presence", "actions", "unlisted", "unreached"),
    [
        ("not_chosen", ["detach"], 0, None),
        ("not_reached", [], 0, ("a page is missing",)),
        ("absent", [], 1, None),
        ("not_found", ["missing"], 1, None),
        ("not_visible", ["missing"], 1, None),
    ],
)
def test_only_what_the_selection_does_not_reach_is_detached(
    presence: State, actions: list[str], unlisted: int, unreached: tuple[str, ...] | None
) -> None:
    made = plan(presence)
    assert [item.action for item in made.items] == actions
    assert made.unlisted["schedule"] == unlisted
    assert made.unreached.get("schedule") == unreached


@pytest.mark.parametrize("presence", ["not_chosen", "not_reached", "absent"])
def test_an_object_that_could_not_be_read_is_failed_and_nothing_else(presence: State) -> None:
    made = plan(presence, failed=[FailedEntity("schedule", "S1", "bad", "layers[0]", "It has no length.")])
    assert [(item.action, item.external_id) for item in made.items] == [("failed", "S1")]
    assert (made.unlisted["schedule"], made.unreached) == (0, {})


@pytest.mark.parametrize("presence", ["not_chosen", "not_reached", "absent"])
def test_a_read_of_a_few_objects_concludes_nothing_about_others(presence: State) -> None:
    made = plan(presence, partial=True)
    assert (made.items, made.unlisted["schedule"], made.unreached) == ((), 0, {})


@pytest.mark.parametrize("state", ["detached", "gone", "ignored"])
def test_an_object_that_no_longer_follows_the_source_is_not_counted(state: str) -> None:
    made = plan("not_chosen", state)
    assert (made.items, made.unlisted["schedule"], made.unreached) == ((), 0, {})


@pytest.mark.parametrize(("listed", "settled"), [(True, (9,)), (False, ())])
def test_a_mere_reference_to_a_person_closes_no_question_about_them(listed: bool, settled: tuple[int, ...]) -> None:
    person = Proposal("responder", "U1", "3:U1", "Ana", {"name": "Ana"}, {}, listed=listed)
    question = OpenConflict(9, "user_not_found", "responder:3:U1", "responder", "U1", "hash", from_merge=False)
    assert plan("absent", people=[person], questions=(question,)).settled == settled

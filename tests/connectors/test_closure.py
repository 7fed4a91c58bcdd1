"""What comes along with a choice, and because of what."""

from connectors.closure import Node, Selection, close
from connectors.records import EntityKey

NODES = (
    Node("service", "V1", "Checkout", (("escalation_policy", "P1"), ("user_group", "T1")), owners=("T1",)),
    Node("service", "V2", "Search", (("escalation_policy", "P2"),), owners=("T2",)),
    Node("escalation_policy", "P1", "Default", (("schedule", "S1"), ("responder", "U3"))),
    Node("escalation_policy", "P2", "Other", (("schedule", "S2"),)),
    Node("schedule", "S1", "Primary ", (("responder", "U1"), ("responder", "U2"))),
    Node("schedule", "S2", "Night", (("responder", "U1"),), owners=("T2",)),
    Node("user_group", "T1", "Platform", (("responder", "U1"),)),
    Node("user_group", "T2", "Search team", (("responder", "U4"),)),
)


def choose(*keys: EntityKey) -> dict[EntityKey, tuple[str, ...]]:
    return close(NODES, Selection(everything=False, chosen=frozenset(keys)))


def test_everything_needs_no_reason() -> None:
    assert close(NODES, Selection()) == {node.key: () for node in NODES}


def test_a_service_brings_its_policy_its_schedules_and_their_people() -> None:
    kept = choose(("service", "V1"))
    assert kept == {
        ("service", "V1"): (),
        ("escalation_policy", "P1"): ("service Checkout",),
        ("user_group", "T1"): ("service Checkout",),
        ("schedule", "S1"): ("escalation policy Default",),
        ("responder", "U3"): ("escalation policy Default",),
        ("responder", "U1"): ("user group Platform", "schedule Primary"),
        ("responder", "U2"): ("schedule Primary",),
    }


def test_a_chosen_group_brings_what_it_owns_and_one_that_comes_along_does_not() -> None:
    assert ("schedule", "S2") in choose(("user_group", "T2"))
    assert ("service", "V2") in choose(("user_group", "T2"))
    assert ("service", "V1") not in choose(("escalation_policy", "P1"))


def test_what_is_chosen_needs_no_other_reason() -> None:
    assert choose(("service", "V1"), ("schedule", "S1"))["schedule", "S1"] == ()


def test_a_choice_that_is_gone_is_left_out() -> None:
    assert choose(("service", "V404")) == {}


def test_references_outside_the_tree_are_returned_for_the_caller_to_name() -> None:
    nodes = (Node("escalation_policy", "P9", "X", (("schedule", "S404"),)),)
    kept = close(nodes, Selection(everything=False, chosen=frozenset({("escalation_policy", "P9")})))
    assert kept["schedule", "S404"] == ("escalation policy X",)


def test_a_selection_survives_being_stored() -> None:
    selection = Selection(everything=False, chosen=frozenset({("service", "V1"), ("schedule", "S1")}))
    assert Selection.from_json(selection.to_json()) == selection
    assert Selection.from_json(Selection().to_json()) == Selection()

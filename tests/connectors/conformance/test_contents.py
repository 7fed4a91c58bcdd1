"""The inventory tells layers and levels where the lists of a vendor have them."""

from connectors.simulator.server import Server
from tests.connectors.conformance.entries import Provider
from tests.connectors.conformance.scenes import connector, live

#: What the lists tell: xMatters has the shifts of each group at an address of its own.
LAYERS = {"pagerduty", "opsgenie", "jsm"}
LEVELS = {"pagerduty", "opsgenie", "jsm"}


def test_layers_and_levels_are_told(provider: Provider, small: Server) -> None:
    nodes = connector(provider, live(provider, small)).inventory()
    name = provider.connector.provider
    assert any(node.layers for node in nodes if node.entity_type == "schedule") is (name in LAYERS)
    assert any(node.policy for node in nodes if node.entity_type == "escalation_policy") is (name in LEVELS)

"""The connectors this product has, by name. A new provider is one line here."""

from connectors.base import Connector
from connectors.providers.jsm.connector import JsmOperations
from connectors.providers.opsgenie.connector import Opsgenie
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.providers.xmatters.connector import XMatters

CONNECTORS: tuple[type[Connector], ...] = (PagerDuty, Opsgenie, JsmOperations, XMatters)
_BY_PROVIDER = {connector.provider: connector for connector in CONNECTORS}


def connector_class(provider: str) -> type[Connector]:
    """The connector of a provider. Raises KeyError for a provider that is not installed."""
    return _BY_PROVIDER[provider]


def provider_label(provider: str) -> str:
    """The provider's own name, or its registry key when its connector is not installed."""
    connector = _BY_PROVIDER.get(provider)
    return connector.label if connector else provider


def inventory_hint(provider: str) -> str:
    """A sentence about objects of this provider that the page for choosing does not show."""
    connector = _BY_PROVIDER.get(provider)
    return connector.inventory_hint if connector else ""

"""The registry of connectors. A new provider is one line here."""

from collections.abc import Mapping

from connectors.base import Connector
from connectors.providers.jsm.connector import JsmOperations
from connectors.providers.opsgenie.connector import Opsgenie
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.providers.xmatters.connector import XMatters

CONNECTORS: tuple[type[Connector], ...] = (PagerDuty, Opsgenie, JsmOperations, XMatters)
_BY_PROVIDER = {connector.provider: connector for connector in CONNECTORS}


def connector_class(provider: str) -> type[Connector]:
    """Return the connector of a provider. Raises KeyError for a provider that is not installed."""
    return _BY_PROVIDER[provider]


def provider_label(provider: str) -> str:
    """Return the provider's name, or its registry key if its connector is not installed."""
    connector = _BY_PROVIDER.get(provider)
    return connector.label if connector else provider


def inventory_hint(provider: str) -> str:
    """Return a sentence about objects of this provider that the page for choosing does not show, or ""."""
    connector = _BY_PROVIDER.get(provider)
    return connector.inventory_hint if connector else ""


def settings_of_account(provider: str, settings: Mapping[str, str], account_id: str) -> dict[str, str]:
    """Return the settings with which the key of an account is read; unchanged if the provider has no connector here."""
    connector = _BY_PROVIDER.get(provider)
    return connector.settings_of_account(settings, account_id) if connector else dict(settings)

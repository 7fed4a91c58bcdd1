"""How Opsgenie is called here, and the errors that name it."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("opsgenie", "Opsgenie")
PROVIDER: Final = VENDOR.provider
invalid, unknown_value = VENDOR.invalid, VENDOR.unknown_value

"""The provider key and the label of Opsgenie, and functions that build its errors."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("opsgenie", "Opsgenie")
PROVIDER: Final = VENDOR.provider
invalid, unknown_value = VENDOR.invalid, VENDOR.unknown_value

"""The names of PagerDuty, and functions that create its errors."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("pagerduty", "PagerDuty")
PROVIDER: Final = VENDOR.provider
invalid, unknown_value = VENDOR.invalid, VENDOR.unknown_value

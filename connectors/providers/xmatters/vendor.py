"""The names of xMatters, and functions that create its errors."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("xmatters", "xMatters")
PROVIDER: Final = VENDOR.provider
invalid, unknown_value = VENDOR.invalid, VENDOR.unknown_value

#: The beginning of every path of the REST API (vendor reference, "Base URL").
API_ROOT: Final = "/api/xm/1"

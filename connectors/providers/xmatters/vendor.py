"""How xMatters is called here, and the errors that name it."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("xmatters", "xMatters")
PROVIDER: Final = VENDOR.provider
invalid, unknown_value = VENDOR.invalid, VENDOR.unknown_value

#: Where every path of the REST API begins (vendor reference, "Base URL").
API_ROOT: Final = "/api/xm/1"

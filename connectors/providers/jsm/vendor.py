"""How JSM Operations is called here, and the errors that name it."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("jsm", "Jira Service Management")
PROVIDER: Final = VENDOR.provider

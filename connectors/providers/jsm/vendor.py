"""The provider key and the label of JSM Operations."""

from typing import Final

from connectors.reading.findings import Vendor

VENDOR: Final = Vendor("jsm", "Jira Service Management")
PROVIDER: Final = VENDOR.provider

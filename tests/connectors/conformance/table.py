"""The providers under test: one entry each."""

from tests.connectors.conformance.entry_jsm import JSM
from tests.connectors.conformance.entry_opsgenie import OPSGENIE
from tests.connectors.conformance.entry_pagerduty import PAGERDUTY
from tests.connectors.conformance.entry_xmatters import XMATTERS

PROVIDERS = (PAGERDUTY, OPSGENIE, JSM, XMATTERS)

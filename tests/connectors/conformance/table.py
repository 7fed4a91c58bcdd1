"""The providers under test: one entry each."""

from tests.connectors.conformance.entry_jsm import JSM
from tests.connectors.conformance.entry_opsgenie import OPSGENIE
from tests.connectors.conformance.entry_pagerduty import PAGERDUTY

PROVIDERS = (PAGERDUTY, OPSGENIE, JSM)

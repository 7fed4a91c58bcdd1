"""The command that serves a simulated vendor."""

import io
import json

import pytest
from django.core.management import call_command

from connectors.simulator.serve import PROVIDERS


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_prints_the_origin_and_the_settings_that_lead_to_it(provider: str) -> None:
    printed = io.StringIO()
    call_command("run_simulator", provider, seconds=0, stdout=printed)
    assert f"CONNECTOR_ORIGINS={provider}=http://127.0.0.1:" in printed.getvalue()


def test_it_prints_a_document() -> None:
    printed = io.StringIO()
    call_command("run_simulator", seconds=0, json=True, stdout=printed)
    assert json.loads(printed.getvalue())["provider"] == PROVIDERS[0]

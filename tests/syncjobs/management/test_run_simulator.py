"""The command that serves a simulated vendor."""

import io
import json
import shlex

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from connectors.models import Connection
from connectors.simulator.serve import PROVIDERS, build, demo_account
from syncjobs.management.commands.run_simulator import lines_to_paste


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_prints_the_origin_and_the_settings_that_lead_to_it(provider: str) -> None:
    printed = io.StringIO()
    call_command("run_simulator", provider, seconds=0, stdout=printed)
    assert f"CONNECTOR_ORIGINS={provider}=http://127.0.0.1:" in printed.getvalue()
    _, credentials = demo_account(provider)
    assert all(f": {value}\n" in printed.getvalue() for value in credentials.values())


@pytest.mark.django_db
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_line_that_connects_works_when_it_is_pasted(
    provider: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with build(provider) as running:
        settings.CONNECTOR_ORIGINS = {provider: running.origin}
        settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]
        (line,) = (text for text in lines_to_paste(provider, running.origin) if "connect_source" in text)
        variables, _, command = line.strip().partition(" .venv/bin/python manage.py ")
        for assigned in shlex.split(variables):
            monkeypatch.setenv(*assigned.split("=", 1))
        call_command(*shlex.split(command), stdout=io.StringIO())
    assert Connection.objects.get().tested_at is not None


def test_it_prints_a_document() -> None:
    printed = io.StringIO()
    call_command("run_simulator", seconds=0, json=True, stdout=printed)
    assert json.loads(printed.getvalue())["provider"] == PROVIDERS[0]

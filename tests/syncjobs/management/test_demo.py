"""The demo runs again with an environment of its own."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command


class Started(Exception):
    """The command would be replaced by one with this environment."""


def test_the_links_of_mails_lead_to_the_port_of_the_demo(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path
    environments: list[dict[str, str]] = []

    def execve(path: str, arguments: Any, environment: dict[str, str]) -> None:
        environments.append(environment)
        raise Started

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://oncall.example.com")  # of a real installation
    with pytest.raises(Started):
        call_command("demo", "--port", "8355")
    assert environments[0]["PUBLIC_BASE_URL"] == "http://127.0.0.1:8355"
    assert str(tmp_path) in environments[0]["DATABASE_URL"]

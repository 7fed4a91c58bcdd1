"""The addresses for monitors: what they answer, for each part that can be missing, and whom they let in."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from syncjobs.models import Heartbeat, Part
from syncjobs.runs.heartbeats import note_seen

PARTS = ("database", "migrations", *Part.values)


@pytest.fixture
def parts(db: None) -> None:
    for part in Part:
        note_seen(part)


def ready(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    document: dict[str, Any] = answer.json()
    assert document["ready"] is (answer.status_code == 200)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, document["parts"]


def test_everything_is_ready(parts: None, client: Client) -> None:
    assert ready(client) == (200, dict.fromkeys(PARTS, "ok"))


@pytest.mark.parametrize("part", Part)
def test_a_part_that_is_missing_is_named(parts: None, client: Client, part: Part) -> None:
    if part == Part.BROKER:
        note_seen(part, "ConnectionError")
    else:
        Heartbeat.objects.filter(pk=part).delete()
    status, states = ready(client)
    sentence = states.pop(part.value)
    assert (status, set(states.values())) == (503, {"ok"})
    assert sentence.startswith(part.label.capitalize())


def test_a_migration_that_is_not_applied_is_counted(parts: None, client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="syncjobs").order_by("-id")[0].delete()
    assert ready(client) == (
        503,
        dict.fromkeys(PARTS, "ok") | {"migrations": "1 not applied. Run `manage.py migrate`."},
    )


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, ProgrammingError])
def test_a_database_that_cannot_be_read_is_named(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*arguments: object) -> None:
        raise error("connection to server at 10.0.0.7 failed, password=secret")

    monkeypatch.setattr(MigrationRecorder, "has_table", fail)
    status, states = ready(client)
    assert (status, set(states)) == (503, set(PARTS))
    assert states.pop("database") == f"{error.__name__}: the database cannot be read."
    assert set(states.values()) == {"unknown, because the database cannot be read"}


def test_a_process_is_healthy_without_a_database(client: Client) -> None:
    """No mark of a database: pytest refuses each query."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content, connection.queries) == (200, b"ok", [])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_monitors_need_no_login_no_host_and_no_https(parts: None, client: Client, settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"host": "10.0.0.9"}).status_code == 200
    assert client.head(path).status_code == 200
    refused = client.post(path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_a_longer_address_is_a_page_of_the_site(parts: None, client: Client) -> None:
    assert client.get("/readyz/").status_code != 200

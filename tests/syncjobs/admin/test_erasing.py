"""The action that erases a person: only with the permission, after a page that lists what is replaced."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from oncall.models import ChangeRecord, Responder
from oncall.operations import create_account, link_account
from syncjobs.models import ExternalLink
from syncjobs.runs.start import start
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import BY, Sync, edit

LIST = "admin:oncall_responder_changelist"


@pytest.fixture
def person(sync: Sync) -> Responder:
    sync.run()
    return Responder.objects.get(name="Ana")


def send(client: Client, *people: Responder, **more: Any) -> Any:
    given = {"action": "erase_selected", "_selected_action": [each.pk for each in people], **more}
    return client.post(reverse(LIST), given, follow=True)


def confirmed(client: Client, *people: Responder) -> Any:
    return send(client, *people, confirmed="yes", version=[f"{each.pk}:{each.version}" for each in people])


def contents() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Responder, ExternalLink, ChangeRecord)]  # type: ignore[attr-defined]


def test_the_page_lists_what_is_replaced_and_writes_nothing(person: Responder) -> None:
    link_account(person.pk, create_account("ana.account@example.com", by=BY).pk, BY)
    before = contents()
    page = send(staff("view_responder", "change_responder", "erase_responder"), person)
    text = page.content.decode()
    for words in (
        "Erase Ana?", f"Former person {person.pk}", "ana@example.com", "ana.account@example.com", "Contact methods: 1",
        "Links to sources: 1", "Items of runs: 1", "cannot be undone",
    ):  # fmt: skip
        assert words in text
    assert "Notification rules" not in text  # there are none
    assert contents()[0:2] == before[0:2]
    assert len(contents()[2]) == len(before[2]) + 1  # the account of the client


def test_the_person_is_erased_when_the_page_is_confirmed(person: Responder) -> None:
    page = confirmed(staff("view_responder", "change_responder", "erase_responder"), person)
    assert "1 erased." in page.content.decode()
    person.refresh_from_db()
    assert (person.name, person.email, person.active) == (f"Former person {person.pk}", "", False)


def test_no_other_permission_erases_anybody(person: Responder) -> None:
    client = staff("view_responder", "change_responder", "delete_responder", "add_responder")
    assert "erase_selected" not in client.get(reverse(LIST)).content.decode()
    confirmed(client, person)
    person.refresh_from_db()
    assert person.name == "Ana"


def test_a_person_who_changed_after_the_page_was_shown_is_not_erased(person: Responder) -> None:
    shown = f"{person.pk}:{person.version}"
    edit("responder", person, title="Boss")
    client = staff("view_responder", "change_responder", "erase_responder")
    for version in (shown, ""):
        page = send(client, person, confirmed="yes", version=version)
        assert "has changed meanwhile" in page.content.decode()
    person.refresh_from_db()
    assert person.name == "Ana"


def test_a_running_sync_is_named_and_nobody_is_erased(person: Responder, sync: Sync) -> None:
    run = start(sync.profile, "apply", by=None, notify=False)  # type: ignore[arg-type]
    page = confirmed(staff("view_responder", "change_responder", "erase_responder"), person)
    assert f"Run {run.pk} of" in page.content.decode()
    person.refresh_from_db()
    assert person.name == "Ana"

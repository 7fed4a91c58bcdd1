"""The lists are called the same in the sidebar, in the path and below their rows."""

import re

import pytest
from django.contrib import admin
from django.test import Client

from config.navigation import NAVIGATION
from tests.syncjobs.conftest import Sync
from tests.syncjobs.conftest import sync as sync

pytestmark = pytest.mark.django_db

#: The entries of the sidebar that show a part of a list, whose own entry has the name of the list.
PARTS = ("Differs from the source", "Cannot be reached")
#: The entries of models whose own names are in migrations of Django.
OF_DJANGO = {"Roles": "groups"}
ENTRIES = [entry for group in NAVIGATION for entry in group["items"] if entry["title"] not in PARTS]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
def test_a_list_has_one_name(sync: Sync, admin_client: Client, entry: dict[str, object]) -> None:
    _, _, app, model, _ = str(entry["link"]).split("/")
    found = next(each for each in admin.site._registry if (each._meta.app_label, each._meta.model_name) == (app, model))
    name = OF_DJANGO.get(str(entry["title"]), str(entry["title"]).lower())
    assert str(found._meta.verbose_name_plural).lower() == name
    page = admin_client.get(str(entry["link"])).content.decode()
    assert re.search(rf"<title>\s*{name} \| Rotabridge", page, re.I)


def test_no_list_says_connection_conflict_or_sync_run(sync: Sync, admin_client: Client) -> None:
    sync.run()
    for url in ("/admin/", *(str(entry["link"]) for entry in ENTRIES)):
        page = admin_client.get(url).content.decode()
        text = re.sub(r"<[^>]*>", "|", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S))
        assert "Runs" in text
        assert re.findall(r"\b(?:connections?|conflicts?|sync runs?|sync profiles?)\b", text, re.I) == [], url

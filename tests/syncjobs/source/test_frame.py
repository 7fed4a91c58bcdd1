"""The pages of a source have the same tabs, a title in their path, and one word for the key."""

import ast
import re
from pathlib import Path

import pytest
from django.contrib.admin import site
from django.test import Client

from connectors.errors import ProviderUnavailable
from connectors.models import Connection
from syncjobs.pages.source.review import review_of
from tests.syncjobs.conftest import Sync
from tests.syncjobs.source.conftest import url

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[3]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


#: The pages of a source that is set up. Of the others, ``disconnect`` confirms, ``inventory`` is a part of a page,
#: ``plan``, ``sync`` and ``pause`` lead elsewhere, and ``review`` and ``connect`` belong to the setup.
PAGES = ("change", "import", "people", "rules", "key", "following", "test")
OTHERS = ("disconnect", "inventory", "plan", "sync", "pause", "review", "connect")
DJANGO = ("changelist", "add", "history", "delete")


def test_each_page_of_a_source_is_in_the_tables() -> None:
    names = {
        each.name.removeprefix("connectors_connection_")
        for each in site.get_model_admin(Connection).get_urls()
        if each.name is not None and each.name.startswith("connectors_connection_")
    }
    assert names == {*PAGES, *OTHERS, *DJANGO}


@pytest.mark.parametrize("name", PAGES)
def test_each_page_of_a_source_has_its_tabs_and_its_title_in_the_path(
    sync: Sync, admin_client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("connectors.admin.connections.probe_connection", fail)
    send = admin_client.post if name == "test" else admin_client.get
    answer = send(url(sync.connection, name))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert '<nav class="rb-tabs" aria-label="Pages of the source">' in page
    for tab in ("Overview", "Selection", "People", "Rules", "Runs", "Credential"):
        assert f">{tab}</a>" in page, tab
    title = answer.context["title"]
    path = " ".join(page.split("<main")[0].split())
    assert f"<title> {title} |" in path
    if name != "change":  # Django's own page of a form has no trail
        trail = answer.wsgi_request.trail
        assert [each["title"] for each in trail[-2:]] == [str(sync.connection), title]


def test_the_review_says_what_is_done_in_one_phrase(sync: Sync) -> None:
    shown = review_of(sync.profile, sync.plan(), (), with_addresses=True)
    assert {each.words: each.counts for each in shown.kinds} == {
        "people": "3 to create", "user groups": "1 to create", "schedules": "1 to create",
        "escalation policies": "1 to create", "services": "1 to create",
    }  # fmt: skip


def fail(connection: Connection) -> None:
    raise ProviderUnavailable("It is offline.", hint="Try again.", provider=connection.provider)


def test_pages_call_what_opens_a_source_its_key() -> None:
    """*Credential* is only the name of the tab."""
    folders = ("templates", "connectors/admin", "connectors/connections", "connectors/network", "connectors/providers")
    others = (
        "syncjobs/admin",
        "syncjobs/pages",
        "syncjobs/setup",
        "syncjobs/words",
        "syncjobs/deciding",
        "oncall/admin",
    )
    found = set()
    for path in (each for folder in (*folders, *others) for each in (ROOT / folder).rglob("*.*")):
        if path.suffix == ".html":
            texts = re.findall(r">([^<>]+)<", re.sub(r"{[{%#].*?[}%#]}", "", path.read_text()))
        elif path.suffix == ".py":
            texts = texts_of(path.read_text())
        else:
            continue
        found |= {text for text in texts if re.search(r"\bcredentials?\b", text, re.I)}
    assert found == {"Credential", "Credential of "}


def texts_of(code: str) -> list[str]:
    """Return the sentences and titles among the texts of a module: those with a capital or a space, no docstrings."""
    tree = ast.parse(code)
    docs = {ast.get_docstring(each, clean=False) for each in ast.walk(tree) if isinstance(each, DOCUMENTED)}
    texts = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return [text for text in texts if text not in docs and (" " in text or text[:1].isupper())]

"""No page has a script, a handler or an address that the Content-Security-Policy would have to allow inline.

The pages are all addresses of the resolver, each with the first row of its model.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from oncall.models import User
from tests.syncjobs.conftest import Sync

DATA = frozenset({"application/json", "application/ld+json", "text/template"})


class InlineScripts(HTMLParser):
    """Collects what a browser would run from the page itself: scripts, handlers, addresses with ``javascript:``."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self.scripts += 1
            if "src" not in given and given.get("type") not in DATA:
                self.found.append(f"<script> at {self.getpos()}")
        for name, value in attrs:
            if re.fullmatch(r"on[a-z]+", name) or name.startswith("hx-on"):
                self.found.append(f"<{tag} {name}>")
            elif name == "srcdoc" or _runs(value or "") or (name in ("src", "href") and _is_foreign(tag, value or "")):
                self.found.append(f"<{tag} {name}={value!r}>")


def _runs(value: str) -> bool:
    return bool(re.match(r"\s*(javascript|vbscript):", value, re.IGNORECASE))


def _is_foreign(tag: str, address: str) -> bool:
    return tag in ("script", "link", "img") and bool(re.match(r"\s*(//|https?:)", address, re.IGNORECASE))


def patterns(found: list[URLPattern | URLResolver], spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """The full name and the pattern of every address that has a name."""
    for each in found:
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, (*spaces, each.namespace) if each.namespace else spaces)
        elif each.name:
            yield ":".join((*spaces, each.name)), each


def addresses(run_id: int, item_id: int | None) -> dict[str, str]:
    """Name -> address of every page. Raises AssertionError if a page has no row to show."""
    found = {}
    for name, pattern in patterns(get_resolver().url_patterns):
        own = name.rpartition(":")[2]
        labels = ((each, each._meta.label_lower.replace(".", "_")) for each in apps.get_models())
        model = next((each for each, label in labels if own.startswith(f"{label}_")), None)
        row = 1 if model is None else model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        values = {
            "content_type_id": 1,
            "object_id": row,
            "pk": row,
            "id": row,
            "run_id": run_id,
            "item_id": item_id,
            "app_label": "oncall",
        }
        names = [key for key in pattern.pattern.regex.groupindex if key in values]
        assert None not in [values[key] for key in names], f"{name} has no row to show"
        found[name] = reverse(name, kwargs={key: values[key] for key in names} or None)
    return found


@pytest.fixture
def run_of_many_rows(sync: Sync, admin_user: User) -> dict[str, str]:
    interval = IntervalSchedule.objects.create(every=1, period="days")
    Group.objects.create(name="a role")
    CrontabSchedule.objects.create()
    SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1)
    ClockedSchedule.objects.create(clocked_time="2026-01-01T00:00Z")
    PeriodicTask.objects.create(name="a task", task="syncjobs.tasks.tick", interval=interval)
    run = sync.run()
    return addresses(run.pk, getattr(run.items.first(), "pk", None))


def test_no_page_has_an_inline_script_or_handler(run_of_many_rows: dict[str, str], admin_client: Client) -> None:
    found: dict[str, list[str]] = {}
    read: dict[str, InlineScripts] = {}
    for name, url in run_of_many_rows.items():
        answer = admin_client.get(url)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = InlineScripts(answer.content.decode())
            if page.found:
                found[name] = page.found
            if answer.status_code == 200:
                read[name] = page
    scripts = sum(page.scripts for page in read.values())
    print(f"{len(run_of_many_rows)} addresses, {len(read)} pages and {scripts} scripts read")  # noqa: T201 - how much was searched
    assert found == {}
    assert len(read) > 60
    assert scripts > 10 * len(read)


def test_the_pages_before_the_login_have_no_inline_script(client: Client, db: None) -> None:
    for url in ("/admin/login/", "/nowhere/"):
        assert InlineScripts(client.get(url).content.decode()).found == []


@pytest.mark.parametrize(
    "planted",
    [
        "<script>alert(1)</script>",
        '<script type="module">alert(1)</script>',
        '<img src=x onerror="alert(1)">',
        "<form onsubmit='x()'>",
        '<a href=" JavaScript:alert(1)">x</a>',
        '<iframe srcdoc="<script>x</script>"></iframe>',
        '<div hx-on:click="x()">',
        '<script src="https://cdn.example.com/x.js"></script>',
    ],
)
def test_the_reader_finds_a_planted_script(planted: str) -> None:
    assert len(InlineScripts(f"<html><body>{planted}</body></html>").found) == 1

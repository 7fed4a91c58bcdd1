"""No page has a script, a handler or an address that the Content-Security-Policy would have to allow inline.

No text of others is in an expression that the theme compiles.

The pages are all addresses of the resolver, each with the first row of its model.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from connectors.models import Connection
from oncall.models import User
from oncall.rendering.spec import Layer
from syncjobs.models import Invitation, Rule
from syncjobs.setup.drafts import begin_draft
from tests.syncjobs.conftest import Sync, user

#: A name that would leave a string of a script.
CANARY = "canary'+\"`${alert(1)}"
DATA = frozenset({"application/json", "application/ld+json", "text/template"})


class InlineScripts(HTMLParser):
    """Collects what a browser would run from the page itself: scripts, handlers, addresses with ``javascript:``.

    compiled: the attributes that Alpine and htmx compile, for which the policy has ``'unsafe-eval'``.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.compiled: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self.scripts += 1
            if "src" not in given and given.get("type") not in DATA:
                self.found.append(f"<script> at {self.getpos()}")
        for name, value in attrs:
            if _is_compiled(name, value or ""):
                self.compiled.append(f"<{tag} {name}={value!r}>")
            if re.fullmatch(r"on[a-z]+", name) or name.startswith("hx-on"):
                self.found.append(f"<{tag} {name}>")
            elif name == "srcdoc" or _runs(value or "") or (name in ("src", "href") and _is_foreign(tag, value or "")):
                self.found.append(f"<{tag} {name}={value!r}>")


def _is_compiled(name: str, value: str) -> bool:
    of_htmx = (name == "hx-trigger" and "[" in value) or (
        name in ("hx-vals", "hx-headers", "hx-request") and "js" in value
    )
    return name.startswith(("x-", "@", ":", "hx-on")) or of_htmx


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
            "app_label": "syncjobs" if name.startswith("everybody:") else "oncall",
            "uidb64": "MQ",
            "token": "no-token",
            "uid": begin_draft("pagerduty", User.objects.order_by("pk")[0]).uid,
        }
        names = [key for key in pattern.pattern.regex.groupindex if key in values]
        assert None not in [values[key] for key in names], f"{name} has no row to show"
        found[name] = reverse(name, kwargs={key: values[key] for key in names} or None)
    return found


@pytest.fixture
def run_of_many_rows(sync: Sync, admin_user: User) -> dict[str, str]:
    Group.objects.create(name="a role")
    run = sync.run()
    now = timezone.now()
    Invitation.objects.create(
        connection=sync.connection,
        external_id="U1",
        email="x@example.com",
        state="sent",
        created_at=now,
        expires_at=now,
        from_shell=True,
    )
    Rule.objects.create(
        connection=sync.connection, kind="user_not_found", pattern="*", choice="leave", made_at=timezone.now()
    )
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


@pytest.fixture
def named_by_others(sync: Sync, admin_user: User) -> None:
    """Gives everything that a person or a vendor names the name CANARY."""
    read = sync.source.snapshot
    sync.source.change(
        account=replace(read.account, label=CANARY),
        users=(user("U1", CANARY, title=CANARY), *read.users[1:]),
        teams=tuple(replace(team, name=CANARY) for team in read.teams),
        schedules=tuple(replace(each, name=CANARY, layers=_named(each.layers)) for each in read.schedules),
        policies=tuple(replace(each, name=CANARY) for each in read.policies),
        services=tuple(replace(each, name=CANARY) for each in read.services),
    )
    Connection.objects.update(name=CANARY, account_label=CANARY)
    User.objects.update(name=CANARY)


def _named(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(replace(layer, name=CANARY) for layer in layers)


@pytest.mark.slow
def test_nothing_that_the_theme_compiles_contains_a_text_of_others(
    named_by_others: None, run_of_many_rows: dict[str, str], admin_client: Client
) -> None:
    Group.objects.filter(name="a role").update(name=CANARY)
    compiled, shown = [], 0
    for name, url in run_of_many_rows.items():
        for query in ("", f"?q={quote(CANARY)}"):
            page = admin_client.get(url + query).content.decode(errors="replace")
            compiled += [f"{name}: {each}" for each in InlineScripts(page).compiled]
            shown += "canary" in page
    print(f"{len(compiled)} compiled attributes read, {shown} pages with the name")  # noqa: T201 - how much was searched
    assert [each for each in compiled if "canary" in each] == []
    assert len(compiled) > 1000
    assert shown > 60


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


@pytest.mark.parametrize(
    "planted",
    [
        """x-data="{a: 'x'}\"""",
        '@click="x()"',
        ':class="x"',
        'hx-on:click="x()"',
        'hx-trigger="click[x]"',
        'hx-vals="js:{a: x}"',
    ],
)
def test_the_reader_finds_a_planted_expression(planted: str) -> None:
    assert len(InlineScripts(f"<div {planted}></div>").compiled) == 1

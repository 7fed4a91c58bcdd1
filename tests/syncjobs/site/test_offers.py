"""No page offers what its reader may not do: each link, button and action that an account sees is followed."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import resolve

from connectors.closure import Node
from connectors.errors import ConnectorError
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import Responder, Role, UserGroup
from oncall.operations import link_account, write
from tests.syncjobs.admin.test_matrix import Visitor, permission_visitors, role_visitors
from tests.syncjobs.conftest import BY, Sync, edit, layer, policy, schedule
from tests.syncjobs.site.undoing import undone

pytestmark = pytest.mark.django_db
#: How many pages of one address, with the same parameters, are opened.
MOST_ALIKE: Final = 1
#: Into how many tests the accounts with a single permission are divided, and how many a test takes without --thorough.
TURNS: Final = 2
SAMPLE: Final = 4
NAMES: Final = (
    "no role", "staff without role", "superuser", "Team lead of another group",
    *(f"{role}{more}" for role in Role.values for more in ("", ", no staff")),
)  # fmt: skip
#: Leaving the site ends the walk. Ending a login would, too.
NOT_FOLLOWED: Final = ("/logout/", "/admin/logout/", "/account/logins/", "/jsi18n/", "/static/")


class _Offers(HTMLParser):
    """Collects the links of a page and its forms. A form is (method, address, fields, names and values of buttons)."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, str, list[tuple[str, str]], list[tuple[str, str]]]] = []
        self._form: int | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "hx-get" in given:
            self.links.append(given["hx-get"])
        if "hx-post" in given:
            self.forms.append(("post", given["hx-post"], [], [("", "")]))
        if tag == "form":
            self.forms.append((given.get("method", "get").lower(), given.get("action", ""), [], []))
            self._form = len(self.forms) - 1
        form = None if self._form is None else self.forms[self._form]
        if form is None:
            return
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select == "action" and value:
            form[3].append(("action", value))  # each action of a list is a button
        elif tag == "option" and self._select and "selected" in given:
            form[2].append((self._select, value))
        elif tag == "button" or given.get("type") == "submit":
            self._add_button(given, form)
        elif tag == "input" and name and _is_sent(given):
            form[2].append((name, value))

    def _add_button(self, given: dict[str, str], form: Any) -> None:
        if given.get("type", "submit") != "submit" or "disabled" in given:
            return
        if "formaction" in given:
            self.forms.append(("post", given["formaction"], form[2], [("", "")]))
        elif given.get("name") != "index":  # the button of the actions, each of which is tried
            form[3].append((given.get("name", ""), given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""


def _is_sent(given: dict[str, str]) -> bool:
    """Returns whether a browser sends an input. The ticks of a list are set here."""
    ticked = given.get("name") == "_selected_action" or "checked" in given
    return ticked or given.get("type") not in ("checkbox", "radio")


class Walk:
    """Follows what the pages offer to one visitor. refused: each offer that was refused, with the page it is on."""

    def __init__(self, visitor: Visitor, first: Sequence[str] = ("/", "/admin/")) -> None:
        self.visitor, self.client = visitor, Client()
        if visitor.account is not None:
            self.client.force_login(visitor.account)
        self.pages, self.sent = 0, 0
        self.refused: list[str] = []
        self._alike: Counter[Any] = Counter()
        self._waiting: list[tuple[str, str]] = [(url, "") for url in first]

    def all(self) -> "Walk":
        while self._waiting:
            self._open(*self._waiting.pop(0))
        return self

    def _open(self, url: str, page: str) -> None:
        parts = urlsplit(url)
        if not self._is_new("get", parts.path, dict(parse_qsl(parts.query)).keys()):
            return
        answer = self.client.get(url, follow=True)
        if url == "/admin/" and answer.redirect_chain:
            return  # not staff
        self.pages += 1
        if self._judge("link", url, page, answer) and answer.headers.get("Content-Type", "").startswith("text/html"):
            self._take(answer.redirect_chain[-1][0] if answer.redirect_chain else url, answer.content.decode())

    def _take(self, url: str, content: str) -> None:
        offers = _Offers()
        offers.feed(content)
        for link in offers.links:
            address = urljoin(url, link.partition("#")[0])
            if address.startswith("/") and not address.startswith(NOT_FOLLOWED):
                self._waiting.append((address, url))
        for method, action, fields, buttons in offers.forms:
            address = urljoin(url, action)
            if address.startswith(NOT_FOLLOWED) or not address.startswith("/"):
                continue
            for button in buttons:  # a form without one cannot be sent
                self._press(method, address, [*fields, *([button] if button[0] else [])], url)

    def _press(self, method: str, address: str, fields: list[tuple[str, str]], page: str) -> None:
        names = {name for name, _ in fields} | {value for name, value in fields if name == "action"}
        if not self._is_new(method, urlsplit(address).path, names):
            return
        self.sent += 1
        data = QueryDict(mutable=True)
        for name, value in fields:
            data.appendlist(name, value)
        with undone(self.client):
            answer = getattr(self.client, method)(address, dict(data.lists()), follow=True)
            self._judge(f"{method} {data.get('action', '')}", address, page, answer)

    def _judge(self, what: str, url: str, page: str, answer: Any) -> bool:
        closed = any("/login/" in to for to, _ in answer.redirect_chain) and self.visitor.account is not None
        if answer.status_code in (403, 404, 405) or closed:
            self.refused.append(f"{self.visitor.name}: {page} offers {what} {url}: {answer.status_code}")
            return False
        return True

    def _is_new(self, method: str, path: str, names: Any) -> bool:
        match = resolve(path) if path.startswith("/") else None
        key = method, match and match.route, tuple(sorted(names))
        if method == "get" and match and match.url_name and match.url_name.endswith("_changelist"):
            key = method, match.route, len(names) and next(iter(sorted(names)))
        self._alike[key] += 1
        return self._alike[key] <= MOST_ALIKE


@pytest.fixture
def world(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group with a schedule and policies, runs, a plan that waits for review, and questions."""

    def refuse(*given: Any, **options: Any) -> Any:
        raise ConnectorError("The source was not read.", hint="", provider="pagerduty")

    monkeypatch.setattr("connectors.admin.connections.probe_connection", refuse)
    pages = ("syncjobs.admin.source.selection", "syncjobs.admin.following.page")
    nodes = [Node("service", "V1", "Checkout", (("escalation_policy", "P1"),))]
    for page in pages:
        monkeypatch.setattr(f"{page}.inventory_of", refuse)
        monkeypatch.setattr(f"{page}.cached_inventory", lambda connection: nodes)
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U1", "U2"), group_ids=("T1",)),),
        policies=(policy("P1", "Default", Target("schedule", "S1"), Target("responder", "U1"), group_id="T1"),),
    )
    sync.run()
    edit("user_group", UserGroup.objects.get(name="Platform"), description="ours")
    write("escalation_policy", [Draft({"name": "Default"})], by=BY)
    sync.source.change(schedules=(schedule("S1", "Primary II", layer("U2", "U1"), group_ids=("T1",)),))
    sync.plan()


def report(walk: Walk, record_property: Callable[[str, object], None]) -> None:
    record_property("counts", f"{walk.visitor.name} opened {walk.pages} pages and pressed {walk.sent} buttons")
    assert not walk.refused, "\n".join(walk.refused)


@pytest.mark.parametrize("name", NAMES)
def test_no_role_is_offered_what_it_may_not_do(
    world: None, name: str, record_property: Callable[[str, object], None]
) -> None:
    visitors = {each.name: each for each in role_visitors()}
    assert visitors.keys() == {*NAMES, "anonymous"}
    account = visitors[name].account
    assert account is not None
    link_account(Responder.objects.order_by("pk")[0].pk, account.pk, by=BY)
    report(Walk(visitors[name]).all(), record_property)


@pytest.mark.parametrize("turn", range(TURNS))
def test_no_single_permission_is_offered_what_it_may_not_do(
    world: None, turn: int, thorough: bool, record_property: Callable[[str, object], None]
) -> None:
    visitors = permission_visitors()
    seed = random.randrange(1_000_000)
    chosen = visitors[turn::TURNS] if thorough else random.Random(seed).sample(visitors, SAMPLE)
    record_property("counts", f"{len(chosen)} of {len(visitors)} permissions, seed {seed}")
    refused = [offer for visitor in chosen for offer in Walk(visitor).all().refused]
    assert not refused, "\n".join(refused)


def test_a_link_that_leads_nowhere_is_found(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = next(each for each in role_visitors() if each.name == Role.VIEWER)
    assert visitor.account is not None
    link_account(Responder.objects.order_by("pk")[0].pk, visitor.account.pk, by=BY)
    monkeypatch.setattr("oncall.templatetags.permitted.ForeignKey", ())
    walk = Walk(visitor, ["/admin/oncall/responder/"]).all()
    assert [each for each in walk.refused if "/admin/oncall/user/" in each]

"""No page takes a text of other people for markup. The pages are those of the resolver and of the admin registry."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from connectors.errors import ConnectorError
from oncall.models import User
from scripts.attack.forms import Form
from syncjobs.models import Conflict, ConflictKind, SyncItem
from tests.syncjobs.conftest import Sync
from tests.syncjobs.site.addresses import Address, addresses
from tests.syncjobs.site.hostile import (
    NAMEABLE,
    NAMEABLE_INSIDE,
    NEVER_SHOWN,
    OURS,
    VENDOR,
    build,
    columns_of,
    draft_of,
    faults,
    hostile,
    numbers,
    plant,
    text_columns,
)
from tests.syncjobs.site.undoing import undone

#: What a person sends to an address that only a button uses. ``item``: the first item of the run.
BUTTONS: Final[Mapping[str, tuple[Mapping[str, str], ...]]] = {
    "admin:connectors_connection_plan": ({},),
    "admin:connectors_connection_sync": ({},),
    "admin:connectors_connection_disconnect": ({}, {"confirmed": "yes"}),
    "admin:connectors_connection_inventory": ({}, {"part": "tree"}, {"part": "along"}),
    "admin:connectors_connection_pause": ({}, {"do": "resume"}),
    "admin:connectors_connection_test": ({},),
    "admin:logout": ({},),
    "everybody:logout": ({},),
    "admin:syncjobs_rule_switch": ({}, {"active": "off"}, {"active": "on"}),
    "admin:syncjobs_syncrun_apply": ({},),
    "admin:syncjobs_syncrun_cancel": ({},),
    "admin:syncjobs_syncrun_again": ({},),
    "admin:syncjobs_syncrun_impact": ({},),
    "admin:syncjobs_syncrun_sync_item": ({},),
    "admin:syncjobs_syncrun_ticks": ({}, {"all": "on"}, {"item": "item", "tick": "item"}),
}
#: The ends of the names of addresses whose pages have a form to fill.
WITH_FORMS: Final = ("add", "change", "connect", "import", "people", "rules", "delete", "changelist")
#: It leads to the public page of a row. No model has one.
NOT_PAGES: Final = {"admin:view_on_site", "everybody:view_on_site"}
#: Parameters of all pages that read their query.
QUERY: Final = ("q", "at", "from", "days", "zone", "kind", "action", "outcome", "page", "provider", "next", "source")


class Crawl:
    """Requests pages and judges them. seen: the numbers of the hostile texts on all pages so far."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.pages, self.seen, self.faults = 0, set[int](), list[str]()
        self.answered: set[str] = set()

    def judge(self, what: str, response: Any) -> int:
        self.pages += 1
        page = response.content.decode()
        is_html = response.headers.get("Content-Type", "text/html").startswith("text/html")
        self.faults += [f"{what}: {fault}" for fault in (faults(page) if is_html else ())]
        if response.status_code >= 500:
            self.faults.append(f"{what}: answers {response.status_code}")
        self.seen |= numbers(page)
        return int(response.status_code)

    def get(self, url: str, **query: str) -> int:
        return self.judge(f"GET {url} {','.join(query)}", self.client.get(url, query, follow=True))

    def post(self, url: str, data: Mapping[str, Any], **headers: str) -> None:
        """Post, judge the page to which this leads, with its messages, and undo what was written, the login too."""
        with undone(self.client):
            self.judge(f"POST {url}", self.client.post(url, data, follow=True, headers=headers))


@pytest.fixture
def crawl(sync: Sync, client: Client, hostile_vendor: None) -> Crawl:
    """Returns the crawl of a world in which every text is hostile, and of a vendor that answers with such texts."""
    build(sync)
    account = User.objects.create_superuser("root@example.com", "a long password")
    draft_of(account)
    client.force_login(account)
    empty = {name for name, rows in plant().items() if not rows}
    assert empty == set(), "the hostile world has no row with a text in these columns"
    assert set(ConflictKind.values) == set(Conflict.objects.values_list("kind", flat=True))
    client.raise_request_exception = False
    return Crawl(client)


def read_everything(crawl: Crawl, among: list[Address]) -> None:
    """Get each address, plainly and with a hostile query, and note the addresses that showed something."""
    for address in among:
        if address.name in BUTTONS:
            continue
        for url in address.urls():
            if crawl.get(url) in (200, 286, 403):
                crawl.answered.add(address.name)
        for url in address.urls()[:2]:
            crawl.get(url, **{name: hostile(VENDOR) for name in QUERY})
            crawl.get(url, _popup="1", q=hostile(VENDOR))


def press_everything(crawl: Crawl, among: list[Address]) -> None:
    for address in among:
        for data in BUTTONS.get(address.name, ()):
            for url in address.urls():
                run = url.rstrip("/").split("/")[-2]
                item = SyncItem.objects.filter(run=int(run)).first() if "syncrun" in url else None
                given = {name: str(item.pk) if value == "item" and item else value for name, value in data.items()}
                chosen = {"chosen": f"service:{hostile(VENDOR)}", "q": "1", "query": hostile(VENDOR)}
                crawl.post(url, {**given, **chosen})
                crawl.post(url, {**given, **chosen}, hx_request="true")
                crawl.answered.add(address.name)


def send_everything(crawl: Crawl, among: list[Address]) -> None:
    """Send each form with a hostile text in every field, which the next page repeats; and each action of each list."""
    for address in among:
        kind = address.name.rpartition("_")[2]
        for url in address.urls()[:3] if kind in WITH_FORMS else ():
            if crawl.client.get(url).status_code == 200:
                form = Form(crawl.client, url)
                typed = {name: hostile(VENDOR, name) if _is_typed(name) else old for name, old in form.data.items()}
                crawl.post(url, typed)
                crawl.post(url, {**typed, "_popup": "1"})
                crawl.post(url, form.data)
    for model, model_admin in admin.site._registry.items():
        rows = [str(pk) for pk in model._default_manager.values_list("pk", flat=True)]
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for action in ("delete_selected", *(model_admin.actions or ())):
            crawl.post(url, {"action": action, "_selected_action": rows})
        for field in model_admin.get_autocomplete_fields(None):
            given = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field}
            for term in ("", "canary", hostile(VENDOR)):
                crawl.get(reverse("admin:autocomplete"), term=term, **given)


def _is_typed(name: str) -> bool:
    return not name.endswith(("_FORMS", "_ORDER", "row_version")) and name != "csrfmiddlewaretoken"


def test_every_text_of_the_database_has_an_entry() -> None:
    listed = (*NAMEABLE, *NAMEABLE_INSIDE)
    assert len(set(listed)) == len(listed)
    assert {name for name in text_columns() if name not in listed and not OURS.fullmatch(name)} == set()
    assert [name for name in listed if name not in text_columns() or OURS.fullmatch(name)] == []


@pytest.mark.slow
def test_no_page_takes_a_hostile_name_for_markup(crawl: Crawl, capsys: pytest.CaptureFixture[str]) -> None:
    among = addresses()
    press_everything(crawl, among)  # fills the inventory of the import page
    read_everything(crawl, among)
    send_everything(crawl, among)
    Client().post(reverse("admin:login"), {"username": hostile(VENDOR), "password": hostile(VENDOR)})
    crawl.client.logout()
    crawl.post(reverse("admin:login") + "?next=/" + hostile(VENDOR), {"username": hostile(VENDOR), "password": "x"})
    crawl.get(f"/admin/{hostile(VENDOR)}/")

    assert crawl.faults == []
    assert {each.name for each in among} - crawl.answered == NOT_PAGES, "these addresses are not covered"
    listed = {*NAMEABLE, *NAMEABLE_INSIDE}
    assert listed - columns_of(crawl.seen) == NEVER_SHOWN, "these columns are not covered"
    with capsys.disabled():
        print(f"\nhostile crawl: {crawl.pages} pages of {len(among)} addresses, {len(listed)} columns")  # noqa: T201 - counts


def test_a_failed_test_of_a_connection_is_harmless(crawl: Crawl, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **options: Any) -> Any:
        raise ConnectorError(hostile(VENDOR), hint=hostile(VENDOR), provider="pagerduty")

    monkeypatch.setattr("connectors.admin.connections.probe_connection", fail)
    monkeypatch.setattr("syncjobs.setup.inventory.open_connector", fail)
    press_everything(crawl, [each for each in addresses() if each.name.endswith(("_test", "_inventory"))])
    assert (crawl.faults, crawl.pages, crawl.seen >= {VENDOR}) == ([], 8, True)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<p>{}</p>", "element canary-0-"),
        ("<a title='{}'>", "attribute canary of canary-0-"),
        ('<a title="{}">', "attribute canary of canary-0-"),
        ("<script>let x = 'canary-0-'</script>", "text of script"),
        ("<textarea>{}</textarea>", "raw text"),
        ("<!-- {} -->", "raw text"),
        ('<a href="?q=&quot;canary">', 'href of a is ?q="canary'),
        ('<a onclick="x(&#x27;canary-0-&#x27;)">', "onclick of a is x('canary-0-')"),
        ('<a x-show="canary-0-">', "x-show of a is canary-0-"),
    ],
)
def test_the_crawl_finds_each_way_to_join_a_text_wrongly(page: str, found: str) -> None:
    assert found in faults(page.format(hostile(VENDOR)))


def test_the_crawl_finds_a_planted_fault(crawl: Crawl, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is marked as safe in one column is found in the lists with this column and nowhere else."""
    monkeypatch.setattr("syncjobs.admin.partly_read.source", lambda row: mark_safe(row.origin_label))  # noqa: S308
    read_everything(crawl, [each for each in addresses() if re.match("admin:oncall_.*_changelist", each.name)])
    with_source = ("responder", "usergroup", "schedule", "escalationpolicy", "service")
    lists = {reverse(f"admin:oncall_{name}_changelist") for name in with_source}
    assert {each.split()[1] for each in crawl.faults} == lists

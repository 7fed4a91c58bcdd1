"""What htmx gets when a request would lead to another page: it loads the whole page again."""

import re
from typing import Final
from uuid import UUID

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from tests.paths import REPOSITORY

pytestmark = pytest.mark.django_db
HTMX: Final = {"HX-Request": "true"}
#: What a template writes instead of a tag ``url`` -> the name of the page.
NAMED: Final = {
    "{{ action.url }}": "admin:connectors_connection_test",
    "{{ draft_url }}": "admin:connectors_connection_connect",
    "{{ item.url }}": "admin:syncjobs_syncrun_item",
    "{{ request.path }}": "admin:connectors_connection_rules",
}


def requested() -> set[str]:
    """Returns the names of the pages that templates request by htmx. KeyError: add the expression to NAMED."""
    texts = "".join(each.read_text() for each in (REPOSITORY / "templates").rglob("*.html"))
    found = re.findall(r'hx-(?:get|post)="([^"]+)"', texts)
    tags = [(each, re.match(r"{% url '([^']+)'", each)) for each in found]
    return {tag[1] if tag else NAMED[each] for each, tag in tags}


def address(name: str) -> str:
    site, _, short = name.rpartition(":")
    patterns = get_resolver().namespace_dict[site][1].reverse_dict if site else get_resolver().reverse_dict
    ((_, parameters), *_) = patterns.getlist(short)[0][0]
    return reverse(name, args=[UUID(int=1) if each == "uid" else 1 for each in parameters])


def test_a_login_that_has_ended_loads_the_page_again_instead_of_showing_the_login_inside_it(client: Client) -> None:
    names = requested()
    assert names.issuperset(NAMED.values()) and "badges" in names
    for name in names:
        for send in (client.get, client.post):
            answer = send(address(name), headers=HTMX)
            assert (answer.status_code, answer.headers.get("HX-Refresh"), answer.content) == (204, "true", b""), name
        assert client.get(address(name)).status_code == 302, name


def test_a_form_of_an_older_login_is_loaded_again_and_says_so() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/admin/login/", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Refresh"], answer.content) == (403, "true", b"")
    assert "Your last entry was not kept." in client.get("/admin/login/").content.decode()
    assert "This form has expired" in client.post("/admin/login/").content.decode()

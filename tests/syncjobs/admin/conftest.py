"""Clients with few rights, and checks that the pages escape names."""

from html.parser import HTMLParser

from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oncall.models import User
from oncall.operations import Actor, create_account

HOSTILE = "<script>canary()</script>"


def staff(*permissions: str) -> Client:
    """Returns a client whose account has only these permissions."""
    account = create_account(email="eve@example.com", password="long-enough-1", is_staff=True, by=Actor(None, "test"))
    account.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    return client


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)


def assert_harmless(page: str) -> None:
    """The hostile name is on the page, as text."""
    tags = _Tags()
    tags.feed(page)
    assert "canary()" in page
    assert HOSTILE not in page
    assert not any("canary" in script for script in tags.scripts)


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(database) as captured:
        assert client.get(url).status_code == 200
    return len(captured)

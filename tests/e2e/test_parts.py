"""The parts that all pages share in a browser: light, dark and narrow."""

from typing import Any

import pytest
from django.test import Client

from oncall.models import User
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, seen, windows

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("pages_of_debug"),
]

from playwright.sync_api import Browser  # noqa: E402


@pytest.mark.parametrize("look", LOOKS)
def test_each_part_is_accessible_and_fits(live_server: Any, browser: Browser, client: Client, look: str) -> None:
    client.force_login(User.objects.create_superuser("ada.admin@example.com", "a long password", name="Ada Admin"))
    with windows(browser, live_server.url, client) as window:
        assert not seen({"parts": lambda page: page.goto("/admin/parts/")}, window(LOOKS[look], True), look)

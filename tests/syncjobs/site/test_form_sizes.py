"""No form embeds everybody: its size and its queries do not grow with the rows of the database."""

from collections.abc import Callable
from typing import Final

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oncall.admin.everybody.site import everybody
from oncall.models import Schedule, Service, User, UserGroup
from oncall.operations import create_account, grant_lead
from scripts.bench.foreign import FIRST, add_foreign, fill
from tests.syncjobs.conftest import BY, Sync, layer, schedule
from tests.syncjobs.site.addresses import Address, addresses

MOST_BYTES: Final = 300_000
MOST_QUERIES: Final = 1.5  # times those of the form in a small database
PEOPLE, OTHERS = 3_000, 1_000


def forms() -> list[Address]:
    return [each for each in addresses() if each.name.endswith(("_add", "_change"))]


@pytest.fixture
def small(sync: Sync) -> Client:
    """Returns the client of a superuser, in a database with one imported account and a row of each model."""
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2"), group_ids=("T1",)),))
    sync.run()
    lead = create_account("lead@example.com", by=BY)
    grant_lead(lead.pk, UserGroup.objects.order_by("pk")[0].pk, BY)
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    return client


def fill_database() -> None:
    add_foreign(PEOPLE, OTHERS, OTHERS)
    names = {"name": "'Foreign service ' || i", "name_key": "'foreign service ' || i"}
    fill(Service, OTHERS, **names, policy_id=f"{FIRST} + i", group_id=f"{FIRST} + i")


def sizes(client: Client, urls: list[str]) -> dict[str, tuple[int, int]]:
    """Returns url -> (bytes, queries). The clock stands still: a session stores once a minute that it is used."""
    found = {}
    with time_machine.travel(timezone.now(), tick=False):
        for url in urls:
            client.get(url)  # content types are looked up once per process
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(url)
            assert answer.status_code in (200, 403), url  # 403: nobody adds a row of this kind
            found[url] = len(answer.content), len(queries)
    return found


def too_large(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    return [
        f"{url}: {size} bytes, {queries} queries; {before[url]} before"
        for url, (size, queries) in after.items()
        if size > MOST_BYTES or queries > MOST_QUERIES * before[url][1] or size > MOST_QUERIES * before[url][0]
    ]


def test_no_form_embeds_everybody(small: Client, record_property: Callable[[str, object], None]) -> None:
    urls = [url for address in forms() for url in address.urls()[:3]]
    before = sizes(small, urls)
    fill_database()
    after = sizes(small, urls)
    record_property("counts", f"{len(urls)} forms, the largest has {max(size for size, _ in after.values())} bytes")
    assert not too_large(before, after)
    foreign = [url for address in forms() for url in address.urls()[-1:]]
    assert not [url for url, (size, _) in sizes(small, foreign).items() if size > MOST_BYTES]


def test_every_registered_model_has_a_measured_form(small: Client) -> None:
    models = {each.model for each in forms() if each.urls()}
    missing = {model for site in (admin.site, everybody) for model in site._registry} - models
    assert {model._meta.label for model in missing} <= {"auth.Group"}  # the roles, made by a migration, are measured


def test_a_form_that_embeds_everybody_is_found(small: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from oncall.admin.schedule.list import ScheduleAdmin

    monkeypatch.setattr(ScheduleAdmin, "autocomplete_fields", ())
    urls = [url for address in forms() if address.model is Schedule for url in address.urls()[:3]]
    before = sizes(small, urls)
    fill_database()
    assert too_large(before, sizes(small, urls))

"""The sync adds parity, source and open conflicts to the pages of schedules."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection
from oncall.admin.schedule.list import page_url
from oncall.aggregates import Draft
from oncall.models import Schedule, User
from oncall.operations import create_account, write
from oncall.rendering.codec import instant_from_text, instant_to_text, participant_to_text
from oncall.rendering.final import render_final
from oncall.selectors.schedules import specs
from syncjobs.models import Conflict, ParityBasis, ParityCheck, ParityJudge
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import BY, Sync

NOW = "2026-11-20T12:00:00Z"
DAY = 86_400
LIST = "admin:oncall_schedule_changelist"
Check = Callable[..., ParityCheck]


def at(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


@pytest.fixture
def browser(db: None, client: Client) -> Client:
    create_account("root@example.com", "long-enough-1", is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(email="root@example.com"))
    return client


@pytest.fixture
def imported(sync: Sync) -> int:
    sync.run()
    ParityCheck.objects.all().delete()
    return Schedule.objects.get().pk


@pytest.fixture
def measured(imported: int, sync: Sync) -> Check:
    """``measured(wrong={index: participant text})``: the source shows what we do, but for these shifts."""

    def make(wrong: Mapping[int, str] = {}, schedule: int = imported, **more: Any) -> ParityCheck:
        since = instant_from_text(NOW)
        until = since + 14 * DAY
        spans = render_final(*specs([schedule])[schedule], since, until)
        stored = [[instant_to_text(s.start), instant_to_text(s.end), list(map(participant_to_text, s.participants))]
                  for s in spans]  # fmt: skip
        differences, unequal = [], 0
        for index, who in wrong.items():
            ours = stored[index][2]
            stored[index][2] = [who]
            unequal += spans[index].end - spans[index].start
            differences.append(
                {"start": stored[index][0], "end": stored[index][1], "source": [who], "ours": ours, "cause": "override"}
            )
        defaults = {
            "connection": sync.connection, "schedule_id": schedule, "external_id": "S1", "judge": ParityJudge.VENDOR,
            "basis": ParityBasis.SYNC, "measured_at": at(since) - timedelta(minutes=7), "since": at(since),
            "until": at(until), "equal_seconds": 14 * DAY - unequal, "total_seconds": 14 * DAY,
            "source_spans": stored, "differences": differences,
        }  # fmt: skip
        return ParityCheck.objects.create(**{**defaults, **more})

    return make


def page(browser: Client, pk: int, query: str = "") -> Any:
    response = browser.get(page_url(pk) + query)
    assert response.status_code == 200
    return response


@time_machine.travel(NOW, tick=False)
def test_the_page_shows_source_ours_and_the_difference(
    browser: Client, imported: int, sync: Sync, measured: Check
) -> None:
    stranger = f"person:{sync.connection.pk}:U3"  # Cy is imported, but not in this schedule
    measured({1: stranger})
    response = page(browser, imported)
    rows = response.context["timeline"].rows
    assert [row.label for row in rows] == ["At the source", "Final schedule", "Difference", "Layer 1"]
    source, _, difference, _ = rows
    (only,) = difference.bars
    assert (only.name, only.style, only.reason) == ("Cy → Bo", ("mismatch",), "override")
    assert only.link
    assert min(bar.start for bar in source.bars) == instant_from_text(NOW)  # before that nothing was measured
    assert "judge: the vendor's own rendering, measured 7 minutes ago" in source.note
    text = response.content.decode()
    for words in ("50.00 %", "url(#rb-mismatch)", "over Fri 20 Nov 13:00 CET to Fri 4 Dec 13:00 CET"):
        assert words in text, words


@time_machine.travel(NOW, tick=False)
def test_equal_schedules_have_an_empty_difference(browser: Client, imported: int, measured: Check) -> None:
    measured()
    response = page(browser, imported)
    assert response.context["timeline"].rows[2].bars == ()
    text = response.content.decode()
    assert "100.00 %" in text
    assert "There is no difference in the days that were measured." in text
    elsewhere = page(browser, imported, "?from=2027-05-01").context["timeline"].rows
    assert [row.label for row in elsewhere] == ["Final schedule", "Layer 1"]


@time_machine.travel(NOW, tick=False)
def test_the_page_says_where_it_comes_from_and_what_is_open(browser: Client, imported: int, sync: Sync) -> None:
    text = page(browser, imported).content.decode()
    assert "PagerDuty (acme), id S1; synced in <a" in text
    assert "The next sync measures it." in text
    assert "Questions" not in text.partition("rb-answer-facts")[2]
    link = sync.connection.links.get(entity_type="schedule")
    for key in ("a", "b"):
        Conflict.objects.create(
            connection=sync.connection, link=link, kind="both_edited", subject_key=key, entity_type="schedule",
            external_id="S1", label="Primary", evidence_hash="x", opened_at=at(instant_from_text(NOW)),
        )  # fmt: skip
    page_text = page(browser, imported, f"?at={NOW}").content.decode()
    assert "2 open" in page_text
    assert "Layer 1 (id L1)" in page_text
    page_text = staff("view_schedule").get(page_url(imported)).content.decode()
    assert "synced in run" in page_text
    assert "2 open" in page_text
    assert reverse("admin:syncjobs_conflict_changelist") not in page_text


def test_the_pages_of_schedules_with_one_name_show_their_question(browser: Client, imported: int, sync: Sync) -> None:
    (here,) = write("schedule", [Draft({"name": "primary", "time_zone": "UTC"})], by=BY)
    sync.run()
    for pk in (imported, here.id):
        assert "1 open" in page(browser, pk).content.decode()


def test_the_page_reports_an_edit_after_the_measurement(browser: Client, imported: int, measured: Check) -> None:
    measured(measured_at=timezone.now())
    assert "was changed here after that" not in page(browser, imported).content.decode()
    row = Schedule.objects.get()
    write("schedule", [Draft({"description": "x"}, id=row.pk, version=row.version)], by=BY)
    assert "was changed here after that" in page(browser, imported).content.decode()


@time_machine.travel(NOW, tick=False)
def test_a_schedule_that_was_not_compared_says_why(browser: Client, imported: int, measured: Check) -> None:
    measured(equal_seconds=None, total_seconds=None, source_spans=[], note=HOSTILE)
    response = page(browser, imported)
    assert [row.label for row in response.context["timeline"].rows] == ["Final schedule", "Layer 1"]
    assert "not compared" in response.content.decode()
    assert_harmless(response.content.decode())
    assert_harmless(browser.get(reverse(LIST)).content.decode())


@time_machine.travel(NOW, tick=False)
def test_a_schedule_made_here_says_nothing_of_a_source(browser: Client) -> None:
    pk = write("schedule", [Draft({"name": "Own", "time_zone": "UTC"})], by=BY)[0].id
    response = page(browser, pk, f"?at={NOW}")
    assert response.context["facts"] == []
    assert "(id " not in response.content.decode()


@time_machine.travel(NOW, tick=False)
def test_the_list_has_a_chip_and_filters_by_what_it_says(browser: Client, imported: int, measured: Check) -> None:
    def another(name: str) -> int:
        layers = Schedule.objects.get(pk=imported).layers
        fields = {"name": name, "time_zone": "Europe/Paris", "layers": layers}
        return write("schedule", [Draft(fields, origin="PagerDuty (acme)")], by=BY)[0].id

    measured()
    measured({0: "person:x:y"}, schedule=another("Unlike"))
    refused = {"equal_seconds": None, "total_seconds": None, "note": "the source does not render it"}
    measured(schedule=another("Refused"), **refused)
    another("New")
    turn = another("Clock")  # equal in the next days, not around the next clock change
    measured(schedule=turn)
    measured({0: "person:x:y"}, schedule=turn, basis=ParityBasis.TRANSITION, equal_seconds=14 * DAY - 1)
    url = reverse(LIST)
    text = browser.get(url).content.decode()
    for words in ("100.00 %", "99.99 %", "not compared", "never measured", "the source does not render it",
                  "judge: the vendor&#x27;s own rendering, measured 7 minutes ago"):  # fmt: skip
        assert words in text, words
    for value, names in (
        ("equal", {"Primary"}), ("different", {"Unlike", "Clock"}), ("none", {"Refused", "New"}), ("odd", None),
    ):  # fmt: skip
        rows = browser.get(f"{url}?parity={value}").context["cl"].result_list
        assert {row.name for row in rows} == (names or {"Primary", "Unlike", "Clock", "Refused", "New"}), value


@time_machine.travel(NOW, tick=False)
def test_the_pages_ask_as_many_queries_however_much_there_is(
    browser: Client, imported: int, measured: Check, sync: Sync
) -> None:
    measured()
    url = page_url(imported)
    browser.get(url)
    few = queries(browser, f"{url}?days=30&at={NOW}"), queries(browser, reverse(LIST))
    row = Schedule.objects.get(pk=imported)
    one = row.layers["layers"][0]
    stored = {**row.layers, "layers": [{**one, "key": f"L{n}"} for n in range(60)]}
    write("schedule", [Draft({"layers": stored}, id=row.pk, version=row.version)], by=BY)
    drafts = [Draft({"name": f"S{n}", "time_zone": "UTC", "layers": row.layers}) for n in range(99)]
    for written in write("schedule", drafts, by=BY):
        measured(schedule=written.id)
    measured()
    many = queries(browser, f"{url}?days=30&at={NOW}"), queries(browser, reverse(LIST))
    assert few == many
    assert many[0] <= 11
    assert many[1] <= 12


def test_the_connection_of_a_schedule_is_its_primary_links(browser: Client, imported: int, sync: Sync) -> None:
    other = Connection.objects.create(name="second", provider="pagerduty")
    link = sync.connection.links.get(entity_type="schedule")
    link.pk, link.connection, link.external_id, link.primary = None, other, "S9", False
    link.save()
    text = page(browser, imported).content.decode()
    assert "id S1" in text
    assert "id S9" not in text

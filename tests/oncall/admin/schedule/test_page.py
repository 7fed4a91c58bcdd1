"""The page of one schedule."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall.admin.schedule.bars import MOST_LINES, RowTable
from oncall.admin.schedule.list import page_url
from oncall.aggregates import Draft, ElementChanges
from oncall.models import Schedule
from oncall.operations import Actor, create_account, deactivate, write
from oncall.rendering.codec import instant_from_text
from oncall.templatetags.timeline import HUES, Bar, Row, Timeline, hue, initials, lanes, timeline_svg

MakeRow = Callable[..., int]
NOW = "2026-03-24T12:00:00Z"  # five days before Berlin's clocks go forward


def span(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"starts_at": start, "ends_at": end, **more}


@pytest.fixture
def busy(make: MakeRow, tester: Actor, weekly_layers: Callable[..., Any]) -> int:
    """Ana and Ben take turns by weeks on weekdays. Ben is inactive. Cleo has an override."""
    ana, ben, cleo = (make("responder", name=name) for name in ("Ana Kowalski", "Ben Ode", "Cleo"))
    deactivate("responder", [ben], tester)
    layers = weekly_layers(f"person:local:{ana}", f"person:local:{ben}", "person:3:PGONE")
    layers["layers"][0]["windows"] = [
        {"type": "weekly", "weekday": day, "start": 0, "duration": 86_400} for day in range(1, 6)
    ]
    override = span("2026-03-25T09:00:00Z", "2026-03-25T12:00:00Z", by_key=f"person:local:{cleo}")
    return make("schedule", {"overrides": {"3:S:O": override}}, name="Primary", layers=layers)


@time_machine.travel(NOW, tick=False)
def test_it_shows_who_is_on_call_as_a_timeline_and_as_a_table(browser: Client, busy: int) -> None:
    page = browser.get(page_url(busy)).content.decode()
    for words in (
        "<strong>Ana Kowalski</strong>", "until Wed 10:00 CET, 21 h",  # now
        "71.6 % covered", "3 d 23 h with nobody",
        "Times in Europe/Berlin", "clock changes Sun 03:00 CEST", "⚑ clock forward 1 h",
        "rb-weekend", 'class="rb-now"', "Tue 24 Mar",
        "Cleo: Wed 10:00 CET to Wed 13:00 CET, 3 h",
        "3:PGONE (not known here) (cannot be reached)", "Ben Ode (cannot be reached)",
        "Layer 1: Weekly", "Overrides and extra shifts", "Nobody: Sat 00:00 CET",
        "Wed 10:00 CET</a></td><td>Wed 13:00 CET</td><td>3 h</td><td>Cleo</td><td>override</td>",
    ):  # fmt: skip
        assert words in page, words


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("query", "first", "days"),
    [
        ("", "Tue 24 Mar", 14), ("?days=7&from=2026-05-01", "Fri 1 May", 7), ("?days=99&from=soon", "Tue 24 Mar", 14),
        ("?from=9999-01-01", "Tue 24 Mar", 14), ("?days=1", "Tue 24 Mar", 1), ("?days=30", ">24</text>", 30),
    ],
)  # fmt: skip
def test_the_query_chooses_the_range(browser: Client, busy: int, query: str, first: str, days: int) -> None:
    response = browser.get(page_url(busy) + query)
    timeline = response.context["timeline"]
    assert round((timeline.until - timeline.since) / 86_400) == days
    assert first in response.content.decode()


def test_it_runs_at_most_ten_queries(
    browser: Client, busy: int, make: MakeRow, weekly_layers: Callable[..., Any], tester: Actor
) -> None:
    people = [make("responder", name=f"P{n}") for n in range(20)]
    shift = span("2026-03-25T09:00:00Z", "2100-03-25T12:00:00Z")
    for n in people:
        away = {"local:+": {**shift, "by_key": "vacant", "scope": None}}
        write("responder", [Draft({}, {"substitutions": ElementChanges(away)}, id=n, version=1)], by=tester)
    overrides = {f"3:S:{n}": {**shift, "by_key": f"person:local:{n}"} for n in people}
    large = make("schedule", {"overrides": overrides}, layers=weekly_layers(*(f"person:local:{n}" for n in people)))
    browser.get(page_url(busy))
    counts = []
    for pk in (busy, large):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page_url(pk)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10, counts


def test_the_page_says_why_a_schedule_cannot_be_shown(browser: Client, make: MakeRow) -> None:
    unsettled = make("schedule", zone_state="ambiguous", time_zone="", active=False)
    lost = make("schedule")
    Schedule.objects.filter(pk=lost).update(time_zone="Nowhere/Land")
    old = make("schedule")
    Schedule.objects.filter(pk=old).update(layers={"format": 0})
    garbled = make("schedule", {"overrides": {"3:O": span(NOW, "2026-03-25T12:00:00Z", by_key="vacant")}})
    Schedule.objects.get(pk=garbled).overrides.update(by_key="planet:X")
    for pk, words in (
        (unsettled, "Its time zone is not settled. Choose one in the form."),
        (lost, "&#x27;Nowhere/Land&#x27; is no known IANA time zone"),
        (old, "stored in format 0"),
        (garbled, "names a participant that cannot be read"),
    ):
        page = browser.get(page_url(pk)).content.decode()
        assert "This schedule cannot be shown." in page
        assert words in page


def test_the_page_requires_the_permission_to_view_schedules(browser: Client, busy: int, client: Client) -> None:
    assert browser.get(page_url(9_999)).status_code == 404
    client.force_login(create_account("clerk@example.com", is_staff=True))
    assert client.get(page_url(busy)).status_code == 403
    client.logout()
    assert client.get(page_url(busy)).status_code == 302


def test_the_list_leads_to_the_page(browser: Client, busy: int) -> None:
    assert page_url(busy) in browser.get(reverse("admin:oncall_schedule_changelist")).content.decode()


def bar(start: str, end: str, name: str = "Ana Kowalski", *style: str) -> Bar:
    return Bar(instant_from_text(start), instant_from_text(end), name, name, f"{name}: title", style)


def drawn(*bars: Bar, zone: str = "UTC", now: str = "2026-01-01T00:00:00Z") -> str:
    since, until = instant_from_text("2026-10-20T00:00:00Z"), instant_from_text("2026-11-03T00:00:00Z")
    return timeline_svg(Timeline(zone, since, until, instant_from_text(now), (Row("Row", bars, "note"),)))


def test_a_bar_has_a_name_or_initials_or_a_title() -> None:
    wide = drawn(bar("2026-10-20T00:00:00Z", "2026-10-27T00:00:00Z"))
    narrow = drawn(bar("2026-10-20T00:00:00Z", "2026-10-21T00:00:00Z"))
    sliver = drawn(bar("2026-10-20T00:00:00Z", "2026-10-20T01:00:00Z"))
    assert 'y="18">Ana Kowalski</text>' in wide
    assert 'y="18">AK</text>' in narrow
    assert "rb-shift-name" not in sliver
    assert all("<title>Ana Kowalski: title</title>" in svg for svg in (wide, narrow, sliver))


def test_names_are_escaped_in_the_drawing() -> None:
    assert "<script>" not in drawn(bar("2026-10-20T00:00:00Z", "2026-10-27T00:00:00Z", "<script>x"))


def test_a_clock_change_is_marked_and_now_is_marked_only_inside_the_range() -> None:
    svg = drawn(zone="Australia/Lord_Howe")
    assert "clock" not in svg.replace("rb-clock", "")
    svg = drawn(zone="Europe/Berlin", now="2026-11-02T00:00:00Z")
    assert "⚑ clock back 1 h" in svg
    assert 'text-anchor="end">now' in svg
    assert "rb-now" not in drawn()


def test_bars_that_overlap_lie_in_lanes() -> None:
    one, two = bar("2026-10-20T00:00:00Z", "2026-10-22T00:00:00Z"), bar("2026-10-21T00:00:00Z", "2026-10-23T00:00:00Z")
    three = bar("2026-10-22T00:00:00Z", "2026-10-24T00:00:00Z")
    assert lanes([three, two, one]) == [[one, three], [two]]
    assert lanes([]) == [[]]


@pytest.mark.parametrize(
    ("name", "short"), [("Ana Maria Kowalski", "AK"), ("ana", "AN"), ("3:P1", "3:"), ("— —", "— ")]
)
def test_initials(name: str, short: str) -> None:
    assert initials(name) == short


def test_a_colour_stays_with_its_person_and_all_are_used() -> None:
    assert hue("responder 1") == hue("responder 1")
    assert len({hue(f"responder {n}") for n in range(40, 52)}) == len(HUES)
    assert {hue(f"3:P{n}") for n in range(500)} == set(HUES)


@time_machine.travel(NOW, tick=False)
def test_a_rotation_that_layers_share_is_shown_once(
    browser: Client, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    ana, ben, cleo = (f"person:local:{make('responder', name=name)}" for name in ("Ana", "Ben", "Cleo"))
    circle = ((ana, ben, cleo), (ben, cleo, ana), (cleo, ana, ben))
    layers = [weekly_layers(*people, key=str(seat))["layers"][0] for seat, people in enumerate(circle, 1)]
    pk = make("schedule", name="Seats", composition="concurrent", layers={"format": 1, "layers": layers})
    page = browser.get(page_url(pk)).content.decode()
    assert page.count("Order now:") == 1
    assert "Order now: Ana, Ben, Cleo; next handoff Mon 09:00 CEST, in 5 d 19 h</p>" in page
    alone = make("schedule", name="Alone", layers=weekly_layers(ana, ben))
    assert "Order now:" not in browser.get(page_url(alone)).content.decode()


def test_a_table_shows_the_first_lines_and_how_many_follow() -> None:
    bars = tuple(Bar(start, start + 1, "Ana", "", "") for start in range(MOST_LINES + 2, 0, -1))
    found = RowTable.of(Row("Final", bars), "UTC", 0)
    assert [line.bar.start for line in found.lines] == [*range(1, MOST_LINES + 1)]
    assert found.more == 2
    assert RowTable.of(Row("Final", bars[:3]), "UTC", 0).more == 0


@time_machine.travel(NOW, tick=False)
def test_lines_that_are_left_out_are_counted_on_the_page_and_in_the_preview(
    browser: Client, busy: int, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oncall.admin.schedule.bars.MOST_LINES", 2)
    assert "more. Choose fewer days to see them." in browser.get(page_url(busy)).content.decode()
    page = form("schedule", busy)
    preview = page.send(_preview="1", **{"layers-0-participants": "nobody"})
    assert f"and {preview.context['preview_table'].more} more." in preview.content.decode()

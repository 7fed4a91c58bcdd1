"""The page of a schedule: the time zone, the explanation, coverage and balance."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oncall.admin.schedule.list import page_url
from oncall.admin.schedule.quality import hours, percent
from oncall.admin.schedule.range import VisibleRange
from oncall.aggregates import Draft, ElementChanges
from oncall.models import User
from oncall.operations import Actor, link_account, write
from oncall.rendering.codec import instant_from_text

MakeRow = Callable[..., int]
NOW = "2026-03-24T12:00:00Z"


def layer(key: str, *people: str, days: int = 7, windows: Any = None) -> dict[str, Any]:
    return {
        "key": key, "name": f"Seat {key}", "participants": list(people), "zone": None, "starts_at": None,
        "ends_at": None, "windows": windows or [{"type": "always"}],
        "turns": {"type": "by_time", "anchor": "2026-03-02T09:00:00", "length": days * 86_400, "unit": "seconds",
                  "clock": "wall"},
    }  # fmt: skip


def layers(*each: dict[str, Any]) -> dict[str, Any]:
    return {"format": 1, "layers": list(each)}


@pytest.fixture
def people(make: MakeRow) -> list[str]:
    return [f"person:local:{make('responder', name=name)}" for name in ("Ana Kowalski", "Ben Ode", "Cleo")]


@pytest.fixture
def both(make: MakeRow, people: list[str]) -> int:
    """Ana and Ben take turns by weeks, and Cleo is also on call at night. Ben replaces Ana on Wednesday."""
    night = [{"type": "daily", "start": 22 * 3600, "duration": 8 * 3600}]
    override = {"starts_at": "2026-03-25T09:00:00Z", "ends_at": "2026-03-25T12:00:00Z", "by_key": people[1],
                "sources": ["A"]}  # fmt: skip
    return make(
        "schedule", {"overrides": {"3:S:O": override}}, composition="concurrent",
        layers=layers(layer("A", *people[:2]), layer("N", people[2], windows=night)),
    )  # fmt: skip


def page(browser: Client, pk: int, query: str = "") -> str:
    response = browser.get(page_url(pk) + query)
    assert response.status_code == 200
    return str(response.content.decode())


@time_machine.travel(NOW, tick=False)
def test_several_people_at_once_have_a_bar_each(browser: Client, both: int) -> None:
    final = browser.get(page_url(both)).context["timeline"].rows[0]
    at_night = instant_from_text("2026-03-24T23:00:00Z")
    running = {bar.name: bar for bar in final.bars if bar.start <= at_night < bar.end}
    assert set(running) == {"Ben Ode", "Cleo"}
    assert running["Cleo"].reason == "Layer 2: Seat N"
    assert running["Ben Ode"].end == instant_from_text("2026-03-30T07:00:00Z")  # the nights do not cut his week


@time_machine.travel(NOW, tick=False)
def test_very_many_people_at_once_share_a_bar(browser: Client, make: MakeRow) -> None:
    everybody = [f"person:local:{make('responder', name=f'P{n:02}')}" for n in range(14)]
    pk = make("schedule", layers=layers(layer("A", *everybody) | {"turns": {"type": "everyone"}}))
    (bar,) = browser.get(page_url(pk)).context["timeline"].rows[0].bars
    assert bar.name == "P00, P01, P02 and 11 more"
    assert "P13" in bar.title


@time_machine.travel(NOW, tick=False)
def test_the_zone_is_the_schedules_the_viewers_or_utc(
    browser: Client, both: int, make: MakeRow, administrator: User
) -> None:
    assert "My time" not in page(browser, both)
    link_account(make("responder", name="Me", time_zone="Asia/Kathmandu"), administrator.pk, Actor(None, "test"))
    own = page(browser, both)
    assert "My time" in own
    assert "Times in Europe/Berlin · clock changes Sun 29 Mar" not in own
    mine = page(browser, both, "?zone=mine")
    assert "Times in Asia/Kathmandu" in mine
    assert "Wed 14:45 +0545" in mine  # the override, in the table
    assert "clock in Europe/Berlin changes" in mine
    assert "⚑ clock forward 1 h in Europe/Berlin" in mine
    assert "?days=30&amp;from=2026-03-24&amp;zone=mine" in mine
    utc = browser.get(page_url(both) + "?zone=utc").context["visible"]
    assert (utc.since, utc.zone) == (instant_from_text("2026-03-24T00:00:00Z"), "UTC")


@time_machine.travel(NOW, tick=False)
def test_a_bar_leads_to_its_explanation(browser: Client, both: int) -> None:
    final = browser.get(page_url(both)).context["timeline"].rows[0]
    link = next(bar.link for bar in final.bars if bar.start <= instant_from_text(NOW) < bar.end)
    assert link == "?days=14&from=2026-03-24&at=2026-03-24T12:00:00Z#why"
    assert f'href="{link.replace("&", "&amp;")}"' in page(browser, both)
    shown = page(browser, both, "?at=2026-03-25T10:00:00Z")
    for words in (
        "Why is Ben Ode on call",
        "Turn 3 (place 2 of 2) is Ben Ode’s: Mon 23 Mar 09:00 CET to Mon 30 Mar 09:00 CEST.",
        "Override Wed 25 Mar 10:00 CET to Wed 25 Mar 13:00 CET: Ben Ode instead of Ben Ode.",
        "None of its windows is open. It opens Wed 25 Mar 22:00 CET.",
        'class="rb-chosen"',
    ):
        assert words in shown, words
    assert "Its window (daily 22:00 for 8h) is open" in page(browser, both, "?at=2026-03-24T23:00:00Z")
    assert "Why is" not in page(browser, both).replace("Why is somebody", "")


def test_the_explanation_of_an_instant_before_the_last_change_says_so(browser: Client, both: int) -> None:
    assert "Basis: current configuration" in page(browser, both, "?at=2020-01-01T00:00:00Z")
    assert "Basis: current configuration" not in page(browser, both, "?at=2190-01-01T00:00:00Z")


@time_machine.travel(NOW, tick=False)
def test_substitutions_stacks_extra_shifts_and_vacancies_are_explained(
    browser: Client, make: MakeRow, people: list[str], tester: Actor
) -> None:
    span = {"starts_at": "2026-03-24T00:00:00Z", "ends_at": "2026-03-26T00:00:00Z"}
    ana = int(people[0].rpartition(":")[2])
    away = {"local:+": {**span, "by_key": people[2], "scope": None}}
    write("responder", [Draft({}, {"substitutions": ElementChanges(away)}, id=ana, version=1)], by=tester)
    pk = make(
        "schedule", {"extra_shifts": {"3:S:X": {**span, "by_key": people[1]}}},
        layers=layers(layer("A", people[0]), layer("B", people[1])),
    )  # fmt: skip
    shown = page(browser, pk, "?at=2026-03-24T12:00:00Z")
    for words in ("Why is Ben Ode, Cleo on call", "Cleo replaces Ana Kowalski", "Hidden by Layer 1: Seat A",
                  "Extra shift Tue 24 Mar 01:00 CET"):  # fmt: skip
        assert words in shown, words
    empty = make("schedule", layers=layers(layer("A", "vacant"), layer("B") | {"ends_at": "2020-01-01T00:00:00Z"}))
    shown = page(browser, empty, "?at=2026-03-24T12:00:00Z")
    for words in ("Why is nobody on call", "This turn is empty in the rotation.", "It has ended."):
        assert words in shown, words
    assert "It has no participants." in page(browser, make("schedule", layers=layers(layer("A"))), f"?at={NOW}")
    assert "No layers" in page(browser, make("schedule"), f"?at={NOW}")


@time_machine.travel(NOW, tick=False)
def test_the_quality_box_shows_gaps_and_loads(browser: Client, make: MakeRow, people: list[str]) -> None:
    weekdays = [{"type": "weekly", "weekday": day, "start": 0, "duration": 86_400} for day in range(1, 6)]
    pk = make("schedule", layers=layers(layer("A", *people[:2], days=1, windows=weekdays)))
    quality = browser.get(page_url(pk) + "?days=7").context["quality"]
    assert (quality.covered, quality.uncovered) == ("71.8", "1 d 23 h")  # an hour of Sunday does not exist
    assert quality.gaps == [("Sat 00:00 CET", "Mon 00:00 CEST", "1 d 23 h")]
    assert [(load.who, load.hours, load.weekends) for load in quality.loads] == [
        ("Ana Kowalski", "63 h", "0 h"),
        ("Ben Ode", "57 h", "0 h"),
    ]
    assert quality.balance == 90
    text = page(browser, pk, "?days=7")
    assert "71.8 % covered" in text
    assert "Balance 90" in text


def test_a_share_is_100_percent_only_if_nothing_is_missing() -> None:
    assert percent(86_400 * 14 - 1, 86_400 * 14, decimals=2) == "99.99"
    assert percent(5, 5, decimals=2) == "100.00"
    assert (hours(5_400), hours(7_200)) == ("1.5 h", "2 h")


@time_machine.travel(NOW, tick=False)
def test_sixty_layers_and_people_need_no_more_queries_than_three(
    browser: Client, make: MakeRow, people: list[str]
) -> None:
    more = [f"person:local:{make('responder', name=f'P{n}')}" for n in range(60)]
    few = make("schedule", layers=layers(*(layer(f"L{n}", who) for n, who in enumerate(people))))
    many = make("schedule", composition="concurrent", layers=layers(*(layer(f"L{n}", w) for n, w in enumerate(more))))
    browser.get(page_url(few))
    counts = []
    for pk in (few, many):
        with CaptureQueriesContext(connection) as queries:
            page(browser, pk, f"?days=30&at={NOW}")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10, counts


def test_unreadable_values_of_a_query_are_ignored() -> None:
    now = instant_from_text(NOW)
    for query in ({"at": "soon"}, {"at": "9999-01-01T00:00:00Z"}, {"at": "0001-01-01T00:00:00Z"}, {"zone": "mine"}):
        shown = VisibleRange.of(query, "Europe/Berlin", now, "Not/AZone")
        assert (shown.chosen, shown.zone, shown.first) == (None, "Europe/Berlin", "2026-03-24")
    typed = VisibleRange.of({"at": "2026-05-01T09:00", "zone": "schedule"}, "Europe/Berlin", now)
    assert (typed.chosen, typed.first) == (instant_from_text("2026-05-01T07:00:00Z"), "2026-05-01")

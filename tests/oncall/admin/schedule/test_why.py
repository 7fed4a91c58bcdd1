"""The explanation shows the dates of the element that applies, beside others with the same key, person or label."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from oncall.admin.schedule.list import page_url
from oncall.models import ExtraShift, Override, Substitution

MakeRow = Callable[..., int]


def span(day: int, **values: Any) -> dict[str, Any]:
    return {"starts_at": f"2026-03-{day:02}T08:00:00Z", "ends_at": f"2026-03-{day:02}T16:00:00Z", **values}


def said(browser: Client, pk: int, at: str) -> list[str]:
    """Returns the titles and sentences of the explanation."""
    why = browser.get(f"{page_url(pk)}?zone=utc&at={at}").context["why"]
    return [text for line in why.lines for text in (line.title, *line.says)] + why.substituted


def made_here(who: str, *days: int, **values: Any) -> dict[str, Any]:
    return {f"local:+{day}": span(day, by_key=who, **values) for day in days}


@pytest.fixture
def people(make: MakeRow) -> list[int]:
    return [make("responder", name=name) for name in ("Ana", "Ben")]


def test_elements_with_one_key_have_their_own_dates(browser: Client, make: MakeRow, weekly_layers: Any) -> None:
    ben = make("responder", name="Ben")
    away = made_here(f"person:local:{ben}", 12, scope=None)
    ana = make("responder", {"substitutions": away}, name="Ana")
    override = {"sources": None, "replaces": "", "covers_gaps": True, "rank": 0}
    elements = {
        "overrides": made_here(f"person:local:{ben}", 10, **override),
        "extra_shifts": made_here(f"person:local:{ben}", 11),
    }
    pk = make("schedule", elements, layers=weekly_layers(f"person:local:{ana}"))
    for model in (Override, ExtraShift, Substitution):  # so that the three elements have the same key
        assert model._default_manager.update(id=9_999) == 1
    assert "Override Tue 10 Mar 08:00 UTC to Tue 10 Mar 16:00 UTC: Ben instead of Ana." in said(
        browser, pk, "2026-03-10T09:00"
    )
    assert "Extra shift Wed 11 Mar 08:00 UTC to Wed 11 Mar 16:00 UTC" in said(browser, pk, "2026-03-11T09:00")
    assert said(browser, pk, "2026-03-12T09:00")[-1] == (
        "Substitution Thu 12 Mar 08:00 UTC to Thu 12 Mar 16:00 UTC: Ben replaces Ana."
    )


def test_of_several_elements_of_one_person_the_one_that_runs_is_named(
    browser: Client, make: MakeRow, weekly_layers: Any, people: list[int]
) -> None:
    ana, ben = people
    override = {"sources": None, "replaces": "", "covers_gaps": True, "rank": 0}
    elements = {"overrides": made_here(f"person:local:{ben}", 10, 11, 12, **override)}
    pk = make("schedule", elements, layers=weekly_layers(f"person:local:{ana}"))
    for day, name in ((10, "Tue"), (11, "Wed"), (12, "Thu")):
        found = [text for text in said(browser, pk, f"2026-03-{day}T09:00") if text.startswith("Override")]
        assert found == [f"Override {name} {day} Mar 08:00 UTC to {name} {day} Mar 16:00 UTC: Ben instead of Ana."]


def test_of_two_layers_with_one_name_each_has_its_own_dates(
    browser: Client, make: MakeRow, weekly_layers: Any, people: list[int]
) -> None:
    ana, ben = people
    first, second = (
        weekly_layers(f"person:local:{who}", key=key)["layers"][0] for who, key in ((ana, "A"), (ben, "B"))
    )
    first["ends_at"] = second["starts_at"] = "2026-03-11T12:00:00Z"
    pk = make("schedule", composition="concurrent", layers={"format": 1, "layers": [first, second]})
    before, after = (said(browser, pk, f"2026-03-11T{hour}:00") for hour in (11, 13))
    end, start = "The layer ends Wed 11 Mar 12:00 UTC.", "The layer starts Wed 11 Mar 12:00 UTC."
    assert (before.index(end) < before.index("Layer 2: Weekly"), before[-1]) == (True, start)
    assert after[:3] == ["Layer 1: Weekly", "It has ended.", "The layer ended Wed 11 Mar 12:00 UTC."]
    assert after[-1] == "The layer started Wed 11 Mar 12:00 UTC."

"""Overrides that are entered in the form of a schedule."""

from collections.abc import Callable
from typing import Any

import pytest

from oncall.models import Override
from oncall.rendering.codec import instant_from_text
from oncall.selectors.schedules import on_call, specs

MakeRow = Callable[..., int]
OVERRIDE = {
    "starts_at": "2100-03-05T00:00:00Z", "ends_at": "2100-03-20T00:00:00Z",
    "sources": None, "replaces": "", "covers_gaps": True, "rank": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    "stored",
    [
        {"3:imported": {**OVERRIDE, "rank": 7}},
        {"local:+": OVERRIDE},  # it starts later
        {f"local:+{n}": {**OVERRIDE, "starts_at": "2100-03-01T00:00:00Z"} for n in range(12)},
    ],
)
def test_a_new_override_counts_before_those_that_it_overlaps(
    stored: dict[str, Any], form: Any, make: MakeRow, weekly_layers: Any
) -> None:
    ana, ben, cleo = (make("responder", name=name) for name in ("Ana", "Ben", "Cleo"))
    elements = {"overrides": {key: {**each, "by_key": f"person:local:{ben}"} for key, each in stored.items()}}
    pk = make("schedule", elements, layers=weekly_layers(f"person:local:{ana}"), time_zone="UTC")
    page, new = form("schedule", pk), f"overrides-{len(stored)}"
    times = {f"{new}-starts": "2100-03-01T00:00", f"{new}-ends": "2100-03-25T00:00"}
    assert page.send(**{f"{new}-stand_in": f"#{cleo}", **times}).status_code == 302
    at = instant_from_text("2100-03-10T00:00:00Z")
    assert [who.id for who in on_call(*specs([pk])[pk], at).now] == [f"local:{cleo}"]
    ranks = dict(Override.objects.values_list("by", "rank"))
    assert form("schedule", pk).send(**{f"{new}-ends": "2100-03-26T00:00"}).status_code == 302
    assert dict(Override.objects.values_list("by", "rank")) == ranks  # an edit keeps the order


def test_the_limits_of_an_override_that_its_fields_do_not_show_are_in_its_heading(
    form: Any, make: MakeRow, weekly_layers: Any
) -> None:
    ana, ben = (make("responder", name=name) for name in ("Ana", "Ben"))
    limits = [
        ({}, "Ben on Payments primary"),
        ({"replaces": f"person:local:{ana}"}, "Ben on Payments primary (only instead of Ana)"),
        ({"replaces": "person:3:PX"}, "Ben on Payments primary (only instead of person:3:PX)"),
        ({"sources": ["L1"]}, "Ben on Payments primary (only in 1 of the layers and extra shifts)"),
    ]
    elements = {f"3:{n}": {**OVERRIDE, **each, "by_key": f"person:local:{ben}"} for n, (each, _) in enumerate(limits)}
    pk = make("schedule", {"overrides": elements}, layers=weekly_layers(f"person:local:{ana}"))
    page = form("schedule", pk)
    (inline,) = page.browser.get(page.url).context["inline_admin_formsets"]
    assert [each.original.get_inline_title() for each in inline if each.original] == [words for _, words in limits]
    text = " ".join(page.browser.get(page.url).content.decode().split())
    assert all(f"{words} <" in text for _, words in limits)


def test_a_schedule_without_a_time_zone_is_refused_in_words(form: Any, problems: Any) -> None:
    assert problems(form("schedule").send(name="New")) == [
        "time_zone: Enter a time zone: the times of a schedule are local."
    ]

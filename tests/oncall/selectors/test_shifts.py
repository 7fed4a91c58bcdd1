"""The coming shifts of a person, wherever the schedule mentions the people whom the person replaces."""

from collections.abc import Callable
from typing import Any

import pytest

from oncall.rendering.codec import instant_from_text
from oncall.selectors.schedules import on_call, specs
from oncall.selectors.shifts import shifts_of
from tests.oncall.conftest import weekly_layers

MakeRow = Callable[..., int]
SINCE, UNTIL = (instant_from_text(f"2026-03-{day}T09:00:00Z") for day in (10, 12))
SPAN = {"starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-04-01T00:00:00Z"}
OVERRIDE = {**SPAN, "sources": None, "replaces": "", "covers_gaps": True, "rank": 0}
#: Where a schedule mentions a person: its columns and elements.
PLACES: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, Any]]]] = {
    "layer": lambda who: ({"layers": weekly_layers(who)}, {}),
    "override": lambda who: ({}, {"overrides": {"local:+": {**OVERRIDE, "by_key": who}}}),
    "extra shift": lambda who: ({}, {"extra_shifts": {"local:+": {**SPAN, "by_key": who}}}),
}


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_a_shift_is_found_wherever_the_schedule_mentions_its_person(place: str, replaces: bool, make: MakeRow) -> None:
    me = make("responder", name="Me")
    absence = {"substitutions": {"local:+": {**SPAN, "by_key": f"person:local:{me}", "scope": None}}}
    who = make("responder", absence, name="Ben") if replaces else me
    fields, elements = PLACES[place](f"person:local:{who}")
    pk = make("schedule", elements, time_zone="UTC", **fields)
    assert [person.id for person in on_call(*specs([pk])[pk], SINCE).now] == [f"local:{me}"]
    assert [(each.start, each.end) for each in shifts_of(me, SINCE, UNTIL)] == [(SINCE, UNTIL)]
    if replaces:
        assert shifts_of(who, SINCE, UNTIL) == []

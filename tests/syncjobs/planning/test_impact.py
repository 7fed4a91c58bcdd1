"""What differs between who is on call before and after: now, in the next 24 hours, and uncovered hours."""

from typing import Any

import pytest

from oncall.aggregates import AGGREGATES
from oncall.rendering.codec import instant_from_text
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import Daily, Everyone, Layer, ScheduleSpec, person
from oncall.rendering.zones import DAY, HOUR
from syncjobs.planning.impact.fields import MATTERS, matters
from syncjobs.planning.impact.values import COVERED, Change, Impact, Subject, Uncovered, impact_of

AT = instant_from_text("2026-10-23T12:00:00Z")
ANA, BO = person("local:1"), person("local:2")
PRIMARY, NIGHTS = Subject("schedule", "local:7"), Subject("schedule", "3:S2")
DEFAULT = Subject("escalation_policy", "local:9")
#: The fields and collections that change nobody who is on call, and whom no policy reaches first because of them.
WITHOUT_IMPACT = {
    "responder": {"name", "email", "time_zone", "title", "notification_rules"},
    "user_group": {"name", "description"},
    "schedule": {"name", "description"},
    "escalation_policy": {"name", "description", "part_of_key", "group_key"},
    "service": {"name", "description", "group_key", "active"},
}


def span(since: float, until: float, *people: Any) -> Span:
    """Hours after AT."""
    return Span(AT + int(since * HOUR), AT + int(until * HOUR), tuple(sorted(people)))


def found(before: list[Span], after: list[Span], subject: Subject = PRIMARY) -> Impact:
    return impact_of({subject: before}, {subject: after}, AT)


def test_equal_sides_have_no_impact() -> None:
    assert found([span(0, 300, ANA)], [span(-5, 300, ANA)]).is_empty
    assert impact_of({}, {}, AT) == Impact(AT)


def test_now_and_what_begins_within_24_hours_are_apart() -> None:
    impact = found([span(0, 200, ANA)], [span(0, 5, BO), span(5, 10, ANA), span(10, 12, ANA, BO), span(12, 200, ANA)])
    assert impact.now == (Change(PRIMARY, AT, ("person:local:1",), ("person:local:2",)),)
    assert impact.next_24h == (
        Change(PRIMARY, AT + 10 * HOUR, ("person:local:1",), ("person:local:1", "person:local:2")),
    )
    assert impact.uncovered == ()


def test_a_change_after_24_hours_is_not_listed() -> None:
    assert found([span(0, 200, ANA)], [span(0, 24, ANA), span(24, 200, BO)]).is_empty
    assert found([span(0, 200, ANA)], [span(0, 23.9, ANA), span(23.9, 200, BO)]).next_24h


def test_hours_become_uncovered_within_7_days_only_if_somebody_was_there() -> None:
    before = [span(0, 100, ANA), span(110, 200, BO)]
    impact = found(before, [span(0, 90, ANA), span(120, 160, BO)])
    assert impact.uncovered == (
        Uncovered(PRIMARY, AT + 90 * HOUR, AT + 100 * HOUR),
        Uncovered(PRIMARY, AT + 110 * HOUR, AT + 120 * HOUR),
        Uncovered(PRIMARY, AT + 160 * HOUR, AT + COVERED),
    )
    assert [each.hours for each in impact.uncovered] == [10, 10, 8]
    assert found([span(0, 200, ANA)], [span(0, 170, ANA)]).is_empty


def test_adjacent_turns_that_become_uncovered_are_one_range() -> None:
    impact = found([span(0, 5, ANA), span(5, 8, BO)], [])
    assert impact.uncovered == (Uncovered(PRIMARY, AT, AT + 8 * HOUR),)


def test_a_policy_has_no_uncovered_hours() -> None:
    impact = found([span(0, 24, ANA)], [], DEFAULT)
    assert [change.after for change in impact.now] == [()]
    assert impact.uncovered == ()


def test_a_new_subject_had_nobody_and_one_that_is_gone_has_nobody() -> None:
    impact = impact_of({PRIMARY: [span(0, 5, ANA)]}, {NIGHTS: [span(0, 5, BO)]}, AT)
    assert impact.now == (
        Change(NIGHTS, AT, (), ("person:local:2",)),
        Change(PRIMARY, AT, ("person:local:1",), ()),
    )


def test_another_zone_moves_the_hours_also_over_a_clock_change() -> None:
    """Lagos has the winter time of Paris all year: one hour later until the change on 25 October, then the same."""

    def rendered(zone: str) -> list[Span]:
        layer = Layer("L", "", (Daily(9 * HOUR, 8 * HOUR),), Everyone(), (ANA,))
        return list(render_final(ScheduleSpec(zone, "stacked", (layer,)), (), AT, AT + COVERED))

    impact = impact_of({PRIMARY: rendered("Europe/Paris")}, {PRIMARY: rendered("Africa/Lagos")}, AT)
    assert [(each.at - AT) / HOUR for each in impact.next_24h] == [3, 19]
    assert impact.uncovered == (Uncovered(PRIMARY, AT + 19 * HOUR, AT + 20 * HOUR),)


def test_it_is_stored_and_read_back() -> None:
    impact = Impact(
        AT,
        (Change(PRIMARY, AT, ("person:local:1",), ()),),
        (Change(DEFAULT, AT + HOUR, (), ("person:3:U1", "group:3:T1")),),
        (Uncovered(NIGHTS, AT, AT + DAY),),
    )
    assert Impact.from_json(impact.to_json()) == impact


def test_every_field_and_collection_either_matters_or_does_not() -> None:
    for kind, aggregate in AGGREGATES.items():
        names = {*aggregate.fields, *(collection.name for collection in aggregate.collections)}
        assert MATTERS[kind] | WITHOUT_IMPACT[kind] == names, kind
        assert not MATTERS[kind] & WITHOUT_IMPACT[kind], kind


@pytest.mark.parametrize(
    ("action", "changes", "expected"),
    [
        ("update", {"fields": {"title": ["", "Lead"]}}, False),
        ("update", {"fields": {"active": [True, False]}}, True),
        ("update", {"elements": {"substitutions": {}}}, True),
        ("update", {"held": {"contact_methods": {}}}, True),
        ("settle", {"link": {"state": ["detached", "linked"]}}, False),
        ("create", {}, True),
        ("match", {}, True),
        ("merge", {"merge": [3, 3]}, True),
    ],
)
def test_an_item_matters_if_it_may_change_who_is_on_call(action: str, changes: Any, expected: bool) -> None:
    assert matters("responder", action, changes) == expected

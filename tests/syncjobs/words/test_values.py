"""Values in words: what a person reads instead of JSON and keys."""

from typing import Any

import pytest

from oncall.aggregates import AGGREGATES
from oncall.escalation.codec import levels_to_json
from oncall.escalation.policy import Level, Target
from oncall.rendering.codec import instant_from_text, layers_to_json, reading_from_text
from oncall.rendering.spec import (
    VACANT,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    Layer,
    Participant,
    Recurring,
    Rule,
    Turns,
    Weekly,
    Window,
    person,
)
from syncjobs.words.values import FIELD_WORDS, INDENT, element_line, field_lines, field_word, span, when

HOUR = 3_600
NINE = reading_from_text("2026-03-02T09:00:00")
INSTANT = instant_from_text("2026-03-02T09:00:00Z")
WEEKLY = ByTime(NINE, 604_800)


def named(kind: str, key: str) -> str:
    return f"<{kind} {key}>"


def layers(turns: Turns, *windows: Window, people: int = 2, **more: Any) -> tuple[str, ...]:
    members = tuple(person(f"3:U{number}") for number in range(people))
    layer = Layer(key="L", name="Days", windows=windows, turns=turns, participants=members, **more)
    return tuple(line.strip() for line in field_lines("layers", layers_to_json((layer,)), named))


def test_every_field_and_collection_has_a_word() -> None:
    for aggregate in AGGREGATES.values():
        for path in (*aggregate.fields, *(collection.name for collection in aggregate.collections)):
            assert path in FIELD_WORDS
    assert field_word("members.3:T:U") == "Members"
    assert field_word("new_thing") == "New thing"


@pytest.mark.parametrize(
    "path,value,lines",
    [
        ("name", "Ana", ("Ana",)),
        ("name", "", ()),
        ("description", "one\ntwo", ("one", "two")),
        ("active", False, ("no",)),
        ("repeat_count", 0, ("0",)),
        ("repeat_count", None, ()),
        ("initial_wait", 0, ("none",)),
        ("initial_wait", 90, ("1 hour 30 minutes",)),
        ("unstaffed_level", "skip", ("is skipped",)),
        ("unstaffed_level", "skip_within_round", ("is skipped, except for the wait before the next round",)),
        ("composition", "something new", ("something new",)),
        ("group_keys", ["3:T1", "local:4"], ("<user_group 3:T1>", "<user_group local:4>")),
        ("policy_key", "3:P1", ("<escalation_policy 3:P1>",)),
        ("part_of_key", "", ()),
        ("layers", {"format": 99}, ("it is stored in a form that cannot be read",)),
        ("layers", {"format": 1, "layers": []}, ("none",)),
        ("levels", {"format": 1, "levels": [{}]}, ("it is stored in a form that cannot be read",)),
        ("levels", {"format": 1, "levels": []}, ("none",)),
    ],
)
def test_fields(path: str, value: Any, lines: tuple[str, ...]) -> None:
    assert field_lines(path, value, named) == lines


def test_a_layer_is_shown_on_several_lines() -> None:
    layer = Layer(
        key="L",
        name="Nights",
        windows=(Daily(20 * HOUR, 12 * HOUR),),
        turns=WEEKLY,
        participants=(person("3:U1"), VACANT, Participant("group", "3:T1"), Participant("policy", "3:P1")),
        zone="Asia/Tokyo",
        starts_at=INSTANT,
        ends_at=INSTANT + 86_400,
    )
    value = layers_to_json((layer,))
    assert field_lines("layers", value, named) == (
        "Nights: <responder 3:U1> → nobody → everybody in <user_group 3:T1> → escalation policy "
        "<escalation_policy 3:P1>",
        f"{INDENT}hands over every week, counted from Mon 2 Mar 2026 09:00",
        f"{INDENT}daily 20:00–08:00, in Asia/Tokyo",
        f"{INDENT}from Mon 2 Mar 2026 09:00 UTC",
        f"{INDENT}until Tue 3 Mar 2026 09:00 UTC",
    )
    later = field_lines("layers", value, named, now="2026-03-02T09:00:00Z")
    assert f"{INDENT}from Mon 2 Mar 2026 09:00 UTC" not in later


@pytest.mark.parametrize(
    "turns,line",
    [
        (ByTime(NINE, 12 * HOUR), "hands over every 12 hours, counted from Mon 2 Mar 2026 09:00"),
        (ByTime(NINE, 2, unit="months"), "hands over every 2 months, counted from Mon 2 Mar 2026 09:00"),
        (ByTime(INSTANT, 86_400, clock="elapsed"), "hands over every day, counted from Mon 2 Mar 2026 09:00 UTC"),
        (ByOccurrence(1), "hands over after every shift"),
        (ByOccurrence(3), "hands over after every 3 shifts"),
    ],
)
def test_turns(turns: Turns, line: str) -> None:
    assert layers(turns, Always())[1] == line


def test_a_layer_without_turns_has_no_handoffs() -> None:
    assert layers(WEEKLY, Always(), people=1) == ("Days: <responder 3:U0>", "at all times")
    assert layers(Everyone(), Always())[0] == "Days: <responder 3:U0> and <responder 3:U1>"
    assert layers(WEEKLY, people=0) == ("Days: nobody", "never")


@pytest.mark.parametrize(
    "windows,line",
    [
        (tuple(Weekly(day, 9 * HOUR, 8 * HOUR) for day in (1, 2, 3, 4, 5)), "Mon–Fri 09:00–17:00"),
        (tuple(Weekly(day, 9 * HOUR, 8 * HOUR) for day in (7, 1, 2)), "Mon, Tue, Sun 09:00–17:00"),
        ((Weekly(5, 18 * HOUR, 62 * HOUR),), "Fri 18:00 for 2 days 14 hours"),
        ((Daily(0, 24 * HOUR),), "daily 00:00–00:00"),
        ((Daily(9 * HOUR, HOUR), Weekly(6, 0, HOUR)), "daily 09:00–10:00; Sat 00:00–01:00"),
    ],
)
def test_windows(windows: tuple[Window, ...], line: str) -> None:
    assert layers(WEEKLY, *windows)[2] == line


@pytest.mark.parametrize(
    "rule,words",
    [
        (Rule("DAILY"), "every day"),
        (Rule("WEEKLY", interval=2, by_day=((0, 1), (0, 3))), "every 2 weeks on Mon, Wed"),
        (Rule("MONTHLY", by_day=((1, 1), (-1, 5), (-2, 2))), "every month on 1st Mon, last Fri, -2. Tue"),
        (Rule("MONTHLY", by_month_day=(15, -1), count=4), "every month on day 15, last, 4 times"),
        (Rule("YEARLY", by_month=(1, 7), until=NINE), "every year in month 1, 7, until Mon 2 Mar 2026 09:00"),
    ],
)
def test_rules(rule: Rule, words: str) -> None:
    window = Recurring(rule, NINE, 8 * HOUR)
    assert layers(WEEKLY, window)[2] == f"{words}, 8 hours each, first Mon 2 Mar 2026 09:00"


def test_exceptions_of_a_rule_are_counted() -> None:
    window = Recurring(Rule("DAILY"), NINE, HOUR, excluded=(NINE,), added=(NINE, NINE + 86_400))
    assert layers(WEEKLY, window)[2].endswith("(1 left out, 2 added)")


@pytest.mark.parametrize(
    "level,line",
    [
        (
            Level(5, "everyone", (Target("responder", "3:U1"), Target("schedule", "3:S1", mode="next"))),
            "Level 1: <responder 3:U1>, schedule <schedule 3:S1> (next on call); then wait 5 minutes",
        ),
        (
            Level(None, "round_robin", (Target("schedule", "3:S1", layers=("a", "b")),)),
            "Level 1: one of them in turn: schedule <schedule 3:S1> (2 of its layers)",
        ),
        (
            Level(60, "everyone", (Target("user_group", "3:T1", members="leads", condition="not_closed"),)),
            "Level 1: user group <user_group 3:T1> (leads) until closed; then wait 1 hour",
        ),
        (Level(0, "everyone", ()), "Level 1: nobody; then wait 0 seconds"),
        (
            Level(None, "everyone", (Target("unresolved", "X", label="Bridge", unresolved_kind="bot"),)),
            "Level 1: Bridge (bot, not imported)",
        ),
        (Level(None, "everyone", (Target("unresolved", "X"),)), "Level 1: X (unknown kind, not imported)"),
        (
            Level(None, "everyone", (Target("group_routing", "3:T1"), Target("escalation_policy", "3:P1"))),
            "Level 1: whoever is on call for <user_group 3:T1>, escalation policy <escalation_policy 3:P1>",
        ),
    ],
)
def test_levels(level: Level, line: str) -> None:
    assert field_lines("levels", levels_to_json((level,)), named) == (line,)


SPAN = {"starts_at": "2026-03-02T09:00:00Z", "ends_at": "2026-03-03T09:00:00Z"}
RANGE = "Mon 2 Mar 2026 09:00 UTC until Tue 3 Mar 2026 09:00 UTC"


@pytest.mark.parametrize(
    "collection,values,line",
    [
        (
            "contact_methods",
            {"channel": "sms", "address": "+4930", "extension": "", "label": "Work", "enabled": False},
            "sms +4930 (Work), switched off",
        ),
        (
            "contact_methods",
            {"channel": "voice", "address": "+4930", "extension": "204", "label": "", "enabled": True},
            "voice +4930 ext. 204",
        ),
        (
            "contact_methods",
            {"channel": "push", "address": "", "extension": "", "label": "", "enabled": True},
            "push address not reported",
        ),
        (
            "notification_rules",
            {"urgency": "high", "delay": 5, "method_key": "3:U1:C1", "windows": ["x"]},
            "high urgency: after 5 minutes by <contact_method 3:U1:C1>, at certain times only",
        ),
        (
            "notification_rules",
            {"urgency": "any", "delay": 0, "method_key": "", "windows": []},
            "any urgency: at once by nothing",
        ),
        ("members", {"person_key": "3:U1", "role": "manager"}, "<responder 3:U1> (manager)"),
        ("members", {"person_key": "3:U1", "role": ""}, "<responder 3:U1>"),
        ("substitutions", {**SPAN, "by_key": "vacant", "scope": None}, f"nobody replaces the person, {RANGE}"),
        (
            "overrides",
            {**SPAN, "by_key": "person:3:U1", "replaces": "person:3:U2"},
            f"<responder 3:U1> instead of <responder 3:U2>, {RANGE}",
        ),
        ("overrides", {**SPAN, "by_key": "person:3:U1", "replaces": ""}, f"<responder 3:U1>, {RANGE}"),
        ("extra_shifts", {**SPAN, "by_key": "robot:1"}, f"robot:1, {RANGE}"),
        ("something_new", {"colour": "red"}, "colour red"),
    ],
)
def test_elements(collection: str, values: dict[str, Any], line: str) -> None:
    assert element_line(collection, values, named) == line


def test_times_and_lengths() -> None:
    assert span(0) == "0 seconds"
    assert span(694_861) == "1 week 1 day 1 hour 1 minute 1 second"
    assert when("2026-03-02T09:00:00") == "Mon 2 Mar 2026 09:00"
    assert when("tomorrow") == "tomorrow"

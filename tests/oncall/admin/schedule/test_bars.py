"""Bars, the names and reasons on them, and the same as lines of a table."""

from dataclasses import replace
from typing import Any

from oncall.admin.schedule.bars import (
    FINAL,
    MOST_LANES,
    Bars,
    Reasons,
    drawn_rows,
    identity,
    layer_titles,
    name_of,
    names_in_order,
    names_in_words,
    table,
)
from oncall.admin.schedule.range import VisibleRange
from oncall.rendering.differences import Difference
from oncall.rendering.final import Span, render
from oncall.rendering.spec import VACANT, ExtraShift, Override, Participant, ScheduleSpec, person
from oncall.selectors.participants import Name
from oncall.templatetags.timeline import Timeline, lanes, timeline_svg
from tests.oncall.rendering.comparison import ANN, BEN, CAT, DAY, HOUR, layer, stack, together, when

NOW = when(2026, 3, 2, 12)
SINCE = when(2026, 3, 2)
NAMES = {ANN: Name(1, "Ann"), BEN: Name(2, "Ben"), CAT: Name(3, "Cat")}
STRANGER = person("3:P")


def bars(*away: Participant, names: Any = NAMES, **query: str) -> Bars:
    visible = VisibleRange.of({"days": "7", **query}, "UTC", NOW)
    return Bars(visible, names, frozenset(away), NOW)


def drawn(spec: ScheduleSpec, made: Bars) -> dict[str, list[tuple[int, int, str, str]]]:
    """Returns (first hour, last hour, name, reason) of the bars of each row."""
    rendering = render(spec, (), made.visible.since, made.visible.until)
    return {
        row.label: [((b.start - SINCE) // HOUR, (b.end - SINCE) // HOUR, b.name, b.reason) for b in row.bars]
        for row in drawn_rows(spec, rendering, made)
    }


def test_names_of_people_strangers_and_holders_without_a_row() -> None:
    assert name_of(ANN, NAMES) == "Ann"
    assert name_of(STRANGER, NAMES) == "3:P (not known here)"
    assert name_of(Participant("group", "3:G"), {}) == "group:3:G (not known here)"
    assert name_of(Participant("unknown", "3:bot:7"), {}) == "somebody unknown (bot 7)"
    assert names_in_words((ANN, STRANGER), NAMES) == "3:P (not known here), Ann"


def test_people_on_call_together_are_sorted_by_name_and_an_order_keeps_its_places() -> None:
    people = tuple(sorted((person("local:9"), person("local:10"))))
    names = {person("local:9"): Name(9, "Ann"), person("local:10"): Name(10, "Ben")}
    assert people[0] == person("local:10")  # keys are texts
    assert names_in_words(people, names) == "Ann, Ben"
    assert names_in_order(people, names) == "Ben, Ann"


def test_a_person_has_one_colour_under_every_key() -> None:
    twin = person("904:ANN")
    names = {**NAMES, twin: Name(1, "Ann")}
    assert identity(ANN, names) == identity(twin, names) == "responder 1"
    assert identity(STRANGER, names) == "3:P"


def test_adjacent_spans_of_a_person_share_a_bar_beside_others() -> None:
    spans = [Span(0, 5, (ANN,)), Span(5, 9, (ANN, BEN)), Span(9, 12, (BEN,)), Span(20, 21, (ANN,))]
    found = {(bar.start, bar.end, bar.name) for bar in bars().of(spans)}
    assert found == {(0, 9, "Ann"), (5, 12, "Ben"), (20, 21, "Ann")}
    crowd = tuple(person(f"p{n:02}") for n in range(MOST_LANES + 1))
    (bar,) = bars().of([Span(0, 5, crowd)])
    assert bar.name == "p00 (not known here), p01 (not known here), p02 (not known here) and 10 more"


def test_who_cannot_be_reached_is_marked() -> None:
    made = bars(BEN)
    styles = {bar.name: bar.style for bar in made.of([Span(0, 5, (ANN, BEN, STRANGER))])}
    assert styles == {"Ann": (), "Ben": ("unreachable",), "3:P (not known here)": ("unreachable",)}
    (bar,) = made.of([Span(SINCE, SINCE + HOUR, (BEN,))])
    assert bar.title == "Ben (cannot be reached): Mon 00:00 UTC to Mon 01:00 UTC, 1 h"


def test_time_with_nobody_is_a_gap() -> None:
    row = bars().final(FINAL, [Span(SINCE, SINCE + HOUR, (ANN,))], SINCE, SINCE + 3 * HOUR)
    assert [(bar.name, bar.style, bar.end - bar.start) for bar in row.bars] == [
        ("Ann", (), HOUR), ("nobody", ("gap",), 2 * HOUR),
    ]  # fmt: skip


def test_a_bar_leads_to_now_if_it_contains_now_else_to_its_visible_beginning() -> None:
    spans = [Span(SINCE - DAY, NOW, (ANN,)), Span(NOW, NOW + HOUR, (BEN,)), Span(NOW + HOUR, NOW + DAY, (CAT,))]
    links = {bar.name: bar.link.partition("at=")[2] for bar in bars().of(spans)}
    assert links == {
        "Ann": "2026-03-02T00:00:00Z#why", "Ben": "2026-03-02T12:00:00Z#why", "Cat": "2026-03-02T13:00:00Z#why",
    }  # fmt: skip
    unlinked = Bars(bars().visible, NAMES, frozenset(), NOW, linked=False)
    assert {bar.link for bar in unlinked.of(spans)} == {""}


def test_a_difference_shows_both_sides_and_its_cause() -> None:
    found = [Difference(SINCE, SINCE + HOUR, (ANN,), ()), Difference(SINCE + HOUR, SINCE + DAY, (), (ANN, BEN))]
    row = bars().difference("Difference", found, ["override", "turn"], note="measured")
    assert [(bar.name, bar.reason, bar.style) for bar in row.bars] == [
        ("Ann → nobody", "override", ("mismatch",)), ("nobody → Ann, Ben", "turn", ("mismatch",)),
    ]  # fmt: skip
    assert {bar.reason for bar in bars().difference("Difference", found).bars} == {""}


def test_rows_name_the_layer_override_or_extra_shift_of_each_bar() -> None:
    spec = replace(
        stack("UTC", layer("1", ANN), replace(layer("2", CAT), name="Backup")),
        overrides=(Override("o", SINCE + 2 * HOUR, SINCE + 4 * HOUR, by=BEN),),
        extra_shifts=(ExtraShift("x", SINCE + 6 * HOUR, SINCE + 8 * HOUR, CAT),),
    )
    rows = drawn(spec, bars())
    week = 7 * 24
    assert rows == {
        FINAL: [
            (0, 2, "Ann", layer_titles(spec)["1"]),
            (4, week, "Ann", layer_titles(spec)["1"]),
            (2, 4, "Ben", "override"),
            (6, 8, "Cat", "extra shift"),
        ],
        "Overrides and extra shifts": [(2, 4, "Ben", "override"), (6, 8, "Cat", "extra shift")],
        layer_titles(spec)["1"]: [(0, week, "Ann", "")],
        "Layer 2: Backup": [(0, week, "Cat", "")],
    }
    assert "Overrides and extra shifts" not in drawn(replace(spec, overrides=(), extra_shifts=()), bars())


def test_concurrent_layers_are_all_named() -> None:
    spec = together("UTC", replace(layer("1", ANN), name=""), replace(layer("2", ANN), name="Layer 2"))
    rendering = render(spec, (), SINCE, SINCE + DAY)
    assert Reasons(spec, rendering)(ANN, SINCE, SINCE + HOUR) == "Layer 1, Layer 2"
    stacked = replace(spec, composition="stacked")
    assert Reasons(stacked, rendering)(ANN, SINCE, SINCE + HOUR) == "Layer 1"
    assert Reasons(spec, rendering)(BEN, SINCE, SINCE + HOUR) == ""


def test_a_vacant_override_is_shown_as_nobody() -> None:
    spec = replace(stack("UTC", layer("1", ANN)), overrides=(Override("o", SINCE, SINCE + HOUR, by=VACANT),))
    (bar,) = bars().exceptions(spec).bars
    assert (bar.name, bar.identity, bar.style, bar.reason) == ("nobody", "", ("override",), "override")


def test_exceptions_outside_the_days_are_left_out() -> None:
    shifts = tuple(ExtraShift(str(day), SINCE + day * DAY, SINCE + (day + 1) * DAY, ANN) for day in (-1, 0, 6, 7))
    spec = replace(stack("UTC"), extra_shifts=shifts)
    assert [(bar.start - SINCE) // DAY for bar in bars().exceptions(spec).bars] == [0, 6]


def test_the_table_has_the_bars_in_order_of_time() -> None:
    row = bars(BEN).final(FINAL, [Span(SINCE, SINCE + HOUR, (BEN,))], SINCE, SINCE + 2 * HOUR)
    lines = table(replace(row, bars=tuple(reversed(row.bars))), "Europe/Berlin", NOW)
    assert [(line.bar.name, line.start, line.end, line.length, line.gap, line.unreachable) for line in lines] == [
        ("Ben", "Mon 01:00 CET", "Mon 02:00 CET", "1 h", False, True),
        ("nobody", "Mon 02:00 CET", "Mon 03:00 CET", "1 h", True, False),
    ]


def test_the_drawing_has_a_lane_for_each_person_at_once_and_a_title_for_each_bar() -> None:
    made = bars()
    row = made.final(
        FINAL, [Span(SINCE, SINCE + DAY, (ANN, BEN)), Span(SINCE + DAY, SINCE + 2 * DAY, (BEN,))], SINCE, NOW
    )
    assert [[bar.name for bar in lane] for lane in lanes(row.bars)] == [["Ann"], ["Ben"]]
    timeline = made.timeline("Europe/Berlin", row)
    assert isinstance(timeline, Timeline)
    drawing = timeline_svg(timeline)
    assert drawing.count("<title>") == 2
    assert 'aria-label="Timeline of 1 rows, times in UTC; the table below has the same data"' in drawing

"""Comparisons, and the first cause of each difference. For each cause, one side is changed."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from connectors.records import Account, MappingNote, Snapshot
from oncall.rendering.codec import instant_from_text, reading_from_text
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import (
    NO_ZONE,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    Participant,
    Recurring,
    Rule,
    ScheduleSpec,
    Substitution,
    person,
)
from syncjobs.parity.compare import (
    NOT_REPORTED,
    Measurement,
    measure,
    measure_read,
    percent,
    transition_ranges,
    unread_elements,
)
from tests.syncjobs.conftest import layer, schedule, user

DAY, HOUR = 86_400, 3600
SINCE = instant_from_text("2026-11-20T00:00:00Z")
UNTIL = SINCE + 14 * DAY
ANA, BO, CY = person("U1"), person("U2"), person("U3")
OFFICE = Daily(9 * HOUR, 8 * HOUR)
TURNS = ByTime(reading_from_text("2026-01-05T09:00:00"), 7 * DAY)


def weekly(*people: Participant, key: str = "L1", **more: Any) -> Layer:
    return Layer(key, key, **({"windows": (Always(),), "turns": TURNS} | more), participants=people)


def spec(*layers: Layer, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(**({"zone": "Europe/Paris", "composition": "stacked"} | more), layers=layers)


def against(
    ours: ScheduleSpec,
    theirs: ScheduleSpec,
    substitutions: tuple[Substitution, ...] = (),
    *,
    since: int = SINCE,
    until: int = UNTIL,
    known: Callable[[Participant], bool] = lambda who: True,
    **more: Any,
) -> Measurement:
    """Compare the stored schedule with another schedule that the source renders."""
    source = render_final(theirs, (), since, until)
    return measure((ours, substitutions), source, since, until, is_known=known, **({"incomplete": False} | more))


def causes(measured: Measurement) -> set[str]:
    return {difference.cause for difference in measured.differences}


STANDARD = spec(weekly(ANA, BO))


def test_equal_sides_are_equal_to_the_second() -> None:
    measured = against(STANDARD, STANDARD)
    assert measured.comparison is not None
    assert (measured.comparison.equal, measured.comparison.total) == (14 * DAY, 14 * DAY)
    assert not measured.differs
    assert measured.unresolved == ()


def test_one_second_is_not_full_parity() -> None:
    shifted = replace(TURNS, anchor=TURNS.anchor + 1)
    measured = against(STANDARD, spec(weekly(ANA, BO, turns=shifted)))
    assert [d.end - d.start for d in measured.differences] == [1, 1]
    assert measured.comparison is not None
    assert percent(measured.comparison.equal, measured.comparison.total) == "99.99 %"
    assert percent(7, 7) == "100.00 %"


def test_an_unread_element_is_the_first_cause() -> None:
    measured = against(STANDARD, spec(weekly(ANA, CY)), known=lambda who: who != CY, unread={"overrides": 2})
    assert causes(measured) == {"unread element"}
    assert measured.note == "compared without 2 overrides that could not be read"


def test_equality_also_says_which_elements_were_not_read() -> None:
    measured = against(STANDARD, STANDARD, unread={"overrides": 1, "layers": 1})
    assert not measured.differs
    assert measured.note == "compared without 1 layer and 1 override that could not be read"
    assert against(STANDARD, STANDARD).note == ""


def test_a_schedule_rests_on_the_substitutions_of_its_people() -> None:
    covered = spec(
        weekly(ANA),
        overrides=(Override("O", SINCE, UNTIL, BO),),
        extra_shifts=(ExtraShift("X", SINCE, UNTIL, CY),),
    )
    absences = {ANA: 1, BO: 2, CY: 4, person("DI"): 8}
    assert unread_elements((covered, ()), {}, absences) == {"substitutions": 7}
    assert unread_elements((covered, ()), {"layers": 1}, {person("DI"): 8}) == {"layers": 1}
    assert unread_elements(None, {"layers": 1}, absences) == {"layers": 1}


def test_a_person_without_a_row_is_the_next_cause() -> None:
    measured = against(STANDARD, spec(weekly(ANA, CY)), known=lambda who: who != CY)
    assert causes(measured) == {"unresolved person"}
    assert measured.unresolved == (CY,)


@pytest.mark.parametrize("incomplete", [True, False])
def test_an_incomplete_schedule_or_the_turn_of_a_group_is_unsupported(incomplete: bool) -> None:
    ours = STANDARD if incomplete else spec(weekly(Participant("group", "T1"), BO))
    assert causes(against(ours, spec(weekly(CY, BO)), incomplete=incomplete)) == {"unsupported element"}


def test_a_difference_in_the_night_of_a_clock_change_is_caused_by_it() -> None:
    change = instant_from_text("2026-10-25T01:00:00Z")
    nights = spec(weekly(ANA, windows=(Daily(22 * HOUR, 8 * HOUR),)))
    elapsed = [
        Span(at, at + 8 * HOUR, (ANA,)) for at in range(change - 5 * HOUR - 2 * DAY, change + 2 * DAY, DAY)
    ]  # always eight hours, where the wall clock makes it nine
    since, until = change - DAY, change + 12 * HOUR
    measured = measure((nights, ()), elapsed, since, until, is_known=lambda who: True, incomplete=False)
    assert causes(measured) == {"clock change"}
    shift = [Span(span.start + HOUR, span.end + HOUR, (BO,)) for span in elapsed]
    far = measure((nights, ()), shift, change + 2 * DAY, change + 3 * DAY, is_known=lambda who: True, incomplete=False)
    assert far.differs
    assert "clock change" not in causes(far)


def test_an_override_or_extra_shift_here_is_the_cause_near_it() -> None:
    end = SINCE + 2 * DAY
    override = Override("O1", SINCE + DAY, end, CY)
    assert causes(against(replace(STANDARD, overrides=(override,)), STANDARD)) == {"override"}
    longer = replace(override, ends_at=end + HOUR)
    ours = replace(STANDARD, overrides=(override,))
    assert causes(against(ours, replace(STANDARD, overrides=(longer,)))) == {"override"}
    extra = ExtraShift("E1", SINCE + DAY, end, CY)
    assert causes(against(replace(STANDARD, extra_shifts=(extra,)), STANDARD)) == {"override"}


@pytest.mark.parametrize("theirs", [Daily(10 * HOUR, 8 * HOUR), Daily(9 * HOUR, 9 * HOUR), Always()])
def test_a_window_is_the_cause_if_opening_or_closing_its_layer_removes_the_difference(theirs: Any) -> None:
    below = weekly(CY, key="L2")
    for layers in ((), (below,)):
        ours = spec(weekly(ANA, BO, windows=(OFFICE,)), *layers)
        assert causes(against(ours, spec(weekly(ANA, BO, windows=(theirs,)), *layers))) == {"window"}


def test_a_window_of_turns_by_occurrence() -> None:
    rule = Recurring(Rule("DAILY"), reading_from_text("2026-01-05T09:00:00"), 8 * HOUR)
    ours = weekly(ANA, windows=(rule,), turns=ByOccurrence())
    theirs = replace(ours, windows=(replace(rule, duration=9 * HOUR),))
    assert causes(against(spec(ours), spec(theirs))) == {"window"}
    assert causes(against(spec(ours), spec(replace(theirs, participants=(CY,))))) == {"unexplained"}


@pytest.mark.parametrize("windows", [(Always(),), (OFFICE,)])
def test_a_turn_is_the_cause_if_another_participant_of_the_layer_removes_the_difference(windows: Any) -> None:
    ours = spec(weekly(ANA, BO, CY, windows=windows))
    order = spec(weekly(ANA, CY, BO, windows=windows))
    assert causes(against(ours, order)) == {"turn"}
    later = replace(TURNS, anchor=TURNS.anchor + HOUR)
    moved = spec(weekly(ANA, BO, CY, turns=later))
    assert causes(against(spec(weekly(ANA, BO, CY)), moved)) == {"turn"}


def test_several_turns_at_once() -> None:
    def made(*orders: tuple[Participant, ...]) -> ScheduleSpec:
        layers = (weekly(*order, key=f"L{i}") for i, order in enumerate(orders))
        return spec(*layers, composition="concurrent")

    others = (person("U4"), person("U5"))
    assert causes(against(made((ANA, BO), others), made((BO, ANA), others[::-1]))) == {"turn"}


def test_a_turn_by_occurrence_can_be_the_cause() -> None:
    rule = Recurring(Rule("DAILY"), reading_from_text("2026-01-05T09:00:00"), 8 * HOUR)
    ours = weekly(ANA, BO, windows=(rule,), turns=ByOccurrence())
    assert causes(against(spec(ours), spec(replace(ours, participants=(BO, ANA))))) == {"turn"}


def test_a_layer_without_turns_is_not_the_cause_of_a_difference() -> None:
    ours = spec(weekly(ANA, BO, turns=Everyone()))
    assert causes(against(ours, spec(weekly(ANA)))) == {"unexplained"}


def test_a_substitution_here_is_the_cause_where_it_runs() -> None:
    away = Substitution("X1", ANA, CY, SINCE, UNTIL)
    assert causes(against(STANDARD, STANDARD, (away,))) == {"substitution"}
    assert causes(against(spec(weekly(ANA)), spec(weekly(BO)), (replace(away, person=CY, replacement=CY),))) == {
        "unexplained"
    }


def test_a_difference_without_a_cause_is_unexplained() -> None:
    assert causes(against(STANDARD, spec(weekly(CY)))) == {"unexplained"}


def test_the_note_says_why_nothing_was_compared() -> None:
    def known(who: Participant) -> bool:
        return True

    theirs = [Span(SINCE - DAY, SINCE + DAY, (ANA,))]
    without = measure(None, theirs, SINCE, UNTIL, is_known=known, incomplete=False)
    assert (without.comparison, without.note, without.differs) == (None, NO_ZONE, False)
    assert without.source == (Span(SINCE, SINCE + DAY, (ANA,)),)
    silent = measure((STANDARD, ()), None, SINCE, UNTIL, is_known=known, incomplete=False)
    assert (silent.comparison, silent.note) == (None, NOT_REPORTED)
    invalid = spec(weekly(ANA, turns=replace(TURNS, length=0)))
    refused = measure((invalid, ()), theirs, SINCE, UNTIL, is_known=known, incomplete=False)
    assert refused.comparison is None
    assert "layers[0].turns.length" in refused.note


def test_the_days_around_the_next_two_changes_of_every_zone() -> None:
    def around(text: str) -> tuple[int, int]:
        change = instant_from_text(text)
        return change - 3 * DAY, change + 3 * DAY

    assert transition_ranges((STANDARD, ()), SINCE) == (around("2027-03-28T01:00:00Z"), around("2027-10-31T01:00:00Z"))
    assert transition_ranges((spec(zone="Asia/Kolkata"), ()), SINCE) == ()
    both = spec(weekly(ANA, zone="Europe/Athens"), weekly(BO, key="L2", zone="Asia/Kolkata"))
    assert transition_ranges((both, ()), SINCE) == transition_ranges((STANDARD, ()), SINCE)  # the same instants
    abroad = spec(weekly(ANA, zone="America/New_York"), zone="Asia/Kolkata")
    day_before = instant_from_text("2027-03-13T07:00:00Z")
    first, second = transition_ranges((abroad, ()), day_before)
    assert first == (day_before, day_before + 4 * DAY)
    assert second == around("2027-11-07T06:00:00Z")
    ramadan = transition_ranges((spec(weekly(ANA, zone="Africa/Casablanca"), zone="Asia/Kolkata"), ()), SINCE)
    assert all(before[1] < after[0] for before, after in pairwise(ramadan))


# --- a read, without any row ------------------------------------------------------------------------------------------


def read(*schedules: Any, **more: Any) -> Snapshot:
    people = (user("U1", "Ana"), user("U2", "Bo"))
    return Snapshot("pagerduty", Account("acme", "acme"), SINCE, users=people, schedules=schedules, **more)


def test_a_read_is_compared_in_the_range_of_its_own_rendering() -> None:
    record = schedule("S1", "Primary", layer("U1", "U2"))
    made = record.spec()
    assert made is not None
    theirs = render_final(made, (), SINCE - 2 * DAY, UNTIL)
    snapshot = read(record, rendered={"S1": theirs}, rendered_range=(SINCE, SINCE + 90 * DAY))
    ((found, measured),) = measure_read(snapshot, None, None, dated=True)
    assert found is record
    assert (measured.since, measured.until, measured.differs) == (SINCE, UNTIL, False)
    ((_, undated),) = measure_read(snapshot, None, None, dated=False)
    assert (undated.since, undated.until) == (SINCE - 2 * DAY, UNTIL)
    ((_, limited),) = measure_read(snapshot, SINCE + DAY, SINCE + 2 * DAY, dated=True)
    assert (limited.since, limited.until) == (SINCE + DAY, SINCE + 2 * DAY)
    ((_, beyond),) = measure_read(snapshot, UNTIL + DAY, None, dated=True)
    assert (beyond.comparison, beyond.note) == (None, NOT_REPORTED)


def test_differences_and_missing_renderings_of_a_read_are_reported() -> None:
    wrong, silent, empty = (schedule(id_, id_, layer("U1", "U2")) for id_ in ("S1", "S2", "S3"))
    other = schedule("S1", "S1", layer("U2", "U1")).spec()
    assert other is not None
    rendered = {"S1": render_final(other, (), SINCE, UNTIL), "S3": ()}
    note = MappingNote("schedule", "S3", "overrides_not_told", "Its overrides could not be read.", loss=True)
    snapshot = read(wrong, silent, empty, rendered=rendered, rendered_range=(SINCE, UNTIL), notes=(note,))
    first, second, third = (measured for _, measured in measure_read(snapshot, None, None, dated=True))
    assert causes(first) == {"turn"}
    assert (second.comparison, second.note) == (None, NOT_REPORTED)
    assert causes(third) == {"unsupported element"}
    assert third.comparison is not None
    assert (third.comparison.equal, third.comparison.uncovered_before) == (0, 14 * DAY)
    assert measure_read(read(wrong), None, None, dated=True)[0][1].note == NOT_REPORTED
    partly = replace(schedule("S1", "S1", layer("U1", "U2")), unread={"layers": 1})
    absent = replace(user("U1", "Ana"), unread={"substitutions": 2})
    snapshot = replace(read(partly, rendered=rendered, rendered_range=(SINCE, UNTIL)), users=(absent, user("U2", "Bo")))
    ((_, measured),) = measure_read(snapshot, None, None, dated=True)
    assert causes(measured) == {"unread element"}
    assert measured.note == "compared without 1 layer and 2 substitutions that could not be read"
    unsettled = read(schedule("S4", "S4", zone="Mars/Phobos"), rendered={"S4": ()}, rendered_range=(SINCE, UNTIL))
    assert measure_read(unsettled, None, None, dated=True)[0][1].note == NO_ZONE

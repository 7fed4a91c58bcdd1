"""Tests that explanations contain everything that decides who is on call."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.rendering.answers import on_call_at
from oncall.rendering.explaining import (
    Contribution,
    Explanation,
    Opening,
    Replacement,
    Substituted,
    Turn,
    explain,
    reexecute,
)
from oncall.rendering.layers import layer_at, people
from oncall.rendering.spec import (
    VACANT,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Override,
    Recurring,
    Rule,
    ScheduleSpec,
    Substitution,
    Weekly,
)
from tests.oncall.rendering.comparison import ANN, BEN, CAT, DAN, DAY, EVE, HOUR, MINUTE, layer, stack, when
from tests.oncall.rendering.test_properties import COMMON, cases

MONDAY = when(2026, 3, 2)
NOON = MONDAY + 12 * HOUR
OFFICE = Daily(9 * HOUR, 8 * HOUR)
DAILY = ByTime(MONDAY - 3 * DAY, DAY)


@given(case=cases(), data=st.data())
@settings(COMMON, max_examples=40)
def test_an_explanation_carried_out_again_gives_who_is_on_call(
    case: tuple[ScheduleSpec, tuple[Substitution, ...], int, int], data: st.DataObject
) -> None:
    spec, substitutions, since, until = case
    for instant in data.draw(st.lists(st.integers(since, until - 1), min_size=1, max_size=6)):
        found = explain(spec, substitutions, instant)
        assert found.participants == reexecute(spec, found) == on_call_at(spec, substitutions, instant)
        assert_facts_hold(spec, found)


def assert_facts_hold(spec: ScheduleSpec, found: Explanation) -> None:
    """Each recorded turn, window and replacement applies at the instant, and the turn belongs to the named person."""
    instant = found.instant
    for each, one in zip(spec.layers, found.contributions, strict=False):
        assert (one.kind, one.key, one.own) == (
            "layer",
            each.key,
            layer_at(each, spec.zone, instant),
        )
        assert bool(one.own) == (one.state == "open")
        for turn in one.turns:
            assert turn.start <= instant < turn.end
        if one.turns:
            assert people(*(each.participants[turn.position] for turn in one.turns)) == one.own
        if one.opening is not None and one.opening.start is not None and one.opening.end is not None:
            assert one.opening.start <= instant < one.opening.end
        if one.next_opening is not None:
            assert one.state in ("closed", "not_started")
            assert one.next_opening > instant
            later = explain(spec, (), one.next_opening).contributions[found.contributions.index(one)]
            assert later.state in ("open", "vacant")
            just_before = explain(spec, (), one.next_opening - 1).contributions[found.contributions.index(one)]
            assert just_before.state in ("closed", "not_started")
    shifts = [one.key for one in found.contributions if one.kind == "extra_shift"]
    assert shifts == [each.key for each in spec.extra_shifts if each.starts_at <= instant < each.ends_at]


def only(*args: object, **fields: object) -> Contribution:
    """The explanation of the first layer at noon."""
    made = layer("a", *args, **fields)  # type: ignore[arg-type]
    return explain(stack("Etc/UTC", made), (), NOON).contributions[0]


def test_an_open_layer_shows_its_turn_and_its_window() -> None:
    found = only(ANN, BEN, turns=DAILY, windows=(Weekly(2, 0, DAY), OFFICE))
    assert found == Contribution(
        "layer",
        "a",
        "Layer a",
        "open",
        (BEN,),
        Opening(1, MONDAY + 9 * HOUR, MONDAY + 17 * HOUR),
        turns=(Turn(3, 1, MONDAY, MONDAY + DAY),),
    )


def test_a_layer_shows_why_it_has_nobody() -> None:
    vacant = only(VACANT)
    assert (vacant.state, vacant.own, vacant.opening, len(vacant.turns)) == ("vacant", (), Opening(0, None, None), 1)
    assert only().state == "empty"
    assert only(ANN, ends_at=NOON) == Contribution("layer", "a", "Layer a", "ended", ())
    assert only(ANN, starts_at=NOON + 1) == Contribution(
        "layer", "a", "Layer a", "not_started", (), next_opening=NOON + 1
    )
    closed = only(ANN, windows=(Daily(13 * HOUR, HOUR),))
    assert closed == Contribution("layer", "a", "Layer a", "closed", (), next_opening=NOON + HOUR)
    assert only(ANN, windows=(Daily(13 * HOUR, HOUR),), ends_at=NOON + HOUR).next_opening is None
    assert only(ANN, starts_at=NOON + 1, ends_at=NOON + 1).next_opening is None
    assert only(ANN, starts_at=NOON + 15 * DAY).next_opening is None
    assert only(starts_at=NOON + 1).next_opening is None


def test_the_next_opening_is_not_before_the_clip() -> None:
    afternoon = (Daily(13 * HOUR, HOUR),)
    assert only(ANN, windows=afternoon, starts_at=NOON + HOUR + HOUR // 2).next_opening == NOON + HOUR + HOUR // 2
    assert only(ANN, windows=afternoon, starts_at=NOON + 2 * HOUR).next_opening == NOON + 25 * HOUR
    shifts = Recurring(Rule("DAILY"), MONDAY - 7 * DAY + 13 * HOUR, HOUR)

    def opening(**clip: object) -> int | None:
        return only(ANN, turns=ByOccurrence(), windows=(shifts,), **clip).next_opening

    assert opening() == NOON + HOUR
    assert opening(starts_at=NOON + HOUR + HOUR // 2) == NOON + HOUR + HOUR // 2
    assert opening(starts_at=NOON + 2 * HOUR) == NOON + 25 * HOUR
    assert opening(ends_at=NOON + HOUR) is None


def test_everyone_at_once_has_no_turn() -> None:
    found = only(BEN, ANN, VACANT, turns=Everyone())
    assert (found.own, found.turns, found.state) == ((ANN, BEN), (), "open")


def test_the_window_of_a_repeated_hour_is_the_pass_that_runs() -> None:
    spec = stack("Europe/Paris", layer("a", ANN, windows=(Daily(2 * HOUR + 15 * MINUTE, 30 * MINUTE),)))
    first, second = when(2026, 10, 25, 0, 15), when(2026, 10, 25, 1, 15)
    for start in (first, second):
        opening = explain(spec, (), start + MINUTE).contributions[0].opening
        assert opening == Opening(0, start, start + 30 * MINUTE)
    assert explain(spec, (), second - MINUTE).contributions[0].next_opening == second


def test_shifts_by_occurrence_show_their_index_and_may_overlap() -> None:
    nightly = Recurring(Rule("DAILY"), MONDAY + 18 * HOUR, 33 * HOUR)
    spec = stack("Etc/UTC", layer("a", ANN, BEN, CAT, turns=ByOccurrence(2), windows=(nightly,)))
    found = explain(spec, (), MONDAY + 3 * DAY - 5 * HOUR)
    assert found.contributions[0].turns == (
        Turn(1, 0, MONDAY + DAY + 18 * HOUR, MONDAY + 3 * DAY + 3 * HOUR),
        Turn(2, 1, MONDAY + 2 * DAY + 18 * HOUR, MONDAY + 4 * DAY + 3 * HOUR),
    )
    assert found.participants == reexecute(spec, found) == (ANN, BEN)
    before = explain(spec, (), MONDAY).contributions[0]
    assert (before.state, before.next_opening) == ("closed", MONDAY + 18 * HOUR)


def test_in_a_stack_the_first_with_somebody_covers_those_below() -> None:
    layers = (layer("a", VACANT), layer("b", ANN), layer("c", BEN), layer("d"))
    found = explain(stack("Etc/UTC", *layers), (), NOON)
    assert [each.covered_by for each in found.contributions] == [None, None, "b", "b"]
    together = explain(ScheduleSpec("Etc/UTC", "concurrent", layers), (), NOON)
    assert [each.covered_by for each in together.contributions] == [None] * 4
    assert together.participants == (ANN, BEN)


def test_each_source_shows_the_override_that_replaces_its_people() -> None:
    weak = Override("weak", MONDAY, MONDAY + DAY, CAT)
    strong = Override("strong", MONDAY, MONDAY + DAY, DAN, replaces=ANN, rank=1)
    fills = Override("fills", MONDAY, MONDAY + DAY, VACANT, sources=frozenset({"b"}), rank=2)
    shift = ExtraShift("x", MONDAY, MONDAY + DAY, EVE)
    spec = stack(
        "Etc/UTC",
        layer("a", ANN, BEN, turns=Everyone()),
        layer("b"),
        extra_shifts=(shift, ExtraShift("over", MONDAY, NOON, EVE)),
        overrides=(weak, strong, fills),
    )
    found = explain(spec, (), NOON)
    assert [(each.key, each.replaced) for each in found.contributions] == [
        ("a", (Replacement("strong", ANN, DAN), Replacement("weak", BEN, CAT))),
        ("b", (Replacement("fills", None, VACANT),)),
        ("x", (Replacement("weak", EVE, CAT),)),
    ]
    assert found.participants == reexecute(spec, found) == (CAT, DAN)


def test_the_other_people_of_a_layer_stay_when_an_override_replaces_a_person() -> None:
    both = layer("a", ANN, BEN, turns=Everyone())
    nobody_for_ann = Override("o", MONDAY, MONDAY + DAY, VACANT, replaces=ANN)
    [one] = explain(stack("Etc/UTC", both, overrides=(nobody_for_ann,)), (), NOON).contributions
    assert (one.own, one.holders) == ((ANN, BEN), (BEN,))


def test_without_layers_an_override_fills_what_is_not_there() -> None:
    spec = stack("Etc/UTC", overrides=(Override("o", MONDAY, MONDAY + DAY, CAT),))
    found = explain(spec, (), NOON)
    assert found.contributions == (Contribution("layer", "", "", "empty", (), replaced=(Replacement("o", None, CAT),)),)
    assert found.participants == reexecute(spec, found) == (CAT,)


def test_substitutions_are_shown_last_and_are_not_followed() -> None:
    away = Substitution("s1", ANN, BEN, MONDAY, MONDAY + DAY)
    spec = stack("Etc/UTC", layer("a", ANN))
    substitutions = (
        away,
        Substitution("s2", BEN, CAT, MONDAY, MONDAY + DAY),
        Substitution("s0", ANN, EVE, MONDAY - DAY, MONDAY + DAY),
        Substitution("s9", ANN, EVE, MONDAY + DAY, MONDAY + 2 * DAY),
    )
    found = explain(spec, substitutions, NOON)
    assert found.substituted == (Substituted("s1", ANN, BEN),)
    assert found.participants == reexecute(spec, found) == (BEN,)


def test_the_comparison_finds_a_wrong_explanation() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, BEN, turns=DAILY))
    right = explain(spec, (), NOON)
    wrong = Explanation(NOON, (Contribution("layer", "a", "", "open", (BEN,), turns=(Turn(2, 0, 0, 1),)),), (), (BEN,))
    assert reexecute(spec, right) == (BEN,)
    assert reexecute(spec, wrong) == (ANN,)

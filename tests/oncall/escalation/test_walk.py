"""Walks of the policies of each vendor, minute by minute."""

from itertools import pairwise
from typing import Any

import pytest

from oncall.escalation import walk as product
from oncall.escalation.walk import Problem, Walk, WalkTooLong, notices, walk
from oncall.rendering.spec import Participant, person
from tests.oncall.escalation.worlds import AT, Plain, as_policy, level, policy, target, walked, world


def one(name: str, **more: Any) -> dict[str, Any]:
    return target("responder", name, **more)


def who(course: dict[str, Any]) -> list[tuple[int, str]]:
    """Returns (minute, joined names); ``a|b`` means that one of them is paged."""
    return [(each[0], ("|" if each[5] else "+").join(each[4])) for each in course["notices"]]


def run(*levels: dict[str, Any], at: dict[str, int] | None = None, beside: Any = None, **more: Any) -> dict[str, Any]:
    rules = {name: more.pop(name) for name in list(more) if name in policy()}
    return walked(world({"P": policy(*levels, **rules), **(beside or {})}, **more), **(at or {}))


OPSGENIE = {"unstaffed_level": "wait"}


def test_opsgenie_absolute_minutes() -> None:
    """Rules at 0, 5, 10, 20 and 30 minutes. The rule at 10 reaches nobody and moves no later rule."""
    levels = [
        level(wait, one(name)) for wait, name in ((5, "ann"), (5, "ben"), (10, "gone"), (10, "cat"), (None, "dan"))
    ]
    course = run(*levels, **OPSGENIE)
    assert who(course) == [(0, "ann"), (5, "ben"), (20, "cat"), (30, "dan")]
    assert [each[3] for each in course["outcomes"]] == ["paged", "paged", "waited", "paged", "paged"]
    assert course["ending"] == ("nothing", 30)


def test_opsgenie_rules_of_one_minute_page_together() -> None:
    levels = [level(5, one("ann")), level(None, one("ben"), one("cat"))]
    assert who(run(*levels, initial_wait=3, **OPSGENIE)) == [(3, "ann"), (8, "ben+cat")]


def test_opsgenie_repeats_with_a_pause_and_closes() -> None:
    """The initial wait belongs to the first round. The alert is closed after the pause of the last round."""
    levels = [level(5, one("ann")), level(15, one("ben"))]
    course = run(*levels, initial_wait=2, repeat_count=2, after_last="close", **OPSGENIE)
    assert who(course) == [(2, "ann"), (7, "ben"), (22, "ann"), (27, "ben"), (42, "ann"), (47, "ben")]
    assert course["ending"] == ("closed", 62)


def test_a_target_until_closed_outlives_an_acknowledgement() -> None:
    levels = [level(5, one("ann")), level(5, one("ben"), one("cat", condition="not_closed")), level(None, one("dan"))]
    course = run(*levels, at={"acknowledged": 5}, **OPSGENIE)
    assert who(course) == [(0, "ann"), (5, "cat")]
    assert [each[3] for each in course["outcomes"]] == ["paged", "paged", "acknowledged"]
    assert who(run(*levels, at={"acknowledged": 6}))[1:] == [(5, "ben+cat")]
    course = run(*levels, at={"closed": 10})
    assert who(course) == [(0, "ann"), (5, "ben+cat")]
    assert course["ending"] == ("closed", 10)


def test_pagerduty_loops_and_passes_on_at_once() -> None:
    levels = [level(30, one("gone")), level(30, one("ann")), level(30, target("schedule", "S"))]
    course = run(*levels, repeat_count=2, schedules={"S": [(0, []), (50, ["person:ben"])]})
    assert who(course) == [(0, "ann"), (30, "ann"), (60, "ben"), (90, "ann"), (120, "ben")]
    assert [each[3] for each in course["outcomes"][:4]] == ["skipped", "paged", "skipped", "skipped"]
    assert course["ending"] == ("nothing", 150)


def test_round_robin_over_a_schedule_is_a_set_of_candidates() -> None:
    levels = [level(5, one("ann"), target("schedule", "S"), in_turn=True), level(None, one("dan"))]
    course = run(*levels, schedules={"S": [(0, ["person:ben", "person:cat"])]})
    assert who(course) == [(0, "ann|ben|cat"), (5, "dan")]


def test_a_round_robin_of_one_target_is_certain() -> None:
    assert who(run(level(None, one("ann"), in_turn=True))) == [(0, "ann")]


@pytest.mark.parametrize(
    ("members", "expected"),
    [("all", "ann+ben+cat"), ("leads", "cat"), ("others", "ann+ben"), ("random", "ann|ben|cat")],
)
def test_members_of_a_group(members: str, expected: str) -> None:
    groups = {"G": (["ann", "ben", "cat"], ["cat"])}
    assert who(run(level(None, target("user_group", "G", members=members)), groups=groups)) == [(0, expected)]


def test_a_random_member_beside_somebody_certain() -> None:
    levels = [level(None, target("user_group", "G", members="random"), one("dan"))]
    assert who(run(*levels, groups={"G": (["ann", "ben"], [])})) == [(0, "ann|ben"), (0, "dan")]


def test_xmatters_with_an_absent_seat() -> None:
    """A (0), B (10), C (5): B is absent, so the delay after B is dropped and the delay before B is kept."""
    seats = [level(wait, target("schedule", seat)) for wait, seat in ((10, "1"), (5, "2"), (None, "3"))]
    shift = {"1": [(0, ["person:ann"])], "2": [(0, [])], "3": [(0, ["person:cat"])]}
    assert who(run(*seats, resolved="start", schedules=shift)) == [(0, "ann"), (10, "cat")]
    shift["2"] = [(0, ["person:ben"])]
    assert who(run(*seats, resolved="start", schedules=shift)) == [(0, "ann"), (10, "ben"), (15, "cat")]
    shift["1"] = [(0, [])]
    assert who(run(*seats, resolved="start", initial_wait=7, schedules=shift)) == [(7, "ben"), (12, "cat")]


def test_xmatters_pauses_before_a_round_though_the_last_seat_is_absent() -> None:
    """A (0), B (10), repeated twice 20 minutes after B. The wait is the shift's, not that of a seat; at the very end
    nothing follows that it would come before."""
    seats = [level(10, target("schedule", "1")), level(20, target("schedule", "2"))]
    rules = {"resolved": "start", "repeat_count": 2}
    shift = {"1": [(0, ["person:ann"])], "2": [(0, [])]}
    course = run(*seats, **rules, unstaffed_level="skip_within_round", schedules=shift)
    assert who(course) == [(0, "ann"), (30, "ann"), (60, "ann")]
    assert [each[3] for each in course["outcomes"]] == ["paged", "waited", "paged", "waited", "paged", "skipped"]
    assert course["ending"] == ("nothing", 70)
    assert who(run(*seats, **rules, schedules=shift)) == [(0, "ann"), (10, "ann"), (20, "ann")]
    shift["1"], shift["2"] = [(0, [])], [(0, ["person:ben"])]
    course = run(*seats, **rules, unstaffed_level="skip_within_round", schedules=shift)
    assert who(course) == [(0, "ben"), (20, "ben"), (40, "ben")]


def test_an_unknown_pause_is_not_guessed_and_a_pause_before_no_known_round_is_dropped() -> None:
    rule = {"unstaffed_level": "skip_within_round"}
    levels = [level(5, one("ann")), level(None, one("gone"))]
    assert run(*levels, **rule, repeat_count=1)["ending"] == ("wait_unknown", 5)
    assert run(*levels, **rule)["ending"] == ("nothing", 5)
    levels[1]["wait"] = 7
    assert run(*levels, **rule, repeat_count=None)["ending"] == ("rounds_unknown", 5)


def test_xmatters_two_at_once_two_more_after_ten_a_manager_at_sixty() -> None:
    seats = {"1": [(0, ["person:ann", "person:ben"])], "2": [(0, ["person:cat"])], "3": [(0, ["person:dan"])]}
    levels = [level(wait, target("schedule", seat)) for wait, seat in ((10, "1"), (50, "2"), (None, "3"))]
    assert who(run(*levels, resolved="start", schedules=seats)) == [(0, "ann+ben"), (10, "cat"), (60, "dan")]


def test_on_call_is_determined_at_the_start_or_at_each_level() -> None:
    levels, shift = (
        [level(10, one("ann")), level(None, target("schedule", "S"))],
        {"S": [(0, ["person:ben"]), (5, ["person:cat"])]},
    )
    assert who(run(*levels, resolved="start", schedules=shift))[1] == (10, "ben")
    assert who(run(*levels, resolved="level", schedules=shift))[1] == (10, "cat")


def test_xmatters_shifts_of_a_group_run_beside_each_other() -> None:
    """Each by its own delays; one has nobody on, one repeats, one has a group in its last seat."""
    shifts = {
        "day": policy(level(10, target("schedule", "day")), level(None, one("ben")), resolved="start"),
        "night": policy(level(10, target("schedule", "night")), resolved="start"),
        "always": policy(
            level(20, one("cat")), level(20, target("schedule", "seat")), resolved="start", repeat_count=1
        ),
        "nested": policy(level(None, one("dan")), initial_wait=1),
    }
    schedules = {"day": [(0, ["person:ann"])], "night": [(0, [])], "seat": [(0, ["policy:nested"])]}
    group = [level(None, *(target("escalation_policy", name) for name in ("day", "night", "always")))]
    course = run(*group, beside=shifts, schedules=schedules)
    assert who(course) == [(0, "cat"), (0, "ann"), (10, "ben"), (21, "dan"), (40, "cat"), (61, "dan")]
    assert course["notices"][3][1] == ("always", "nested")
    assert course["ending"] == ("nothing", 0)


def test_a_branch_that_reaches_somebody_later_staffs_its_level() -> None:
    later = {"Q": policy(level(5, one("gone")), level(None, one("ann")), unstaffed_level="wait")}
    levels = [level(30, target("escalation_policy", "Q")), level(None, one("ben"))]
    assert who(run(*levels, beside=later)) == [(5, "ann"), (30, "ben")]
    later["Q"]["levels"].pop()
    assert who(run(*levels, beside=later)) == [(0, "ben")]


def test_a_branch_that_closes_the_alert_ends_everything() -> None:
    part = {"Q": policy(level(7, one("ann")), after_last="close")}
    levels = [
        level(5, target("escalation_policy", "Q")),
        level(2, one("ben")),
        level(5, one("cat")),
        level(None, one("dan")),
    ]
    course = run(*levels, beside=part)
    assert who(course) == [(0, "ann"), (5, "ben"), (7, "cat")]
    assert course["ending"] == ("closed", 7)
    acknowledged = run(*levels, beside=part, at={"acknowledged": 0})
    assert acknowledged["ending"] == ("nothing", 12)


def test_a_closing_branch_of_a_round_robin_is_not_certain() -> None:
    part = {"Q": policy(level(None, one("ann")), after_last="close")}
    course = run(
        level(5, target("escalation_policy", "Q"), one("ben"), in_turn=True), level(None, one("cat")), beside=part
    )
    assert who(course) == [(0, "ben"), (0, "ann"), (5, "cat")]
    assert [each[5] for each in course["notices"]] == [True, True, False]


def foreseen(policies: dict[str, Any], **more: Any) -> Walk:
    context = Plain(world(policies, **more))
    return walk(context.policies["P"], context, AT)


def test_a_policy_is_not_started_inside_itself_at_the_same_instant() -> None:
    around = {
        "P": policy(level(5, one("ann"), target("escalation_policy", "Q"))),
        "Q": policy(level(5, target("escalation_policy", "R"))),
        "R": policy(level(5, target("escalation_policy", "Q"), one("ben"))),
    }
    found = foreseen(around)
    (q,) = found.steps[0].pages[1].branches
    (r,) = q.walk.steps[0].pages[0].branches
    assert r.walk.steps[0].pages[0].problems == (Problem("cycle", Participant("policy", "Q"), ("Q", "R", "Q")),)
    assert [(each.minute, each.people) for each in notices(found)] == [(0, (person("ann"),)), (0, (person("ben"),))]
    around["R"]["levels"][0]["targets"][0]["key"] = "P"
    (q,) = foreseen(around).steps[0].pages[1].branches
    (r,) = q.walk.steps[0].pages[0].branches
    assert r.walk.steps[0].pages[0].problems[0].path == ("", "Q", "R", "P")


def test_a_policy_that_is_reached_again_at_a_later_instant_is_walked_again() -> None:
    loop = {"Q": policy(level(5, target("schedule", "S")))}
    day = {"S": [(0, ["policy:P"]), (7, ["person:ann"])]}
    course = run(level(5, one("gone")), level(None, target("escalation_policy", "Q")), beside=loop, schedules=day)
    assert course["notices"] == []  # all of it happens at the minute 0
    loop["Q"]["initial_wait"] = 4
    course = run(level(5, one("gone")), level(None, target("escalation_policy", "Q")), beside=loop, schedules=day)
    assert course["notices"] == [(8, ("Q", "P", "Q"), 1, 1, ("ann",), False)]


def test_a_policy_that_starts_inside_itself_again_and_again_is_walked_a_limited_number_of_times() -> None:
    found = foreseen({"P": policy(level(5, one("ann")), level(None, target("escalation_policy", "P")))})
    assert [each.minute for each in notices(found)] == [5 * n for n in range(product.MOST_AGAIN)]
    inner = found
    for _ in range(product.MOST_AGAIN - 1):
        inner = inner.steps[1].pages[0].branches[0].walk
    assert inner.steps[1].pages[0].problems == (Problem("cycle", Participant("policy", "P"), ("P", "P")),)
    three = [level(1, *(target("escalation_policy", "P") for _ in range(3))) for _ in range(9)]
    with pytest.raises(WalkTooLong, match="more than 2000 levels"):
        foreseen({"P": policy(*three, initial_wait=1)})


def test_a_policy_that_only_leads_to_itself_pages_nobody() -> None:
    assert run(level(5, target("escalation_policy", "P")))["outcomes"] == [(0, 1, 1, "skipped")]


def test_unknown_targets_are_reported_and_their_wait_runs() -> None:
    targets = (
        target("unresolved", "device"), target("schedule", "lost"), target("user_group", "lost"),
        target("group_routing", "G"), target("escalation_policy", "lost"),
    )  # fmt: skip
    found = foreseen({"P": policy(*(level(5, each) for each in targets), level(None, one("gone")))})
    assert [(step.minute, step.outcome) for step in found.steps] == [
        (0, "unknown"), (5, "unknown"), (10, "unknown"), (15, "unknown"), (20, "unknown"), (25, "skipped"),
    ]  # fmt: skip
    assert [step.pages[0].problems for step in found.steps[:5]] == [
        (Problem("unresolved"),),
        (Problem("unknown"),),
        (Problem("unknown", Participant("group", "lost")),),
        (Problem("routing", Participant("group_routing", "G")),),
        (Problem("unknown", Participant("policy", "lost")),),
    ]


def test_an_unknown_holder_is_a_problem_and_the_wait_runs() -> None:
    beside = {"x": policy(level(None, one("ben")))}  # an equal key of another kind
    schedules = {"S": [(0, ["unknown:x"]), (5, ["unknown:x", "person:ann"])]}
    found = foreseen({"P": policy(*[level(5, target("schedule", "S"))] * 2), **beside}, schedules=schedules)
    assert [(step.minute, step.outcome) for step in found.steps] == [(0, "unknown"), (5, "paged")]
    problem = Problem("unknown", Participant("unknown", "x"))
    assert [step.pages[0].problems for step in found.steps] == [(problem,), (problem,)]
    assert not found.steps[0].pages[0].branches


def test_a_groups_routing_leads_to_its_policy() -> None:
    beside = {"Q": policy(level(None, one("ben")), initial_wait=4)}
    levels = [level(5, target("group_routing", "G"))]
    assert run(*levels, beside=beside, routings={"G": "Q"})["notices"] == [(4, ("Q",), 1, 1, ("ben",), False)]


def test_absences_and_replacements_are_reported() -> None:
    targets = [one("ann"), one("ben"), one("gone"), target("user_group", "G"), target("schedule", "S")]
    found = foreseen(
        {"P": policy(level(None, *targets))}, away={"ann": "cat", "ben": None}, groups={"G": (["ann", "dan"], [])},
        schedules={"S": [(0, ["group:G", "person:ann"])]},
    )  # fmt: skip
    paged = [
        [
            (one.person.id, one.state, one.instead_of and one.instead_of.id, str(one.through or ""))
            for one in page.people
        ]
        for page in found.steps[0].pages
    ]
    assert paged == [
        [("cat", "reachable", "ann", "")],
        [("ben", "away", None, "")],
        [("gone", "unreachable", None, "")],
        [("cat", "reachable", "ann", ""), ("dan", "reachable", None, "")],
        [("cat", "reachable", "ann", "group:G"), ("dan", "reachable", None, "group:G"), ("ann", "reachable", None, "")],
    ]


def test_unknown_rounds_and_waits_are_not_guessed() -> None:
    assert run(level(5, one("ann")), repeat_count=None)["ending"] == ("rounds_unknown", 5)
    course = run(level(5, one("ann")), level(None, one("ben")), repeat_count=3)
    assert (who(course), course["ending"]) == ([(0, "ann"), (5, "ben")], ("wait_unknown", 5))
    course = run(level(None, one("gone")), level(None, one("ben")))  # a skipped level's wait is not needed
    assert (who(course), course["ending"]) == ([(0, "ben")], ("nothing", 0))


def test_no_levels_no_pages() -> None:
    assert run(initial_wait=3, repeat_count=10**9, after_last="close") == {
        "notices": [], "outcomes": [], "ending": ("nothing", 3),
    }  # fmt: skip


def chain(length: int) -> dict[str, Any]:
    names = ["P", *(f"N{n}" for n in range(length)), "lost"]
    steps = enumerate(pairwise(names))
    return {name: policy(level(1, target("escalation_policy", to)), initial_wait=n) for n, (name, to) in steps}


@pytest.mark.parametrize(
    ("policies", "what"),
    [
        ({"P": policy(level(0, one("ann")), repeat_count=10**9)}, "more than 2000 levels"),
        ({"P": policy(level(10**9, one("ann")), level(None, one("ben")))}, "more than 527040 minutes"),
        (chain(product.MOST_NESTED), "more than 50 policies are inside each other"),
    ],
)
def test_a_walk_that_is_too_long_is_refused(policies: dict[str, Any], what: str) -> None:
    with pytest.raises(WalkTooLong, match=what):
        foreseen(policies)


def test_the_longest_walks_that_are_allowed() -> None:
    assert len(foreseen({"P": policy(level(0, one("ann")), repeat_count=1_999)}).steps) == 2_000
    inner = foreseen(chain(product.MOST_NESTED - 1))
    depth = 0
    while inner.steps and (parts := inner.steps[0].pages[0].branches):
        inner, depth = parts[0].walk, depth + 1
    assert depth == product.MOST_NESTED - 1


def test_plain_policies_become_the_values_of_the_product() -> None:
    assert as_policy(policy(level(5, one("ann")))).levels[0].targets[0].key == "ann"

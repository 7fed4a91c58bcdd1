"""The writer refuses exactly the policies whose own walk is too long."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.errors import InvalidDraft
from oncall.escalation.context import WalkContext
from oncall.escalation.policy import MOST_MINUTES, MOST_STEPS, Level, Policy, Target
from oncall.escalation.walk import WalkTooLong, walk

AT = 1_772_442_000
SOMEBODY = (Target("unresolved", "", "device"),)  # its wait always runs
WAITS = st.sampled_from((0, 1, 5, MOST_MINUTES // 2, MOST_MINUTES, MOST_MINUTES + 1, 10**20))
ROUNDS = st.sampled_from((0, 1, 2, MOST_STEPS // 2, MOST_STEPS - 1, MOST_STEPS, 2**31))


@settings(deadline=None, max_examples=150)
@given(WAITS, st.lists(WAITS, max_size=3), ROUNDS)
def test_a_policy_is_too_long_if_its_walk_is(initial_wait: int, waits: list[int], rounds: int) -> None:
    levels = tuple(Level(wait, "everyone", SOMEBODY) for wait in waits)
    policy = Policy(initial_wait, levels, rounds, "nothing", "wait", "level")
    if not levels:
        assert policy.too_long() == ""  # there is no level that could come too late
    elif policy.too_long():
        with pytest.raises(WalkTooLong):
            walk(policy, WalkContext(), AT, None)
    else:
        walk(policy, WalkContext(), AT, None)


@pytest.mark.parametrize(
    ("wait", "fields"),
    [
        (5, {"repeat_count": MOST_STEPS}),
        (5, {"initial_wait": MOST_MINUTES + 1}),
        (MOST_MINUTES // 9 + 1, {"repeat_count": 9}),
    ],
)
def test_the_writer_refuses_it(wait: int, fields: Any, make: Callable[..., int], one_level: Callable[..., Any]) -> None:
    levels = one_level(("unresolved", "device"))
    levels["levels"][0]["wait"] = wait
    with pytest.raises(InvalidDraft, match="so who is paged cannot be shown"):
        make("escalation_policy", levels=levels, **fields)

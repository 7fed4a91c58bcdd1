"""Each mutant of the walk breaks one rule, and the comparison with the referee fails for it."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from sys import modules
from typing import Any, NamedTuple

import pytest

from oncall.escalation import walk as product
from tests.oncall.escalation.referee import World, course
from tests.oncall.escalation.worlds import level, policy, target, walked, world

SOURCE = Path(str(product.__file__))


class Case(NamedTuple):
    world: World
    acknowledged: int | None = None
    closed: int | None = None


def person(name: str, **more: Any) -> dict[str, Any]:
    return target("responder", name, **more)


RULES = ("skip", "skip_within_round", "wait")


def cases() -> list[Case]:
    three = [level(5, person("ann")), level(7, person("gone")), level(4, person("ben", condition="not_closed"))]
    found = [
        Case(
            world({"P": policy(*three, initial_wait=2, unstaffed_level=rule, repeat_count=2, after_last="close")}), *at
        )
        for rule in RULES
        for at in ((None, None), (7, None), (8, None), (None, 16), (9, 23))
    ]
    deserted = [level(5, person("ann")), level(7, person("gone")), level(4, person("gone"))]
    found += [
        Case(world({"P": policy(*deserted, unstaffed_level=rule, repeat_count=rounds, after_last=after)}))
        for rule in RULES
        for rounds, after in ((0, "nothing"), (2, "nothing"), (2, "close"), (None, "nothing"))
    ]
    crowd = {"G": (["ann", "ben", "gone"], ["ben"])}
    for members in ("all", "leads", "others", "random"):
        targets = [target("user_group", "G", members=members), person("cat")]
        for in_turn in (False, True):
            found.append(
                Case(world({"P": policy(level(3, *targets, in_turn=in_turn))}, groups=crowd, away={"ann": "dan"}))
            )
    moving = {"S": [(0, ["person:ann"]), (3, ["group:G", "policy:Q"]), (9, [])], "T": [(0, ["group_routing:G"])]}
    for resolved in ("start", "level"):
        policies = {
            "P": policy(
                level(4, target("schedule", "S")), level(4, target("schedule", "S")), level(2, target("schedule", "T")),
                level(1, person("dan")), repeat_count=1, resolved=resolved,
            ),
            "Q": policy(level(4, target("schedule", "S")), level(2, person("cat")), initial_wait=3, resolved=resolved),
        }  # fmt: skip
        found += [
            Case(world(policies, schedules=moving, groups=crowd, away={"ann": None}), *at)
            for at in ((None, None), (5, None), (None, 8))
        ]
        found.append(Case(world(policies, schedules=moving, groups=crowd, routings={"G": "Q"})))
    for in_turn in (False, True):
        branches = {
            "Q": policy(level(6, person("ann")), after_last="close"),
            "R": policy(level(None, person("cat")), initial_wait=9),
        }
        levels = [level(3, *(target("escalation_policy", name) for name in ("Q", "R", "P")), in_turn=in_turn)]
        levels += [level(3, person("ben")), level(3, target("unresolved", "x")), level(1, person("dan"))]
        found += [
            Case(world({"P": policy(*levels), **branches}), *at)
            for at in ((None, None), (0, None), (None, 6), (None, 7))
        ]
    again = {"P": policy(level(5, person("ann")), level(None, target("escalation_policy", "P")))}
    found += [Case(world(again)), Case(world({**again, "Q": again["P"]}), 7)]
    hidden = {"Q": policy(level(1, target("unresolved", "x")))}
    levels = [level(3, target("escalation_policy", "Q")), level(1, person("ann"))]
    found.append(Case(world({"P": policy(*levels), **hidden})))
    found.append(Case(world({"P": policy(level(3, person("ann")), repeat_count=None)})))
    found.append(Case(world({"P": policy(level(None, person("ann")), level(1, person("ben")))})))
    return found


def first_disagreement(walk: Any) -> Case | None:
    for case in cases():
        query = (case.world, "P", case.acknowledged, case.closed)
        if walked(*query, walk=walk) != course(*query):
            return case
    return None


MUTANTS = (
    ("the initial wait is dropped", "minute = start + policy.initial_wait", "minute = start"),
    ("one round too few", "range(1, last[0] + 1)", "range(1, last[0])"),
    ("a skipped level's time runs", 'if step.outcome == "skipped":', "if False:"),
    ("waiting is skipping", '"skipped" if _is_skipped(policy, number, position) else "waited"', '"skipped"'),
    (
        "skipping drops no pause",
        'if policy.unstaffed_level != "skip_within_round":',
        'if policy.unstaffed_level == "wait":',
    ),
    (
        "a kept pause is dropped",
        "return position < len(policy.levels) or number > (policy.repeat_count or 0)",
        "return True",
    ),
    ("a wait within a round is kept", "position < len(policy.levels) or number", "number"),
    ("a pause is kept in the last round too", "or number > (policy.repeat_count or 0)", ""),
    (
        "a pause is kept in the last round only",
        "number > (policy.repeat_count or 0)",
        "number <= (policy.repeat_count or 0)",
    ),
    ("a pause is kept in the first round only", "number > (policy.repeat_count or 0)", "number > 1"),
    ("an unknown wait is zero", "if level.wait is None and (number, position) != last:", "if False:"),
    ("unknown rounds are one", "if policy.repeat_count is None and policy.levels:", "if False:"),
    ("no policy closes", 'policy.after_last == "close" and policy.levels', "False"),
    ("everything is looked up at the start", '(start if policy.resolved == "start" else minute)', "start"),
    ("everything is looked up as it comes", '(start if policy.resolved == "start" else minute)', "minute"),
    ("the start is the alert's", '(start if policy.resolved == "start"', '(0 if policy.resolved == "start"'),
    ("an unknown target pages nobody", "elif any(_is_incomplete(page) for page in pages):", "elif False:"),
    ("no target of a branch is unknown", "inner in step.pages\n    )\n", "inner in ()\n    )\n"),
    ("nothing is in turn", 'level.distribution == "round_robin" and', "False and"),
    ("random is everybody", 'one_of=target.members == "random"', "one_of=False"),
    ("random is others", '"all" if target.members == "random"', '"others" if target.members == "random"'),
    (
        "members are not replaced",
        "replace(self._paged(each, instant, group), through",
        "replace(Paged(each, self._state(each)), through",
    ),
    ("a person who is away is reachable", 'Paged(person, "away")', 'Paged(person, "reachable")'),
    ("everybody is reachable", '"reachable" if self.context.is_reachable(person) else "unreachable"', '"reachable"'),
    ("unreachable people are in the notices", 'page.people if each.state == "reachable"}', "page.people}"),
    ("branches staff nothing", "page.staffed for branch in self.branches", "False for branch in self.branches"),
    ("branches start with the alert", "self.walk(policy, minute, (*path", "self.walk(policy, 0, (*path"),
    ("a policy starts once", "any(begun == minute for _, begun in starts)", "starts"),
    ("a policy starts again at once", "any(begun == minute for _, begun in starts)", "False"),
    ("a policy starts around itself once too often", "len(starts) == MOST_AGAIN", "len(starts) > MOST_AGAIN"),
    ("an acknowledgement is a minute late", "if due >= minute and page", "if due > minute and page"),
    ("an acknowledgement stops everything", 'and page.target.condition == "not_acked"', ""),
    ("an acknowledgement ignores branches", "replace(branch, walk=_acknowledged(branch.walk, minute))", "branch"),
    (
        "an acknowledged page still starts its branches",
        "replace(page, withheld=True, branches=())",
        "replace(page, withheld=True)",
    ),
    ("withheld people are in the notices", "if not page.withheld]", "]"),
    ("no step is acknowledged", '"acknowledged" if prevented', "step.outcome if prevented"),
    ("a close is a minute late", "_closed(walk, closed_at, closed_at)", "_closed(walk, closed_at + 1, closed_at)"),
    ("a policy closes before its own minute", "_closed(walk, own + 1, own)", "_closed(walk, own, own)"),
    ("a close ignores branches", "replace(branch, walk=_closed(branch.walk, before, minute))", "branch"),
    ("branches close nothing", "yield from _closings(branch.walk)", "pass"),
    ("a candidate closes for certain", "if not step.one_of)", ")"),
    ("a closed walk ended by itself", 'Ending("closed", minute) if ends else walk.ending', "walk.ending"),
    ("candidates of a branch are certain", "perhaps or step.one_of)", "perhaps)"),
)


def test_the_walk_agrees_with_the_referee_in_all_worlds() -> None:
    assert len(cases()) > 30
    assert first_disagreement(product) is None


@pytest.mark.mutants
@pytest.mark.parametrize(("what", "fragment", "replacement"), MUTANTS, ids=[each[0] for each in MUTANTS])
def test_the_comparison_fails_if(
    what: str, fragment: str, replacement: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("mutant", f"escalation: {what} | the worlds")
    source = SOURCE.read_text()
    assert source.count(fragment) == 1, f"{what}: the fragment does not occur exactly once"
    file = tmp_path / "mutated_walk.py"
    file.write_text(source.replace(fragment, replacement))
    spec = spec_from_file_location("mutated_walk", file)
    assert spec is not None
    assert spec.loader is not None
    mutant = module_from_spec(spec)
    modules["mutated_walk"] = mutant  # dataclasses look their module up
    try:
        spec.loader.exec_module(mutant)
        assert first_disagreement(mutant) is not None, f"no world shows that {what}"
    finally:
        del modules["mutated_walk"]

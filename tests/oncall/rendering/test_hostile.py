"""Hostile schedules cost what their size and their result allow. Lines of Python are counted, not seconds."""

import random

import pytest

from oncall.rendering.final import Rendering
from oncall.rendering.rotations import _least_rotation
from oncall.rendering.spec import InvalidSpec, person
from scripts.bench.hostile import functions, worlds
from tests.counting import lines_run

WORLDS = worlds(part=10)
NAMES = tuple(functions(next(iter(WORLDS.values()))))
#: Lines for each element of the schedule and each span of the result, and for the rest.
EACH, BASE = 400, 20_000


def spans_of(result: object) -> int:
    if isinstance(result, Rendering):
        return len(result.final) + sum(len(spans) for _, spans in result.layers)
    return len(result) if isinstance(result, tuple | dict) else 0


@pytest.mark.parametrize("function", NAMES)
@pytest.mark.parametrize("world", WORLDS)
def test_the_work_follows_the_size(world: str, function: str) -> None:
    call, found = functions(WORLDS[world])[function], 0
    call()  # zone tables and days of rules are cached

    def counted() -> None:
        nonlocal found
        found = spans_of(call())

    lines = lines_run(counted)
    assert lines < BASE + EACH * (WORLDS[world].size + found), (lines, WORLDS[world].size, found)


def test_the_least_rotation_of_a_circle_is_found_in_one_pass() -> None:
    draw = random.Random(7)
    for _ in range(500):
        people = tuple(person(draw.choice("abc")) for _ in range(draw.randint(2, 8)))
        first = _least_rotation(people)
        rotated = [people[k:] + people[:k] for k in range(len(people))]
        assert rotated[first] == min(rotated)
    almost_equal = (*[person("a")] * 5_000, person("b"))
    assert lines_run(lambda: _least_rotation(almost_equal)) < 150_000


@pytest.mark.parametrize("composition", ["stacked", "concurrent"])
def test_too_many_shifts_of_layers_are_refused(composition: str) -> None:
    world = worlds()[f"1,000 {composition} layers, 1,000 overrides"]
    assert functions(world)["render_final"]()
    with pytest.raises(InvalidSpec, match="more than 250,000 shifts of layers; request a shorter range"):
        functions(world)["render"]()

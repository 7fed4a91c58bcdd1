"""The check on circles of imports names the modules of a circle; `make check` runs it over the product."""

from itertools import pairwise

from scripts.check_circles import circle_of


def test_it_names_the_modules_of_a_circle() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    circle = circle_of(imports)
    assert len(circle) == 4
    assert circle[0] == circle[-1]
    assert all(target in imports[module] for module, target in pairwise(circle))


def test_modules_without_a_circle_pass() -> None:
    assert circle_of({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []

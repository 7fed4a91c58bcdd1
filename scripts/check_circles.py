"""Fails when modules of the product import each other in a circle, lazy imports included."""

import sys
from graphlib import CycleError, TopologicalSorter

PACKAGES = ("config", "connectors", "oncall", "syncjobs")


def circle_of(imports: dict[str, set[str]]) -> list[str]:
    """Returns the modules of a circle, the first again at the end; empty if there is none. imports: by module."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def main() -> int:
    import grimp  # installed with the linters only

    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    circle = circle_of({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    print(f"Modules that import each other in a circle: {' -> '.join(circle)}" if circle else "no circle of imports")
    return 1 if circle else 0


if __name__ == "__main__":
    sys.exit(main())

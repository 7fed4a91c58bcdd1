"""Measure what the product claims about speed: ``python -m scripts.bench [--quick] [--json FILE] [--only AREA ...]``.

A Markdown table is written to stdout; the running measurement and the machine are written to stderr. The exit code is 0
when every gate (*must*) is kept and 1 when a gate is missed. Aims are only reported.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from scripts.bench import calls, database, pace, planning, rendering
from scripts.bench.effort import FULL, QUICK, Effort
from scripts.bench.figures import Figure, as_json, load_average, machine, table

Area = Callable[[Effort], Iterator[Figure]]


def _syncing(effort: Effort) -> Iterator[Figure]:
    from scripts.bench import syncing  # models can be imported only when there is a database

    return syncing.measure(effort)


def _shared(effort: Effort) -> Iterator[Figure]:
    from scripts.bench import shared

    return shared.measure(effort)


def _reads(effort: Effort) -> Iterator[Figure]:
    from scripts.bench import reads

    return reads.measure(effort)


def _forms(effort: Effort) -> Iterator[Figure]:
    from scripts.bench import forms

    return forms.measure(effort)


#: In the order of the table. The quick areas are measured for every change.
AREAS: dict[str, Area] = {
    "rendering": rendering.measure,
    "planning": planning.measure,
    "syncing": _syncing,
    "shared": _shared,
    "reads": _reads,
    "forms": _forms,
    "calls": calls.measure,
    "pace": pace.measure,
}
QUICK_AREAS = ("rendering", "planning", "syncing", "shared", "forms", "calls")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the objects, the most important figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there, too")
    parser.add_argument("--only", nargs="+", choices=AREAS, metavar="AREA", help=f"some of {', '.join(AREAS)}")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else FULL
    figures: list[Figure] = []
    before, started = load_average(), time.monotonic()
    with database.opened() as server:
        about = machine(server)
        for name in given.only or (QUICK_AREAS if given.quick else AREAS):
            for figure in AREAS[name](effort):
                figures.append(figure)
                print(f"{name}: {figure.target.key} {figure.verdict}", file=sys.stderr)
    about |= {"load": [before, load_average()], "seconds": round(time.monotonic() - started, 1)}
    if given.json:
        given.json.write_text(as_json(figures, about))
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    print(f"Python {about['python']}, {about['cpus']} x {about['cpu']}, {server}, {versions}.")
    print(f"{effort.objects:,} objects; load {before} before, {about['load'][1]} after; {about['seconds']} s.\n")
    print("\n".join(table(figures)))
    missed = sorted({figure.target.key for figure in figures if not figure.kept})
    if missed:
        print(f"\nMissed: {', '.join(missed)}.", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

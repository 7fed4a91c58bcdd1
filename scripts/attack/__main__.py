"""Attack the product at random: ``python -m scripts.attack [--seed N] [--seconds S] [--sequences N] [--steps N]``.

Each sequence connects two simulated sources that share people, takes random steps (edits on both sides, syncs, faults,
kills, cancels, other rules) and checks after each step what the product promises. It works in a database of its own,
as ``scripts.bench`` does. The exit code is 0 if all promises were kept and 1 otherwise.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from scripts.bench import database


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first sequence; the others follow")
    parser.add_argument("--seconds", type=float, help="stop after this time")
    parser.add_argument("--sequences", type=int, help="how many (300; on PostgreSQL 60)")
    parser.add_argument("--steps", type=int, default=10, help="of a sequence")
    parser.add_argument("--only", help="numbers of the steps to take, with commas")
    parser.add_argument("--without", default="", help="names of promises that are not checked, with commas")
    parser.add_argument("--shrink", action="store_true", help="leave out the steps that a violation does not need")
    parser.add_argument("--log", action="store_true", help="print the steps of every sequence")
    given = parser.parse_args(arguments)
    only = None if given.only is None else [int(each) for each in given.only.split(",") if each]
    known = [each.strip() for each in given.without.split(",") if each.strip()]
    with database.opened("rotabridge_attack") as server:
        return _attack(given, only, known, server)


def _attack(given: argparse.Namespace, only: list[int] | None, known: list[str], server: str) -> int:
    from django.test.utils import setup_test_environment

    # Models can be imported only when there is a database.
    from scripts.attack.sequence import run_sequence, shrunk
    from scripts.attack.settling import PROMISES

    unknown = sorted({*known} - PROMISES)
    if unknown:
        print(f"There is no promise {', '.join(unknown)}; choose of {', '.join(sorted(PROMISES))}.", file=sys.stderr)
        return 2
    setup_test_environment()
    sequences = given.sequences or (60 if server.startswith("PostgreSQL") else 300)
    broken: Counter[str] = Counter()
    started, count, runs = time.monotonic(), 0, 0
    for seed in range(given.seed, given.seed + sequences):
        if given.seconds is not None and time.monotonic() - started > given.seconds:
            break
        result = run_sequence(seed, given.steps, known=known, only=only)
        count, runs = count + 1, runs + result.runs
        if result.invariant:
            broken[result.invariant] += 1
            print((shrunk(result, known) if given.shrink else result).report(), end="\n\n", flush=True)
        elif given.log:
            print("\n".join(result.log), flush=True)
    seconds = time.monotonic() - started
    print(
        f"{count} sequences of {given.steps} steps from seed {given.seed} on {server}: {runs} runs in {seconds:.0f} s, "
        f"{broken.total()} violations" + "".join(f", {number} x {name}" for name, number in broken.most_common())
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

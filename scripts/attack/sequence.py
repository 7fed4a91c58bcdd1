"""One sequence of an attack: two connections, some steps, and the promises that must hold. Its seed decides it all."""

import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

from django.db import connection, transaction

from scripts.attack.accounts import PROVIDERS, sample
from scripts.attack.invariants import check_step
from scripts.attack.settling import settle
from scripts.attack.site import Site, Violation
from scripts.attack.steps import STEPS, draw
from syncjobs.models import SyncRun
from syncjobs.runs import apply


@dataclass
class Result:
    """What a sequence found. invariant: the name of the broken promise, empty if all were kept. taken: the numbers of
    the steps that were taken, from 0."""

    seed: int
    steps: int
    taken: Sequence[int]
    invariant: str = ""
    found: str = ""
    log: list[str] = field(default_factory=list)
    runs: int = 0

    def report(self) -> str:
        only = "" if len(self.taken) == self.steps else f" --only {','.join(map(str, self.taken))}"
        command = f'make attack ARGS="--seed {self.seed} --sequences 1 --steps {self.steps}{only}"'
        broken = f"Sequence {self.seed} breaks the promise *{self.invariant}*: {self.found}"
        return "\n".join([broken, *self.log, f"Reproduce: {command}"])


@contextmanager
def _transactions_as_savepoints() -> Iterator[None]:
    """Let the product's outermost transactions be savepoints, as the whole sequence is one transaction.

    Django gives a savepoint to most of them, but not to those that it opens itself, for example around a bulk_create.
    """
    enter, depth = transaction.Atomic.__enter__, len(connection.savepoint_ids)

    def entering(block: transaction.Atomic) -> None:
        given = block.savepoint
        block.savepoint = given or len(connection.savepoint_ids) == depth
        try:
            enter(block)
        finally:
            block.savepoint = given

    with patch.object(transaction.Atomic, "__enter__", entering):
        yield


def run_sequence(seed: int, steps: int, *, known: Collection[str] = (), only: Collection[int] | None = None) -> Result:
    """Run one sequence in a transaction that is rolled back, and return what it found.

    known: names of promises that are not checked. only: the numbers of the steps to take, None = all.
    """
    random = Random(seed)  # noqa: S311 - a sequence must be repeatable
    providers = random.choices(PROVIDERS, k=2)
    accounts = [sample(provider, random, f"account {number}") for number, provider in enumerate(providers)]
    strategies = random.choices(["ask", "source"], [2, 1], k=2)
    batch = random.choice([2, 7, 200])
    drawn = draw(random, steps)
    taken = [number for number in range(steps) if only is None or number in only]
    result = Result(seed, steps, taken)
    result.log = [f"{providers[0]} ({strategies[0]}) and {providers[1]} ({strategies[1]}), batches of {batch}"]
    patches = (patch("celery.Celery.send_task"), patch.object(apply, "BATCH", batch))
    with transaction.atomic(), _transactions_as_savepoints(), patches[0], patches[1]:
        site = Site(accounts, strategies, known)
        site.log = result.log
        try:
            for number in taken:
                name, step_seed = drawn[number]
                site.say(f"{number}. {name}")
                STEPS[name][0](site, Random(step_seed))  # noqa: S311
                check_step(site)
            site.say("settle")
            settle(site)
        except Violation as broken:
            result.invariant, result.found = broken.invariant, str(broken)
        except Exception as error:  # noqa: BLE001 - any error of the product is a finding
            result.invariant, result.found = "error", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        result.runs = SyncRun.objects.count() if result.invariant != "error" else 0
        transaction.set_rollback(True)
    return result


def shrunk(result: Result, known: Collection[str] = ()) -> Result:
    """Return the result of the shortest sequence found that breaks the same promise: steps are left out one by one."""
    for number in reversed(result.taken):
        shorter = run_sequence(
            result.seed, result.steps, known=known, only=[each for each in result.taken if each != number]
        )
        if shorter.invariant == result.invariant:
            result = shorter
    return result

"""Each rule of the sync, broken once, is noticed: by the random sequences, or by a named test."""

import random
from collections.abc import Callable
from importlib import import_module

import pytest

from tests.syncjobs.conftest import Sync
from tests.syncjobs.convergence.mutants import MUTANTS, Mutant
from tests.syncjobs.convergence.test_convergence import Drive, driving

__all__ = ["driving"]

pytestmark = pytest.mark.slow

#: So many sequences are tried for a mutant. The sample of the default suite is of those whose sequence is known.
MOST = 25
SAMPLE = 1


def noticed_by(mutant: Mutant, driving: Drive) -> str:
    """Return what notices the mutant. Empty: nothing does."""
    with pytest.MonkeyPatch.context() as broken:
        mutant.breaks(broken)
        if mutant.named:
            module, _, name = mutant.named.partition(":")
            try:
                getattr(import_module(module), name)(Sync())
            except AssertionError:
                return name
            return ""
        for seed in range(mutant.seed, mutant.seed + MOST):
            try:
                driving(seed)
            except Exception:  # noqa: BLE001 - a broken product may end in any way
                return f"sequence {seed}"
    return ""


@pytest.mark.mutants
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_a_broken_rule_is_noticed(
    mutant: Mutant, driving: Drive, record_property: Callable[[str, object], None]
) -> None:
    found = noticed_by(mutant, driving)
    record_property("mutant", f"{mutant.rule} | {found or 'NOTHING'}")
    assert found, f"nothing notices when this is broken: {mutant.rule}"


def test_a_sample_of_broken_rules_is_noticed(driving: Drive) -> None:
    for mutant in random.sample([each for each in MUTANTS if each.seed], SAMPLE):
        assert noticed_by(mutant, driving), f"nothing notices when this is broken: {mutant.rule}"

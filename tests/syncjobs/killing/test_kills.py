"""Runs of two connected sources that are killed, cut off, cancelled, disconnected or lost at any of their statements.

After that the tick runs, or a worker takes the run again, and each source is synced once more. Then references are
complete, nobody is doubled, the content is that of undisturbed syncs, and another sync writes nothing. A sample of the
statements runs by default, a larger one with ``--thorough``, and all of them with ``--every-statement``.
"""

from random import Random
from typing import Final

import pytest

from tests.killing.cases import INTERVENTIONS, Scene, faults_at
from tests.killing.elsewhere import Elsewhere
from tests.killing.faults import FAULTS, happened

PHASES: Final = (
    "first import",
    "import that matches",
    "update",
    "update of the second source",
    "plan",
    "approved plan",
)
#: How many statements of a run a sample takes.
SMALL, LARGE = 3, 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase_name", "fault_name"),
    [pytest.param(phase, fault, id=f"{phase}-{fault}") for phase in PHASES for fault in (*FAULTS, *INTERVENTIONS)],
)
def test_one_more_sync_completes_a_run_that_was_disturbed_at_any_statement(
    scene: Scene,
    elsewhere: Elsewhere,
    phase_name: str,
    fault_name: str,
    thorough: bool,
    pytestconfig: pytest.Config,
) -> None:
    phase = scene.phases[phase_name]
    cases = list(faults_at(fault_name, phase.points, phase, elsewhere))
    assert cases
    if not pytestconfig.getoption("--every-statement"):
        number = min(len(cases), LARGE if thorough else SMALL)
        cases = Random(f"{phase_name} {fault_name}").sample(cases, number)
    found = {str(point): scene.fault_of(phase, fault) for point, fault in cases}
    assert any(happened(fault) for _, fault in cases)
    wrong = [f"at {point}: {text}" for point, text in found.items() if text]
    assert not wrong, f"{len(wrong)} of {len(cases)} statements:\n" + "\n".join(wrong[:10])

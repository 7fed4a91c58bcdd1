"""How much is measured: everything, or in a few seconds the part that guards every change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """rounds: samples per side of computing; database_rounds: of what waits for the database. objects: size of the
    account that is planned and synced. imported: size of the one that is imported again and again, smaller because
    that takes long (rows a second are the same). rows: of each list that is opened."""

    quick: bool
    rounds: int
    database_rounds: int
    objects: int
    imported: int
    rows: int


FULL = Effort(quick=False, rounds=7, database_rounds=5, objects=10_000, imported=4_000, rows=100_000)
QUICK = Effort(quick=True, rounds=3, database_rounds=3, objects=1_000, imported=1_000, rows=10_000)

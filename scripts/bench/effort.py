"""The size of a measurement: full, or quick enough to run for every change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The size of a measurement.

    rounds: samples per side of pure computing. database_rounds: samples per side of work with the database. objects:
    size of the account that is planned and synced. imported: size of the account of repeated imports, which is smaller
    because an import takes long (rows per second are the same).
    rows: rows of each list that is opened. foreign: people of other sources in a shared database.
    """

    quick: bool
    rounds: int
    database_rounds: int
    objects: int
    imported: int
    rows: int
    foreign: int


FULL = Effort(quick=False, rounds=7, database_rounds=5, objects=10_000, imported=4_000, rows=100_000, foreign=100_000)
QUICK = Effort(quick=True, rounds=3, database_rounds=3, objects=1_000, imported=1_000, rows=10_000, foreign=5_000)

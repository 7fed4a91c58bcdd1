"""S: a sync in a database that other sources share costs what it costs alone.

A connection of a few hundred objects is synced in two databases in turns: in one it is alone, in the other, a copy, the
rows of a large foreign source were added. The foreign rows are added once, by bulk inserts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connectors.records import Snapshot
from connectors.zones.timezones import convert
from scripts.bench.accounts import account, newcomer
from scripts.bench.database import Counted, copied, emptied, tidied
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.foreign import add_foreign
from scripts.bench.measuring import Work, wall_times
from scripts.bench.syncing import connected, synced
from syncjobs.models import Conflict, ConflictKind, ConflictState, SyncProfile

TIME = Target("S1", "{}: time with foreign rows in the database / without", "x", 1.2, 1.1, medians=True)
STATEMENTS = Target("S2", "{}: statements more with foreign rows in the database", "queries", 0, 0)
FETCHED = Target("S2", "{}: rows fetched more with foreign rows in the database", "rows", 0, 0)
QUESTIONS = Target("S3", "first sync: questions about a group whose name other sources have too", "questions", 1, 1)

OBJECTS: Final = 300
PEOPLE_PER_GROUP: Final = 100
PEOPLE_PER_ACCOUNT: Final = 20
#: A sync of so few objects is short, so that many samples are cheap.
SAMPLES_PER_ROUND: Final = 3
OTHER_SOURCES: Final = (1, 3, 10)


@dataclass
class Imported:
    """An imported account in a database. enter: makes this database the one that is used."""

    profile: SyncProfile
    snapshot: Snapshot
    enter: Callable[[], None]

    def sync(self) -> None:
        synced(self.profile, self.snapshot)

    def sync_newcomer(self) -> None:
        self.snapshot = newcomer(self.snapshot)
        self.sync()


def measure(effort: Effort) -> Iterator[Figure]:
    emptied()
    profile, snapshot = connected(), with_open_questions(account(OBJECTS))
    synced(profile, snapshot)
    with copied() as switch:
        switch(True)
        add_foreign(effort.foreign, effort.foreign // PEOPLE_PER_GROUP, effort.foreign // PEOPLE_PER_ACCOUNT)
        tidied()
        switch(False)
        tidied()
        crowded = Imported(profile, snapshot, lambda: switch(True))
        alone = Imported(profile, snapshot, lambda: switch(False))
        yield from _compared("nothing changed", [Work(side.sync, side.enter) for side in (crowded, alone)], effort)
        yield from _compared(
            "a new person", [Work(side.sync_newcomer, side.enter) for side in (crowded, alone)], effort
        )
    yield _questions(OTHER_SOURCES)


def with_open_questions(snapshot: Snapshot) -> Snapshot:
    """Return the account with two people of one address and a schedule without a zone: every sync finds questions."""
    first, second, *people = snapshot.users
    schedule, *schedules = snapshot.schedules
    return replace(
        snapshot,
        users=(first, replace(second, email=first.email), *people),
        schedules=(replace(schedule, time_zone=convert(None)), *schedules),
    )


def _compared(what: str, works: Sequence[Work], effort: Effort) -> Iterator[Figure]:
    """Compare the work in the crowded database, which is the first, with the work in the other."""
    sides = dict(zip((f"{effort.foreign:,} foreign people", "none"), works, strict=True))
    yield settled(lambda: _time(what, sides, effort.database_rounds * SAMPLES_PER_ROUND), 2)
    crowded, alone = map(_counted, works)
    for target, more, fewer in (
        (STATEMENTS, crowded.statements, alone.statements),
        (FETCHED, crowded.fetched, alone.fetched),
    ):
        yield Figure(_about(what, target), abs(more - fewer), detail=f"{more:,} with, {fewer:,} without")


def _about(what: str, target: Target) -> Target:
    return replace(target, what=target.what.format(what))


def _time(what: str, sides: Mapping[str, Work], rounds: int) -> Figure:
    times = wall_times(sides, rounds)
    crowded, alone = times.values()
    return Figure(_about(what, TIME), crowded.median / alone.median, times)


def _counted(work: Work) -> Counted:
    work.before()
    with Counted() as counted:
        work.run()
    return counted


def _questions(others: Sequence[int]) -> Figure:
    counts = [questions_about_a_group(number) for number in others]
    detail = "; ".join(f"{number} others: {count}" for number, count in zip(others, counts, strict=True))
    return Figure(QUESTIONS, max(counts), detail=detail)


def questions_about_a_group(others: int) -> int:
    """Import an account of one group from so many connections, then from one more; count the questions about it."""
    emptied()
    for number in range(others):
        synced(connected(f"other {number}"), account(0))
    synced(connected(), account(0))
    return Conflict.objects.filter(state=ConflictState.OPEN, kind=ConflictKind.TEAM_NAME_COLLISION).count()

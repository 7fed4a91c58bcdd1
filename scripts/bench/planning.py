"""P: planning compared with diffsync. Both start with the records of two reads and end with the changes to make.

Both sides have the same objects with all elements. diffsync loads both reads into its models and compares them. The
product loads the links (stored fingerprints) and, where they differ, the contents, makes proposals and plans. Neither
side checks the new values against the columns of tables.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.presence import Presences as SnapshotPresences
from connectors.records import ENTITY_TYPES, Snapshot
from oncall.aggregates import AGGREGATES, State
from oncall.rendering.codec import instant_to_text
from scripts.bench.accounts import account, changed, records
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.measuring import cpu_times
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.conflicts import COMPARED
from syncjobs.planning.plan import Proposals, by_kind, links_to_compare, make_plan
from syncjobs.planning.values import Base, LinkDetail, LinkView, NamedRow, Picture, Plan, Presences, Rules

P1 = Target("P1", "plan an account, a tenth of it changed, against diffsync (load, diff)", "x", 8, 15, faster=True)
P2 = Target("P2", "memory for planning, against diffsync", "x", 1 / 3, 1 / 6)
#: Both grow linearly with the account. A larger account takes a minute and has the same result.
MEMORY_OBJECTS = 20_000
CONNECTION = 1


def _unchecked(kind: Any, fields: Any, elements: Any) -> None:
    """Accept all values."""


def measure(effort: Effort) -> Iterator[Figure]:
    yield settled(lambda: _against_diffsync(effort), 2)
    if not effort.quick:
        yield _memory(MEMORY_OBJECTS)


def _against_diffsync(effort: Effort) -> Figure:
    from scripts.bench.diffsync_side import differences

    before = account(effort.objects)
    after = changed(before)
    stored = Stored(before)
    expected = sum(1 for record in records(after) if record.name.endswith(" II"))
    if len(stored.plan(after).items) != expected or differences(before, after) != expected:
        raise AssertionError("Both sides must find the objects that changed, and no others.")
    times = cpu_times(
        {"ours": lambda: stored.plan(after), "diffsync": lambda: differences(before, after)}, effort.rounds
    )
    return Figure(P1, times["diffsync"].best / times["ours"].best, times)


class Stored:
    """The contents of the tables after an import of ``snapshot``, as queries return them: tuples and JSON."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.links: dict[str, list[tuple[Any, ...]]] = {}
        self.contents: dict[int, tuple[str, str]] = {}
        self.names: dict[str, list[tuple[int, str]]] = {}
        number = 0
        for kind, by_id in proposals_of(snapshot).items():
            self.links[kind], self.names[kind] = [], []
            for proposal in by_id.values():
                number += 1
                self.links[kind].append((number, proposal.external_id, "linked", 1, proposal.fingerprint, 1, number, 1))
                self.names[kind].append((number, proposal.label))
                fields = {name: proposal.fields[name] for name in AGGREGATES[proposal.kind].fields}
                elements = {name: part for name, part in proposal.elements.items() if part is not None}
                contents = json.dumps({"fields": fields, "elements": elements})
                self.contents[number] = (contents, contents)

    def picture(self, proposals: Proposals, presence: Presences) -> Picture:
        """Return the local picture in the form of syncjobs.runs.picture.local.

        Of the names, it contains those of compared objects. No two of these accounts' objects have one name.
        """
        links = {kind: {row[1]: LinkView(*row) for row in self.links[kind]} for kind in ENTITY_TYPES}
        details = {}
        for link in links_to_compare(proposals, links, False, presence):
            base, row = (json.loads(text) for text in self.contents[link])
            details[link] = LinkDetail(Base.from_json(base), {}, State(row["fields"], row["elements"], link, 1), True)
        return Picture(
            links=links,
            details=details,
            names={
                kind: tuple(NamedRow(row, f"{CONNECTION}:{row}", name) for row, name in rows if row in details)
                for kind, rows in self.names.items()
                if kind in COMPARED
            },
            people={},
            unaccounted=frozenset(),
            accounts={},
            conflicts=(),
        )

    def plan(self, snapshot: Snapshot) -> Plan:
        now = instant_to_text(snapshot.fetched_at)
        proposals = proposals_of(snapshot)
        rules = Rules("source", {}, now, CONNECTION, "acme")
        presence = SnapshotPresences(snapshot).of
        picture = self.picture(proposals, presence)
        return make_plan(proposals, picture, rules, presence=presence, check=_unchecked)


def proposals_of(snapshot: Snapshot) -> Proposals:
    proposer = Proposer(CONNECTION, instant_to_text(snapshot.fetched_at), snapshot.mapping_version)
    return by_kind(proposer.propose(record) for record in records(snapshot))


# --- memory: each side in a separate process --------------------------------------------------------------------------


def _memory(objects: int) -> Figure:
    peaks = {side: _peak(side, objects) for side in ("inputs", "ours", "diffsync")}
    ours, theirs = peaks["ours"] - peaks["inputs"], peaks["diffsync"] - peaks["inputs"]
    return Figure(P2, ours / theirs, detail=f"ours +{ours / 1024:.0f} MB; diffsync +{theirs / 1024:.0f} MB")


def _peak(side: str, objects: int) -> int:
    command = [sys.executable, "-m", "scripts.bench.planning", side, str(objects)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def work_alone(side: str, objects: int) -> int:
    """Return the peak memory of this process in KB after the work of one side."""
    before = account(objects)
    after = changed(before)
    stored = Stored(before)
    if side == "ours":
        stored.plan(after)
    elif side == "diffsync":
        from scripts.bench.diffsync_side import differences

        differences(before, after)
    # Not getrusage: its ru_maxrss starts with the peak of the parent process.
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if peak is None:
        raise AssertionError("Linux reports the peak of every process.")
    return int(peak[1])


if __name__ == "__main__":
    print(work_alone(sys.argv[1], int(sys.argv[2])))

"""Takes the same steps with the product and with the oracle, at random by seed, and compares both after each step.

A step is a method whose name begins with ``do_``. It returns False if there was nothing to do it with, and then another
one is taken. After a crash the next complete sync of the same source follows at once, and is compared.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import time_machine
from django.db import Error
from django.utils import timezone

from oncall.aggregates import Draft, ElementChanges
from oncall.operations import delete, write
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, RunKind, RunState, SyncRun
from syncjobs.planning.decisions.values import Refused
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.start import start
from syncjobs.setup.not_followed import release
from syncjobs.undoing.undo import undo
from tests.killing.failpoints import Failpoints, Killed
from tests.killing.faults import Kill
from tests.syncjobs.conftest import BY, NOW, Sync
from tests.syncjobs.convergence.comparing import Stored, subject_of
from tests.syncjobs.convergence.oracle import Oracle
from tests.syncjobs.convergence.sources import Id, Place
from tests.syncjobs.convergence.values import ACTIVE, Reading, Record, Rules, Run

HOUR: Final = 3_600
FIELDS: Final = {"responder": ("name", "title"), "service": ("name", "description")}
COLLECTION: Final = "contact_methods"
MOST: Final = 5  # objects of a kind in one source
#: Weights of the steps.
STEPS: Final = {
    "change_source": 14, "change_elements": 8, "remove": 10, "come_back": 4, "add": 4, "create_again": 2,
    "edit": 12, "edit_both": 8, "edit_element": 6, "add_element": 1, "delete": 3, "switch_rules": 4, "release": 4,
    "select": 4, "cut": 3, "sync": 30, "review": 6, "decide": 12, "undo": 5, "wait": 14, "crash": 5,
}  # fmt: skip


class Driver:
    """Both sides of one sequence. log: the steps so far, for the message of a difference."""

    def __init__(self, seed: int, clock: time_machine.Traveller) -> None:
        self.random, self.oracle, self.clock = Random(seed), Oracle(), clock
        self.at = NOW
        self.stored = Stored(self.oracle)
        self.log: list[str] = []
        self.edited = -1  # the number of the row that was edited last
        self.runs: list[tuple[int, Run]] = []
        self.places = [Place(Sync(name), number) for number, name in enumerate(("first", "second"))]
        for place in self.places:
            share, count = self.random.choice([(20, 5), (20, 2), (40, 2)])
            place.sync.rules(guard={"share": share, "count": count})
            self.oracle.rules[place.number] = Rules(share=share, count=count)
            self.stored.connections[place.sync.connection.pk] = place.number
            for kind in FIELDS:
                for _ in range(self.random.randint(1, 3)):
                    self._new_object(place, kind)
        self._tell(0)

    # --- steps --------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Take one step on both sides, and compare."""
        while True:
            name = self.random.choices([*STEPS], [*STEPS.values()])[0]
            self.log.append(name)
            if getattr(self, f"do_{name}")() is not False:
                break
            self.log.pop()
        self.stored.compare()

    def _note(self, *what: object) -> None:
        self.log[-1] += f" {' '.join(map(str, what))}"

    def _tell(self, seconds: int) -> None:
        self.at += seconds
        self.clock.move_to(datetime.fromtimestamp(self.at, UTC))
        for place in self.places:
            place.sync.source.at = self.at  # type: ignore[attr-defined]

    def _new_object(self, place: Place, kind: str, name: str = "") -> Id | None:
        taken = {key[1] for key in {**place.objects, **place.gone} if key[0] == kind}
        address = None
        if kind == "responder":
            free = [n for n in range(MOST) if f"U{n}" not in taken]
            if not free:
                return None
            number = self.random.choice(free)
            id_, address = f"U{number}", f"p{number}@example.com"
        else:
            id_ = f"V{len(taken)}"
        fields = {path: self._value(path) for path in FIELDS[kind]}
        fields["name"] = name or fields["name"] + id_
        elements = {f"C{id_}{n}": self._value("label") for n in range(1, self.random.randint(2, 3))}
        record = Record(fields, elements if kind == "responder" else {}, address)
        place.objects[kind, id_] = record
        if place.unchosen:
            place.select(place.unchosen)
        return kind, id_

    def _value(self, path: str) -> str:
        return self.random.choice("abc" if path in ("name", "label") else ["a", "b", "c", ""])

    def _place(self) -> Place:
        return self.random.choice(self.places)

    def _object(self) -> tuple[Place, Id, Record] | None:
        place = self._place()
        if not place.objects:
            return None
        # Often it is the object of the row that was edited last, because both sides must meet for a question.
        edited = [key for key in sorted(place.objects) if self._row_number(place, key) == self.edited]
        key = self.random.choice(edited if edited and self.random.random() < 0.7 else sorted(place.objects))
        return place, key, place.objects[key]

    def _row_number(self, place: Place, key: Id) -> int:
        link = self.oracle.links.get((place.number, *key))
        return link.row or 0 if link is not None else 0

    def do_change_source(self) -> bool:
        if (found := self._object()) is None:
            return False
        place, key, record = found
        path = self.random.choice(FIELDS[key[0]])
        value = self._value(path) + (key[1] if path == "name" and key[0] == "service" else "")
        place.objects[key] = replace(record, fields={**record.fields, path: value})
        self._note(place.number, *key, path, repr(value))
        return True

    def do_change_elements(self) -> bool:
        if (found := self._object()) is None or found[1][0] != "responder":
            return False
        place, key, record = found
        elements, id_ = dict(record.elements), f"C{key[1]}{self.random.randint(1, 3)}"
        if id_ in elements and len(elements) > 1 and self.random.random() < 0.5:
            del elements[id_]
        else:
            elements[id_] = self._value("label")
        place.objects[key] = replace(record, elements=elements)
        self._note(place.number, *key, elements)
        return True

    def do_remove(self) -> bool:
        if (found := self._object()) is None:
            return False
        place, key, _ = found
        answer = self.random.choices(["not_found", "not_visible", "found", "unknown"], [8, 1, 1, 1])[0]
        link = self.oracle.links.get((place.number, *key))
        if answer == "found" and link is not None and link.missing:
            answer = "not_found"
        self.stored.removed[place.number, *key] = place.objects.pop(key)
        place.gone[key] = answer
        self._note(place.number, *key, answer)
        return True

    def do_come_back(self) -> bool:
        place = self._place()
        if not place.gone:
            return False
        key = self.random.choice(sorted(place.gone))
        if sum(each[0] == key[0] for each in place.objects) >= MOST:
            return False
        del place.gone[key]
        place.objects[key] = self.stored.removed[place.number, *key]
        self._note(place.number, *key)
        return True

    def do_add(self) -> bool:
        place, kind = self._place(), self.random.choice([*FIELDS])
        if sum(each[0] == kind for each in place.objects) >= MOST:
            return False
        key = self._new_object(place, kind)
        self._note(place.number, key)
        return key is not None

    def do_create_again(self) -> bool:
        """Remove a service, and create it again with its name under another id."""
        place = self._place()
        keys = sorted(key for key in place.objects if key[0] == "service" and key not in place.unchosen)
        if not keys:
            return False
        key = self.random.choice(keys)
        record = self.stored.removed[place.number, *key] = place.objects.pop(key)
        place.gone[key] = "not_found"
        new = self._new_object(place, "service", record.fields["name"])
        self._note(place.number, key, new)
        return True

    def _row(self, kind: str | None = None) -> tuple[int, int] | None:
        """Return the number of a row and its id."""
        rows = [n for n, row in self.oracle.rows.items() if row.merged_into is None and kind in (None, row.kind)]
        rows = [number for number in rows if number in self.stored.ids]
        if not rows:
            return None
        number = self.edited if self.edited in rows and self.random.random() < 0.4 else self.random.choice(rows)
        return number, self.stored.ids[number]

    def _write(self, number: int, fields: dict[str, Any], elements: dict[str, ElementChanges] | None = None) -> None:
        kind: Any = self.oracle.rows[number].kind
        self.edited = number
        row = ROOTS[kind].rows.get(pk=self.stored.ids[number])
        write(kind, [Draft(fields, elements or {}, id=row.pk, version=row.version)], by=BY)

    def do_edit(self) -> bool:
        if (found := self._row()) is None:
            return False
        number, _ = found
        row = self.oracle.rows[number]
        path = self.random.choice([*FIELDS[row.kind], *([ACTIVE] if self.random.random() < 0.2 else [])])
        value: Any = (not row.active) if path == ACTIVE else self._value(path)
        if path == "name" and row.kind == "service":
            value += f" of {number}"
        self._write(number, {path: value})
        self.oracle.edit(number, None, path, value)
        self._note(number, path, repr(value))
        return True

    def do_edit_both(self) -> bool:
        """Set a field here and at the source to different values."""
        keys = sorted(
            key
            for key, link in self.oracle.links.items()
            if link.state == "linked" and link.row in self.stored.ids and key[1:] in self.places[key[0]].objects
        )
        if not keys:
            return False
        key = self.random.choice(keys)
        number, path = self.oracle.links[key].row, self.random.choice(FIELDS[key[1]])
        assert number is not None
        objects = self.places[key[0]].objects
        theirs, ours = (f"{who} {len(self.log)} {number}" for who in ("theirs", "ours"))
        objects[key[1:]] = replace(objects[key[1:]], fields={**objects[key[1:]].fields, path: theirs})
        self._write(number, {path: ours})
        self.oracle.edit(number, None, path, ours)
        self._note(*key, path)
        return True

    def do_edit_element(self) -> bool:
        if (found := self._row("responder")) is None:
            return False
        number, _ = found
        own = sorted((key, id_) for key, id_ in self.oracle.rows[number].elements if key is not None)
        if not own:
            return False
        key, id_ = self.random.choice(own)
        assert key is not None
        stored = self.stored.element_key(key, id_)
        value = None if self.random.random() < 0.3 else self._value("label")
        if value is None:
            changes = ElementChanges(remove=frozenset({stored}))
        else:
            changes = ElementChanges(put={stored: self.stored.element_values(id_, value)})
        self._write(number, {}, {COLLECTION: changes})
        self.oracle.edit(number, key, f"elements.{id_}", value)
        self._note(number, key, id_, value)
        return True

    def do_add_element(self) -> bool:
        if (found := self._row("responder")) is None:
            return False
        number, _ = found
        id_ = f"own{len(self.log)}"
        changes = ElementChanges(put={f"local:{id_}": self.stored.element_values(id_, "a")})
        self._write(number, {}, {COLLECTION: changes})
        self.oracle.edit(number, None, f"elements.{id_}", "a")
        self._note(number, id_)
        return True

    def do_delete(self) -> bool:
        if (found := self._row("service")) is None:
            return False
        number, pk = found
        delete("service", [pk], by=BY)
        self.oracle.delete(number)
        self._note(number)
        return True

    def do_switch_rules(self) -> bool:
        place = self._place()
        rules = self.oracle.rules[place.number]
        if self.random.random() < 0.5:
            strategy = "source" if rules.strategy == "ask" else "ask"
            place.sync.rules(strategy=strategy)
            self.oracle.set_rules(place.number, strategy=strategy)
            self._note(place.number, strategy)
            return True
        kind = self.random.choice([*FIELDS])
        path = self.random.choice([*FIELDS[kind], *(["elements"] if kind == "responder" else []), ACTIVE])
        owner = self.random.choice(["ask", "source", "local", ""])
        ownership = {name: known for name, known in rules.ownership.items() if name != f"{kind}.{path}"}
        ownership |= {f"{kind}.{path}": owner} if owner else {}
        self.oracle.set_rules(place.number, ownership=ownership)
        place.sync.rules(ownership={n.replace(".elements", f".{COLLECTION}"): each for n, each in ownership.items()})
        self._note(place.number, ownership)
        return True

    def do_release(self) -> bool:
        """Release a pin, or a link that is ignored."""
        keys = sorted(key for key, link in self.oracle.links.items() if link.pins or link.state == "ignored")
        if not keys:
            return False
        key = self.random.choice(keys)
        pins = sorted(self.oracle.links[key].pins)
        connection = self.places[key[0]].sync.connection
        if pins and self.random.random() < 0.7:
            path = self.random.choice(pins)
            release(connection, [key[1:]], None, paths=[self.stored.path(key, path)])  # type: ignore[list-item]
            self.oracle.release_pin(key, path)
            self._note(key, path)
        else:
            release(connection, [key[1:]], None)  # type: ignore[list-item]
            self.oracle.release(key)
            self._note(key)
        return True

    def do_select(self) -> bool:
        place = self._place()
        known = sorted({*place.objects, *place.gone})
        some = {key for key in known if self.random.random() < 0.2} if not place.unchosen else set[Id]()
        if not some and not place.unchosen:
            return False
        place.select(some)
        self._note(place.number, sorted(some))
        return True

    def do_wait(self) -> None:
        seconds = self.random.choice([600, HOUR, 2 * HOUR, 24 * HOUR])
        self._tell(seconds)
        self._note(seconds)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def _read(self, place: Place) -> Reading:
        links = {key: link for key, link in self.oracle.links.items() if key[0] == place.number}
        followed = {key[1:] for key, link in links.items() if link.state == "linked"}
        return place.reading(self.at, {key[1:] for key in links}, followed)

    def _end(self, place: Place, run: SyncRun, expected: tuple[str, Run]) -> None:
        """Apply a run that waits, as it is, and compare how it ended."""
        waits = expected[0] if expected[0] in ("held", "awaiting_review") else ""
        state = run.state if run.state in (RunState.HELD, RunState.AWAITING_REVIEW) else ""
        assert state == waits, f"the run is {run.state}: {run.reason}; expected: {expected[0]}"
        if state:
            run = place.sync.apply(run)
        assert run.state in (RunState.SUCCEEDED, RunState.PARTIAL), (run.state, run.reason, run.hint)
        failed = list(run.items.filter(outcome__in=["failed", "stale"]).values_list("external_id", "reason"))
        assert not failed, failed
        self.runs.append((run.pk, expected[1]))

    def do_sync(self) -> None:
        place = self._place()
        self._note(place.number)
        self._sync(place)

    def _sync(self, place: Place) -> None:
        reading = self._read(place)
        self._end(place, place.sync.run(), self.oracle.sync(reading))

    def do_cut(self) -> None:
        """Sync with a list that has no end."""
        place = self._place()
        kind = self.random.choice([*FIELDS])
        ids = {key[1] for key in place.objects if key[0] == kind and self.random.random() < 0.5}
        place.incomplete = {kind: ids}
        self._note(place.number, kind, sorted(ids))
        self._sync(place)
        place.incomplete = {}

    def do_review(self) -> None:
        """Plan, tick some first sightings, approve some of what is held, and apply."""
        place = self._place()
        reading = self._read(place)
        ticked = frozenset(key[1] for key in reading.unlisted if self.random.random() < 0.5)
        approved = frozenset(key[1] for key in reading.unlisted if self.random.random() < 0.5)
        self._note(place.number, "ticked", sorted(ticked), "approved", sorted(approved))
        run = place.sync.plan()
        run.items.filter(external_id__in=ticked, action="missing", sighting=1).update(ticked=True)
        run.items.filter(external_id__in=approved, held=True).update(held_ticked=True)
        expected = self.oracle.sync(reading, ticked=ticked, approved=lambda id_: id_ in approved)
        if run.has_open_plan:
            run = place.sync.apply(run)
        self._end(place, run, ("", expected[1]))

    def do_decide(self) -> bool:
        waiting = sorted(self.oracle.questions)
        if not waiting:
            return False
        kind, subject = self.random.choice(waiting)
        choices = {
            "both_edited": ["keep_mine", "keep_mine_always", "take_source"], "gone": ["deactivate", "keep"],
            "not_visible": ["deactivate", "keep"], "deleted_here": ["restore", "leave"],
            "recreated": ["relink", "keep_all"],
        }  # fmt: skip
        choice = self.random.choice(choices[kind])
        self._note(kind, subject, choice)
        open_ = Conflict.objects.filter(state="open")
        conflict = next(each for each in open_ if (each.kind, subject_of(self.stored, each)) == (kind, subject))
        is_stale = self.oracle.is_stale(kind, subject, choice)
        try:
            decided = decide(conflict, Decision(choice, {}, None))
        except Refused as refused:
            assert (refused.code, is_stale) == ("stale_question", True), refused
            return True
        assert decided.run is not None and not is_stale
        self.runs.append((decided.run.pk, self.oracle.decide(kind, subject, choice)))
        return True

    def do_undo(self) -> bool:
        """Undo the last run, whatever was edited since."""
        while self.runs and not (self.runs[-1][1].changes or self.runs[-1][1].question):
            self.runs.pop()
        if not self.runs:
            return False
        pk, run = self.runs.pop()
        self._note("decision" if run.question else "import")
        undo(SyncRun.objects.get(pk=pk), None)
        self.oracle.undo(run)
        return True

    def do_crash(self) -> None:
        """Kill a sync before one of its statements; then the next complete sync follows."""
        place, at = self._place(), self.random.randint(1, 90)
        self._note(place.number, at)
        place.sync.profile.refresh_from_db()
        run = start(place.sync.profile, RunKind.APPLY, by=None, notify=False)
        with Failpoints(Kill(at)), suppress(Killed, Error):
            place.sync.drive(run)
        SyncRun.objects.filter(state=RunState.RUNNING).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        recover_runs()
        for queued in SyncRun.objects.filter(pk=run.pk, state=RunState.QUEUED):
            place.sync.drive(queued)
        self._sync_after_crash(place)

    def _sync_after_crash(self, place: Place) -> None:
        reading = self._read(place)
        run = place.sync.run()
        expected = self.oracle.sync(reading)
        if run.has_open_plan:
            run = place.sync.apply(run)
        self._end(place, run, ("", expected[1]))
        self.runs.clear()  # two runs share what was written, so neither is undone


def drive(
    seed: int, steps: int, clock: time_machine.Traveller, each: Callable[[str], None] = lambda name: None
) -> None:
    """Take a number of steps. A difference raises AssertionError with the steps that led to it."""
    driver = Driver(seed, clock)
    try:
        for _ in range(steps):
            driver.step()
            each(driver.log[-1].split()[0])
    except Exception as error:
        error.add_note(f"sequence {seed}, step {len(driver.log)}:\n" + "\n".join(driver.log))
        raise

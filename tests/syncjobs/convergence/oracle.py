"""A plain model of the sync semantics, written from their description alone. It imports nothing of the product.

It takes the same abstract steps as the product and holds what the database must hold after each: rows with their
values and elements, links with state, base, pins and sightings, and which questions are open. Each rule is written as a person
would say it, without regard to speed. There are no shortcuts, fingerprints, batches or versions in it: that the product
has them must not be visible in the result.

The vocabulary: a *source* is a number; a *key* is (source, kind, external id); a *path* is the name of a field, or
``elements.<id>`` for an element of a link; a value that is not there is None.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.syncjobs.convergence.values import ACTIVE, Change, Key, Link, Reading, Record, Row, Rules, Run

HOUR = 3_600
#: Fields whose first difference is settled without a question.
QUIET = frozenset({("responder", "name"), ("responder", "title"), ("service", "description")})


@dataclass
class Oracle:
    rows: dict[int, Row] = field(default_factory=dict)
    links: dict[Key, Link] = field(default_factory=dict)
    rules: dict[int, Rules] = field(default_factory=dict)
    questions: dict[tuple[str, Any], Any] = field(default_factory=dict)  # (kind, subject): paths
    settled: set[tuple[str, Any]] = field(default_factory=set)  # questions about pairs that were answered for good
    numbers: int = 0

    # --- steps of people ----------------------------------------------------------------------------------------------

    def create(self, row: Row) -> int:
        self.numbers += 1
        self.rows[self.numbers] = row
        return self.numbers

    def edit(self, row: int, owner: Key | None, path: str, value: Any) -> None:
        """Set a value as a person does. An element with the owner None belongs to nobody."""
        if owner is None and path.startswith("elements."):
            self.rows[row].elements[None, path.removeprefix("elements.")] = value
        else:
            self.rows[row].set(owner or (0, "", ""), path, value)

    def delete(self, row: int) -> None:
        """Delete a row. A link without a row is what remains of it."""
        del self.rows[row]
        for link in self.links.values():
            if link.row == row:
                link.row = None

    def set_rules(self, source: int, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.rules[source], name, value)
        self.rules[source].switched = True

    def release_pin(self, key: Key, path: str) -> None:
        self.links[key].pins.pop(path, None)

    # --- a run --------------------------------------------------------------------------------------------------------

    def sync(
        self, reading: Reading, *, ticked: frozenset[str] = frozenset(), approved: Callable[[str], bool] | None = None
    ) -> tuple[str, Run]:
        """Read, plan and apply. Return the state in which the run waits for a person or ends, and what it did.

        ticked: external ids whose first sighting a reviewer ticked, which is the second. approved: which of the held
        ids were approved. A run that waits is applied by the caller, so its state is returned and the rest is done.
        """
        run = Run(False, questions=deepcopy(self.questions), settled=set(self.settled))
        run.links = {key: deepcopy(link) for key, link in self.links.items()}
        whole_kind = self._vanished(reading)
        replaced = self._replaced_edits(reading)
        self._recreated(reading)
        leaving = self._absences(run, reading, ticked)
        held = {key for key in self._guarded(reading, leaving) if approved is None or not approved(key[2])}
        for key in leaving:
            if key not in held:
                self._leave(run, key)
        for kind, id_ in sorted(reading.records):
            self._present(run, (reading.source, kind, id_), reading.records[kind, id_])
        self.rules[reading.source].switched = False
        if whole_kind:
            return "held", run
        if replaced:
            return "awaiting_review", run
        return ("partial" if held else "succeeded"), run

    def _mine(self, source: int) -> Iterator[tuple[Key, Link]]:
        yield from sorted((key, link) for key, link in self.links.items() if key[0] == source)  # type: ignore[type-var]

    def _live(self, row: int) -> list[Key]:
        """Return the keys of the links of a row that follow their source, the oldest first."""
        found = [key for key, link in self.links.items() if link.row == row and link.state == "linked"]
        return sorted(found, key=lambda key: self.links[key].age)

    def owner(self, key: Key, path: str) -> str:
        """Return who owns a field: the pin, else the field in the profile, else the strategy."""
        rules = self.rules[key[0]]
        name = "elements" if path.startswith("elements.") else path
        return self.links[key].pins.get(path) or rules.ownership.get(f"{key[1]}.{name}") or rules.strategy

    # Absence is planned before presence.

    def _vanished(self, reading: Reading) -> bool:
        """Whether a whole kind of at least five vanished: none of its objects is listed, none was not chosen."""
        for kind in {key[1] for key, _ in self._mine(reading.source)}:
            linked = [key for key, link in self._mine(reading.source) if key[1] == kind and self._follows(link)]
            gone = [key for key in linked if reading.unlisted.get(key[1:]) in ("not_found", "not_visible")]
            if len(linked) >= 5 and len(gone) == len(linked) and not any(k == kind for k, _ in reading.records):
                return True
        return False

    def _follows(self, link: Link) -> bool:
        return link.state == "linked" and link.row is not None and self.rows[link.row].active

    def _replaced_edits(self, reading: Reading) -> int:
        """Return how many local edits a switch of the strategy, or a re-attached object, would replace."""
        number = 0
        for key, link in self._mine(reading.source):
            record = reading.records.get(key[1:])
            if record is None or link.row is None or link.state not in ("linked", "detached"):
                continue
            if link.state == "detached" or self.rules[key[0]].switched:
                for path, _ in self._paths(key, record):
                    base, local = self._base(key).get(path), self.rows[link.row].get(key, path)
                    source = self._source_value(record, path)
                    number += self.owner(key, path) == "source" and base != local != source
        return number

    def _recreated(self, reading: Reading) -> None:
        """A new id with the name of one that is not listed any more: the pair is a question, and nothing leaves."""
        for question in [each for each in self.questions if each[0] == "recreated" and each[1][0][0] == reading.source]:
            old, new = question[1]
            if old[1:] in reading.records or (new[1:] not in reading.records):
                del self.questions[question]
        for (kind, id_), record in reading.records.items():
            new = (reading.source, kind, id_)
            if kind != "service" or new in self.links:
                continue
            olds = [
                key
                for key, link in self._mine(reading.source)
                if key[1] == kind
                and self._follows(link)
                and reading.unlisted.get(key[1:]) == "not_found"
                and link.row is not None
                and self.rows[link.row].fields["name"].casefold() == record.fields["name"].casefold()
            ]
            news = [1 for k, r in reading.records.items() if k[0] == kind and (reading.source, *k) not in self.links
                    and r.fields["name"].casefold() == record.fields["name"].casefold()]  # fmt: skip
            if len(olds) == len(news) == 1 and ("recreated", (olds[0], new)) not in self.settled:
                self.questions["recreated", (olds[0], new)] = ()

    def _absences(self, run: Run, reading: Reading, ticked: frozenset[str]) -> list[Key]:
        """Count sightings, detach what is not chosen, ask, and return what is proved gone and would become inactive."""
        leaving: list[Key] = []
        blocked = {each[1][0] for each in self.questions if each[0] == "recreated"}
        for key, link in list(self._mine(reading.source)):
            presence = reading.unlisted.get(key[1:])
            if key[1:] in reading.records or link.state != "linked" or link.row is None or key in blocked:
                continue
            if presence == "not_chosen":
                link.state, link.missing = "detached", 0
                self._close(key)
            if presence not in ("not_found", "not_visible") or self.owner(key, ACTIVE) == "local":
                continue
            if link.base.get(ACTIVE) is False or not self.rows[link.row].active:
                continue  # settled already: kept here though it is gone, or made inactive here
            proved = link.missing == 1 and reading.at - link.missing_at >= HOUR
            if link.missing == 0:
                link.missing, link.missing_at = 1, reading.at
            if proved or link.missing == 2 or key[2] in ticked:
                self._gone(key, presence, leaving)
        return leaving

    def _gone(self, key: Key, presence: str, leaving: list[Key]) -> None:
        link = self.links[key]
        assert link.row is not None
        others = [each for each in self._live(link.row) if each != key]
        if presence == "not_visible":
            link.missing = 2
            self._ask("not_visible", key)
        elif not others and self.owner(key, ACTIVE) == "ask" and self.is_edited(key):
            link.missing = 2
            self._ask("gone", key)
        else:
            leaving.append(key)

    def is_edited(self, key: Key) -> bool:
        """Whether anything on the row was edited here: a field, an element of the link, or one of nobody."""
        link = self.links[key]
        assert link.row is not None
        row, base = self.rows[link.row], self._base(key)
        fields = any(base.get(path) != row.fields[path] for path in row.fields)
        return (
            fields
            or any(
                base.get(f"elements.{id_}") != row.elements.get((key, id_))
                for id_ in {path.removeprefix("elements.") for path in base if path.startswith("elements.")}
                | {id_ for owner, id_ in row.elements if owner == key}
            )
            or any(owner is None for owner, _ in row.elements)
        )

    def _guarded(self, reading: Reading, leaving: list[Key]) -> set[Key]:
        """Return which of those that leave are held: too many of a kind, or all of it. Detaching is not removing."""
        held: set[Key] = set()
        for kind in {key[1] for key in leaving}:
            rules = self.rules[reading.source]
            removed = [key for key in leaving if key[1] == kind and len(self._live(self._row_of(key))) == 1]
            known = [key for key, link in self._mine(reading.source) if key[1] == kind and self._follows(link)]
            many = len(removed) >= rules.count and len(removed) * 100 > rules.share * len(known)
            if removed and (many or len(removed) == len(known)):
                held |= set(removed)
        return held

    def _row_of(self, key: Key) -> int:
        row = self.links[key].row
        assert row is not None
        return row

    def _leave(self, run: Run, key: Key) -> None:
        """The last live link makes the row inactive; an earlier one detaches and takes its unedited elements along."""
        link = self.links[key]
        number = self._row_of(key)
        if self._live(number) == [key]:
            self._write(run, key, ACTIVE, False)
            link.base[ACTIVE] = False
            link.state, link.missing = "gone", 2
            self._close(key)
            return
        self._let_elements_go(run, key)
        link.state, link.missing = "detached", 0
        self._close(key)

    def _let_elements_go(self, run: Run, key: Key) -> None:
        """An element leaves with its link if it is unedited; edited, `ask` makes it local and `source` removes it."""
        link, row = self.links[key], self.rows[self._row_of(key)]
        for owner, id_ in sorted(each for each in row.elements if each[0] == key):
            path = f"elements.{id_}"
            edited = row.elements[owner, id_] != link.base.get(path)
            value = row.elements[owner, id_]
            self._write(run, key, path, None)
            if edited and self.owner(key, path) != "source":
                row.elements[None, f"{key}:{id_}"] = value
            link.base.pop(path, None)

    # Presence.

    def _present(self, run: Run, key: Key, record: Record) -> None:
        link = self.links.get(key)
        if link is None:
            self._first(run, key, record)
            return
        if link.state == "ignored":
            return
        if link.row is None:
            self._deleted_here(key)
            return
        link.missing = 0
        self._close(key, "gone", "not_visible")
        if link.state in ("detached", "gone"):
            link.state = "linked"
        self._hand_over(key)
        self._merge(run, key, record)

    def _first(self, run: Run, key: Key, record: Record) -> None:
        """A first match needs exactly one candidate by address; otherwise the object gets a row of its own."""
        number = None
        if record.address is not None:
            found = [n for n, row in self.rows.items() if (row.kind, row.address) == (key[1], record.address)
                     and row.merged_into is None]  # fmt: skip
            claimed = [n for n in found if any(o[0] == key[0] and link.row == n for o, link in self.links.items())]
            number = found[0] if len(found) == 1 and not claimed else None
        if number is None:
            number = self.create(Row(key[1], dict(record.fields), record.address))
            run.changes.append(Change(number, key, None))
        self.links[key] = Link(number, max((link.age for link in self.links.values()), default=0) + 1, primary=False)
        run.links.setdefault(key, None)
        self.links[key].primary = not any(
            link.primary for other, link in self.links.items() if link.row == number and other != key
        )
        self._merge(run, key, record)

    def _deleted_here(self, key: Key) -> None:
        """`ask`: what was deleted here stays deleted. `source`: it is asked."""
        if self.owner(key, ACTIVE) == "source":
            self._ask("deleted_here", key)
        else:
            self._close(key)
            self.links[key].state = "ignored"

    def _hand_over(self, key: Key) -> None:
        """If the primary link does not follow its source any more, the oldest live link writes the fields."""
        link = self.links[key]
        number = self._row_of(key)
        former = next((each for each, o in self.links.items() if o.row == number and o.primary), None)
        if former is not None and self.links[former].state == "linked":
            return
        if self._live(number)[0] == key and former != key:
            link.primary = True
            if former is not None:
                self.links[former].primary = False
                fields = {p: v for p, v in self.links[former].base.items() if not p.startswith("elements.")}
                link.base |= {path: value for path, value in fields.items() if path != ACTIVE}

    def _base(self, key: Key) -> dict[str, Any]:
        return self.links[key].base

    @staticmethod
    def _source_value(record: Record, path: str) -> Any:
        if path == ACTIVE:
            return True
        if path.startswith("elements."):
            return record.elements.get(path.removeprefix("elements."))
        return record.fields[path]

    def _paths(self, key: Key, record: Record) -> Iterator[tuple[str, Any]]:
        """Yield what a link compares, with the source's value: fields if it is primary, always its own elements."""
        link = self.links[key]
        if link.primary:
            yield ACTIVE, True
            yield from record.fields.items()
        ids = {f"elements.{id_}" for id_ in record.elements} | {p for p in link.base if p.startswith("elements.")}
        for path in sorted(ids):
            yield path, self._source_value(record, path)

    def _merge(self, run: Run, key: Key, record: Record) -> None:
        """The table: base, local, source."""
        link = self.links[key]
        row = self.rows[self._row_of(key)]
        asked: list[str] = []
        for path, source in list(self._paths(key, record)):
            owner, local, known = self.owner(key, path), row.get(key, path), path in link.base
            base = link.base.get(path)
            quiet = (row.kind, path) in QUIET
            first_element = path.startswith("elements.") and not known
            if owner == "local":
                continue
            if local == source:
                link.base[path] = source
            elif owner == "source" or (known and local == base) or first_element or (not known and local in ("", None)):
                if path.startswith("elements.") and source is None and local != base and owner != "source":
                    continue
                self._write(run, key, path, source)
                link.base[path] = source
            elif known and source == base:
                pass
            elif not known and quiet:
                link.base[path] = source
            elif path.startswith("elements.") and source is None:  # it leaves: what was edited here becomes local
                value = row.elements.pop((key, path.removeprefix("elements.")))
                row.elements[None, f"{key}:{path.removeprefix('elements.')}"] = value
                link.base.pop(path)
            else:
                asked.append(path)
            if path.startswith("elements.") and source is None and link.base.get(path, "") is None:
                link.base.pop(path)
        if asked:
            self.questions["both_edited", key] = tuple(sorted(asked))
        else:
            self.questions.pop(("both_edited", key), None)

    def _write(self, run: Run, key: Key, path: str, value: Any) -> None:
        number = self._row_of(key)
        old = self.rows[number].get(key, path)
        self.rows[number].set(key, path, value)
        run.changes.append(Change(number, key, path, old, value))

    def _ask(self, kind: str, key: Key) -> None:
        self.questions.setdefault((kind, key), ())

    def _close(self, key: Key, *kinds: str) -> None:
        for question in [each for each in self.questions if each[1] == key and (not kinds or each[0] in kinds)]:
            del self.questions[question]

    # --- decisions ----------------------------------------------------------------------------------------------------

    def decide(self, kind: str, subject: Any, choice: str, reading: Reading | None = None) -> Run:
        """Answer a question. reading: the values of the source that the question showed."""
        run = Run(True, questions=deepcopy(self.questions), settled=set(self.settled))
        run.links = {key: deepcopy(link) for key, link in self.links.items()}
        paths = self.questions.pop((kind, subject))
        if kind == "both_edited":
            assert reading is not None
            for path in paths:
                source = self._source_value(reading.records[subject[1:]], path)
                if choice == "take_source":
                    self._write(run, subject, path, source)
                else:
                    self.links[subject].pins[path] = "ask" if choice == "keep_mine" else "local"
                self.links[subject].base[path] = source
        elif kind in ("gone", "not_visible"):
            if choice == "keep":
                self.links[subject].state = "detached"
            else:
                self._write(run, subject, ACTIVE, False)
                self.links[subject].base[ACTIVE], self.links[subject].state = False, "gone"
        elif kind == "deleted_here":
            self._answer_deletion(run, subject, choice)
        elif kind == "recreated":
            self._answer_recreated(run, subject, choice)
        return run

    def _answer_deletion(self, run: Run, key: Key, choice: str) -> None:
        link = self.links[key]
        if choice == "leave":
            link.state = "ignored"
            return
        fields = {path: v for path, v in link.base.items() if path != ACTIVE and not path.startswith("elements.")}
        elements = {(key, p.removeprefix("elements.")): v for p, v in link.base.items() if p.startswith("elements.")}
        link.row = self.create(Row(key[1], fields, elements=elements))  # type: ignore[arg-type]
        run.changes.append(Change(link.row, key, None))

    def _answer_recreated(self, run: Run, pair: tuple[Key, Key], choice: str) -> None:
        self.settled.add(("recreated", pair))
        if choice == "keep_all":
            return
        old, new = pair
        number = self._row_of(new)
        self.rows[number].active, self.rows[number].merged_into = False, self._row_of(old)
        run.merged.append(number)
        self._let_elements_go(run, old)
        self.links[new].row, self.links[new].primary = self._row_of(old), self.links[old].primary
        self.links[old].primary, self.links[old].state, self.links[old].missing = False, "ignored", 0

    # --- undo ---------------------------------------------------------------------------------------------------------

    def undo(self, run: Run) -> None:
        """Take back what a run did, backwards, except what was edited later. A second undo is refused."""
        assert not run.undone
        run.undone = True
        for number in run.merged:
            self.rows[number].active, self.rows[number].merged_into = True, None
        created = {change.row for change in run.changes if change.path is None}
        for change in reversed(run.changes):
            if change.row not in self.rows:
                continue
            if change.path is None:
                self._undo_created(change)
            elif change.row not in created and self.rows[change.row].get(change.owner, change.path) == change.new:
                self.rows[change.row].set(change.owner, change.path, change.old)
                if not run.decision:
                    self.links[change.owner].pins[change.path] = "ask"
        for key, before in run.links.items():
            if run.decision:
                if before is not None:
                    self.links[key] = deepcopy(before)
            elif before is None:
                self.links[key].state = "ignored"  # what the run created or matched
            else:
                self.links[key].state, self.links[key].missing = before.state, before.missing
                self.links[key].missing_at, self.links[key].primary = before.missing_at, before.primary
        if run.decision:
            self.questions, self.settled = dict(run.questions), set(run.settled)

    def _undo_created(self, change: Change) -> None:
        """A created row is deleted if it is unedited and nothing refers to it, else it becomes inactive."""
        refer = [key for key, link in self.links.items() if link.row == change.row and key != change.owner]
        if refer or self.is_edited(change.owner):
            self.rows[change.row].active = False
        else:
            self.delete(change.row)

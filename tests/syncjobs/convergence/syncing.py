"""The half of the oracle that says what a run does: sightings, detaching, merging, first matches, hand-over."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.syncjobs.convergence.values import ACTIVE, Change, Key, Link, Reading, Record, Row, Rules, Run

HOUR = 3_600
#: Fields whose first difference is settled without a question.
QUIET = frozenset({("responder", "name"), ("responder", "title"), ("service", "description")})


@dataclass
class Syncing:
    """What must be in the database, and what people and syncs do to it."""

    rows: dict[int, Row] = field(default_factory=dict)
    links: dict[Key, Link] = field(default_factory=dict)
    rules: dict[int, Rules] = field(default_factory=dict)
    questions: dict[tuple[str, Any], Any] = field(default_factory=dict)  # (kind, subject): paths
    settled: set[tuple[str, Any]] = field(default_factory=set)  # questions about pairs that were answered for good
    before: set[Key] = field(default_factory=set)  # the links that were linked before the run
    shown: dict[Key, dict[str, Any]] = field(default_factory=dict)  # the local values that a question shows
    seen: dict[Key, Record] = field(default_factory=dict)  # what was last compared of each object
    numbers: int = 0

    # --- steps of people ----------------------------------------------------------------------------------------------

    def create(self, row: Row) -> int:
        self.numbers += 1
        self.rows[self.numbers] = row
        return self.numbers

    def edit(self, row: int, owner: Key | None, path: str, value: Any) -> None:
        """Set a value as a person does. An element with the owner None belongs to nobody."""
        self.rows[row].set(owner, path, value)

    def delete(self, row: int) -> None:
        """Delete a row. A link without a row is what remains of it."""
        del self.rows[row]
        for link in self.links.values():
            if link.row == row:
                link.row = None

    def set_rules(self, source: int, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.rules[source], name, value)

    def release_pin(self, key: Key, path: str) -> None:
        self.links[key].pins.pop(path, None)

    def release(self, key: Key) -> None:
        """Release all pins, and the link if it is ignored: the next read of its object attaches it."""
        link = self.links[key]
        link.pins = {}
        if link.state == "ignored" and link.row is None:
            del self.links[key]  # what was deleted here is like an object that is read for the first time
        elif link.state == "ignored":
            link.state = "detached"

    # --- a run --------------------------------------------------------------------------------------------------------

    def sync(
        self, reading: Reading, *, ticked: frozenset[str] = frozenset(), approved: Callable[[str], bool] | None = None
    ) -> tuple[str, Run]:
        """Read, plan and apply. Return the state in which the run waits for a person or ends, and what it did.

        ticked: external ids whose first sighting a reviewer ticked, which is the second. approved: which of the held
        ids were approved. A run that waits is applied by the caller, so its state is returned and the rest is done.
        """
        run = self._begin()
        self.before = {key for key, link in self.links.items() if link.state == "linked"}
        self._close_unfollowed(reading.source)
        approve = approved or (lambda id_: False)
        vanished = self._vanished(reading)
        replaced = self._replaced_edits(reading)
        self._recreated(reading)
        # A tick is a decision of its own. If a whole kind vanished, only an approval counts as one.
        second = {
            key
            for key, _ in self._mine(reading.source)
            if (approve(key[2]) if key[1] in vanished else key[2] in ticked)
        }
        seen_once = {key for key in second if self.links[key].missing == 0 or not self._is_due(key, reading)}
        leaving = self._absences(run, reading, second)
        planned = [key for key in leaving if key not in seen_once]
        held = {key for key in self._guarded(reading, planned, vanished) if not approve(key[2])}
        for key in leaving:
            if key not in held:
                self._leave(run, key)
                if key not in seen_once:  # of what was ticked, the next plan closes it
                    self._close(key)
        for kind, id_ in sorted(reading.records):
            self._present(run, (reading.source, kind, id_), reading.records[kind, id_])
        self._finished(run)
        if vanished:
            return "held", run
        if replaced:
            return "awaiting_review", run
        return ("partial" if held else "succeeded"), run

    def _begin(self, question: Any = None) -> Run:
        return Run(question, links={key: deepcopy(link) for key, link in self.links.items()})

    def _finished(self, run: Run) -> Run:
        """Keep the links that the run changed, with both sides."""
        run.after = {key: deepcopy(link) for key, link in self.links.items() if run.links.get(key) != link}
        run.links = {key: run.links.get(key) for key in run.after}
        for change in run.changes:
            if change.path is None:
                change.new = deepcopy(self.rows[change.row])
        return run

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

    def _vanished(self, reading: Reading) -> set[str]:
        """Return the kinds of at least five followed objects of which none is known to the source any more."""
        found = set()
        for kind in {key[1] for key, _ in self._mine(reading.source)}:
            linked = self._linked(reading.source, kind)
            gone = [key for key in linked if reading.unlisted.get(key[1:]) in ("not_found", "not_visible")]
            if len(linked) >= 5 and len(gone) == len(linked):
                found.add(kind)
        return found

    def _linked(self, source: int, kind: str) -> list[Key]:
        return [key for key, link in self._mine(source) if key[1] == kind and link.state == "linked"]

    def _is_due(self, key: Key, reading: Reading) -> bool:
        """Whether a second sighting proves the absence: an hour after the first, with the same rights."""
        link = self.links[key]
        is_later = reading.at - link.missing_at >= HOUR and reading.complete == link.missing_lists
        return link.missing == 2 or (link.missing == 1 and is_later)

    def _follows(self, link: Link) -> bool:
        return link.state == "linked" and link.row is not None and self.rows[link.row].active

    def _replaced_edits(self, reading: Reading) -> int:
        """Return how many local edits the objects would replace that follow their source again."""
        number = 0
        for key, link in self._mine(reading.source):
            record = reading.records.get(key[1:])
            if record is None or link.row is None or link.state != "detached":
                continue
            for path, source in self._paths(key, record):
                base, local = self._base(key).get(path), self.rows[link.row].get(key, path)
                number += self.owner(key, path) == "source" and base != local != source
        return number

    def _recreated(self, reading: Reading) -> None:
        """A new id with the name of one that is not listed any more: the pair is a question, and nothing leaves."""
        for question in [each for each in self.questions if each[0] == "recreated" and each[1][0][0] == reading.source]:
            old, new = question[1]
            link, state = self.links[old], reading.unlisted.get(old[1:])
            known = [self.links[key] for key in (old, new) if key in self.links]
            moved = any(each.row is None or each.state != "linked" for each in known) or new[1:] not in reading.records
            if link.state != "linked" or old[1:] in reading.records or (moved and state != "not_reached"):
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

    def _absences(self, run: Run, reading: Reading, second: set[Key]) -> list[Key]:
        """Count sightings, detach what is not chosen, ask, and return what is proved gone and would become inactive."""
        leaving: list[Key] = []
        blocked = {each[1][0] for each in self.questions if each[0] == "recreated"}
        for key, link in list(self._mine(reading.source)):
            presence = reading.unlisted.get(key[1:])
            if key[1:] in reading.records or link.state != "linked":
                continue
            if presence == "not_chosen" or (link.row is None and presence in ("not_found", "not_visible")):
                link.state = "detached"
                self._close(key)
            if link.row is None or link.state == "detached":
                continue
            if key in blocked or not self._counts(key, presence):
                self._hand_over(key)
                continue
            before = set(self.questions)
            if link.missing == 0 or (link.missing == 1 and not reading.complete <= link.missing_lists):
                # What sees more than the first sighting begins anew; what sees less is no sighting.
                link.missing, link.missing_at, link.missing_lists = 1, reading.at, reading.complete
            elif self._is_due(key, reading):
                link.missing = 2
            if link.missing == 2 or key in second:
                self._gone(key, str(presence), leaving)
                if link.missing == 2 and key not in leaving and set(self.questions) == before:
                    self._hand_over(key)  # nothing is left to do but wait for the answer
        return leaving

    def _counts(self, key: Key, presence: str | None) -> bool:
        """Whether the absence is a sighting: of an object that the source does not know, and that is not settled."""
        if presence not in ("not_found", "not_visible"):
            return False
        link, owner = self.links[key], self.owner(key, ACTIVE)
        is_kept = owner == "ask" and self.rows[self._row_of(key)].active and link.base.get(ACTIVE) is False
        return owner != "local" and not is_kept

    def _gone(self, key: Key, presence: str, leaving: list[Key]) -> None:
        link = self.links[key]
        assert link.row is not None
        others = [each for each in self._live(link.row) if each != key]
        may_ask = not others and self.owner(key, ACTIVE) == "ask" and self.rows[link.row].active
        edited = may_ask and self.is_edited(key)
        if presence != "not_visible" and not edited:
            leaving.append(key)
            self._close(key, "gone", "not_visible")  # no answer is needed, also if the removal is held
        elif link.missing == 2:
            self._ask("gone" if edited and presence != "not_visible" else "not_visible", key)
        else:
            link.missing_at -= HOUR  # a tick makes the second sighting due: the plan of the next read asks

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

    def _guarded(self, reading: Reading, leaving: list[Key], vanished: set[str]) -> set[Key]:
        """Return which of those that leave are held. Detaching is not removing.

        They are too many of a kind, or all of it, or the source lists none of those that followed it.
        """
        held: set[Key] = set()
        for kind in {key[1] for key in leaving}:
            rules = self.rules[reading.source]
            removed = [
                key for key in leaving
                if key[1] == kind and self._live(self._row_of(key)) == [key] and self.rows[self._row_of(key)].active
            ]  # fmt: skip
            known = [key for key in self.before if key[0] == reading.source and key[1] == kind]
            many = len(removed) >= rules.count and len(removed) * 100 > rules.share * len(known)
            lists_none = not any(key[1:] in reading.records for key in known)
            if removed and (many or len(removed) == len(known) or lists_none or kind in vanished):
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
            self._hand_over(key)
            if self.rows[number].active:
                self._write(run, key, ACTIVE, False)
            link.base[ACTIVE] = False
            link.state = "gone"
            self._close(key, "gone", "not_visible")
            return
        self._let_elements_go(run, key)
        link.state = "detached"
        self._close(key, "gone", "not_visible")

    def _let_elements_go(self, run: Run, key: Key) -> None:
        """An element leaves with its link if it is unedited; edited, `ask` makes it local and `source` removes it."""
        link, row = self.links[key], self.rows[self._row_of(key)]
        for path in sorted(path for path in link.base if path.startswith("elements.")):
            owner, local = self.owner(key, path), row.get(key, path)
            if owner == "local":
                continue
            if local is not None and (owner == "source" or local == link.base[path]):
                self._write(run, key, path, None)
            del link.base[path]

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
        number, base = None, dict[str, Any]()
        if record.address is not None:
            found = [n for n, row in self.rows.items() if (row.kind, row.address) == (key[1], record.address)
                     and row.merged_into is None and row.active]  # fmt: skip
            claimed = [n for n in found if any(o[0] == key[0] and link.row == n for o, link in self.links.items())]
            number = found[0] if len(found) == 1 and not claimed else None
        if number is None:
            elements = {(key, id_): value for id_, value in record.elements.items()}
            number = self.create(Row(key[1], dict(record.fields), record.address, elements=dict(elements)))
            run.changes.append(Change(number, key, None))
            made = {f"elements.{id_}": value for id_, value in record.elements.items()}
            base = {ACTIVE: True, **record.fields, **made}
        self.links[key] = Link(
            number, max((link.age for link in self.links.values()), default=0) + 1, primary=False, base=base
        )
        self._hand_over(key)
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
                link.base |= {p: v for p, v in self.links[former].base.items() if not p.startswith("elements.")}

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
        self.seen[key] = record
        asked: list[str] = []
        for path, source in list(self._paths(key, record)):
            owner, local, base = self.owner(key, path), row.get(key, path), link.base.get(path)
            if owner == "local":
                continue
            if local == source:
                link.base[path] = source
            elif owner == "source" or (path not in link.base and local in ("", None)):
                self._take(run, key, path, source)
            elif path not in link.base:
                if (row.kind, path) in QUIET:
                    link.base[path] = source
                else:
                    asked.append(path)
            elif local == base:
                self._take(run, key, path, source)
            elif source == base:
                continue
            elif path.startswith("elements.") and source is None:
                link.base[path] = None  # it leaves the source, and what was edited here stays as a local element
            else:
                asked.append(path)
            if path.startswith("elements.") and link.base.get(path, "") is None:
                del link.base[path]
        if asked:
            self.questions["both_edited", key] = tuple(sorted(asked))
            self.shown[key] = {path: row.get(key, path) for path in asked}
        else:
            self.questions.pop(("both_edited", key), None)

    def _take(self, run: Run, key: Key, path: str, value: Any) -> None:
        self._write(run, key, path, value)
        self.links[key].base[path] = value

    def _write(self, run: Run, key: Key, path: str, value: Any) -> None:
        number = self._row_of(key)
        old = self.rows[number].get(key, path)
        self.rows[number].set(key, path, value)
        run.changes.append(Change(number, key, path, old, value))

    def _ask(self, kind: str, key: Key) -> None:
        self.questions.setdefault((kind, key), ())

    def _close_unfollowed(self, source: int) -> None:
        """Close what was asked about values of objects that do not follow their source any more."""
        for key, link in self._mine(source):
            if link.state != "linked":
                self._close(key, "both_edited")

    def _close(self, key: Key, *kinds: str) -> None:
        for question in [each for each in self.questions if each[1] == key and (not kinds or each[0] in kinds)]:
            del self.questions[question]

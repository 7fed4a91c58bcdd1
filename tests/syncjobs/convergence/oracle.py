"""A plain model of the sync semantics, written from their description alone. It imports nothing of the product.

It takes the same abstract steps as the product and holds what the database must hold after each: rows with their
values and elements, links with state, base, pins and sightings, and which questions are open. Each rule is written as a
person would say it, without regard to speed. There are no shortcuts, fingerprints, batches or versions in it: that the
product has them must not be visible in the result.

The vocabulary: a *source* is a number; a *key* is (source, kind, external id); a *path* is the name of a field, or
``elements.<id>`` for an element of a link; a value that is not there is None.
"""

from typing import Any

from tests.syncjobs.convergence.syncing import Syncing
from tests.syncjobs.convergence.values import ACTIVE, Change, Key, Link, Row, Run


class Oracle(Syncing):
    """All of it: the steps of people, runs, answers and undo."""

    # --- decisions ----------------------------------------------------------------------------------------------------

    def decide(self, kind: str, subject: Any, choice: str) -> Run:
        """Answer a question. The values of the source are those that the question showed."""
        paths = self.questions.pop((kind, subject))
        run = self._begin((kind, subject, paths))
        if kind == "both_edited":
            for path in paths:
                source = self._source_value(self.seen[subject], path)
                if choice == "take_source":
                    self._write(run, subject, path, source)
                else:
                    self.links[subject].pins[path] = "ask" if choice == "keep_mine" else "local"
                self.links[subject].base[path] = source
        elif kind in ("gone", "not_visible"):
            if choice == "keep":
                self.links[subject].state = "detached"
            else:
                if self._live(self._row_of(subject)) == [subject]:
                    self._write(run, subject, ACTIVE, False)
                self.links[subject].base[ACTIVE], self.links[subject].state = False, "gone"
        elif kind == "deleted_here":
            self._answer_deletion(run, subject, choice)
        elif kind == "recreated":
            self._answer_recreated(run, subject, choice)
        return self._finished(run)

    def is_stale(self, kind: str, subject: Any, choice: str) -> bool:
        """Whether what a question shows has moved since, so that an answer to it is refused."""
        if kind == "recreated":
            links = [self.links[key] for key in subject if key in self.links]
            moved = len(links) < len(subject) or any(link.row is None or link.state != "linked" for link in links)
            return moved and choice == "relink"
        link = self.links[subject]
        if kind == "deleted_here" or link.state != "linked" or link.row is None:
            return link.state != "linked" or link.row is not None
        row, shown = self.rows[link.row], self.shown.get(subject, {})
        paths = self.questions[kind, subject] if kind == "both_edited" else ()
        return any(row.get(subject, path) != shown[path] for path in paths)

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
        for path, value in list(self.rows[number].fields.items()):
            here = self.rows[self._row_of(old)].fields[path]
            if here == self.links[old].base.get(path):
                self._write(run, old, path, value)
            elif here != value:
                self.links[new].base[path] = self.links[old].base.get(path)  # edited here: the next sync asks
        self.rows[number].merge_into(self._row_of(old))
        run.merged.append(number)
        self._let_elements_go(run, old)
        self.links[new].row, self.links[new].primary = self._row_of(old), self.links[old].primary
        self.links[old].primary, self.links[old].state = False, "ignored"

    # --- undo ---------------------------------------------------------------------------------------------------------

    def undo(self, run: Run) -> None:
        """Take back what a run did, backwards, except what was edited later. A second undo is refused."""
        assert not run.undone
        run.undone = True
        for number in run.merged:
            self.rows[number].merge_into(None)
        created = {change.row for change in run.changes if change.path is None}
        for change in reversed(run.changes):
            if change.row not in self.rows:
                continue
            if change.path is None:
                self._undo_created(change)
            elif change.row not in created and self.rows[change.row].get(change.owner, change.path) == change.new:
                self.rows[change.row].set(change.owner, change.path, change.old)
                is_first = run.links.get(change.owner, change.owner) is None
                if run.question is None and not is_first and change.owner in self.links:
                    self.links[change.owner].pins[change.path] = "ask"
        for key, before in run.links.items():
            if key in self.links:
                self._undo_link(self.links[key], before, run.after[key], import_=run.question is None)
        if run.question is not None:
            kind, subject, paths = run.question
            self.questions.setdefault((kind, subject), paths)  # what was asked again with other values stays
            self.settled.discard((kind, subject))

    @staticmethod
    def _undo_link(link: Link, before: Link | None, after: Link, *, import_: bool) -> None:
        """Of an import: what it created or matched is ignored, base and pins stay. Of a decision: all comes back."""
        if before is None:
            link.state, link.primary = "ignored", False
            return
        for name in ("state", "primary") if import_ else ("row", "state", "primary"):
            if getattr(link, name) == getattr(after, name):
                setattr(link, name, getattr(before, name))
        for now, then, former in () if import_ else (
            (link.base, after.base, before.base), (link.pins, after.pins, before.pins)
        ):  # fmt: skip
            for path in {*then, *former}:
                if now.get(path) == then.get(path) and path in former:
                    now[path] = former[path]
                elif now.get(path) == then.get(path):
                    now.pop(path, None)

    def _undo_created(self, change: Change) -> None:
        """A created row is deleted if it is unedited and nothing refers to it, else it becomes inactive."""
        refer = [key for key, link in self.links.items() if link.row == change.row and key != change.owner]
        is_edited = self.rows[change.row] != change.new  # also by a later run, and to and fro
        if refer or is_edited:
            self.rows[change.row].set(change.owner, ACTIVE, False)
        else:
            self.delete(change.row)

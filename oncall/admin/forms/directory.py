"""Converts between rows and the texts that forms show for them. Only rows that are shown or looked up are loaded."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import and_
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import lazystr

from oncall.aggregates import Kind, fold
from oncall.masking import may_see_addresses
from oncall.models import Reference
from oncall.models.root import KEY_LENGTH, Root
from oncall.selectors.visible import Viewer, may_change_any, visible_to
from oncall.tables.base import LOCAL, chunks, local_id
from oncall.tables.kinds import ROOTS

#: The word for each kind of row, with which labels begin. Those of people begin with it only where it is needed.
KIND_WORDS: Mapping[Kind, str] = {
    "responder": "person",
    "user_group": "group",
    "schedule": "schedule",
    "escalation_policy": "policy",
}
NOBODY = "nobody"
_NUMBER = re.compile(r"#([0-9]{1,18})$")
_MOST_SUGGESTIONS = 20
_MOST_IN_MESSAGE = 5

Keys = Mapping[tuple[Kind, str], int]


class Row(NamedTuple):
    """A row with what distinguishes it from others of its name. note: its address, source or state, or empty."""

    kind: Kind
    id: int
    name: str
    note: str

    @property
    def label(self) -> str:
        return one_line(f"{'' if self.kind == 'responder' else f'{KIND_WORDS[self.kind]}: '}{self.name} #{self.id}")

    @property
    def texts(self) -> Iterator[str]:
        """Yields the texts that can name the row: its label, with the word of its kind, and its number alone."""
        yield self.label
        yield one_line(f"{KIND_WORDS[self.kind]}: {self.name} #{self.id}")
        yield f"{KIND_WORDS[self.kind]}: #{self.id}"


class _Reading(NamedTuple):
    """What a text may mean: a folded name, and a number or None. An empty name with a number means any name."""

    kind: Kind
    name: str
    number: int | None


class Directory:
    """Finds rows by text, and names rows by label: the name and the number of the row, ``Ana Kowalski #12`` or
    ``group: Payments #3``. A text may leave out the number if the name is unique, or the name. If both are there, they
    must be those of one row.

    account: who uses it. Somebody who changes on-call rows finds all rows, anybody else those that are visible.
    """

    def __init__(self, account: Viewer) -> None:
        self._account = account
        self._everything = may_change_any(account)
        self._rows: dict[Kind, dict[int, Row | None]] = {kind: {} for kind in KIND_WORDS}
        self._named: dict[Kind, dict[str, set[int]]] = {kind: defaultdict(set) for kind in KIND_WORDS}
        self._expected: dict[Kind, set[int]] = {kind: set() for kind in KIND_WORDS}
        self._looked_up: set[_Reading] = set()

    @classmethod
    def of(cls, request: HttpRequest) -> "Directory":
        """Returns the directory of a request, which is created once."""
        directory = getattr(request, "on_call_directory", None)
        if directory is None:
            directory = cls(request.user)
            request.on_call_directory = directory  # type: ignore[attr-defined]
        return directory

    # --- labels -------------------------------------------------------------------------------------------------------

    def expect(self, kind: Kind, ids: Iterable[int]) -> None:
        """Announces rows whose labels are needed, so that one query loads all of them."""
        self._expected[kind] |= set(ids) - self._rows[kind].keys()

    def label(self, kind: Kind, id_: int | None, key: str = "") -> str:
        """Returns the label of a row. The label of an unknown row contains ``key``."""
        row = None if id_ is None else self._row(kind, id_)
        return unknown_label(kind, key) if row is None else row.label

    def label_when_shown(self, kind: Kind, id_: int | None, key: str = "") -> str:
        """Returns the label, looked up when it is read: the forms of a formset need one query together."""
        if id_ is not None:
            self.expect(kind, [id_])
        return lazystr(_Label(self, kind, id_, key))  # type: ignore[return-value]  # behaves like a str

    def _row(self, kind: Kind, id_: int) -> Row | None:
        rows = self._rows[kind]
        if id_ not in rows:
            ids = self._expected[kind] | {id_}
            self._expected[kind] = set()
            rows.update(dict.fromkeys(ids))
            for chunk in chunks(ids):
                self._keep(kind, Q(pk__in=chunk))
        return rows[id_]

    # --- finding ------------------------------------------------------------------------------------------------------

    def look_up(self, texts: Iterable[str], *kinds: Kind) -> None:
        """Loads the rows that the texts may mean, with one query for each kind. A name does not mean a merged row."""
        readings: dict[Kind, set[_Reading]] = defaultdict(set)
        for text in texts:
            for reading in (*_readings(text, kinds), *_near(text, kinds)):
                readings[reading.kind].add(reading)
        for kind, wanted in readings.items():
            for chunk in chunks(wanted - self._looked_up):
                names = {each.name[:KEY_LENGTH] for each in chunk if each.name}
                numbers = {each.number for each in chunk if each.number is not None}
                self._keep(kind, Q(name_key__in=names, merged_into=None) | Q(pk__in=numbers))
            self._looked_up |= wanted

    def find(self, text: str, *kinds: Kind) -> tuple[Kind, str]:
        """Returns (kind, ``local:<pk>``) of the row that the text means. Raises ValidationError unless it is one; the
        message contains the rows that it may mean."""
        found = self._matches(text, kinds)
        if len(found) == 1:
            return found[0].kind, f"{LOCAL}{found[0].id}"
        if found:
            raise ValidationError(f"“{text}” could be {self._offers(found, kinds)}: write one of these.")
        near = self._fitting(_near(text, kinds))
        if near:
            raise ValidationError(f"“{text}” is not known here. Did you mean {self._offers(near, kinds)}?")
        raise ValidationError(f"“{text}” is not known here. Pick a name that is suggested, or create it first.")

    def _matches(self, text: str, kinds: tuple[Kind, ...]) -> list[Row]:
        self.look_up([text], *kinds)
        return self._fitting(_readings(text, kinds))

    def _fitting(self, readings: Iterable[_Reading]) -> list[Row]:
        found = set()
        for kind, name, number in readings:
            ids = self._named[kind].get(name, set())
            if number is not None:
                ids = {number} if not name or number in ids else set()
            found |= {row for id_ in ids if (row := self._rows[kind].get(id_))}
        return sorted(found, key=lambda row: (row.kind, row.id))

    def _offers(self, rows: list[Row], kinds: tuple[Kind, ...]) -> str:
        """Returns the rows in words, each by a text that means it alone."""
        words = []
        for row in rows[:_MOST_IN_MESSAGE]:
            text = next((text for text in row.texts if self._matches(text, kinds) == [row]), row.label)
            words.append(f"{text} ({row.note})" if row.note else text)
        more = f", or {len(rows) - len(words)} more" if len(rows) > len(words) else ""
        return " or ".join(words) + more

    def suggest(self, text: str, *kinds: Kind) -> list[Row]:
        """Returns the first rows whose name contains all words of the text. Only visible rows are suggested.

        The text may begin with the word of a kind, and may end with a number. Makes one query for each kind.
        """
        whole = one_line(text)
        narrowed = [(kind, rest) for kind, rest in _by_kind(whole, kinds) if rest != whole]
        wanted = narrowed or [(kind, whole) for kind in kinds]
        found: list[Row] = []
        for kind, rest in wanted:
            chosen = _contains(rest)
            if number := _NUMBER.search(rest):
                chosen |= _contains(rest[: number.start()]) & Q(pk=int(number[1]))
            rows = visible_to(self._account, ROOTS[kind].rows).filter(chosen & Q(merged_into=None))
            found += self._read(kind, rows.order_by("-active", "name_key", "pk")[:_MOST_SUGGESTIONS])
        return _taken_in_turn(found, _MOST_SUGGESTIONS)

    # --- loading ------------------------------------------------------------------------------------------------------

    def _keep(self, kind: Kind, chosen: Q) -> None:
        rows = ROOTS[kind].rows if self._everything else visible_to(self._account, ROOTS[kind].rows)
        for row in self._read(kind, rows.filter(chosen)):
            self._rows[kind][row.id] = row
            self._named[kind][fold(row.name)].add(row.id)

    def _read(self, kind: Kind, rows: "QuerySet[Root]") -> Iterator[Row]:
        address = kind == "responder" and may_see_addresses(self._account)  # type: ignore[arg-type]  # has has_perm()
        for row in rows.only("name", "origin_label", "active", *(["email"] if address else [])):
            notes = getattr(row, "email", "") if address else "", row.origin_label, "" if row.active else "inactive"
            yield Row(kind, row.pk, row.name, ", ".join(filter(None, notes)))


class _Label:
    """Reads the label of a row when it is converted to text."""

    def __init__(self, directory: Directory, *row: object) -> None:
        self.directory, self.row = directory, row

    def __str__(self) -> str:
        return self.directory.label(*self.row)  # type: ignore[arg-type]  # the arguments of label()


def one_line(text: str) -> str:
    """Returns the text in one line, with one space wherever it has blanks: a form can keep no other text apart."""
    return " ".join(text.split())


def unknown_label(kind: Kind, key: str) -> str:
    """Returns the label of a key without a row. A form may send it after the row became known."""
    return one_line(f"{'' if kind == 'responder' else f'{KIND_WORDS[kind]}: '}{key} (not known here)")


def _by_kind(text: str, kinds: Iterable[Kind]) -> Iterator[tuple[Kind, str]]:
    """Yields the kinds that a text may mean, each with the text after its word. A text without a word is a person's."""
    text = one_line(text)
    before, colon, after = text.partition(":")
    for kind in kinds:
        if colon and fold(before) == KIND_WORDS[kind]:
            yield kind, after.strip()
        if kind == "responder":
            yield kind, text


def _readings(text: str, kinds: Iterable[Kind]) -> Iterator[_Reading]:
    for kind, rest in _by_kind(text, kinds):
        yield _Reading(kind, fold(rest), None)
        if number := _NUMBER.search(rest):
            yield _Reading(kind, fold(rest[: number.start()]), int(number[1]))


def _near(text: str, kinds: tuple[Kind, ...]) -> Iterator[_Reading]:
    """Yields what somebody may have meant by a text that means no row: its name, or its number, of any kind."""
    rests = dict(_by_kind(text, kinds))
    for kind in kinds:
        rest = rests.get(kind, one_line(text))
        yield _Reading(kind, fold(rest), None)
        if number := _NUMBER.search(rest):
            yield _Reading(kind, "", int(number[1]))
            if name := fold(rest[: number.start()]):
                yield _Reading(kind, name, None)


def _contains(text: str) -> Q:
    """Returns the condition that a row's name contains all words of the text."""
    return reduce(and_, (Q(name_key__contains=word) for word in fold(text).split()), Q())


def _taken_in_turn(rows: list[Row], most: int) -> list[Row]:
    """Returns the first rows of each kind, so that no kind hides the others."""
    places: dict[Kind, int] = defaultdict(int)
    numbered = []
    for row in rows:
        places[row.kind] += 1
        numbered.append((places[row.kind], row))
    taken = {row for _, row in sorted(numbered, key=lambda each: each[0])[:most]}
    return [row for row in rows if row in taken]


def resolved_keys(reference_owner: str, pk: int) -> Keys:
    """Returns the primary keys for the resolved keys inside an aggregate's JSON. Runs one query."""
    references = Reference.objects.filter(**{f"{reference_owner}_id": pk})
    keys: dict[tuple[Kind, str], int] = {}
    for reference in references:
        for kind in KIND_WORDS:
            row_id = getattr(reference, f"{kind}_id")
            if row_id is not None:
                keys[kind, reference.key] = row_id
    return keys


def row_of_key(keys: Keys, kind: Kind, key: str) -> int | None:
    """Returns the primary key of the row for a key inside an aggregate's JSON, None if it is unknown."""
    return local_id(key) if key.startswith(LOCAL) else keys.get((kind, key))

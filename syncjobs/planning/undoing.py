"""Compares what a run changed with what is here now: what gets its former value back, and what was edited later.

Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from oncall.aggregates import AGGREGATES, Kind, State, Values

#: Path -> [old, new], as a change record has it.
Sides = Mapping[str, Sequence[Any]]
#: The place of a value in a link: ``("state",)``, ``("pins", path)``, ``("base", "fields", path)`` or ``("base",
#: "elements", collection, key)``.
Place = tuple[str, ...]

_LEADS: Final = "leads."


class _Absent:
    """The value of a place that has none. It differs from every value, also from None."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Current:
    """A row as it is now. columns: account, origin_label and merged_into. leads: e-mail addresses of accounts."""

    state: State
    columns: Mapping[str, Any] = field(default_factory=dict)
    leads: frozenset[str] = frozenset()

    def value(self, path: str) -> Any:
        """Return the value of a path of a change record; None if it does not exist."""
        collection, _, key = path.partition(".")
        if path.startswith(_LEADS):
            return True if key in self.leads else None
        if key:
            return self.state.elements.get(collection, {}).get(key)
        return self.columns[path] if path in self.columns else self.state.fields.get(path)


@dataclass(frozen=True, slots=True)
class Former:
    """What a row gets back. kept: the paths that were edited later.

    fields, columns: path -> value. elements: collection -> key -> values, None for an element that leaves. leads: as in
    :class:`oncall.operations.restoring.Restoration`.
    """

    fields: Values = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Values | None]] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    leads: Mapping[str, bool] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing changes."""
        return not (self.fields or self.elements or self.columns or self.leads)

    @property
    def paths(self) -> frozenset[str]:
        """Return the paths of the fields and elements that change."""
        elements = {f"{name}.{key}" for name, keys in self.elements.items() for key in keys}
        return frozenset({*self.fields, *elements})


@dataclass(frozen=True, slots=True)
class Moved:
    """An element that a merge moved from the row ``taker`` to the row ``giver``."""

    path: str
    giver: int
    taker: int

    @property
    def collection(self) -> str:
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        return self.path.partition(".")[2]


def composed(records: Iterable[Sides]) -> dict[str, list[Any]]:
    """Return the changes of several records of one row, the oldest first, as one. What is as it was is left out."""
    found: dict[str, list[Any]] = {}
    for changes in records:
        for path, (old, new) in changes.items():
            found[path] = [found[path][0] if path in found else old, new]
    return {path: sides for path, sides in found.items() if sides[0] != sides[1]}


def former_values(kind: Kind, changes: Sides, now: Current) -> Former:
    """Return what a row gets back: every value that is still as the run left it."""
    fields: dict[str, Any] = {}
    elements: dict[str, dict[str, Values | None]] = {}
    columns: dict[str, Any] = {}
    leads: dict[str, bool] = {}
    kept: list[str] = []
    for path, (old, new) in changes.items():
        here = now.value(path)
        if here == old:
            continue
        if here != new:
            kept.append(path)
            continue
        collection, _, key = path.partition(".")
        if path.startswith(_LEADS):
            leads[key] = bool(old)
        elif key:
            elements.setdefault(collection, {})[key] = old
        elif path in AGGREGATES[kind].fields:
            fields[path] = old
        elif path in now.columns:
            columns[path] = old
    return Former(fields, elements, columns, leads, tuple(kept))


def moved_elements(rows: Mapping[int, Sides]) -> list[Moved]:
    """Return the elements that left one of these rows and came to another one. rows: the changes of rows by id."""
    came = {
        (path, pk)
        for pk, changes in rows.items()
        for path, (old, new) in changes.items()
        if old is None and new is not None and "." in path and not path.startswith(_LEADS)
    }
    left = {
        path: pk
        for pk, changes in rows.items()
        for path, (old, new) in changes.items()
        if old is not None and new is None and "." in path and not path.startswith(_LEADS)
    }
    return [Moved(path, pk, left[path]) for path, pk in sorted(came) if path in left and left[path] != pk]


def places(side: Mapping[str, Any]) -> dict[Place, Any]:
    """Return the values of a link by their place. side: as :func:`nested` returns it; None is an absent element."""
    found: dict[Place, Any] = {}
    for name, value in side.items():
        if name == "pins":
            found |= {("pins", path): owner for path, owner in value.items()}
        elif name == "base":
            found |= {("base", "fields", path): each for path, each in value.get("fields", {}).items()}
            for collection, elements in value.get("elements", {}).items():
                found |= {("base", "elements", collection, key): e for key, e in elements.items() if e is not None}
        else:
            found[name,] = value
    return found


def nested(found: Mapping[Place, Any]) -> dict[str, Any]:
    """Return values by place in the form in which a link stores them: columns, of which pins and base are mappings."""
    side: dict[str, Any] = {}
    for place, value in found.items():
        inner = side
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        inner[place[-1]] = value
    return side


def differing(before: Mapping[Place, Any], after: Mapping[Place, Any]) -> list[dict[str, Any]]:
    """Return both sides of what differs, each nested. A value that one side does not have is absent there."""
    changed = [place for place in {**before, **after} if before.get(place, ABSENT) != after.get(place, ABSENT)]
    return [nested({place: side[place] for place in changed if place in side}) for side in (before, after)]


def composed_places(steps: Iterable[tuple[Mapping[Place, Any], Mapping[Place, Any]]]) -> dict[Place, list[Any]]:
    """Return the changes of several steps, the oldest first, as one: place -> [old, new], which may be ABSENT."""
    found: dict[Place, list[Any]] = {}
    for before, after in steps:
        for place in {**before, **after}:
            old = found[place][0] if place in found else before.get(place, ABSENT)
            found[place] = [old, after.get(place, ABSENT)]
    return {place: sides for place, sides in found.items() if sides[0] is not sides[1] and sides[0] != sides[1]}


def former_places(changes: Mapping[Place, Sequence[Any]], now: Mapping[Place, Any]) -> tuple[dict[Place, Any], bool]:
    """Return the former values of a link's places, and whether another place was changed later, which keeps its value.

    A value is ABSENT if the place gets none.
    """
    found: dict[Place, Any] = {}
    kept = False
    for place, (old, new) in changes.items():
        here = now.get(place, ABSENT)
        if here == new and here != old:
            found[place] = old
        kept |= here not in (old, new)
    return found, kept

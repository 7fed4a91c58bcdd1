"""The loss ledger: it classifies every field that a vendor sends, so that every loss is known.

A provider declares one table of JSON path patterns. Paths are dotted; ``[]`` means any list index, ``*`` for any
key, a trailing ``**`` for everything below. The first matching row wins, so special cases come first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Fate = Literal["exact", "converted", "approximated", "kept", "ignored"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. pattern: the path. fate: what the import does with the field. reason: shown to people; required unless
    the fate is exact."""

    pattern: str
    fate: Fate
    reason: str = ""

    def __post_init__(self) -> None:
        if self.fate != "exact" and not self.reason:
            raise ValueError(f"{self.pattern}: {self.fate} needs a reason")


class Ledger:
    """All rows of one provider, by object (``user``, ``schedule``, ...)."""

    def __init__(self, tables: dict[str, tuple[Entry, ...]]) -> None:
        self.tables = tables

    def classify(self, table: str, path: str) -> Entry | None:
        """Return the row for one path (list indices are ``[]``), None for a field without a row."""
        parts = path.split(".")
        return next((e for e in self.tables[table] if _matches(e.pattern.split("."), parts)), None)

    def unknown(self, table: str, body: object) -> list[str]:
        """Return the paths of ``body`` that no row matches, sorted and unique."""
        return sorted({path for path in paths(body) if self.classify(table, path) is None})


def _matches(pattern: list[str], parts: list[str]) -> bool:
    for index, piece in enumerate(pattern):
        if piece == "**":
            return True
        if index >= len(parts) or (piece != "*" and piece != parts[index]):
            return False
    return len(pattern) == len(parts)


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """Yield the path of every leaf of a JSON value, for example ``schedule_layers[].users[].user.id``."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from paths(child, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and value:
        for child in value:
            yield from paths(child, f"{prefix}[]")
    else:
        yield prefix

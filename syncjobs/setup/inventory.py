"""The source's tree for choosing: fetched on demand, kept for a while, searched and cut to what a page can show."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from connectors.closure import SELECTABLE, Node, Selection, close
from connectors.connections.opening import open_connector
from connectors.errors import ProviderUnavailable, ReadStopped
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityKey, EntityType
from syncjobs.planning.canonical import digest

#: Somebody waits in front of the page.
MOST_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 15 * 60
#: More rows of one kind than anybody reads; searching narrows them.
MOST_ROWS: Final = 50
_MOST_BRANCHES: Final = 8


def _cache_key(connection: Connection) -> str:
    return f"inventory:{connection.pk}:{digest([connection.settings, connection.credentials])}"


def kept_inventory(connection: Connection) -> Sequence[Node] | None:
    """What was fetched a short while ago, without asking the source."""
    kept: Sequence[Node] | None = cache.get(_cache_key(connection))
    return kept


def inventory_of(connection: Connection, *, fresh: bool = False) -> Sequence[Node]:
    """The tree, from the source unless it was fetched a short while ago. Raises ConnectorError."""
    kept = None if fresh else kept_inventory(connection)
    if kept is not None:
        return kept
    started = time.monotonic()
    connector = open_connector(connection, should_stop=lambda: time.monotonic() - started > MOST_SECONDS)
    try:
        nodes = tuple(connector.inventory())
    except ReadStopped:
        raise ProviderUnavailable(
            f"The list did not arrive within {MOST_SECONDS:.0f} seconds.",
            hint="Your choice is untouched. Try again in a few minutes, or import everything.",
            provider=connection.provider,
        ) from None
    cache.set(_cache_key(connection), nodes, KEPT_SECONDS)
    return nodes


# --- as a page shows it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One object with a tick box. brings: (depth, words) of what comes along with it."""

    value: str
    name: str
    ticked: bool
    brings: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Objects of one kind. total: how many there are; more: how many match but are not shown."""

    words: str
    rows: tuple[Row, ...]
    total: int
    more: int


@dataclass(frozen=True, slots=True)
class Tree:
    """elsewhere: ticked objects the search does not show, so that they stay ticked."""

    sections: tuple[Section, ...]
    elsewhere: tuple[Row, ...]


def value_of(key: EntityKey) -> str:
    return f"{key[0]}:{key[1]}"


def keys_of(values: Iterable[str]) -> frozenset[EntityKey]:
    """Tick boxes as sent by a browser; what is no selectable key is left out."""
    keys = set()
    for value in values:
        name, _, external_id = value.partition(":")
        kind = next((kind for kind in SELECTABLE if kind == name), None)
        if kind is not None and 0 < len(external_id) <= 255:
            keys.add((kind, external_id))
    return frozenset(keys)


def tree_of(nodes: Sequence[Node], chosen: frozenset[EntityKey], text: str) -> Tree:
    """The tree narrowed to names that contain ``text``, at most MOST_ROWS of each kind, ticked ones first."""
    by_key = {node.key: node for node in nodes}
    wanted = text.casefold().strip()
    sections = []
    shown: set[EntityKey] = set()
    for kind in SELECTABLE:
        all_of_kind = [node for node in nodes if node.entity_type == kind]
        found = [node for node in all_of_kind if wanted in node.name.casefold()]
        found.sort(key=lambda node: (node.key not in chosen, node.name.casefold(), node.external_id))
        shown |= {node.key for node in found[:MOST_ROWS]}
        rows = tuple(
            Row(value_of(node.key), _name(node), node.key in chosen, _branches(node, by_key))
            for node in found[:MOST_ROWS]
        )
        if all_of_kind:
            sections.append(Section(ENTITY_WORDS[kind][1], rows, len(all_of_kind), max(0, len(found) - MOST_ROWS)))
    elsewhere = tuple(Row(value_of(key), _words(key, by_key), ticked=True) for key in sorted(chosen - shown))
    return Tree(tuple(sections), elsewhere)


def _name(node: Node) -> str:
    return node.name.strip() or node.external_id


def _words(key: EntityKey, by_key: Mapping[EntityKey, Node]) -> str:
    word = ENTITY_WORDS[key[0]][0]
    return f"{word} {_name(by_key[key])}" if key in by_key else f"{word} {key[1]} (not at the source any more)"


def _branches(node: Node, by_key: Mapping[EntityKey, Node]) -> tuple[tuple[int, str], ...]:
    """What a service or a policy refers to, and what that refers to, indented."""
    lines: list[tuple[int, str]] = []
    seen = {node.key}

    def walk(parent: Node, depth: int) -> None:
        people = sum(1 for kind, _ in parent.references if kind == "responder")
        for reference in parent.references:
            child = by_key.get(reference)
            if child is None or reference in seen:
                continue
            seen.add(reference)
            lines.append((depth, _words(reference, by_key)))
            walk(child, depth + 1)
        if people:
            lines.append((depth, f"{people} {ENTITY_WORDS['responder'][people > 1]}"))

    walk(node, 1)
    more = len(lines) - _MOST_BRANCHES
    return tuple(lines) if more <= 0 else (*lines[:_MOST_BRANCHES], (1, f"and {more} more"))


@dataclass(frozen=True, slots=True)
class SelectedKind:
    """What a selection comes to, by kind: how many, and (name, because of ...) of those that were not ticked."""

    words: str
    count: int
    brought: tuple[tuple[str, str], ...]
    more: int


def selected_kinds(nodes: Sequence[Node], chosen: frozenset[EntityKey]) -> tuple[SelectedKind, ...]:
    """The closure of a selection. People show up as a number: they are read with what refers to them."""
    by_key = {node.key: node for node in nodes}
    kept: dict[EntityType, list[tuple[EntityKey, tuple[str, ...]]]] = defaultdict(list)
    for key, reasons in close(nodes, Selection(everything=False, chosen=chosen)).items():
        kept[key[0]].append((key, reasons))
    result = []
    for kind in ENTITY_TYPES:
        brought = [(key, reasons) for key, reasons in kept[kind] if reasons and key in by_key]
        told = tuple((_name(by_key[key]), " and ".join(reasons)) for key, reasons in brought[:MOST_ROWS])
        if kept[kind]:
            words = ENTITY_WORDS[kind][len(kept[kind]) != 1]
            result.append(SelectedKind(words, len(kept[kind]), told, len(brought) - len(told)))
    return tuple(result)

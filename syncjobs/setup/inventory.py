"""The objects of a source from which a person selects: fetched on demand, cached, and searched."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.cache import cache
from django.utils import timezone

from connectors.closure import SELECTABLE, Node, Selection, close
from connectors.connections.opening import open_connector
from connectors.errors import ProviderUnavailable, ReadStopped
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityKey, EntityType
from syncjobs.planning.canonical import digest
from syncjobs.words.contents import gaps_of_layers, gaps_of_policy, layers_in_words, policy_in_words

#: A person waits for the page meanwhile.
MOST_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 15 * 60
#: A page shows at most this many rows of a kind. A search finds the others.
MOST_ROWS: Final = 50
_MOST_BRANCHES: Final = 8


def _cache_key(connection: Connection) -> str:
    return f"inventory:{connection.pk}:{digest([connection.settings, connection.credentials])}"


def cached_inventory(connection: Connection) -> Sequence[Node] | None:
    """Return the cached inventory; None when there is none. Makes no request."""
    cached: Sequence[Node] | None = cache.get(_cache_key(connection))
    return cached


def inventory_read_at(connection: Connection) -> datetime | None:
    """Return when the cached inventory was read; None when there is none."""
    read_at: datetime | None = cache.get(f"{_cache_key(connection)}:read_at")
    return read_at


def inventory_calls(connection: Connection) -> int | None:
    """Return how many calls the cached inventory took; None when there is none."""
    calls: int | None = cache.get(f"{_cache_key(connection)}:calls")
    return calls


def inventory_of(connection: Connection, *, fresh: bool = False) -> Sequence[Node]:
    """Return the inventory from the cache or from the source. fresh: from the source. Raises ConnectorError."""
    cached = None if fresh else cached_inventory(connection)
    if cached is not None:
        return cached
    started = time.monotonic()
    connector = open_connector(connection, should_stop=lambda: time.monotonic() - started > MOST_SECONDS)
    try:
        nodes = tuple(connector.inventory())
    except ReadStopped:
        raise ProviderUnavailable(
            f"The list did not arrive within {MOST_SECONDS:.0f} seconds.",
            hint="Your selection is not changed. Try again in a few minutes, or import everything.",
            provider=connection.provider,
        ) from None
    cache.set(_cache_key(connection), nodes, KEPT_SECONDS)
    cache.set(f"{_cache_key(connection)}:read_at", timezone.now(), KEPT_SECONDS)
    cache.set(f"{_cache_key(connection)}:calls", connector.calls, KEPT_SECONDS)
    return nodes


# --- the page -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """An object with a tick box.

    brings: (depth, name) of each object that is imported with it. gaps: what it lacks, in sentences. contents: what it
    consists of, in words.
    """

    value: str
    name: str
    ticked: bool
    brings: tuple[tuple[int, str], ...] = ()
    gaps: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The objects of one kind. total: number of all objects. more: number of matches that are not shown."""

    words: str
    rows: tuple[Row, ...]
    total: int
    more: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The result of a search. elsewhere: ticked objects that do not match; the form keeps them ticked."""

    sections: tuple[Section, ...]
    elsewhere: tuple[Row, ...]


def value_of(key: EntityKey) -> str:
    """Return the value of an object's tick box. :func:`keys_of` reads it."""
    return f"{key[0]}:{key[1]}"


def keys_of(values: Iterable[str]) -> frozenset[EntityKey]:
    """Return the keys of tick boxes that a browser sent. Invalid values are ignored."""
    keys = set()
    for value in values:
        name, _, external_id = value.partition(":")
        kind = next((kind for kind in SELECTABLE if kind == name), None)
        if kind is not None and 0 < len(external_id) <= 255:
            keys.add((kind, external_id))
    return frozenset(keys)


def tree_of(nodes: Sequence[Node], chosen: frozenset[EntityKey], text: str) -> Tree:
    """Return the objects whose name contains ``text``, at most MOST_ROWS of each kind, ticked objects first."""
    by_key = {node.key: node for node in nodes}
    query, now = text.casefold().strip(), int(time.time())
    named = any(kind == "responder" for n in nodes if n.entity_type == "schedule" for kind, _ in n.references)
    sections = []
    listed: set[EntityKey] = set()
    for kind in SELECTABLE:
        all_of_kind = [node for node in nodes if node.entity_type == kind]
        found = [node for node in all_of_kind if query in node.name.casefold()]
        found.sort(key=lambda node: (node.key not in chosen, node.name.casefold(), node.external_id))
        listed |= {node.key for node in found[:MOST_ROWS]}
        rows = tuple(
            Row(
                value_of(each.key),
                _name(each),
                each.key in chosen,
                _branches(each, by_key),
                gaps_of(each, by_key, named, now),
                contents_of(each),
            )
            for each in found[:MOST_ROWS]
        )
        if all_of_kind:
            sections.append(Section(ENTITY_WORDS[kind][1], rows, len(all_of_kind), max(0, len(found) - MOST_ROWS)))
    elsewhere = tuple(Row(value_of(key), _words(key, by_key), ticked=True) for key in sorted(chosen - listed))
    return Tree(tuple(sections), elsewhere)


def gaps_of(node: Node, by_key: Mapping[EntityKey, Node], named: bool, now: int) -> tuple[str, ...]:
    """Return what an object lacks to page somebody, as far as the inventory tells it.

    named: whether the inventory names the people of schedules. now: an instant. The plan finds what needs a complete
    read.
    """
    if node.entity_type == "schedule":
        if node.layers is not None:
            return gaps_of_layers(node.layers, now)
        return ("Nobody is in it.",) if named and _is_empty(node) else ()
    if node.entity_type == "service":
        is_routed = any(kind in ("escalation_policy", "user_group") for kind, _ in node.references)
        return () if is_routed else ("It has no escalation policy.",)
    if node.entity_type != "escalation_policy":
        return ()
    schedules = [by_key[key] for key in node.references if key[0] == "schedule" and key in by_key]
    gaps = tuple(f"Nobody is in its schedule {_name(each)}." for each in schedules if named and _is_empty(each))
    if node.policy is not None:
        return (*gaps_of_policy(node.policy), *gaps)
    owners = {("user_group", owner) for owner in node.owners}
    return gaps if node.owners or set(node.references) - owners else ("It pages nobody.",)


def contents_of(node: Node) -> tuple[str, ...]:
    """Return what an object consists of, in words, as far as the inventory tells it."""
    if node.layers is not None:
        return layers_in_words(node.layers)
    return policy_in_words(node.policy) if node.policy is not None else ()


def _is_empty(schedule: Node) -> bool:
    return not any(kind == "responder" for kind, _ in schedule.references)


def _name(node: Node) -> str:
    return node.name.strip() or node.external_id


def _words(key: EntityKey, by_key: Mapping[EntityKey, Node]) -> str:
    word = ENTITY_WORDS[key[0]][0]
    return f"{word} {_name(by_key[key])}" if key in by_key else f"{word} {key[1]} (no longer at the source)"


def _branches(node: Node, by_key: Mapping[EntityKey, Node]) -> tuple[tuple[int, str], ...]:
    """Return (depth, name) of what an object refers to, directly and indirectly."""
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
    """The selected objects of one kind. brought: (name, reason) of objects that are imported without a tick."""

    words: str
    count: int
    brought: tuple[tuple[str, str], ...]
    more: int


def selected_kinds(nodes: Sequence[Node], chosen: frozenset[EntityKey]) -> tuple[SelectedKind, ...]:
    """Return the closure of a selection by kind. People are only counted, as they come with their objects."""
    by_key = {node.key: node for node in nodes}
    selected: dict[EntityType, list[tuple[EntityKey, tuple[str, ...]]]] = defaultdict(list)
    for key, reasons in close(nodes, Selection(everything=False, chosen=chosen)).items():
        selected[key[0]].append((key, reasons))
    result = []
    for kind in ENTITY_TYPES:
        brought = [(key, reasons) for key, reasons in selected[kind] if reasons and key in by_key]
        listed = tuple((_name(by_key[key]), " and ".join(reasons)) for key, reasons in brought[:MOST_ROWS])
        if number := len(selected[kind]):
            more = len(brought) - len(listed)
            result.append(SelectedKind(ENTITY_WORDS[kind][number != 1], number, listed, more))
    return tuple(result)

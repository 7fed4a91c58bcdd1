"""Compares the rows, links and questions of the database with those of the oracle."""

from collections.abc import Iterator
from typing import Any

from connectors.records import ENTITY_TYPES
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from syncjobs.models import Conflict, ExternalLink
from tests.syncjobs.convergence.oracle import Oracle
from tests.syncjobs.convergence.values import Key, Record

COLLECTION = "contact_methods"
FIELDS = {"responder": ("name", "title", "active"), "service": ("name", "description", "active")}


class Stored:
    """What is in the database, in the words of the oracle.

    ids: the id of the row of each number. connections: the number of the source of each connection. removed: the last
    record of what is not at a source any more.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.ids: dict[int, int] = {}
        self.connections: dict[int, int] = {}
        self.removed: dict[Key, Record] = {}

    def element_key(self, key: Key, id_: str) -> str:
        connection = next(pk for pk, number in self.connections.items() if number == key[0])
        return f"{connection}:{key[2]}:{id_}"

    def element_values(self, id_: str, label: str) -> dict[str, Any]:
        address = f"{id_.lower()}@example.com"
        return {"channel": "email", "address": address, "extension": "", "label": label, "enabled": True}

    def path(self, key: Key, path: str) -> str:
        """Return the path of the product."""
        if not path.startswith("elements."):
            return path
        return f"{COLLECTION}.{self.element_key(key, path.removeprefix('elements.'))}"

    def compare(self) -> None:
        """Raise AssertionError with what differs, as place: (in the database, expected)."""
        here, expected = dict(self._here()), dict(self._expected())
        different = {
            place: (here.get(place, "absent"), expected.get(place, "absent"))
            for place in {**here, **expected}
            if here.get(place, "absent") != expected.get(place, "absent")
        }
        assert not different, "\n".join(f"{place}: {both}" for place, both in different.items())

    # --- the database -------------------------------------------------------------------------------------------------

    def _here(self) -> Iterator[tuple[Any, Any]]:
        links = {stored_key(self, link): link for link in ExternalLink.objects.all()}
        for key, link in links.items():
            known = self.oracle.links.get(key)
            if link.row_id is not None and known is not None and known.row is not None:
                self.ids.setdefault(known.row, link.row_id)
        numbers = {
            (row.kind, self.ids[number]): number for number, row in self.oracle.rows.items() if number in self.ids
        }
        bases: dict[str, Key] = {}
        for key, link in links.items():
            yield ("link", key, "row"), numbers.get((link.entity_type, link.row_id)) if link.row_id else None
            yield ("link", key, "state"), link.state
            if link.state == "linked":
                yield ("link", key, "primary"), link.primary
                yield ("link", key, "missing"), link.missing_count
            for path, value in link.base["fields"].items():
                if path in FIELDS[link.entity_type] and link.primary and link.state != "ignored":
                    yield ("base", key, path), value
            for id_, value in link.base["elements"].get(COLLECTION, {}).items():
                yield ("base", key, f"elements.{id_.rpartition(':')[2]}"), value["label"]
                bases[id_] = key
            for path, owner in link.pins.items():
                name = f"elements.{path.rpartition(':')[2]}" if path.startswith(COLLECTION) else path
                yield ("pin", key, name), owner
        for kind in ENTITY_TYPES:
            rows = {row.pk: row for row in ROOTS[kind].rows}
            for pk, state in load_states(kind, list(rows)).items():
                number = numbers.get((kind, pk), f"{kind} {pk}")
                if rows[pk].merged_into_id is not None:
                    yield ("merged", number), numbers.get((kind, rows[pk].merged_into_id))
                    continue
                for path in FIELDS[kind]:
                    yield ("row", number, path), state.fields[path]
                for id_, values in state.elements.get(COLLECTION, {}).items():
                    yield ("element", number, values["address"]), (values["label"], bases.get(id_))
        for conflict in Conflict.objects.filter(state="open").exclude(kind="ambiguous"):  # not in the model
            paths = sorted(
                f"elements.{path.rpartition(':')[2]}" if path.startswith(COLLECTION) else path
                for path in conflict.paths
            )
            yield (
                ("question", conflict.kind, subject_of(self, conflict)),
                (tuple(paths) if conflict.kind == "both_edited" else ()),
            )

    # --- the oracle ---------------------------------------------------------------------------------------------------

    def _expected(self) -> Iterator[tuple[Any, Any]]:
        for key, link in self.oracle.links.items():
            yield ("link", key, "row"), link.row
            yield ("link", key, "state"), link.state
            if link.state == "linked":
                yield ("link", key, "primary"), link.primary
                yield ("link", key, "missing"), link.missing
            for path, value in link.base.items():
                if path.startswith("elements.") or (link.primary and link.state != "ignored"):
                    yield ("base", key, path), value
            for path, owner in link.pins.items():
                yield ("pin", key, path), owner
        for number, row in self.oracle.rows.items():
            if row.merged_into is not None:
                yield ("merged", number), row.merged_into
                continue
            yield ("row", number, "active"), row.active
            for path, value in row.fields.items():
                yield ("row", number, path), value
            for (owner, id_), label in row.elements.items():
                based = owner is not None and f"elements.{id_}" in self.oracle.links[owner].base
                address = f"{id_.rpartition(':')[2].lower()}@example.com"
                yield ("element", number, address), (label, owner if based else None)
        for (kind, subject), paths in self.oracle.questions.items():
            yield ("question", kind, subject), paths


def stored_key(stored: Stored, link: ExternalLink) -> Key:
    return (stored.connections[link.connection_id], link.entity_type, link.external_id)


def subject_of(stored: Stored, conflict: Conflict) -> Any:
    """Return the subject of a question as the oracle names it: a key, or a pair of keys."""
    if conflict.kind != "recreated":
        assert conflict.connection_id is not None
        return (stored.connections[conflict.connection_id], conflict.entity_type, conflict.external_id)
    pair = []
    for name in conflict.evidence["rows"]:
        connection, _, external_id = name.partition(":")
        pair.append((stored.connections[int(connection)], conflict.entity_type, external_id))
    return tuple(pair)

"""Load the rows that a plan compares by name or address, and the open questions about them.

The cost depends on the objects of the connection and on the rows with their names, not on other rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.models.root import KEY_LENGTH
from oncall.tables.base import LOCAL, chunks, source_of
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.planned import planned_objects
from syncjobs.models import (
    PRESENT_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
)
from syncjobs.planning.conflicts import ABOUT_ROWS, COMPARED, NAME_COLLISIONS, NAMES_ROWS, folded
from syncjobs.planning.plan import Proposals
from syncjobs.planning.values import LinkView, NamedRow, OpenConflict

#: The column with the folded name or address, where it is not the name.
_FOLDED: Final = {"responder": "email_canonical"}


class EqualNames:
    """The rows with the names of a connection's objects, and the open questions of the connection and of these rows.

    compared: ids of the links whose contents the plan compares; their objects may get another name.
    """

    def __init__(
        self,
        connection: Connection,
        proposals: Proposals,
        links: Mapping[Kind, Mapping[str, LinkView]],
        compared: Iterable[int],
    ) -> None:
        self.conflicts: dict[int, OpenConflict] = {}
        self._connection_id = connection.pk
        self._rows: dict[Kind, dict[int, NamedRow]] = {kind: {} for kind in COMPARED}
        self._known: dict[Kind, set[str]] = {kind: set() for kind in COMPARED}
        wanted = self._add_questions(Conflict.objects.of_connection(connection.pk))
        compared = set(compared)
        for kind in COMPARED:
            if links[kind]:
                self._add_equal_to_own(kind)
            changing = [
                (proposal, links[kind].get(external_id))
                for external_id, proposal in proposals[kind].items()
                if (link := links[kind].get(external_id)) is None or link.id in compared
            ]
            for proposal, _ in changing:
                wanted[kind].add(folded(kind, proposal.email if kind == "responder" else proposal.label))
            self._add_named(kind, wanted[kind])
            self._add_ids(kind, {link.row_id for _, link in changing if link is not None and link.row_id is not None})
        for kind in NAME_COLLISIONS:
            for piece in chunks(row.key for row in self._rows[kind].values() if not self._is_own(row.key)):
                about = Conflict.objects.filter(connection=None, entity_type=kind, rows__key__in=piece)
                self._add_named(kind, self._add_questions(about.distinct())[kind])
        self.names = {kind: (*rows.values(), *self._planned(kind)) for kind, rows in self._rows.items()}

    def _is_own(self, key: str) -> bool:
        return source_of(key) == str(self._connection_id)

    def _add_questions(self, conflicts: "QuerySet[Conflict]") -> dict[Kind, set[str]]:
        """Load questions that are not closed. Return the names and addresses that they are about."""
        names: dict[Kind, set[str]] = defaultdict(set)
        about_rows = Case(When(kind__in=[*NAMES_ROWS, ConflictKind.USER_NOT_FOUND], then="evidence"), default=None)
        rows = conflicts.filter(state__in=PRESENT_STATES).annotate(about=about_rows).order_by("id")
        for row in rows.values(
            "id",
            "kind",
            "subject_key",
            "entity_type",
            "external_id",
            "evidence_hash",
            "state",
            "choice",
            "arguments",
            "awaits",
            "paths",
            "label",
            "link",
            "about",
        ):
            about = row["about"] or {}
            if row["kind"] in ABOUT_ROWS:
                names[entity_type_of(row["entity_type"])].add(about.get("name", about.get("email", "")))
            self.conflicts[row["id"]] = OpenConflict(
                id=row["id"],
                kind=row["kind"],
                subject=row["subject_key"],
                entity_type=row["entity_type"],
                external_id=row["external_id"],
                evidence_hash=row["evidence_hash"],
                from_merge=bool(row["paths"]),
                label=row["label"],
                link_id=row["link"],
                keys=tuple(about.get("rows", about.get("people", ()))),
                decided=row["state"] == ConflictState.DECIDED,
                proposed=row["state"] == ConflictState.PROPOSED,
                why=about.get("why", ""),
                choice=row["choice"],
                arguments=row["arguments"],
                awaits=row["awaits"],
            )
        return names

    def _add_equal_to_own(self, kind: Kind) -> None:
        """Load the rows of this connection whose name another row has, and these other rows."""
        column = _FOLDED.get(kind, "name_key")
        rows = ROOTS[kind].rows
        links = ExternalLink.objects.filter(connection_id=self._connection_id, entity_type=kind)
        own = links.exclude(**{f"{kind}__{column}": ""}).values(f"{kind}__{column}")
        others = rows.filter(**{column: OuterRef(column)}).exclude(pk=OuterRef("pk"))
        found = self._add(kind, rows.filter(Exists(others), **{f"{column}__in": own}))
        self._known[kind] |= {folded(kind, row.name) for row in found}

    def _add_named(self, kind: Kind, names: set[str]) -> None:
        column = _FOLDED.get(kind, "name_key")
        missing = names - self._known[kind] - {""}
        self._known[kind] |= missing
        for piece in chunks(sorted({name[:KEY_LENGTH] for name in missing})):
            self._add(kind, ROOTS[kind].rows.filter(**{f"{column}__in": piece}))

    def _add_ids(self, kind: Kind, ids: set[int]) -> None:
        for piece in chunks(sorted(ids - self._rows[kind].keys())):
            self._add(kind, ROOTS[kind].rows.filter(pk__in=piece))

    def _add(self, kind: Kind, rows: "QuerySet[Any]") -> list[NamedRow]:
        """Load rows by their names or ids. Rows that were merged into others are left out.

        SQL filters by nothing else: beside another condition, SQLite uses the index of that and reads all rows.
        """
        links = ExternalLink.objects.filter(**{kind: OuterRef("pk")})
        found = []
        keyed = rows.annotate(
            link_key=Subquery(links.order_by("id").values("key")[:1]),
            followed=Exists(links.filter(connection__disconnected_at=None)),
        )
        columns = ("id", "link_key", COMPARED[kind], "active", "followed", "merged_into")
        for pk, key, name, active, followed, into in keyed.order_by("id").values_list(*columns):
            if into is None:
                found.append(NamedRow(pk, key or f"{LOCAL}{pk}", name, active, followed))
        self._rows[kind] |= {row.row_id: row for row in found if row.row_id is not None}
        return found

    def _planned(self, kind: Kind) -> Iterable[NamedRow]:
        """Return the rows of open questions that a waiting plan or an active run creates, if their items are ticked."""
        loaded = {row.key for row in self._rows[kind].values()}
        keys = {
            key
            for conflict in self.conflicts.values()
            for key in conflict.keys
            if conflict.entity_type == kind and key not in loaded and not key.startswith(LOCAL)
        }
        for key, item in planned_objects(kind, keys).items():
            if item.creates and item.ticked:
                name, active = item.fields.get(COMPARED[kind], ""), item.fields.get("active", True)
                yield NamedRow(None, key, name, active, item.followed)

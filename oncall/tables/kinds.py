"""The tables of all kinds, and the columns in which one kind refers to another."""

from collections.abc import Iterator, Mapping

from oncall.aggregates import Kind
from oncall.tables.base import Elements, KeyColumn, Roots
from oncall.tables.catalog import SERVICES
from oncall.tables.escalation import POLICIES
from oncall.tables.groups import GROUPS
from oncall.tables.people import RESPONDERS
from oncall.tables.schedules import SCHEDULES

ROOTS: Mapping[Kind, Roots] = {table.kind: table for table in (RESPONDERS, GROUPS, SCHEDULES, POLICIES, SERVICES)}


def key_columns_to(kind: Kind) -> Iterator[tuple[Roots | Elements, KeyColumn]]:
    """Yields every key column that refers to rows of this kind, without those of References."""
    for roots in ROOTS.values():
        tables: tuple[Roots | Elements, ...] = (roots, *roots.elements.values())
        for table in tables:
            for column in table.keys:
                if column.kind == kind:
                    yield table, column

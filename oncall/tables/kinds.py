"""The tables of every kind, and every place where one kind refers to another."""

from collections.abc import Iterator, Mapping

from oncall.aggregates import Kind
from oncall.tables.base import KeyColumn, Roots, Table
from oncall.tables.catalog import SERVICES
from oncall.tables.escalation import POLICIES
from oncall.tables.groups import GROUPS
from oncall.tables.people import RESPONDERS
from oncall.tables.schedules import SCHEDULES

ROOTS: Mapping[Kind, Roots] = {table.kind: table for table in (RESPONDERS, GROUPS, SCHEDULES, POLICIES, SERVICES)}


def columns_naming(kind: Kind) -> Iterator[tuple[Table, KeyColumn]]:
    """Every key column that names rows of this kind, References aside."""
    for roots in ROOTS.values():
        for table in (roots, *roots.elements.values()):
            for column in table.keys:
                if column.kind == kind:
                    yield table, column

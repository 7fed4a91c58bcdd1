"""The tables of every kind, and every place where one kind refers to another."""

from collections.abc import Iterator, Mapping

from oncall.aggregates import Kind
from oncall.operations.catalog import SERVICES
from oncall.operations.escalation import POLICIES
from oncall.operations.groups import GROUPS
from oncall.operations.people import RESPONDERS
from oncall.operations.schedules import SCHEDULES
from oncall.operations.tables import KeyColumn, Roots, Table

ROOTS: Mapping[Kind, Roots] = {table.kind: table for table in (RESPONDERS, GROUPS, SCHEDULES, POLICIES, SERVICES)}


def columns_naming(kind: Kind) -> Iterator[tuple[Table, KeyColumn]]:
    """Every key column that names rows of this kind, References aside."""
    for roots in ROOTS.values():
        for table in (roots, *roots.elements.values()):
            for column in table.keys:
                if column.kind == kind:
                    yield table, column

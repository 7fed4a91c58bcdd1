"""Reads aggregates with all their elements as states."""

from collections import defaultdict

from oncall.aggregates import Kind, State, Values
from oncall.selectors.ids import Ids, batches
from oncall.tables.base import element_key
from oncall.tables.kinds import ROOTS


def load_states(kind: Kind, ids: Ids) -> dict[int, State]:
    """Returns the states of aggregates by primary key; one query per table and 500 ids."""
    roots = ROOTS[kind]
    states: dict[int, State] = {}
    for batch in batches(ids):
        elements: dict[str, dict[int, dict[str, Values]]] = {}
        for name, table in roots.elements.items():
            by_owner: dict[int, dict[str, Values]] = defaultdict(dict)
            for row in table.rows.filter(**{f"{table.owner}__in": batch}).order_by("pk"):
                by_owner[getattr(row, table.owner_id)][element_key(row)] = table.read(row)
            elements[name] = by_owner
        for root in roots.rows.filter(pk__in=batch):
            own = {name: by_owner.get(root.pk, {}) for name, by_owner in elements.items()}
            states[root.pk] = State(roots.read(root), own, root.pk, root.version)
    return states

"""All that an undo brings back, as values: rows with their elements, references and leads, and links."""

from typing import Any

from connectors.records import ENTITY_TYPES
from oncall.models import GroupLead, Reference
from oncall.operations.restoring import COLUMNS
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.carrying_out import values_of
from syncjobs.models import ExternalLink

Place = tuple[Any, ...]


def rows_here() -> dict[Place, Any]:
    """Return each value of all rows by its place, without versions. What a key refers to is a value, too."""
    found: dict[Place, Any] = {}
    for kind in ENTITY_TYPES:
        roots = ROOTS[kind]
        for row in roots.rows:
            names = [column for name, column in COLUMNS.items() if hasattr(row, column)]
            found |= {(kind, row.pk, name): getattr(row, name) for name in names}
            found |= {(kind, row.pk, column.row): getattr(row, column.row_id) for column in roots.keys}
        for pk, state in load_states(kind, [row.pk for row in roots.rows]).items():
            found |= {(kind, pk, path): value for path, value in state.fields.items()}
            for name, elements in state.elements.items():
                found |= {(kind, pk, name, key): dict(value) for key, value in elements.items()}
        for name, table in roots.elements.items():
            for element in table.rows:
                place = (kind, getattr(element, table.owner_id), name, element.pk if element.source_key is None else "")
                found |= {
                    (*place, element.source_key, column.row): getattr(element, column.row_id) for column in table.keys
                }
    for one in Reference.objects.all():
        policy = ("escalation_policy", one.owner_policy_id)
        owner = ("schedule", one.owner_schedule_id) if one.owner_schedule_id else policy
        found[(*owner, one.position, one.kind, one.key)] = getattr(one, f"{one.kind}_id")
    found |= {("lead", *pair): True for pair in GroupLead.objects.values_list("group", "account")}
    return found


def links_here() -> dict[int, Any]:
    """Return what a decision may change of links, by link."""
    return {link.pk: values_of(link) for link in ExternalLink.objects.all()}


def difference(before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """Return what differs, with both values."""
    absent = "absent"
    return {
        place: (before.get(place, absent), after.get(place, absent))
        for place in {**before, **after}
        if before.get(place, absent) != after.get(place, absent)
    }

"""Loads the objects that have no link yet, but an item of a plan that waits or of an active run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from oncall.aggregates import Kind, fold
from oncall.tables.base import chunks
from syncjobs.models import ACTIVE, OPEN_PLAN, ExternalLink, Outcome, SyncItem
from syncjobs.planning.values import element_key


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """An object that a plan creates, or matches with a row here.

    row_id: of that row; None if the row is created. fields: the values that the plan writes. ticked: whether the item
    is applied with its plan. followed: whether its source is connected.
    """

    key: str
    row_id: int | None
    fields: Mapping[str, Any]
    ticked: bool
    followed: bool

    @property
    def creates(self) -> bool:
        return self.row_id is None

    @property
    def name(self) -> str:
        return str(self.fields.get("name", ""))


def planned_objects(kind: Kind, keys: Iterable[str]) -> dict[str, PlannedObject]:
    """Return the planned objects by key. Makes a query per 500 keys; none if there are no keys."""
    wanted = set(keys)
    links = ExternalLink.objects.filter(
        connection=OuterRef("run__connection"), entity_type=kind, external_id=OuterRef("external_id")
    )
    found: dict[str, PlannedObject] = {}
    for piece in chunks(sorted({key.partition(":")[2] for key in wanted})):
        items = SyncItem.objects.filter(
            ~Exists(links),
            entity_type=kind,
            external_id__in=piece,
            action__in=["create", "match"],
            outcome=Outcome.NONE,
            run__state__in=[*ACTIVE, *OPEN_PLAN],
        )
        columns = ("run__connection", "external_id", "row_id", "changes", "ticked", "run__connection__disconnected_at")
        for source, external_id, row_id, changes, ticked, disconnected_at in items.order_by("id").values_list(*columns):
            key = element_key(source, external_id)
            if key in wanted:
                fields = {path: new for path, (_, new) in changes.get("fields", {}).items()}
                found[key] = PlannedObject(key, row_id, fields, ticked, disconnected_at is None)
    return found


def is_name_planned(kind: Kind, name: str, beside: str) -> bool:
    """Return whether a plan that waits creates an object with this folded name. beside: the key of one not to count."""
    items = SyncItem.objects.filter(
        entity_type=kind, action="create", outcome=Outcome.NONE, run__state__in=[*ACTIVE, *OPEN_PLAN]
    )
    labels = items.values_list("run__connection", "external_id", "label")
    return any(fold(label) == name and element_key(source, id_) != beside for source, id_, label in labels)

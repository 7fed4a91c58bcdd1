"""The rows that an attack compares: all of them, and what was imported for each object of a source."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from connectors.records import entity_type_of
from oncall.models import Reference
from oncall.rendering.codec import instant_to_text
from oncall.selectors.states import load_states
from oncall.tables.base import local_id
from oncall.tables.kinds import ROOTS, key_columns_to
from scripts.attack.accounts import NOW
from syncjobs.models import ROW_COLUMNS, ExternalLink, LinkState

#: Tables of the records that a run makes about itself.
OWN_RECORDS = frozenset({"SyncRun", "SyncItem", "ParityCheck", "ApplyLock"})
Rows = Mapping[tuple[str, Any], Mapping[str, Any]]


def product_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in ("oncall", "connectors", "syncjobs")]


def contents(without: frozenset[str] = OWN_RECORDS) -> Rows:
    """Return all rows of the product's tables but these, by model and primary key."""
    return {
        (model.__name__, row[model._meta.pk.attname]): row
        for model in product_models()
        if model.__name__ not in without
        for row in model._default_manager.order_by().values()
    }


def differences(before: Rows, after: Rows) -> list[str]:
    """Return in words which rows differ, each with the columns that do."""
    found = []
    for key in sorted({*before, *after}, key=str):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            found.append(f"{key[0]} {key[1]} {'appeared' if old is None else 'vanished'}")
        elif old != new:
            columns = ", ".join(f"{name} {old[name]!r} -> {new[name]!r}" for name in old if old[name] != new[name])
            found.append(f"{key[0]} {key[1]}: {columns}"[:600])
    return found


def wrong_references(*, complete: bool) -> list[str]:
    """Return the foreign keys that are not what their key and the links say.

    complete: whether an empty foreign key is wrong when its key has a row. A filled one must always be right.
    """
    found = []
    for kind in ROW_COLUMNS:
        rows = dict(
            ExternalLink.objects.filter(entity_type=kind, **{f"{kind}__isnull": False}).values_list("key", f"{kind}_id")
        )
        columns = [(table.rows, column.key, column.row_id, column.prefix) for table, column in key_columns_to(kind)]
        columns.append((Reference.objects.filter(kind=kind), "key", f"{kind}_id", ""))
        for queryset, key_name, row_name, prefix in columns if kind != "service" else columns[:-1]:
            for pk, text, row in queryset.exclude(**{key_name: ""}).values_list("pk", key_name, row_name):
                if not text.startswith(prefix):
                    continue
                key = text.removeprefix(prefix)
                wanted = rows.get(key, local_id(key))
                if row != wanted and (row is not None or complete):
                    found.append(f"{queryset.model.__name__} {pk}.{row_name} is {row}, but {text} is {kind} {wanted}")
    return found


def wrong_indexes() -> list[str]:
    """Return the schedules and policies whose References differ from the keys inside their layers and levels."""
    found = []
    for kind, roots in ROOTS.items():
        if not roots.keys_field:
            continue
        stored: dict[int, set[tuple[str, str, str]]] = {}
        owned = Reference.objects.filter(**{f"{roots.reference_owner}__isnull": False})
        for owner, *use in owned.values_list(f"{roots.reference_owner}_id", "position", "kind", "key"):
            stored.setdefault(owner, set()).add((use[0], use[1], use[2]))
        for row in roots.rows:
            wanted = {(use.position, use.kind, use.key) for use in roots.find_keys(roots.read(row))}
            if stored.pop(row.pk, set()) != wanted:
                found.append(f"{kind} {row.pk}: its References differ from its {roots.keys_field}")
        found += [f"{kind} {owner} does not exist, but has References" for owner in stored]
    return found


def broken_constraints() -> list[str]:
    """Return the foreign keys without a row. Constraints are checked at the end of a transaction otherwise."""
    try:
        with transaction.atomic():
            connection.check_constraints()
    except Exception as broken:  # noqa: BLE001 - the databases raise different errors
        return [str(broken)]
    return []


Imported = Mapping[tuple[int, str, str], Mapping[str, Any]]


def imported(connection_ids: Iterable[int]) -> dict[tuple[int, str, str], dict[str, Any]]:
    """Return what was imported for each linked object: ``alone``, ``primary``, ``fields`` and its own ``elements``."""
    found: dict[tuple[int, str, str], dict[str, Any]] = {}
    for kind in ROW_COLUMNS:
        links = list(ExternalLink.objects.filter(entity_type=kind, **{f"{kind}__isnull": False}))
        states = load_states(entity_type_of(kind), [link.row_id for link in links if link.row_id is not None])
        holders: dict[int | None, int] = {}
        for link in links:
            holders[link.row_id] = holders.get(link.row_id, 0) + 1
        for link in links:
            if link.connection_id not in connection_ids or link.state != LinkState.LINKED or link.row_id is None:
                continue
            state, prefix = states[link.row_id], f"{link.connection_id}:"
            found[link.connection_id, kind, link.external_id] = {
                "alone": holders[link.row_id] == 1,
                "primary": link.primary,
                "fields": dict(state.fields),
                "elements": {
                    name: {key: values for key, values in each.items() if key.startswith(prefix) and _is_ahead(values)}
                    for name, each in state.elements.items()
                },
            }
    return found


def _is_ahead(element: Mapping[str, Any]) -> bool:
    """Whether an element has not ended yet. What has ended is history, which a first import may not see."""
    return "ends_at" not in element or str(element["ends_at"]) > instant_to_text(NOW)

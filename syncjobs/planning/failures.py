"""Makes the items of objects that could not be read completely, and of those that cannot be written. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from connectors.records import FailedEntity
from oncall.aggregates import Kind, State, Values
from oncall.errors import InvalidDraft
from syncjobs.planning.values import Item

#: Raises InvalidDraft if a row with these fields, or one of these elements by collection and key, cannot be written.
Check = Callable[[Kind, Values, Mapping[str, Mapping[str, Values]]], None]


def refusal_text(error: InvalidDraft) -> str:
    """Return the reason of an item whose values cannot be written, and what to do about it."""
    return f"{str(error).rstrip('.')}. It was not written. Correct it at the source."


def checked(item: Item, local: State | None, check: Check) -> Item:
    """Return the item, or a failed item if the values that it would write are invalid.

    local: the state of its row; None for a new row.
    """
    elements = {
        name: {key: new for key, (_, new) in changes.items() if new is not None}
        for name, changes in item.elements.items()
    }
    if not item.fields and not any(elements.values()):
        return item
    fields = {path: new for path, (_, new) in item.fields.items()}
    try:
        check(item.kind, {**local.fields, **fields} if local else fields, elements)
    except InvalidDraft as error:
        return Item(
            kind=item.kind,
            external_id=item.external_id,
            label=item.label.strip() or item.external_id,
            action="failed",
            fingerprint=item.fingerprint,
            reason=refusal_text(error),
            link_id=item.link_id,
            link_version=item.link_version,
            conflicts=item.conflicts,
            path=error.path,
            failures=1,
        )
    return item


def unreadable(entities: Sequence[FailedEntity], item: Item | None, label: str) -> Item:
    """Return an item for what could not be read of an object or a list.

    item: that of the part that could be read; then the reason is added to it.
    """
    first = entities[0]
    reason = " ".join(dict.fromkeys(entity.message for entity in entities))
    if item is not None:
        reason = f"{item.reason.rstrip('.')}; not everything could be read: {reason}" if item.reason else reason
        return replace(item, reason=reason, path=item.path or first.path, failures=item.failures + len(entities))
    return Item(
        kind=first.entity_type,
        external_id=first.external_id or "",
        label=label or "the whole listing",
        action="failed",
        fingerprint="",
        reason=reason,
        path=first.path,
        failures=len(entities),
    )

"""Makes the items of objects that could not be read completely, and of those that cannot be written. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from connectors.reading.texts import short_key
from connectors.records import FailedEntity
from oncall.aggregates import Kind, State, Values
from oncall.errors import InvalidDraft
from syncjobs.planning.values import Item, Proposal

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
            link=item.link,
            conflicts=item.conflicts,
            path=error.path,
            failures=1,
        )
    return item


def failed_item(entities: Sequence[FailedEntity], item: Item | None, proposal: Proposal | None) -> Item:
    """Return an item for what could not be read of an object or a list.

    item: that of the part that could be read; then the reason is added to it. proposal: None if no part could be read.
    """
    first = entities[0]
    reason = _why_failed(entities, in_part=proposal is not None)
    if proposal is None and first.external_id:
        reason += " Nothing of it was changed here."
    if item is not None:
        reason = f"{item.reason.rstrip('.')}; {reason}" if item.reason else _capitalized(reason)
        return replace(item, reason=reason, path=item.path or first.path, failures=item.failures + len(entities))
    return Item(
        kind=first.entity_type,
        external_id=short_key(first.external_id or ""),
        label=(proposal.label if proposal else first.external_id) or "the whole listing",
        action="failed",
        fingerprint="",
        reason=_capitalized(reason),
        path=first.path,
        failures=len(entities),
    )


def _why_failed(entities: Sequence[FailedEntity], *, in_part: bool) -> str:
    """Return the messages as one reason, each cause and each hint once. in_part: whether another part could be read."""
    causes = dict.fromkeys(entity.cause for entity in entities)
    hints = dict.fromkeys(entity.hint for entity in entities if entity.hint)
    reason = " ".join([*causes, *hints])
    return f"only a part of it could be read, and nothing is removed because of that: {reason}" if in_part else reason


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Items for objects and lists that could not be read, or only in part. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from connectors.records import FailedEntity
from syncjobs.planning.values import Item, Proposal

_ELEMENT: Final = "Only this element"
#: The end of a message: what it claims about the rest of its object, then what to do. See ``Vendor`` in the reading.
_END: Final = re.compile(rf" ?\b({_ELEMENT}|Nothing of this object)\b[^;]*; (.+)$", re.DOTALL)
_UNCHANGED: Final = "; nothing was changed here"


def failed_item(entities: Sequence[FailedEntity], item: Item | None, proposal: Proposal | None) -> Item:
    """Return an item for what could not be read of an object or a list.

    item: that of the part that could be read; then the reason is added to it. proposal: None if no part could be read.
    """
    first = entities[0]
    reason = _why_failed(entities, in_part=proposal is not None)
    if item is not None:
        reason = f"{item.reason}; {reason}" if item.reason else _capitalized(reason)
        return replace(item, reason=reason, path=first.path, failures=len(entities))
    return Item(
        kind=first.entity_type,
        external_id=first.external_id or "",
        label=(proposal.label if proposal else first.external_id) or "the whole listing",
        action="failed",
        fingerprint="",
        reason=_capitalized(reason),
        path=first.path,
        failures=len(entities),
    )


def _why_failed(entities: Sequence[FailedEntity], *, in_part: bool) -> str:
    """Return the messages as one reason. in_part: whether another part of the object could be read.

    Each message is about one element or one request. What it claims about the whole object is left out where it is not
    true, and said once for all messages.
    """
    messages: dict[str, None] = {}
    advice: dict[str, None] = {}
    for entity in entities:
        message = entity.message.replace(_UNCHANGED, "") if in_part else entity.message
        end = _END.search(message)
        if end is not None and (in_part or end[1] == _ELEMENT):
            message = message[: end.start()]
            if in_part:
                advice[_capitalized(end[2])] = None
        messages[message] = None
    said = " ".join([*messages, *advice])
    return f"only a part of it could be read, and nothing is removed because of that: {said}" if in_part else said


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Says, step by step, what a run found out about one object and what it does with it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.presence import Presence, State
from connectors.records import ENTITY_WORDS, EntityType, FailedEntity, MappingNote
from syncjobs.planning.values import Item, LinkView, Plan, Proposal

#: The steps in their order. The last one is known only from the outcome of the item.
STEPS: Final = ("fetched", "mapped", "matched", "compared", "decided", "written")

_NOT_LISTED: Final[Mapping[State, str]] = {
    "listed": "The source lists it.",
    "not_chosen": "Nothing that is selected leads to it.",
    "not_reached": "It was not reached.",
    "unreadable": "It could not be read.",
    "not_found": "The source does not know this id.",
    "not_visible": "The source does not show it, and does not tell whether it exists.",
    "absent": "A complete list does not contain it.",
}
_DECIDED: Final[Mapping[str, str]] = {
    "create": "It is created here.",
    "update": "The row here is changed.",
    "match": "It is linked with the row here.",
    "settle": "Both sides are equal, and the sync remembers that.",
    "conflict": "Nothing is changed before the question is answered.",
    "skip": "It is left out.",
    "missing": "Nothing is changed before it is missing a second time.",
    "detach": "It stays here and does not follow the source any more.",
    "deactivate": "The row here becomes inactive.",
    "held": "Its removals wait for approval.",
    "failed": "It cannot be written.",
}


def trace(
    kind: EntityType,
    external_id: str,
    *,
    presence: Presence,
    proposal: Proposal | None,
    link: LinkView | None,
    plan: Plan,
    failed: Sequence[FailedEntity] = (),
    notes: Sequence[MappingNote] = (),
) -> dict[str, str]:
    """Return a text for each step but the last.

    presence, failed, notes: what the read knows of all objects. proposal: None if the object was not mapped. link: the
    link of the object before the run, None without one.
    """
    own_item = next((each for each in plan.items if (each.kind, each.external_id) == (kind, external_id)), None)
    failures = [each.message for each in failed if (each.entity_type, each.external_id) == (kind, external_id)]
    told = [each.message for each in notes if (each.entity_type, each.external_id) == (kind, external_id)]
    questions = [each.kind for each in plan.conflicts if (each.entity_type, each.external_id) == (kind, external_id)]
    return {
        "fetched": _fetched(presence, failures),
        "mapped": _mapped(proposal, told),
        "matched": _matched(kind, proposal, link, own_item),
        "compared": _compared(proposal, own_item),
        "decided": _decided(own_item, questions),
    }


def _fetched(presence: Presence, failures: Sequence[str]) -> str:
    return " ".join((_NOT_LISTED[presence.state], *([presence.reason] if presence.reason else []), *failures))


def _mapped(proposal: Proposal | None, notes: Sequence[str]) -> str:
    if proposal is None:
        return " ".join(("Nothing was mapped.", *notes))
    parts = [
        f"{name.replace('_', ' ')}: {'not fetched' if found is None else len(found)}"
        for name, found in sorted(proposal.elements.items())
    ]
    elements = f" ({', '.join(parts)})" if parts else ""
    return " ".join((f"“{proposal.label}”{elements}.", *notes))


def _matched(kind: EntityType, proposal: Proposal | None, link: LinkView | None, item: Item | None) -> str:
    word = ENTITY_WORDS[kind][0]
    if link is not None:
        if link.row_id is None:
            return f"Its row here was deleted; the link is {link.state}."
        follows = "which follows it" if link.state == "linked" else f"whose link is {link.state}"
        return f"It is {word} {link.row_id} here, {follows}."
    if item is not None and item.row_id is not None:
        return f"It is {word} {item.row_id} here."
    return "Nothing was compared." if proposal is None else f"No {word} here is this one."


def _compared(proposal: Proposal | None, item: Item | None) -> str:
    if proposal is None:
        return "Nothing was compared."
    if item is None:
        return "Nothing differs."
    changed = [*item.fields, *(f"{name} ({len(changes)})" for name, changes in item.elements.items())]
    return f"These differ: {', '.join(changed)}." if changed else "No value differs."


def _decided(item: Item | None, questions: Sequence[str]) -> str:
    kinds = [f"It is a question: {each.replace('_', ' ')}." for each in questions]
    if item is None:
        return " ".join(kinds) or "There is nothing to do."
    return " ".join((_DECIDED.get(item.action, f"{item.action}."), *([item.reason] if item.reason else []), *kinds))

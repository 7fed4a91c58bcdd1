"""Holds removals for approval where a plan would remove too much at once. Pure.

The rule about the last person of a schedule or level needs who is on call with the plan and without it, see
:mod:`syncjobs.planning.missing.last_person` and :mod:`syncjobs.runs.impact.guarded`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from connectors.presence import MISSING
from connectors.records import ENTITY_TYPES, ENTITY_WORDS
from oncall.aggregates import Kind
from syncjobs.planning.missing.last_person import is_removal
from syncjobs.planning.values import Item, LinkView, Presences, Proposal, Rules

#: A kind with at least this many objects holds the whole plan when it vanishes.
WHOLE_KIND: Final = 5


@dataclass(frozen=True, slots=True)
class Guarded:
    """The items of a plan, those that wait for approval marked. reasons, vanished, removes: as in Plan."""

    items: tuple[Item, ...]
    reasons: tuple[str, ...]
    vanished: tuple[Kind, ...]

    @property
    def removes(self) -> bool:
        """Return whether an item that does not wait may take somebody away."""
        return any(
            not item.guarded and is_removal(item.kind, item.action, item.fields, item.elements) for item in self.items
        )


def guard(
    items: Iterable[Item],
    links: Mapping[Kind, Mapping[str, LinkView]],
    proposals: Mapping[Kind, Mapping[str, Proposal]],
    rules: Rules,
    presence: Presences,
) -> Guarded:
    """Mark the removals of a plan that wait for approval, and say why.

    The items of a kind that make a row inactive wait if they are all of its objects, also if something else is planned
    for the others that are not listed; or if they are more than a share and at least a number of them. What would empty
    a collection waits already.
    """
    items = tuple(items)
    reasons: list[str] = []
    held: set[Kind] = set()
    vanished = tuple(kind for kind in ENTITY_TYPES if _has_vanished(kind, links[kind], proposals[kind], presence))
    for kind in ENTITY_TYPES:
        one, words = ENTITY_WORDS[kind]
        linked = sum(link.state == "linked" for link in links[kind].values())
        removed = sum(item.kind == kind and _removes(item) for item in items)
        if kind in vanished:
            reasons.append(f"The source lists none of the {linked} {words} any more.")
        elif removed and removed == linked:
            which = f"The only {one}" if linked == 1 else f"All {linked} {words}"
            reasons.append(f"{which} would become inactive.")
        elif removed and proposals[kind].keys().isdisjoint(_followed(links[kind])):
            reasons.append(f"{removed} of {linked} {words} would become inactive, and the source lists none of them.")
        elif removed >= rules.guard_count and removed * 100 > rules.guard_share * linked:
            reasons.append(f"{removed} of {linked} {words} would become inactive, more than {rules.guard_share} %.")
        else:
            continue
        held.add(kind)
    emptied = Counter(item.kind for item in items if item.held)
    reasons += (
        f"{emptied[kind]} {ENTITY_WORDS[kind][emptied[kind] > 1]} would lose all elements of a collection."
        for kind in ENTITY_TYPES
        if emptied[kind]
    )
    marked = tuple(
        replace(item, guarded=True)
        if item.kind in held and (_removes(item) or (item.kind in vanished and item.action == "missing"))
        else item
        for item in items
    )
    return Guarded(marked, tuple(reasons), vanished)


def _removes(item: Item) -> bool:
    return item.action == "deactivate" and "active" in item.fields


def _followed(links: Mapping[str, LinkView]) -> list[str]:
    return [link.external_id for link in links.values() if link.state == "linked"]


def _has_vanished(
    kind: Kind, links: Mapping[str, LinkView], proposals: Mapping[str, Proposal], presence: Presences
) -> bool:
    """Return whether a complete list contains none of at least five objects that were followed."""
    followed = _followed(links)
    return (
        len(followed) >= WHOLE_KIND
        and proposals.keys().isdisjoint(followed)
        and all(presence(kind, external_id).state in MISSING for external_id in followed)
    )

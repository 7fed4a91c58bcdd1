"""Selection and closure: the chosen objects, the objects that they need, and the reason for each. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.records import ENTITY_WORDS, EntityKey, EntityType
from oncall.escalation.policy import Policy
from oncall.rendering.spec import Layer

#: The keys to import, each with the names of the objects that need it (empty: it is chosen).
Kept = Mapping[EntityKey, tuple[str, ...]]
SELECTABLE: tuple[EntityType, ...] = ("service", "user_group", "schedule", "escalation_policy")


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a person chose to import. everything: all objects of every kind; ``chosen`` is ignored then."""

    everything: bool = True
    chosen: frozenset[EntityKey] = frozenset()

    def to_json(self) -> dict[str, object]:
        """``{"everything": true}`` or ``{"everything": false, "chosen": {"service": ["P1"], ...}}``, sorted."""
        if self.everything:
            return {"everything": True}
        chosen: dict[str, list[str]] = {}
        for entity_type, external_id in sorted(self.chosen):
            chosen.setdefault(entity_type, []).append(external_id)
        return {"everything": False, "chosen": chosen}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Selection":
        chosen = data.get("chosen", {})
        assert isinstance(chosen, Mapping)  # noqa: S101 - written by to_json only
        keys = frozenset((kind, id_) for kind in SELECTABLE for id_ in chosen.get(kind, ()))
        return cls(everything=bool(data.get("everything", True)), chosen=keys)


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the source, with the objects that it refers to and the group that owns it.

    layers: of a schedule; policy: of an escalation policy. None if the lists of the source do not tell them.
    """

    entity_type: EntityType
    external_id: str
    name: str
    references: tuple[EntityKey, ...] = ()
    owners: tuple[str, ...] = ()
    layers: tuple[Layer, ...] | None = None
    policy: Policy | None = None

    @property
    def key(self) -> EntityKey:
        return (self.entity_type, self.external_id)


def close(nodes: Iterable[Node], selection: Selection) -> dict[EntityKey, tuple[str, ...]]:
    """Return the keys to import, each with the names of the objects that need it (empty: it is chosen).

    A chosen user group includes the objects that it owns; a group that is only needed does not. Referenced keys without
    a node are returned, too: the caller fetches or reports them. Breadth first, so the reasons are the nearest ones.
    """
    by_key = {node.key: node for node in nodes}
    if selection.everything:
        return dict.fromkeys(by_key, ())
    kept: dict[EntityKey, tuple[str, ...]] = {key: () for key in sorted(selection.chosen) if key in by_key}
    for node in by_key.values():
        for owner in node.owners:
            key: EntityKey = ("user_group", owner)
            if key in selection.chosen and key in by_key:
                kept.setdefault(node.key, (because(by_key[key]),))
    queue = deque(kept)
    while queue:
        node_or_none = by_key.get(queue.popleft())
        if node_or_none is None:
            continue
        for reference in node_or_none.references:
            reason = because(node_or_none)
            if reference not in kept:
                kept[reference] = (reason,)
                queue.append(reference)
            elif kept[reference] and reason not in kept[reference] and len(kept[reference]) < 5:
                kept[reference] += (reason,)
    return kept


def because(node: Node) -> str:
    """Return the name of a node as a reason, for example ``service Web``."""
    return f"{ENTITY_WORDS[node.entity_type][0]} {node.name.strip() or node.external_id}"

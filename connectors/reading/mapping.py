"""Steps of the mapping that are the same for all vendors. Pure."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from connectors.closure import Kept, Node
from connectors.reading.findings import Elements, Findings
from connectors.records import (
    ENTITY_WORDS,
    EntityKey,
    EntityType,
    SourceMember,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
    Unread,
)
from oncall.escalation.policy import Target, TargetKind
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held, merged, together

T = TypeVar("T")
#: The kind of record that a target needs to be resolved. A person is always resolved: a person who is only referred to
#: is a record too.
_NEEDED: Final[Mapping[TargetKind, EntityType]] = {
    "schedule": "schedule",
    "user_group": "user_group",
    "group_routing": "user_group",
    "escalation_policy": "escalation_policy",
}


@dataclass(frozen=True, slots=True)
class Records:
    """The records that a mapping makes from one read."""

    users: tuple[SourceUser, ...]
    teams: tuple[SourceTeam, ...]
    schedules: tuple[SourceSchedule, ...]
    policies: tuple[SourcePolicy, ...]
    services: tuple[SourceService, ...]


def with_contents(nodes: Iterable[Node], made: Records) -> list[Node]:
    """Return the nodes of an inventory with the layers and levels of their records, as far as there are records."""
    layers = {each.external_id: each.layers for each in made.schedules}
    policies = {each.external_id: each.policy for each in made.policies}
    return [
        replace(node, layers=layers.get(node.external_id)) if node.entity_type == "schedule"
        else replace(node, policy=policies.get(node.external_id)) if node.entity_type == "escalation_policy"
        else node
        for node in nodes
    ]  # fmt: skip


def kept_of(kept: Kept, kind: EntityType, objects: Mapping[str, T]) -> Iterator[tuple[T, tuple[str, ...]]]:
    """The objects that are kept, each with the reasons why it is kept. objects: by id."""
    for id_, found in objects.items():
        if (kind, id_) in kept:
            yield found, kept[kind, id_]


def unread_of(**collections: Iterable[object] | None) -> Unread:
    """How many elements of each collection could not be read, by the collection's name; without those that are whole.

    A plain list and a collection that was not reported (None) have no unread elements.
    """
    counts = {name: found.unread for name, found in sorted(collections.items()) if isinstance(found, Elements)}
    return {name: count for name, count in counts.items() if count}


def finish(
    policies: Sequence[SourcePolicy],
    services: Sequence[SourceService],
    read: Container[EntityKey],
    findings: Findings,
    *,
    path: str,
) -> tuple[SourcePolicy, ...]:
    """The policies, with every target that is not among ``read`` turned into an unresolved target and noted.

    A service keeps the id of its policy even when the policy was not read; then a note says so. read: keys of the
    records. path: the JSON path of the policy in a service.
    """
    known = {policy.external_id for policy in policies}
    for service in services:
        if service.policy_id is not None and service.policy_id not in known:
            message = f"The escalation policy {service.policy_id} of {service.name} is not among what could be read."
            findings.note("service", service.external_id, "policy_not_seen", message, path)
    return tuple(_finished(policy, read, findings) for policy in policies)


def _finished(source: SourcePolicy, read: Container[EntityKey], findings: Findings) -> SourcePolicy:
    def settled(target: Target, number: int) -> Target:
        needed = _NEEDED.get(target.kind)
        if needed is None or (needed, target.key) in read:
            return target
        message = (
            f"Level {number} of {source.name} pages the {ENTITY_WORDS[needed][0]} {target.label} ({target.key}), which "
            "is not among what could be read; the target stays, unresolved."
        )
        findings.note("escalation_policy", source.external_id, "unresolved_target", message)
        return replace(target, kind="unresolved", unresolved_kind=target.kind)

    levels = tuple(
        replace(level, targets=tuple(settled(target, number) for target in level.targets))
        for number, level in enumerate(source.policy.levels, start=1)
    )
    return replace(source, policy=replace(source.policy, levels=levels))


def members_by_id(members: Iterable[tuple[str, str]] | None) -> tuple[SourceMember, ...] | None:
    """The members of a team, each person once, sorted by id: their order means nothing.

    members: person id and role; of a person named twice the last role counts. None = not known.
    """
    if members is None:
        return None
    roles = dict(members)
    return tuple(SourceMember(id_, roles[id_]) for id_ in sorted(roles))


def spans(held: Iterable[Held]) -> tuple[Span, ...]:
    """The spans of a vendor's own rendering. held: who is on call when, in any order, may overlap.

    The spans do not overlap, each names everyone on call, and neighbours with the same people are joined.
    """
    return tuple(Span(*span) for span in merged(together(held)))

"""What the mappings of all vendors have in common. Pure."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from connectors.closure import Kept
from connectors.reading.findings import Findings
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
)
from oncall.escalation.policy import Target, TargetKind
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held, merged, together

T = TypeVar("T")
#: What has to be among the records for a target to be resolved. A person always is: whoever is only referred to is a
#: person all the same.
_NEEDED: Final[Mapping[TargetKind, EntityType]] = {
    "schedule": "schedule",
    "user_group": "user_group",
    "group_routing": "user_group",
    "escalation_policy": "escalation_policy",
}


@dataclass(frozen=True, slots=True)
class Records:
    """What a mapping makes of one read."""

    users: tuple[SourceUser, ...]
    teams: tuple[SourceTeam, ...]
    schedules: tuple[SourceSchedule, ...]
    policies: tuple[SourcePolicy, ...]
    services: tuple[SourceService, ...]


def kept_of(kept: Kept, kind: EntityType, objects: Mapping[str, T]) -> Iterator[tuple[T, tuple[str, ...]]]:
    """What is kept of ``objects`` (by id), each with what brought it along."""
    for id_, one in objects.items():
        if (kind, id_) in kept:
            yield one, kept[kind, id_]


def finish(
    policies: Sequence[SourcePolicy],
    services: Sequence[SourceService],
    read: Container[EntityKey],
    findings: Findings,
    *,
    path: str,
) -> tuple[SourcePolicy, ...]:
    """Policies whose targets are all among ``read`` (keys of the records), or named unresolved.

    A service keeps the id of its policy whether or not that was read; a missing one is named. path: where a service
    tells it.
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
    """What a vendor's own rendering tells, in any order and overlapping -> disjoint spans with everyone on call, equal
    neighbours joined."""
    return tuple(Span(*span) for span in merged(together(held)))

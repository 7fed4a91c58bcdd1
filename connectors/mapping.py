"""What the mappings of all vendors have in common. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from connectors.closure import Kept
from connectors.records import EntityType, SourcePolicy, SourceSchedule, SourceService, SourceTeam, SourceUser

T = TypeVar("T")


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

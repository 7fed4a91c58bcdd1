"""What one read knows of the presence of each object at the source, and when two reads prove that it is gone.

Pure; the same for every vendor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Literal, NamedTuple

from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityKey, EntityType, Reach, Snapshot

#: listed: it was read. not_chosen: the selection was followed to its end and does not lead to it. not_reached: a step
#: on the way was refused, cut or unreadable. unreadable: it came, but could not be read. not_found: it was requested by
#: its id, and the source does not know it. not_visible: a complete list does not contain it, and the source refuses it
#: without telling whether it exists. absent: a complete list does not contain it, and it was not requested.
State = Literal["listed", "not_chosen", "not_reached", "unreadable", "not_found", "not_visible", "absent"]

_OTHERS: Final = tuple(kind for kind in ENTITY_TYPES if kind != "service")
#: The kinds that an object of a kind can lead to, over any number of references. A list that
#: is not complete hides objects of its own kind.
_LEADS_TO: Final[Mapping[EntityType, tuple[EntityType, ...]]] = {
    "responder": ("responder",),
    "user_group": ENTITY_TYPES,
    "schedule": _OTHERS,
    "escalation_policy": _OTHERS,
    "service": ENTITY_TYPES,
}

#: The states of an object that a complete list does not contain.
MISSING: Final[frozenset[State]] = frozenset({"absent", "not_found", "not_visible"})
_NO_KEY: Final = "unknown"


class Presence(NamedTuple):
    """reason: why the state is not known better, empty for a state that is certain. exists: whether the source knows
    the object, although its list lacks it.
    """

    state: State
    reason: str = ""
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often an object was seen missing; the ISO instant and the rights of the first time."""

    count: int = 0
    since: str = ""
    rights: str = ""


def rights_of(snapshot: Snapshot, key_since: datetime | None) -> str:
    """Return the rights of a read as text: the time of its key, the kinds whose lists are complete, and its account."""
    complete = [kind for kind in ENTITY_TYPES if (state := snapshot.completeness.get(kind)) and state.listing]
    return f"{key_since.isoformat() if key_since else _NO_KEY} {','.join(complete)} {snapshot.account.id or ''}"


def compared_rights(before: str, now: str) -> Literal["same", "fewer", "other"]:
    """Return whether a read had the rights of an earlier read.

    fewer: the same key read fewer lists, for example because one failed, or the source did not say which account it
    reads. other: another key or account, or more lists.
    """
    if before == now:
        return "same"
    (key, lists, account), (key_now, lists_now, account_now) = _parts(before), _parts(now)
    is_part = set(lists_now.split(",")) <= {*lists.split(","), ""}
    return "fewer" if key == key_now and account_now in (account, "") and is_part else "other"


def _parts(rights: str) -> tuple[str, str, str]:
    key, _, rest = rights.partition(" ")
    lists, _, account = rest.partition(" ")
    return key, lists, account


class Presences:
    """The presence of any object, as one snapshot knows it.

    Only ``not_chosen`` says that an object left the selection, only ``not_found``, ``not_visible`` and ``absent`` that
    it may be gone.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def _listed(self) -> frozenset[EntityKey]:
        return frozenset(
            (kind, record.external_id)
            for kind in ENTITY_TYPES
            for record in self._snapshot.records(kind)
            if getattr(record, "listed", True)
        )

    @cached_property
    def _unreadable(self) -> frozenset[tuple[EntityType, str | None]]:
        return frozenset((failed.entity_type, failed.external_id) for failed in self._snapshot.failed)

    @cached_property
    def _gaps(self) -> Mapping[EntityType, str]:
        """The first reason why objects of a kind may have been missed, by kind."""
        reach, found = self._snapshot.reach, dict[EntityType, str]()
        for start, reason in () if reach is None else _gaps(self._snapshot, reach):
            for kind in _LEADS_TO[start]:
                found.setdefault(kind, reason)
        return found

    @cached_property
    def _contradicted(self) -> frozenset[EntityType]:
        """The kinds whose list lacks an object that the source still knows."""
        return frozenset(kind for (kind, _), found in self._snapshot.looked_up.items() if found == "found")

    def of(self, kind: EntityType, external_id: str) -> Presence:
        key = (kind, external_id)
        if key in self._listed:
            return Presence("listed")
        if key in self._unreadable:
            return Presence("unreadable")
        if key in self._snapshot.not_found:
            return Presence("not_found")
        if self._snapshot.reach is not None and key not in self._snapshot.reach.kept:
            return Presence("not_reached", self._gaps[kind]) if kind in self._gaps else Presence("not_chosen")
        completeness = self._snapshot.completeness.get(kind)
        if completeness is not None and completeness.listing:
            return self._absent(kind, external_id)
        return Presence("not_reached", "" if completeness is None else completeness.reason)

    def _absent(self, kind: EntityType, external_id: str) -> Presence:
        """Return the state of an object that a complete list does not contain."""
        if kind in self._contradicted:
            words = ENTITY_WORDS[kind][1]
            exists = self._snapshot.looked_up.get((kind, external_id)) == "found"
            return Presence("not_reached", f"The list of {words} lacks objects that the source still knows.", exists)
        match self._snapshot.looked_up.get((kind, external_id)):
            case "not_found":
                return Presence("not_found")
            case "not_visible":
                return Presence("not_visible")
            case "unknown":
                return Presence("not_reached", "The source gave no usable answer about an object that its list lacks.")
            case _:
                return Presence("absent")


def _gaps(snapshot: Snapshot, reach: Reach) -> Iterator[tuple[EntityType, str]]:
    """Where the way from the chosen objects breaks off: the kind of the object there, and the reason."""
    for kind, external_id in reach.unresolved:
        yield kind, f"The {ENTITY_WORDS[kind][0]} {external_id} could not be read, so what it refers to is not known."
    for failed in snapshot.failed:
        if _is_on_the_way((failed.entity_type, failed.external_id or ""), reach):
            yield failed.entity_type, failed.message
    for note in snapshot.notes:
        if note.hides and _is_on_the_way((note.entity_type, note.external_id or ""), reach):
            yield note.entity_type, note.message
    for kind, completeness in snapshot.completeness.items():
        if reach.owned and kind != "responder" and not completeness.listing:
            yield kind, completeness.reason


def _is_on_the_way(key: EntityKey, reach: Reach) -> bool:
    """Whether an object, or a list without an owner (no id), can hide an object of the closure."""
    kind, external_id = key
    return key in reach.kept or reach.owned or (not external_id and kind == "responder")

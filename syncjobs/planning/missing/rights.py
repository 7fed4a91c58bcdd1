"""Says with which rights a read saw that objects are missing: two sightings need the same. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from connectors.records import ENTITY_TYPES, Snapshot


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often an object was seen missing; the ISO instant and the rights of the first time."""

    count: int = 0
    since: str = ""
    rights: str = ""


_NO_KEY: Final = "unknown"


def rights_of(snapshot: Snapshot, key_since: datetime | None) -> str:
    """Return the rights of a read as text: when its key was entered, and the kinds whose lists are complete."""
    complete = [kind for kind in ENTITY_TYPES if (state := snapshot.completeness.get(kind)) and state.listing]
    return f"{key_since.isoformat() if key_since else _NO_KEY} {','.join(complete)}"


def compared(before: str, now: str) -> Literal["same", "fewer", "other"]:
    """Return whether a read had the rights of an earlier read.

    fewer: the same key read fewer lists, for example because one failed. other: another key, or more lists.
    """
    (key, _, lists), (key_now, _, lists_now) = before.partition(" "), now.partition(" ")
    if before == now:
        return "same"
    return "fewer" if key == key_now and set(lists_now.split(",")) < {*lists.split(","), ""} else "other"

"""Says for each kind of conflict what it means for the people on call, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from syncjobs.models import ConflictKind

#: Kind of conflict -> (what happens until it is answered, what to do).
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    ConflictKind.USER_NOT_FOUND: (
        "The person was imported and keeps every turn, target and membership, but has no account here.",
        "Link an account on the person's page; the next sync closes this question.",
    ),
    ConflictKind.AMBIGUOUS: (
        "Nobody was merged. Everybody with this address stays a separate person and keeps their turns.",
        "Correct the address of the people with a wrong address, at the source or here; the next sync closes this "
        "question.",
    ),
    ConflictKind.DUPLICATE_SCHEDULE: (
        "Both schedules are kept and rendered. Each escalation policy still pages the same schedule.",
        "Rename one of them, or deactivate the one that is not needed; the next sync closes this question.",
    ),
    ConflictKind.DUPLICATE_POLICY: (
        "Both escalation policies are kept. Each service still uses the same policy.",
        "Rename one of them, or deactivate the one that is not needed; the next sync closes this question.",
    ),
    ConflictKind.TEAM_NAME_COLLISION: (
        "Both user groups are kept, each with its own members.",
        "Rename one of them, or deactivate the one that is not needed; the next sync closes this question.",
    ),
    ConflictKind.TIMEZONE_MISMATCH: (
        "The time zone was not guessed. A schedule without a settled time zone is inactive and has no shifts. A time "
        "zone that was set here is kept.",
        "Set the time zone at the source to a name such as Europe/Berlin, or on the schedule's page, and sync again.",
    ),
    ConflictKind.BOTH_EDITED: (
        "The values set here are kept. Other fields of the object still follow the source.",
        "Make the values equal, here or at the source; the next sync closes this question. If the source should always "
        "win, choose Overwrite with source in the connection's rules.",
    ),
    ConflictKind.DELETED_HERE: (
        "It stays deleted here, but still exists at the source.",
        "Delete it at the source too, or remove it from the selection of the connection.",
    ),
}
LATER: Final = "A later release lets you decide on this page."

"""What every kind of conflict means for those on call, and what somebody can do about it in this release."""

from collections.abc import Mapping
from typing import Final

from syncjobs.models import ConflictKind

#: kind -> (what happens meanwhile, what to do now)
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    ConflictKind.USER_NOT_FOUND: (
        "The person was imported, keeps every slot, target and membership, and is shown as having no account here.",
        "Link an account on the person's page; the next sync closes this.",
    ),
    ConflictKind.AMBIGUOUS: (
        "Nobody was merged: everybody with this address is a person of their own and keeps their slots.",
        "Correct the address of those it does not belong to, at the source or here; the next sync closes this.",
    ),
    ConflictKind.DUPLICATE_SCHEDULE: (
        "Both schedules stand and both are rendered. Escalation policies go on naming the one they named.",
        "Rename one of the two, or deactivate the one that is not needed; the next sync closes this.",
    ),
    ConflictKind.DUPLICATE_POLICY: (
        "Both escalation policies stand. Services go on naming the one they named.",
        "Rename one of the two, or deactivate the one that is not needed; the next sync closes this.",
    ),
    ConflictKind.TEAM_NAME_COLLISION: (
        "Both user groups stand, each with its own members.",
        "Rename one of the two, or deactivate the one that is not needed; the next sync closes this.",
    ),
    ConflictKind.TIMEZONE_MISMATCH: (
        "Nothing was guessed. A schedule without a certain time zone is stored inactive and renders no shifts; one "
        "whose zone was set here keeps it.",
        "Set the zone at the source to a name such as Europe/Berlin, or on the schedule's page here, then sync again.",
    ),
    ConflictKind.BOTH_EDITED: (
        "What was set here stays in force. Other fields of the object go on following the source.",
        "Make both sides equal, here or at the source; the next sync closes this. Or let the source win everywhere: "
        "choose Overwrite with source in the connection's rules.",
    ),
    ConflictKind.DELETED_HERE: (
        "It stays deleted here. At the source it is still there.",
        "Delete it at the source too, or take it out of the selection of the connection.",
    ),
}
LATER: Final = "Deciding here, with a click, follows in a later release."

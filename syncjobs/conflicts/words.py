"""Says for each kind of conflict what it means for the people on call, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from syncjobs.models import ConflictKind

_RENAME: Final = (
    "Rename them until the names differ, or deactivate those that are not needed; the next sync closes this question."
)

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
        "All of these schedules are kept and rendered. Each escalation policy still pages the same schedule.",
        _RENAME,
    ),
    ConflictKind.DUPLICATE_POLICY: (
        "All of these escalation policies are kept. Each service still uses the same policy.",
        _RENAME,
    ),
    ConflictKind.TEAM_NAME_COLLISION: (
        "All of these user groups are kept, each with its own members.",
        _RENAME,
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
#: Why a person has no account here: the codes of the evidence, in words.
NO_ACCOUNT: Final[Mapping[str, str]] = {
    "no_email": "the source reports no e-mail address",
    "not_comparable": "the e-mail address cannot be compared safely",
    "no_account": "no account has this e-mail address",
    "privileged": "the account with this address has privileges and must be linked by hand",
    "taken": "the account with this address is linked to somebody else",
    "linkable": "an account with this address exists and can be linked",
}
#: Why a time zone is not settled: the rule by which its text was recognised, in words.
ZONE_RULES: Final[Mapping[str, str]] = {
    "blank": "No time zone is given.",
    "too_long": "The text is too long to be the name of a time zone.",
    "abbreviation": "It is an abbreviation, which is used for several zones.",
    "windows": "It names only the summer half of a zone.",
    "rails": "It has meant different zones in different versions of Rails.",
    "offset": "It is an offset that no zone without summer time has.",
    "label": "Its offset is never that of the zone in its name.",
    "unknown": "It is no known time zone.",
}
LATER: Final = "A later release lets you decide on this page."

"""Says for each kind of question what it is about, and what it means for the people on call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from connectors.records import ENTITY_WORDS, entity_type_of
from oncall.tables.base import local_id
from syncjobs.models import Conflict, ConflictKind
from syncjobs.words.losses import loss_title
from syncjobs.words.values import field_word

#: Kind of question -> what happens until it is answered.
MEANWHILE: Final[Mapping[str, str]] = {
    ConflictKind.USER_NOT_FOUND: (
        "The person was imported and keeps every turn, target and membership, but has no account here."
    ),
    ConflictKind.AMBIGUOUS: (
        "Nobody was merged. Everybody with this address stays a separate person and keeps their turns."
    ),
    ConflictKind.DUPLICATE_SCHEDULE: (
        "All of these schedules are kept and rendered. Each escalation policy still pages the same schedule."
    ),
    ConflictKind.DUPLICATE_POLICY: (
        "All of these escalation policies are kept. Each service still uses the same policy."
    ),
    ConflictKind.TEAM_NAME_COLLISION: "All of these user groups are kept, each with its own members.",
    ConflictKind.TIMEZONE_MISMATCH: (
        "The time zone was not guessed. A schedule that never had a known time zone is inactive and has no shifts. One "
        "that had a known time zone keeps it and stays active. A time zone that was set here is kept."
    ),
    ConflictKind.BOTH_EDITED: ("The values set here are kept. Other fields of the object still follow the source."),
    ConflictKind.DELETED_HERE: "It stays deleted here, but still exists at the source.",
    ConflictKind.UNSUPPORTED: (
        "It was imported as far as it can be expressed here. The source may page other people than this site shows."
    ),
    ConflictKind.GONE: "It stays active here with its slots and with what was edited here.",
    ConflictKind.NOT_VISIBLE: (
        "It stays active here. The source does not say whether it was deleted or is hidden from the key."
    ),
    ConflictKind.RECREATED: "Both rows are kept. What refers to the old one still refers to it.",
    ConflictKind.INACTIVE_SCHEDULED: "The person keeps every turn, but the source does not page them.",
    ConflictKind.ACCOUNT_CHANGED: "Nothing is read from the other account, and nothing here was changed.",
}
#: Presence of an object at the source: the codes of the evidence, in words.
PRESENCE: Final[Mapping[str, str]] = {
    "absent": "it is no longer in the complete list",
    "not_found": "it does not exist any more",
    "not_visible": "it was deleted, or is hidden from the key",
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
    "fixed_offset": "It is a fixed offset without summer time, which is seldom right for a schedule.",
    "offset": "It is an offset that no zone without summer time has.",
    "label": "Its offset is never that of the zone in its name.",
    "unknown": "It is no known time zone.",
}


def sentence(conflict: Conflict, sources: Sequence[str]) -> str:
    """Return what a question is about, in a sentence that names both sides. sources: names of its connections."""
    return SENTENCES[ConflictKind(conflict.kind)](conflict, _listed(sources) or "the source")


def _listed(texts: Sequence[str]) -> str:
    """Return texts as a list in a sentence, such as ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def _equal_names(conflict: Conflict, source: str) -> str:
    keys = conflict.evidence.get("rows") or ()
    here = sum(1 for key in keys if local_id(key) is not None)
    made = [f"{here} made here"] if here else []
    words = ENTITY_WORDS[entity_type_of(conflict.entity_type)][1]
    if not here:
        return f"{len(keys)} {words} from {source} have the name {conflict.label}."
    imported = [f"{len(keys) - here} from {source}"] if len(keys) > here else []
    return f"{len(keys)} {words} have the name {conflict.label}: {_listed([*imported, *made])}."


def _loss(conflict: Conflict) -> str:
    title = loss_title(conflict.evidence["code"], "Something of it cannot be expressed here.")
    return f"{title[:1].lower()}{title[1:]}"


def account_in_words(account: Mapping[str, str]) -> str:
    """Return an account of the evidence: its label, else its id."""
    return account["label"] or account["id"]


def _both_edited(conflict: Conflict, source: str) -> str:
    fields = dict.fromkeys(field_word(path).lower() for path in conflict.paths)
    return f"{conflict.label} was edited here and in {source}: {', '.join(fields)}."


#: Kind of question -> the sentence that names both sides.
SENTENCES: Final[Mapping[ConflictKind, Callable[[Conflict, str], str]]] = {
    ConflictKind.USER_NOT_FOUND: lambda conflict, source: f"{conflict.label} of {source} has no account here.",
    ConflictKind.AMBIGUOUS: lambda conflict, source: (
        f"{len(conflict.evidence.get('people') or ())} people have one address, here and in {source}: {conflict.label}."
    ),
    ConflictKind.DUPLICATE_SCHEDULE: _equal_names,
    ConflictKind.DUPLICATE_POLICY: _equal_names,
    ConflictKind.TEAM_NAME_COLLISION: _equal_names,
    ConflictKind.TIMEZONE_MISMATCH: lambda conflict, source: (
        f"{conflict.label} of {source} has the time zone “{conflict.evidence.get('raw') or 'none'}”, "
        + (
            f"which is not known. The schedule keeps {conflict.evidence['kept']}, its last known time zone."
            if conflict.evidence.get("kept")
            else "which is not settled here."
        )
    ),
    ConflictKind.BOTH_EDITED: _both_edited,
    ConflictKind.DELETED_HERE: lambda conflict, source: (
        f"{conflict.label} was deleted here and still exists in {source}."
    ),
    ConflictKind.UNSUPPORTED: lambda conflict, source: (
        f"{conflict.label} of {source} is not the same here: {_loss(conflict)}"
    ),
    ConflictKind.GONE: lambda conflict, source: f"{conflict.label} is gone in {source} and was edited here.",
    ConflictKind.NOT_VISIBLE: lambda conflict, source: (
        f"{conflict.label} exists here and is not visible in {source} any more."
    ),
    ConflictKind.RECREATED: lambda conflict, source: (
        f"{conflict.label} exists here from an earlier object of {source}, which lists it under a new id."
    ),
    ConflictKind.INACTIVE_SCHEDULED: lambda conflict, source: (
        f"{conflict.label} is {conflict.evidence['state']} in {source} and is on call here."
    ),
    ConflictKind.ACCOUNT_CHANGED: lambda conflict, source: (
        f"The key of {source} belongs to {account_in_words(conflict.evidence['source'])}; "
        f"what is here comes from {account_in_words(conflict.evidence['here'])}."
    ),
}

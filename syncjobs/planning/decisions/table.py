"""The answers to each kind of question. Pure.

Pages, shell and bulk read this table; none of them knows a kind by name.
"""

from collections.abc import Callable, Mapping
from typing import Final

from syncjobs.planning.conflicts import NAME_COLLISIONS
from syncjobs.planning.decisions import accounts, fields, names, people, presence, rules, zones
from syncjobs.planning.decisions.values import (
    Argument,
    Arguments,
    Choice,
    Lead,
    NotOffered,
    Question,
    RuleDraft,
    Sides,
    nothing_changes,
)

_PATHS: Final = Argument("paths", "paths", default="all", label="Fields")

_FIELD: Final = "Later questions about this field of this source get the same answer."


def _remember_field(choice: str) -> Callable[[Question, Arguments, Sides], RuleDraft]:
    return lambda question, arguments, sides: rules.remember_field(choice, question)


_NAMES: Final = (
    Choice(
        "rename",
        "Rename one",
        "One row gets another name. If its source changes the name later, you are asked.",
        names.rename,
        (
            Argument("row", "row", required=True, label="Row to rename"),
            Argument("name", "text", required=True, label="New name"),
        ),
        lead="decide",
    ),
    Choice(
        "merge",
        "Merge into one",
        "One row stays. References, leads and ownership of the others move to it, and the others become inactive.",
        names.merge,
        (
            Argument("into", "row", default="the row that is used most", label="Row that stays"),
            Argument("values", "row", default="the same row", label="Whose values are kept"),
            Argument("rows", "rows", default="all", label="Rows to merge"),
        ),
        lead="decide",
    ),
    Choice(
        "keep_all",
        "Keep all",
        "All rows stay as they are. You are asked again only if another row gets this name.",
        nothing_changes,
        lead="decide",
        bulk=True,
        remembered="Equal names of this kind are kept whenever this source has one of them.",
        rule=lambda question, arguments, sides: rules.remember_all("keep_all"),
    ),
)


def _absent(lead: Lead) -> tuple[Choice, ...]:
    """Return the answers about an object that the source no longer lists."""
    return (
        Choice(
            "deactivate",
            "Make it inactive",
            "It becomes inactive here. Its slots, targets and memberships stay, and it becomes active again if the "
            "source lists it again.",
            presence.deactivate,
            lead=lead,
        ),
        Choice(
            "keep",
            "Keep it",
            "It stays as it is. It belongs to you from now on and no longer follows the source.",
            presence.keep,
            lead=lead,
        ),
    )


#: The answers by kind of question, the suggested one first.
CHOICES: Final[Mapping[str, tuple[Choice, ...]]] = {
    "user_not_found": (
        Choice(
            rules.INVITE,
            "Invite",
            "The person gets a mail with a link to an account here, which has no rights. You are asked again if the "
            "invitation is not accepted.",
            people.invite,
            (Argument("email", "email", default="the address at the source", label="E-mail address"),),
            lead="propose",
            bulk=True,
            remembered="Later people of this source with this domain are invited, too.",
            rule=rules.remember_invited_domain,
        ),
        Choice(
            "map",
            "This is somebody here",
            "The person is linked to an account, or merged into a person here, who gets every turn, target and "
            "membership.",
            people.map_person,
            (Argument("to", "person", required=True, label="Person or account here"),),
            remembered="Later people of this source with this domain are searched by the domain of the answer, too.",
            rule=rules.remember_domain,
        ),
        Choice(
            "leave",
            "Leave without account",
            "The person keeps every turn and gets no account. You are not asked again for this address.",
            nothing_changes,
            lead="decide",
            bulk=True,
            remembered="Everyone of this source without an account is left without one.",
            rule=lambda question, arguments, sides: rules.remember_all("leave"),
        ),
    ),
    "ambiguous": (
        Choice(
            "map",
            "Say who is who",
            "Each person of the source becomes a person here, or stays a person of its own.",
            people.map_claims,
            (Argument("claims", "claims", required=True),),
        ),
        Choice(
            "separate",
            "Keep them separate",
            "Everybody stays a person. You are not asked again about these people.",
            nothing_changes,
        ),
    ),
    **dict.fromkeys(NAME_COLLISIONS.values(), _NAMES),
    "timezone_mismatch": (
        Choice(
            "confirm",
            "Use the suggested zone",
            "The most likely time zone is used for this text of the source. The schedules with it are read again and "
            "become active.",
            zones.confirm,
            (Argument("zone", "candidate", default="the suggestion", label="Time zone"),),
            lead="propose",
            bulk=True,
            offered=zones.has_suggestion,
        ),
        Choice(
            "choose",
            "Choose a zone",
            "This time zone is used for this text of the source. The schedules with it are read again and become "
            "active.",
            zones.choose,
            (Argument("zone", "zone", required=True, label="Time zone"),),
            lead="propose",
        ),
    ),
    "both_edited": (
        Choice(
            "keep_mine",
            "Keep the values here",
            "The values set here stay. You are asked again when the source changes them.",
            fields.keep_mine,
            (_PATHS,),
            remembered=_FIELD,
            rule=_remember_field("keep_mine"),
            lead="decide",
            bulk=True,
        ),
        Choice(
            "keep_mine_always",
            "Always keep the values here",
            "The values set here stay, whatever the source reports later. These fields are not asked about again.",
            fields.keep_mine_always,
            (_PATHS,),
            remembered=_FIELD,
            rule=_remember_field("keep_mine_always"),
            lead="decide",
        ),
        Choice(
            "take_source",
            "Take the source's values",
            "The values of the source replace those set here. Later changes of the source are taken, too.",
            fields.take_source,
            (_PATHS,),
            remembered=_FIELD,
            rule=_remember_field("take_source"),
            lead="decide",
            bulk=True,
        ),
    ),
    "deleted_here": (
        Choice(
            "restore",
            "Create it again",
            "It is created again with the last values of the source, and follows the source.",
            fields.restore,
            lead="decide",
        ),
        Choice(
            "leave",
            "Leave it deleted",
            "It stays deleted here, and its object at the source is ignored.",
            fields.leave_deleted,
            lead="decide",
            bulk=True,
        ),
    ),
    "unsupported": (
        Choice(
            rules.ACKNOWLEDGE,
            "I know this",
            "Nothing changes. You are not asked again about this object for this reason.",
            nothing_changes,
            lead="decide",
            bulk=True,
            remembered="Nobody is asked again about objects of this source for this reason.",
            rule=rules.remember_code,
        ),
    ),
    "gone": _absent("decide"),
    "not_visible": _absent("nothing"),
    "recreated": (
        Choice(
            "relink",
            "It is the same",
            "The old row follows the new object from now on, and keeps what was edited here. The new row is merged "
            "into it.",
            presence.relink,
            lead="decide",
        ),
        Choice(
            "keep_all",
            "Keep both",
            "Both rows stay as they are. You are not asked again about them.",
            nothing_changes,
            lead="decide",
            bulk=True,
        ),
    ),
    "inactive_scheduled": (
        Choice(
            rules.ACKNOWLEDGE,
            "I know this",
            "The person keeps every turn. You are asked again when the state at the source changes.",
            nothing_changes,
            lead="decide",
            bulk=True,
        ),
        Choice(
            "replace",
            "Replace the person",
            "Somebody else takes every turn of the person until then. Afterwards you are asked again.",
            people.replace_person,
            (
                Argument("by", "person", required=True, label="Who takes the turns"),
                Argument("until", "instant", required=True, label="Until (UTC)"),
            ),
            lead="decide",
        ),
    ),
    "account_changed": (
        Choice(
            "accept",
            "Use this account",
            "The account becomes that of the connection. What was imported stays linked, and a plan for review "
            "compares everything with the account.",
            accounts.accept,
        ),
        Choice(
            "refuse",
            "Refuse this account",
            "The connection is paused: nothing is read until another key is entered.",
            accounts.refuse,
        ),
    ),
}


def choices_of(question: Question) -> tuple[Choice, ...]:
    """Return the answers that a question offers."""
    return tuple(choice for choice in CHOICES.get(question.kind, ()) if choice.offered(question))


def find_choice(question: Question, name: str) -> Choice | None:
    return next((choice for choice in choices_of(question) if choice.name == name), None)


def demand_choice(question: Question, name: str) -> Choice:
    """Return an answer that the question offers. Raises NotOffered."""
    choice = find_choice(question, name)
    if choice is None:
        allowed = ", ".join(each.name for each in choices_of(question)) or "none"
        raise NotOffered(f"This question has no answer {name!r}. Its answers: {allowed}.")
    return choice


def check_arguments(choice: Choice, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments that are given. Raises NotOffered if one is unknown or a required one is missing."""
    known = {argument.name for argument in choice.arguments}
    unknown = sorted(set(arguments) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise NotOffered(f"{choice.name} has no argument {unknown[0]}. Its arguments: {allowed}.")
    given = {name: value.strip() for name, value in arguments.items() if value.strip()}
    missing = [argument.name for argument in choice.arguments if argument.required and argument.name not in given]
    if missing:
        raise NotOffered(f"{choice.name} needs the argument {missing[0]}.")
    return given

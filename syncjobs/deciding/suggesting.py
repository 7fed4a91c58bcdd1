"""Suggests answers: a person here with the same name as one who was not found, the most likely time zone, and the old
row of an object that was created again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from oncall.aggregates import fold
from oncall.models import Responder, User
from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictKind
from syncjobs.planning.decisions.people import PERSON
from syncjobs.planning.decisions.values import Arguments


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An answer that the evidence suggests. reason: one sentence."""

    choice: str
    reason: str
    arguments: Arguments = field(default_factory=dict)


def suggestions(conflicts: Sequence[Conflict]) -> dict[int, Suggestion]:
    """Return the suggested answers of questions that have one, by the id of the question.

    Makes a query per 500 people who were not found, and one for the accounts. A name that several people here have
    suggests nobody.
    """
    suggested = {each.pk: own for each in conflicts if (own := _zone(each) or _recreated(each)) is not None}
    asked = [each for each in conflicts if each.kind == ConflictKind.USER_NOT_FOUND]
    if not asked:
        return suggested
    names = {each.pk: fold(each.label) for each in asked}
    wanted = sorted(set(names.values()) - {""})
    people: dict[str, dict[int, str | None]] = defaultdict(dict)
    linked: set[tuple[int, int | None]] = set()
    accounts: dict[str, list[str]] = defaultdict(list)
    for piece in chunks(wanted):
        rows = Responder.objects.filter(name_key__in=piece, active=True, merged_into=None)
        for pk, name, email, connection in rows.values_list("pk", "name_key", "account__email", "links__connection"):
            people[name][pk] = email
            linked.add((pk, connection))
    free = User.objects.filter(is_active=True, is_staff=False, is_superuser=False, responder=None).exclude(name="")
    for name, email in free.values_list("name", "email") if wanted else ():
        accounts[fold(name)].append(email)
    for each in asked:
        # A person of the same source is somebody else, unless the source has the person twice.
        targets = [
            email or f"{PERSON}{pk}"
            for pk, email in people[names[each.pk]].items()
            if (pk, each.connection_id) not in linked
        ]
        targets += accounts[names[each.pk]]
        if len(targets) == 1:
            reason = f"{targets[0]} is the only one here with the name {each.label}."
            suggested[each.pk] = Suggestion("map", reason, {"to": targets[0]})
    return suggested


def _recreated(conflict: Conflict) -> Suggestion | None:
    if conflict.kind != ConflictKind.RECREATED:
        return None
    equal = {"email": "address"}.get(conflict.evidence["equal"], conflict.evidence["equal"])
    return Suggestion("relink", f"The new object has the same {equal} as one that the source no longer lists.")


def _zone(conflict: Conflict) -> Suggestion | None:
    candidates = conflict.evidence.get("candidates") if conflict.kind == ConflictKind.TIMEZONE_MISMATCH else None
    if not candidates:
        return None
    raw = conflict.evidence.get("raw") or "a missing zone"
    is_guess = conflict.evidence.get("rule") == "unknown"
    reason = (
        f"of all time zones, {candidates[0]} is spelled most like {raw}"
        if is_guess
        else (f"{candidates[0]} is the most likely meaning of {raw}")
    )
    return Suggestion("confirm", f"{reason[:1].upper()}{reason[1:]}.", {"zone": candidates[0]})

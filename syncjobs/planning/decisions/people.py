"""Decides questions about people: who a person of the source is here. Pure."""

from collections.abc import Mapping
from datetime import datetime

from oncall.emails import canonical_email
from oncall.numbers import row_number
from oncall.rendering.codec import instant_to_text
from syncjobs.planning.decisions.names import row_named
from syncjobs.planning.decisions.values import (
    PLANNED,
    Arguments,
    Effect,
    Invitee,
    Outcome,
    Question,
    Refused,
    RowSide,
    Sides,
    with_time,
)

PERSON = "responder:"
LOCAL = "local:"
#: Why an address is refused that nobody, or somebody else, may get mail at.
NO_ADDRESS = "{!r} is no e-mail address that can be used safely. Write one such as ana@example.com."


def map_person(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Make the imported person an account, or a person who is here already."""
    to = arguments["to"].strip()
    if to.startswith(PERSON):
        return _map_to_row(question, sides, find_person(to, sides))
    account = sides.account(to)
    if account is None:
        raise Refused("invalid_argument", f"to: no account has the address {to}. Create the account first.")
    if not account.active:
        raise Refused("invalid_argument", f"to: the account {to} is not active. Activate it first.")
    if account.row is not None:
        return _map_to_row(question, sides, _usable(account.row))
    row = _person_of(question, sides)
    if row is None:
        effect = _planned(question.label, question.external_id, f"is linked to the account {account.email}")
        return with_time(Outcome((effect,), accounts=(account.id,)))
    if row.account_id is not None:
        raise Refused("stale_question", f"{row.name} has an account meanwhile. Nothing was written.")
    effect = Effect(
        "responder",
        row.name,
        f"is linked to the account {account.email}",
        row.id,
        row.state.version,
        question.external_id,
        account_id=account.id,
    )
    return Outcome((effect,), accounts=(account.id,))


def map_claims(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Say for each person of the source with this address whether it is a person here or a new one.

    Who is only planned is matched by the import; who becomes somebody who is only planned is merged after it. A claim
    that is true already does nothing.
    """
    effects = []
    seen: set[str] = set()
    targets: set[str] = set()
    sources: set[str] = set()
    accounts: set[int] = set()
    for claim in filter(None, map(str.strip, arguments["claims"].split(","))):
        external_id, to = claim_of(claim)
        key = f"{question.connection_id}:{external_id}"
        if key not in question.keys:
            allowed = ", ".join(key.partition(":")[2] for key in question.keys if key.startswith(_own(question)))
            raise Refused("invalid_argument", f"claims: {external_id!r} is none of these people. They are: {allowed}.")
        if external_id in seen:
            raise Refused("invalid_argument", f"claims: {external_id!r} is named twice.")
        seen.add(external_id)
        if to == "new":
            continue
        row = sides.rows.get(key)
        if row is None:
            raise Refused("stale_question", f"{external_id} does not exist any more. Nothing was written. Plan again.")
        is_named = to.startswith(PLANNED)
        target = row_named(sides, list(sides.rows.values()), to, "claims") if is_named else find_person(to, sides)
        if row.ref == target.ref:
            continue
        targets.add(target.ref)
        sources.add(row.ref)
        accounts |= {*accounts_of(row, target)}
        if row.is_planned and not is_named:
            effects.append(_planned(row.name, external_id, _matched(target)))
        else:
            effects.append(_merged(row, target, external_id))
    if targets & sources:
        raise Refused("invalid_argument", "claims: a person who is merged cannot be the target of another claim.")
    if not seen:
        raise Refused("invalid_argument", "claims: nobody is named. Write claims such as U1:responder:5, U2:new.")
    return with_time(Outcome(tuple(effects), accounts=tuple(sorted(accounts))))


def claim_of(claim: str) -> tuple[str, str]:
    """Return the id at the source and who it is, of one claim."""
    external_id, _, to = claim.strip().partition(":")
    return external_id, to.strip()


def matched_people(arguments: Arguments, external_id: str) -> Mapping[str, str]:
    """Return whom a decision about people makes of those who are not imported yet, by id at the source.

    The values are addresses of accounts or ``responder:<id>``. external_id: of the question.
    """
    if "to" in arguments:
        return {external_id: arguments["to"].strip()}
    claims = dict(map(claim_of, filter(None, map(str.strip, arguments.get("claims", "").split(",")))))
    return {key: to for key, to in claims.items() if to.startswith(PERSON)}


def invite(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Invite the person to an account here."""
    text = arguments.get("email") or str(question.evidence.get("email") or "")
    if sides.row is not None and sides.row.account_id is not None:
        raise Refused("stale_question", f"{sides.row.name} has an account meanwhile. Nothing was written.")
    email = invitable_address(text, sides, sides.row)
    draft = Invitee(email, question.label, question.external_id)
    given = {"email": email}
    return Outcome(deferred=f"An invitation is sent to {email}", arguments=given, invitations=(draft,))


def replace_person(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Let somebody else take the turns of a person until an instant."""
    row = sides.row
    if row is None or row.merged:
        raise Refused("stale_question", f"{question.label} is not imported yet, or was merged. Nothing was written.")
    by = _person_or_account(arguments["by"].strip(), sides)
    if by.id == row.id:
        raise Refused("invalid_argument", f"by: {by.name} is the person who is to be replaced. Choose another person.")
    if by.state.fields.get("state") in ("inactive", "deleted"):
        raise Refused("invalid_argument", f"by: {by.name} is {by.state.fields['state']} at the source, too.")
    until = instant("until", arguments["until"])
    if until <= sides.at:
        raise Refused("invalid_argument", f"until: {until} is over. Write a later date and time.")
    substitution = {"by_key": f"person:{LOCAL}{by.id}", "scope": None, "starts_at": sides.at, "ends_at": until}
    effect = Effect(
        "responder",
        row.name,
        f"is replaced by {by.name} until {until}",
        row.id,
        row.state.version,
        question.external_id,
        elements={"substitutions": {f"{LOCAL}new": [None, substitution]}},
    )
    return Outcome((effect,), until=until)


def instant(name: str, text: str) -> str:
    """Return an argument that is a date and time with an offset as an ISO instant that ends in Z. Raises Refused."""
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is None:
            raise ValueError
        return instant_to_text(int(at.timestamp()))
    except (ValueError, OverflowError):
        example = "2026-12-24T09:00+01:00"
        raise Refused(
            "invalid_argument", f"{name}: write a date and time with its offset, such as {example}."
        ) from None


def _person_or_account(text: str, sides: Sides) -> RowSide:
    """Return the person of ``responder:ID``, or of the address of an account. Raises Refused."""
    if text.startswith(PERSON):
        return find_person(text, sides)
    account = sides.account(text)
    if account is None or account.row is None:
        raise Refused("invalid_argument", f"by: no person here has the account {text}. Write {PERSON}ID.")
    return _usable(account.row)


def invitable_address(text: str, sides: Sides, row: RowSide | None) -> str:
    """Return the canonical form of an address that may be invited. row: the person, if imported. Raises Refused."""
    if not text:
        raise Refused(
            "invalid_argument",
            "email: the source reports no e-mail address. Answer this question alone with an address, or leave the "
            "person without an account.",
        )
    email = canonical_email(text)
    if email is None:
        raise Refused("invalid_argument", NO_ADDRESS.format(text))
    account = sides.account(email)
    if account is not None:
        if not account.active:
            raise Refused("invalid_argument", f"email: the account {email} is not active. Activate it, then map it.")
        if account.privileged:
            raise Refused("invalid_argument", f"email: the account {email} has privileges. Only “map” links it.")
        if account.row is not None and (row is None or account.row.id != row.id):
            raise Refused("invalid_argument", f"email: the account {email} belongs to {account.row.name}.")
    other = sides.invited(email)
    if other is not None:
        raise Refused("invalid_argument", f"email: {email} is invited already, as {other}.")
    return email


def _own(question: Question) -> str:
    return f"{question.connection_id}:"


def _map_to_row(question: Question, sides: Sides, target: RowSide) -> Outcome:
    accounts = accounts_of(target)
    row = _person_of(question, sides)
    if row is None:
        effect = _planned(question.label, question.external_id, _matched(target))
        return with_time(Outcome((effect,), accounts=accounts))
    if row.account_id is not None:
        raise Refused("stale_question", f"{row.name} has an account meanwhile. Nothing was written.")
    return Outcome((_merged(row, target, question.external_id),), accounts=accounts)


def _person_of(question: Question, sides: Sides) -> RowSide | None:
    """Return the imported person of a question; None if nobody is imported yet. Raises Refused."""
    if sides.link is not None and sides.row is None:
        raise Refused("stale_question", f"{question.label} was deleted here meanwhile. Nothing was written.")
    return sides.row


def accounts_of(*people: RowSide) -> tuple[int, ...]:
    """Return the accounts of people."""
    return tuple(person.account_id for person in people if person.account_id is not None)


def _planned(name: str, external_id: str, change: str) -> Effect:
    return Effect("responder", name, change, external_id=external_id, awaits="plan")


def _matched(target: RowSide) -> str:
    return f"is matched with {target.name} ({PERSON}{target.id}), who gets every turn, target and membership"


def find_person(text: str, sides: Sides) -> RowSide:
    """Return the person of an argument ``responder:ID``. Raises Refused."""
    number = text.removeprefix(PERSON)
    row = sides.person(row_number(number))
    if row is None:
        raise Refused("invalid_argument", f"{text!r} is no person here. Write the number of a person: {PERSON}ID.")
    return _usable(row)


def _usable(row: RowSide) -> RowSide:
    """Return a person who may be the target of an answer. Raises Refused."""
    if row.merged or not row.active:
        state = "was merged into another person" if row.merged else "is not active"
        raise Refused("invalid_argument", f"{row.name} ({PERSON}{row.id}) {state}. Choose another person.")
    return row


def _merged(row: RowSide, target: RowSide, external_id: str) -> Effect:
    if row.merged or not row.active:
        raise Refused("stale_question", f"{row.name} was merged or deactivated meanwhile. Nothing was written.")
    if row.ref == target.ref:
        raise Refused("invalid_argument", f"{row.name} ({PERSON}{row.ref}) is this person already.")
    if row.account_id is not None and target.account_id is not None:
        raise Refused("invalid_argument", f"{row.name} and {target.name} have an account each. Unlink one first.")
    named = target.ref if target.is_planned else f"{PERSON}{target.id}"
    return Effect(
        "responder",
        row.name,
        f"is merged into {target.name} ({named}), who gets every turn, target and membership",
        row.state.id,
        row.state.version,
        external_id,
        merge_into=target.state.id,
        values=target.state.id,
        awaits="import" if row.is_planned or target.is_planned else "",
    )

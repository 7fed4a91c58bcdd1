"""Decides questions about people: who a person of the source is here. Pure."""

from dataclasses import replace

from syncjobs.planning.decisions.values import Arguments, Effect, Outcome, Question, Refused, RowSide, Sides

PERSON = "responder:"
#: When a decision about a person who is only planned takes effect.
LATER = "takes effect with this import"


def map_person(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Make the imported person an account, or a person who is here already."""
    to = arguments["to"].strip()
    if to.startswith(PERSON):
        return _map_to_row(question, sides, _person(to, sides))
    account = sides.account(to)
    if account is None:
        raise Refused("invalid_argument", f"to: no account has the address {to}. Create the account first.")
    if not account.active:
        raise Refused("invalid_argument", f"to: the account {to} is not active. Activate it first.")
    if account.row is not None:
        return replace(_map_to_row(question, sides, account.row), account=account)
    row = sides.row
    if row is None:
        return Outcome(deferred=LATER, account=account, changes_account=True)
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
    return Outcome((effect,), account=account, changes_account=True)


def map_claims(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Say for each person of the source with this address whether it is a person here or a new one."""
    effects = []
    seen: set[str] = set()
    changes_account = False
    for claim in filter(None, map(str.strip, arguments["claims"].split(","))):
        external_id, _, to = claim.partition(":")
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
            raise Refused("stale_question", f"{external_id} is not imported yet. Apply the waiting plan first.")
        target = _person(to, sides)
        changes_account |= (target.account_id or row.account_id) is not None
        effects.append(_merged(row, target, external_id))
    targets = {effect.merge_into for effect in effects}
    if targets & {effect.row_id for effect in effects}:
        raise Refused("invalid_argument", "claims: a person who is merged cannot be the target of another claim.")
    if not seen:
        raise Refused("invalid_argument", "claims: nobody is named. Write claims such as U1:responder:5, U2:new.")
    return Outcome(tuple(effects), changes_account=changes_account)


def _own(question: Question) -> str:
    return f"{question.connection_id}:"


def _map_to_row(question: Question, sides: Sides, target: RowSide) -> Outcome:
    has_account = target.account_id is not None
    if sides.row is None:
        return Outcome(deferred=LATER, changes_account=has_account)
    if sides.row.account_id is not None:
        raise Refused("stale_question", f"{sides.row.name} has an account meanwhile. Nothing was written.")
    return Outcome((_merged(sides.row, target, question.external_id),), changes_account=has_account)


def _person(text: str, sides: Sides) -> RowSide:
    """Return the person of an argument ``responder:ID``. Raises Refused."""
    number = text.removeprefix(PERSON)
    row = sides.person(int(number)) if number.isascii() and number.isdecimal() and len(number) < 18 else None
    if row is None:
        raise Refused("invalid_argument", f"{text!r} is no person here. Write the number of a person: {PERSON}ID.")
    if row.merged or not row.active:
        state = "was merged into another person" if row.merged else "is not active"
        raise Refused("invalid_argument", f"{row.name} ({PERSON}{row.id}) {state}. Choose another person.")
    return row


def _merged(row: RowSide, target: RowSide, external_id: str) -> Effect:
    if row.merged or not row.active:
        raise Refused("stale_question", f"{row.name} was merged or deactivated meanwhile. Nothing was written.")
    if row.id == target.id:
        raise Refused("invalid_argument", f"{row.name} ({PERSON}{row.id}) is this person already.")
    if row.account_id is not None and target.account_id is not None:
        raise Refused("invalid_argument", f"{row.name} and {target.name} have an account each. Unlink one first.")
    return Effect(
        "responder",
        row.name,
        f"is merged into {target.name} ({PERSON}{target.id}), who gets every turn, target and membership",
        row.id,
        row.state.version,
        external_id,
        merge_into=target.id,
        values=target.id,
    )

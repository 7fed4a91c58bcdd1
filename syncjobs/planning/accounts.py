"""Finds the account of a person of a source. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from oncall.aggregates import Kind
from syncjobs.planning.matching import is_alone
from syncjobs.planning.values import AccountView, Item, Picture, Proposal


def account_for(proposal: Proposal, by_email: Mapping[str, Sequence[Proposal]], picture: Picture) -> AccountView | None:
    """Return the account for a person who has none, or None.

    The account has the person's address, no privileges and no responder, and nobody else at the source has the address.
    What a person has decided about this person comes first.
    """
    mapped = picture.mapped.get(proposal.external_id)
    if mapped is not None:
        return mapped.account
    for email in proposal.addresses:
        account = picture.accounts.get(email)
        if account is not None:
            usable = is_alone(proposal, email, by_email) and not account.privileged and not account.taken
            return account if usable else None
    return None


def late_accounts(
    people: Mapping[str, Proposal],
    by_email: Mapping[str, Sequence[Proposal]],
    picture: Picture,
    items: Mapping[tuple[Kind, str], Item],
) -> dict[tuple[Kind, str], Item]:
    """Return the items of imported people who get an account that was made after their import.

    Who was left without an account by a decision or an undo is left out.
    """
    left = {
        c.external_id for c in picture.conflicts if c.kind == "user_not_found" and c.choice == "leave" and c.decided
    }
    found: dict[tuple[Kind, str], Item] = {}
    for external_id, proposal in people.items():
        link, item = picture.links["responder"].get(external_id), items.get(("responder", external_id))
        if link is None or link.state != "linked" or link.row_id not in picture.unaccounted or external_id in left:
            continue
        if link.row_id in picture.unlinked:
            continue
        account = account_for(proposal, by_email, picture)
        if account is None or (item is not None and item.action not in ("update", "settle")):
            continue
        if item is None:
            item = Item(
                "responder",
                external_id,
                proposal.label,
                "update",
                link.source_hash,
                link=link,
                row_id=link.row_id,
                row_version=link.row_version or 0,
            )
        reason = "an account with this address exists now"
        found["responder", external_id] = replace(item, action="update", account_id=account.id, reason=reason)
    return found

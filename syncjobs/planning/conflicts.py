"""Questions for a person that follow from the state after the plan. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oncall.aggregates import Kind, fold
from oncall.emails import canonical_email
from syncjobs.planning.values import (
    AccountView,
    ConflictDraft,
    ConflictKind,
    Item,
    Picture,
    Proposal,
    Rules,
)

#: Kinds whose names people look things up by.
NAME_COLLISIONS: Mapping[Kind, ConflictKind] = {
    "user_group": "team_name_collision",
    "schedule": "duplicate_schedule",
    "escalation_policy": "duplicate_policy",
}


def claimants(people: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    """People of the source by canonical e-mail; those without a usable address are left out."""
    found: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in people:
        email = canonical_email(proposal.email)
        if email:
            found[email].append(proposal)
    return found


def account_for(proposal: Proposal, claims: Mapping[str, Sequence[Proposal]], picture: Picture) -> AccountView | None:
    """The account of a person seen for the first time: one address, one claimant, no privileges, not taken."""
    email = canonical_email(proposal.email)
    if email is None or len(claims[email]) > 1:
        return None
    account = picture.accounts.get(email)
    return None if account is None or account.privileged or account.taken else account


def ambiguous(claims: Mapping[str, Sequence[Proposal]], picture: Picture) -> list[ConflictDraft]:
    """Two people of the source with one address, or one with several people here: everybody stays themselves."""
    drafts = []
    for email, proposals in sorted(claims.items()):
        unlinked = [p for p in proposals if p.external_id not in picture.links["responder"]]
        candidates = picture.people.get(email, ())
        if len(proposals) > 1 or (unlinked and len(candidates) > 1):
            first = min(proposals, key=lambda p: p.external_id)
            evidence = {
                "email": email,
                "at the source": [f"{p.label} ({p.external_id})" for p in proposals],
                "here": sorted(f"{c.state.fields['name']} (person {c.state.id})" for c in candidates),
            }
            drafts.append(
                ConflictDraft("ambiguous", email, "responder", first.external_id, first.label, evidence=evidence)
            )
    return drafts


def users_not_found(
    people: Iterable[Proposal],
    holders: frozenset[str],
    picture: Picture,
    items: Mapping[tuple[Kind, str], Item],
) -> list[ConflictDraft]:
    """People who hold a slot, a target or a membership and have no account here. They keep the slot, unlinked."""
    drafts = []
    for proposal in people:
        if proposal.key not in holders:
            continue
        item = items.get(("responder", proposal.external_id))
        link = picture.links["responder"].get(proposal.external_id)
        if link is not None and not proposal.listed:
            continue  # a mere reference has no say about somebody known; an open question stays open
        row_id = item.row_id if item and item.row_id else (link.row_id if link else None)
        if (item and item.account_id) or (row_id is not None and row_id not in picture.unaccounted):
            continue
        email = canonical_email(proposal.email)
        account = picture.accounts.get(email) if email else None
        evidence: dict[str, Any] = {"email": proposal.email, "why": _why(proposal, email, account)}
        drafts.append(
            ConflictDraft(
                "user_not_found", proposal.key, "responder", proposal.external_id, proposal.label, evidence=evidence
            )
        )
    return drafts


def _why(proposal: Proposal, email: str | None, account: AccountView | None) -> str:
    if not proposal.email:
        return "the source tells no e-mail address"
    if email is None:
        return "the e-mail address cannot be compared safely"
    if account is None:
        return "no account has this e-mail address"
    if account.privileged:
        return "the account with this address has privileges and must be linked by hand"
    if account.taken:
        return "the account with this address is linked to somebody else"
    return "an account with this address exists and can be linked"


def zone_questions(schedules: Iterable[Proposal], picture: Picture) -> list[ConflictDraft]:
    """Schedules whose zone is unknown or ambiguous: stored inactive until somebody says which zone is meant."""
    links = picture.links["schedule"]
    answered = {link.external_id for link in links.values() if link.row_id in picture.zoned}
    return [
        ConflictDraft(
            "timezone_mismatch",
            proposal.key,
            "schedule",
            proposal.external_id,
            proposal.label,
            paths=(),
            evidence=proposal.zone_evidence,
        )
        for proposal in schedules
        if proposal.zone_evidence is not None and proposal.external_id not in answered
    ]


def name_collisions(
    kind: Kind,
    proposals: Mapping[str, Proposal],
    items: Mapping[tuple[Kind, str], Item],
    picture: Picture,
    rules: Rules,
) -> list[ConflictDraft]:
    """Rows of different origin that would have one folded name once the plan is applied. Both stand."""
    own = {link.row_id: link.external_id for link in picture.links[kind].values() if link.row_id is not None}
    rows: list[tuple[str, str, str, str, str]] = []  # folded name, origin, subject, external id, name
    for row in picture.names[kind]:
        external_id = own.get(row.row_id, "")
        item = items.get((kind, external_id)) if external_id else None
        name = item.fields["name"][1] if item and "name" in item.fields else row.name
        subject = f"{rules.connection_id}:{external_id}" if external_id else f"local:{row.row_id}"
        origin = rules.origin if external_id else row.origin
        rows.append((fold(name), origin, subject, external_id, name))
    for (item_kind, external_id), item in items.items():
        if item_kind == kind and item.action == "create":
            rows.append((fold(item.label), rules.origin, proposals[external_id].key, external_id, item.label))
    groups: dict[str, list[tuple[str, str, str, str, str]]] = defaultdict(list)
    for entry in rows:
        groups[entry[0]].append(entry)
    drafts = []
    for entries in groups.values():
        for entry in entries:
            others = [other for other in entries if other[1] != entry[1]]
            if not entry[3] or not others:
                continue
            for other in others:
                drafts.append(
                    ConflictDraft(
                        NAME_COLLISIONS[kind],
                        "|".join(sorted((entry[2], other[2]))),
                        kind,
                        entry[3],
                        entry[4],
                        evidence={"name": entry[4], "other": other[4], "other row": other[2], "from": other[1]},
                    )
                )
    return drafts

"""Finds the questions for people that a plan leaves open. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from oncall.aggregates import Kind, fold
from oncall.emails import canonical_email
from syncjobs.planning.canonical import digest
from syncjobs.planning.values import (
    AccountView,
    Candidate,
    ConflictDraft,
    ConflictKind,
    Item,
    Picture,
    Proposal,
    Rules,
)

#: The kinds whose equal names are reported, with the kind of conflict.
NAME_COLLISIONS: Mapping[Kind, ConflictKind] = {
    "user_group": "team_name_collision",
    "schedule": "duplicate_schedule",
    "escalation_policy": "duplicate_policy",
}


#: The longest subject of a conflict, in characters.
_SUBJECT_LENGTH = 600


def people_by_email(people: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    """Return the people of the source by canonical e-mail address. People without a usable address are left out."""
    found: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in people:
        email = canonical_email(proposal.email)
        if email:
            found[email].append(proposal)
    return found


def account_for(proposal: Proposal, by_email: Mapping[str, Sequence[Proposal]], picture: Picture) -> AccountView | None:
    """Return the account for a new person, or None.

    The account has the person's address, no privileges and no responder, and nobody else at the source has the address.
    """
    email = canonical_email(proposal.email)
    if email is None or len(by_email[email]) > 1:
        return None
    account = picture.accounts.get(email)
    return None if account is None or account.privileged or account.taken else account


def ambiguous_addresses(by_email: Mapping[str, Sequence[Proposal]], picture: Picture) -> list[ConflictDraft]:
    """Return a conflict for each address whose people at the source and here cannot be matched one to one.

    These are several people at the source; for an unlinked person several people here, or a person whose id the source
    no longer lists. The conflict stays until nobody else here has the address. Nobody is merged.
    """
    open_subjects = {conflict.subject for conflict in picture.conflicts if conflict.kind == "ambiguous"}
    drafts = []
    for email, proposals in sorted(by_email.items()):
        unlinked = any(p.external_id not in picture.links["responder"] for p in proposals)
        candidates = picture.people.get(email, ())
        if unlinked:
            unclear = len(candidates) > 1 or any(candidate.former_id for candidate in candidates)
        else:
            unclear = bool(candidates) and email in open_subjects
        if unclear or len(proposals) > 1:
            first = min(proposals, key=lambda p: p.external_id)
            evidence = {
                "email": email,
                "at the source": [f"{p.label} ({p.external_id})" for p in proposals],
                "here": sorted(map(_candidate_text, candidates)),
            }
            drafts.append(
                ConflictDraft("ambiguous", email, "responder", first.external_id, first.label, evidence=evidence)
            )
    return drafts


def _candidate_text(candidate: Candidate) -> str:
    former = f", linked to {candidate.former_id}, which the source does not list" if candidate.former_id else ""
    return f"{candidate.state.fields['name']} (person {candidate.state.id}{former})"


def users_not_found(
    people: Iterable[Proposal],
    holders: frozenset[str],
    picture: Picture,
    items: Mapping[tuple[Kind, str], Item],
) -> list[ConflictDraft]:
    """Return a conflict for each person who has no account here and holds a slot, a target or a membership.

    holders: keys of the people with a slot, target or membership.
    """
    drafts = []
    for proposal in people:
        if proposal.key not in holders:
            continue
        item = items.get(("responder", proposal.external_id))
        link = picture.links["responder"].get(proposal.external_id)
        if link is not None and not proposal.listed:
            continue  # a reference reports nothing about a linked person, so an open question stays open
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
        return "the source reports no e-mail address"
    if email is None:
        return "the e-mail address cannot be compared safely"
    if account is None:
        return "no account has this e-mail address"
    if account.privileged:
        return "the account with this address has privileges and must be linked by hand"
    if account.taken:
        return "the account with this address is linked to somebody else"
    return "an account with this address exists and can be linked"


def timezone_mismatches(schedules: Iterable[Proposal], picture: Picture) -> list[ConflictDraft]:
    """Return a conflict for each schedule whose time zone is unknown or ambiguous and was not set here."""
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


class _FutureRow(NamedTuple):
    """A row as it will be after the plan. external_id: empty for a row without a link to this connection."""

    name: str
    origin: str
    subject: str
    external_id: str


def name_collisions(
    kind: Kind,
    proposals: Mapping[str, Proposal],
    items: Mapping[tuple[Kind, str], Item],
    picture: Picture,
    rules: Rules,
) -> list[ConflictDraft]:
    """Return the conflicts of active rows that will have the same folded name. The plan counts as applied.

    There is a conflict for each row of this connection and each row of another origin, and one for all rows of this
    connection. All rows are kept.
    """
    own = {link.row_id: link.external_id for link in picture.links[kind].values() if link.row_id is not None}
    rows: list[_FutureRow] = []
    for row in picture.names[kind]:
        external_id = own.get(row.row_id, "")
        item = items.get((kind, external_id)) if external_id else None
        fields = item.fields if item else {}
        if not fields.get("active", [None, row.active])[1]:
            continue
        name = fields.get("name", [None, row.name])[1]
        subject = f"{rules.connection_id}:{external_id}" if external_id else f"local:{row.row_id}"
        origin = rules.origin if external_id else row.origin
        rows.append(_FutureRow(name, origin, subject, external_id))
    for (item_kind, external_id), item in items.items():
        if item_kind == kind and item.action == "create" and item.fields["active"][1]:
            rows.append(_FutureRow(item.label, rules.origin, proposals[external_id].key, external_id))
    groups: dict[str, list[_FutureRow]] = defaultdict(list)
    for entry in rows:
        groups[fold(entry.name)].append(entry)
    drafts = []
    for entries in groups.values():
        imported = sorted((entry for entry in entries if entry.external_id), key=lambda entry: entry.subject)
        drafts += [
            _name_collision(kind, entry, [other])
            for entry in imported
            for other in entries
            if other.origin != entry.origin
        ]
        if len(imported) > 1:
            drafts.append(_name_collision(kind, imported[0], imported[1:]))
    return drafts


def _name_collision(kind: Kind, entry: _FutureRow, others: Sequence[_FutureRow]) -> ConflictDraft:
    subjects = sorted(row.subject for row in (entry, *others))
    subject = "|".join(subjects)
    names, rows = [other.name for other in others], [other.subject for other in others]
    single = len(others) == 1
    return ConflictDraft(
        NAME_COLLISIONS[kind],
        subject if len(subject) <= _SUBJECT_LENGTH else f"{entry.subject}|{digest(subjects)}",
        kind,
        entry.external_id,
        entry.name,
        evidence={
            "name": entry.name,
            "other": names[0] if single else names,
            "other row": rows[0] if single else rows,
            "from": others[0].origin,
        },
    )

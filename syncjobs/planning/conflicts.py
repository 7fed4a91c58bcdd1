"""Finds the questions for people that a plan leaves open. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectors.records import MappingNote
from oncall.aggregates import Kind, State, fold
from oncall.emails import canonical_email
from syncjobs.planning.canonical import digest
from syncjobs.planning.losses import changes_who_is_paged
from syncjobs.planning.values import (
    AccountView,
    ConflictDraft,
    ConflictKind,
    Item,
    NamedRow,
    Picture,
    Proposal,
    Rules,
    element_key,
)

#: The kinds whose equal names are reported, with the kind of conflict.
NAME_COLLISIONS: Final[Mapping[Kind, ConflictKind]] = {
    "user_group": "team_name_collision",
    "schedule": "duplicate_schedule",
    "escalation_policy": "duplicate_policy",
}
#: The conflicts about several rows. Whether they exist depends on the rows here, not on what was read.
ABOUT_ROWS: Final[frozenset[str]] = frozenset({"ambiguous", *NAME_COLLISIONS.values()})
#: The kinds whose evidence names several rows, by their keys.
NAMES_ROWS: Final[frozenset[str]] = frozenset({*ABOUT_ROWS, "recreated"})
#: Those of which only the evidence names the rows, because the question belongs to one connection.
NAMED_BY_EVIDENCE: Final[frozenset[str]] = frozenset({"ambiguous", "recreated"})
#: The kinds about linked objects that the source does not list.
ABOUT_PRESENCE: Final[frozenset[str]] = frozenset({"gone", "not_visible", "recreated"})
#: By kind, the field in which rows are compared with each other, and the form in which equal values are equal.
COMPARED: Final[Mapping[Kind, str]] = {"responder": "email", **dict.fromkeys(NAME_COLLISIONS, "name")}

#: The longest subject of a conflict, in characters.
_SUBJECT_LENGTH: Final = 600


def folded(kind: Kind, value: str) -> str:
    """Return the form in which equal names, or equal addresses of people, are equal. Empty: equal to no other."""
    return canonical_email(value) or "" if kind == "responder" else fold(value)


def evidence_hash(draft: "ConflictDraft | SourceDraft") -> str:
    """Return the hash that changes with the evidence. Why a person has no account is no evidence of its own."""
    return digest([draft.paths, {name: value for name, value in draft.evidence.items() if name != "why"}])


def identity(draft: ConflictDraft) -> tuple[str, str, str]:
    """Return the kind, the subject and the hash of the evidence: a question with the same three is the same."""
    return draft.kind, draft.subject, evidence_hash(draft)


def people_by_email(people: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    """Return the people of the source by canonical e-mail address. People without a usable address are left out."""
    found: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in people:
        email = canonical_email(proposal.email)
        if email:
            found[email].append(proposal)
    return found


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
        if link is not None and link.state == "ignored":
            continue
        if link is not None and not proposal.listed:
            continue  # a reference reports nothing about a linked person, so an open question stays open
        row_id = item.row_id if item and item.row_id else (link.row_id if link else None)
        if (item and item.account_id) or (row_id is not None and row_id not in picture.unaccounted):
            continue
        email = canonical_email(proposal.email)
        account = picture.accounts.get(email) if email else None
        evidence = {"email": proposal.email, "why": _why(proposal, email, account)}
        drafts.append(
            ConflictDraft(
                "user_not_found", proposal.key, "responder", proposal.external_id, proposal.label, evidence=evidence
            )
        )
    return drafts


def inactive_scheduled(people: Iterable[Proposal], holders: frozenset[str], picture: Picture) -> list[ConflictDraft]:
    """Return a conflict for each person who is inactive or deleted at the source and holds something.

    holders: as in :func:`users_not_found`.
    """
    links = picture.links["responder"]
    return [
        ConflictDraft(
            "inactive_scheduled",
            f"responder:{proposal.key}",
            "responder",
            proposal.external_id,
            proposal.label,
            evidence={"state": proposal.fields["state"]},
        )
        for proposal in people
        if proposal.key in holders
        and proposal.fields.get("state") in ("inactive", "deleted")
        and ((link := links.get(proposal.external_id)) is None or link.state != "ignored")
    ]


def _why(proposal: Proposal, email: str | None, account: AccountView | None) -> str:
    """Return the code of the reason why a person has no account here."""
    if not proposal.email:
        return "no_email"
    if email is None:
        return "not_comparable"
    if account is None:
        return "no_account"
    if account.privileged:
        return "privileged"
    return "taken" if account.taken else "linkable"


def timezone_mismatches(schedules: Iterable[Proposal], picture: Picture) -> list[ConflictDraft]:
    """Return a conflict for each schedule whose time zone is not sure and was not set here.

    A schedule that keeps its last known zone has a conflict, too: its zone is that of the source, and not set here.
    """
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
        if proposal.zone_evidence is not None
        and ("kept" in proposal.zone_evidence or proposal.external_id not in answered)
    ]


def unsupported(
    notes: Iterable[MappingNote], proposals: Mapping[Kind, Mapping[str, Proposal]], picture: Picture
) -> list[ConflictDraft]:
    """Return a conflict for each object and code of a note that changes who is paged.

    The evidence is the code only, so that the question stays the same while an object has such a note.
    """
    drafts: dict[tuple[Kind, str, str], ConflictDraft] = {}
    for note in notes:
        kind, external_id, code = note.entity_type, note.external_id, note.code
        if external_id is None or not changes_who_is_paged(code):
            continue
        proposal, link = proposals[kind].get(external_id), picture.links[kind].get(external_id)
        if proposal is None or (link is not None and link.state == "ignored"):
            continue
        drafts[kind, external_id, code] = ConflictDraft(
            "unsupported", f"{kind}:{proposal.key}:{code}", kind, external_id, proposal.label, evidence={"code": code}
        )
    return list(drafts.values())


def both_edited(proposal: Proposal, paths: tuple[str, ...], local: State) -> ConflictDraft:
    """Return the conflict of an object that was edited here and at the source."""
    evidence = {}
    for path in paths:
        top, _, key = path.partition(".")
        if key:
            here, there = local.elements.get(top, {}).get(key), (proposal.elements.get(top) or {}).get(key)
        else:
            here, there = local.fields.get(path), proposal.fields.get(path)
        evidence[path] = {"here": here, "source": there}
    return ConflictDraft(
        "both_edited",
        f"{proposal.kind}:{proposal.key}",
        proposal.kind,
        proposal.external_id,
        proposal.label,
        paths=paths,
        evidence=evidence,
    )


class SourceDraft(NamedTuple):
    """A question about a source as a whole, as :class:`ConflictDraft` is one about objects."""

    kind: ConflictKind
    subject: str
    label: str
    evidence: Mapping[str, Any]
    paths: tuple[str, ...] = ()


def account_changed(connection_id: int, name: str, here: tuple[str, str], source: tuple[str, str]) -> SourceDraft:
    """Return the conflict of a connection whose key belongs to another account.

    name: of the connection. here, source: id and label of the account of the connection, and of the account of the key.
    """
    sides = {"here": here, "source": source}
    evidence = {side: {"id": id_, "label": label} for side, (id_, label) in sides.items()}
    return SourceDraft("account_changed", f":{connection_id}:", name, evidence)


class _FutureRow(NamedTuple):
    """A row as it will be after the plan. external_id: of its object in this connection, else empty."""

    key: str
    name: str
    followed: bool
    external_id: str


@dataclass(frozen=True, slots=True)
class AfterPlan:
    """The local picture with the items of a plan. is_judged: whether the read knows an object of this connection."""

    items: Mapping[tuple[Kind, str], Item]
    picture: Picture
    rules: Rules
    is_judged: Callable[[Kind, str], bool]


def _equal_rows(kind: Kind, after: AfterPlan) -> dict[str, list[_FutureRow]]:
    """Return the active rows that will have the same name or address, by its folded form. The plan counts as applied.

    The rows are sorted by their keys. A row keeps its key when a plan that creates it is applied.
    """
    path, items, picture, rules = COMPARED[kind], after.items, after.picture, after.rules
    own = {link.row_id: link.external_id for link in picture.links[kind].values() if link.row_id is not None}
    planned = {item.row_id: item for (of, _), item in items.items() if of == kind and item.row_id is not None}
    created = [item for (of, _), item in items.items() if of == kind and item.action == "create"]
    groups: dict[str, list[_FutureRow]] = defaultdict(list)

    def add(row: _FutureRow) -> None:
        if name := folded(kind, row.name):
            groups[name].append(row)

    for row in picture.names[kind]:
        item = planned.get(row.row_id) if row.row_id is not None else None
        fields = item.fields if item else {}
        if not fields.get("active", [None, row.active])[1] or _is_outdated(row, kind, after):
            continue
        external_id = own.get(row.row_id or 0, item.external_id if item else "")
        matched = item is not None and item.action == "match" and row.key.startswith("local:")
        add(
            _FutureRow(
                element_key(rules.connection_id, external_id) if matched else row.key,
                fields.get(path, [None, row.name])[1],
                row.followed or matched,
                external_id,
            )
        )
    for item in created:
        if item.fields.get("active", [None, True])[1]:
            key = element_key(rules.connection_id, item.external_id)
            add(_FutureRow(key, item.fields.get(path, [None, ""])[1], True, item.external_id))
    return {name: sorted(rows) for name, rows in groups.items() if len(rows) > 1}


def _is_outdated(row: NamedRow, kind: Kind, after: AfterPlan) -> bool:
    """Return whether an older plan of this connection would have created the row, and this read knows its object."""
    own = element_key(after.rules.connection_id, "")
    return row.row_id is None and row.key.startswith(own) and after.is_judged(kind, row.key.removeprefix(own))


def name_collisions(kind: Kind, after: AfterPlan) -> list[ConflictDraft]:
    """Return a conflict for each group of active rows that will have the same folded name. All rows are kept.

    At least one row is followed: otherwise no sync could find that the names are no longer equal.
    """
    drafts = []
    for name, rows in _equal_rows(kind, after).items():
        if not any(row.followed for row in rows):
            continue
        drafts.append(name_collision(kind, name, rows[0].name, [row.key for row in rows]))
    return drafts


def name_collision(kind: Kind, name: str, label: str, keys: Iterable[str]) -> ConflictDraft:
    """Return the conflict of the rows with these keys. name: their folded name."""
    ordered = tuple(sorted(keys))
    evidence = {"name": name, "rows": list(ordered)}
    subject = _subject(ordered)
    return ConflictDraft(NAME_COLLISIONS[kind], subject, kind, "", label, evidence=evidence, shared=True, keys=ordered)


def _subject(keys: Sequence[str]) -> str:
    subject = "|".join(keys)
    return subject if len(subject) <= _SUBJECT_LENGTH else f"{keys[0]}|{digest(keys)}"


def ambiguous_addresses(after: AfterPlan) -> list[ConflictDraft]:
    """Return a conflict for each address that several active people will have, with at least one of this connection.

    Nobody is merged. The conflict exists as long as the people do, whether or not all of them were imported meanwhile.
    """
    drafts = []
    for email, rows in _equal_rows("responder", after).items():
        own = sorted(row.external_id for row in rows if row.external_id)
        if own:
            keys = tuple(row.key for row in rows)
            subject = element_key(after.rules.connection_id, email)
            evidence = {"email": email, "people": list(keys)}
            drafts.append(ConflictDraft("ambiguous", subject, "responder", own[0], email, evidence=evidence, keys=keys))
    return drafts

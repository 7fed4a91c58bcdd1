"""Finds objects that may have been created again: a new id with the name or the address of a missing object. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from connectors.presence import MISSING
from oncall.aggregates import Kind
from syncjobs.planning.conflicts import COMPARED, folded
from syncjobs.planning.values import (
    ConflictDraft,
    LinkView,
    OpenConflict,
    Picture,
    Presences,
    Proposal,
    Rules,
    element_key,
)


def recreated(
    kind: Kind,
    unlisted: Mapping[str, LinkView],
    proposals: Mapping[str, Proposal],
    picture: Picture,
    rules: Rules,
    presence: Presences,
) -> dict[str, ConflictDraft]:
    """Return a question for each pair of a missing object and a listed one, by the id of the missing one.

    unlisted: the linked objects without a proposal, by id. A pair is found when the listed object has no link yet, and
    stays while both are as they are. Where several objects have one name, there is no pair.
    """
    missing = {id_: link for id_, link in unlisted.items() if presence(kind, id_).state in MISSING}
    pairs = dict(_known_pairs(kind, unlisted, proposals, picture, rules))
    paired = {*pairs, *pairs.values()}
    old: dict[str, list[str]] = defaultdict(list)
    for external_id, value in _names(kind, missing, picture):
        if external_id not in paired and (name := folded(kind, value)):
            old[name].append(external_id)
    new: dict[str, list[str]] = defaultdict(list)
    for external_id, proposal in proposals.items() if old else ():
        if external_id not in picture.links[kind] and external_id not in paired and proposal.listed:
            value = proposal.email if kind == "responder" else str(proposal.fields.get("name", ""))
            new[folded(kind, value)].append(external_id)
    for name, olds in old.items():
        if len(olds) == len(new[name]) == 1:
            pairs[olds[0]] = new[name][0]
    return {
        before: _question(kind, (before, after), proposals[after], rules) for before, after in sorted(pairs.items())
    }


def _names(kind: Kind, missing: Mapping[str, LinkView], picture: Picture) -> Iterable[tuple[str, str]]:
    """Yield the ids of missing objects, each with the name or address of its row.

    Rows of a kind whose names are not compared with each other (services) are in the picture when they were requested.
    """
    if kind in COMPARED:
        rows = {link.row_id: id_ for id_, link in missing.items() if link.row_id is not None}
        yield from ((rows[row.row_id], row.name) for row in picture.names[kind] if row.row_id in rows)
        return
    for id_, link in missing.items():
        detail = picture.details.get(link.id)
        if detail is not None and detail.local is not None:
            yield id_, str(detail.local.fields["name"])


def _known_pairs(
    kind: Kind,
    unlisted: Mapping[str, LinkView],
    proposals: Mapping[str, Proposal],
    picture: Picture,
    rules: Rules,
) -> Iterable[tuple[str, str]]:
    """Yield the pairs of the present questions whose objects are as they were."""
    prefix = element_key(rules.connection_id, "")
    for conflict in picture.conflicts:
        if conflict.kind == "recreated" and conflict.entity_type == kind and len(conflict.keys) > 1:
            before, after = (key.removeprefix(prefix) for key in conflict.keys[:2])
            old, new = unlisted.get(before), picture.links[kind].get(after)
            has_rows = old is not None and old.row_id is not None and (new is None or _is_followed(new))
            if has_rows and after in proposals:
                yield before, after


def _is_followed(link: LinkView) -> bool:
    return link.state == "linked" and link.row_id is not None


def _question(kind: Kind, pair: tuple[str, str], proposal: Proposal, rules: Rules) -> ConflictDraft:
    keys = tuple(element_key(rules.connection_id, external_id) for external_id in pair)
    evidence = {"rows": list(keys), "equal": COMPARED.get(kind, "name")}
    return ConflictDraft("recreated", f"{kind}:{keys[1]}", kind, pair[1], proposal.label, evidence=evidence, keys=keys)


def undecided(pairs: Mapping[str, ConflictDraft], picture: Picture) -> set[str]:
    """Return the ids of the missing objects of the pairs that were not decided to be two objects."""
    two = {c.subject for c in picture.conflicts if c.kind == "recreated" and c.decided and c.choice == "keep_all"}
    return {external_id for external_id, question in pairs.items() if question.subject not in two}


def without_pairs(drafts: Iterable[ConflictDraft], present: Iterable[OpenConflict]) -> list[ConflictDraft]:
    """Return the questions without those about equal names or addresses of an object and the one created again.

    present: the questions that stay open, whatever this read knows.
    """
    drafts = list(drafts)
    pairs = {frozenset(draft.keys) for draft in drafts if draft.kind == "recreated"}
    pairs |= {frozenset(conflict.keys) for conflict in present if conflict.kind == "recreated"}
    return [draft for draft in drafts if draft.kind == "recreated" or frozenset(draft.keys) not in pairs]

"""From proposals and the local picture to a plan. Pure: no clock, no database, no network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from connectors.records import ENTITY_TYPES, FailedEntity
from oncall.aggregates import Kind, State
from oncall.emails import canonical_email
from syncjobs.planning import conflicts as questions
from syncjobs.planning.merge import Merge, merge
from syncjobs.planning.prediction import as_predicted
from syncjobs.planning.values import (
    Action,
    Base,
    Candidate,
    ConflictDraft,
    Item,
    LinkDetail,
    LinkView,
    OpenConflict,
    Picture,
    Plan,
    Proposal,
    Rules,
)

Proposals = Mapping[Kind, Mapping[str, Proposal]]


def to_compare(proposals: Proposals, links: Mapping[Kind, Mapping[str, LinkView]], evaluate_all: bool) -> list[int]:
    """Ids of the links whose contents planning needs: the source or the row moved, or the rules did."""
    return [
        link.id
        for kind in ENTITY_TYPES
        for external_id, proposal in proposals[kind].items()
        if (link := links[kind].get(external_id)) is not None
        and link.state != "ignored"
        and (evaluate_all or not _unmoved(link, proposal))
    ]


def _unmoved(link: LinkView, proposal: Proposal) -> bool:
    return link.state == "linked" and link.untouched and link.source_hash == proposal.fingerprint


def make_plan(
    proposals: Proposals,
    picture: Picture,
    rules: Rules,
    *,
    complete: Mapping[Kind, bool],
    failed: Sequence[FailedEntity] = (),
    partial: bool = False,
) -> Plan:
    """The whole plan. complete: kinds whose listing was read to its end (others say nothing about absence).

    partial: the proposals are a few objects only; nothing follows for those that are not among them.
    """
    claims = questions.claimants(proposals["responder"].values())
    items: dict[tuple[Kind, str], Item] = {}
    unchanged: dict[Kind, int] = {}
    unlisted: dict[Kind, int] = {}
    evaluated: set[tuple[str, str]] = set()
    compared: list[tuple[LinkView, str]] = []
    broken: dict[tuple[Kind, str], list[FailedEntity]] = {}
    for entity in failed:
        broken.setdefault((entity.entity_type, entity.external_id or ""), []).append(entity)
    for kind in ENTITY_TYPES:
        same = 0
        for external_id, proposal in proposals[kind].items():
            link = picture.links[kind].get(external_id)
            if link is None:
                items[kind, external_id] = _first_contact(proposal, claims, picture, rules)
                continue
            detail = picture.details.get(link.id)
            if detail is None or link.state == "ignored":
                same += 1
                continue
            evaluated.add((kind, external_id))
            proposal = as_predicted(proposal, detail.base, rules.now)
            item = _compare(proposal, link, detail, rules)
            if item is not None:
                items[kind, external_id] = item
                continue
            same += 1
            if proposal.listed and link.source_hash != proposal.fingerprint:
                compared.append((link, proposal.fingerprint))
        unchanged[kind] = same
        absent = [
            link
            for external_id, link in picture.links[kind].items()
            if not partial
            and external_id not in proposals[kind]
            and (kind, external_id) not in broken
            and link.state == "linked"
        ]
        unlisted[kind] = len(absent)
        if not rules.everything and complete.get(kind, False):
            unlisted[kind] = 0
            for link in absent:
                items[kind, link.external_id] = _detach(kind, link)
    drafts = [
        *chain.from_iterable(item.conflicts for item in items.values()),
        *questions.ambiguous(claims, picture),
        *questions.users_not_found(proposals["responder"].values(), _holders(proposals), picture, items),
        *questions.zone_questions(proposals["schedule"].values(), picture),
        *chain.from_iterable(
            questions.name_collisions(kind, proposals[kind], items, picture, rules)
            for kind in questions.NAME_COLLISIONS
        ),
    ]
    wanted = {(draft.kind, draft.subject) for draft in drafts}
    referenced = {("responder", p.external_id) for p in proposals["responder"].values() if not p.listed}

    def may_settle(conflict: OpenConflict) -> bool:
        """Whether this read said anything about what the question is about."""
        subject = (conflict.entity_type, conflict.external_id)
        if partial or conflict.from_merge:
            return subject in evaluated
        return subject not in referenced and any(complete.get(k) for k in ENTITY_TYPES if k == conflict.entity_type)

    settled = tuple(c.id for c in picture.conflicts if (c.kind, c.subject) not in wanted and may_settle(c))
    for key, entities in broken.items():
        known = proposals[key[0]].get(key[1])
        items[key] = _failed(entities, items.get(key), known.label if known else key[1])
    return Plan(
        items=tuple(items.values()),
        unchanged=unchanged,
        unlisted=unlisted,
        conflicts=tuple(drafts),
        settled=settled,
        compared=tuple(compared),
    )


def _holders(proposals: Proposals) -> frozenset[str]:
    return frozenset(chain.from_iterable(p.holders for by_id in proposals.values() for p in by_id.values()))


def _first_contact(
    proposal: Proposal, claims: Mapping[str, Sequence[Proposal]], picture: Picture, rules: Rules
) -> Item:
    """No link yet: match exactly one person by e-mail, or create. Names never match anything by themselves."""
    account = None
    if proposal.kind == "responder":
        candidate = _match(proposal, claims, picture)
        if candidate is not None:
            detail = LinkDetail(Base(), {}, candidate.state, primary=not candidate.owned)
            merged = _merge(proposal, detail, candidate.state, rules)
            item = _item(proposal, None, candidate.state, merged, "match")
            return replace(item, candidates=_weighed(proposal, picture))
        account = questions.account_for(proposal, claims, picture)
    values = {**proposal.fields, **proposal.on_create}
    elements = {name: elements for name, elements in proposal.elements.items() if elements}
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action="create",
        fingerprint=proposal.fingerprint,
        reason=_because(proposal),
        fields={path: [None, value] for path, value in values.items()},
        elements={name: {key: [None, value] for key, value in e.items()} for name, e in elements.items()},
        base={"fields": values, "elements": {name: dict(e) for name, e in elements.items()}},
        account_id=account.id if account else None,
        candidates=_weighed(proposal, picture) if proposal.kind == "responder" else (),
    )


def _weighed(proposal: Proposal, picture: Picture) -> tuple[int, ...]:
    """Ids of the people here with this address: more of them at the moment of writing make the item stale."""
    email = canonical_email(proposal.email)
    return tuple(c.state.id for c in picture.people.get(email or "", ()) if c.state.id is not None)


def _match(proposal: Proposal, claims: Mapping[str, Sequence[Proposal]], picture: Picture) -> Candidate | None:
    """The one person here with this address, if nobody else at the source claims it."""
    email = canonical_email(proposal.email)
    candidates = picture.people.get(email, ()) if email else ()
    return candidates[0] if email and len(candidates) == 1 and len(claims[email]) == 1 else None


def _compare(proposal: Proposal, link: LinkView, detail: LinkDetail, rules: Rules) -> Item | None:
    """What to do about a linked object whose source, row or rules moved. None: nothing at all."""
    local = detail.local
    if local is None:
        return _deleted_here(proposal, link, rules)
    merged = _merge(proposal, detail, local, rules)
    attached = link.state == "linked"
    action: Action
    if merged.writes:
        action = "update"
    elif merged.conflicts:
        action = "conflict"
    elif merged.held:
        action = "held"
    elif merged.base_patch() or not attached:
        action = "settle"
    else:
        return None
    return _item(proposal, link, local, merged, action)


def _merge(proposal: Proposal, detail: LinkDetail, local: State, rules: Rules) -> Merge:
    prefix = f"{rules.connection_id}:"
    return merge(
        proposal,
        detail.base,
        local,
        lambda path: rules.owner(proposal.kind, path, detail.pins),
        primary=detail.primary,
        own_elements=lambda key: key.startswith(prefix),
        now=rules.now,
    )


def _item(proposal: Proposal, link: LinkView | None, local: State, merged: Merge, action: Action) -> Item:
    drafts = tuple(_question(proposal, paths, local) for paths in _by_question(merged.conflicts))
    reason = _because(proposal)
    if merged.held:
        names = " and ".join(name.replace("_", " ") for name in merged.held)
        reason = f"the source lists no {names} any more; the ones here were kept until somebody approves"
    elif action == "settle":
        reason = "selected again" if link and link.state != "linked" else "already equal here"
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action=action,
        fingerprint=proposal.fingerprint,
        settles=not merged.held,
        held=merged.held,
        reason=reason,
        link_id=link.id if link else None,
        link_version=link.version if link else 0,
        row_id=local.id,
        row_version=local.version,
        fields=merged.fields,
        elements=merged.elements,
        base=merged.base_patch(),
        conflicts=drafts,
    )


def _by_question(paths: list[str]) -> list[tuple[str, ...]]:
    """A differing zone is a question of its own; all other differing fields of an object are one question."""
    zone = tuple(path for path in paths if path == "time_zone")
    rest = tuple(path for path in paths if path != "time_zone")
    return [group for group in (zone, rest) if group]


def _question(proposal: Proposal, paths: tuple[str, ...], local: State) -> ConflictDraft:
    zone = paths == ("time_zone",) and proposal.kind == "schedule"
    evidence = {}
    for path in paths:
        top, _, key = path.partition(".")
        if key:
            here, there = local.elements.get(top, {}).get(key), (proposal.elements.get(top) or {}).get(key)
        else:
            here, there = local.fields.get(path), proposal.fields.get(path)
        evidence[path] = {"here": here, "at the source": there}
    return ConflictDraft(
        "timezone_mismatch" if zone else "both_edited",
        f"{proposal.kind}:{proposal.key}" + (":time_zone" if zone else ""),
        proposal.kind,
        proposal.external_id,
        proposal.label,
        paths=paths,
        evidence=evidence,
    )


def _deleted_here(proposal: Proposal, link: LinkView, rules: Rules) -> Item | None:
    """The row was deleted by hand: it stays deleted; where the source owns everything, somebody is asked."""
    ask = rules.strategy == "source"
    draft = ConflictDraft(
        "deleted_here",
        f"{proposal.kind}:{proposal.key}",
        proposal.kind,
        proposal.external_id,
        proposal.label,
        paths=("active",),
        evidence={"active": {"here": "deleted", "at the source": True}},
    )
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action="conflict" if ask else "skip",
        fingerprint=proposal.fingerprint,
        reason="deleted here; it stays deleted",
        link_id=link.id,
        link_version=link.version,
        conflicts=(draft,) if ask else (),
    )


def _detach(kind: Kind, link: LinkView) -> Item:
    return Item(
        kind=kind,
        external_id=link.external_id,
        label=link.external_id,
        action="detach",
        fingerprint=link.source_hash,
        reason="no longer selected; it stays active here and no longer follows the source",
        link_id=link.id,
        link_version=link.version,
        row_id=link.row_id,
        row_version=link.row_version or 0,
    )


def _failed(entities: Sequence[FailedEntity], item: Item | None, label: str) -> Item:
    """What could not be read of one object, or of a listing: by itself, or told with what is done about the rest."""
    first = entities[0]
    reason = " ".join(dict.fromkeys(entity.message for entity in entities))
    if item is not None:
        told = f"{item.reason}; not everything could be read: {reason}" if item.reason else reason
        return replace(item, reason=told, path=first.path, failures=len(entities))
    return Item(
        kind=first.entity_type,
        external_id=first.external_id or "",
        label=label or "the whole listing",
        action="failed",
        fingerprint="",
        reason=reason,
        path=first.path,
        failures=len(entities),
    )


def _because(proposal: Proposal) -> str:
    return f"because of {', '.join(proposal.because)}" if proposal.because else ""


def by_kind(proposals: Iterable[Proposal]) -> dict[Kind, dict[str, Proposal]]:
    """Proposals as planning wants them: per kind, by external id, in the order given."""
    found: dict[Kind, dict[str, Proposal]] = {kind: {} for kind in ENTITY_TYPES}
    for proposal in proposals:
        found[proposal.kind][proposal.external_id] = proposal
    return found

"""Makes a plan from proposals and the local picture. Pure: no clock, no database, no network."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from connectors.presence import MISSING
from connectors.records import ENTITY_TYPES, FailedEntity, MappingNote, entity_type_of
from oncall.aggregates import Kind, State
from syncjobs.planning import conflicts as questions
from syncjobs.planning.accounts import account_for, late_accounts
from syncjobs.planning.decisions.rules import answers_of
from syncjobs.planning.failures import Check, checked, failed_item
from syncjobs.planning.matching import candidate_ids, match
from syncjobs.planning.merge import Merge, merge, with_unread
from syncjobs.planning.missing.guard import guard
from syncjobs.planning.missing.recreated import without_pairs
from syncjobs.planning.missing.unlisted import Unlisted, is_missing, is_settled, plan_unlisted, unlisted_links
from syncjobs.planning.moving.prediction import as_predicted
from syncjobs.planning.moving.ranks import with_base_ranks
from syncjobs.planning.pending import is_part, is_pending, restored_objects
from syncjobs.planning.values import (
    Action,
    Base,
    ConflictDraft,
    Item,
    LinkDetail,
    LinkView,
    OpenConflict,
    Picture,
    Plan,
    Presences,
    Proposal,
    Rules,
)

#: States of an object that a read is sure of.
_CERTAIN: Final = MISSING | {"not_chosen"}

Proposals = Mapping[Kind, Mapping[str, Proposal]]


def links_to_compare(
    proposals: Proposals, links: Mapping[Kind, Mapping[str, LinkView]], evaluate_all: bool, presence: Presences
) -> list[int]:
    """Return the ids of the links whose contents are needed.

    These are the links with a changed source or row, those that take over, and those of missing objects. evaluate_all:
    whether the rules changed, so that all links are needed.
    """
    unlisted = [
        link.id
        for kind in ENTITY_TYPES
        for link in unlisted_links(proposals[kind], links[kind])
        if link.takes_over or is_missing(link, presence(kind, link.external_id))
    ]
    return unlisted + [
        link.id
        for kind in ENTITY_TYPES
        for external_id, proposal in proposals[kind].items()
        if (link := links[kind].get(external_id)) is not None
        and link.state != "ignored"
        and (evaluate_all or not _is_unchanged(link, proposal))
    ]


def _is_unchanged(link: LinkView, proposal: Proposal) -> bool:
    equal = link.untouched and link.source_hash == proposal.fingerprint
    return link.state == "linked" and equal and not link.takes_over


def make_plan(
    proposals: Proposals,
    picture: Picture,
    rules: Rules,
    *,
    presence: Presences,
    check: Check,
    failed: Sequence[FailedEntity] = (),
    notes: Sequence[MappingNote] = (),
    is_same_account: bool = False,
    partial: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Plan:
    """Return the plan.

    presence: what the read knows of an object that has no proposal. check: finds values that cannot be written; the
    items with such values fail. failed: what could not be read. notes: what the read noted about objects.
    is_same_account: whether the read is known to come from the account of the connection. partial: the proposals are
    only a few chosen objects; nothing is concluded about others. progress: called for each object that is new or
    compared.
    """
    by_email = questions.people_by_email(proposals["responder"].values())
    items: dict[tuple[Kind, str], Item] = {}
    unchanged: dict[Kind, int] = {}
    unlisted = {kind: Unlisted() for kind in ENTITY_TYPES}
    evaluated: set[tuple[str, str]] = set()
    compared: list[tuple[LinkView, str]] = []
    failures: dict[tuple[Kind, str], list[FailedEntity]] = {}
    for entity in failed:
        failures.setdefault((entity.entity_type, entity.external_id or ""), []).append(entity)
    drafts: list[ConflictDraft] = []
    open_questions = {(conflict.kind, conflict.subject, conflict.evidence_hash) for conflict in picture.conflicts}
    restored = restored_objects(picture.conflicts)
    for kind in ENTITY_TYPES:
        same = 0
        for external_id, proposal in proposals[kind].items():
            link = picture.links[kind].get(external_id)
            if link is None:
                progress()
                items[kind, external_id] = item = _without_link(proposal, by_email, picture, rules, check)
                drafts += item.conflicts
                continue
            detail = picture.details.get(link.id)
            if detail is None or link.state == "ignored":
                same += 1
                continue
            progress()
            evaluated.add((kind, external_id))
            base = detail.compared_base
            proposal = with_unread(as_predicted(proposal, base, rules.now), base)
            proposal = with_base_ranks(proposal, base)
            change = _compare(proposal, link, detail, rules)
            if change is not None and (kind, external_id) in restored:
                reason = "deleted here; it is created again, as it was decided"
                change = replace(_created(proposal), link=link, reason=reason, conflicts=change.conflicts)
            if change is not None:
                drafts += change.conflicts
                if change.action != "conflict":
                    items[kind, external_id] = checked(change, detail.local, check)
                    continue
                if not open_questions.issuperset(map(questions.identity, change.conflicts)):
                    items[kind, external_id] = change
            same += (kind, external_id) not in items
            if proposal.listed and link.source_hash != proposal.fingerprint:
                compared.append((link, proposal.fingerprint))
        unchanged[kind] = same
        if partial:
            continue
        unlisted[kind] = plan_unlisted(kind, proposals[kind], picture, rules, presence, failures)
        items |= {(kind, external_id): item for external_id, item in unlisted[kind].items.items()}
        drafts += unlisted[kind].questions

    def is_judged(kind: Kind, external_id: str) -> bool:
        """Return whether this read knows the object, or knows that it does not exist."""
        if (kind, external_id) in failures:
            return False
        listed = external_id in proposals[kind]
        return listed or (not partial and presence(kind, external_id).state in _CERTAIN)

    late = late_accounts(proposals["responder"], by_email, picture, items)
    unchanged["responder"] -= len(late.keys() - items.keys())
    items |= late
    refused = {key for key, item in items.items() if item.action == "failed" and item.link_id is None}
    after = questions.AfterPlan(items, picture, rules, is_judged)
    drafts += questions.ambiguous_addresses(after)
    drafts += questions.users_not_found(_without(refused, proposals["responder"]), _holders(proposals), picture, items)
    written = {kind: {p.external_id: p for p in _without(refused, proposals[kind])} for kind in ENTITY_TYPES}
    drafts += questions.unsupported(notes, written, picture)
    drafts += questions.timezone_mismatches(_without(refused, proposals["schedule"]), picture)
    drafts += questions.inactive_scheduled(_without(refused, proposals["responder"]), _holders(proposals), picture)
    for kind in questions.NAME_COLLISIONS:
        drafts += questions.name_collisions(kind, after)
    referenced = {("responder", p.external_id) for p in proposals["responder"].values() if not p.listed}

    def may_settle(conflict: OpenConflict) -> bool:
        """Return whether this plan knows what the question is about."""
        if conflict.kind in questions.ABOUT_PRESENCE:
            return not partial and is_settled(conflict, proposals, picture, presence)
        if conflict.kind == "account_changed":
            return is_same_account  # the read of another account is not planned
        if conflict.kind in questions.ABOUT_ROWS:
            return True  # all rows with these names and addresses are in the picture, whatever was read
        subject = (conflict.entity_type, conflict.external_id)
        if partial or conflict.from_merge:
            link = None if partial else picture.links[entity_type_of(subject[0])].get(subject[1])
            return subject in evaluated or (link is not None and link.state != "linked")
        return subject not in referenced and is_judged(entity_type_of(conflict.entity_type), conflict.external_id)

    drafts = without_pairs(drafts, (c for c in picture.conflicts if not may_settle(c)))
    pending = {(c.kind, c.subject): c for c in picture.conflicts if is_pending(c, proposals, picture)}
    drafts = [draft for draft in drafts if not is_part(draft, pending.get((draft.kind, draft.subject)))]
    current = {*pending, *((draft.kind, draft.subject) for draft in drafts)}
    settled = tuple(c.id for c in picture.conflicts if (c.kind, c.subject) not in current and may_settle(c))
    for key, entities in failures.items():
        link = picture.links[key[0]].get(key[1])
        if link is not None and link.state == "ignored":
            continue
        items[key] = failed_item(entities, items.get(key), proposals[key[0]].get(key[1]))
    held = guard(items.values(), picture.links, proposals, rules, presence)
    leaving = {(i.kind, i.external_id) for i in held.items if i.action in ("detach", "deactivate") and not i.guarded}
    settled += tuple(
        c.id
        for c in picture.conflicts
        if c.from_merge and (c.entity_type, c.external_id) in leaving and c.id not in settled
    )
    return Plan(
        items=held.items,
        held=held.reasons,
        vanished=held.vanished,
        removes=held.removes,
        unchanged=unchanged,
        unlisted={kind: found.kept for kind, found in unlisted.items()},
        unreached={kind: tuple(found.unreached) for kind, found in unlisted.items() if found.unreached},
        conflicts=tuple(drafts),
        settled=settled,
        compared=tuple(compared),
        sightings=tuple(chain.from_iterable(found.sightings for found in unlisted.values())),
        unread=tuple(
            (link, proposal.unread)
            for kind in ENTITY_TYPES
            for external_id, proposal in proposals[kind].items()
            if (link := picture.links[kind].get(external_id)) is not None
            and proposal.listed
            and link.unread != proposal.unread
        ),
    )


def _without(refused: Container[tuple[Kind, str]], proposals: Mapping[str, Proposal]) -> list[Proposal]:
    return [proposal for proposal in proposals.values() if (proposal.kind, proposal.external_id) not in refused]


def _holders(proposals: Proposals) -> frozenset[str]:
    return frozenset(chain.from_iterable(p.holders for by_id in proposals.values() for p in by_id.values()))


def _without_link(
    proposal: Proposal, by_email: Mapping[str, Sequence[Proposal]], picture: Picture, rules: Rules, check: Check
) -> Item:
    """Return the item of an object without a link: it matches one person by e-mail address or is created.

    Names are never matched.
    """
    account = None
    if proposal.kind == "responder":
        candidate = match(proposal, by_email, picture)
        if candidate is not None:
            detail = LinkDetail(
                Base(),
                {},
                candidate.state,
                primary=not candidate.owned,
                former_base=candidate.former_base,
                former_link=candidate.former_link,
            )
            merged = _merge(proposal, detail, candidate.state, rules)
            item = _item(proposal, None, detail, candidate.state, merged, "match")
            item = replace(item, takes_over=detail.primary, candidates=candidate_ids(proposal, picture))
            return checked(item, candidate.state, check)
        account = account_for(proposal, by_email, picture)
    candidates = candidate_ids(proposal, picture) if proposal.kind == "responder" else ()
    item = replace(_created(proposal), account_id=account.id if account else None, candidates=candidates)
    return checked(item, None, check)


def _created(proposal: Proposal) -> Item:
    """Return the item that creates a row."""
    values = {**proposal.fields, **proposal.on_create}
    elements = {name: elements for name, elements in proposal.elements.items() if elements}
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action="create",
        fingerprint=proposal.fingerprint,
        reason=_origin_of(proposal),
        fields={path: [None, value] for path, value in values.items()},
        elements={name: {key: [None, value] for key, value in e.items()} for name, e in elements.items()},
        base={"fields": values, "elements": {name: dict(e) for name, e in elements.items()}},
        unread=proposal.unread,
    )


def _compare(proposal: Proposal, link: LinkView, detail: LinkDetail, rules: Rules) -> Item | None:
    """Return the item of a linked object whose source, row or rules changed; None if there is nothing to do.

    An item ``conflict`` only opens a question: neither the row nor the link changes when a plan is applied.
    """
    local = detail.local
    if local is None:
        return _deleted_here(proposal, link, detail, rules)
    merged = _merge(proposal, detail, local, rules)
    attached = link.state == "linked"
    action: Action
    if merged.writes:
        action = "update"
    elif merged.held:
        action = "held"
    elif merged.base_patch() or not attached or link.takes_over:
        action = "settle"
    elif merged.conflicts:
        action = "conflict"
    else:
        return None
    return _item(proposal, link, detail, local, merged, action)


def _merge(proposal: Proposal, detail: LinkDetail, local: State, rules: Rules) -> Merge:
    answers = answers_of(rules.remembered)
    return merge(
        proposal,
        detail.compared_base,
        local,
        lambda path: rules.owner(proposal.kind, path, detail.pins),
        primary=detail.primary,
        now=rules.now,
        rule_of=lambda path: answers.get(f"{proposal.kind}.{path.split('.', 1)[0]}"),
    )


def _item(
    proposal: Proposal, link: LinkView | None, detail: LinkDetail, local: State, merged: Merge, action: Action
) -> Item:
    drafts = (questions.both_edited(proposal, tuple(merged.conflicts), local),) if merged.conflicts else ()
    reason = _origin_of(proposal)
    if merged.held:
        names = " and ".join(name.replace("_", " ") for name in merged.held)
        reason = f"the source no longer lists any {names}; those here are kept until their removal is approved"
    elif link and link.takes_over:
        reason = "no other source sets its fields any more; from now on this source does"
    elif merged.answered:
        reason = "; ".join(sorted({f"by {rule.words}" for rule in merged.answered.values()}))
    elif action == "settle":
        reason = "selected again" if link and link.state != "linked" else "already equal here"
    elif action == "conflict":
        reason = "both sides differ; nothing changes until the question is answered"
    base = merged.base_patch()
    if detail.former_base.fields:
        base["fields"] = {**detail.compared_base.fields, **base.get("fields", {})}
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action=action,
        fingerprint=proposal.fingerprint,
        settles=not merged.held,
        held=merged.held,
        held_before={
            name: {key: known[key] for key in changes if key in (known := detail.base.elements.get(name, {}))}
            for name, changes in merged.held.items()
        },
        reason=reason,
        link=link,
        row_id=local.id,
        row_version=local.version,
        fields=merged.fields,
        elements=merged.elements,
        base=base,
        base_before=detail.base.values_of(base),
        takes_over=link is not None and link.takes_over,
        former_link=detail.former_link,
        conflicts=drafts,
        unread=proposal.unread,
        pins=merged.pins,
        pins_before=detail.pins,
    )


def _deleted_here(proposal: Proposal, link: LinkView, detail: LinkDetail, rules: Rules) -> Item | None:
    """Return the item of an object whose row was deleted by hand.

    The row stays deleted. Where the source owns the presence of the row, this is a question.
    """
    ask = rules.owner(proposal.kind, "active", detail.pins) == "source"
    draft = ConflictDraft(
        "deleted_here",
        f"{proposal.kind}:{proposal.key}",
        proposal.kind,
        proposal.external_id,
        proposal.label,
        paths=("active",),
        evidence={"active": {"here": None, "source": True}},
    )
    return Item(
        kind=proposal.kind,
        external_id=proposal.external_id,
        label=proposal.label,
        action="conflict" if ask else "skip",
        fingerprint=proposal.fingerprint,
        reason="deleted here; it stays deleted",
        link=link,
        conflicts=(draft,) if ask else (),
    )


def _origin_of(proposal: Proposal) -> str:
    return f"because of {', '.join(proposal.because)}" if proposal.because else ""


def by_kind(proposals: Iterable[Proposal]) -> dict[Kind, dict[str, Proposal]]:
    """Return the proposals by kind and external id, in their order."""
    found: dict[Kind, dict[str, Proposal]] = {kind: {} for kind in ENTITY_TYPES}
    for proposal in proposals:
        found[proposal.kind][proposal.external_id] = proposal
    return found

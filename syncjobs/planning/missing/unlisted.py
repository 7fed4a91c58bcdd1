"""Plans linked objects that a read did not list: out of the selection, missing, or gone at the source. Pure."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.presence import Presence, Sighting, compared_rights
from connectors.records import entity_type_of
from oncall.aggregates import AGGREGATES, Kind, State
from syncjobs.planning.canonical import have_same_meaning
from syncjobs.planning.missing.recreated import recreated, undecided
from syncjobs.planning.values import (
    Base,
    Change,
    ConflictDraft,
    ConflictKind,
    Item,
    LinkDetail,
    LinkView,
    OpenConflict,
    Picture,
    Presences,
    Proposal,
    Rules,
    element_key,
)

#: Two sightings of a missing object are at least this far apart.
BETWEEN_SIGHTINGS: Final = timedelta(hours=1)
#: After so many sightings, it is proved that an object is gone.
PROVED: Final = 2
#: The states of an object that was requested by its id, and that the source does not show.
_REQUESTED: Final = frozenset({"not_found", "not_visible"})
#: The fields that follow from the presence of an object. Nobody edits them for good.
_PRESENCE: Final = frozenset({"active", "state"})


@dataclass
class Unlisted:
    """What a plan does with the unlisted objects of one kind.

    items: by external id. kept: number of objects that stay as they are. unreached: why objects were not reached.
    sightings: links with their new sighting, also those of objects that the source knows again. ended: the links that
    end with this plan; missing: those that would if somebody ticks them.
    """

    items: dict[str, Item] = field(default_factory=dict)
    questions: list[ConflictDraft] = field(default_factory=list)
    kept: int = 0
    unreached: list[str] = field(default_factory=list)
    sightings: list[tuple[LinkView, Sighting]] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)


def unlisted_links(proposals: Container[str], links: Mapping[str, LinkView]) -> Iterator[LinkView]:
    """Yield the links of one kind that follow objects without a proposal."""
    return (link for id_, link in links.items() if link.state == "linked" and id_ not in proposals)


def is_missing(link: LinkView, known: Presence) -> bool:
    """Return whether a linked object is missing now. The contents of its link are needed then.

    An object that is only absent from a complete list is missing if earlier reads proved it. Before that, it must have
    been requested in this read, because a tick may be the second sighting.
    """
    return known.state in _REQUESTED or (known.state == "absent" and link.seen_missing.count >= PROVED)


def plan_unlisted(
    kind: Kind,
    proposals: Mapping[str, Proposal],
    picture: Picture,
    rules: Rules,
    presence: Presences,
    failed: Container[tuple[Kind, str]],
) -> Unlisted:
    """Plan the linked objects of a kind that a read did not list.

    Nothing happens to an object that may have come back under another id, until that is decided. failed: the objects
    that could not be read.
    """
    links = [link for link in unlisted_links(proposals, picture.links[kind]) if (kind, link.external_id) not in failed]
    again = recreated(kind, {link.external_id: link for link in links}, proposals, picture, rules, presence)
    blocked = undecided(again, picture)
    result = Unlisted(questions=[*again.values()])
    result.sightings += (
        (link, Sighting())
        for link in picture.links[kind].values()
        if link.seen_missing.count and link.external_id in proposals
    )
    for link in links:
        known, item = presence(kind, link.external_id), None
        if known.state == "not_chosen":
            reason = "no longer selected; it stays active here and no longer follows the source"
            result.items[link.external_id] = _item(kind, link, "detach", reason)
            continue
        if known.state == "not_reached":
            result.unreached.append(known.reason)
            if link.seen_missing.count and known.exists:
                result.sightings.append((link, Sighting()))
        else:
            result.kept += 1
            if link.external_id not in blocked and is_missing(link, known):
                item = _missing(kind, link, known, picture, rules, result)
        if item is None and link.takes_over:
            item = _hand_over(kind, link, picture.details[link.id])
        if item is not None:
            result.items[link.external_id] = item
    return result


def is_settled(
    conflict: OpenConflict, proposals: Mapping[Kind, Container[str]], picture: Picture, presence: Presences
) -> bool:
    """Return whether a question about a missing object has lost its cause: the object is listed, or not followed."""
    kind = entity_type_of(conflict.entity_type)
    external_id = conflict.keys[0].partition(":")[2] if conflict.kind == "recreated" else conflict.external_id
    link = picture.links[kind].get(external_id)
    if link is None or link.state != "linked" or external_id in proposals[kind]:
        return True
    return presence(kind, external_id).state != "not_reached"


def _missing(
    kind: Kind, link: LinkView, known: Presence, picture: Picture, rules: Rules, result: Unlisted
) -> Item | None:
    """Return the item of a missing object. None: nothing happens to it, or its question is asked already."""
    detail = picture.details[link.id]
    local, owner = detail.local, rules.owner(kind, "active", detail.pins)
    if local is None:
        return _item(kind, link, "detach", "deleted here, and gone at the source")
    if owner == "local" or (owner == "ask" and local.fields["active"] and detail.base.fields.get("active") is False):
        return None  # that it is gone was settled before, and the row is kept here
    seen = _sighting(link.seen_missing, known, rules)
    count = seen.count
    if seen != link.seen_missing:
        result.sightings.append((link, seen))
    others = picture.others.get(link.id, frozenset()) - result.ended
    follows_another = bool(others - result.missing if count < PROVED else others)
    may_ask = owner == "ask" and local.fields["active"] and not follows_another  # otherwise nothing becomes inactive
    # The fields of a row are those of its primary link; only they can tell whether they were edited here.
    base = Base(detail.compared_base.fields if detail.primary else {}, detail.base.elements)
    own = element_key(rules.connection_id, link.external_id, "")
    edited = edited_paths(kind, base, local, rules, own) if may_ask else ()
    if count < PROVED:
        reason = "the source does not know it any more; it is missing 1 of 2 times, so nothing changes yet"
        if edited or known.state == "not_visible":  # a tick opens the question, and removes nothing
            removal = replace(_item(kind, link, "missing", ""), label=_name(detail, link), settles=False)
        else:
            removal = _removal(kind, link, detail, local, rules, follows_another=follows_another)
            result.missing.add(link.id)
        return replace(removal, action="missing", reason=reason, sighting=count)
    subject = f"{kind}:{element_key(rules.connection_id, link.external_id)}"
    asked = {conflict.kind for conflict in picture.conflicts if conflict.subject == subject}
    name: ConflictKind | None = "gone" if edited else None
    if known.state == "not_visible" or (known.state == "absent" and "not_visible" in asked):
        name = "not_visible"
    if name is None:
        result.ended.add(link.id)
        return replace(_removal(kind, link, detail, local, rules, follows_another=follows_another), sighting=count)
    evidence = {"presence": "not_visible" if name == "not_visible" else "not_found", "edited": list(edited)}
    question = ConflictDraft(name, subject, kind, link.external_id, _name(detail, link), evidence=evidence)
    result.questions.append(question)
    if name in asked or link.takes_over:
        return None  # a link that takes over does so while the question waits
    reason = "it is missing at the source; nothing changes until the question is answered"
    item = replace(_item(kind, link, "conflict", reason), label=question.label, conflicts=(question,))
    return replace(item, row_id=local.id, row_version=local.version, sighting=count)


def _sighting(before: Sighting, known: Presence, rules: Rules) -> Sighting:
    """Return how often the object was seen missing, with this read.

    The second sighting needs the rights of the first. A read with fewer rights is none; a read with others begins anew.
    """
    first = Sighting(1, rules.now, rules.rights)
    if before.count == 0:
        return first
    if before.count >= PROVED or known.state not in _REQUESTED:
        return before
    rights = compared_rights(before.rights, rules.rights)
    if rights == "other":
        return first
    is_due = datetime.fromisoformat(rules.now) - datetime.fromisoformat(before.since) >= BETWEEN_SIGHTINGS
    return replace(before, count=PROVED) if is_due and rights == "same" else before


def _removal(
    kind: Kind, link: LinkView, detail: LinkDetail, local: State, rules: Rules, *, follows_another: bool
) -> Item:
    """Return the item that makes a row inactive, or that detaches the link of a row that follows another source."""
    item = replace(
        _item(kind, link, "deactivate", "gone at the source; what refers to it stays"),
        label=_name(detail, link),
        row_id=local.id,
        row_version=local.version,
    )
    if not follows_another:
        active = local.fields["active"]
        # As the primary link, it is the one with which the row is compared when another of its objects returns.
        former = detail.compared_base.fields if detail.former_base.fields else {}
        base = {"fields": {**former, "active": False}}
        if not active:
            item = replace(item, reason="gone at the source; it is inactive here already")
        return replace(
            item,
            fields={"active": [True, False]} if active else {},
            base=base,
            base_before=detail.base.values_of(base),
            takes_over=link.takes_over,
            former_link=detail.former_link,
        )
    left, ended = _leaving_elements(kind, detail, local, rules)
    base_of: dict[str, Any] = {"elements": ended}
    return replace(
        item,
        action="detach",
        reason="gone at the source; it stays active, because it follows another source, too",
        elements=left,
        base=base_of if ended else {},
        base_before=detail.base.values_of(base_of) if ended else {},
    )


def _leaving_elements(
    kind: Kind, detail: LinkDetail, local: State, rules: Rules
) -> tuple[dict[str, dict[str, Change]], dict[str, dict[str, None]]]:
    """Return the elements that leave with their link, and what leaves its base, by collection.

    An element that was edited here leaves only if the source owns it. Otherwise it becomes a local element.
    """
    prefix = element_key(rules.connection_id, "")
    left: dict[str, dict[str, Change]] = {}
    ended: dict[str, dict[str, None]] = {}
    for collection, known in detail.base.elements.items():
        here = local.elements.get(collection, {})
        for key, values in known.items():
            owner = rules.owner(kind, f"{collection}.{key}", detail.pins)
            if not key.startswith(prefix) or owner == "local":
                continue
            ended.setdefault(collection, {})[key] = None
            if key in here and (owner == "source" or here[key] == values):
                left.setdefault(collection, {})[key] = [here[key], None]
    return left, ended


def edited_paths(kind: Kind, base: Base, local: State, rules: Rules, own: str) -> tuple[str, ...]:
    """Return the fields and collections of a row that were edited here. Elements that ended are history.

    own: the beginning of the keys of the elements of the link. Those of other links are no edits.
    """
    fields = [
        path
        for path, value in local.fields.items()
        if path in base.fields
        and path not in _PRESENCE
        and not have_same_meaning(kind, path, value, base.fields[path], rules.now)
    ]
    collections = []
    for collection in AGGREGATES[kind].collections:
        known, here = base.elements.get(collection.name, {}), local.elements.get(collection.name, {})
        of_others = {
            key for key in here if key not in known and not key.startswith(own) and key.split(":")[0].isdecimal()
        }
        changed = [key for key in {*known, *here} - of_others if known.get(key) != here.get(key)]
        if any(not _is_over(known.get(key) or here[key], rules.now) for key in changed):
            collections.append(collection.name)
    return (*fields, *collections)


def _is_over(element: Mapping[str, Any], now: str) -> bool:
    return "ends_at" in element and str(element["ends_at"]) <= now


def _name(detail: LinkDetail, link: LinkView) -> str:
    name = detail.local.fields.get("name") if detail.local else None
    return str(name or link.external_id)


def _item(kind: Kind, link: LinkView, action: Any, reason: str) -> Item:
    return Item(
        kind=kind,
        external_id=link.external_id,
        label=link.external_id,
        action=action,
        fingerprint=link.source_hash,
        reason=reason,
        link=link,
        row_id=link.row_id,
        row_version=link.row_version or 0,
    )


def _hand_over(kind: Kind, link: LinkView, detail: LinkDetail) -> Item:
    """Return the item of a link that becomes the primary link of its row, although its object was not listed.

    No value is known of the object, so the row stays as it is. The former base is kept, so that a value that the source
    reports later is compared with it.
    """
    base = detail.compared_base.fields if detail.former_base.fields else {}
    return replace(
        _item(
            kind, link, "settle", "no other source sets its fields any more; it was not listed, so nothing changes here"
        ),
        fingerprint="",  # so that the object is compared when it is listed again
        base={"fields": dict(base)} if base else {},
        base_before={"fields": {path: detail.base.fields[path] for path in base if path in detail.base.fields}},
        takes_over=True,
        former_link=detail.former_link,
    )

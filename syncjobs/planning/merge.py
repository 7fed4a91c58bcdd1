"""Three-way merge of one aggregate: base (the last agreed value of the source), local, source. Pure.

:func:`settle` contains all rules about a single value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from oncall.aggregates import AGGREGATES, State, Values
from syncjobs.planning.canonical import have_same_meaning
from syncjobs.planning.values import Base, Change, Item, Owner, Proposal, RuleView

Verdict = Literal["keep", "take", "conflict", "settle"]


class _Missing:
    """The base of a value that was never agreed on. It differs from every value, also from None."""


MISSING = _Missing()


def settle(
    owner: Owner, base: Any, local: Any, source: Any, *, quiet: bool, equal: Callable[[Any, Any], bool]
) -> Verdict:
    """Return what to do about one value.

    keep: change nothing. settle: write nothing, and the source's value becomes the base. take: write the source's
    value, which also becomes the base. conflict: change nothing; a person decides. quiet: prefer settle to conflict if
    there is no base.
    """
    if owner == "local":
        return "keep"
    if equal(local, source):
        return "keep" if base is not MISSING and equal(base, source) else "settle"
    if owner == "source":
        return "take"
    if base is MISSING:
        if local in (None, "", [], {}):
            return "take"
        return "settle" if quiet else "conflict"
    if equal(local, base):
        return "take"
    return "keep" if equal(source, base) else "conflict"


@dataclass
class Merge:
    """The result for one aggregate.

    held: removals that would empty a collection. answered: the rules that answered questions, by path; pins: what they
    pin.
    """

    fields: dict[str, Change] = field(default_factory=dict)
    elements: dict[str, dict[str, Change]] = field(default_factory=dict)
    base_fields: dict[str, Any] = field(default_factory=dict)
    base_elements: dict[str, dict[str, Values | None]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    held: dict[str, dict[str, Change]] = field(default_factory=dict)
    pins: dict[str, Owner] = field(default_factory=dict)
    answered: dict[str, RuleView] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Return whether values are written."""
        return bool(self.fields or self.elements)

    def answer(self, rule: RuleView, path: str) -> Verdict:
        """Return what a rule decides about a value that differs on both sides."""
        self.answered[path] = rule
        if rule.choice == "take_source":
            return "take"
        self.pins[path] = "local" if rule.choice == "keep_mine_always" else "ask"
        return "settle"

    def base_patch(self) -> dict[str, Any]:
        """Return the new base values for the link. An element that is None is removed from the base."""
        patch: dict[str, Any] = {}
        if self.base_fields:
            patch["fields"] = self.base_fields
        if self.base_elements:
            patch["elements"] = self.base_elements
        return patch


def merge(
    proposal: Proposal,
    base: Base,
    local: State,
    owner: Callable[[str], Owner],
    *,
    primary: bool,
    now: str,
    rule_of: Callable[[str], RuleView | None] = lambda path: None,
) -> Merge:
    """Merge a proposal of the source into the local state.

    owner: returns the owner of a path. primary: whether the link is primary; only a primary link writes single-valued
    fields. An element that neither the base nor the source knows belongs to somebody else, and is never changed.
    now: ISO instant. rule_of: returns the rule that answers a question about a path.
    """
    result = Merge()
    aggregate = AGGREGATES[proposal.kind]
    if primary:
        for path in aggregate.fields:
            if path in proposal.fields:
                rule = rule_of(path)
                _merge_field(proposal, base, local, owner(path), path, path in aggregate.quiet, now, result, rule)
    for collection in aggregate.collections:
        source = proposal.elements.get(collection.name)
        if source is None:
            continue
        before = base.elements.get(collection.name, {})
        here = local.elements.get(collection.name, {})
        keys = [*source, *(k for k in {**before, **here} if k not in source)]
        if collection.name in proposal.unread:  # a missing element may be one that could not be read
            keys = list(source)
        elif collection.time_bounded:
            keys = [k for k in keys if k in source or _would_be_listed(before.get(k) or here.get(k), proposal, now)]
        elif not source and any(key in before for key in here):
            result.held[collection.name] = {key: [value, None] for key, value in here.items() if key in before}
            continue
        for key in keys:
            path = f"{collection.name}.{key}"
            _merge_element(collection.name, path, key, before, here, source, owner(path), result, rule_of(path))
    return result


def replaced_edits(items: Iterable[Item]) -> int:
    """Return how many values that were edited here are replaced by objects that follow their source again.

    That a row is inactive is no edit if its last source made it so, and a link takes over.
    """
    return sum(
        known[path] != here if path in known else here is not None or path not in settled
        for item in items
        if item.link is not None and item.link.state == "detached"
        for known, settled, changes in _sides(item)
        for path, (here, _) in changes.items()
        if not (path == "active" and item.takes_over)
    )


def _sides(item: Item) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Change]]]:
    """Yield the old base, the new base and the changes, of the fields and of each collection of elements.

    The base of an element that the source lists as before is in neither.
    """
    yield item.base_before.get("fields", {}), item.base.get("fields", {}), item.fields
    for name, changes in item.elements.items():
        known, settled = (base.get("elements", {}).get(name, {}) for base in (item.base_before, item.base))
        yield known, settled, changes


def with_unread(proposal: Proposal, base: Base) -> Proposal:
    """The proposal with what this read could not take of the layers or the levels, as it is in the base.

    Both are one field: without it, a layer or a level that could not be read would look as if the source had removed
    it. A layer that could be read only in part is unread under its own name, ``layers.<key>``. Levels have no keys, so
    with an unread one all stay as they are in the base.
    """
    if not proposal.unread:
        return proposal
    fields = dict(proposal.fields)
    if "levels" in proposal.unread:
        fields |= {name: base.fields[name] for name in ("initial_wait", "levels") if name in base.fields}
    known = base.fields.get("layers")
    partial = {name.removeprefix("layers.") for name in proposal.unread if name.startswith("layers.")}
    if known is not None and (partial or "layers" in proposal.unread):
        sent = proposal.fields["layers"]
        read = {layer["key"] for layer in sent["layers"]}
        before = {layer["key"]: layer for layer in known["layers"]}
        layers = [before.get(layer["key"], layer) if layer["key"] in partial else layer for layer in sent["layers"]]
        for place, layer in enumerate(known["layers"]):
            if "layers" in proposal.unread and layer["key"] not in read:
                layers.insert(place, layer)
        fields["layers"] = {**sent, "layers": layers}
    return replace(proposal, fields=fields)


def _merge_field(
    proposal: Proposal,
    base: Base,
    local: State,
    owner: Owner,
    path: str,
    quiet: bool,
    now: str,
    result: Merge,
    rule: RuleView | None,
) -> None:
    source, here = proposal.fields[path], local.fields.get(path)
    verdict = settle(
        owner,
        base.fields.get(path, MISSING),
        here,
        source,
        quiet=quiet,
        equal=lambda a, b: a is not MISSING and b is not MISSING and have_same_meaning(proposal.kind, path, a, b, now),
    )
    if verdict == "conflict" and rule is not None:
        verdict = result.answer(rule, path)
    if verdict in ("take", "settle"):
        result.base_fields[path] = source
    if verdict == "take":
        result.fields[path] = [here, source]
    if verdict == "conflict":
        result.conflicts.append(path)


def _merge_element(
    collection: str,
    path: str,
    key: str,
    base: Mapping[str, Values],
    local: Mapping[str, Values],
    source: Mapping[str, Values],
    owner: Owner,
    result: Merge,
    rule: RuleView | None,
) -> None:
    """Merge one element as a single value; None means that it does not exist.

    Under ``ask``, an element that was edited here and removed at the source stays as a local element.
    """
    there, here = source.get(key), local.get(key)
    before = base.get(key, None if key in base or there is None or here is None else MISSING)
    if there is None and here is not None and before is None:
        return  # this element does not come from this source
    verdict = settle(owner, before, here, there, quiet=False, equal=lambda a, b: a is not MISSING and a == b)
    if verdict == "conflict" and there is None:
        verdict = "settle"
    if verdict == "conflict" and rule is not None:
        verdict = result.answer(rule, path)
    if verdict == "take":
        result.elements.setdefault(collection, {})[key] = [here, there]
    if verdict in ("take", "settle") and base.get(key) != there:
        result.base_elements.setdefault(collection, {})[key] = there
    if verdict == "conflict":
        result.conflicts.append(path)


def _would_be_listed(element: Values | None, proposal: Proposal, now: str) -> bool:
    """Return whether the source would list this element if it still existed. Ended elements are history."""
    if element is None or proposal.fetched_range is None:
        return False
    since, until = proposal.fetched_range
    starts_at, ends_at = str(element["starts_at"]), str(element["ends_at"])
    is_inside = starts_at < until if proposal.lists_overlapping else ends_at <= until
    return is_inside and ends_at > max(since, now)

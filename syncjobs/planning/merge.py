"""Three-way merge of one aggregate: base (last settled source value), local, source. Pure.

The table of the sync semantics in one place: see :func:`settle`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from oncall.aggregates import AGGREGATES, State, Values
from syncjobs.planning.canonical import same
from syncjobs.planning.values import Base, Change, Owner, Proposal

Verdict = Literal["keep", "take", "conflict", "settle"]


class _Missing:
    """Stands for "never settled": different from every value, also from None."""


MISSING = _Missing()


def settle(
    owner: Owner, base: Any, local: Any, source: Any, *, quiet: bool, equal: Callable[[Any, Any], bool]
) -> Verdict:
    """What to do about one value.

    keep: nothing moves. settle: nothing is written, base becomes the source's value. take: the source's value is
    written and becomes base. conflict: local stays, base stays, a person decides.
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
    """What merging one aggregate comes to. held: removals that would empty a collection."""

    fields: dict[str, Change] = field(default_factory=dict)
    elements: dict[str, dict[str, Change]] = field(default_factory=dict)
    base_fields: dict[str, Any] = field(default_factory=dict)
    base_elements: dict[str, dict[str, Values | None]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    held: dict[str, dict[str, Change]] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return bool(self.fields or self.elements)

    def base_patch(self) -> dict[str, Any]:
        """Values to remember on the link; an element that is None is forgotten."""
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
    own_elements: Callable[[str], bool],
    now: str,
) -> Merge:
    """Merge what the source proposes into the local state.

    primary: only a primary link writes single-valued fields. own_elements: tells which element keys belong to this
    connection; others are never touched.
    """
    result = Merge()
    aggregate = AGGREGATES[proposal.kind]
    if primary:
        for path in aggregate.fields:
            if path in proposal.fields:
                _merge_field(proposal, base, local, owner(path), path, path in aggregate.quiet, now, result)
    for collection in aggregate.collections:
        source = proposal.elements.get(collection.name)
        if source is None:
            continue
        known = base.elements.get(collection.name, {})
        mine = {k: v for k, v in local.elements.get(collection.name, {}).items() if own_elements(k)}
        keys = [*source, *(k for k in {**known, **mine} if k not in source)]
        if collection.name in proposal.unread:  # what is missing may be what could not be read
            keys = list(source)
        elif collection.time_bounded:
            keys = [k for k in keys if k in source or _inside(known.get(k) or mine.get(k), proposal.fetched_range, now)]
        elif not source and any(key in known for key in mine):
            result.held[collection.name] = {key: [value, None] for key, value in mine.items() if key in known}
            continue
        for key in keys:
            path = f"{collection.name}.{key}"
            _merge_element(collection.name, path, key, known, mine, source, owner(path), result)
    return result


def with_unread_layers(proposal: Proposal, base: Base) -> Proposal:
    """The proposal with the layers of the base that this read could not take, each at its old place.

    ``layers`` is one field: without them, a layer that could not be read would look as if the source had removed it.
    """
    known = base.fields.get("layers")
    if "layers" not in proposal.unread or known is None:
        return proposal
    sent = proposal.fields["layers"]
    layers = list(sent["layers"])
    read = {layer["key"] for layer in layers}
    for place, layer in enumerate(known["layers"]):
        if layer["key"] not in read:
            layers.insert(place, layer)
    return replace(proposal, fields={**proposal.fields, "layers": {**sent, "layers": layers}})


def _merge_field(
    proposal: Proposal, base: Base, local: State, owner: Owner, path: str, quiet: bool, now: str, result: Merge
) -> None:
    source, here = proposal.fields[path], local.fields.get(path)
    verdict = settle(
        owner,
        base.fields.get(path, MISSING),
        here,
        source,
        quiet=quiet,
        equal=lambda a, b: a is not MISSING and b is not MISSING and same(proposal.kind, path, a, b, now),
    )
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
    known: Mapping[str, Values],
    mine: Mapping[str, Values],
    source: Mapping[str, Values],
    owner: Owner,
    result: Merge,
) -> None:
    """An element is one value; None = not there. An edited one that left the source stays under ``ask``, as local."""
    there, here = source.get(key), mine.get(key)
    before = known.get(key, None if key in known or there is None or here is None else MISSING)
    if there is None and here is not None and before is None:
        return  # not of the source's making
    verdict = settle(owner, before, here, there, quiet=False, equal=lambda a, b: a is not MISSING and a == b)
    if verdict == "conflict" and there is None:
        verdict = "settle"
    if verdict == "take":
        result.elements.setdefault(collection, {})[key] = [here, there]
    if verdict in ("take", "settle") and known.get(key) != there:
        result.base_elements.setdefault(collection, {})[key] = there
    if verdict == "conflict":
        result.conflicts.append(path)


def _inside(element: Values | None, fetched: tuple[str, str] | None, now: str) -> bool:
    """Whether the source would have listed this element had it still been there. What has ended is history."""
    if element is None or fetched is None:
        return False
    ends_at = str(element["ends_at"])
    return max(fetched[0], now) < ends_at <= fetched[1]

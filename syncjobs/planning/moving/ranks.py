"""Compares the ranks of overrides as an order, never as numbers. Pure.

A rank says only which of two overlapping overrides wins. The source does not send one: each read counts anew, so that
the numbers change when an override leaves the window that is read, although nothing was edited.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from syncjobs.planning.values import Base, Proposal

#: Key of an override -> its values, as they are stored.
Overrides = Mapping[str, Mapping[str, Any]]


def with_base_ranks(proposal: Proposal, base: Base) -> Proposal:
    """Return the proposal with the ranks of ``base``, if they still give the order that was read. New overrides get
    ranks that fit."""
    sent, known = proposal.elements.get("overrides"), base.elements.get("overrides", {})
    if not sent or all(values["rank"] == known.get(key, values)["rank"] for key, values in sent.items()):
        return proposal
    ranks = {key: known[key]["rank"] for key in sent if key in known}
    for key in sorted(sent.keys() - ranks.keys(), key=lambda key: _strength(key, sent)):
        weaker = [
            rank
            for other, rank in ranks.items()
            if _overlap(sent[other], sent[key]) and _strength(other, sent) < _strength(key, sent)
        ]
        ranks[key] = max(weaker) + 1 if weaker else 0
    settled = {key: {**values, "rank": ranks[key]} for key, values in sent.items()}
    for a, b in combinations(sent, 2):
        if _overlap(sent[a], sent[b]) and _is_stronger(a, b, sent) != _is_stronger(a, b, settled):
            return proposal
    return replace(proposal, elements={**proposal.elements, "overrides": settled})


def _strength(key: str, overrides: Overrides) -> tuple[int, str, str]:
    """As the renderer compares them: rank, start, key."""
    return overrides[key]["rank"], overrides[key]["starts_at"], key


def _is_stronger(a: str, b: str, overrides: Overrides) -> bool:
    return _strength(a, overrides) > _strength(b, overrides)


def _overlap(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return bool(a["starts_at"] < b["ends_at"] and b["starts_at"] < a["ends_at"])

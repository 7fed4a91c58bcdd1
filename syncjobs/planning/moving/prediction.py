"""Recognizes rotations that moved on without an edit, so that they are not reported as changes. Pure.

Some sources report a rotation as its current participant and its next handoff. This does not always determine the later
handoffs, for example if the next handoff falls into an hour that the clock skips. A rotation by alert moves at unknown
instants. Two reads can therefore give different layers although nothing was edited at the source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncall.rendering.codec import instant_from_text, turns_from_json
from oncall.rendering.spec import ByTime
from oncall.rendering.turns import turn_at, turn_range
from syncjobs.planning.canonical import fingerprint
from syncjobs.planning.values import Base, Proposal

#: A layer as it is stored.
StoredLayer = Mapping[str, Any]


def as_predicted(proposal: Proposal, base: Base, now: str) -> Proposal:
    """Return the proposal with the rotations of ``base`` wherever these predict what was read.

    now: ISO instant of the read.
    """
    read, settled = proposal.fields.get("layers"), base.fields.get("layers")
    zone = proposal.fields.get("time_zone") or base.fields.get("time_zone")
    if not read or not settled or not zone:
        return proposal
    before = {layer["key"]: layer for layer in settled["layers"]}
    by_alert = proposal.turned_by_alert if _only_turned(read["layers"], before, proposal.turned_by_alert) else ()
    layers = [
        {**layer, "turns": old["turns"], "participants": old["participants"]}
        if (old := before.get(layer["key"]))
        and (layer["key"] in by_alert or _predicts(old, layer, layer["zone"] or zone, now))
        else layer
        for layer in read["layers"]
    ]
    if layers == read["layers"]:
        return proposal
    predicted = replace(proposal, fields={**proposal.fields, "layers": {**read, "layers": layers}})
    return replace(predicted, fingerprint=fingerprint(predicted, now))


def _predicts(old: StoredLayer, read: StoredLayer, zone: str, now: str) -> bool:
    """Return whether both rotations have the same period, order and next handoff. now: ISO instant."""
    turns, turns_read = turns_from_json(old["turns"]), turns_from_json(read["turns"])
    if not isinstance(turns, ByTime) or not isinstance(turns_read, ByTime):
        return False
    if (turns.length, turns.unit, turns.clock) != (turns_read.length, turns_read.unit, turns_read.clock):
        return False
    instant = instant_from_text(now)
    turn, turn_read = turn_at(turns, zone, instant), turn_at(turns_read, zone, instant)
    ends, ends_read = turn_range(turns, zone, turn)[1], turn_range(turns_read, zone, turn_read)[1]
    return ends == ends_read and _from(old["participants"], turn) == _from(read["participants"], turn_read)


def _only_turned(read: Sequence[StoredLayer], stored: Mapping[str, StoredLayer], keys: Sequence[str]) -> bool:
    """Return whether the layers with these keys have the same participants in the same cyclic order as before."""
    now = [layer["participants"] for key in keys for layer in read if layer["key"] == key]
    before = [stored[key]["participants"] for key in keys if key in stored]
    return len(now) == len(before) and any(now == _from(before, turn) for turn in range(len(before)))


def _from(people: Sequence[Any], turn: int) -> list[Any]:
    """Return the participants in the order that starts with the given turn."""
    first = turn % len(people) if people else 0
    return [*people[first:], *people[:first]]

"""State that moves by itself at the source is no change when what is settled here predicts it. Pure.

A source may tell a rotation as whoever has the turn now and when that changes next. Such a state does not always say
when the later changes are (the next one may fall into an hour that the clock skips), and a rotation by alert moves at
instants nobody knows: the rule that comes out of one read may differ from that of another although nothing was edited.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncall.rendering.codec import instant_from_text, turns_from_json
from oncall.rendering.spec import ByTime
from oncall.rendering.turns import turn_at, turn_range
from syncjobs.planning.canonical import fingerprint
from syncjobs.planning.values import Base, Proposal

#: A layer in the form in which it is stored.
Stored = Mapping[str, Any]


def as_predicted(proposal: Proposal, base: Base, now: str) -> Proposal:
    """The proposal, with every rotation that ``base`` predicts written as it stands there. now: ISO instant of the
    read."""
    read, settled = proposal.fields.get("layers"), base.fields.get("layers")
    zone = proposal.fields.get("time_zone") or base.fields.get("time_zone")
    if not read or not settled or not zone:
        return proposal
    known = {layer["key"]: layer for layer in settled["layers"]}
    by_alert = proposal.turned_by_alert if _only_turned(read["layers"], known, proposal.turned_by_alert) else ()
    layers = [
        {**layer, "turns": old["turns"], "participants": old["participants"]}
        if (old := known.get(layer["key"]))
        and (layer["key"] in by_alert or _predicts(old, layer, layer["zone"] or zone, now))
        else layer
        for layer in read["layers"]
    ]
    if layers == read["layers"]:
        return proposal
    predicted = replace(proposal, fields={**proposal.fields, "layers": {**read, "layers": layers}})
    return replace(predicted, fingerprint=fingerprint(predicted, now))


def _predicts(old: Stored, read: Stored, zone: str, now: str) -> bool:
    """Whether both rotations have one period, one order from ``now`` on, and change next at one instant."""
    one, other = turns_from_json(old["turns"]), turns_from_json(read["turns"])
    if not isinstance(one, ByTime) or not isinstance(other, ByTime):
        return False
    if (one.length, one.unit, one.clock) != (other.length, other.unit, other.clock):
        return False
    instant = instant_from_text(now)
    turn, turn_read = turn_at(one, zone, instant), turn_at(other, zone, instant)
    ends, ends_read = turn_range(one, zone, turn)[1], turn_range(other, zone, turn_read)[1]
    return ends == ends_read and _from(old["participants"], turn) == _from(read["participants"], turn_read)


def _only_turned(read: Sequence[Stored], known: Mapping[str, Stored], keys: Sequence[str]) -> bool:
    """Whether the layers of these keys hold the same people as before, in the same order but for where it begins."""
    now = [layer["participants"] for key in keys for layer in read if layer["key"] == key]
    before = [known[key]["participants"] for key in keys if key in known]
    return len(now) == len(before) and any(now == _from(before, turn) for turn in range(len(before)))


def _from(people: Sequence[Any], turn: int) -> list[Any]:
    """The order beginning with whoever has the turn."""
    first = turn % len(people) if people else 0
    return [*people[first:], *people[:first]]

"""What a selection reaches in a simulated instance of xMatters, walked over the instance's own data.

A second opinion, as in ``reaching``: it shares nothing with the reading that is counted.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.providers.xmatters.rosters import Nested
from connectors.simulator.xmatters.model import Recipient, Shift
from connectors.simulator.xmatters.state import State

Key = tuple[str, str]


@dataclass
class Reach:
    """Ids by kind. paged: on-call groups that are policies; timelines: shifts that are. rosters: groups whose members
    have to be known. owned: a group was chosen, or everything, so that its services count."""

    groups: set[str] = field(default_factory=set)
    rosters: set[str] = field(default_factory=set)
    paged: set[str] = field(default_factory=set)
    schedules: set[str] = field(default_factory=set)
    timelines: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    everything: bool = False
    owned: bool = False


def everything(state: State, nested: Nested = "skip") -> Reach:
    chosen = [("service", id_) for id_ in state.services] + [("group", id_) for id_ in state.groups]
    chosen += [("paged", id_) for id_, group in state.groups.items() if group.type == "ON_CALL"]
    reach = reached(state, chosen, nested)
    reach.users |= set(state.people)
    reach.everything = reach.owned = True
    return reach


def chosen_group(state: State, group_id: str, nested: Nested = "skip") -> Reach:
    """A group with everything it owns."""
    owned = [("group", group_id)]
    owned += [("service", one.id) for one in state.services.values() if one.owner_id == group_id]
    if state.groups[group_id].type == "ON_CALL":
        owned.append(("paged", group_id))
    reach = reached(state, owned, nested)
    reach.owned = True
    return reach


def reached(state: State, chosen: Iterable[Key], nested: Nested = "skip") -> Reach:
    """The chosen and whatever they lead to. An owner comes along as a group, without being paged."""
    reach = Reach()
    shelves = {
        "group": reach.groups,
        "paged": reach.paged,
        "schedule": reach.schedules,
        "timeline": reach.timelines,
        "service": reach.services,
        "user": reach.users,
    }
    queue = deque(chosen)
    while queue:
        kind, id_ = queue.popleft()
        if id_ in shelves[kind]:
            continue
        shelves[kind].add(id_)
        if kind == "group":
            queue += _members(state, id_, nested, reach)
        else:
            queue += _leads_to(state, kind, id_)
    return reach


def _leads_to(state: State, kind: str, id_: str) -> Iterator[Key]:
    if kind == "paged":
        yield "group", id_
        yield from (("timeline", shift.id) for shift in state.shifts_of(id_))
    elif kind == "timeline":
        yield "schedule", id_
        yield "group", state.shifts[id_].group_id
    elif kind == "schedule":
        yield "group", state.shifts[id_].group_id
        yield from _seats(state, state.shifts[id_])
    elif kind == "service":
        owner = state.services[id_].owner_id
        if owner is not None:
            yield "group", owner
            if state.groups[owner].type == "ON_CALL":
                yield "paged", owner
    elif kind == "user":
        stand_ins = (one.replacement for one in state.absences.values() if one.person_id == id_)
        yield from (("user", stand_in) for stand_in in stand_ins if stand_in is not None)


def _seats(state: State, shift: Shift) -> Iterator[Key]:
    """A group in a seat is paged when it is its turn; only an on-call one is a policy."""
    for kind, id_ in (seat.recipient for seat in shift.seats):
        if kind == "GROUP":
            yield ("paged" if state.groups[id_].type == "ON_CALL" else "group"), id_
        elif kind != "DYNAMIC_TEAM":
            yield "user", _person(state, (kind, id_))


def _members(state: State, group_id: str, nested: Nested, reach: Reach) -> Iterator[Key]:
    """The people of a group, and the groups in it as the connection wants them."""
    below, seen = [group_id], {group_id}
    while below:
        group = state.groups[below.pop()]
        if group.type == "DYNAMIC" and nested != "expand":  # nothing lists whom its criteria find
            continue
        reach.rosters.add(group.id)
        for kind, id_ in state.roster(group):
            if kind in ("PERSON", "DEVICE"):
                yield "user", _person(state, (kind, id_))
            elif kind == "GROUP" and nested == "link" and id_ != group_id:
                yield "group", id_
            elif kind == "GROUP" and nested == "expand" and id_ not in seen:
                seen.add(id_)
                below.append(id_)


def _person(state: State, recipient: Recipient) -> str:
    kind, id_ = recipient
    return state.devices[id_].owner_id if kind == "DEVICE" else id_

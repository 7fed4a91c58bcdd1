"""Calls of whole and of selective reads of xMatters, against the fewest its API allows; the judge here: simulator.

As in ``test_fewest_calls``: worked out from the instance's data and the vendor's documents, not from how we read.
"""

import math
from typing import Any

import pytest

from connectors.base import Rim
from connectors.closure import Selection
from connectors.providers.xmatters.connector import XMatters
from connectors.providers.xmatters.rosters import Nested
from connectors.records import EntityKey
from connectors.redaction import Secret
from connectors.simulator import xmatters
from connectors.simulator.xmatters.model import Absence, Group, Seat, Site
from connectors.simulator.xmatters.state import State
from scripts.bench.calls import InProcess
from tests.connectors.providers.reaching_xmatters import Reach, chosen_group, everything, reached

NOW = 1_772_323_200
DAY = 86_400
SIZE = 2_680  # 2,000 people with 5,000 devices, 200 on-call groups with 267 shifts, 200 services
EVERYTHING, SOME = 1.05, 1.2


@pytest.fixture(scope="module")
def state() -> State:
    """With what the large instance lacks: a site of everybody's, groups in groups and in seats, a device in a seat, a
    broadcast group, one without members, stand-ins."""
    made = xmatters.build_world(NOW, SIZE)
    site = Site("site-0", "Berlin", "Europe/Berlin", "DEU")
    made.sites[site.id] = site
    for person in made.people.values():
        person.site_id = site.id
    people, groups = list(made.people), list(made.groups)
    for key, name in (("broadcast", "Group of groups"), ("empty", "Nobody")):
        made.groups[key] = Group(key, name, "BROADCAST", float(NOW - 300 * DAY))
    made.groups["broadcast"].members = [("GROUP", groups[20]), ("GROUP", groups[21]), ("PERSON", people[500])]
    made.groups[groups[21]].members = [("GROUP", groups[22]), ("GROUP", "broadcast")]
    shift = made.shifts_of(groups[30])[0]
    shift.seats.append(Seat(("GROUP", groups[31]), 30, "PEER"))
    device = next(one for one in made.devices.values() if one.owner_id == people[900])
    made.shifts_of(groups[40])[0].seats.append(Seat(("DEVICE", device.id), 30, "PEER"))
    for number, seat in enumerate(made.shifts_of(groups[50])[0].seats):
        away = Absence(f"absence-{number}", seat.recipient[1], NOW - DAY, NOW + DAY, people[1_000 + number])
        made.absences[away.id] = away
    return made


def sized(count: int, page: int) -> int:
    """Pages of a list; an empty one takes a call to say so."""
    return max(1, math.ceil(count / page))


def fewest(state: State, reach: Reach, chosen: frozenset[EntityKey], *, contacts: bool) -> int:
    """Pages of 1,000 of everything but shifts, which come 100 at a time with their members and rotation. Members and
    shifts are requested group by group (vendor reference; the budget of a sync in the notes on the API).

    The group of a chosen shift is unknown: the groups are read in the order of their list until all are found. The
    order of devices is not documented, so it takes all of them, or each person's. Only an e-mail device tells an
    address, and people without contact details are matched by it.
    """
    order = [group.id for group in state.sorted_groups() if group.type == "ON_CALL"]
    wanted = {id_ for kind, id_ in chosen if id_ in state.shifts}
    searched = max((order.index(state.shifts[id_].group_id) + 1 for id_ in wanted), default=0)
    shifts_of = reach.paged | set(order[:searched])
    calls = min(len(reach.groups), sized(len(state.groups), 1_000))
    calls += sum(sized(len(state.roster(state.groups[id_])), 1_000) for id_ in reach.rosters)
    calls += sum(sized(len(state.shifts_of(id_)), 100) for id_ in shifts_of)
    calls += sized(len(state.services), 1_000) if reach.owned else min(len(reach.services), 1)
    read = [shift for id_ in shifts_of for shift in state.shifts_of(id_)]
    if not any(shift.excluded for shift in read):
        # An absent key was not reported; a list that has it for any object leaves it out where it is empty.
        calls += sum(1 for shift in read if shift.id in reach.schedules)
    if not reach.users:
        return calls
    calls += sized(len(state.absences), 1_000) + sized(len(state.sites), 1_000)
    devices = sum(1 for one in state.devices.values() if contacts or one.type == "EMAIL")
    if reach.everything:
        return calls + sized(len(state.people), 1_000) + sized(devices, 1_000)
    listed = [person.id for person in state.sorted_people()]
    pages = range(sized(len(listed), 1_000) + 1)
    calls += min(count + len(reach.users - set(listed[: count * 1_000])) for count in pages)
    seats = [seat.recipient for id_ in reach.schedules for seat in state.shifts[id_].seats]
    calls += 1 if any(kind == "DEVICE" for kind, _ in seats) and not contacts else 0  # a seat does not report its owner
    return calls + min(len(reach.users), sized(devices, 1_000))


def read(state: State, selection: Selection, *, nested: Nested = "skip", contacts: bool = False) -> Any:
    server = xmatters.Simulator(state, now=lambda: float(NOW))
    secrets = {name: Secret(text) for name, text in xmatters.DEMO_CREDENTIALS.items()}
    settings = XMatters.clean({**xmatters.DEMO_SETTINGS, "nested": nested})
    rim = Rim(InProcess(server), now=lambda: float(NOW), sleep=lambda seconds: None)
    return XMatters(settings, secrets, rim).fetch(selection, contact_details=contacts)


def same_objects(snapshot: Any, reach: Reach) -> None:
    """The formula counts what was imported, nothing else."""
    assert snapshot.failed == ()
    assert {one.external_id for one in snapshot.schedules} == reach.schedules
    assert {one.external_id for one in snapshot.teams} == reach.groups
    assert {one.external_id for one in snapshot.policies} == reach.timelines | reach.paged
    assert {one.external_id for one in snapshot.services} == reach.services
    assert {one.external_id for one in snapshot.users} == reach.users


def of(state: State, kind: str, numbers: tuple[int, ...], nested: Nested) -> tuple[Selection, Reach]:
    """These objects of a kind, by their number in the instance."""
    shelves = {"service": list(state.services), "schedule": list(state.shifts), "timeline": list(state.shifts)}
    ids = [shelves.get(kind, list(state.groups))[number] for number in numbers]
    words = {"schedule": "schedule", "service": "service", "group": "user_group"}
    word = words.get(kind, "escalation_policy")
    selection = Selection(False, frozenset((word, id_) for id_ in ids))  # type: ignore[misc]
    reach = chosen_group(state, ids[0], nested) if kind == "group" else reached(state, [(kind, i) for i in ids], nested)
    return selection, reach


@pytest.mark.parametrize("nested", ["skip", "link", "expand"])
@pytest.mark.parametrize("contacts", [False, True])
def test_everything_in_the_fewest_calls(state: State, nested: Nested, contacts: bool) -> None:
    snapshot, reach = read(state, Selection(), nested=nested, contacts=contacts), everything(state, nested)
    same_objects(snapshot, reach)
    assert snapshot.calls <= EVERYTHING * fewest(state, reach, frozenset(), contacts=contacts)


CHOICES = [
    ("schedule", (0,)), ("schedule", (7,)), ("schedule", (200,)), ("schedule", (1, 90, 170)), ("timeline", (12,)),
    ("paged", (7,)), ("paged", (9,)), ("paged", (1, 50, 90, 130, 199)), ("paged", tuple(range(0, 200, 4))),
    ("paged", (30,)), ("paged", (50,)), ("group", (8,)), ("group", (12,)), ("service", (9,)),
    ("service", (1, 60, 110)), ("service", tuple(range(200))),
]  # fmt: skip
"""Groups 30 and 50: another group in a seat, people who are away."""


@pytest.mark.parametrize("contacts", [False, True])
@pytest.mark.parametrize(("kind", "numbers"), CHOICES)
def test_some_in_the_fewest_calls(state: State, kind: str, numbers: tuple[int, ...], contacts: bool) -> None:
    selection, reach = of(state, kind, numbers, "skip")
    snapshot = read(state, selection, contacts=contacts)
    same_objects(snapshot, reach)
    assert snapshot.calls <= SOME * fewest(state, reach, selection.chosen, contacts=contacts)


@pytest.mark.parametrize("nested", ["skip", "link", "expand"])
@pytest.mark.parametrize("contacts", [False, True])
def test_groups_in_groups_in_the_fewest_calls(state: State, nested: Nested, contacts: bool) -> None:
    selection = Selection(False, frozenset({("user_group", "broadcast")}))
    snapshot, reach = read(state, selection, nested=nested, contacts=contacts), chosen_group(state, "broadcast", nested)
    assert len(reach.rosters) == {"skip": 1, "link": 4, "expand": 4}[nested]
    same_objects(snapshot, reach)
    assert snapshot.calls <= SOME * fewest(state, reach, selection.chosen, contacts=contacts)


def test_a_group_of_nobody_takes_two_lists_more_than_it_needs(state: State) -> None:
    """Who is away, and the sites."""
    selection = Selection(False, frozenset({("user_group", "empty")}))
    snapshot, reach = read(state, selection), chosen_group(state, "empty")
    same_objects(snapshot, reach)
    assert snapshot.calls <= fewest(state, reach, selection.chosen, contacts=False) + 2


@pytest.mark.parametrize("contacts", [False, True])
def test_a_device_in_a_seat_takes_the_list_of_all_devices(state: State, contacts: bool) -> None:
    """Read instead of the list of e-mail devices, which does not report other owners."""
    selection, reach = of(state, "paged", (40,), "skip")
    snapshot = read(state, selection, contacts=contacts)
    same_objects(snapshot, reach)
    longer = sum(1 for one in state.devices.values() if one.type != "EMAIL") // 1_000
    assert snapshot.calls <= SOME * fewest(state, reach, selection.chosen, contacts=contacts) + longer * (not contacts)


def test_a_read_without_services_proves_what_one_with_them_does(state: State) -> None:
    """None of them belongs to the selection: what was imported before is let go, not kept as if it were hidden."""
    for kind in ("schedule", "paged", "group", "service"):
        snapshot = read(state, of(state, kind, (7,), "skip")[0])
        assert snapshot.completeness["service"].listing
        assert not [note for note in snapshot.notes if note.entity_type == "service"]

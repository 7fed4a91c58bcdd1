"""Who is notified at which minute: the cases of the vendor's help, and shifts compared with a calculation per seat."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator.xmatters import State, build_world, walk
from connectors.simulator.xmatters.model import Absence, Device, Group, Person, Repeat, Seat, Shift
from connectors.simulator.zones import DAY

NOW = 1_774_008_005  # a Friday, noon in London


def world(*people: str) -> State:
    state = State("small", 1)
    for key in people:
        state.people[key] = Person(key, key, key, key, key, None, 0.0)
    return state


def group(state: State, key: str, type: str = "ON_CALL") -> Group:  # noqa: A002
    state.groups[key] = Group(key, key, type, 0.0)
    return state.groups[key]


def always(state: State, owner: Group, name: str, *seats: tuple[str, int], **further: Any) -> Shift:
    """A shift without times; a seat is (person, or @group, or #device, delay)."""
    kinds = {"@": "GROUP", "#": "DEVICE", "~": "DYNAMIC_TEAM"}
    made = [Seat((kinds.get(one[0], "PERSON"), one.lstrip("@#~")), delay) for one, delay in seats]
    shift = Shift(name, name, owner.id, "Etc/UTC", None, None, None, None, made)
    for attribute, value in further.items():
        setattr(shift, attribute, value)
    state.shifts[shift.id] = shift
    return shift


def away(state: State, person: str, replacement: str | None = None, only: str | None = None) -> None:
    key = f"away-{person}"
    state.absences[key] = Absence(key, person, NOW - 60, NOW + DAY, replacement, only)


def notified(state: State, owner: Group, at: int = NOW) -> list[tuple[int, str]]:
    return [(one.minute, " ".join(key for _, key in one.recipients)) for one in walk(state, owner, at)]


def test_the_example_of_the_help() -> None:
    """Two at once, two more after ten minutes, the manager after an hour."""
    state = world(*"abcdm")
    owner = group(state, "g")
    always(state, owner, "s", ("a", 0), ("b", 0), ("c", 10), ("d", 0), ("m", 50))
    assert notified(state, owner) == [(0, "a b"), (10, "c d"), (60, "m")]


@pytest.mark.parametrize(
    ("seats", "absent", "expected"),
    [
        ([("a", 0), ("b", 10), ("c", 5)], "b", [(0, "a"), (10, "c")]),  # the help's own
        ([("a", 5), ("b", 10)], "a", [(5, "b")]),
        ([("a", 0), ("b", 10), ("c", 5), ("d", 7)], "bc", [(0, "a"), (10, "d")]),
        ([("a", 0), ("b", 0), ("c", 10)], "b", [(0, "a c")]),  # the delay comes directly after the ignored member
        ([("a", 0), ("b", 0), ("c", 10)], "a", [(0, "b"), (10, "c")]),
        ([("a", 0), ("b", 0), ("c", 10)], "ab", [(0, "c")]),
        ([("a", 0), ("b", 10), ("c", 0), ("d", 5)], "b", [(0, "a"), (10, "c"), (15, "d")]),
        ([("a", 0), ("b", 10), ("c", 0), ("d", 5)], "c", [(0, "a"), (10, "b d")]),
        ([("a", 0), ("b", 10)], "ab", []),
        ([("a", 5), ("b", 10)], "", [(5, "a"), (15, "b")]),
    ],
)
def test_who_is_not_there_is_passed_over(seats: Any, absent: str, expected: list[tuple[int, str]]) -> None:
    """The delay before is kept and the delay after is dropped, for absent and for inactive people."""
    for way in ("absent", "inactive", "closed"):
        state = world(*"abcd")
        owner = group(state, "g")
        always(state, owner, "s", *seats)
        for key in absent:
            if way == "absent":
                away(state, key)
            else:
                state.people[key].status = "INACTIVE"
        assert notified(state, owner) == expected


def test_a_replacement_takes_the_seat_in_its_group_only() -> None:
    state = world(*"abcd")
    owner, other = group(state, "g"), group(state, "h")
    for one in (owner, other):
        always(state, one, f"s-{one.id}", ("a", 0), ("b", 10), ("c", 5))
    away(state, "b", "d", only="g")
    assert notified(state, owner) == [(0, "a"), (10, "d"), (15, "c")]
    assert notified(state, other) == [(0, "a"), (10, "b"), (15, "c")]
    state.people["d"].status = "INACTIVE"
    assert notified(state, owner) == [(0, "a"), (10, "c")]
    assert notified(state, owner, NOW + DAY) == notified(state, other)


def test_shifts_run_side_by_side() -> None:
    state = world(*"abc")
    owner = group(state, "g")
    always(state, owner, "one", ("a", 0), ("b", 10))
    always(state, owner, "two", ("c", 5), ("a", 5))
    found = [(one.minute, one.shift_id, [key for _, key in one.recipients]) for one in walk(state, owner, NOW)]
    assert found == [(0, "one", ["a"]), (5, "two", ["c"]), (10, "one", ["b"]), (10, "two", ["a"])]


def test_a_timeline_is_repeated_after_its_wait() -> None:
    state = world(*"ab")
    owner = group(state, "g")
    always(state, owner, "s", ("a", 5), ("b", 10), repeat=Repeat("2", 900))
    assert notified(state, owner) == [(5, "a"), (15, "b"), (30, "a"), (40, "b"), (55, "a"), (65, "b")]


def test_a_group_in_a_seat_is_resolved_when_it_is_reached() -> None:
    state = world(*"abcd")
    outer, inner = group(state, "g"), group(state, "h")
    always(state, outer, "outer", ("a", 0), ("@h", 10), ("b", 5))
    always(state, inner, "inner", ("c", 0), ("d", 20))
    assert notified(state, outer) == [(0, "a"), (10, "c"), (15, "b"), (30, "d")]
    absence = Absence("later", "c", NOW + 300, NOW + DAY, "b")
    state.absences["later"] = absence
    assert notified(state, outer) == [(0, "a"), (10, "b"), (15, "b"), (30, "d")]
    inner.status = "INACTIVE"
    assert notified(state, outer) == [(0, "a"), (15, "b")]


def test_broadcast_and_dynamic_groups_have_no_order() -> None:
    state = world(*"abc")
    outer, everyone = group(state, "g"), group(state, "h", "BROADCAST")
    everyone.members = [("PERSON", "a"), ("PERSON", "b"), ("DYNAMIC_TEAM", "old")]
    always(state, outer, "outer", ("c", 0), ("@h", 10))
    assert notified(state, outer) == [(0, "c"), (10, "a b old")]
    away(state, "b")
    assert [(one.minute, one.shift_id, one.recipients) for one in walk(state, everyone, NOW)] == [
        (0, None, (("PERSON", "a"), ("DYNAMIC_TEAM", "old")))
    ]
    everyone.type = "DYNAMIC"
    assert notified(state, everyone) == [(0, "a old")]


def test_circles_end() -> None:
    state = world(*"ab")
    one, two = group(state, "g"), group(state, "h")
    always(state, one, "one", ("a", 0), ("@h", 10), ("@g", 5))
    always(state, two, "two", ("b", 0), ("@g", 10))
    assert notified(state, one) == [(0, "a"), (10, "b")]
    assert notified(state, two) == [(0, "b"), (10, "a")]


def test_a_device_is_reached_though_its_owner_is_away() -> None:
    state = world(*"ab")
    owner = group(state, "g")
    state.devices["phone"] = Device("phone", "a", "Phone", "VOICE", "+1", 1)
    always(state, owner, "s", ("#phone", 0), ("b", 10))
    away(state, "a")
    assert notified(state, owner) == [(0, "phone"), (10, "b")]
    state.devices["phone"].status = "INACTIVE"
    assert notified(state, owner) == [(0, "b")]


def test_nobody_is_notified_when_nothing_is_on() -> None:
    state = world("a")
    owner = group(state, "g")
    assert notified(state, owner) == []
    shift = always(state, owner, "s", ("a", 0))
    assert notified(state, owner) == [(0, "a")]
    shift.seats = []
    assert notified(state, owner) == []
    owner.status = "INACTIVE"
    assert notified(state, owner) == []


@given(
    delays=st.lists(st.integers(0, 30), min_size=1, max_size=7),
    absent=st.sets(st.integers(0, 6)),
)
def test_the_minute_of_a_seat_is_a_sum_over_the_seats_before_it(delays: list[int], absent: set[int]) -> None:
    """A seat is reached after all delays up to it, without those directly after an absent member."""
    state = world(*(str(number) for number in range(7)))
    owner = group(state, "g")
    always(state, owner, "s", *((str(number), delay) for number, delay in enumerate(delays)))
    for number in absent:
        away(state, str(number))
    expected: dict[int, list[str]] = {}
    for number in sorted(set(range(len(delays))) - absent):
        minute = delays[0] + sum(delays[place] for place in range(1, number + 1) if place - 1 not in absent)
        expected.setdefault(minute, []).append(str(number))
    assert notified(state, owner) == [(minute, " ".join(found)) for minute, found in sorted(expected.items())]


def test_walks_of_the_demo_world() -> None:
    state = build_world(NOW)
    owners = {one.name: one for one in state.groups.values()}

    def named(owner: str, at: int = NOW) -> list[tuple[int, str]]:
        found = walk(state, owners[owner], at)
        return [(one.minute, " ".join(state.name_of(who) for who in one.recipients)) for one in found]

    # The last member before each delay is ignored: one is away, one inactive.
    manager = [(0, "blindqvist daydin gsommer")]
    assert named("Platform SRE") == manager
    security = [(5, "gramirez"), (15, "hsinclair"), (30, "nrahman")]
    assert named("Security") == security + [(minute + 60, who) for minute, who in manager]
    assert named("All Hands")[0] == (0, "ajensen wjennings ucohen|Mobile Phone Old Dynamic Team")
    assert named("Payments | On-Call")[:4] == [(0, "loconnor mbyrne"), (0, "icarvalho"), (5, "jbrandt"), (15, "mbyrne")]
    launch = NOW + 2 * DAY
    assert named('Release "Train"', launch) == [
        (0, "sokafor tnguyen"),
        (20, "lfischer"),
        (30, "ahaddad lfischer"),
    ]
    assert named("Data Pipelines", launch - DAY + 6 * 3600)[0][0] == 0

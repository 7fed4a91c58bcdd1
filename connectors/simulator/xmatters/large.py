"""A made-up instance of any size, for measuring: unique names and addresses, three zones, plain shifts, of which a few
lost a single occurrence."""

from connectors.simulator.world import local_time, spread_ids
from connectors.simulator.xmatters.model import Device, Group, Person, Recurrence, Rotation, Seat, Service, Shift
from connectors.simulator.xmatters.people import NewId
from connectors.simulator.xmatters.state import State
from connectors.simulator.zones import DAY

ZONES = (("Europe/Berlin", "Europe/Berlin"), ("America/New_York", "US/Eastern"), ("Asia/Kolkata", "Asia/Calcutta"))


def fill(state: State, new_id: NewId, now: int, size: int) -> None:
    """People, groups, shifts and services as 50 : 5 : 7 : 5; 6,700 objects are 5,000 people. Devices come on top."""
    groups_count = max(1, size * 5 // 67)
    others = groups_count * 2 + (groups_count * 4 + 2) // 3
    people = [_person(state, new_id, number, now) for number in range(max(3, size - others))]
    for number in range(groups_count):
        group = Group(new_id("group", number), f"Group {number:05}", "ON_CALL", float(now - 300 * DAY))
        group.supervisors = [people[number % len(people)].id]
        group.zone, group.description = ZONES[number % 3][1], f"Made-up group {number}"
        state.groups[group.id] = group
        _shift(state, new_id, group, people, number, now, "Days", 8)
        if number % 3 == 0:
            _shift(state, new_id, group, people, number, now, "Nights", 20)
        service = Service(new_id("service", number), f"Service {number:05}", group.id)
        state.services[service.id] = service


def _person(state: State, new_id: NewId, number: int, now: int) -> Person:
    made = Person(
        new_id("person", number),
        f"person{number:05}",
        "Person",
        f"Number {number:05}",
        f"person{number:05}",
        ZONES[number % 3][1],
        float(now - DAY),
        roles=["Standard User"],
    )
    state.people[made.id] = made
    mail = f"person.{number:05}@example.com"
    found = [Device(new_id("device", number, "mail"), made.id, "Work Email", "EMAIL", mail, 1, default=True)]
    for place, kind in enumerate(("VOICE", "TEXT_PHONE", "APPLE_PUSH")[: number % 4], 2):
        address = f"token-{number}" if kind == "APPLE_PUSH" else f"+1{5_180_000_000 + number}"
        found.append(Device(new_id("device", number, kind), made.id, kind.title(), kind, address, place))
    state.devices |= {device.id: device for device in found}
    return made


def _shift(
    state: State, new_id: NewId, group: Group, people: list[Person], number: int, now: int, name: str, hour: int
) -> None:
    zone, zone_text = ZONES[number % 3]

    def bounds(day: int) -> tuple[int, int]:
        start, end = (local_time(zone, now, day=day, hour=one, from_monday=True) for one in (hour, hour + 12))
        return start, end

    start, end = bounds(number % 7 - 70)
    seats = [
        Seat(("PERSON", person_id), place and 15, "PEER" if place else "NONE")
        for place, person_id in enumerate(spread_ids(people, number + hour, 4))
    ]
    made = Shift(
        new_id("shift", number, name), name, group.id, zone, zone_text, start, end, Recurrence("DAILY", 1), seats
    )
    first = local_time(zone, now, day=7, hour=hour, from_monday=True)
    made.rotation = Rotation("ROTATION", "SECOND_TO_FIRST", 1, "WEEKS", "time", first)
    if number % 50 == 0:
        made.excluded = (bounds(number % 7 + 7),)
    state.shifts[made.id] = made

"""The demo instance: ten on-call groups, a broadcast group, a dynamic group, absences and services."""

from collections.abc import Mapping
from functools import partial

from connectors.simulator.acme import acme
from connectors.simulator.world import uuid
from connectors.simulator.xmatters import large
from connectors.simulator.xmatters.model import Absence, Group, Person, Recipient, Service
from connectors.simulator.xmatters.people import ROLES, NewId, devices, people, sites
from connectors.simulator.xmatters.rosters import Rosters
from connectors.simulator.xmatters.rotation import begin
from connectors.simulator.xmatters.state import State
from connectors.simulator.zones import DAY

_GROUPS = (
    # key, name, type, reported zone, site, members without a seat in a shift, supervisors
    ("platform", "Platform SRE", "ON_CALL", "Europe/Berlin", "berlin", "elliot", "ana greta"),
    ("payments", "Payments | On-Call", "ON_CALL", "Europe/London", "london", "", "liam"),
    ("data", "Data Pipelines", "ON_CALL", "Asia/Calcutta", "bengaluru", "", "sunita"),
    ("databases", "data pipelines", "ON_CALL", "Asia/Calcutta", None, "sunita zane", "sunita"),
    ("network", "Network, Clouds + Cables", "ON_CALL", None, "sydney", "", "yusuf"),
    ("support", "Support / Weeks", "ON_CALL", "US/Pacific", None, "", "pablo"),
    ("security", "Security", "ON_CALL", "US/Eastern", "york", "isaac", "gus"),
    ("release", 'Release "Train"', "ON_CALL", "US/Central", "chicago", "", "jade"),
    ("mobile", "Mobile\\Apps", "ON_CALL", None, None, "bella", "leo"),
    ("legacy", "Legacy Billing", "ON_CALL", "Europe/Berlin", None, "boris", "boris"),
    ("hands", "All Hands", "BROADCAST", "Europe/Berlin", None, "alma walt @platform #uri ~old", "alma"),
    ("berlin", "Everyone in Berlin", "DYNAMIC", "Europe/Berlin", None, "", "greta"),
)
_CRITERIA = {
    "operand": "AND",
    "criterion": {"data": [{"criterionType": "BASIC_FIELD", "field": "SITE", "operand": "EQUALS", "value": "Berlin"}]},
}
_SERVICES = (
    ("API Gateway", "platform", "TIER_1"),
    ("Checkout", "payments", "TIER_1"),
    ("Warehouse", "data", "TIER_3"),
    ("Backbone", "network", "TIER_1"),
    ("Help Desk", "support", "TIER_3"),
    ("Attic", None, "TIER_4"),
)
_ABSENCES = (
    # key, person, replacement, group, days from now: start, end
    ("leave", "carla", None, None, -2, 9),
    ("swap", "katya", "maeve", "payments", -1, 5),
    ("course", "ana", "bo", None, 3, 6),
    ("elsewhere", "uri", "vera", "security", 1, 4),
    ("short", "pablo", "oscar", None, 0.25, 1.5),
)


def build_world(now: float, size: int | None = None, seed: int = 7) -> State:
    """Return the demo instance at ``now`` (UTC seconds since 1970), or a made-up one of about ``size`` objects.

    The same arguments give the same instance.
    """
    state = State("acme", seed)
    new_id = partial(uuid, seed, "xmatters")
    state.roles = {name: new_id("role", name) for name in ROLES}
    if size is None:
        _fill(state, new_id, int(now))
    else:
        large.fill(state, new_id, int(now), size)
    for shift in state.shifts.values():
        begin(shift, int(now), state.holidays(shift.group_id))
    for number, group in enumerate(state.sorted_groups()):
        group.restricted = number % 2 == 1
    return state


def _fill(state: State, new_id: NewId, now: int) -> None:
    world = acme()
    places = sites(new_id, now)
    found = people(world, places, new_id, now)
    state.sites = {site.id: site for site in places.values()}
    state.people = {person.id: person for person in found.values()}
    state.devices = {device.id: device for device in devices(world, found, new_id)}
    state.dynamic_teams = {new_id("team", "old"): "Old Dynamic Team"}
    groups = {row[0]: Group(new_id("group", row[0]), row[1], row[2], float(now - 300 * DAY)) for row in _GROUPS}
    state.groups = {group.id: group for group in groups.values()}

    def who(name: str) -> Recipient:
        if name.startswith("@"):
            return "GROUP", groups[name[1:]].id
        if name.startswith("#"):
            return "DEVICE", new_id("device", name[1:], "voice")
        if name.startswith("~"):
            return "DYNAMIC_TEAM", new_id("team", name[1:])
        return "PERSON", found[name].id

    for key, _, _, zone, site, members, supervisors in _GROUPS:
        group = groups[key]
        group.zone = zone
        group.site_id = None if site is None else places[site].id
        group.members = [who(name) for name in members.split()]
        group.supervisors = [found[name].id for name in supervisors.split()]
        group.description = f"{group.name} of acme" if zone else ""
    groups["legacy"].status = "INACTIVE"
    groups["mobile"].allow_duplicates = True
    groups["security"].observers = ["Standard User"]
    groups["support"].observers, groups["support"].observed_by_text = ["Standard User", "Group Supervisor"], True
    groups["berlin"].criteria = _CRITERIA
    home = places["berlin"].id
    groups["berlin"].members = [("PERSON", one.id) for one in found.values() if one.site_id == home]
    shifts = Rosters(groups, who, new_id, now).build()
    state.shifts = {shift.id: shift for shift in shifts.values()}
    _further(state, groups, found, new_id, now // 1800 * 1800)


def _further(state: State, groups: Mapping[str, Group], found: Mapping[str, Person], new_id: NewId, now: int) -> None:
    for key, person, replacement, group, start, end in _ABSENCES:
        made = Absence(new_id("absence", key), found[person].id, now + int(start * DAY), now + int(end * DAY))
        made.replacement = None if replacement is None else found[replacement].id
        made.group_id = None if group is None else groups[group].id
        state.absences[made.id] = made
    for name, owner, tier in _SERVICES:
        service = Service(
            new_id("service", name), name, None if owner is None else groups[owner].id, f"Runs {name}", tier
        )
        if tier == "TIER_1":
            at = f"https://example.com/{name.split()[0].lower()}"
            service.links = (("Runbook", f"{at}/runbook"), ("Dashboard", f"{at}/dashboard"))
        state.services[service.id] = service
    ids = list(state.services)
    state.dependencies = [(ids[1], ids[0]), (ids[0], ids[3])]

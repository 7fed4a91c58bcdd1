"""The people of the organisation in xMatters, with sites and devices, and the irregular values of a real instance."""

from collections.abc import Callable, Iterator, Mapping

from connectors.simulator.world import Person as WorldPerson
from connectors.simulator.world import World, monday
from connectors.simulator.xmatters.model import Device, Person, Site, TimeFrame
from connectors.simulator.xmatters.state import CANARY
from connectors.simulator.zones import DAY, HOUR

NewId = Callable[..., str]
"""``new_id(kind, *parts)`` returns the same id for the same arguments."""

ROLES = ("Company Supervisor", "Group Supervisor", "REST Web Service User", "Standard User")
_SITES = (
    # key, name, reported zone, country, status, days from this week's Monday that are holidays
    ("berlin", "Berlin", "Europe/Berlin", "DEU", "ACTIVE", ()),
    ("london", "London", "Europe/London", "GBR", "ACTIVE", ()),
    ("bengaluru", "Bengaluru", "Asia/Calcutta", "IND", "ACTIVE", ()),
    ("sydney", "Sydney", "Australia/Sydney", "AUS", "ACTIVE", ()),
    ("york", "New York", "US/Eastern", "USA", "ACTIVE", ()),
    ("chicago", "Chicago", "US/Central", "USA", "ACTIVE", (-24, 8, 10, 49)),
    ("oakland", "Oakland (closed)", "US/Pacific", "USA", "INACTIVE", ()),
)
_SITE_OF = {"Europe/London": "london", "Asia/Kolkata": "bengaluru", "Australia/Sydney": "sydney"}
_SITE_OF |= {"America/New_York": "york", "America/Chicago": "chicago", "Europe/Berlin": "berlin"}

_NAMES = {
    "zoe": ("Zoe", "HARPER"),
    "ines": ("Ines", "Carvalho"),
    "ana": ("Ana", "Keller (SRE)"),
    "dev": ("Dev", "Menon"),
}
_ZONES = {
    "America/New_York": "US/Eastern",
    "America/Chicago": "US/Central",
    "America/Los_Angeles": "US/Pacific",
    "Asia/Kolkata": "Asia/Calcutta",
}
_OWN_ZONES: dict[str, str | None] = {"pablo": "US/Los Angeles", "sam": "(UTC-0800) US/Pacific", "rosa": None}
_LOGINS = {"liam": "l.oconnor@example.com", "walt": "walt.jennings@example.com"}
"""Login names that look like an address. No device has the first address."""
_INACTIVE = {"boris", "emil"}
_LEADS = {"Site Reliability Engineer": "ana", "Payments Engineer": "liam", "Data Engineer": "sunita"}
_MANAGERS = ("walt", "greta")

_WITHOUT_MAIL = {"finn"}
_MAILS = {
    "ana": "ana.keller@example.com",
    "kim2": "kim.lee@example.com",  # the address of another Kim Lee
    "cody": "CODY.BARNES@EXAMPLE.COM",
    "uma": "Uma.Krishnan@example.com",
}
_SECOND_MAILS = {
    # key: address, name, sequence, status of a further device; work mail has sequence 1
    "sunita": ("sunita.at.home@example.com", "Home Email", 0, "ACTIVE"),
    "oscar": ("oscar.fields.old@example.com", "Old Email", 0, "INACTIVE"),
    "gus": ("gus.backup@example.com", "Backup Email", 9, "ACTIVE"),
}
_PHONES = {"bo": "+493023125001;ext=120", "quinn": "604 555 1234;ext=83", "dana": "+15185550129"}
_WITHOUT_PHONE = {"alma", "boris", "celia"}
_DAYTIME = TimeFrame("Work Hours", "09:00", "US/Eastern", 480, ("MO", "TU", "WE", "TH", "FR"), exclude_holidays=True)
_ALWAYS = TimeFrame("24x7", "00:00", "US/Eastern", 1440, ("SU", "MO", "TU", "WE", "TH", "FR", "SA"))
_FURTHER: tuple[tuple[str, str, str, str, int, dict[str, str]], ...] = (
    # key, name, type, address, sequence, further values
    ("leo", "iPhone", "APPLE_PUSH", CANARY, 4, {"threshold": "MEDIUM"}),
    ("gus", "Android", "ANDROID_PUSH", CANARY, 4, {}),
    ("priya", "Pager", "TEXT_PAGER", f"{CANARY}-5551234", 5, {"test_status": "UNTESTED"}),
    ("walt", "Fax", "FAX", "+15185550155", 6, {"test_status": "UNTESTED"}),
    ("jade", "Bridge", "VOICE_IVR", "+15185550135", 7, {}),
    ("hope", "Siren", "GENERIC", f"{CANARY}-77", 8, {"test_status": "PENDING"}),
    ("uri", "Satellite Phone", "VOICE", "+97255500123", 5, {"country": "IL", "test_status": "INVALID"}),
)


def sites(new_id: NewId, now: int) -> dict[str, Site]:
    """Return the sites by key."""
    made = {}
    for key, name, zone, country, status, holidays in _SITES:
        today = monday("America/Chicago" if key == "chicago" else "UTC", now) // DAY
        days = frozenset(today + day for day in holidays)
        made[key] = Site(new_id("site", key), name, zone, country, status, name.split()[0], days)
    return made


def people(world: World, places: Mapping[str, Site], new_id: NewId, now: int) -> dict[str, Person]:
    """Return the people by key of the organisation."""
    taken: set[str] = set()
    made = {}
    for number, one in enumerate(world.people):
        made[one.key] = _person(one, places, new_id, now, number, taken)
    for one in world.people:
        keys = [_LEADS.get(one.title, "greta"), "walt"] if one.key not in _MANAGERS else []
        made[one.key].supervisors = [made[key].id for key in dict.fromkeys(keys) if key != one.key]
    return made


def _person(
    one: WorldPerson, places: Mapping[str, Site], new_id: NewId, now: int, number: int, taken: set[str]
) -> Person:
    first, last = _NAMES.get(one.key) or tuple(one.name.split(" ", 1))
    mailbox = one.email.split("@")[0].lower()
    target = mailbox[0] + mailbox.split(".")[1]
    target += "2" if target in taken else ""
    taken.add(target)
    zone = _OWN_ZONES[one.key] if one.key in _OWN_ZONES else _ZONES.get(one.zone, one.zone)
    place = "oakland" if one.key == "xia" else _SITE_OF.get(one.zone)
    made = Person(
        new_id("person", one.key),
        target,
        first,
        last,
        _LOGINS.get(one.key, target),
        zone,
        float(now - (1_400 - 11 * number) * DAY),
        status="INACTIVE" if one.key in _INACTIVE else "ACTIVE",
        license_type="STAKEHOLDER_USER" if one.key == "celia" else "FULL_USER",
        language="de" if one.zone == "Europe/Berlin" else "en",
        roles=["Standard User"],
        site_id=None if place is None else places[place].id,
    )
    if one.key in _MANAGERS:
        made.roles = ["Company Supervisor", "REST Web Service User"]
    if number % 4 == 0:
        made.phone_login, made.phone_pin = f"{CANARY}-{number:04}", CANARY
        made.properties = {"Badge": number, "On Site": number % 8 == 0, "VPN Password": CANARY}
    if number % 6 == 0:
        made.external_key, made.externally_owned = f"HR-{number:05}", True
        made.properties["Skills"] = ["databases", "networks"]
    if number % 3 == 0:
        made.last_login = float(now - number * HOUR)
    return made


def devices(world: World, found: Mapping[str, Person], new_id: NewId) -> Iterator[Device]:
    for number, one in enumerate(world.people):
        key, owner = one.key, found[one.key].id
        if key not in _WITHOUT_MAIL:
            mail = _MAILS.get(key, one.email.lower())
            made = Device(new_id("device", key, "mail"), owner, "Work Email", "EMAIL", mail, 1, default=True)
            made.terse = number % 7 == 3
            yield made
        if key in _SECOND_MAILS:
            mail, name, sequence, status = _SECOND_MAILS[key]
            yield Device(new_id("device", key, "mail2"), owner, name, "EMAIL", mail, sequence, status)
        if key in _WITHOUT_PHONE:
            continue
        phone = _PHONES.get(key, f"+{one.phone[0]}{one.phone[1]}")
        voice = Device(new_id("device", key, "voice"), owner, "Mobile Phone", "VOICE", phone, 2, delay=5)
        texts = Device(new_id("device", key, "text"), owner, "SMS Phone", "TEXT_PHONE", phone, "3", threshold="HIGH")
        if number % 5 == 0:
            voice.time_frames, texts.time_frames = (_DAYTIME,), (_DAYTIME, _ALWAYS)
        if number % 9 == 4:
            texts.status = "INACTIVE"
        yield voice
        yield texts
    for key, name, kind, address, sequence, further in _FURTHER:
        made = Device(new_id("device", key, name), found[key].id, name, kind, address, sequence)
        for attribute, value in further.items():
            setattr(made, attribute, value)
        yield made

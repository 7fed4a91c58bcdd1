"""The people of the organisation as users of an account, with the irregular values of a real account."""

from collections.abc import Callable, Mapping

from connectors.simulator.atlassian.model import Contact, NotificationRule, User
from connectors.simulator.atlassian.state import CANARY
from connectors.simulator.world import Person, World
from connectors.simulator.zones import DAY, HOUR

NewId = Callable[..., str]
"""``new_id(kind, *parts)`` returns the same id for the same arguments."""

_ROLES = {"walt": "Owner", "greta": "Admin", "jade": "Admin", "celia": "Stakeholder", "boris": "Duty Auditor"}
_NAMES = {"ana": "Keller, Ana", "bo": "Lindqvist, Bo", "priya": "NAIR, Priya", "zoe": "Zoe Harper"}
_EMAILS = {
    "ana": "ana.keller@example.com",
    "cody": "CODY.BARNES@example.com",
    "uma": "Uma.Krishnan@example.com",
    "finn": "finn.larsen+pager@example.com",
}
_ZONES = {"pablo": "US/Pacific", "maeve": "GMT", "priya": "Asia/Calcutta"}
_BLOCKED = {"boris"}
_UNVERIFIED = {"finn", "dev"}
_HIDDEN = {"wei", "rosa"}
_WITHOUT_PHONE = {"alma", "boris", "celia", "finn"}
_WITH_DEVICE = {"ana", "cody", "priya", "leo", "gus", "wei"}
_SMS_DISABLED = {"bo": "Blocked by provider", "quinn": "Disabled by user"}
_TWO_NUMBERS = {"sunita"}
FORMER_USERS = (("wiley", "Wiley Former", "wiley.former@example.com"),)
"""Deleted users that other objects still mention: key, name, last login."""


def users(world: World, new_id: NewId, now: int) -> dict[str, User]:
    """Return the users by key of the person, with former users."""
    made = {person.key: _user(person, new_id, now, number) for number, person in enumerate(world.people)}
    for key, name, email in FORMER_USERS:
        made[key] = User(new_id("user", key), name, email, world.zone, now - 900 * DAY, deleted=True)
    return made


def _user(person: Person, new_id: NewId, now: int, number: int) -> User:
    key = person.key
    user = User(
        new_id("user", key),
        _NAMES.get(key, person.name),
        _EMAILS.get(key, person.email.lower()),
        _ZONES.get(key, person.zone),
        now - (1_400 - 11 * number) * DAY - 4_321.147,
        role=_ROLES.get(key, "User"),
        locale="en_GB" if person.zone == "Europe/London" else "en_US",
        blocked=key in _BLOCKED,
        verified=key not in _UNVERIFIED,
        email_hidden=key in _HIDDEN,
    )
    if number % 5 == 0:
        user.address = {"country": "Nowhere", "city": "Acme City", "line": f"{number} Example Road"}
        user.tags = [person.title.split()[0].lower()]
    if key == "leo":
        user.skype, user.details = "leo.fischer", {"badge": [CANARY]}
    if key == "kim":
        user.muted_until = float(now + 3 * HOUR)
    user.contacts = list(_contacts(person, user.email, new_id))
    _, *others = user.contacts
    texted = next((one for one in others if one.method == "sms"), user.contacts[0])
    spoken = next((one for one in others if one.method == "voice"), user.contacts[0])
    user.notification_rules = [
        NotificationRule(new_id("rule", key, 1), "New alerts", "create-alert", 1),
        NotificationRule(new_id("rule", key, 2), "Acknowledged", "acknowledged-alert", 2, enabled=number % 2 == 0),
    ]
    user.notification_rules[0].steps = [(texted.id, None), (spoken.id, 5)]
    return user


def _contacts(person: Person, email: str, new_id: NewId) -> list[Contact]:
    key, (country, number) = person.key, person.phone
    made = [Contact(new_id("contact", key, "email"), "email", email)]
    if key in _WITHOUT_PHONE:
        return made
    phone = f"{country}-{number}"
    reason = _SMS_DISABLED.get(key)
    made.append(Contact(new_id("contact", key, "sms"), "sms", phone, reason is None, reason))
    made.append(Contact(new_id("contact", key, "voice"), "voice", phone))
    if key in _TWO_NUMBERS:
        made.append(Contact(new_id("contact", key, "sms", 2), "sms", f"{country}-{number[:-1]}0"))
    if key in _WITH_DEVICE:
        made.append(Contact(new_id("contact", key, "mobile"), "mobile", f"{CANARY}-{new_id('device', key)}"))
    return made


def participants(people: Mapping[str, User], keys: str) -> list[tuple[str, str]]:
    """Return the participants of a text like ``"ana bo - ana"``; ``-`` means nobody."""
    return [("none", "") if key == "-" else ("user", people[key].id) for key in keys.split()]

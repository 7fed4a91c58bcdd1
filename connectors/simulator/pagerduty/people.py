"""The people and teams of the organisation in PagerDuty, with the irregular values of a real account."""

from collections.abc import Mapping

from connectors.simulator.pagerduty.model import ContactMethod, NotificationRule, Team, User
from connectors.simulator.pagerduty.state import CANARY
from connectors.simulator.world import Identifiers, Person, World
from connectors.simulator.zones import DAY

_ROLES = {
    "walt": "owner",
    "greta": "admin",
    "jade": "admin",
    "ana": "user",
    "liam": "user",
    "sunita": "user",
    "alma": "read_only_user",
    "boris": "read_only_limited_user",
    "celia": "read_only_user",
    "finn": "observer",
}
_INVITED = {"finn", "dev"}
_WITHOUT_ZONE = {"boris", "hope"}
_WITHOUT_TITLE = {"nils", "rosa", "boris"}
_WITH_PUSH = {"ana", "cody", "priya", "leo", "gus", "wei"}
_WITH_WHATSAPP = {"sunita", "vera"}
_SMS_DISABLED = {"bo", "quinn"}
_PHONE_BLACKLISTED = {"carla", "tarun"}
_EMAIL_ONLY = {"alma", "boris", "celia", "finn"}
_COLORS = ("purple", "teal", "red", "green", "orange", "brown", "gray", "cayenne")
DELETED = (("wiley", "Wiley Former", "wiley.former@example.com"), ("petra", "Petra Gone", "petra.gone@example.com"))
"""Deleted users: key, name, last e-mail address."""


def users(world: World, ids: Identifiers, now: int) -> dict[str, User]:
    """Return the users by key of the person, with deleted users."""
    made = {person.key: _user(person, ids, now, number) for number, person in enumerate(world.people)}
    for number, (key, name, email) in enumerate(DELETED):
        made[key] = User(
            ids.new("user", key), name, email, world.zone, deleted_at=now - (40 + 100 * number) * DAY - 977
        )
    return made


def _user(person: Person, ids: Identifiers, now: int, number: int) -> User:
    user = User(
        ids.new("user", person.key),
        person.name,
        person.email,
        None if person.key in _WITHOUT_ZONE else person.zone,
        role=_ROLES.get(person.key, "limited_user"),
        job_title=None if person.key in _WITHOUT_TITLE else person.title,
        description=None if number % 3 else f"Part of acme since {2012 + number % 12}.",
        color=_COLORS[number % len(_COLORS)],
        invitation_sent=person.key in _INVITED,
        # One example of the vendor's documentation has a string here.
        created_via_sso="false" if person.key == "uri" else number % 4 == 0,
        billed=not _ROLES.get(person.key, "").startswith("read_only"),
    )
    user.contact_methods = _contact_methods(person, ids, now)
    email, *others = user.contact_methods
    spoken = next((one for one in others if one.type == "phone_contact_method"), email)
    texted = next((one for one in others if one.type == "sms_contact_method"), email)
    for delay, method, urgency in ((0, texted, "high"), (5, spoken, "high"), (0, email, "low")):
        rule_id = ids.new("rule", person.key, delay, method.id, urgency)
        user.notification_rules.append(NotificationRule(rule_id, delay, method.id, urgency))
    return user


def _contact_methods(person: Person, ids: Identifiers, now: int) -> list[ContactMethod]:
    country, number = person.phone
    key = person.key

    def method_id(kind: str) -> str:
        return ids.new("contact", key, kind)

    made = [ContactMethod(method_id("email"), "email_contact_method", "Default", person.email)]
    if key in _EMAIL_ONLY:
        return made
    made.append(
        ContactMethod(
            method_id("phone"),
            "phone_contact_method",
            "Work",
            number,
            country,
            blacklisted=key in _PHONE_BLACKLISTED,
            has_self=key != "greta",
        )
    )
    made.append(
        ContactMethod(
            method_id("sms"), "sms_contact_method", "Mobile", number, country, enabled=key not in _SMS_DISABLED
        )
    )
    if key in _WITH_PUSH:
        token = f"{CANARY}-{ids.new('token', key, length=20)}"
        device = "ios" if key in ("ana", "leo") else "android"
        made.append(
            ContactMethod(
                method_id("push"),
                "push_notification_contact_method",
                f"{person.name.split()[0]}'s phone",
                token,
                device_type=device,
                created_at=now - 300 * DAY,
            )
        )
    if key in _WITH_WHATSAPP:
        made.append(ContactMethod(method_id("whatsapp"), "whatsapp_contact_method", "WhatsApp", number, country))
    return made


def teams(world: World, people: Mapping[str, User], ids: Identifiers) -> dict[str, Team]:
    """By team key; the lead is manager, people without billing are observers."""
    made: dict[str, Team] = {}
    for team in world.teams:
        members = []
        for position, key in enumerate(team.members):
            role = "manager" if position == 0 else "responder"
            members.append((people[key].id, role))
        made[team.key] = Team(
            ids.new("team", team.key),
            team.name,
            description=None if team.key == "mobile" else team.description,
            default_role="none" if team.key == "security" else "manager",
            members=members,
        )
    made["support"].members += [(people[key].id, "observer") for key in ("celia", "finn")]
    for team in world.teams:
        if team.parent is not None:
            made[team.key].parent_id = made[team.parent].id
    return made

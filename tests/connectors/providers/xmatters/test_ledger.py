"""Tests that the ledger has every field that xMatters is known to send."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

import connectors.simulator.xmatters as simulated
from connectors.base import Rim
from connectors.closure import Selection
from connectors.ledger import Entry
from connectors.network.egress import LiveTransport, parse_allow
from connectors.providers.xmatters.connector import XMatters
from connectors.providers.xmatters.ledger import LEDGER
from connectors.recordings.recording import Recorder
from connectors.redaction import Secret

NOW = 1_772_323_200

#: Path after the API root, ids replaced -> ledger table.
TABLES = {
    "/people": "user",
    "/people/{id}": "user",
    "/people/{id}/devices": "device",
    "/people/{id}/roles": None,
    "/devices": "device",
    "/groups": "group",
    "/groups/{id}/members": "member",
    "/groups/{id}/recipients": "recipient",
    "/groups/{id}/shifts": "shift",
    "/groups/{id}/shifts/{id}": "shift",
    "/groups/{id}/shifts/{id}/members": "shift_member",
    "/groups/{id}/shifts/{id}/exclusions": "exclusion",
    "/temporary-absences": "absence",
    "/services": "service",
    "/sites": "site",
    "/on-call": "on_call",
    "/oauth2/token": "token",
}

#: Fields of the vendor's reference, by table; samples of the simulator hold only some of them.
REFERENCE = {
    "user": "id targetName recipientType externalKey externallyOwned locked[] status links.self firstName lastName "
    "webLogin language timezone licenseType phoneLogin phonePin properties.Shoe properties.Langs[] roles.data[].id "
    "roles.data[].name roles.data[].description roles[].name site.id site.name site.links.self supervisors.data[].id "
    "supervisors.count lastLogin whenCreated whenUpdated devices.data[].id",
    "device": "id name deviceType emailAddress phoneNumber country pin twoWayDevice accountId apnToken alertSound "
    "soundStatus soundThreshold registrationId owner.id owner.firstName priorityThreshold sequence delay defaultDevice "
    "testStatus status active privileged provider.id description targetName timeframes.data[].name "
    "timeframes.data[].startTime timeframes[].timezone timeframes[].durationInMinutes timeframes[].days[] "
    "timeframes[].excludeHolidays timeframes.links.next externallyOwned",
    "group": "id targetName groupType status description allowDuplicates useDefaultDevices observedByAll observers "
    "observers.data[].name observers[].name supervisors.data[].id services.data[].id site.id timezone responseCount "
    "responseCountThreshold created externalKey externallyOwned criteria.operand locked[] links.self",
    "shift": "id name description group.id created start end timezone recurrence.frequency recurrence.repeatEvery "
    "recurrence.onDays[] recurrence.on recurrence.months[] recurrence.dateOfMonth recurrence.dayOfWeekClassifier "
    "recurrence.dayOfWeek recurrence.end.endBy recurrence.end.date recurrence.end.repetitions members[].position "
    "members.data[].delay members.data[].escalationType members.data[].inRotation members.data[].recipient.id "
    "members.data[].recipient.inRotation members.data[].recipient.onDuty members.data[].shift.id rotation.type "
    "rotation.direction rotation.interval rotation.intervalUnit rotation.nextRotationTime rotationType "
    "exclusions.data[].startDate exclusions[].endDate siteHolidays.onCall siteHolidays.start siteHolidays.end "
    "repeatEscalation.repeatEnabled repeatEscalation.escalationType repeatEscalation.repetitions "
    "repeatEscalation.delay repeatEscalation.waitInSeconds notifyEndOfEscalation.notifyEnabled "
    "notifyEndOfEscalation.notificationType "
    "notifyEndOfEscalation.recipient.id notifyEndOfEscalation.delay notifyEndOfEscalation.waitInSeconds shiftType "
    "metrics.members.count links.self",
    "absence": "id absenceType start end member.id member.status member.firstName group.id group.targetName "
    "replacement.id replacement.status includeDirectNotifications links.self",
    "service": "id targetName recipientType description serviceType serviceTier serviceLinks.data[].url ownedBy.id "
    "externallyOwned status links.self",
    "site": "id name timezone language country status address1 address2 city state postalCode latitude longitude "
    "externalKey externallyOwned links.self",
    "on_call": "group.id shift.id shift.name shift.siteHolidays.onCall start end occurrenceType members.count "
    "members.data[].position members.data[].delay members.data[].escalationType members.data[].inRotation "
    "members.data[].member.id members.data[].member.owner.id members.data[].replacements.data[].start "
    "members.data[].replacements.data[].replacement.id members.links.next notifyEndOfEscalation.notifyEnabled",
    "member": "group.id group.groupType member.id member.targetName member.recipientType member.firstName "
    "member.licenseType member.links.self shifts.data[].id shifts.data[].group.id",
    "token": "access_token expires_in refresh_token token",
}


@pytest.mark.parametrize("table", sorted(REFERENCE))
def test_every_field_of_the_reference_is_classed(table: str) -> None:
    assert [path for path in REFERENCE[table].split() if LEDGER.classify(table, path) is None] == []


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("user", "phonePin"),
        ("user", "phoneLogin"),
        ("user", "properties.Door"),
        ("device", "apnToken"),
        ("device", "pin"),
    ],
)
def test_secrets_are_never_taken(table: str, path: str) -> None:
    found = LEDGER.classify(table, path)
    assert isinstance(found, Entry)
    assert (found.fate, "never imported" in found.reason) == ("ignored", True)


def test_every_field_the_simulator_sends_is_classed() -> None:
    state = simulated.build_world(NOW)
    state.habits.nested_limit = 2
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        document = recorded(simulator)
    missing: set[str] = set()
    seen: set[str | None] = set()
    for exchange in document["exchanges"]:
        table = table_of(exchange["path"].removeprefix("/api/xm/1"))
        seen.add(table)
        body = exchange["body"]
        if table is None or exchange["status"] != 200:
            continue
        objects = body.get("data", [body])
        missing |= {f"{table}: {path}" for one in objects for path in LEDGER.unknown(table, one)}
        if "data" in body:
            rest = {key: value for key, value in body.items() if key != "data"}
            missing |= {f"page: {path}" for path in LEDGER.unknown("page", rest)}
    assert missing == set()
    assert {"user", "device", "group", "member", "shift", "absence", "service", "site", "on_call", "token"} <= seen


def table_of(path: str) -> str | None:
    for known, table in TABLES.items():
        if re.fullmatch(known.replace("{id}", "[^/]+"), path):
            return table
    assert "/occurrences/" in path, path
    return None


def test_an_unknown_field_is_found_out() -> None:
    assert LEDGER.unknown("user", {"id": "P1", "shoeSize": 38}) == ["shoeSize"]


def recorded(simulator: Any) -> Any:
    """A whole read, with a token and the rendering, not scrubbed."""
    origin = simulator.origin
    transport = LiveTransport(origin, allow=parse_allow([origin.removeprefix("http://")]))
    settings = XMatters.clean(
        {
            "base_url": "https://acme.xmatters.com",
            "username": simulated.DEMO_USER,
            "auth": "oauth",
            "client_id": simulated.CLIENT_ID,
            "nested": "expand",
        }
    )
    recorder = Recorder(transport, "xmatters", settings)
    rim = Rim(recorder, now=lambda: float(NOW), sleep=lambda seconds: None)
    connector = XMatters(settings, {"password": Secret(simulated.DEMO_PASSWORD)}, rim)
    snapshot = connector.fetch(Selection(), contact_details=True)
    connector.rendered({one.external_id: one.group_ids for one in snapshot.schedules}, NOW, NOW + 86_400)
    return recorder.dump(datetime.fromtimestamp(NOW, UTC))

"""xMatters, under test."""

from typing import Any

from connectors.providers.xmatters.connector import XMatters
from connectors.simulator import xmatters
from tests.connectors.conformance.entries import NOW, Endpoint, Listing, Login, Provider, Word, Wrong, no_objects

_ROOT = "/api/xm/1"
_SHIFT = f"{_ROOT}/groups/{{id}}/shifts/{{id}}"
_OCCURRENCE = f"{_SHIFT}/occurrences/{{id}}"
_GRANT = "REST Web Service User"


def _short_lists_inside(server: Any) -> None:
    """A list inside an object ends after one, the rest has an address of its own; and whoever has a seat is away for an
    hour of it, so that who replaces them is such a list."""
    server.edits.change_habits(nested_limit=1)
    seats = [seat.recipient for shift in server.state.shifts.values() for seat in shift.seats]
    away = {one.person_id for one in server.state.absences.values()}
    for kind, id_ in dict.fromkeys(seats):
        if kind == "PERSON" and id_ not in away:
            server.edits.add_absence(id_, NOW + 36 * 3600, NOW + 37 * 3600)


def _three_shifts_of_one_group(server: Any) -> None:
    """One of them rotates by completed shifts."""
    with server.state.editing():
        first, *others = list(server.state.shifts.values())[:3]
        for one in others:
            one.group_id = first.group_id
    server.edits.rotate(first.id, "COVERAGE_ROTATION", "LAST_TO_FIRST")


def _thrifty(path: str, body: Any) -> None:
    """Nothing is embedded in a shift; an account of many people makes single reads cheaper."""
    if path == f"{_ROOT}/people":
        del body["data"][1:]
        body["total"] = 100_000
    if path == f"{_ROOT}/groups/{{id}}/shifts":
        for one in body["data"]:
            for part in ("members", "rotation", "exclusions"):
                one.pop(part, None)


_REQUIRED = (
    "id", "absenceType", "access_token", "data", "delay", "deviceType", "durationInMinutes", "end", "expires_in",
    "frequency", "groupType", "links", "member", "members", "next", "owner", "position", "recipient",
    "recurrence", "replacement", "start", "startDate", "startTime",
)  # fmt: skip

XMATTERS = Provider(
    connector=XMatters,
    vendor=xmatters,
    settings={
        "base_url": "https://acme.xmatters.com",
        "auth": "oauth",
        "username": xmatters.DEMO_USER,
        "client_id": xmatters.CLIENT_ID,
        "nested": "expand",
    },
    credentials={"password": xmatters.DEMO_PASSWORD},
    prepare=_short_lists_inside,
    vary=_three_shifts_of_one_group,
    empty=no_objects("people", "devices", "groups", "shifts", "absences", "sites", "services"),
    thrifty=_thrifty,
    refused={f"{_ROOT}/devices": 403},
    endpoints=(
        Endpoint(f"{_ROOT}/oauth2/token", "", "token", "POST"),
        Endpoint(f"{_ROOT}/people", "data", "user"),
        Endpoint(f"{_ROOT}/people/{{id}}", "", "user"),
        Endpoint(f"{_ROOT}/people/{{id}}/roles", "data", "user", at="roles[]"),
        Endpoint(f"{_ROOT}/people/{{id}}/devices", "data", "device"),
        Endpoint(f"{_ROOT}/devices", "data", "device"),
        Endpoint(f"{_ROOT}/devices/{{id}}/timeframes", "data", "device", at="timeframes[]"),
        Endpoint(f"{_ROOT}/groups", "data", "group"),
        Endpoint(f"{_ROOT}/groups/{{id}}/members", "data", "member"),
        Endpoint(f"{_ROOT}/groups/{{id}}/recipients", "data", "recipient"),
        Endpoint(f"{_ROOT}/groups/{{id}}/shifts", "data", "shift"),
        Endpoint(_SHIFT, "", "shift"),
        Endpoint(f"{_SHIFT}/members", "data", "shift_member"),
        Endpoint(f"{_SHIFT}/exclusions", "data", "exclusion"),
        Endpoint(f"{_ROOT}/on-call", "data", "on_call"),
        Endpoint(f"{_OCCURRENCE}/members", "data", "on_call", at="members[]"),
        Endpoint(f"{_OCCURRENCE}/members/{{id}}/replacements", "data", "on_call", at="members[].replacements[]"),
        Endpoint(f"{_ROOT}/temporary-absences", "data", "absence"),
        Endpoint(f"{_ROOT}/sites", "data", "site"),
        Endpoint(f"{_ROOT}/services", "data", "service"),
    ),
    listings=(
        Listing("responder", f"{_ROOT}/people", _GRANT),
        Listing("user_group", f"{_ROOT}/groups", _GRANT, carries=frozenset({"schedule", "escalation_policy"})),
        Listing(
            "escalation_policy",
            f"{_ROOT}/groups/{{id}}/shifts",
            _GRANT,
            without="Shifts are read by group: a group that may not be read has none.",
            carries=frozenset({"schedule"}),
        ),
        Listing(
            "service",
            f"{_ROOT}/services",
            "The services could not be read",
            without="A plan may have no services, so the refusal is a note. No group is offered instead.",
        ),
    ),
    logins=(
        Login({"auth": "basic"}),
        Login({"auth": "basic", "username": xmatters.API_KEY_USER}, {"password": xmatters.API_KEY_SECRET}),
    ),
    wrong=(
        Wrong("password", credentials={"password": "no-such-password"}, words="refused"),
        Wrong("password", settings={"auth": "basic"}, credentials={"password": "no-such-password"}, words="refused"),
        Wrong("username", settings={"auth": "basic", "username": xmatters.CLIENT_ID}, words="refused"),
        Wrong("client_id", settings={"client_id": ""}, words="missing"),
        Wrong("base_url", settings={"base_url": "acme"}, words="is not an address"),
        Wrong("auth", settings={"auth": "magic"}),
        Wrong("nested", settings={"nested": "all"}),
    ),
    words=(
        Word(f"{_ROOT}/people", "status"),
        Word(f"{_ROOT}/devices", "deviceType"),
        Word(f"{_ROOT}/groups", "groupType"),
        Word(f"{_ROOT}/groups/{{id}}/shifts", "recurrence.frequency"),
        Word(f"{_ROOT}/temporary-absences", "absenceType"),
    ),
    required=frozenset(_REQUIRED),
    throttled={"Retry-After": "7"},
)

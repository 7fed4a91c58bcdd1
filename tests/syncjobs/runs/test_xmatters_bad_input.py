"""A faulty xMatters instance leads to a clear message. Nothing is lost, and nothing is removed."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

import connectors.simulator.xmatters as simulated
from connectors.connections import opening
from connectors.models import Connection
from connectors.providers.xmatters.connector import XMatters
from connectors.simulator.xmatters import Simulator
from oncall.holders import holder_in_words
from oncall.models import EscalationPolicy, Responder, Schedule, UserGroup
from oncall.rendering.spec import Always, Recurring
from oncall.selectors.schedules import specs
from syncjobs.models import Conflict, ExternalLink, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start

pytestmark = pytest.mark.django_db

ROOT = "/api/xm/1"
KEY_ID = "5d0c6f1e-3a7b-4c58-9f21-ac3e00000003"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Back-off passes at once; the waits are collected."""
    waits: list[float] = []
    monkeypatch.setattr(opening.time, "sleep", waits.append)
    return waits


@pytest.fixture
def simulator(settings: Any) -> Iterator[Simulator]:
    """The acme instance over HTTP, and the settings that lead connections to it."""
    with Simulator(simulated.build_world(time.time())) as running:
        settings.CONNECTOR_ORIGINS = {"xmatters": running.origin}
        settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]
        yield running


def connect(**settings: str) -> SyncProfile:
    given = XMatters.clean({**simulated.DEMO_SETTINGS, **settings})
    connection = Connection(name="acme", provider="xmatters", settings=given)
    connection.seal_credentials(simulated.DEMO_CREDENTIALS)
    connection.save()
    return SyncProfile.objects.create(connection=connection)


def sync(profile: SyncProfile) -> SyncRun:
    profile.refresh_from_db()
    run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None
    return run


@pytest.fixture
def imported(simulator: Simulator) -> SyncProfile:
    profile = connect()
    assert sync(profile).state == RunState.SUCCEEDED
    return profile


def rows() -> dict[tuple[str, Any], dict[str, Any]]:
    """All on-call data by table and key."""
    models = [m for m in apps.get_models() if m._meta.app_label == "oncall"]
    return {(m.__name__, row.pop("pk")): row for m in models for row in m._default_manager.values("pk", *_columns(m))}


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def changed(before: dict[tuple[str, Any], dict[str, Any]]) -> list[str]:
    """Tables and columns in which something is not as it was."""
    after = rows()
    whole = {key[0] for key in before.keys() ^ after.keys()}
    parts = {
        f"{key[0]}.{column}"
        for key in before.keys() & after.keys()
        for column, value in before[key].items()
        if after[key][column] != value
    }
    return sorted(whole | parts)


def texts(run: SyncRun) -> str:
    """Everything that a run says to a person."""
    notes = (f"{note['code']} {note['message']}" for note in run.notes)
    return " ".join([run.reason, run.hint, *run.items.values_list("reason", flat=True), *notes])


def notes(run: SyncRun, code: str) -> list[str]:
    return [note["message"] for note in run.notes if note["code"] == code]


def found(shelf: dict[str, Any], name: str) -> Any:
    return next(one for one in shelf.values() if one.name == name)


# --- credentials and rights -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "password", "words"),
    [
        (simulated.SSO_USER, simulated.SSO_PASSWORD, "The password of a single sign-on does not work"),
        (KEY_ID, simulated.API_KEY_SECRET, "looks like the id of an API key: put x-api-key- in front of it"),
        (simulated.API_KEY_USER, "no-such-secret", "refused the key"),
    ],
    ids=["single sign-on", "bare key id", "wrong secret"],
)
def test_a_refused_credential_is_reported_and_nothing_is_lost(
    simulator: Simulator, imported: SyncProfile, username: str, password: str, words: str
) -> None:
    before, connection = rows(), imported.connection
    good = dict(connection.settings)
    connection.settings = {**good, "username": username}
    connection.seal_credentials({"password": password})
    connection.save()
    run = sync(imported)
    assert run.state == RunState.FAILED
    assert words in texts(run)
    assert password not in texts(run)
    assert changed(before) == []
    connection.settings = good
    connection.seal_credentials(simulated.DEMO_CREDENTIALS)
    connection.save()
    again = sync(imported)
    assert (again.state, again.items.count(), changed(before)) == (RunState.SUCCEEDED, 0, [])


@pytest.fixture
def limited(imported: SyncProfile) -> tuple[dict[tuple[str, Any], dict[str, Any]], SyncRun]:
    """What was there, and the run of an account that sees half of the groups, and neither devices nor absences."""
    before, connection = rows(), imported.connection
    connection.settings = {**connection.settings, "username": simulated.LIMITED_USER}
    connection.seal_credentials({"password": simulated.LIMITED_PASSWORD})
    connection.save()
    return before, sync(imported)


def test_an_account_that_sees_half_of_the_groups_takes_the_others_for_hidden_not_gone(limited: Any) -> None:
    before, run = limited
    assert changed(before) == []
    assert run.state == RunState.PARTIAL
    assert run.counts["user_group"]["fetched"] == 6
    assert UserGroup.objects.filter(active=True).count() == 12
    for code in ("absences_not_told", "devices_by_person", "contact_details_forbidden"):
        assert len(notes(run, code)) == 1
    assert "The members of All Hands are only partly known" in texts(run)


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "fault", "words"),
    [
        ("/people", "status", {"status": 401}, "Check user name and password"),
        ("/people", "html", {}, "sign-in page"),
        ("/people", "status", {"status": 503, "body": "html"}, "Something went wrong"),
        ("/people", "empty", {}, "empty answer"),
        ("/people", "truncated", {}, "not valid JSON"),
        ("/people", "cut", {}, "did not answer GET /api/xm/1/people"),
        ("/people", "endless", {}, "/api/xm/1/people"),
        ("/people", "redirect", {}, "not followed"),
        ("/people", "mistyped", {}, "/api/xm/1/people"),
        ("/people", "loop", {}, "/api/xm/1/people returned the same page more than once"),
        ("/people", "status", {"status": 403}, "Give the key the right to read this"),
        ("/people", "status", {"status": 404}, "Check that it still exists"),
        ("/people", "status", {"status": 429, "headers": {"Retry-After": "1"}}, "requires a wait of 1 s"),
        ("/people", "status", {"status": 429, "headers": {"Retry-After": "86400"}}, "requires a wait of 86400 s"),
        ("/people", "status", {"status": 429, "body": "none"}, "Try again in some minutes"),
        ("/people", "shrink", {"items": 3}, ""),
        ("/groups/*/shifts", "status", {"status": 403}, "The shifts of Platform SRE could not be read"),
        ("/groups/*/shifts", "loop", {}, ""),
        ("/groups/*/shifts", "html", {}, "sign-in page"),
        ("/groups/*/members", "status", {"status": 404}, "The members could not be read"),
        ("/groups/*/members", "status", {"status": 503}, "Try again later"),
        ("/groups/*/members", "empty", {}, "An empty answer is never read as an empty list"),
        ("/temporary-absences", "status", {"status": 403}, "The absences could not be read"),
        ("/temporary-absences", "status", {"status": 503}, "Try again later"),
        ("/services", "status", {"status": 503}, "Try again later"),
        ("/groups", "shrink", {"items": 0}, ""),
        ("/groups", "status", {"status": 403}, "Give the key the right to read this"),
        ("/groups", "status", {"status": 503}, "Try again later"),
        ("/sites", "status", {"status": 503}, "Try again later"),
        ("/devices", "status", {"status": 503}, "Try again later"),
        ("/devices", "status", {"status": 404}, "contact methods and addresses are unknown"),
        ("/devices", "html", {}, "sign-in page"),
    ],
)
def test_nothing_is_lost_whatever_the_source_answers(
    simulator: Simulator, imported: SyncProfile, path: str, kind: Any, fault: Any, words: str
) -> None:
    before = rows()
    simulator.faults.add(f"{ROOT}{path}", kind, count=None, **fault)
    run = sync(imported)
    assert words in texts(run)
    assert simulated.DEMO_PASSWORD not in texts(run)
    assert run.state in (RunState.FAILED, RunState.PARTIAL, RunState.HELD, RunState.SUCCEEDED)
    assert changed(before) == []
    simulator.faults.clear()
    again = sync(imported)
    assert (again.state, changed(before)) == (RunState.SUCCEEDED, [])


def test_services_and_sites_that_may_not_be_read_any_more_stay_as_they_are(
    simulator: Simulator, imported: SyncProfile
) -> None:
    before = rows()
    simulator.edits.change_plan(services=False)
    simulator.edits.change_habits(sites_refused=True)
    run = sync(imported)
    assert run.state == RunState.PARTIAL
    assert "so nothing changes about services" in texts(run)
    assert len(notes(run, "sites_not_told")) == 1
    assert changed(before) == []


def test_a_fault_that_passes_heals_unseen(simulator: Simulator, imported: SyncProfile, no_waiting: list[float]) -> None:
    before = rows()
    for path, fault in (
        ("/people", {"status": 429, "headers": {"Retry-After": "3"}}),
        ("/groups", {"status": 429}),
        ("/devices", {"status": 502, "body": "html"}),
    ):
        simulator.faults.add(f"{ROOT}{path}", "status", **fault)  # type: ignore[arg-type]
    simulator.faults.add(f"{ROOT}/temporary-absences", "empty")
    run = sync(imported)
    assert (run.state, run.items.count(), changed(before)) == (RunState.SUCCEEDED, 0, [])
    assert no_waiting[:3] == [1.0, 1.0, 1.0]  # the source requests this wait; it is cut into pieces
    assert len(no_waiting) == 6


def test_a_group_that_goes_between_list_and_detail_costs_itself_and_is_named(
    simulator: Simulator, imported: SyncProfile
) -> None:
    before, group = rows(), found(simulator.state.groups, "Platform SRE")
    for path in ("members", "shifts"):
        simulator.faults.add(f"{ROOT}/groups/{group.id}/{path}", "status", status=404, count=None)
    simulator.edits.rename("group", found(simulator.state.groups, "Security").id, "Safety")
    run = sync(imported)
    assert run.state == RunState.PARTIAL
    assert notes(run, "shifts_not_told") == [
        f"The shifts of Platform SRE could not be read: xMatters answered 404 to GET {ROOT}/groups/{group.id}/shifts: "
        "The resource does not exist: Not Found"
    ]
    assert len(notes(run, "members_not_told")) == 1
    assert UserGroup.objects.get(name="Safety").active
    columns = {one.partition(".")[2] for one in changed(before) if one != "ChangeRecord"}
    assert columns == {"name", "name_key", "version"}
    assert Schedule.objects.filter(name__startswith="Platform SRE: ", active=True).count() == 3


def test_one_groups_shifts_that_may_not_be_read_stay_as_they_are(simulator: Simulator, imported: SyncProfile) -> None:
    before, group = rows(), found(simulator.state.groups, "Support / Weeks")
    simulator.faults.add(f"{ROOT}/groups/{group.id}/shifts", "status", status=403, count=None)
    run = sync(imported)
    assert (run.state, changed(before)) == (RunState.PARTIAL, [])
    assert run.reason == "Not everything was applied: 7 not reached."
    (message,) = notes(run, "shifts_not_told")
    assert message.startswith("The shifts of Support / Weeks could not be read: xMatters answered 403")


@pytest.mark.parametrize("habits", [{"nested_limit": 1}, {"drifting_totals": True}])
def test_lists_that_come_cut_inside_of_objects_make_no_difference(
    simulator: Simulator, imported: SyncProfile, habits: Any
) -> None:
    before = rows()
    simulator.edits.change_habits(**habits)
    run = sync(imported)
    assert (run.state, run.items.count(), changed(before)) == (RunState.SUCCEEDED, 0, [])


def test_an_unreadable_device_costs_its_owners_devices_only(simulator: Simulator) -> None:
    voices = [each for each in simulator.state.devices.values() if each.type == "VOICE"]
    with simulator.state.editing():
        voices[0].sequence = voices[1].sequence = "soon"
    run = sync(connect())
    assert run.state == RunState.PARTIAL
    assert "sequence is unusable" in texts(run)
    assert Responder.objects.count() == 60


def test_two_lists_that_fail_for_one_kind_are_both_reported(simulator: Simulator, imported: SyncProfile) -> None:
    for path in ("people", "temporary-absences"):
        simulator.faults.add(f"{ROOT}/{path}", "status", status=503, count=None)
    run = sync(imported)
    assert run.state == RunState.PARTIAL
    assert "/people" in texts(run)
    assert "/temporary-absences" in texts(run)


# --- people -----------------------------------------------------------------------------------------------------------


def test_addresses_are_those_of_active_mail_devices_and_missing_ones_are_named(
    simulator: Simulator, imported: SyncProfile
) -> None:
    """Nobody is lost: without a mail device, with two, with an inactive one, and with a login that is an address."""
    run = SyncRun.objects.latest("pk")
    emails = dict(Responder.objects.values_list("name", "email"))
    assert len(emails) >= 59
    assert emails["Finn Larsen"] == ""
    assert emails["Sunita Rao"] == "sunita.rao@example.com"  # the one for work, whatever comes first
    assert emails["Gus Ramirez"] == "gus.ramirez@example.com"
    assert emails["Oscar Fields"] == "oscar.fields@example.com"
    assert emails["Liam O'Connor"] == "liam.oconnor@example.com"  # not the login
    finn = Responder.objects.get(name="Finn Larsen").links.get().external_id
    (message,) = notes(run, "no_email")
    assert message == (
        "There is no active e-mail device, and the login is not an address. "
        "The person cannot be matched or invited by e-mail."
    )
    assert [note["external_id"] for note in run.notes if note["code"] == "no_email"] == [finn]


def test_the_last_mail_device_that_is_switched_off_takes_the_address_with_a_note(
    simulator: Simulator, imported: SyncProfile
) -> None:
    gus = Responder.objects.get(name="Gus Ramirez")
    own = [one for one in simulator.state.devices.values() if one.owner_id == gus.links.get().external_id]
    mails = sorted((one for one in own if one.type == "EMAIL"), key=lambda one: int(one.sequence))
    for device, expected in zip(mails, ["gus.backup@example.com", ""], strict=True):
        simulator.edits.activate("device", device.id, active=False)
        run = sync(imported)
        assert run.state == RunState.SUCCEEDED
        gus.refresh_from_db()
        assert gus.email == expected
        assert gus.active
    assert gus.links.get().external_id in {note["external_id"] for note in run.notes if note["code"] == "no_email"}
    assert gus.contact_methods.filter(channel="email", enabled=False).count() == 2


def test_two_people_on_one_address_are_two_and_asked(simulator: Simulator, imported: SyncProfile) -> None:
    kims = Responder.objects.filter(email="kim.lee@example.com")
    assert [kim.name for kim in kims] == ["Kim Lee", "Kim Lee"]
    assert len({kim.links.get().external_id for kim in kims}) == 2
    conflict = Conflict.objects.get(kind="ambiguous")
    assert conflict.evidence["email"] == "kim.lee@example.com"
    assert len(conflict.evidence["people"]) == 2
    assert sync(imported).items.count() == 0


def test_odd_zones_of_people_are_read_or_named(simulator: Simulator, imported: SyncProfile) -> None:
    zones = dict(Responder.objects.values_list("name", "time_zone"))
    assert zones["Sam Okafor"] == "America/Los_Angeles"  # (UTC-0800) US/Pacific
    assert zones["Pablo Reyes"] == ""
    pablo = Responder.objects.get(name="Pablo Reyes").links.get().external_id
    named = [note for note in SyncRun.objects.latest("pk").notes if note["code"] == "unknown_zone"]
    assert [note["message"] for note in named if note["external_id"] == pablo] == [
        '"US/Los Angeles" is no known time zone; choose one.'
    ]


# --- groups and shifts ------------------------------------------------------------------------------------------------


def test_a_shift_in_a_zone_that_nobody_knows_is_stored_inactive_and_is_a_question(
    simulator: Simulator, imported: SyncProfile
) -> None:
    odd = Schedule.objects.get(name="Mobile\\Apps: Around the World")
    assert (odd.active, odd.time_zone, odd.zone_state) != (True, "", "ok")
    assert not odd.active
    assert odd.time_zone == ""
    assert odd.layers["layers"]
    question = Conflict.objects.get(kind="timezone_mismatch")
    assert (question.label, question.evidence["raw"]) == (odd.name, "America/Canada")
    assert question.evidence["rule"] == "unknown"
    assert EscalationPolicy.objects.get(name=odd.name).active


@pytest.mark.parametrize(
    ("nested", "members"),
    [
        ("skip", {"Mobile\\Apps": 3, 'Release "Train"': 5}),
        ("link", {"Mobile\\Apps": 3, 'Release "Train"': 5}),
        ("expand", {"Mobile\\Apps": 8, 'Release "Train"': 8}),
    ],
)
def test_groups_inside_themselves_end_whatever_becomes_of_them(
    simulator: Simulator, nested: str, members: dict[str, int]
) -> None:
    """Mobile has a seat of its own shift, and Mobile and Release have seats of each other's."""
    run = sync(connect(nested=nested))
    assert run.state == RunState.SUCCEEDED
    (message,) = notes(run, "nested_in_itself")
    assert message == "The group has a seat in its own shift Around the World. It is not followed again."
    counted = {name: UserGroup.objects.get(name=name).members.count() for name in members}
    assert counted == members
    assert UserGroup.objects.count() == 12
    left_out = [text for text in notes(run, "skipped_members") if "Mobile" in text]
    linked = [text for text in notes(run, "linked_groups") if "Mobile" in text]
    assert (len(left_out), len(linked)) == {"skip": (1, 0), "link": (0, 1), "expand": (0, 0)}[nested]
    assert sync(SyncProfile.objects.get()).items.count() == 0


def test_a_shift_without_members_and_a_member_in_no_shift_stay_what_they_are(
    simulator: Simulator, imported: SyncProfile
) -> None:
    run = SyncRun.objects.latest("pk")
    assert notes(run, "no_members") == ["Default Shift has no members."]
    empty = Schedule.objects.get(name="Legacy Billing: Default Shift")
    assert empty.layers["layers"] == []
    platform = UserGroup.objects.get(name="Platform SRE")
    assert "Elliot Park" in platform.members.values_list("responder__name", flat=True)
    seats = {ref.responder.name for one in platform.schedules.all() for ref in one.references.all() if ref.responder}
    assert len(seats) > 5
    assert "Elliot Park" not in seats


def test_two_groups_that_differ_by_case_only_are_two_and_a_question(
    simulator: Simulator, imported: SyncProfile
) -> None:
    pair = UserGroup.objects.filter(name__iexact="data pipelines")
    assert sorted(one.name for one in pair) == ["Data Pipelines", "data pipelines"]
    assert all(one.active for one in pair)
    assert EscalationPolicy.objects.filter(name__iexact="data pipelines", active=True).count() == 2
    questions = Conflict.objects.filter(kind__in=("team_name_collision", "duplicate_policy"))
    assert sorted(questions.values_list("kind", flat=True)) == ["duplicate_policy", "team_name_collision"]
    assert notes(SyncRun.objects.latest("pk"), "no_shifts") == [
        "data pipelines is an on-call group without shifts. An alert to it notifies nobody."
    ]


def test_a_shift_on_no_day_and_one_without_times_are_on_every_day(simulator: Simulator, imported: SyncProfile) -> None:
    (message,) = notes(SyncRun.objects.latest("pk"), "no_days")
    assert message == "Clock Change recurs weekly on no day. xMatters was seen to send this for every day."
    clock = Schedule.objects.get(name="Network, Clouds + Cables: Clock Change")
    always = Schedule.objects.get(name="Payments | On-Call: Default Shift")
    made = specs([clock.pk, always.pk])
    (window,) = made[clock.pk][0].layers[0].windows
    assert isinstance(window, Recurring)
    assert (window.rule.frequency, len(window.rule.by_day)) == ("WEEKLY", 7)
    assert [layer.windows for layer in made[always.pk][0].layers] == [(Always(),), (Always(),)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "PENDULUM"}, "its type 'PENDULUM' is unknown"),
        ({"direction": "SIDEWAYS"}, "its direction 'SIDEWAYS' is unknown"),
        ({"unit": "FORTNIGHTS"}, "its unit 'FORTNIGHTS' is unknown"),
        ({"interval": 0}, "its interval '0' is not a valid number of weeks"),
        ({"trigger": ""}, "its next change is missing"),
    ],
)
def test_a_rotation_that_is_not_understood_keeps_its_order_and_is_named(
    simulator: Simulator, change: dict[str, Any], words: str
) -> None:
    """No occurrence is judged: the answer is what counts."""
    shift = found(simulator.state.shifts, "Weekdays")
    with simulator.state.editing():
        shift.rotation.trigger = ""  # or the simulator would have to reckon with it
        for name, value in change.items():
            setattr(shift.rotation, name, value)
    run = sync(connect())
    assert run.state == RunState.SUCCEEDED
    group = simulator.state.groups[shift.group_id]
    mine = [note["message"] for note in run.notes if note["external_id"] == shift.id]
    assert f"Unsupported rotation: {words}. The order of Weekdays stays as it was read. Compare it." in mine
    made = Schedule.objects.get(name=f"{group.name}: Weekdays")
    keys = [layer["participants"] for layer in made.layers["layers"]]
    assert len(keys) == len(shift.seats)
    assert all(len(people) == 1 for people in keys)


def test_a_seat_of_an_unknown_holder_is_imported_and_shown(
    simulator: Simulator, imported: SyncProfile, admin_client: Client
) -> None:
    shift, service = next(iter(simulator.state.shifts)), next(iter(simulator.state.services))
    simulator.edits.add_seat(shift, ["SERVICE", service], 5, in_rotation=False)
    run = sync(imported)
    assert run.state == RunState.SUCCEEDED
    assert len(notes(run, "unknown_holder")) == 1
    made = ExternalLink.objects.get(entity_type="schedule", external_id=shift).schedule
    assert isinstance(made, Schedule)
    page = admin_client.get(f"/admin/oncall/schedule/{made.pk}/change/")
    assert holder_in_words(f"unknown:{imported.connection_id}:SERVICE:{service}") in page.content.decode()
    policy = ExternalLink.objects.get(entity_type="escalation_policy", external_id=shift).escalation_policy
    assert policy is not None
    assert admin_client.get(f"/admin/oncall/escalationpolicy/{policy.pk}/change/").status_code == 200
    assert admin_client.get(f"/admin/syncjobs/syncrun/{run.pk}/change/").status_code == 200
    assert sync(imported).items.count() == 0

"""Tests people, their devices and absences."""

import json
from typing import Any

import pytest

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.devices import contact_methods, notification_rules
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.harvest import Absences
from connectors.providers.xmatters.mapping_people import referenced_user, substitutions, user
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceNotificationRule, SourceUser
from oncall.rendering.spec import VACANT, Substitution, person


def instant(text: str) -> int:
    return wire.Exclusion.model_validate({"startDate": text}).start_date.instant


def devices(*raw: Any) -> tuple[wire.Device, ...]:
    return tuple(wire.Device.model_validate(one) for one in raw)


def mapped(
    raw: Any, own: tuple[wire.Device, ...] | None = None, *, details: bool = True, directory: Directory | None = None
) -> tuple[SourceUser, list[str]]:
    findings = Findings(VENDOR)
    source = wire.Person.model_validate(raw)
    made = user(source, own, details, (), directory or Directory(), ("group Ops",), findings)
    return made, [note.code for note in findings.notes]


def test_a_person_is_known_by_name_state_zone_and_roles(make: Any) -> None:
    roles = make.envelope([{"id": "R2", "name": "Standard User"}, {"id": "R1", "name": "Group Supervisor"}])
    made, notes = mapped(make.person("ANA", roles=roles), devices(make.device("D1", "ANA")))
    assert (made.external_id, made.name, made.email, made.state) == ("ANA", "Ana Example", "ana@example.com", "active")
    assert (made.time_zone.zone, made.title) == ("Europe/Berlin", "Group Supervisor, Standard User")
    assert (made.because, made.substitutions, made.listed, notes) == (("group Ops",), (), True, [])
    for bare in (roles["data"], None):
        again, _ = mapped(make.person("ANA", roles=bare), ())
        assert again.title == (made.title if bare else "")


@pytest.mark.parametrize(("status", "state"), [("ACTIVE", "active"), ("inactive", "inactive"), (None, "unknown")])
def test_states(make: Any, status: Any, state: str) -> None:
    made, notes = mapped(make.person("ANA", status=status), devices(make.device("D1", "ANA")))
    assert (made.state, notes) == (state, ["inactive"] if state == "inactive" else [])


def test_a_site_gives_a_missing_zone_and_an_inactive_one_silences_its_people(make: Any) -> None:
    sites = {
        "L1": wire.Site(id="L1", timezone="Asia/Kolkata", status="ACTIVE"),
        "L2": wire.Site(id="L2", timezone="US/Los Angeles", status="INACTIVE"),
    }
    mail = devices(make.device("D1", "ANA"))
    directory = Directory(sites=sites)
    made, notes = mapped(make.person("ANA", timezone=None, site={"id": "L1"}), mail, directory=directory)
    assert (made.time_zone.zone, made.state, notes) == ("Asia/Kolkata", "active", [])
    made, notes = mapped(make.person("ANA", timezone=None, site={"id": "L2"}), mail, directory=directory)
    assert (made.time_zone.zone, made.state, notes) == (None, "inactive", ["inactive_site", "unknown_zone"])
    made, notes = mapped(make.person("ANA", timezone=None, site={"id": "L3"}), mail, directory=directory)
    assert (made.time_zone.zone, made.state, notes) == (None, "active", [])


@pytest.mark.parametrize(
    ("more", "unreported"),
    [
        ({"timezone": None}, {"state", "time_zone"}),
        ({"timezone": None, "status": "INACTIVE"}, {"time_zone"}),
        ({}, {"state"}),
        ({"status": "INACTIVE"}, set()),
        ({"timezone": None, "site": None}, set()),
    ],
)
def test_what_hangs_on_a_site_that_could_not_be_read_is_untold(make: Any, more: Any, unreported: set[str]) -> None:
    source = make.person("ANA", **{"roles": make.envelope([]), "site": {"id": "L1"}, **more})
    made, _ = mapped(source, devices(make.device("D1", "ANA")), directory=Directory(sites=None))
    assert made.unreported == unreported


@pytest.mark.parametrize(
    ("own", "login", "email", "notes"),
    [
        ([{"emailAddress": "Ana@Example.com"}], "ana", "ana@example.com", []),
        (
            [
                {"emailAddress": "home@example.com", "name": "Home"},
                {"emailAddress": "w@example.com", "name": "Work Email"},
            ],
            "ana",
            "w@example.com",
            [],
        ),
        (
            [{"emailAddress": "two@example.com", "sequence": "2"}, {"emailAddress": "one@example.com", "sequence": 1}],
            "ana",
            "one@example.com",
            [],
        ),
        ([{"status": "INACTIVE"}], "ana", None, ["no_email"]),
        ([{"emailAddress": "not an address"}], "ana", None, ["no_email"]),
        ([{"emailAddress": None}], "Ana@Example.com", "ana@example.com", ["email_from_login"]),
        ([], "ana@example.com", "ana@example.com", ["email_from_login"]),
        (None, "ana@localhost", None, ["no_email"]),
    ],
)
def test_the_address_is_that_of_a_device(make: Any, own: Any, login: str, email: Any, notes: list[str]) -> None:
    raws = None if own is None else [make.device(f"D{n}", "ANA", **one) for n, one in enumerate(own)]
    made, found = mapped(make.person("ANA", webLogin=login), None if raws is None else devices(*raws), details=False)
    assert (made.email, found) == (email, notes)
    assert made.contact_methods is None
    assert made.notification_rules is None


def test_nothing_secret_is_in_a_record(make: Any) -> None:
    push = make.device("D1", "ANA", "APPLE_PUSH", apnToken="4714-token", accountId="4715-account")
    made, _ = mapped(make.person("ANA"), devices(push, make.device("D2", "ANA", "TEXT_PAGER", pin="4716-pin")))
    assert "471" not in repr(made)


def test_devices_become_contact_methods_in_order(make: Any) -> None:
    findings = Findings(VENDOR)
    made = contact_methods(
        "ANA",
        devices(
            make.device("D2", "ANA", "VOICE", sequence=2, phoneNumber="+177855556782;ext=120", name="Desk"),
            make.device("D1", "ANA", sequence="1", name=" Work Email "),
            make.device("D3", "ANA", "TEXT_PHONE", sequence=3, phoneNumber="+1 (323) 555-3643", testStatus="INVALID"),
            make.device("D4", "ANA", "ANDROID_PUSH", sequence=None, status=None, active="INACTIVE", name=None),
            make.device("D5", "ANA", "TEXT_PHONE", sequence=5, phoneNumber="604 555 1234;ext=83"),
            make.device("D6", "ANA", "VOICE", sequence=6, phoneNumber="+1;ext=83;x"),
            make.device("D7", "ANA", "FAX"),
            make.device("D8", "ANA", "FAX"),
            make.device("D9", "ANA", "CHAT_SLACK"),
        ),
        findings,
    )
    assert [(m.external_id, m.channel, m.address, m.label, m.enabled, m.vendor_type) for m in made] == [
        ("D1", "email", "ana@example.com", "Work Email", True, "EMAIL"),
        ("D2", "voice", "+177855556782;ext=120", "Desk", False, "VOICE"),
        ("D3", "sms", "+13235553643", "TEXT_PHONE of ANA", False, "TEXT_PHONE"),
        ("D5", "sms", "604 555 1234;ext=83", "TEXT_PHONE of ANA", False, "TEXT_PHONE"),
        ("D6", "voice", "+1;ext=83;x", "VOICE of ANA", False, "VOICE"),
        ("D4", "push", None, "", False, "ANDROID_PUSH"),
    ]
    assert [note.code for note in findings.notes] == [
        "invalid_number",
        "contact_method_off",
        "invalid_number",
        "invalid_number",
        "contact_method_off",
        "skipped_devices",
        "skipped_devices",
    ]
    assert "1 device was left out, of the kind CHAT_SLACK" in findings.notes[-2].message
    assert "2 devices were left out, of the kind FAX" in findings.notes[-1].message
    assert not any("604" in note.message for note in findings.notes)


def test_delays_run_after_a_device_and_count_for_those_behind_it(make: Any) -> None:
    frame = {"name": "Day", "startTime": "09:00", "timezone": "Europe/Berlin", "durationInMinutes": 480}
    made = notification_rules(
        "ANA",
        devices(
            make.device("D1", "ANA", sequence=0, delay=5),
            make.device("D2", "ANA", "FAX", sequence=1, delay="10"),
            make.device("D3", "ANA", sequence=2, delay=15, status="INACTIVE"),
            make.device("D4", "ANA", "VOICE", sequence=3, timeframes=make.envelope([{**frame, "days": ["FR", "MO"]}])),
        ),
        Findings(VENDOR),
    )
    assert made is not None
    window = {"days": ["MO", "FR"], "exclude_holidays": False, "minutes": 480, "start": "09:00"}
    assert made == (
        SourceNotificationRule("D1", "any", 0, "D1"),
        SourceNotificationRule("D4", "any", 15, "D4", made[1].windows),
    )
    assert [json.loads(text) for text in made[1].windows] == [{**window, "time_zone": "Europe/Berlin"}]


@pytest.mark.parametrize(
    ("typed", "country", "address", "extension"),
    [
        ("+44 (0)20 7946 0123", None, "+442079460123", ""),
        ("020 7946 0123", "GB", "+442079460123", ""),
        ("+44 20 7946 0123;ext=120", "US", "+442079460123", "120"),
        ("020 7946 0123", None, None, ""),
        ("020 7946 0123", "Narnia", None, ""),
        ("020 7946 0123", 44, None, ""),
        (None, None, None, ""),
    ],
)
def test_a_number_is_read_by_its_country_or_kept_as_typed_and_switched_off(
    make: Any, typed: str | None, country: Any, address: str | None, extension: str
) -> None:
    findings = Findings(VENDOR)
    raw = make.device("D1", "ANA", "VOICE", phoneNumber=typed, country=country)
    (made,) = contact_methods("ANA", devices(raw), findings)
    assert (made.address, made.extension, made.enabled) == (address or typed, extension, address is not None)
    expected = "phone_extension" if extension else "" if address else "invalid_number"
    assert [note.code for note in findings.notes] == ([expected] if expected else [])


@pytest.mark.parametrize("typed", ["ana@@example.com", "ana example", None])
def test_an_address_that_is_none_is_kept_as_typed_and_switched_off(make: Any, typed: str | None) -> None:
    findings = Findings(VENDOR)
    (made,) = contact_methods("ANA", devices(make.device("D1", "ANA", emailAddress=typed)), findings)
    assert (made.address, made.enabled, [note.code for note in findings.notes]) == (typed, False, ["invalid_email"])


def test_somebody_only_referred_to_keeps_name_and_stand_in() -> None:
    findings = Findings(VENDOR)
    named = wire.Recipient.model_validate({"id": "CY", "firstName": "Cy", "lastName": ""})
    stand_in = (Substitution("A", person("CY"), VACANT, 0, 1),)
    made = referenced_user([wire.Recipient(id="CY"), named], stand_in, (), findings)
    assert (made.name, made.state, made.listed, made.email, made.substitutions) == (
        "Cy",
        "unknown",
        False,
        None,
        stand_in,
    )
    assert referenced_user([wire.Recipient(id="CY")], None, (), findings).name == "CY"


def test_absences_are_substitutions_in_one_group_or_all(make: Any) -> None:
    findings = Findings(VENDOR)
    start, end = "2026-01-05T00:00:00.000Z", "2026-01-07T00:00:00Z"
    raws = [
        make.absence("A2", "ANA", "2026-01-06T00:00:00Z", end, by="BO", group_="G1"),
        make.absence("A1", "ANA", start, end),
        make.absence("A3", "BO", end, start),
        make.absence("A4", "CY", "1850-01-05T00:00:00Z", "3026-01-05T00:00:00Z"),
        {**make.absence("A5", "DI", start, end), "absenceType": "REPLACEMENT"},
        make.absence("A6", "ED", start, start),
        {**make.absence("A7", "FI", start, end, by="G2"), "replacement": make.who("G2", "GROUP")},
    ]
    absences = Absences(list(enumerate(wire.Absence.model_validate(raw) for raw in raws)))
    made = {id_: substitutions(id_, absences.of(id_), findings) for id_ in ("ANA", "BO", "CY", "DI", "ED", "FI")}
    first, last = instant(start), instant(end)
    assert made["ANA"] == (
        Substitution("A1", person("ANA"), VACANT, first, last),
        Substitution("A2", person("ANA"), person("BO"), first + 86_400, last, frozenset({"G1"})),
    )
    assert made["CY"][0].starts_at < 0 < made["CY"][0].ends_at
    assert {id_: (len(found), found.unread) for id_, found in made.items()} == {
        "ANA": (2, 0),
        "BO": (0, 1),
        "CY": (1, 0),
        "DI": (0, 1),
        "ED": (0, 0),
        "FI": (0, 1),
    }
    assert [note.code for note in findings.notes] == ["absence_without_end", "absence_without_time"]
    assert [(f.external_id, f.code, f.path) for f in findings.failed] == [
        ("BO", "invalid_period", "absences[2].end"),
        ("DI", "replacement_not_told", "absences[4].replacement"),
        ("FI", "unknown_value", "absences[6].replacement.recipientType"),
    ]

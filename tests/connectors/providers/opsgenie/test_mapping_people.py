"""People, contacts, forwarding and teams: wire -> record."""

from typing import Any

import pytest

from connectors.providers.atlassian import mapping_people as shared_people
from connectors.providers.atlassian import wire as shared
from connectors.providers.atlassian.harvest import Forwarding
from connectors.providers.opsgenie import mapping_people, wire
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Elements, Findings
from connectors.records import SourceMember
from oncall.rendering.codec import instant_from_text
from oncall.rendering.spec import LATEST, Substitution, person


def mapped(raw: Any, contacts: Any = None, substitutions: Any = None) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    reported = None if contacts is None else findings.read_all(wire.Contact, contacts, "responder", "ANA", "contacts")
    return mapping_people.user(wire.User.model_validate(raw), reported, substitutions, ("team T",), findings), findings


def contact(method: str, to: str | None, **more: Any) -> Any:
    return {"id": "C1", "contactMethod": method, "to": to, "enabled": True, **more}


def codes(findings: Findings) -> list[str]:
    return [note.code for note in findings.notes]


def test_a_person(make: Any) -> None:
    record, findings = mapped(make.user("ANA", fullName="Ana ", username=" Ana.K+x@Example.com"))
    assert (record.external_id, record.name, record.email) == ("ANA", "Ana ", "Ana.K+x@Example.com")
    assert (record.state, record.listed, record.because, record.title) == ("active", True, ("team T",), "")
    assert record.time_zone.zone == "Europe/Berlin"
    assert (record.contact_methods, record.notification_rules, record.substitutions) == (None, None, None)
    assert findings == Findings(VENDOR)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"blocked": True}, "blocked"),
        ({"verified": False}, "not_verified"),
        ({"timeZone": "Mars/Phobos"}, "unknown_zone"),
        ({"username": "ana"}, "no_email"),
    ],
)
def test_what_is_odd_about_a_person_is_named(make: Any, more: Any, code: str) -> None:
    record, findings = mapped(make.user("ANA", **more))
    assert codes(findings) == [code]
    assert record.state == ("inactive" if code == "blocked" else "active")
    assert record.email == (None if code == "no_email" else "ana@example.com")


def test_a_person_without_a_name_or_a_zone_goes_by_the_user_name() -> None:
    record, findings = mapped({"id": "ANA", "username": "ana@example.com", "fullName": ""})
    assert (record.name, record.time_zone.zone, findings.notes) == ("ana@example.com", None, [])


@pytest.mark.parametrize(
    ("raw", "channel", "address"),
    [
        (contact("email", " ana@example.com "), "email", "ana@example.com"),
        (contact("sms", "1-9995550100"), "sms", "+19995550100"),
        (contact("VOICE", "90-555-555-5555"), "voice", "+905555555555"),
        (contact("voice", "+49 (30) 1234.567"), "voice", "+49301234567"),
        (contact("mobile", "device-token"), "push", None),
        ({"id": "C1", "method": "sms", "to": "1-9995550100", "status": {"enabled": True}}, "sms", "+19995550100"),
        ({"id": "C1", "method": "email", "to": "a@example.com", "status": None}, "email", "a@example.com"),
    ],
)
def test_channels_and_addresses_of_both_shapes(make: Any, raw: Any, channel: str, address: str | None) -> None:
    record, findings = mapped(make.user("ANA"), [raw])
    (one,) = record.contact_methods
    assert (one.external_id, one.channel, one.address, one.enabled) == ("C1", channel, address, True)
    assert "device-token" not in repr(record)
    assert findings.notes == []


@pytest.mark.parametrize("number", ["", None, "1-234567", "1-99955501001234567", "call me", "1-999x", "٤٩-301234567"])
def test_a_number_that_is_none_is_kept_as_typed_and_switched_off(make: Any, number: str | None) -> None:
    record, findings = mapped(make.user("ANA"), [contact("sms", number)])
    (one,) = record.contact_methods
    assert (one.address, one.enabled) == (number or None, False)
    assert codes(findings) == ["invalid_number"]


@pytest.mark.parametrize(
    ("typed", "address", "extension"),
    [
        ("49-(0)1713920001", "+491713920001", ""),
        ("0049-1713920001", "+491713920001", ""),
        ("44-07700900123", "+447700900123", ""),
        ("39-0236618300", "+390236618300", ""),
        ("1-2025550143,,12", "+12025550143", "12"),
        ("1-2025550143 x 12", "+12025550143", "12"),
    ],
)
def test_numbers_are_read_by_the_plan_of_the_country(make: Any, typed: str, address: str, extension: str) -> None:
    record, findings = mapped(make.user("ANA"), [contact("voice", typed)])
    (one,) = record.contact_methods
    assert (one.address, one.extension, one.enabled) == (address, extension, True)
    assert codes(findings) == (["phone_extension"] if extension else [])


@pytest.mark.parametrize("typed", [None, "", "ana", "ana@example", "ana@example.com, bo@example.com"])
def test_an_address_that_is_none_is_kept_as_typed_and_switched_off(make: Any, typed: str | None) -> None:
    record, findings = mapped(make.user("ANA"), [contact("email", typed)])
    (one,) = record.contact_methods
    assert (one.address, one.enabled) == (typed or None, False)
    assert codes(findings) == ["invalid_email"]


def test_an_unknown_channel_is_kept_without_its_address(make: Any) -> None:
    record, findings = mapped(make.user("ANA"), [contact("pigeon", "loft")])
    (one,) = record.contact_methods
    assert (one.channel, one.address, one.vendor_type) == ("other", None, "pigeon")
    assert codes(findings) == ["unknown_contact_method"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"enabled": False, "disabledReason": "Blocked by the carrier"}, "Blocked by the carrier"),
        ({"enabled": None, "status": {"enabled": False, "disabledReason": "No credit"}}, "No credit"),
        ({"enabled": False}, "switched off at Opsgenie."),
    ],
)
def test_a_contact_that_is_off_is_off(make: Any, more: Any, reason: str) -> None:
    record, findings = mapped(make.user("ANA"), [contact("email", "a@example.com", **more)])
    assert record.contact_methods[0].enabled is False
    assert codes(findings) == ["contact_method_off"]
    assert reason in findings.notes[0].message


@pytest.mark.parametrize("username", ["ana@example.com", None])
def test_whoever_is_only_referred_to_is_a_person_all_the_same(username: str | None) -> None:
    findings = Findings(VENDOR)
    references = [shared.UserMeta(id="ANA"), shared.UserMeta(id="ANA", username=username)]
    record = shared_people.referenced_user(references, None, ("schedule S",), findings)
    assert (record.external_id, record.name, record.email) == ("ANA", username or "ANA", username)
    assert (record.state, record.listed, record.contact_methods) == ("unknown", False, None)
    assert codes(findings) == ["referenced_only"]


def test_forwarding_rules_stand_in_everywhere(make: Any) -> None:
    findings = Findings(VENDOR)
    raw = [
        make.forwarding("F2", "ANA", "BO", "2026-02-01T00:00:00Z", "3025-01-01T00:00:00Z"),
        make.forwarding("F1", "ANA", "CY", "2026-01-05T00:00:00.5Z", "2026-01-06T00:00:00Z"),
        make.forwarding("F3", "BO", "CY", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"),
        make.forwarding("F4", "BO", "CY", "3025-01-05T00:00:00Z", "3025-01-06T00:00:00Z"),
    ]
    rules = {
        id_: findings.read_all(shared.ForwardingRule, raws, "responder", id_, "forwarding-rules")
        for id_, raws in (("ANA", raw[:2]), ("BO", raw[2:]))
    }
    made = {id_: shared_people.substitutions(id_, Forwarding(rules), make.NOW, findings) for id_ in ("ANA", "BO", "CY")}
    at = instant_from_text
    ana = person("ANA")
    assert made == {
        "ANA": (
            Substitution("F1", ana, person("CY"), at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z")),
            Substitution("F2", ana, person("BO"), at("2026-02-01T00:00:00Z"), LATEST),
        ),
        "BO": (),
        "CY": (),
    }
    assert {found.unread for found in made.values()} == {0}
    assert codes(findings) == ["forwarding_without_end", "forwarding_without_time", "forwarding_out_of_time"]


def test_a_forwarding_rule_that_does_not_say_from_whom_may_be_of_anybody() -> None:
    found = shared_people.substitutions("ANA", Forwarding(unowned=2), 0, Findings(VENDOR))
    assert (found, found.unread) == ((), 2)


def test_teams(make: Any) -> None:
    reported = wire.Team.model_validate(make.team("T1", "BO", "ANA", description="Words"))
    members = Findings(VENDOR).read_all(shared.Member, reported.members or (), "user_group", "T1", "members")
    record = shared_people.team(reported, members, ("service S",))
    assert (record.external_id, record.name, record.description) == ("T1", "Team T1", "Words")
    assert record.members == (SourceMember("ANA", "user"), SourceMember("BO", "user"))
    assert shared_people.team(reported, None, ()).members is None
    empty = shared_people.team(reported, Elements(), ())
    assert (empty.members, empty.unread) == ((), {})

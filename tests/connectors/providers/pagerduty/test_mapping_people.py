"""Tests how people, contact methods and teams become records."""

from typing import Any

import pytest

from connectors.providers.pagerduty import mapping_people, wire
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceMember, SourceNotificationRule


def mapped(raw: Any, methods: Any = None, rules: Any = None) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    reported = None if methods is None else [wire.ContactMethod.model_validate(one) for one in methods]
    when = None if rules is None else [wire.NotificationRule.model_validate(one) for one in rules]
    return mapping_people.user(wire.User.model_validate(raw), reported, when, ("team T",), findings), findings


def method(kind: str, **more: Any) -> Any:
    return {"id": "C1", "type": f"{kind}_contact_method", "label": "Mine", "summary": "S", **more}


def test_a_person(make: Any) -> None:
    record, findings = mapped(make.user("P1", name="Ana ", email=" Ana@Example.com ", job_title="Lead"))
    assert (record.external_id, record.name, record.email, record.title) == ("P1", "Ana ", "Ana@Example.com", "Lead")
    assert (record.state, record.listed, record.because) == ("active", True, ("team T",))
    assert record.time_zone.zone == "Europe/Berlin"
    assert (record.contact_methods, record.notification_rules, record.substitutions) == (None, None, None)
    assert findings == Findings(VENDOR)


def test_a_person_without_an_email_or_with_an_odd_zone_is_kept_and_named(make: Any) -> None:
    record, findings = mapped(make.user("P1", email=None, time_zone="Mars/Phobos", name=None))
    assert (record.email, record.time_zone.zone, record.name) == (None, None, "User P1")
    assert [note.code for note in findings.notes] == ["no_email", "unknown_zone"]
    record, findings = mapped({"id": "P1", "deleted_at": "2025-01-01T00:00:00Z", "email": " "})
    assert (record.name, record.state, record.time_zone.zone) == ("P1", "deleted", None)
    assert [note.code for note in findings.notes] == ["no_email"]


@pytest.mark.parametrize(
    ("raw", "channel", "address"),
    [
        (method("email", address=" ana@example.com "), "email", "ana@example.com"),
        (method("phone", country_code=49, address="30 1234-567"), "voice", "+49301234567"),
        (method("sms", country_code=1, address="5185550100"), "sms", "+15185550100"),
        (method("whatsapp", country_code=1, address="5185550100"), "other", "+15185550100"),
        (method("push_notification", address="device-token"), "push", None),
    ],
)
def test_channels_and_addresses(make: Any, raw: Any, channel: str, address: str | None) -> None:
    record, findings = mapped(make.user("P1"), [raw])
    (one,) = record.contact_methods
    assert (one.external_id, one.channel, one.address, one.label, one.enabled) == ("C1", channel, address, "Mine", True)
    assert one.vendor_type == raw["type"]
    assert "device-token" not in repr(record)
    assert findings.notes == []


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"country_code": None, "address": "5185550100"}, "5185550100"),
        ({"country_code": 1, "address": None}, None),
        ({"country_code": 1, "address": "ext."}, "ext."),
        ({"country_code": 44, "address": "+15185550100"}, "+15185550100"),
        ({"country_code": 1, "address": "518555010051855501"}, "518555010051855501"),
        ({"country_code": 1, "address": "7" * 1000}, "7" * 511 + "…"),
    ],
)
def test_a_number_that_is_not_understood_is_kept_as_typed_and_switched_off(make: Any, more: Any, kept: Any) -> None:
    record, findings = mapped(make.user("P1"), [method("sms", **more)])
    (one,) = record.contact_methods
    assert (one.address, one.enabled) == (kept, False)
    assert [note.code for note in findings.notes] == ["invalid_number"]


@pytest.mark.parametrize(
    ("country", "typed", "number", "extension"),
    [
        (1, "2025550143,,,204", "+12025550143", "204"),
        (1, "12025550143", "+12025550143", ""),
        (1, "+12025550143", "+12025550143", ""),
        (44, "07700 900123", "+447700900123", ""),
        (44, "447400123456", "+447400123456", ""),
        (39, "06 1234 5678", "+390612345678", ""),
    ],
)
def test_numbers_follow_the_plan_of_their_country(
    make: Any, country: int, typed: str, number: str, extension: str
) -> None:
    record, findings = mapped(make.user("P1"), [method("phone", country_code=country, address=typed)])
    (one,) = record.contact_methods
    assert (one.address, one.extension, one.enabled) == (number, extension, True)
    assert [note.code for note in findings.notes] == (["phone_extension"] if extension else [])


@pytest.mark.parametrize("typed", [None, " ", "ana", "ana@example", "ana@example.com, bo@example.com"])
def test_an_address_that_is_no_address_is_kept_as_typed_and_switched_off(make: Any, typed: str | None) -> None:
    record, findings = mapped(make.user("P1"), [method("email", address=typed)])
    (one,) = record.contact_methods
    assert (one.address, one.enabled) == ((typed or "").strip() or None, False)
    assert [note.code for note in findings.notes] == ["invalid_email"]


@pytest.mark.parametrize("sent", [" ", "not mail", "a" * 400 + "@example.com"])
def test_a_person_keeps_no_address_that_no_mail_can_be_sent_to(make: Any, sent: str) -> None:
    record, findings = mapped(make.user("P1", email=sent))
    assert (record.email, [note.code for note in findings.notes]) == (None, ["no_email"])
    reference = wire.Reference.model_validate({"id": "P1", "type": "user_reference", "email": sent})
    assert mapping_people.referenced_user([reference], (), findings).email is None


def test_a_name_of_blanks_falls_back(make: Any) -> None:
    record, _ = mapped(make.user("P1", name="  ", summary=None))
    assert record.name == "P1"
    record, _ = mapped(make.user("P1", name="  ", summary="Ana"))
    assert record.name == "Ana"


def test_an_unknown_channel_is_kept_without_its_address(make: Any) -> None:
    record, findings = mapped(make.user("P1"), [method("pigeon", address="loft", label=None)])
    (one,) = record.contact_methods
    assert (one.channel, one.address, one.label, one.vendor_type) == ("other", None, "S", "pigeon_contact_method")
    assert [note.code for note in findings.notes] == ["unknown_contact_method"]


@pytest.mark.parametrize("more", [{"enabled": False}, {"blacklisted": True}])
def test_a_blocked_method_is_switched_off(make: Any, more: Any) -> None:
    record, findings = mapped(make.user("P1"), [method("email", address="a@example.com", summary=None, **more)])
    assert record.contact_methods[0].enabled is False
    assert [note.code for note in findings.notes] == ["contact_method_off"]


def test_notification_rules(make: Any) -> None:
    rule = {
        "id": "N1",
        "type": "assignment_notification_rule",
        "start_delay_in_minutes": 5,
        "urgency": "low",
        "contact_method": {"id": "C1", "type": "email_contact_method_reference"},
    }
    record, _ = mapped(make.user("P1"), [], [rule])
    assert record.contact_methods == ()
    assert record.notification_rules == (SourceNotificationRule("N1", "low", 5, "C1"),)


def test_whoever_is_only_referred_to_is_a_person_all_the_same(make: Any) -> None:
    findings = Findings(VENDOR)
    bare = wire.Reference(id="P1", type="user_reference", summary="Ana K.")
    expanded = wire.Reference(id="P1", type="user", name="Ana", email="ana@example.com", time_zone="Europe/Berlin")
    record = mapping_people.referenced_user([bare, expanded], ("schedule S",), findings)
    assert (record.name, record.email, record.state, record.listed) == ("Ana", "ana@example.com", "unknown", False)
    assert record.time_zone.zone == "Europe/Berlin"
    assert record.contact_methods is None
    gone = wire.Reference(id="P1", type="user_reference", deleted_at="2024-02-21T08:42:06-08:00")
    record = mapping_people.referenced_user([bare, gone], (), findings)
    assert (record.name, record.email, record.state) == ("Ana K.", None, "deleted")
    assert mapping_people.referenced_user([gone], (), findings).name == "P1"
    assert [note.code for note in findings.notes] == ["referenced_only", "deleted", "deleted"]


@pytest.mark.parametrize(
    ("email", "codes"),
    [("ana@example.com", []), ("ANA@example.com ", []), ("other@example.com", ["reference_differs"])],
)
def test_a_reference_that_shows_somebody_else_under_the_id_is_named(make: Any, email: str, codes: list[str]) -> None:
    findings = Findings(VENDOR)
    person = wire.User.model_validate(make.user("P1", email="ana@example.com"))
    mapping_people.compare(person, [wire.Reference(id="P1", email=email), wire.Reference(id="P1")], findings)
    assert [note.code for note in findings.notes] == codes


def test_members_are_by_id_and_once_or_not_told(make: Any) -> None:
    team = wire.Team.model_validate({"id": "T1", "name": "Team ", "description": None})
    reported = [
        wire.Member.model_validate({"user": make.reference("user", id_), "role": role})
        for id_, role in (("P2", "manager"), ("P1", None), ("P2", "responder"))
    ]
    record = mapping_people.team(team, reported, ())
    assert (record.name, record.description) == ("Team ", "")
    assert record.members == (SourceMember("P1", ""), SourceMember("P2", "responder"))
    assert mapping_people.team(team, None, ()).members is None

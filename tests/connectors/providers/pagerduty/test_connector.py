"""Tests the form, the origin, the scrubbing and *Test connection*."""

from typing import Any

import pytest

from connectors.base import Right
from connectors.errors import AuthenticationFailed, ConnectionConfigError
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.providers.pagerduty.identity import subdomain_of

DENIED = (403, {"error": {"message": "Access Denied", "code": 2010}})
NO_PLAN = (402, {"error": {"message": "Account does not have the required ability", "code": 2014}})


@pytest.mark.parametrize(
    "typed",
    [
        "acme",
        " ACME ",
        "acme.pagerduty.com",
        "https://acme.pagerduty.com/",
        "https://acme.pagerduty.com/users/PANA?x=1",
        "acme.eu.pagerduty.com",
    ],
)
def test_the_subdomain_is_understood_however_it_is_typed(typed: str) -> None:
    assert PagerDuty.clean({"subdomain": typed}) == {"subdomain": "acme", "region": "us", "auth": "token"}


@pytest.mark.parametrize(
    "typed", ["", "  ", "app.pagerduty.com", "https://", "acme.example.com", "a b", "-acme", "www", "https://[acme"]
)
def test_it_refuses_what_is_no_subdomain(typed: str) -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        PagerDuty.clean({"subdomain": typed})
    assert refused.value.field == "subdomain"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("region", "mars", "Service region is 'mars'. Choose one of us, eu."),
        ("auth", "password", "Kind of key is 'password'. Choose one of token, bearer."),
    ],
)
def test_it_refuses_a_choice_it_does_not_offer(name: str, value: str, said: str) -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        PagerDuty.clean({"subdomain": "acme", name: value})
    assert (refused.value.field, str(refused.value)) == (name, said)


def test_hosts_are_fixed_by_region() -> None:
    assert PagerDuty.origin(PagerDuty.clean({"subdomain": "acme"})) == "https://api.pagerduty.com"
    assert PagerDuty.origin(PagerDuty.clean({"subdomain": "acme", "region": "EU"})) == "https://api.eu.pagerduty.com"


def test_the_form_offers_every_setting_and_one_secret() -> None:
    fields = {field.name: field for field in PagerDuty.fields()}
    assert set(fields) == {"subdomain", "region", "auth", "api_key"}
    assert [name for name, field in fields.items() if field.kind == "secret"] == ["api_key"]
    assert [value for value, _ in fields["auth"].choices] == ["token", "bearer"]


@pytest.mark.parametrize(("auth", "announced"), [("token", "Token token="), ("bearer", "Bearer ")])
def test_the_key_is_announced_by_its_kind(account: Any, make: Any, auth: str, announced: str) -> None:
    account.connector(auth=auth).probe()
    assert {headers["Authorization"] for headers in account.headers} == {announced + make.KEY}
    assert {headers["Accept"] for headers in account.headers} == {"application/vnd.pagerduty+json;version=2"}


def test_secrets_are_scrubbed_from_recordings() -> None:
    body = {
        "schedule": {"http_cal_url": "x", "web_cal_url": "x", "personal_http_cal_url": "x", "name": "Ops"},
        "users": [{"calendar_urls": ["x"], "contact_methods": [
            {"type": "push_notification_contact_method", "address": "x", "label": "Phone"},
            {"type": "email_contact_method", "address": "ana@example.com"},
        ]}],
        "integrations": [{"integration_key": "x", "integration_email": "x", "id": "PI"}],
    }  # fmt: skip
    assert PagerDuty.scrub("/any", body) == {
        "schedule": {"name": "Ops"},
        "users": [{"contact_methods": [
            {"type": "push_notification_contact_method", "address": "***", "label": "Phone"},
            {"type": "email_contact_method", "address": "ana@example.com"},
        ]}],
        "integrations": [{"id": "PI"}],
    }  # fmt: skip


def test_a_good_key_shows_its_account_and_its_rights(account: Any) -> None:
    probe = account.connector(region="eu").probe()
    assert (probe.account.id, probe.account.label, probe.account.region) == ("acme", "acme.pagerduty.com", "eu")
    assert {right.entity_type for right in probe.rights if right.granted} == {
        "responder", "user_group", "schedule", "escalation_policy", "service",
    }  # fmt: skip
    assert all(dict(request.query).get("limit", "1") == "1" for request in account.requests)


def test_a_refused_key_is_shown_on_its_field_with_the_region(account: Any, make: Any) -> None:
    account.answers["/users"] = (401, {"error": {"message": "Unauthorized", "code": 2006}})
    for attempt in (account.connector().probe, account.connector().inventory):
        account.answers["/teams"] = account.answers["/users"]
        with pytest.raises(AuthenticationFailed) as refused:
            attempt()
        assert refused.value.field == "api_key"
        assert "US" in refused.value.hint
        assert make.KEY not in str(refused.value)


def test_a_key_of_another_account_names_both(account: Any, make: Any) -> None:
    account.users = [make.user("P1", html_url="https://globex.pagerduty.com/users/P1")]
    with pytest.raises(ConnectionConfigError) as refused:
        account.connector().probe()
    assert refused.value.field == "subdomain"
    assert "globex" in str(refused.value)
    assert "acme" in str(refused.value)


def test_the_account_is_told_by_teams_and_schedules_when_no_person_shows_it(account: Any, make: Any) -> None:
    account.users = [make.user("P1", html_url=None)]
    account.teams = [{"id": "T1", "name": "T", "html_url": "https://app.pagerduty.com/teams/T1"}]
    account.schedules = [make.schedule("S1")]
    assert account.connector().probe().account.id == "acme"
    account.schedules = []
    probe = account.connector().probe()
    assert probe.account.id is None
    assert "not confirmed" in probe.account.label
    assert any("not confirmed" in message for message in probe.messages)


def test_missing_rights_are_named_with_their_scope(account: Any) -> None:
    account.answers |= {"/services": DENIED, "/teams": NO_PLAN, "/v3/schedules": DENIED, "/abilities": DENIED}
    probe = account.connector().probe()
    rights = {right.entity_type: right for right in probe.rights}
    assert rights["service"].granted is False
    assert "services.read" in rights["service"].detail
    assert rights["user_group"] == Right("user_group", None, "There are no teams in this plan.")
    assert rights["schedule"].granted is True
    assert any("shift-based" in message for message in probe.messages)
    assert any("abilities" in message for message in probe.messages)


def test_contact_details_that_may_not_be_read_are_a_message(account: Any, make: Any) -> None:
    account.answers["/users"] = lambda query: (
        DENIED if "include[]" in query else make.page("users", account.users, query)
    )
    account.answers["/abilities"] = {"abilities": ["urgencies"]}
    probe = account.connector().probe()
    assert probe.rights[0] == Right("responder", True)
    assert any("users:contact_methods.read" in message for message in probe.messages)
    assert any("plan has no teams" in message for message in probe.messages)


def test_answers_that_are_no_lists_of_objects_show_no_account(account: Any) -> None:
    account.answers |= {
        "/users": {"users": {}},
        "/teams": {"teams": ["x"]},
        "/schedules": {"schedules": [{"html_url": 1}]},
    }
    assert account.connector().probe().account.id is None


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://acme.pagerduty.com/users/P1", "acme"),
        ("https://Acme.eu.pagerduty.com/users/P1", "acme"),
        ("https://app.pagerduty.com/users/P1", None),
        ("https://acme.example.com/users/P1", None),
        ("https://[broken", None),
        (None, None),
    ],
)
def test_a_web_address_tells_the_subdomain(url: str | None, label: str | None) -> None:
    assert subdomain_of(url) == label

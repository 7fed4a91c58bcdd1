"""The form, the origin, what is scrubbed, Test connection."""

from typing import Any

import pytest

from connectors.base import Right
from connectors.errors import AuthenticationFailed, ConnectionConfigError, ProviderUnavailable, RequestRejected
from connectors.providers.opsgenie.connector import Opsgenie
from connectors.records import Account
from connectors.registry import connector_class

UNAUTHORIZED = (401, {"message": "API Key is not valid", "took": 0.0, "requestId": "r"})
NO_PLAN = (402, {"message": "Your plan does not allow this", "took": 0.0, "requestId": "r"})
NO_KEY = (422, {"message": "Key format is not valid!", "took": 0.0, "requestId": "r"})
LISTS = ("/v2/users", "/v2/teams", "/v2/schedules", "/v2/escalations", "/v1/services")


def test_it_is_one_of_the_connectors() -> None:
    assert connector_class("opsgenie") is Opsgenie


@pytest.mark.parametrize(("typed", "region"), [("", "us"), ("us", "us"), (" EU ", "eu")])
def test_hosts_are_fixed_by_region(typed: str, region: str) -> None:
    settings = Opsgenie.clean({"region": typed})
    assert settings == {"region": region}
    host = "https://api.opsgenie.com" if region == "us" else "https://api.eu.opsgenie.com"
    assert Opsgenie.origin(settings) == host


def test_it_refuses_a_region_it_does_not_offer() -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        Opsgenie.clean({"region": "mars"})
    assert refused.value.field == "region"


def test_the_form_offers_every_setting_and_one_secret() -> None:
    fields = {field.name: field for field in Opsgenie.fields()}
    assert [name for name, field in fields.items() if field.kind == "secret"] == ["api_key"]
    assert [value for value, _ in fields["region"].choices] == ["us", "eu"]
    assert fields["region"].with_key


def test_the_key_goes_into_the_header_only(account: Any, make: Any) -> None:
    account.connector().probe()
    assert {headers["Authorization"] for headers in account.headers} == {f"GenieKey {make.KEY}"}
    assert all(make.KEY not in request.target for request in account.requests)


def test_device_tokens_are_scrubbed_from_recordings() -> None:
    body = {"data": [
        {"method": "mobile", "to": "token", "id": "C1"},
        {"contactMethod": "mobile", "to": "token"},
        {"contactMethod": "email", "to": "ana@example.com"},
        {"method": "mobile"},
    ], "took": 0.1}  # fmt: skip
    assert Opsgenie.scrub("/v2/users/ANA", "no object") == "no object"
    assert Opsgenie.scrub("/v2/users/ANA", body) == {"data": [
        {"method": "mobile", "to": "***", "id": "C1"},
        {"contactMethod": "mobile", "to": "***"},
        {"contactMethod": "email", "to": "ana@example.com"},
        {"method": "mobile"},
    ], "took": 0.1}  # fmt: skip


# --- Test connection --------------------------------------------------------------------------------------------------


def test_a_good_key_shows_its_account_its_rights_and_its_limits(account: Any, make: Any) -> None:
    limits = [
        {"domain": "search", "limits": [{"limit": 1, "periodInSeconds": 1}]},
        {
            "domain": "configuration",
            "limits": [{"limit": 10, "periodInSeconds": 1}, {"limit": 300, "periodInSeconds": 60}],
        },
    ]
    account.answers["/v2/request-limits"] = make.data({"rateLimits": limits})
    connector = account.connector(region="eu")
    probe = connector.probe()
    assert probe.account == Account("acme", "acme", "eu")
    assert [right.entity_type for right in probe.rights if right.granted] == [
        "responder", "user_group", "schedule", "escalation_policy", "service",
    ]  # fmt: skip
    assert probe.calls_per_minute == 300
    assert probe.messages == ()
    assert connector.calls == len(account.requests) == 8


@pytest.mark.parametrize("answer", [(404, {"message": "x"}), {"data": {"rateLimits": [{"domain": 1}]}}])
def test_the_limits_are_optional(account: Any, answer: Any) -> None:
    account.answers["/v2/request-limits"] = answer
    probe = account.connector().probe()
    assert probe.calls_per_minute is None
    assert any("rate limits" in message for message in probe.messages)


def test_limits_without_the_configuration_domain_are_not_told(account: Any, make: Any) -> None:
    account.answers["/v2/request-limits"] = make.data({"rateLimits": []})
    assert account.connector().probe().calls_per_minute is None


def test_a_key_without_configuration_access_says_what_to_tick(account: Any, make: Any) -> None:
    account.answers |= dict.fromkeys(LISTS, make.HIDDEN)
    probe = account.connector().probe()
    assert {right.granted for right in probe.rights} == {False}
    assert all("Configuration Access" in right.detail and "Read" in right.detail for right in probe.rights)
    assert any("Configuration Access" in message for message in probe.messages)


def test_one_missing_right_is_named(account: Any, make: Any) -> None:
    account.answers |= {"/v2/schedules": make.HIDDEN, "/v1/services": NO_PLAN, "/v2/forwarding-rules": make.HIDDEN}
    probe = account.connector().probe()
    rights = {right.entity_type: right for right in probe.rights}
    assert rights["schedule"].granted is False
    assert rights["service"] == Right("service", None, "There are no services in this plan.")
    assert rights["responder"].granted is True
    assert any("Forwarding" in message for message in probe.messages)


def test_a_key_of_a_team_is_found_out(account: Any, make: Any) -> None:
    account.answers["/v2/account"] = make.HIDDEN
    probe = account.connector().probe()
    assert probe.account.id is None
    assert any("team's" in message for message in probe.messages)


@pytest.mark.parametrize("answer", [(404, {"message": "x"}), {"data": {"plan": {}}}])
def test_an_account_that_is_not_told_is_a_message(account: Any, answer: Any) -> None:
    account.answers["/v2/account"] = answer
    probe = account.connector().probe()
    assert probe.account.id is None
    assert any("account" in message for message in probe.messages)


@pytest.mark.parametrize("answer", [UNAUTHORIZED, NO_KEY])
def test_a_refused_key_or_region_is_shown_on_the_key(account: Any, make: Any, answer: Any) -> None:
    account.answers |= dict.fromkeys(("/v2/account", *LISTS), answer)
    for attempt in (account.connector().inventory, lambda: account.connector(region="eu").rendered({"S1": ()}, 0, 1)):
        account.answers["/v2/schedules/S1/timeline"] = UNAUTHORIZED
        with pytest.raises(AuthenticationFailed) as refused:
            attempt()
        assert refused.value.field == "api_key"
        assert "region" in refused.value.hint
        assert make.KEY not in str(refused.value)


def test_test_connection_names_a_wrong_region(account: Any) -> None:
    account.answers["/v2/account"] = UNAUTHORIZED
    with pytest.raises(AuthenticationFailed, match="now US"):
        account.connector().probe()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, {"message": "Nonsense"}), RequestRejected),
        ((400, {"message": "key"}), RequestRejected),
        ((500, {}), ProviderUnavailable),
    ],
)
def test_another_refusal_is_not_blamed_on_the_key(account: Any, answer: Any, error: Any) -> None:
    account.answers |= dict.fromkeys(LISTS, answer)
    with pytest.raises(error):
        account.connector().inventory()

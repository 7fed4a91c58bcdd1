"""Tests the form, the address, the credentials and *Test connection*."""

import json
from typing import Any

import pytest

from connectors.errors import AuthenticationFailed, ConnectionConfigError, ProviderUnavailable, RequestRejected
from connectors.network.exchange import Response
from connectors.providers.xmatters.address import clean_base_url
from connectors.providers.xmatters.connector import XMatters
from connectors.providers.xmatters.login import TOKEN_PATH
from connectors.records import ENTITY_TYPES

KEY_ID = "5d0c6f1e-3a7b-4c58-9f21-ac3e00000003"


@pytest.mark.parametrize(
    "typed",
    [
        "https://acme.xmatters.com",
        " https://acme.xmatters.com/ ",
        "https://acme.xmatters.com/api/xm/1",
        "https://acme.xmatters.com/api/xm/1/",
        "HTTPS://Acme.xmatters.com:443",
    ],
)
def test_both_forms_of_the_address_are_one(typed: str) -> None:
    assert clean_base_url(typed) == "https://acme.xmatters.com"


@pytest.mark.parametrize("host", ["acme.cs1.xmatters.com", "acme.na5.xmatters.com", "pager.acme.example"])
def test_a_host_is_taken_as_it_is(host: str) -> None:
    assert clean_base_url(f"https://{host}/api/xm/1") == f"https://{host}"
    settings = XMatters.clean({"base_url": f"https://{host}"})
    assert XMatters.origin(settings) == f"https://{host}"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("", "in full"),
        ("acme.xmatters.com", "in full"),
        ("acme", "in full"),
        ("http://acme.xmatters.com", "https"),
        ("https://ana:secret@acme.xmatters.com", "for example"),
        ("https://acme.xmatters.com?x=1", "Enter only https://acme.xmatters.com."),
        ("https://acme.xmatters.com/api/xm/1#top", "Enter only https://acme.xmatters.com."),
        ("https://acme.xmatters.com/xmatters/ui/home", "Enter only https://acme.xmatters.com."),
        ("https://acme.xmatters.com/api/xm/2", "Enter only https://acme.xmatters.com."),
        ("https://acme.xmatters.com/api/xm/1/../../x", "Enter only https://acme.xmatters.com."),
        ("https://evil.example\\.xmatters.com", "for example"),
        ("https://127.0.0.1", "for example"),
    ],
)
def test_anything_else_is_refused_with_what_to_enter(typed: str, hint: str) -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        clean_base_url(typed)
    assert refused.value.field == "base_url"
    assert hint in refused.value.hint or hint in refused.value.message
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"auth": "ticket"}, "auth"), ({"auth": "oauth"}, "client_id"), ({"nested": "all"}, "nested")],
)
def test_a_wrong_setting_names_its_field(settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        XMatters.clean({"base_url": "https://acme.xmatters.com", **settings})
    assert refused.value.field == field


def test_the_form_has_one_secret_and_every_setting_is_cleaned() -> None:
    fields = {field.name: field for field in XMatters.fields()}
    assert [name for name, field in fields.items() if field.kind == "secret"] == ["password"]
    assert [name for name, field in fields.items() if not field.with_key] == ["nested"]
    cleaned = XMatters.clean({"base_url": "https://acme.xmatters.com", "auth": " OAuth ", "client_id": " c "})
    assert set(cleaned) == set(fields) - {"password"}
    assert (cleaned["auth"], cleaned["client_id"], cleaned["nested"]) == ("oauth", "c", "skip")


def test_basic_credentials_are_sent_as_they_are(instance: Any) -> None:
    instance.connector(username=f"x-api-key-{KEY_ID}").probe()
    assert {sent["Authorization"].split()[0] for sent in instance.headers} == {"Basic"}
    assert {sent["Accept"] for sent in instance.headers} == {"application/json"}


# --- Test connection --------------------------------------------------------------------------------------------------


def test_the_probe_asks_one_of_each_and_never_the_ping_endpoint(instance: Any) -> None:
    probe = instance.connector().probe()
    assert [right.entity_type for right in probe.rights] == list(ENTITY_TYPES)
    assert all(right.granted for right in probe.rights)
    assert (probe.account.id, probe.account.label) == ("acme.xmatters.com", "acme.xmatters.com")
    assert instance.paths() == ["/people", "/groups", "/groups/G1/shifts", "/services", "/devices"]
    assert all(("limit", "1") in request.query for request in instance.requests)


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/people", {"responder"}),
        ("/groups", {"user_group", "schedule", "escalation_policy"}),
        ("/groups/G1/shifts", {"schedule", "escalation_policy"}),
    ],
)
def test_each_missing_right_is_named_with_what_to_grant(instance: Any, make: Any, path: str, kinds: set[str]) -> None:
    instance.answers[path] = make.FORBIDDEN
    rights = instance.connector().probe().rights
    assert {right.entity_type for right in rights if right.granted is False} == kinds
    assert all("REST Web Service User" in right.detail for right in rights if right.granted is False)


def test_missing_devices_and_services_are_messages(instance: Any, make: Any) -> None:
    instance.answers |= {"/devices": make.FORBIDDEN, "/services": make.FORBIDDEN}
    probe = instance.connector().probe()
    assert any("Devices cannot be listed" in message for message in probe.messages)
    service = next(right for right in probe.rights if right.entity_type == "service")
    assert service.granted is None
    assert "The services could not be read, so none are offered" in service.detail
    del instance.answers["/services"]
    instance.services = []
    service = next(right for right in instance.connector().probe().rights if right.entity_type == "service")
    assert (service.granted, "on-call groups are offered" in service.detail) == (True, True)


def test_without_a_group_or_its_shifts_nothing_tells_about_shifts(instance: Any, make: Any) -> None:
    instance.answers["/groups/G1/shifts"] = make.GONE
    assert {r.granted for r in instance.connector().probe().rights if r.entity_type == "schedule"} == {None}
    instance.groups = []
    assert all(right.granted for right in instance.connector().probe().rights)


def test_an_account_that_may_read_nothing_is_told_so(instance: Any, make: Any) -> None:
    instance.answers |= dict.fromkeys(("/people", "/groups", "/services"), make.FORBIDDEN)
    messages = instance.connector().probe().messages
    assert any("may read no object that can be imported" in message for message in messages)


@pytest.mark.parametrize(
    ("settings", "field", "hint"),
    [
        ({}, "password", "single sign-on"),
        ({"username": KEY_ID}, "username", "x-api-key-"),
        ({"username": f"x-api-key-{KEY_ID}"}, "password", "Check"),
    ],
)
def test_a_refused_credential_is_shown_on_its_field(
    instance: Any, make: Any, settings: dict[str, str], field: str, hint: str
) -> None:
    instance.answers |= dict.fromkeys(("/people", "/groups", "/services"), make.UNAUTHORIZED)
    connector = instance.connector(**settings)
    for attempt in (
        connector.probe,
        connector.inventory,
        lambda: connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 1),
    ):
        with pytest.raises(AuthenticationFailed) as refused:
            attempt()
        assert refused.value.field == field
        assert hint in refused.value.hint
        assert make.PASSWORD not in str(refused.value)


@pytest.mark.parametrize("status", [400, 406, 415])
def test_another_refusal_is_not_blamed_on_the_credential(instance: Any, status: int) -> None:
    instance.answers |= dict.fromkeys(("/people", "/groups", "/services"), (status, {"reason": "x"}))
    with pytest.raises(RequestRejected):
        instance.connector().inventory()


def test_nothing_but_the_token_may_be_posted(instance: Any) -> None:
    connector = instance.connector()
    with pytest.raises(ValueError, match="not declared"):
        connector._api.post("/api/xm/1/people", {})
    instance.connector().probe()
    assert {request.method for request in instance.requests} == {"GET"}


# --- OAuth ------------------------------------------------------------------------------------------------------------

OAUTH = {"auth": "oauth", "client_id": "client-1"}


class Tokens:
    """The token endpoint: hands out T1, T2, ...; answers other requests only with the newest."""

    def __init__(self, instance: Any, make: Any, **answer: Any) -> None:
        self.instance, self.make, self.answer = instance, make, answer
        self.forms: list[dict[str, str]] = []
        self.refused: set[str] = set()
        exchange = instance.exchange

        def guarded(request: Any, *, headers: Any, deadline: float) -> Any:
            if request.path == TOKEN_PATH:
                assert request.form and "Authorization" not in headers
                self.forms.append(request.body)
                instance.answers["/oauth2/token"] = self._grant(request.body)
            elif headers["Authorization"] != f"Bearer T{len(self.forms)}" or headers["Authorization"] in self.refused:
                instance.answers[request.path.removeprefix(make.ROOT)] = (401, {"error": "invalid_token"})
            else:
                instance.answers.pop(request.path.removeprefix(make.ROOT), None)
            return exchange(request, headers=headers, deadline=deadline)

        instance.exchange = guarded

    def _grant(self, form: dict[str, str]) -> Any:
        if form["grant_type"] in self.refused:
            return 400, {"error": "invalid_grant"}
        token = {"access_token": f"T{len(self.forms)}", "expires_in": 3600, "refresh_token": f"R{len(self.forms)}"}
        return {**token, "token": "bearer", **self.answer}


def test_a_token_is_got_once_and_counted(instance: Any, make: Any) -> None:
    tokens = Tokens(instance, make)
    connector = instance.connector(**OAUTH)
    connector.probe()
    assert tokens.forms == [
        {"grant_type": "password", "username": "reader", "password": make.PASSWORD, "client_id": "client-1"}
    ]
    assert connector.calls == 6


def test_a_token_is_renewed_before_it_ends_and_by_password_when_that_is_refused(instance: Any, make: Any) -> None:
    tokens = Tokens(instance, make)
    connector = instance.connector(**OAUTH)
    connector.probe()
    instance.now += 3550
    connector.probe()
    assert tokens.forms[1] == {"grant_type": "refresh_token", "refresh_token": "R1", "client_id": "client-1"}
    tokens.refused.add("refresh_token")
    instance.now += 3550
    connector.probe()
    assert [form["grant_type"] for form in tokens.forms[2:]] == ["refresh_token", "password"]


def test_a_token_that_died_before_its_time_is_replaced_once(instance: Any, make: Any) -> None:
    tokens = Tokens(instance, make)
    connector = instance.connector(**OAUTH)
    connector.probe()
    tokens.refused.add("Bearer T1")
    connector.probe()
    assert len(tokens.forms) == 2
    tokens.refused.add("Bearer T2")
    with pytest.raises(AuthenticationFailed):
        connector.probe()


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ((400, {"error": "invalid_grant"}), "password"),
        ((401, {"error": "invalid_client"}), "client_id"),
    ],
)
def test_a_refused_login_is_shown_on_its_field(instance: Any, answer: Any, field: str) -> None:
    instance.answers["/oauth2/token"] = answer
    with pytest.raises(AuthenticationFailed) as refused:
        instance.connector(**OAUTH).probe()
    assert refused.value.field == field


@pytest.mark.parametrize("odd", [{"access_token": ""}, {"access_token": 7}, {"expires_in": "soon"}])
def test_a_token_in_another_form_is_named(instance: Any, make: Any, odd: dict[str, Any]) -> None:
    Tokens(instance, make, **odd)
    with pytest.raises(Exception, match="no valid token") as refused:
        instance.connector(**OAUTH).probe()
    assert make.PASSWORD not in str(refused.value)


def test_a_token_without_a_refresh_token_is_got_again_by_password(instance: Any, make: Any) -> None:
    tokens = Tokens(instance, make, refresh_token=None)
    connector = instance.connector(**OAUTH)
    connector.probe()
    instance.now += 4000
    connector.probe()
    assert [form["grant_type"] for form in tokens.forms] == ["password", "password"]


def test_an_instance_that_does_not_answer_is_no_wrong_credential(instance: Any) -> None:
    instance.answers |= dict.fromkeys(("/people", "/groups", "/services"), (503, {}))
    with pytest.raises(ProviderUnavailable):
        instance.connector().inventory()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500, 503])
def test_a_refresh_token_that_is_quoted_back_is_never_shown(instance: Any, make: Any, status: int) -> None:
    """Only the password is known to the client as something to mask: another login is tried instead."""
    Tokens(instance, make)
    connector = instance.connector(**OAUTH)
    connector.probe()
    instance.now += 4000
    exchange = instance.exchange

    def quoting(request: Any, *, headers: Any, deadline: float) -> Any:
        if request.path == TOKEN_PATH and request.body["grant_type"] == "refresh_token":
            quote = json.dumps({"message": f"{request.body['refresh_token']} is no good"}).encode()
            return Response(status, {"content-type": "application/json"}, quote)
        if request.path == TOKEN_PATH:
            return Response(503, {"content-type": "application/json"}, b"{}")
        return exchange(request, headers=headers, deadline=deadline)

    instance.exchange = quoting
    with pytest.raises(ProviderUnavailable) as refused:
        connector.probe()
    error: BaseException | None = refused.value
    while error is not None:
        assert "R1" not in f"{error!s} {error!r} {vars(error)!r}"
        error = error.__cause__ or error.__context__

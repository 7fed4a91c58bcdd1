"""The connection: its form, its site, its token, and what Test connection says about each kind."""

from typing import Any

import pytest

from connectors.admin.forms import new_connection_form
from connectors.base import Probe
from connectors.closure import Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, ProviderUnavailable
from connectors.providers.jsm.connector import JsmOperations
from connectors.registry import connector_class

TENANT = "/_edge/tenant_info"


def rights(probe: Probe) -> dict[str, Any]:
    return {right.entity_type: right.granted for right in probe.rights}


def test_it_is_registered() -> None:
    assert connector_class("jsm") is JsmOperations


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["acme", "acme.atlassian.net", " ACME.atlassian.net ", "https://acme.atlassian.net/jira/ops/"]
)
def test_the_site_is_typed_in_any_way_and_is_one_host(typed: str) -> None:
    settings = JsmOperations.clean({"site": typed, "cloud_id": " c-1 "})
    assert settings == {"site": "acme.atlassian.net", "cloud_id": "c-1", "org_id": ""}
    assert JsmOperations.origin(settings) == "https://api.atlassian.com"
    assert JsmOperations.hosts(settings) == {"acme.atlassian.net": "https://acme.atlassian.net"}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"site": ""}, "site"),
        ({"site": "evil.example.com"}, "site"),
        ({"site": "acme.atlassian.net.example.com"}, "site"),
        ({"site": "acme@example.com"}, "site"),
        ({"site": "acme:8443"}, "site"),
        ({"site": "http://acme.atlassian.net"}, "site"),
        ({"site": "-acme"}, "site"),
        ({"cloud_id": ""}, "cloud_id"),
        ({"cloud_id": "a/b"}, "cloud_id"),
        ({"org_id": "a b"}, "org_id"),
    ],
)
def test_a_setting_that_cannot_be_is_said_on_its_field(settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConnectionConfigError) as refused:
        JsmOperations.clean({"site": "acme", "cloud_id": "c-1", "org_id": "o-1", **settings})
    assert refused.value.field == field


@pytest.mark.django_db
def test_the_form_asks_for_all_but_the_organisation() -> None:
    typed = {"name": "Acme", "site": "acme", "cloud_id": "c-1", "email": "greta@example.com", "api_token": "t"}
    form = new_connection_form(JsmOperations)(typed, typed={}, entered=())
    assert form.is_valid(), form.errors
    assert form.cleaned_data["settings"] == {"site": "acme.atlassian.net", "cloud_id": "c-1", "org_id": ""}
    assert set(form.given_secrets()) == {"email", "api_token"}
    for missing in ("site", "cloud_id", "email", "api_token"):
        assert missing in new_connection_form(JsmOperations)({**typed, missing: ""}, typed={}, entered=()).errors


# --- the site ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["probe", "fetch", "inventory"])
def test_the_site_of_somebody_else_is_an_error_of_its_field(site: Any, make: Any, verb: str) -> None:
    site.answers[TENANT] = {"cloudId": "11111111-2222-4333-8444-555555555555"}
    connector = site.connector()
    act = {
        "probe": connector.probe,
        "inventory": connector.inventory,
        "fetch": lambda: connector.fetch(Selection(), contact_details=False),
    }[verb]
    with pytest.raises(ConnectionConfigError, match="another site") as refused:
        act()
    assert refused.value.field == "site"
    assert not any("Authorization" in headers for headers in site.headers)


def test_a_cloud_id_is_the_same_in_capitals(site: Any, make: Any) -> None:
    site.answers[TENANT] = {"cloudId": make.CLOUD.upper()}
    assert site.connector().probe().account.id == make.CLOUD


@pytest.mark.parametrize("answer", [(404, {}), {"cloudId": ""}, {"cloudId": 7}, {}, (200, b"<html>Sign in</html>")])
def test_a_site_that_does_not_tell_who_it_is_is_named(site: Any, answer: Any) -> None:
    site.answers[TENANT] = answer
    assert "acme.atlassian.net" in site.connector().probe().messages[0]
    snapshot = site.connector().fetch(Selection(), contact_details=False)
    assert "site_not_confirmed" in {note.code for note in snapshot.notes}
    assert snapshot.failed == ()


# --- the token --------------------------------------------------------------------------------------------------------


def test_a_good_token_reads_all_there_is(site: Any, make: Any) -> None:
    probe = site.connector().probe()
    assert rights(probe) == {
        "responder": True,
        "user_group": True,
        "schedule": True,
        "escalation_policy": True,
        "service": None,
    }
    assert probe.account.label == make.SITE
    assert probe.calls_per_minute is None
    assert any("User GRETA" in message for message in probe.messages)
    assert any("1 teams" in message for message in probe.messages)
    assert make.TOKEN not in repr(probe)


def test_a_token_without_rights_in_operations_is_reported_for_each_kind(site: Any, make: Any) -> None:
    for path in ("/v1/teams", "/v1/schedules", "/v1/forwarding-rules", "/v1/teams/T1/escalations"):
        site.answers[path] = make.FORBIDDEN
    probe = site.connector().probe()
    assert rights(probe) == {
        "responder": True,
        "user_group": False,
        "schedule": False,
        "escalation_policy": None,
        "service": None,
    }
    details = {right.entity_type: right.detail for right in probe.rights}
    for kind in ("user_group", "schedule"):
        assert "administrator" in details[kind]
    assert any("shows it nothing" in message for message in probe.messages)
    assert any("no substitutions" in message for message in probe.messages)


@pytest.mark.parametrize(
    ("path", "answer", "kind", "granted"),
    [
        ("/rest/api/3/myself", (403, {"errorMessages": ["No"], "errors": {}}), "responder", False),
        ("/rest/api/3/myself", (404, {}), "responder", None),
        ("/rest/api/3/myself", {"displayName": "Greta"}, "responder", None),
        ("/v1/teams/T1/escalations", (403, {}), "escalation_policy", False),
        ("/v1/teams/T1/escalations", (404, {}), "escalation_policy", False),
        ("/v1/teams", {"platformTeams": []}, "escalation_policy", None),
        ("/v1/teams", {"platformTeams": [{"teamName": "Nameless"}]}, "user_group", None),
    ],
)
def test_each_kind_is_checked_by_its_own_request(site: Any, path: str, answer: Any, kind: str, granted: Any) -> None:
    site.answers[path] = answer
    assert rights(site.connector().probe())[kind] is granted


def test_members_are_tried_and_need_the_organisation(site: Any, make: Any) -> None:
    assert any("organisation id is not entered" in one for one in site.connector(org_id="").probe().messages)
    assert not any("/members" in path for path in site.paths())
    assert not any("embers of teams cannot" in one for one in site.connector().probe().messages)
    site.answers[f"/gateway/api/public/teams/v1/org/{make.ORG}/teams/T1/members"] = (404, {})
    assert any("Check the organisation id" in one for one in site.connector().probe().messages)


@pytest.mark.parametrize("verb", ["probe", "fetch", "inventory", "rendered"])
def test_a_refused_token_is_shown_on_its_field(site: Any, make: Any, verb: str) -> None:
    unauthorized = (401, {"errors": [{"title": f"Unauthorized {make.TOKEN}"}]})
    for path in ("/rest/api/3/myself", "/v1/teams", "/v1/schedules/S1/timeline"):
        site.answers[path] = unauthorized
    connector = site.connector()
    act = {
        "probe": connector.probe,
        "inventory": connector.inventory,
        "fetch": lambda: connector.fetch(Selection(), contact_details=False),
        "rendered": lambda: connector.rendered({"S1": ()}, make.NOW, make.NOW + 86_400),
    }[verb]
    with pytest.raises(AuthenticationFailed) as refused:
        act()
    assert refused.value.field == "api_token"
    assert "e-mail" in refused.value.hint
    assert make.TOKEN not in str(refused.value)


def test_an_outage_is_no_missing_right(site: Any) -> None:
    site.answers["/v1/schedules"] = (503, {})
    with pytest.raises(ProviderUnavailable):
        site.connector().probe()


def test_nothing_it_reads_has_to_be_kept_out_of_a_recording(site: Any, make: Any) -> None:
    body = make.user("ANA")
    assert JsmOperations.scrub("/rest/api/3/user", body) == body


def test_every_call_is_counted(site: Any) -> None:
    connector = site.connector()
    connector.probe()
    snapshot = connector.fetch(Selection(), contact_details=False)
    assert connector.calls == snapshot.calls == len(site.requests)

"""The walk of an escalation policy in the shell: the lines of the policy's page, and levels that page nobody."""

import pytest
from django.test import Client
from django.urls import reverse

from oncall.aggregates import Draft
from oncall.models import EscalationPolicy, Responder
from oncall.operations import write
from tests.syncjobs.conftest import BY, Sync, edit
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db

AT = "2026-11-20T12:00:00Z"


@pytest.fixture
def policy(sync: Sync) -> EscalationPolicy:
    sync.run()
    return EscalationPolicy.objects.get(name="Default")


def test_it_has_the_lines_of_the_policys_page(policy: EscalationPolicy, admin_client: Client) -> None:
    page = admin_client.get(
        reverse("admin:oncall_escalationpolicy_page", args=[policy.pk]), {"at": AT[:16], "zone": "UTC"}
    )
    found = document("walk", "Default", "--at", AT)
    assert (found["policy"], found["at"], found["acknowledged"]) == ("Default", AT, None)
    on_page = [(line.minute, line.who, line.because) for line in page.context["lines"]]
    assert on_page == [
        (f"T+{step['minute']}", ", ".join(person["name"] for person in step["people"]), step["why"])
        for step in found["steps"]
    ]
    assert [(step["minute"], step["round"], step["level"], step["one_of"]) for step in found["steps"]] == [
        (0, 1, 1, False),
        (30, 2, 1, False),
    ]
    (cy,) = [person for person in found["steps"][0]["people"] if person["name"] == "Cy"]
    assert cy["row_id"] == Responder.objects.get(name="Cy").pk
    assert found["steps"][1]["at"] == "2026-11-20T12:30:00Z"
    assert found["end"] == {"minute": 60, "at": "2026-11-20T13:00:00Z", "why": "Nothing more happens."}
    code, out = shell("walk", str(policy.pk), "--at", AT)
    assert code == 0
    assert "T+30" in out


def test_what_an_acknowledgement_prevents_is_a_step_that_pages_nobody(policy: EscalationPolicy) -> None:
    found = document("walk", str(policy.pk), "--at", AT, "--ack", "10")
    assert (found["acknowledged"], len(found["steps"][0]["people"]) > 0) == (10, True)
    assert (found["steps"][1]["people"], found["steps"][1]["minute"]) == ([], 30)
    assert "Acknowledged by then: nobody is paged." in found["steps"][1]["why"]


def test_a_level_without_anybody_says_why(policy: EscalationPolicy) -> None:
    for person in Responder.objects.all():
        edit("responder", person, active=False)
    steps = document("walk", str(policy.pk), "--at", AT)["steps"]
    assert [step["people"] for step in steps] == [[], []]
    assert all("No one is reachable" in step["why"] for step in steps)


@pytest.mark.parametrize("given", [("Unknown",), ("99999",), ("9" * 400,), ("Default", "--ack", "-1"), ("default",)])
def test_what_is_no_policy_and_no_minute_is_wrong_usage(policy: EscalationPolicy, given: tuple[str, ...]) -> None:
    code, out = shell("walk", *given)
    assert code == 64
    assert "Default" in out or "--ack" in out


def test_of_several_policies_with_a_name_the_ids_are_listed(policy: EscalationPolicy) -> None:
    other = write("escalation_policy", [Draft({"name": "Default"})], by=BY)[0].id
    code, out = shell("walk", "Default")
    assert code == 64
    assert f"{policy.pk}, {other}" in out
    assert document("walk", str(other), "--at", AT)["steps"] == []


def test_the_same_policies_are_walked_for_an_inactive_policy(policy: EscalationPolicy) -> None:
    edit("escalation_policy", policy, active=False)
    assert shell("walk", str(policy.pk), "--at", AT)[0] == 0

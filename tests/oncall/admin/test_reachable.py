"""The list of people, its filter, my page, the pages of schedules and of policies agree on who can be reached."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from oncall.admin.policy.list import page_url as policy_url
from oncall.admin.schedule.list import page_url
from oncall.models import ContactMethod, User
from oncall.operations import Actor, link_account
from oncall.selectors.responders import REACHABLE_WORDS

MakeRow = Callable[..., int]
EMAIL = {"channel": "email", "address": "ana@example.com"}
#: What is stored of a person -> whether the person can be reached.
PEOPLE: dict[str, tuple[dict[str, Any], list[dict[str, Any]], bool]] = {
    "Active": ({}, [EMAIL], True),
    "Unknown": ({"state": "unknown"}, [EMAIL], True),
    "Push": ({}, [{"channel": "push", "address": ""}], True),
    "One of two": ({}, [{**EMAIL, "enabled": False}, {"channel": "sms", "address": "+49 30 1234"}], True),
    "Inactive here": ({"active": False}, [EMAIL], False),
    "Inactive": ({"state": "inactive"}, [EMAIL], False),
    "Deleted": ({"state": "deleted"}, [EMAIL], False),
    "Switched off": ({}, [{**EMAIL, "enabled": False}], False),
    "Not valid": ({}, [{"channel": "email", "address": "ana"}, {"channel": "voice", "address": "+"}], False),
    "No method": ({}, [], False),
    "Exponent": ({}, [{"channel": "sms", "address": "²"}], False),
    "Arabic digits": ({}, [{"channel": "sms", "address": "+٤٩ ٣٠ ١٢٣٤"}], True),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_agrees(
    name: str, browser: Client, administrator: User, make: MakeRow, tester: Actor, weekly_layers: Any, one_level: Any
) -> None:
    fields, stored, expected = PEOPLE[name]
    methods = {f"local:+{number}": each for number, each in enumerate(stored)}
    pk = make("responder", {"contact_methods": methods}, name=name, **fields)
    people = reverse("admin:oncall_responder_changelist")
    for value in ("yes", "no"):
        rows = browser.get(f"{people}?reachable={value}").context["cl"].result_list
        assert [row.pk for row in rows] == ([pk] if (value == "yes") is expected else []), value
    (row,) = browser.get(people).context["cl"].result_list
    assert row.is_reachable is expected

    schedule = make("schedule", layers=weekly_layers(f"person:local:{pk}"))
    rows = browser.get(page_url(schedule)).context["timeline"].rows
    assert {"unreachable" in bar.style for row in rows for bar in row.bars} == {not expected}

    policy = make("escalation_policy", levels=one_level(("responder", f"local:{pk}")))
    (rung,) = browser.get(policy_url(policy)).context["ladder"].first
    assert [who.reached for line in rung.lines for who in line.who] == [expected]

    link_account(pk, administrator.pk, tester)
    mine = browser.get(reverse("everybody:index")).content.decode()
    assert (f"You cannot be reached. {REACHABLE_WORDS}" in mine) is not expected


@pytest.mark.parametrize("name", [name for name, (fields, stored, _) in PEOPLE.items() if stored and not fields])
def test_the_form_refuses_an_address_by_which_nobody_can_be_reached(
    name: str, form: Any, make: MakeRow, problems: Any
) -> None:
    pk = make("responder", {"contact_methods": {}})
    _, methods, expected = PEOPLE[name]
    for method in methods:
        page, new = form("responder", pk), {"contact_methods-0-enabled": "on"}
        new |= {f"contact_methods-0-{field}": text for field, text in method.items() if field != "enabled"}
        response = page.send(**new)
        if expected or "enabled" in method:
            assert response.status_code == 302
        else:
            (problem,) = problems(response)
            assert problem.startswith("address: This is no valid ")
            assert page.send(**{**new, "contact_methods-0-enabled": ""}).status_code == 302
        ContactMethod.objects.all().delete()


def test_an_address_of_the_source_that_is_not_valid_stays_until_somebody_edits_it(form: Any, make: MakeRow) -> None:
    wrong = {"channel": "email", "address": "ana", "extension": "", "label": "", "enabled": True}
    pk = make("responder", {"contact_methods": {"3:M": wrong}})
    assert form("responder", pk).send(**{"contact_methods-0-label": "Work"}).status_code == 302
    assert ContactMethod.objects.get().label == "Work"
    assert form("responder", pk).send(**{"contact_methods-0-address": "ben"}).status_code == 200


def test_an_inactive_group_cannot_be_reached_and_its_members_have_no_shift(
    browser: Client, administrator: User, make: MakeRow, tester: Actor, weekly_layers: Any
) -> None:
    ana = make("responder", name="Ana")
    link_account(ana, administrator.pk, tester)
    for active in (True, False):
        members = {f"3:{active}:M": {"person_key": f"local:{ana}", "role": ""}}
        group = make("user_group", {"members": members}, name=f"Team {active}", active=active)
        schedule = make("schedule", name=f"Of {active}", layers=weekly_layers(f"group:local:{group}"))
        rows = browser.get(page_url(schedule)).context["timeline"].rows
        assert {"unreachable" in bar.style for row in rows for bar in row.bars} == {not active}
    shifts = browser.get(reverse("everybody:index")).context["shifts"]
    assert [shift["schedule"] for shift in shifts] == ["Of True"]

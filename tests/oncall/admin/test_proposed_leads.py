"""Managers that a source reports are proposed as leads by name, once, to those who may grant leads."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from connectors.registry import CONNECTORS
from oncall.aggregates import Draft, ElementChanges
from oncall.models import ChangeRecord, GroupLead, Responder, User, UserGroup
from oncall.operations import (
    Actor,
    account,
    create_account,
    decline_lead,
    grant_lead,
    link_account,
    revoke_lead,
    set_rights,
    write,
)
from oncall.selectors.proposals import MANAGER_ROLES, proposed_leads
from scripts.attack.forms import Form

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
ASKED = "The source names {} as managers of this group."


class Team:
    """A group with members, as a sync writes them, of whom some have an account."""

    def __init__(self, make: MakeRow, tester: Actor, **roles: str) -> None:
        self.by, self.group = tester, make("user_group", name="Payments")
        self.people = {name: make("responder", name=name, email=f"{name}@example.com") for name in roles}
        self.report(**roles)

    def report(self, **roles: str) -> None:
        version = UserGroup.objects.get(pk=self.group).version
        put = {f"1:{name}": {"person_key": f"local:{self.people[name]}", "role": roles[name]} for name in roles}
        draft = Draft({}, {"members": ElementChanges(put, frozenset())}, id=self.group, version=version)
        write("user_group", [draft], by=Actor(None, "run:1"))

    def account(self, name: str) -> User:
        made = create_account(f"{name.lower()}@example.com", by=self.by)
        link_account(self.people[name], made.pk, by=self.by)
        return made

    def leads(self) -> set[str]:
        return set(GroupLead.objects.filter(group=self.group).values_list("account__email", flat=True))

    def proposed(self) -> list[str]:
        return [person.name for person in proposed_leads(self.group).people]


def test_the_managers_of_a_group_are_named_and_granted_with_one_answer(
    make: MakeRow, tester: Actor, form: Any, browser: Client
) -> None:
    team = Team(make, tester, Ana="manager", Ben="Admin", Cy="responder", Di="manager")
    ana, ben = team.account("Ana"), team.account("Ben")
    team.account("Cy")
    assert team.leads() == set()  # a sync grants nothing
    page = form("usergroup", team.group)
    shown = browser.get(page.url).content.decode()
    assert ASKED.format("Ana and Ben") in shown
    assert "It also names Di, without an active account here: link one first." in shown
    page.send()  # without an answer, it is asked again
    assert (team.leads(), team.proposed()) == (set(), ["Ana", "Ben"])
    answer = f"grant:{team.people['Ana']},{team.people['Ben']}"
    assert form("usergroup", team.group).send(managers=answer).status_code == 302
    assert team.leads() == {ana.email, ben.email}
    assert "The source names" not in browser.get(page.url).content.decode()


def test_a_declined_proposal_is_not_repeated_by_a_later_sync(make: MakeRow, tester: Actor, form: Any) -> None:
    team = Team(make, tester, Ana="manager")
    ana = team.account("Ana")
    assert form("usergroup", team.group).send(managers=f"decline:{team.people['Ana']}").status_code == 302
    record = ChangeRecord.objects.filter(model="user_group", object_id=team.group).latest("pk")
    assert (record.changes, record.actor is not None) == ({f"leads.{ana.email}": [None, False]}, True)
    team.report(Ana="user")
    team.report(Ana="manager")
    assert (team.leads(), team.proposed()) == (set(), [])
    assert decline_lead(ana.pk, team.group, tester) is False
    grant_lead(ana.pk, team.group, tester)  # still possible by hand
    assert team.leads() == {ana.email}


def test_a_lead_who_was_revoked_is_not_proposed_again(make: MakeRow, tester: Actor) -> None:
    team = Team(make, tester, Ana="manager")
    ana = team.account("Ana")
    grant_lead(ana.pk, team.group, tester)
    revoke_lead(ana.pk, team.group, tester)
    assert team.proposed() == []


def test_an_answer_about_other_managers_than_now_grants_nothing(make: MakeRow, tester: Actor, form: Any) -> None:
    team = Team(make, tester, Ana="manager", Ben="user")
    team.account("Ana"), team.account("Ben")
    page = form("usergroup", team.group)
    team.report(Ana="manager", Ben="manager")
    answer = page.send(managers=f"grant:{team.people['Ana']}", row_version=3)
    assert "The managers that the source names have changed. Answer again." in answer.content.decode()
    assert team.leads() == set()


@pytest.mark.parametrize("rights", [("change_usergroup",), ("change_grouplead", "view_usergroup")])
def test_who_may_not_grant_leads_is_not_asked_and_grants_nothing(
    make: MakeRow, tester: Actor, client: Client, rights: tuple[str, ...]
) -> None:
    team = Team(make, tester, Ana="manager")
    team.account("Ana")
    clerk = create_account("clerk@example.com", is_staff=True, by=tester)
    permissions = Permission.objects.filter(codename__in=rights)
    set_rights(clerk.pk, [], [permission.pk for permission in permissions], tester)
    client.force_login(clerk)
    form = Form(client, reverse("admin:oncall_usergroup_change", args=[team.group]))
    assert "managers" not in form.names
    form.send(managers=f"grant:{team.people['Ana']}")
    assert team.leads() == set()


def test_a_manager_with_more_rights_than_the_user_is_not_granted(make: MakeRow, tester: Actor, client: Client) -> None:
    team = Team(make, tester, Ana="manager")
    root = team.account("Ana")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    clerk = create_account("clerk@example.com", is_staff=True, by=tester)
    permissions = Permission.objects.filter(codename__in=["change_grouplead", "change_usergroup"])
    set_rights(clerk.pk, [], [permission.pk for permission in permissions], tester)
    client.force_login(clerk)
    form = Form(client, reverse("admin:oncall_usergroup_change", args=[team.group]))
    answer = form.send(managers=f"grant:{team.people['Ana']}")
    assert "has, or would get, rights that you do not have" in answer.content.decode()
    assert (team.leads(), account(clerk.pk).account_id) == (set(), clerk.pk)


#: Provider -> the role of a manager in its groups, None where the source reports none.
ROLES: dict[str, str | None] = {"pagerduty": "manager", "opsgenie": "admin", "jsm": None, "xmatters": None}


def test_the_role_of_a_manager_is_stated_for_each_provider() -> None:
    assert set(ROLES) == {connector.provider for connector in CONNECTORS}
    assert {role for role in ROLES.values() if role} <= set(MANAGER_ROLES)
    assert Responder._meta.get_field("account").null  # a sync links nobody


def test_a_lead_without_the_role_is_named_when_the_group_is_saved(
    make: MakeRow, tester: Actor, form: Any, browser: Client
) -> None:
    team = Team(make, tester, Ana="manager")
    ana = team.account("Ana")
    form("usergroup", team.group).send(managers=f"grant:{team.people['Ana']}")
    assert team.leads() == {ana.email}
    page = browser.get(reverse("admin:oncall_usergroup_changelist")).content.decode()
    assert "ana@example.com cannot act for this group before it has the role Team lead." in page

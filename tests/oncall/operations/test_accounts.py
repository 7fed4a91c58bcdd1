"""Tests accounts and leads, which are never imported."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from oncall.errors import InvalidDraft, StaleRows
from oncall.models import ChangeRecord, GroupLead, Responder, User
from oncall.operations import (
    Actor,
    create_account,
    delete_account,
    grant_lead,
    link_account,
    revoke_lead,
    set_password,
    set_rights,
    update_account,
)

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]


def test_an_account_logs_in_with_its_address_in_any_case(tester: Actor) -> None:
    account = create_account("Ana@Example.com", "a long password", by=tester)
    assert authenticate(username="ANA@EXAMPLE.COM", password="a long password") == account
    assert authenticate(username="nobody", password="a long password") is None
    assert str(account) == "Ana@Example.com"


@pytest.mark.parametrize("email", ["mıke@example.com", "no address", "ana@EXAMPLE.com"])
def test_it_refuses_addresses_that_look_like_another_address(email: str, tester: Actor) -> None:
    create_account("ana@example.com", by=tester)
    with pytest.raises(InvalidDraft) as refused:
        create_account(email, by=tester)
    assert refused.value.path == "email"


def test_the_first_administrator_comes_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long password")
    call_command("createsuperuser", "--noinput", "--email", "root@example.com", verbosity=0)
    account = User.objects.get()
    assert (account.is_superuser, account.is_staff, account.get_full_name()) == (True, True, "root@example.com")
    assert (ChangeRecord.objects.get().cause, account.get_short_name()) == ("shell", "root@example.com")


def test_changes_of_accounts_are_recorded_without_secrets(tester: Actor) -> None:
    account = create_account("ana@example.com", "first password", by=tester)
    update_account(account.pk, {"email": "Ana@new.example", "is_staff": True}, tester)
    update_account(account.pk, {"is_staff": True}, tester)
    set_password(account.pk, "second password", tester)
    account.refresh_from_db()
    assert (account.email_canonical, account.check_password("second password")) == ("ana@new.example", True)
    records = list(ChangeRecord.objects.order_by("pk").values_list("changes", flat=True))
    assert records[1:] == [
        {"email": ["ana@example.com", "Ana@new.example"], "is_staff": [False, True]},
        {"password": ["(hidden)", "(hidden)"]},
    ]
    with pytest.raises(InvalidDraft, match="no such field"):
        update_account(account.pk, {"password": "x"}, tester)


def test_rights_are_set_and_recorded_by_name(tester: Actor) -> None:
    account = create_account("ana@example.com", by=tester)
    group, permission = Group.objects.create(name="Leads"), Permission.objects.get(codename="view_schedule")
    for _ in range(2):
        set_rights(account.pk, [group.pk], [permission.pk], tester)
    change = ChangeRecord.objects.get(action="update").changes
    assert change == {"groups": [[], ["Leads"]], "user_permissions": [[], [str(permission)]]}
    assert account.has_perm("oncall.view_schedule") is True


def test_linking_is_one_to_one_and_checked(make: MakeRow, tester: Actor) -> None:
    account = create_account("ana@example.com", by=tester)
    ana, ben = make("responder"), make("responder", name="Ben")
    assert link_account(ana, account.pk, tester) == 2
    assert link_account(ana, account.pk, tester) == 2
    with pytest.raises(InvalidDraft, match="is already linked to Ana Kowalski"):
        link_account(ben, account.pk, tester)
    with pytest.raises(StaleRows):
        link_account(ben, None, tester, version=7)
    delete_account(account.pk, tester)
    responder = Responder.objects.get(pk=ana)
    assert (responder.account_id, responder.version) == (None, 3)
    assert not User.objects.exists()


def test_a_lead_is_granted_once_and_can_be_taken_back(make: MakeRow, tester: Actor) -> None:
    account, group = create_account("ana@example.com", by=tester), make("user_group")
    assert [grant_lead(account.pk, group, tester), grant_lead(account.pk, group, tester)] == [True, False]
    assert str(GroupLead.objects.get()) == "ana@example.com leads Payments"
    assert [revoke_lead(account.pk, group, tester), revoke_lead(account.pk, group, tester)] == [True, False]
    changes: list[dict[str, Any]] = list(
        ChangeRecord.objects.filter(model="user_group", action="update").values_list("changes", flat=True)
    )
    assert changes == [{"leads.ana@example.com": [None, True]}, {"leads.ana@example.com": [True, None]}]

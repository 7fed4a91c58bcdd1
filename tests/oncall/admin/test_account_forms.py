"""The forms of accounts, and the pages of change records."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from oncall.aggregates import Draft
from oncall.models import ChangeRecord, Role, User
from oncall.operations import Actor, create_account, set_rights, update_account, write

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def test_an_account_is_created_changed_and_deleted(form: Any, browser: Client, problems: Any) -> None:
    fields = {"email": "ana@example.com", "name": "Ana", "new_password": PASSWORD}
    assert "again: The two passwords differ." in problems(form("user").send(**fields))
    assert any("too short" in p for p in problems(form("user").send(**{**fields, "new_password": "x", "again": "x"})))
    group = Group.objects.create(name="Readers")
    assert form("user").send(**fields, again=PASSWORD, is_staff="on", groups=[group.pk]).status_code == 302
    ana = User.objects.get(email="ana@example.com")
    assert (ana.is_staff, ana.check_password(PASSWORD), ana.groups.get()) == (True, True, group)

    page = form("user", ana.pk)
    assert "new_password" not in page.data or not page.data["new_password"]
    assert page.send(name="Ana K.", groups=[]).status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.check_password(PASSWORD), ana.groups.exists()) == ("Ana K.", True, False)
    page = form("user", ana.pk)
    assert page.send(new_password="another long one", again="another long one").status_code == 302
    ana.refresh_from_db()
    assert ana.check_password("another long one")

    browser.post(reverse("admin:oncall_user_delete", args=[ana.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=ana.pk).exists()
    assert ChangeRecord.objects.filter(model="account", object_id=ana.pk, action="delete").exists()
    assert not ChangeRecord.objects.filter(changes__icontains=PASSWORD).exists()


def test_an_address_of_another_account_is_refused_at_its_field(form: Any, problems: Any) -> None:
    create_account("ana@example.com")
    assert any(
        problem == "email: ana@example.com belongs to another account"
        for problem in problems(form("user").send(email="Ana@EXAMPLE.com"))
    )


def test_several_accounts_are_deleted_at_once(browser: Client) -> None:
    pks = [create_account(f"p{n}@example.com").pk for n in range(2)]
    action = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}
    browser.post(reverse("admin:oncall_user_changelist"), action)
    assert list(User.objects.values_list("email", flat=True)) == ["root@example.com"]


def test_only_a_superuser_makes_or_edits_a_superuser(administrator: User, client: Client, tester: Actor) -> None:
    clerk, other = create_account("clerk@example.com", is_staff=True), create_account("other@example.com")
    rights = Permission.objects.filter(codename__in=["view_user", "change_user", "delete_user"])
    set_rights(clerk.pk, [], [permission.pk for permission in rights], tester)
    client.force_login(clerk)
    url = reverse("admin:oncall_user_change", args=[other.pk])
    sent = {"email": "other@example.com", "name": "Other", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    sent |= {"row_version": "1"}
    assert client.post(url, sent).status_code == 302
    other.refresh_from_db()
    assert (other.name, other.is_superuser, other.is_staff) == ("Other", False, True)
    taken = {"email": "root@example.com", "new_password": PASSWORD, "again": PASSWORD}
    assert client.post(reverse("admin:oncall_user_change", args=[administrator.pk]), taken).status_code == 403
    assert client.post(reverse("admin:oncall_user_delete", args=[administrator.pk]), {"post": "yes"}).status_code == 403


def test_change_records_are_read_only_and_readable(browser: Client, tester: Actor) -> None:
    account = create_account("ana@example.com", by=tester)
    update_account(account.pk, {"name": "Ana"}, tester)
    record = ChangeRecord.objects.latest("pk")
    page = browser.get(reverse("admin:oncall_changerecord_change", args=[record.pk])).content.decode()
    assert "<th>name</th><td></td><td>Ana</td>" in page
    assert browser.get(reverse("admin:oncall_changerecord_add")).status_code == 403
    assert browser.post(reverse("admin:oncall_changerecord_delete", args=[record.pk])).status_code == 403
    assert browser.post(reverse("admin:oncall_changerecord_change", args=[record.pk]), {}).status_code == 403


def test_a_change_of_layers_is_shown_without_json(
    browser: Client, tester: Actor, make: Any, weekly_layers: Any
) -> None:
    pk = make("schedule")
    draft = Draft({"layers": weekly_layers("vacant"), "group_keys": ["3:T"], "active": False}, id=pk, version=1)
    write("schedule", [draft], by=tester)
    created, changed = ChangeRecord.objects.filter(model="schedule").order_by("pk")
    pages = [
        browser.get(reverse("admin:oncall_changerecord_change", args=[record.pk])).content.decode()
        for record in (created, changed)
    ]
    assert "Everything is new." in pages[0]
    assert "<li>name: Weekly</li>" in pages[1]
    assert "<td>yes</td><td>no</td>" in pages[1]
    assert "&quot;participants&quot;" not in pages[1]


def test_the_form_offers_roles_and_hides_single_permissions(browser: Client) -> None:
    page = browser.get("/admin/oncall/user/add/")
    (_, (_, _), (_, rights), (title, advanced)) = page.context["adminform"].fieldsets
    assert rights["fields"] == ("is_staff", "groups")
    assert (title, advanced["fields"]) == ("Advanced", ("is_superuser", "user_permissions"))
    assert [label for _, label in page.context["adminform"].form.fields["groups"].choices] == sorted(Role.values)


def test_an_administrator_gives_roles_within_its_own_rights_and_no_single_permission(
    client: Client, administrator: User, tester: Actor
) -> None:
    clerk = create_account("clerk@example.com", is_staff=True)
    other = create_account("other@example.com")
    set_rights(clerk.pk, [Group.objects.get(name=Role.ADMINISTRATOR).pk], [], tester)
    kept = Permission.objects.get(codename="view_schedule")
    set_rights(other.pk, [], [kept.pk], tester)
    above = Group.objects.create(name="Above")
    above.permissions.add(Permission.objects.get(content_type__app_label="auth", codename="add_group"))
    client.force_login(clerk)
    url = reverse("admin:oncall_user_change", args=[other.pk])
    fields = client.get(url).context["adminform"].form.fields
    assert [label for _, label in fields["groups"].choices] == sorted(Role.values)
    assert not {"is_superuser", "user_permissions"} & fields.keys()
    sent = {"email": "other@example.com", "is_active": "on", "is_staff": "on", "user_permissions": []}
    role = Group.objects.get(name=Role.OPERATOR).pk
    answer = client.post(url, {**sent, "groups": [role], "row_version": User.objects.get(pk=other.pk).version})
    assert answer.status_code == 302
    assert {each.name for each in other.groups.all()} == {Role.OPERATOR}
    assert other.user_permissions.get() == kept
    answer = client.post(url, {**sent, "groups": [above.pk], "row_version": User.objects.get(pk=other.pk).version})
    assert answer.status_code == 200
    assert "is not one of the available choices" in answer.content.decode()
    assert {each.name for each in other.groups.all()} == {Role.OPERATOR}


def test_nobody_without_all_rights_of_a_role_is_offered_it(client: Client, tester: Actor) -> None:
    clerk = create_account("clerk@example.com", is_staff=True)
    rights = Permission.objects.filter(codename__in=["add_user", "act_as_lead"])
    set_rights(clerk.pk, [], [permission.pk for permission in rights], tester)
    client.force_login(clerk)
    fields = client.get(reverse("admin:oncall_user_add")).context["adminform"].form.fields
    assert [label for _, label in fields["groups"].choices] == [Role.TEAM_LEAD]

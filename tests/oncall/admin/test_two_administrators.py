"""Two administrators on one account or group, and what the pages of accounts refuse in words."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.signals import got_request_exception
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter

from oncall.models import ChangeRecord, GroupLead, Responder, User
from oncall.operations import Actor, account, create_account, grant_lead, revoke_lead, set_rights, update_account
from syncjobs.setup.drafts import begin_draft

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
PASSWORD = "correct horse battery"


def clerk(client: Client, *codenames: str) -> User:
    """Logs in an account that may use the admin and has these permissions."""
    made = create_account("clerk@example.com", is_staff=True)
    found = Permission.objects.filter(codename__in=codenames).values_list("pk", flat=True)
    set_rights(made.pk, [], list(found), Actor(None, "test"))
    client.force_login(made)
    return made


def test_a_stale_form_of_an_account_is_refused_and_says_what_changed(
    form: Any, problems: Any, administrator: User
) -> None:
    other = create_account("other@example.com", name="Otto", is_staff=True, is_superuser=True)
    ana, group = create_account("ana@example.com"), Group.objects.create(name="Readers")
    page = form("user", ana.pk)
    update_account(ana.pk, {"name": "Ana", "is_active": False}, account(other.pk), rights=([group.pk], []))
    sent = {"name": "Zoe", "new_password": PASSWORD, "again": PASSWORD, "is_active": "on"}
    refused = page.send(**sent)
    (problem,) = problems(refused)
    for words in ("name is now “Ana”", "is_active is now off", "groups is now Readers", "(by Otto)"):
        assert words in problem
    ana.refresh_from_db()
    assert (ana.name, ana.is_active, ana.check_password(PASSWORD), ana.groups.get()) == ("Ana", False, False, group)
    assert 'value="Zoe"' in refused.content.decode()
    assert page.send(**sent, row_version=str(ana.version)).status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.is_active, ana.groups.exists()) == ("Zoe", True, False)


def test_rights_gained_between_two_clicks_protect_an_account(client: Client, tester: Actor) -> None:
    clerk(client, "view_user", "change_user", "delete_user")
    ana = create_account("ana@example.com")
    url = reverse("admin:oncall_user_change", args=[ana.pk])
    assert 'name="new_password"' in client.get(url).content.decode()
    update_account(ana.pk, {"is_superuser": True}, tester)
    sent = {"email": ana.email, "is_active": "on", "row_version": "2", "new_password": PASSWORD, "again": PASSWORD}
    assert client.post(url, sent).status_code == 403
    assert 'name="new_password"' not in client.get(url).content.decode()
    assert client.post(reverse("admin:oncall_user_delete", args=[ana.pk]), {"post": "yes"}).status_code == 403
    several = {"action": "delete_selected", "_selected_action": [ana.pk], "post": "yes"}
    client.post(reverse("admin:oncall_user_changelist"), several)
    assert not User.objects.get(pk=ana.pk).check_password(PASSWORD)


def test_deleting_oneself_or_removing_the_last_superuser_is_refused_in_words(
    form: Any, browser: Client, problems: Any, administrator: User
) -> None:
    own = reverse("admin:oncall_user_delete", args=[administrator.pk])
    page = browser.post(own, {"post": "yes"}, follow=True).content.decode()
    assert "You cannot delete your own account. Another administrator can." in page
    ana = create_account("ana@example.com")
    several = {"action": "delete_selected", "_selected_action": [ana.pk, administrator.pk], "post": "yes"}
    page = browser.post(reverse("admin:oncall_user_changelist"), several, follow=True).content.decode()
    assert "You cannot delete your own account" in page
    assert User.objects.get() == administrator  # the other account is deleted
    opened = form("user", administrator.pk)
    for name in ("is_active", "is_staff", "is_superuser"):
        data = {key: value for key, value in opened.data.items() if key != name}
        (problem,) = problems(browser.post(opened.url, data))
        assert "root@example.com is the last active account with all rights." in problem
    administrator.refresh_from_db()
    assert (administrator.is_active, administrator.is_staff, administrator.is_superuser) == (True, True, True)


def leads_of(group: int) -> set[int]:
    return set(GroupLead.objects.filter(group_id=group).values_list("account_id", flat=True))


@pytest.fixture
def three(make: MakeRow, tester: Actor) -> tuple[int, list[int]]:
    """A group, and three accounts. The first leads the group."""
    group, accounts = make("user_group"), [create_account(f"lead{n}@example.com").pk for n in range(3)]
    grant_lead(accounts[0], group, tester)
    return group, accounts


def test_an_older_group_form_that_changes_no_lead_leaves_leads_alone(
    form: Any, three: tuple[int, list[int]], tester: Actor
) -> None:
    group, (first, second, _) = three
    page = form("usergroup", group)
    grant_lead(second, group, tester)
    assert page.send(description="On call day and night").status_code == 302
    assert leads_of(group) == {first, second}


def test_an_older_group_form_that_changes_leads_is_refused_and_says_what_changed(
    form: Any, three: tuple[int, list[int]], problems: Any, tester: Actor
) -> None:
    group, (first, second, third) = three
    page = form("usergroup", group)
    grant_lead(second, group, tester)
    revoke_lead(first, group, tester)
    refused = page.send(leads=[first, third])
    (problem,) = problems(refused)
    assert "lead1@example.com is a lead now; lead0@example.com is no lead any more" in problem
    assert leads_of(group) == {second}
    bound = refused.context["adminform"].form
    assert set(map(int, bound.data.getlist("leads"))) == {second, third}  # the change, made to the leads of now
    shown = {"initial-leads": bound.data.getlist("initial-leads"), "leads": bound.data.getlist("leads")}
    assert page.send(**shown).status_code == 302
    assert leads_of(group) == {second, third}


def test_the_group_form_needs_the_right_to_lead_an_account_with_more_rights(
    client: Client, make: MakeRow, administrator: User
) -> None:
    clerk(client, "view_usergroup", "change_usergroup", "view_grouplead", "change_grouplead")
    group = make("user_group")
    url = reverse("admin:oncall_usergroup_change", args=[group])
    sent = {"name": "Payments", "row_version": "1", "leads": [administrator.pk], "active": "on"}
    sent |= {"members-TOTAL_FORMS": "0", "members-INITIAL_FORMS": "0"}
    page = client.post(url, sent)
    assert "has, or would get, rights that you do not have: superuser" in page.content.decode()
    assert leads_of(group) == set()


def test_linking_an_account_to_a_person_needs_a_right_on_accounts(client: Client, make: MakeRow, form: Any) -> None:
    account_id, ana = create_account("ana@example.com").pk, make("responder", name="Ana")
    page = form("responder", ana)
    clerk(client, "view_responder", "change_responder", "view_user")  # the client of the form, too
    assert page.send(account=account_id, name="Ana K.").status_code == 302
    responder = Responder.objects.get(pk=ana)
    assert (responder.account_id, responder.name) == (None, "Ana K.")
    assert ChangeRecord.objects.filter(changes__has_key="account").count() == 0


def test_only_superusers_edit_permission_groups(client: Client, administrator: User) -> None:
    group = Group.objects.create(name="Readers")
    made = clerk(client, "view_group", "add_group", "change_group", "delete_group")
    set_rights(made.pk, [group.pk], [right.pk for right in made.user_permissions.all()], Actor(None, "test"))
    pages = [reverse(f"admin:auth_group_{name}", args=[group.pk]) for name in ("change", "delete")]
    sent = {"name": "Readers", "permissions": [Permission.objects.get(codename="delete_user").pk], "post": "yes"}
    for url in (*pages, reverse("admin:auth_group_add")):
        assert client.post(url, sent).status_code == 403
    assert client.get(pages[0]).status_code == 200
    assert not group.permissions.exists()
    client.force_login(administrator)
    assert client.post(pages[0], sent).status_code == 302
    assert group.permissions.get().codename == "delete_user"


def test_a_right_or_account_that_is_taken_away_ends_at_once(client: Client, tester: Actor) -> None:
    made, lists = clerk(client, "view_user"), reverse("admin:oncall_user_changelist")
    assert client.get(lists).status_code == 200
    set_rights(made.pk, [], [], tester)
    assert client.get(lists).status_code == 403
    update_account(made.pk, {"is_active": False}, tester)
    assert client.get(lists).headers["Location"].startswith(reverse("admin:login"))


PASSWORD_PAGES = (
    ("admin:oncall_user_add", ""),
    ("admin:oncall_user_change", ""),
    ("admin:connectors_connection_connect", ""),
    ("admin:password_change", ""),
    ("admin:login", ""),
)


@pytest.mark.parametrize(("name", "query"), PASSWORD_PAGES)
def test_what_is_posted_to_a_page_with_a_password_or_key_is_marked_as_sensitive(
    name: str, query: str, browser: Client, administrator: User
) -> None:
    if name == "admin:login":
        browser.logout()
    uid = begin_draft("opsgenie", administrator).uid
    arguments = {"admin:oncall_user_change": [administrator.pk], "admin:connectors_connection_connect": [uid]}
    url = reverse(name, args=arguments.get(name, [])) + query
    assert 'type="password"' in browser.get(url).content.decode()
    request: Any = browser.post(url, {"new_password": PASSWORD}).wsgi_request
    assert request.sensitive_post_parameters == "__ALL__" or "password" in request.sensitive_post_parameters


def test_no_error_report_contains_a_password(form: Any, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("the disk is full")

    reports = []

    def report(request: Any, **options: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.append(reporter.get_traceback_html() + reporter.get_traceback_text())

    monkeypatch.setattr("oncall.operations.accounts.record", fail)
    page = form("user", User.objects.get().pk)
    got_request_exception.connect(report)
    try:
        with pytest.raises(RuntimeError, match="disk"):
            page.send(new_password=PASSWORD, again=PASSWORD)
    finally:
        got_request_exception.disconnect(report)
    assert "the disk is full" in reports[0]
    assert PASSWORD not in reports[0]

"""The pages under ``/``: my page, and the conflicts of a lead."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.records import SourceMember, SourceTeam
from oncall.aggregates import Draft, ElementChanges
from oncall.models import Responder, Role, User
from oncall.operations import create_account, link_account, write
from oncall.rendering.spec import Participant
from oncall.selectors.shifts import shifts_of
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import Conflict
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless
from tests.syncjobs.admin.test_leads import client_of, lead_of, two_teams
from tests.syncjobs.conftest import BY, Sync, layer, schedule, user

pytestmark = pytest.mark.django_db


def page_of(account: User, name: str) -> str:
    """The page of the account after it was linked to a responder."""
    link_account(Responder.objects.get(name=name).pk, account.pk, BY)
    return client_of(account).get("/").content.decode()


def somebody() -> User:
    return create_account("somebody@example.com", "long-enough-1", by=BY)


def test_my_page_shows_shifts_contact_methods_and_groups(sync: Sync) -> None:
    two_teams(sync)
    page = page_of(lead_of("Platform"), "Ana")
    assert "Primary" in page and "E-mail ana@example.com" in page and "<li>Platform</li>" in page
    assert "Night" not in page and "Payments" not in page and "Times in Europe/Paris" in page


def test_my_page_says_what_is_missing(sync: Sync) -> None:
    two_teams(sync)
    account = lead_of("Platform", roles=())
    assert "not linked to a person" in client_of(account).get("/").content.decode()
    page = page_of(account, "Cy")
    assert "does not have the role Team lead" in page and "Night" in page
    assert page.count("later than ") == 1  # Cy is always on call


def test_my_page_leads_staff_without_a_person_to_the_administration(db: None) -> None:
    account = create_account("staff@example.com", "long-enough-1", is_staff=True, by=BY)
    button = '<a class="rb-button rb-button-main" href="/admin/">'
    assert button in client_of(account).get("/").content.decode()
    assert button not in client_of(somebody()).get("/").content.decode()


def test_my_page_escapes_names(sync: Sync) -> None:
    team = SourceTeam("T1", HOSTILE, "", (SourceMember("U1", ""),))
    sync.source.change(
        users=(user("U1", HOSTILE, email="eve@example.com"),),
        teams=(team,),
        schedules=(schedule("S1", HOSTILE, layer("U1"), group_ids=("T1",)),),
        policies=(),
        services=(),
    )
    sync.run()
    assert_harmless(page_of(lead_of(HOSTILE), HOSTILE))


def test_shifts_are_those_of_the_person_the_groups_and_those_replaced(sync: Sync) -> None:
    two_teams(sync)
    of_group = schedule("S4", "All", replace(layer(), participants=(Participant("group", "T2"),)))
    sync.source.change(schedules=(*sync.source.snapshot.schedules, of_group))
    sync.run()
    now = int(timezone.now().timestamp())
    week = (now, now + 7 * 86_400)
    ids = dict(Responder.objects.values_list("name", "pk"))
    assert {each.schedule for each in shifts_of(ids["Cy"], *week)} == {"Night", "All"}
    (all_week,) = {(each.start, each.end) for each in shifts_of(ids["Cy"], *week) if each.schedule == "Night"}
    assert all_week == week
    assert {each.schedule for each in shifts_of(ids["Ana"], *week)} <= {"Primary"}
    assert {each.schedule for each in shifts_of(ids["Di"], *week)} == {"Nobody's"}
    row = Responder.objects.get(name="Cy")
    away = {
        "by_key": f"person:local:{ids['Di']}",
        "starts_at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        "ends_at": f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "scope": None,
    }
    write("responder", [Draft({}, {"substitutions": ElementChanges({"local:+0": away})}, row.pk, row.version)], by=BY)
    assert {each.schedule for each in shifts_of(ids["Di"], *week)} == {"Nobody's", "Night"}


def test_a_lead_without_staff_reads_its_conflicts_under_the_root(sync: Sync) -> None:
    two_teams(sync)
    lead = lead_of("Platform")
    User.objects.filter(pk=lead.pk).update(is_staff=False)
    browser = client_of(User.objects.get(pk=lead.pk))
    page = browser.get(reverse("everybody:syncjobs_conflict_changelist"))
    assert {each.pk for each in page.context["cl"].result_list} == set(
        visible_conflicts(lead).values_list("pk", flat=True)
    )
    assert '"/admin/' not in page.content.decode()
    for pk in Conflict.objects.values_list("pk", flat=True):
        answer = browser.get(reverse("everybody:syncjobs_conflict_change", args=[pk]))
        assert answer.status_code == (200 if visible_conflicts(lead).filter(pk=pk).exists() else 404)
        assert '"/admin/' not in answer.content.decode()


def test_the_sidebar_shows_what_an_account_may_open(sync: Sync) -> None:
    two_teams(sync)
    plain = client_of(somebody()).get("/").content.decode()
    assert "/syncjobs/conflict/" not in plain and '"/admin/' not in plain
    viewer = client_of(lead_of(roles=(Role.VIEWER,))).get("/").content.decode()
    assert "/syncjobs/conflict/" in viewer and 'href="/admin/"' in viewer


def test_an_unknown_address_leads_to_login_or_does_not_exist(sync: Sync, client: Client) -> None:
    assert client.get("/nothing/here/").headers["Location"] == "/login/?next=/nothing/here/"
    assert client_of(somebody()).get("/nothing/here/").status_code == 404


def test_a_question_says_that_it_concerns_groups_of_others_without_naming_them(sync: Sync) -> None:
    two_teams(sync)
    about = {name: Conflict.objects.get(kind="user_not_found", label=name).pk for name in ("Ana", "Bo")}
    client = client_of(lead_of("Platform"))
    shared = client.get(f"/syncjobs/conflict/{about['Bo']}/change/").content.decode()
    assert "Platform, and others, which you do not lead" in shared and "Payments" not in shared
    assert "The question also concerns groups that you do not lead. Ask an administrator." in shared
    assert "may not answer this question with “This is somebody here”. Ask an administrator." in shared


def test_the_path_of_a_question_has_the_name_of_the_list(sync: Sync) -> None:
    two_teams(sync)
    question = Conflict.objects.filter(label="Ana").first()
    assert question is not None
    client = client_of(lead_of("Platform", "Payments"))
    for address in ("/syncjobs/conflict/", f"/syncjobs/conflict/{question.pk}/change/"):
        page = client.get(address).content.decode()
        header = page[page.index('id="header-inner"') :][:3_000]
        assert re.search(r">\s*Questions\s*<", header) and not re.search(r">\s*(questions|Import)\s*<", header), address

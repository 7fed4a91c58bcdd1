"""A lead sees what concerns the groups led, on every page, and changes only the overrides of their schedules."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.records import SourceMember, SourceService, SourceTeam
from oncall.escalation.policy import Target
from oncall.models import (
    ChangeRecord,
    EscalationPolicy,
    Override,
    Responder,
    Role,
    Schedule,
    Service,
    User,
    UserGroup,
)
from oncall.operations import create_account, grant_lead, revoke_lead
from oncall.selectors.visible import leads, visible_to
from oncall.tables.kinds import ROOTS
from scripts.attack.forms import Form
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import Conflict
from tests.syncjobs.conftest import BY, Sync, layer, policy, schedule, user
from tests.syncjobs.site.addresses import addresses

pytestmark = pytest.mark.django_db


def two_teams(sync: Sync) -> None:
    """Two teams with a schedule, a policy and a service each; Bo is in both, Di in none."""
    member = SourceMember
    sync.source.change(
        users=(user("U1", "Ana"), user("U2", "Bo"), user("U3", "Cy"), user("U4", "Di")),
        teams=(
            SourceTeam("T1", "Platform", "", (member("U1", "manager"), member("U2", ""))),
            SourceTeam("T2", "Payments", "", (member("U2", ""), member("U3", ""))),
        ),
        schedules=(
            schedule("S1", "Primary", layer("U1", "U2"), group_ids=("T1",)),
            schedule("S2", "Night", layer("U3"), group_ids=("T2",)),
            schedule("S3", "Nobody's", layer("U4")),
        ),
        policies=(
            policy("P1", "Default", Target("schedule", "S1"), group_id="T1"),
            policy("P2", "Cards", Target("schedule", "S2"), Target("responder", "U1"), group_id="T2"),
        ),
        services=(
            SourceService("V1", "Checkout", policy_id="P1", group_id="T1"),
            SourceService("V2", "Ledger", policy_id="P2", group_id="T2"),
        ),
    )
    sync.run()


def lead_of(*groups: str, roles: tuple[str, ...] = (Role.TEAM_LEAD,), email: str = "lead@example.com") -> User:
    account = create_account(email, "long-enough-1", is_staff=True, by=BY)
    account.groups.set(Group.objects.filter(name__in=roles))
    for name in groups:
        grant_lead(account.pk, UserGroup.objects.get(name=name).pk, BY)
    return User.objects.get(pk=account.pk)


def client_of(account: User) -> Client:
    client = Client()
    client.force_login(account)
    return client


def names(account: Any, model: Any) -> set[str]:
    return set(visible_to(account, model.objects.all()).values_list("name", flat=True))


def test_a_lead_sees_the_rows_of_its_groups(sync: Sync) -> None:
    two_teams(sync)
    lead = lead_of("Platform")
    assert names(lead, UserGroup) == {"Platform"}
    assert names(lead, Schedule) == {"Primary"}
    assert names(lead, EscalationPolicy) == {"Default"}
    assert names(lead, Service) == {"Checkout"}
    assert names(lead, Responder) == {"Ana", "Bo"}
    records = visible_to(lead, ChangeRecord.objects.all())
    assert set(records.values_list("label", flat=True)) == {"Platform", "Primary", "Default", "Checkout", "Ana", "Bo"}


@pytest.mark.parametrize("roles,groups", [((), ("Platform",)), ((Role.TEAM_LEAD,), ())])
def test_the_role_alone_and_the_group_alone_show_nothing(sync: Sync, roles: Any, groups: Any) -> None:
    two_teams(sync)
    account = lead_of(*groups, roles=roles)
    for each in (account, AnonymousUser()):
        assert {kind for kind, roots in ROOTS.items() if visible_to(each, roots.rows.all()).exists()} == set()
        assert not visible_conflicts(each).exists()


def test_an_inactive_account_sees_nothing(sync: Sync) -> None:
    two_teams(sync)
    for account in (lead_of("Platform"), User.objects.create_superuser("root@example.com", "long-enough-1")):
        account.is_active = False
        assert not visible_to(account, Schedule.objects.all()).exists()
        assert not visible_conflicts(account).exists()


def test_a_lead_who_is_a_viewer_too_sees_everything_and_overrides_only_its_own(sync: Sync) -> None:
    two_teams(sync)
    lead = lead_of("Platform", roles=(Role.TEAM_LEAD, Role.VIEWER))
    assert names(lead, Schedule) == {"Primary", "Night", "Nobody's"}
    assert [each.name for each in Schedule.objects.all() if leads(lead, each)] == ["Primary"]


@pytest.mark.parametrize("group", ["Platform", "Payments", "platform"])
def test_a_lead_sees_the_conflicts_that_concern_its_groups_and_no_others(sync: Sync, group: str) -> None:
    two_teams(sync)
    other = Sync("other")
    one_address = {"email": "ana@example.com"}
    other.source.change(
        users=(user("X1", "Ana A", **one_address), user("X2", "Ana B", **one_address), user("X3", "Eve")),
        teams=(SourceTeam("T9", "platform", "", (SourceMember("X3", ""),)),),
        schedules=(
            schedule("S8", "primary", layer("X1", "X2"), group_ids=("T9",)),
            schedule("S9", "Dawn", layer("X1", "X2"), group_ids=("T9",), zone="Nowhere/Land"),
        ),
        policies=(policy("P9", "Cards", Target("schedule", "S9")),),
        services=(),
    )
    other.run()
    found = list(Conflict.objects.all())
    group_id = UserGroup.objects.get(name=group).pk
    expected = {pk for pk, concern in concerns(found, timezone.now()).items() if group_id in concern.group_ids}
    kinds = {"user_not_found", "ambiguous", "team_name_collision", "duplicate_schedule", "timezone_mismatch"}
    assert {each.kind for each in found} >= kinds
    seen = set(visible_conflicts(lead_of(group)).values_list("pk", flat=True))
    assert seen == expected
    assert set() < seen < {each.pk for each in found}


LISTS = ("oncall_schedule", "oncall_usergroup", "oncall_escalationpolicy", "oncall_service", "oncall_responder")
FOREIGN = ("Night", "Payments", "Cards", "Ledger", "Di", "Nobody&#x27;s")


def test_no_page_of_a_lead_shows_a_foreign_name(sync: Sync) -> None:
    two_teams(sync)
    browser = client_of(lead_of("Platform"))
    urls = [reverse(f"admin:{name}_changelist") for name in (*LISTS, "oncall_changerecord", "syncjobs_conflict")]
    for roots in ROOTS.values():
        row = visible_to(browser_account(browser), roots.rows.all())[0]
        urls.append(reverse(f"admin:oncall_{row._meta.model_name}_change", args=[row.pk]))
    pages = {url: browser.get(url, follow=True) for url in urls}
    assert {url: page.status_code for url, page in pages.items()} == dict.fromkeys(urls, 200)
    shown = {(url, name) for url, page in pages.items() for name in FOREIGN if f">{name}<" in page.content.decode()}
    assert shown == set()
    assert {name for url, page in pages.items() for name in ("Primary", "Platform") if name in page.content.decode()}


@pytest.mark.slow
def test_no_address_names_a_row_of_another_group_beside_the_rows_of_a_lead(sync: Sync) -> None:
    """Bo is in both teams; the other team's policy pages our schedule, and its service uses our policy."""
    sync.source.change(
        users=(user("U1", "Ana"), user("U2", "Bo"), user("U3", "Foreign person")),
        teams=(
            SourceTeam("T1", "Platform", "", (SourceMember("U1", ""), SourceMember("U2", ""))),
            SourceTeam("T2", "Foreign group", "", (SourceMember("U2", ""), SourceMember("U3", ""))),
        ),
        schedules=(
            schedule("S1", "Primary", layer("U1", "U2"), group_ids=("T1",)),
            schedule("S2", "Foreign schedule", layer("U3", "U2"), group_ids=("T2",)),
        ),
        policies=(
            policy("P1", "Default", Target("schedule", "S1"), group_id="T1"),
            policy("P2", "Foreign policy", Target("schedule", "S1"), Target("responder", "U1"), group_id="T2"),
        ),
        services=(SourceService("V2", "Foreign service", policy_id="P1", group_id="T2"),),
    )
    sync.run()
    account = lead_of("Platform")
    browser = client_of(account)
    shown = {"question", "row", "list"}
    for address in addresses():
        for url in address.urls() if not address.name.endswith(":logout") else ():
            page = browser.get(url, follow=True).content.decode()
            assert "Foreign" not in page, url
            shown -= {"question"} if "Holds up:" in page and "Schedule Primary" in page else set()
            shown -= {"row"} if "Services using it" in page else set()
            shown -= {"list"} if 'data-label="Groups">Platform</td>' in page else set()
    assert shown == set()
    viewer = client_of(lead_of("Platform", roles=(Role.TEAM_LEAD, Role.VIEWER), email="viewer@example.com"))
    question = Conflict.objects.get(kind="user_not_found", label="Bo")
    for url in (reverse("admin:syncjobs_conflict_change", args=[question.pk]), "/admin/oncall/responder/"):
        assert "Foreign" in viewer.get(url).content.decode()


def browser_account(browser: Client) -> User:
    return User.objects.get(pk=browser.session["_auth_user_id"])


def test_a_foreign_row_is_answered_like_a_row_that_does_not_exist(sync: Sync) -> None:
    two_teams(sync)
    browser = client_of(lead_of("Platform"))
    foreign, none = Schedule.objects.get(name="Night").pk, 999_999
    for page in ("change", "history"):
        urls = [reverse(f"admin:oncall_schedule_{page}", args=[pk]) for pk in (foreign, none)]
        assert len({(answer.status_code) for answer in map(browser.get, urls)}) == 1
    assert browser.get(reverse("admin:oncall_schedule_page", args=[foreign])).status_code == 404
    assert browser.get(reverse("admin:oncall_schedule_change", args=[foreign])).headers["Location"] == "/admin/"
    question = Conflict.objects.exclude(pk__in=visible_conflicts(browser_account(browser)).values("pk")).first()
    assert question is not None
    assert browser.get(reverse("admin:syncjobs_conflict_change", args=[question.pk])).status_code == 404


def override(name: str, who: str, **more: Any) -> dict[str, Any]:
    now = timezone.now()
    row = {
        "overrides-0-stand_in": who,
        "overrides-0-starts": f"{now + timedelta(days=1):%Y-%m-%dT10:00}",
        "overrides-0-ends": f"{now + timedelta(days=1):%Y-%m-%dT12:00}",
        "overrides-TOTAL_FORMS": "1",
    }
    return row | more


def test_a_lead_adds_and_deletes_an_override_and_nothing_else(sync: Sync) -> None:
    two_teams(sync)
    browser = client_of(lead_of("Platform"))
    primary = Schedule.objects.get(name="Primary")
    url = reverse("admin:oncall_schedule_change", args=[primary.pk])
    form = Form(browser, url)
    assert "name" not in form.data
    layers = {"layers-TOTAL_FORMS": "0", "layers-INITIAL_FORMS": "0", "layers-0-DELETE": "on"}
    answer = form.send(**override("Primary", "Bo"), **layers, name="Hacked", active="", group="")
    assert answer.status_code == 302, answer.context["errors"]
    (added,) = Override.objects.filter(schedule=primary)
    assert (added.by and added.by.name) == "Bo"
    stored = Schedule.objects.get(pk=primary.pk)
    fields = ("name", "description", "time_zone", "group_id", "group_keys", "layers", "active")
    assert [getattr(stored, each) for each in fields] == [getattr(primary, each) for each in fields]
    record = ChangeRecord.objects.filter(model="schedule", object_id=primary.pk).order_by("-pk").first()
    assert record is not None and record.actor == browser_account(browser)
    assert all(path.startswith("overrides") for path in record.changes)
    Form(browser, url).send(**{"overrides-0-DELETE": "on"})
    assert not Override.objects.filter(schedule=primary).exists()


def test_a_lead_chooses_only_people_of_its_groups(sync: Sync) -> None:
    two_teams(sync)
    browser = client_of(lead_of("Platform"))
    url = reverse("admin:oncall_schedule_change", args=[Schedule.objects.get(name="Primary").pk])
    answer = Form(browser, url).send(**override("Primary", "Cy"))
    assert "is not known here" in answer.content.decode()
    names = reverse("admin:oncall_responder_names")
    found = browser.get(names, {"kinds": "responder,user_group,schedule,escalation_policy", "term": ""}).json()[
        "results"
    ]
    texts = " ".join(each["text"] for each in found)
    assert ("Bo #" in texts, "Cy" in texts, "Night" in texts) == (True, False, False)
    assert not Override.objects.exists()


def test_a_lead_cannot_delete_deactivate_or_add(sync: Sync) -> None:
    two_teams(sync)
    browser = client_of(lead_of("Platform"))
    primary = Schedule.objects.get(name="Primary")
    assert browser.get(reverse("admin:oncall_schedule_add")).status_code == 403
    assert browser.post(reverse("admin:oncall_schedule_delete", args=[primary.pk]), {"post": "yes"}).status_code == 403
    for action in ("deactivate_selected", "delete_selected"):
        browser.post(reverse("admin:oncall_schedule_changelist"), {"action": action, "_selected_action": [primary.pk]})
    primary.refresh_from_db()
    assert primary.active


@pytest.mark.parametrize("lost", ["group", "role", "account"])
def test_a_right_that_was_lost_between_two_clicks_is_gone(sync: Sync, lost: str) -> None:
    two_teams(sync)
    lead = lead_of("Platform")
    browser = client_of(lead)
    form = Form(browser, reverse("admin:oncall_schedule_change", args=[Schedule.objects.get(name="Primary").pk]))
    if lost == "group":
        revoke_lead(lead.pk, UserGroup.objects.get(name="Platform").pk, BY)
    elif lost == "role":
        lead.groups.clear()
    else:
        User.objects.filter(pk=lead.pk).update(is_active=False)
    assert form.send(**override("Primary", "Bo")).status_code in (302, 403)
    assert not Override.objects.exists()


def test_an_autocomplete_finds_only_visible_rows(sync: Sync) -> None:
    two_teams(sync)
    lead = lead_of("Platform")
    query = {"app_label": "oncall", "model_name": "service", "field_name": "group", "term": "P"}
    found = client_of(lead).get(reverse("admin:autocomplete"), query).json()["results"]
    assert [each["text"] for each in found] == [str(UserGroup.objects.get(name="Platform"))]

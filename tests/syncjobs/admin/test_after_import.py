"""The pages after an import: the list of steps, the people, and the owners of services (profiles: after, people,
services)."""

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from connectors.records import SourceService
from oncall.models import EscalationPolicy, Responder, Service, User, UserGroup
from oncall.operations import Actor, create_account, deactivate
from syncjobs.models import SyncRun
from syncjobs.pages.after_import.checklist import Check, checklist, silent_policies
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import NOW, Sync, edit, layer, schedule, user, world

pytestmark = pytest.mark.django_db
STEPS = (
    "Verify the user mapping",
    "Review schedules and time zones",
    "Test escalation policies",
    "Update service ownership",
    "Configure notifications",
    "Route alerts",
)


def url(sync: Sync, page: str = "after") -> str:
    return reverse(f"admin:syncjobs_syncprofile_{page}", args=[sync.profile.pk])


def read(client: Client, sync: Sync, page: str = "after", **query: str) -> str:
    answer = client.get(url(sync, page), query)
    assert answer.status_code == 200
    return answer.content.decode()


def steps(sync: Sync) -> dict[str, Check]:
    return {check.title: check for check in checklist(sync.profile, NOW)}


def test_each_step_has_a_figure_and_the_last_is_said_to_come(sync: Sync, admin_client: Client) -> None:
    sync.run()
    assert tuple(steps(sync)) == STEPS
    page = read(admin_client, sync)
    assert all(title in page for title in STEPS)
    assert "Rotabridge does not receive alerts yet: they still go to PagerDuty" in page
    assert not steps(sync)["Route alerts"].is_done


def test_people_are_mapped_when_no_question_about_them_waits(sync: Sync, admin_client: Client) -> None:
    sync.run()
    before = steps(sync)["Verify the user mapping"]
    assert before.figure == "3 people: 0 with an account, 3 without. 3 questions about people wait."
    assert not before.is_done
    for name in ("ana", "bo", "cy"):
        create_account(email=f"{name}@example.com", password="long-enough-1", by=Actor(None, "test"))
    sync.run()
    after = steps(sync)["Verify the user mapping"]
    assert after.figure == "3 people: 3 with an account, 0 without. 0 questions about people wait."
    assert after.is_done


def test_schedules_are_reviewed_when_each_has_a_zone_and_nothing_waits(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="Mars/Base"),))
    sync.run()
    before = steps(sync)["Review schedules and time zones"]
    assert (
        "1 schedule has no known time zone." in before.figure and "1 question about schedules waits." in before.figure
    )
    assert not before.is_done
    assert "Answer the question" in [link.text for link in before.links]


def test_policies_are_tested_when_each_reaches_somebody(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=tuple(replace(one, contact_methods=()) for one in world().users))
    sync.run()
    policy = EscalationPolicy.objects.get()
    assert silent_policies([policy], NOW) == [policy]
    step = steps(sync)["Test escalation policies"]
    assert step.figure == "1 of 1 policies reaches nobody if an alert comes now."
    assert not step.is_done
    assert step.links[0].text == "Simulate Default"
    sync.source.change(users=world().users)
    sync.run()
    step = steps(sync)["Test escalation policies"]
    assert step.figure == "The only policy reaches somebody if an alert comes now." and step.is_done


def test_notifications_are_configured_when_everybody_can_be_reached(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(replace(world().users[0], contact_methods=()), *world().users[1:]))
    sync.run()
    step = steps(sync)["Configure notifications"]
    assert step.figure == "1 of 3 people cannot be reached in any way." and not step.is_done
    page = read(admin_client, sync, "people", show="unreachable")
    assert "Ana" in page and "Cy" not in page
    switch_off(Responder.objects.get(name="Ana"))
    assert steps(sync)["Configure notifications"].is_done


def switch_off(person: Responder) -> None:
    deactivate("responder", [person.pk], by=Actor(None, "test"))


def test_the_people_are_shown_with_account_source_and_question(sync: Sync, admin_client: Client) -> None:
    sync.run()
    page = read(admin_client, sync, "people")
    assert "ana@example.com" in page and "U1" in page and "no account, not invited" in page
    assert "Answer the question" in page
    create_account(email="ana@example.com", password="long-enough-1", name="Ana Account", by=Actor(None, "test"))
    sync.run()
    assert "Ana Account" in read(admin_client, sync, "people")
    assert "Ana Account" not in read(admin_client, sync, "people", show="unmapped")


# --- owners of services -----------------------------------------------------------------------------------------------


def chosen(*services: Service) -> list[str]:
    return [f"{service.pk}:{service.version}" for service in services]


@pytest.fixture
def bare(sync: Sync) -> Sync:
    """Two services, one of them without owners."""
    sync.source.change(services=(*world().services, SourceService("V2", "Search")))
    sync.run()
    return sync


def test_services_without_owners_are_counted_and_listed(bare: Sync, admin_client: Client) -> None:
    step = steps(bare)["Update service ownership"]
    assert step.figure == "2 services: 1 without a user group or an escalation policy." and not step.is_done
    page = read(admin_client, bare, "services", show="without")
    assert "Search" in page and "Checkout" not in page
    everything = read(admin_client, bare, "services")
    assert "Checkout" in everything and "Platform" in everything and "Default" in everything


def test_the_ticked_services_get_the_owners_that_were_typed(bare: Sync, admin_client: Client) -> None:
    search, checkout = Service.objects.get(name="Search"), Service.objects.get(name="Checkout")
    form = {"service": chosen(search, checkout), "group": " platform ", "policy": "Default"}
    answer = admin_client.post(url(bare, "services"), form, follow=True)
    assert "1 changed. Services that had these owners before stay" in answer.content.decode()
    search.refresh_from_db()
    checkout_now = Service.objects.get(name="Checkout")
    assert (search.group, search.policy) == (UserGroup.objects.get(), EscalationPolicy.objects.get())
    assert checkout_now.version == checkout.version, "it had them before, and keeps the keys of the source"
    assert steps(bare)["Update service ownership"].is_done


def test_the_next_sync_keeps_owners_that_were_assigned_here(bare: Sync, admin_client: Client) -> None:
    search = Service.objects.get(name="Search")
    admin_client.post(url(bare, "services"), {"service": chosen(search), "group": "Platform", "policy": ""})
    bare.run()
    search.refresh_from_db()
    assert search.group == UserGroup.objects.get()
    assert search.policy is None


@pytest.mark.parametrize(
    "form,message",
    [
        ({"group": "Nobody"}, "No active user group has the name “Nobody”."),
        ({"policy": HOSTILE}, "No active escalation policy has the name"),
        ({"group": "", "policy": ""}, "Enter the name of a user group or of a policy."),
        ({"group": "Ω" * 500}, "No active user group has the name"),
    ],
)
def test_a_bad_form_names_what_is_wrong_and_changes_nothing(
    bare: Sync, admin_client: Client, form: dict[str, str], message: str
) -> None:
    search = Service.objects.get(name="Search")
    answer = admin_client.post(url(bare, "services"), {"service": chosen(search), **form}, follow=True)
    page = answer.content.decode()
    assert message in page and "No service was changed." in page and HOSTILE not in page
    assert Service.objects.get(name="Search").version == search.version


def test_a_second_click_and_rows_of_others_change_nothing(bare: Sync, admin_client: Client) -> None:
    search, other = Service.objects.get(name="Search"), Sync("other")
    other.source.change(services=(SourceService("V1", "Foreign"),), policies=(), teams=())
    other.run()
    foreign = Service.objects.get(name="Foreign")
    form = {"service": [*chosen(search, foreign), "x", "1:2:3", "99999999999999999999:1"], "group": "Platform"}
    UserGroup.objects.exclude(links__connection=bare.connection).delete()
    admin_client.post(url(bare, "services"), form)
    after = Service.objects.get(name="Search").version
    answer = admin_client.post(url(bare, "services"), form, follow=True)
    assert "has changed meanwhile" in answer.content.decode()
    assert Service.objects.get(name="Search").version == after
    assert Service.objects.get(name="Foreign").group is None


def test_a_viewer_sees_services_without_the_form(bare: Sync) -> None:
    viewer = staff("view_syncprofile", "view_service")
    page = viewer.get(url(bare, "services")).content.decode()
    assert "Search" in page and 'name="group"' not in page
    assert viewer.post(url(bare, "services"), {}).status_code == 403
    assert viewer.get(url(bare, "people")).status_code == 403


# --- costs, names, links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["after", "people", "services"])
def test_a_page_costs_the_same_however_much_there_is(sync: Sync, admin_client: Client, page: str) -> None:
    sync.run()
    few = queries(admin_client, url(sync, page))
    users = tuple(user(f"U{number}", f"Person{number}") for number in range(120))
    services = tuple(SourceService(f"V{n}", f"Service {n}", policy_id="P1", group_id="T1") for n in range(120))
    sync.source.change(users=(*world().users, *users[4:]), services=services)
    schedules = tuple(schedule(f"S{number}", f"Rota {number}", layer(f"U{number + 4}")) for number in range(2, 100))
    sync.source.change(schedules=(*world().schedules, *schedules))
    sync.run()
    assert queries(admin_client, url(sync, page)) <= few + 2
    assert len(admin_client.get(url(sync, page)).content) < 300_000


def test_hostile_names_are_text(sync: Sync, admin_client: Client) -> None:
    users = (replace(world().users[0], name=HOSTILE, contact_methods=()), *world().users[1:])
    sync.source.change(users=users, services=(SourceService("V1", HOSTILE, group_id="T1"),))
    sync.run()
    for page in ("people", "services"):
        assert_harmless(read(admin_client, sync, page))


def test_the_page_of_a_run_and_the_first_page_lead_there(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    assert url(sync) in admin_client.get(reverse("admin:syncjobs_syncrun_change", args=[run.pk])).content.decode()
    assert url(sync) in admin_client.get("/admin/").content.decode()
    assert (
        url(sync)
        not in staff("view_syncrun").get(reverse("admin:syncjobs_syncrun_change", args=[run.pk])).content.decode()
    )
    assert SyncRun.objects.count() == 1
    assert User.objects.filter(is_superuser=True).exists()


def test_no_step_is_done_while_nothing_follows_the_source(sync: Sync, admin_client: Client) -> None:
    def nothing_is_done() -> bool:
        figures = {check.figure for check in steps(sync).values() if not check.is_coming}
        page = " ".join(read(admin_client, sync).split())
        return (
            tuple(steps(sync)) == STEPS
            and not any(check.is_done for check in steps(sync).values())
            and figures == {f"Nothing here follows {sync.connection}: it was not imported yet, or it was disconnected."}
            and all(title in page for title in STEPS)
        )

    assert nothing_is_done()
    sync.plan()
    assert nothing_is_done()
    sync.run()
    assert any(check.is_done for check in steps(sync).values())
    disconnect(sync.connection)
    assert nothing_is_done()


def test_an_unknown_profile_is_not_found(admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:syncjobs_syncprofile_after", args=[999])).status_code == 404


def test_an_edited_owner_is_shown_beside_that_of_the_source(sync: Sync, admin_client: Client) -> None:
    sync.run()
    edit("service", Service.objects.get(), group_key="")
    page = read(admin_client, sync, "services", show="without")
    assert "none" in page and "Platform" in page


def test_each_question_about_a_person_is_counted(sync: Sync) -> None:
    for name in ("ana", "bo", "cy"):
        create_account(email=f"{name}@example.com", password="long-enough-1", by=Actor(None, "test"))
    sync.run()
    ana, *others = world().users
    sync.source.change(users=(replace(ana, state="inactive"), *others))
    sync.run()
    check = steps(sync)["Verify the user mapping"]
    assert "1 question about people waits." in check.figure
    assert not check.is_done

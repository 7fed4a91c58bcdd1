"""The conflict queue shows what differs, what happens meanwhile and what can be done now."""

from dataclasses import replace

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from connectors.records import SourceTeam
from oncall.aggregates import Draft
from oncall.models import Responder, UserGroup
from oncall.operations import Actor, create_account, write
from syncjobs.conflicts.words import MEANWHILE
from syncjobs.models import Conflict, ConflictKind, ConflictState, Strategy
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import Sync, layer, schedule, user

pytestmark = pytest.mark.django_db
LIST = "/admin/syncjobs/conflict/"


def read(client: Client, kind: str) -> str:
    conflict = Conflict.objects.filter(kind=kind).order_by("-id")[0]
    answer = client.get(reverse("admin:syncjobs_conflict_change", args=[conflict.pk]))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert escape(MEANWHILE[conflict.kind]) in page
    return page


def test_every_kind_has_its_words() -> None:
    assert MEANWHILE.keys() == set(ConflictKind)


def test_a_person_without_an_account(sync: Sync, admin_client: Client) -> None:
    sync.run()
    page = read(admin_client, ConflictKind.USER_NOT_FOUND)
    assert "no account has this e-mail address" in page
    assert "@example.com" in page
    assert "Open this person" in page
    assert "<li>Escalation policy Default</li>" in page
    assert "Platform" in page


def test_both_sides_edited_are_shown_side_by_side(sync: Sync, admin_client: Client) -> None:
    sync.run()
    group = UserGroup.objects.get()
    write("user_group", [Draft({"description": "ours"}, id=group.pk, version=group.version)], by=Actor(None, "test"))
    sync.source.change(teams=(replace(sync.source.snapshot.teams[0], description="theirs"),))
    sync.run()
    page = read(admin_client, ConflictKind.BOTH_EDITED)
    assert page.index('<dd data-label="Here"><div class="rb-line rb-differs">ours') < page.index("theirs")
    assert "Description" in page
    assert reverse("admin:oncall_usergroup_change", args=[group.pk]) in page


def test_an_unknown_zone(sync: Sync, admin_client: Client) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="Mars/Olympus"),))
    sync.run()
    conflict = Conflict.objects.get(kind=ConflictKind.TIMEZONE_MISMATCH)
    conflict.evidence |= {"candidates": ["Europe/Paris", "Europe/Rome"], "rule": "abbreviation"}
    conflict.save()
    page = read(admin_client, ConflictKind.TIMEZONE_MISMATCH)
    assert "Mars/Olympus" in page
    assert "not set: the schedule is inactive" in page
    assert "Europe/Rome" in page
    assert "It is an abbreviation, which is used for several zones." in page


def test_a_name_taken_by_somebody_else_leads_to_both_rows(sync: Sync, admin_client: Client) -> None:
    (written,) = write("user_group", [Draft({"name": "platform"})], by=Actor(None, "test"))
    sync.run()
    page = read(admin_client, ConflictKind.TEAM_NAME_COLLISION)
    assert "created here" in page
    assert "imported from PagerDuty (acme)" in page
    assert reverse("admin:oncall_usergroup_change", args=[written.id]) in page
    listed = admin_client.get(LIST, {"kind__exact": ConflictKind.TEAM_NAME_COLLISION}).content.decode()
    assert "acme" in listed
    assert "escalation policy Default" in listed
    assert f"Open platform #{written.id}, created here" in page
    imported = UserGroup.objects.get(name="Platform")
    assert f"Open Platform #{imported.pk}, imported from PagerDuty (acme)" in page


def test_several_people_with_one_address(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(*sync.source.snapshot.users, user("U9", "Twin", email="ana@example.com")))
    sync.run()
    page = read(admin_client, ConflictKind.AMBIGUOUS)
    ana, twin = (Responder.objects.get(name=name) for name in ("Ana", "Twin"))
    assert f"Ana #{ana.pk}, imported from PagerDuty (acme)" in page
    assert f"Open Twin #{twin.pk}, imported from PagerDuty (acme)" in page


def test_an_element_edited_on_both_sides(sync: Sync, admin_client: Client) -> None:
    sync.run()
    key = f"{sync.connection.pk}:U1:CU1"
    value = {"channel": "email", "address": "a@example.com", "label": "", "enabled": True}
    Conflict.objects.create(
        connection=sync.connection,
        kind=ConflictKind.BOTH_EDITED,
        subject_key="responder:x",
        entity_type="responder",
        external_id="U1",
        label="Ana",
        paths=[f"contact_methods.{key}"],
        evidence={f"contact_methods.{key}": {"here": value, "source": None}},
        opened_at="2026-01-01T00:00:00Z",
    )
    page = read(admin_client, ConflictKind.BOTH_EDITED)
    assert "email a@example.com" in page
    assert "does not exist" in page
    assert key not in page


def test_what_was_deleted_here(sync: Sync, admin_client: Client) -> None:
    sync.run()
    Conflict.objects.create(
        connection=sync.connection,
        kind=ConflictKind.DELETED_HERE,
        subject_key="user_group:x",
        entity_type="user_group",
        external_id="T1",
        label="Platform",
        paths=["active"],
        evidence={"active": {"here": None, "source": True}},
        opened_at="2026-01-01T00:00:00Z",
    )
    page = read(admin_client, ConflictKind.DELETED_HERE)
    assert ">deleted</div>" in page
    assert ">yes</div>" in page


def test_a_schedule_of_the_same_name(sync: Sync, admin_client: Client) -> None:
    write("schedule", [Draft({"name": "Primary", "time_zone": "Europe/Paris"})], by=Actor(None, "test"))
    sync.run()
    assert "created here" in read(admin_client, ConflictKind.DUPLICATE_SCHEDULE)


def test_an_escalation_policy_of_the_same_name(sync: Sync, admin_client: Client) -> None:
    write("escalation_policy", [Draft({"name": "Default"})], by=Actor(None, "test"))
    sync.run()
    assert "created here" in read(admin_client, ConflictKind.DUPLICATE_POLICY)


def test_the_list_shows_open_conflicts_unless_another_state_is_chosen(sync: Sync, admin_client: Client) -> None:
    sync.run()
    Conflict.objects.filter(label="Ana").update(state=ConflictState.CLOSED)

    def labels(**query: str) -> set[str]:
        return {conflict.label for conflict in admin_client.get(LIST, query).context["cl"].result_list}

    assert labels() == {"Bo", "Cy"}
    assert labels(state="closed") == {"Ana"}
    assert labels(state="all") == {"Ana", "Bo", "Cy"}
    assert labels(q="cy") == {"Cy"}
    assert labels(kind__exact="ambiguous") == set()
    assert labels(connection=str(sync.connection.pk)) == {"Bo", "Cy"}
    assert labels(connection="nonsense") == set()
    assert admin_client.get(LIST, {"connection__credentials__startswith": "enc1"}).status_code == 400


def test_a_closed_conflict_says_that_it_is_over(sync: Sync, admin_client: Client) -> None:
    sync.run()
    create_account(email="ana@example.com", password="long-enough-1", by=Actor(None, "test"))
    conflict = Conflict.objects.get(label="Ana")
    Conflict.objects.filter(pk=conflict.pk).update(state=ConflictState.CLOSED)
    page = admin_client.get(reverse("admin:syncjobs_conflict_change", args=[conflict.pk])).content.decode()
    assert "The question no longer exists" in page
    assert 'name="answer"' not in page


def test_the_list_costs_the_same_however_many_there_are(sync: Sync, admin_client: Client) -> None:
    sync.run()

    def add(numbers: range) -> int:
        Conflict.objects.bulk_create(
            Conflict(
                connection=sync.connection,
                kind=ConflictKind.AMBIGUOUS,
                subject_key=f"{index}",
                entity_type="responder",
                external_id=f"U{index}",
                label=f"Person {index}",
                opened_at="2026-01-01T00:00:00Z",
            )
            for index in numbers
        )
        return queries(admin_client, LIST)

    few = add(range(1))
    assert add(range(1, 40)) == few


def test_hostile_evidence_is_text(sync: Sync, admin_client: Client) -> None:
    sync.source.change(
        users=(user("U1", HOSTILE, email=HOSTILE), user("U2", "Bo"), user("U3", "Cy")),
        teams=(SourceTeam("T1", HOSTILE),),
        schedules=(schedule("S1", HOSTILE, layer("U1"), zone=HOSTILE),),
    )
    write("user_group", [Draft({"name": HOSTILE})], by=Actor(None, "test"))
    sync.run()
    assert Responder.objects.filter(name=HOSTILE).exists()
    assert_harmless(admin_client.get(LIST).content.decode())
    for conflict in Conflict.objects.exclude(label__in=["Bo", "Cy"]):
        page = admin_client.get(reverse("admin:syncjobs_conflict_change", args=[conflict.pk])).content.decode()
        assert_harmless(page)


def test_conflicts_are_read_only_and_not_for_everybody(sync: Sync, admin_client: Client) -> None:
    sync.rules(strategy=Strategy.OVERWRITE)
    sync.run()
    page = reverse("admin:syncjobs_conflict_change", args=[Conflict.objects.all()[0].pk])
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(page.replace("change", "delete")).status_code == 403
    assert admin_client.get(f"{LIST}999999/change/").status_code == 404
    assert admin_client.get(f"{LIST}nonsense/change/").status_code == 404
    outsider = staff("view_syncrun")
    assert outsider.get(page).status_code == 403
    assert outsider.get(LIST).status_code == 403


def test_an_empty_queue_says_that_nothing_waits(admin_client: Client) -> None:
    empty = admin_client.get(LIST).content.decode()
    assert "Nothing waits for you." in empty
    filtered = admin_client.get(LIST, {"state": "closed"}).content.decode()
    assert "No questions match the search and the filters." in filtered
    assert "Nothing waits" not in filtered


def test_every_empty_list_says_what_it_would_list(admin_client: Client) -> None:
    for model in admin.site._registry:
        names = model._meta
        response = admin_client.get(reverse(f"admin:{names.app_label}_{names.model_name}_changelist"))
        if "cl" not in response.context:
            continue  # a page of its own in the place of the list
        listed = bool(response.context["cl"].result_list)
        text = response.content.decode()
        empty = getattr(response.context["cl"].model_admin, "empty_text", "")
        assert listed != ((empty or f"There are no {names.verbose_name_plural} yet.") in text)
        assert "yielded" not in text

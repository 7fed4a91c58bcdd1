"""The list of questions: its order, its views, its groups by cause, and answers to many questions at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.models import Role, User, UserGroup
from syncjobs.conflicts.ranking import next_shifts
from syncjobs.conflicts.words import sentence
from syncjobs.models import Conflict, ConflictKind, ConflictState, RunState, SyncRun
from tests.syncjobs.admin.conftest import queries
from tests.syncjobs.admin.test_answers import client_with, url_of
from tests.syncjobs.conflicts.test_kinds import EVERY, arisen
from tests.syncjobs.conftest import Sync, contents, layer, schedule, user, world

pytestmark = pytest.mark.django_db
LIST = "/admin/syncjobs/conflict/"
#: What the button of a cause sends.
BY_CAUSE = {"action": "answer_together", "_selected_action": "0", "select_across": "1", "index": "0"}


def listed(client: Client, **query: str) -> list[str]:
    return [each.label for each in client.get(LIST, query).context["cl"].result_list]


def three_shifts(sync: Sync) -> None:
    """Cy is on call now, Ana in 3 days and Bo in 10; the questions are opened in the order Ana, Bo, Cy."""
    now = int(timezone.now().timestamp())
    sync.source.change(
        users=(*world().users, user("U4", "Dee")),
        schedules=tuple(
            schedule(f"S{number}", f"Schedule {number}", layer(who, starts_at=now + days * 86_400))
            for number, (who, days) in enumerate((("U1", 3), ("U2", 10), ("U3", -1)))
        ),
        policies=(),
        services=(),
    )
    sync.run()


def test_the_list_begins_with_the_next_shift(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    assert listed(admin_client) == ["Cy", "Ana", "Bo"]
    assert "on call now" in admin_client.get(LIST).content.decode()
    assert listed(admin_client, view="soon") == ["Cy", "Ana"]
    assert listed(admin_client, o="1") == ["Ana", "Bo", "Cy"]
    assert listed(admin_client, o="-1") == ["Cy", "Bo", "Ana"]


@EVERY
def test_each_kind_is_ranked_by_the_shift_that_its_page_shows(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    shift = next_shifts(Conflict.objects.filter(pk=conflict.pk), timezone.now())[conflict.pk]
    page = client_with(Role.ADMINISTRATOR).get(url_of(conflict)).content.decode()
    assert (shift is not None) == ("on call now" in page or "next shift" in page) or kind in (
        "duplicate_policy", "team_name_collision", "both_edited"
    )  # fmt: skip
    if kind == "duplicate_policy":
        assert shift is not None


@EVERY
def test_a_sentence_names_the_object_and_the_source(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    text = sentence(conflict, ("acme",))
    assert conflict.label in text and "acme" in text and text.endswith(".")
    listed_page = client_with(Role.ADMINISTRATOR).get(LIST, {"kind__exact": kind}).content.decode()
    assert conflict.label in listed_page


def test_mine_are_those_that_are_assigned_to_me(sync: Sync, admin_client: Client, admin_user: User) -> None:
    three_shifts(sync)
    Conflict.objects.filter(label="Bo").update(assignee=admin_user)
    assert listed(admin_client, view="mine") == ["Bo"]
    assert listed(admin_client, view="together") == ["Cy", "Ana", "Bo"]
    assert listed(admin_client, view="nonsense") == ["Cy", "Ana", "Bo"]


def test_a_question_that_stands_alone_is_not_answered_together(sync: Sync, admin_client: Client) -> None:
    arisen(sync, "both_edited")
    assert "both_edited" not in {
        each.kind for each in admin_client.get(LIST, {"view": "together"}).context["cl"].result_list
    }


def test_people_without_an_account_are_one_group_in_three_buckets(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    Conflict.objects.filter(label="Bo").update(state=ConflictState.DECIDED, choice="leave")
    (cause,) = admin_client.get(LIST).context["causes"]
    assert cause.text == "acme: 2 × people without an account"
    assert cause.buckets == "0 matched · 2 can be invited · 1 left"
    assert [each.label for each in admin_client.get(f"{LIST}?{cause.query}").context["cl"].result_list] == ["Cy", "Ana"]
    page = admin_client.post(f"{LIST}?{cause.query}", BY_CAUSE)
    assert page.context["ids"] == [Conflict.objects.get(label=name).pk for name in ("Cy", "Ana")]


def test_previous_and_next_keep_the_filter_and_the_order(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    pk = {name: Conflict.objects.get(label=name).pk for name in ("Ana", "Bo", "Cy")}

    def neighbours(name: str, filters: str) -> tuple[str, str]:
        url = reverse("admin:syncjobs_conflict_change", args=[pk[name]])
        context = admin_client.get(url, {"_changelist_filters": filters}).context
        return context["previous_url"], context["next_url"]

    def url(name: str, filters: str = "") -> str:
        address = reverse("admin:syncjobs_conflict_change", args=[pk[name]])
        return f"{address}?_changelist_filters={filters}" if filters else address

    assert neighbours("Ana", "") == (url("Cy"), url("Bo"))
    assert neighbours("Ana", "view=soon") == (url("Cy", "view%3Dsoon"), "")
    assert neighbours("Ana", "o=1") == ("", url("Bo", "o%3D1"))
    for tampered in ("o=99.99.99.99.99.99.99.99.99.99", "p=x", "nonsense=1", "state=%00", "&&&=", "e=1"):
        assert admin_client.get(url("Ana"), {"_changelist_filters": tampered}).status_code in (200, 400)


def test_after_an_answer_the_next_question_of_the_list_follows(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    conflict = Conflict.objects.get(label="Ana")
    data = {"choice": "leave", "evidence_hash": conflict.evidence_hash, "answer": "1"}
    page = admin_client.post(f"{url_of(conflict)}?_changelist_filters=kind__exact%3Duser_not_found", data, follow=True)
    bo = Conflict.objects.get(label="Bo")
    assert page.context["next_url"] == f"{url_of(bo)}?_changelist_filters=kind__exact%3Duser_not_found"


# --- many at once -----------------------------------------------------------------------------------------------------


def ticked(*conflicts: Conflict, **more: Any) -> dict[str, Any]:
    return {"action": "answer_together", "_selected_action": [each.pk for each in conflicts], **more}


def test_many_are_previewed_and_answered_each_by_itself(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    cy, ana, bo = (Conflict.objects.get(label=name) for name in ("Cy", "Ana", "Bo"))
    chosen = ticked(cy, ana, bo, choice_user_not_found="leave")
    before = contents()
    shown = admin_client.post(LIST, {**chosen, "step": "preview"})
    assert contents() == before
    assert all(line.effects for line in shown.context["groups"][0].lines)
    Conflict.objects.filter(pk=ana.pk).update(evidence_hash="moved")
    done = admin_client.post(LIST, {**chosen, "step": "answer", "evidence": shown.context["evidence"]})
    assert (done.context["done"], done.context["refused"]) == (2, 1)
    assert "is about other values now" in done.content.decode()
    states = dict(Conflict.objects.values_list("label", "state"))
    assert states == {"Cy": "decided", "Ana": "open", "Bo": "decided"}
    again = admin_client.post(LIST, ticked(ana, choice_user_not_found="leave", step="preview"))
    data = {"step": "answer", "evidence": again.context["evidence"]}
    assert admin_client.post(LIST, ticked(ana, choice_user_not_found="leave", **data)).status_code == 302
    assert Conflict.objects.get(pk=ana.pk).state == ConflictState.DECIDED


def test_several_zones_are_answered_at_once_and_one_read_serves_them(sync: Sync, admin_client: Client) -> None:
    zones = {"S2": "CST", "S3": "EST", "S4": "CST", "S5": "UTC+5"}
    odd = (schedule(id_, f"Odd {id_}", layer("U1"), zone=zone) for id_, zone in zones.items())
    sync.source.change(schedules=(*world().schedules, *odd))
    sync.run()
    questions = list(Conflict.objects.filter(kind="timezone_mismatch"))
    chosen = ticked(*questions, choice_timezone_mismatch="confirm")
    shown = admin_client.post(LIST, {**chosen, "step": "preview"})
    done = admin_client.post(LIST, {**chosen, "step": "answer", "evidence": shown.context["evidence"]})
    assert done.status_code == 302
    assert not Conflict.objects.filter(kind="timezone_mismatch", state=ConflictState.OPEN).exists()
    (read,) = SyncRun.objects.filter(state=RunState.QUEUED)
    assert {external_id for _, external_id in read.scope["only"]} == set(zones)


def test_an_answer_without_a_preview_and_one_that_is_not_for_many_write_nothing(
    sync: Sync, admin_client: Client
) -> None:
    three_shifts(sync)
    ana = Conflict.objects.get(label="Ana")
    for choice, evidence in (("leave", ""), ("leave", "x:y"), ("map", f"{ana.pk}:{ana.evidence_hash}"), ("x", "")):
        admin_client.post(LIST, ticked(ana, choice_user_not_found=choice, step="answer", evidence=evidence))
    assert Conflict.objects.get(pk=ana.pk).state == ConflictState.OPEN


def test_who_may_not_answer_has_no_ticks(sync: Sync) -> None:
    three_shifts(sync)
    viewer = client_with(Role.VIEWER)
    ana = Conflict.objects.get(label="Ana")
    assert "answer_together" not in viewer.get(LIST).content.decode()
    data = {"step": "answer", "evidence": f"{ana.pk}:{ana.evidence_hash}"}
    viewer.post(LIST, ticked(ana, choice_user_not_found="leave", **data))
    assert Conflict.objects.get(pk=ana.pk).state == ConflictState.OPEN


def test_a_lead_answers_many_of_its_groups_in_the_site_for_everybody(sync: Sync) -> None:
    sync.run()
    lead = client_with(Role.TEAM_LEAD, groups=tuple(UserGroup.objects.values_list("name", flat=True)))
    url = reverse("everybody:syncjobs_conflict_changelist")
    shown = list(lead.get(url).context["cl"].result_list)
    chosen = ticked(*shown, choice_user_not_found="leave")
    page = lead.post(url, {**chosen, "step": "preview"})
    assert "/admin/" not in page.content.decode().partition("<form")[2]
    lead.post(url, {**chosen, "step": "answer", "evidence": page.context["evidence"]})
    assert set(Conflict.objects.filter(pk__in=[each.pk for each in shown]).values_list("state", flat=True)) == {
        "decided"
    }


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_the_list_and_the_page_cost_the_same_with_5000_questions(
    sync: Sync, admin_client: Client, record_property: Any
) -> None:
    three_shifts(sync)
    Conflict.objects.filter(label="Ana").update(opened_at=timezone.now() - timedelta(days=30))
    page = url_of(Conflict.objects.get(label="Ana"))
    before = queries(admin_client, LIST), queries(admin_client, page)
    Conflict.objects.bulk_create(
        Conflict(
            connection=sync.connection,
            kind=ConflictKind.USER_NOT_FOUND,
            subject_key=f"{index}",
            entity_type="responder",
            external_id=f"X{index}",
            label=f"Person {index}",
            opened_at=timezone.now(),
        )
        for index in range(5_000)
    )
    after = queries(admin_client, LIST), queries(admin_client, page)
    record_property("counts", f"list {before[0]} -> {after[0]} queries, page {before[1]} -> {after[1]}")
    assert after == before
    assert listed(admin_client)[:3] == ["Cy", "Ana", "Bo"]

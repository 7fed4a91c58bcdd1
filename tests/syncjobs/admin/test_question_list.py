"""The list of questions: its order, its views, its groups by cause, and answers to many questions at once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.aggregates import Draft
from oncall.models import Reference, Responder, Role, Schedule, User, UserGroup
from oncall.operations import write
from oncall.rendering.final import render_final
from syncjobs.conflicts.ranking import rank
from syncjobs.conflicts.words import sentence
from syncjobs.models import Conflict, ConflictKind, ConflictState, ExternalLink, RunState, SyncRun
from tests.syncjobs.admin.conftest import queries
from tests.syncjobs.admin.test_answers import client_with, url_of
from tests.syncjobs.conflicts.test_kinds import EVERY, arisen
from tests.syncjobs.conftest import BY, Sync, contents, layer, schedule, user, world

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
    shift = rank(Conflict.objects.filter(pk=conflict.pk), timezone.now()).shifts[conflict.pk]
    page = client_with(Role.ADMINISTRATOR).get(url_of(conflict)).content.decode()
    has_schedules_of_its_own = conflict.entity_type in ("escalation_policy", "user_group")  # which the page leaves out
    assert (shift is not None) == ("on call now" in page or "next shift" in page) or has_schedules_of_its_own
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
    assert cause.buckets == "0 matched · 2 can be invited · 1 stay without an account"
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


def questions(sync: Sync, people: Iterable[int]) -> None:
    """Adds a question for each of these people of the source, without syncing them."""
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
        for index in people
    )


def imported(sync: Sync, people: Iterable[int], holding: Schedule) -> None:
    """Adds rows and links of these people, who hold a slot in a schedule."""
    rows = Responder.objects.bulk_create(Responder(name=f"Person {index}") for index in people)
    ExternalLink.objects.bulk_create(
        ExternalLink(
            connection=sync.connection, entity_type="responder", external_id=f"X{index}", responder=row,
            since=timezone.now(),
        )
        for index, row in zip(people, rows, strict=True)
    )  # fmt: skip
    Reference.objects.bulk_create(
        Reference(owner_schedule=holding, position=f"x{row.pk}", kind="responder", key=f"x{row.pk}", responder=row)
        for row in rows
    )


def test_the_list_and_the_page_cost_the_same_with_5000_questions(
    sync: Sync, admin_client: Client, record_property: Any
) -> None:
    three_shifts(sync)
    Conflict.objects.filter(label="Ana").update(opened_at=timezone.now() - timedelta(days=30))
    page = url_of(Conflict.objects.get(label="Ana"))
    before = queries(admin_client, LIST), queries(admin_client, page)
    questions(sync, range(5_000))
    imported(sync, range(1_200), Schedule.objects.get(name="Schedule 1"))
    after = queries(admin_client, LIST), queries(admin_client, page)
    size = len(admin_client.get(LIST).content)
    record_property(
        "counts", f"list {before[0]} -> {after[0]} queries, {size // 1000} KB; page {before[1]} -> {after[1]} queries"
    )
    assert after == before
    assert after[0] <= 15
    assert size <= 300_000
    assert listed(admin_client)[:3] == ["Cy", "Ana", "Bo"]


def test_only_the_schedules_of_the_listed_questions_are_rendered_and_each_once(
    sync: Sync, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_shifts(sync)
    write("schedule", [Draft({"name": f"Other {number}", "time_zone": "UTC"}) for number in range(20)], by=BY)
    rendered: list[Any] = []

    def counted(*given: Any) -> Any:
        rendered.append(given)
        return render_final(*given)

    monkeypatch.setattr("syncjobs.conflicts.next_shifts.render_final", counted)
    for query, number in (({}, 3), ({"q": "Bo"}, 1), ({"view": "soon"}, 3), ({"state": "decided"}, 0), ({"o": "1"}, 3)):
        rendered.clear()
        admin_client.get(LIST, query)
        assert len(rendered) == number, query


@pytest.mark.parametrize("most", [500, 0])
@EVERY
def test_few_and_many_questions_are_ranked_alike_for_everybody(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, kind: str, most: int
) -> None:
    """most: 0 takes the way for many questions."""
    conflict, at = arisen(sync, kind), timezone.now()
    Schedule.objects.update(group=UserGroup.objects.order_by("pk")[0])
    one = rank(Conflict.objects.filter(pk=conflict.pk), at).shifts
    monkeypatch.setattr("syncjobs.conflicts.ranking.MOST_IDS", most)
    waiting = Conflict.objects.filter(state__in=("open", "proposed"))
    shifts = rank(waiting, at).shifts
    assert one.items() <= shifts.items()
    groups = tuple(UserGroup.objects.values_list("name", flat=True))
    lead = client_with(Role.TEAM_LEAD, groups=groups)
    listed_for_lead = lead.get(reverse("everybody:syncjobs_conflict_changelist")).context["cl"]
    assert [pk for pk in listed_for_lead.order if pk in shifts] == listed_for_lead.order
    if kind != "deleted_here" and conflict.entity_type:  # the row is gone, and so are its groups; or there is none
        assert conflict.pk in listed_for_lead.order
    hidden = rank(waiting, at, User.objects.get(email="who@example.com")).shifts
    assert hidden == shifts


def test_a_lead_is_told_of_no_shift_of_another_group(sync: Sync) -> None:
    three_shifts(sync)
    client_with(Role.TEAM_LEAD, groups=("Platform",))
    lead = User.objects.get(email="who@example.com")
    assert set(rank(Conflict.objects.all(), timezone.now(), lead).shifts.values()) == {None}


def test_a_person_is_ranked_by_the_turn_of_somebody_whom_the_person_replaces(sync: Sync, admin_client: Client) -> None:
    three_shifts(sync)
    questions(sync, [1])
    Conflict.objects.filter(label="Person 1").update(external_id="U4", label="Dee")
    assert listed(admin_client) == ["Cy", "Ana", "Bo", "Dee"]
    key = f"person:{sync.connection.pk}:U4"
    span = {"starts_at": timezone.now() + timedelta(hours=1), "ends_at": timezone.now() + timedelta(days=1)}
    dee = Responder.objects.get(name="Dee")
    Responder.objects.get(name="Cy").substitutions.create(by=dee, by_key=key, **span)
    assert listed(admin_client) == ["Cy", "Dee", "Ana", "Bo"]

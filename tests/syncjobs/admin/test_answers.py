"""Every answer to every kind of question, on the page of the question in both sites."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from oncall.aggregates import Draft
from oncall.models import ChangeRecord, EscalationPolicy, Role, Schedule, User, UserGroup
from oncall.operations import create_account, grant_lead, write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictKind, ConflictState, Rule, SyncRun
from syncjobs.planning.decisions.table import CHOICES
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, contents
from tests.syncjobs.deciding.test_answers import ANSWERS, EVERY

pytestmark = pytest.mark.django_db
SITES = pytest.mark.parametrize("site", ["admin", "everybody"])


def client_with(*roles: Role, groups: tuple[str, ...] = (), email: str = "who@example.com", **more: Any) -> Client:
    """A client whose account has these roles and leads these groups."""
    account = create_account(email, "long-enough-1", is_staff=True, by=BY, **more)
    account.groups.set(Group.objects.filter(name__in=roles))
    for name in groups:
        grant_lead(account.pk, UserGroup.objects.get(name=name).pk, BY)
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    return client


def url_of(conflict: Conflict, site: str = "admin") -> str:
    return reverse(f"{site}:syncjobs_conflict_change", args=[conflict.pk])


def card_of(answer: Any, choice: str) -> Any:
    return next(card for card in answer.context["cards"] if card.choice.name == choice)


def filled(client: Client, url: str, choice: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """The form of a choice as a browser sends it, with these arguments."""
    answer = client.get(url)
    form = card_of(answer, choice).form
    data: dict[str, Any] = {"choice": choice, "evidence_hash": answer.context["conflict"].evidence_hash}
    data |= {field.name: field.value() for field in form if field.value() is not None and field.name != "remember"}
    for argument in form.choice.arguments:
        given = arguments.get(argument.name)
        if given is None:
            continue
        if argument.kind == "claims":
            claims = dict(claim.strip().partition(":")[::2] for claim in given.split(","))
            data |= {name: claims.get(who, "new") for who, name in form._claim_names(argument)}
        else:
            data[argument.name] = given
    return data


@EVERY
@SITES
def test_it_is_previewed_and_applied(sync: Sync, kind: str, choice: str, site: str) -> None:
    conflict = arisen(sync, kind)
    client = client_with(Role.ADMINISTRATOR)
    entry = ANSWERS[kind][choice]
    url = url_of(conflict, site)
    data = filled(client, url, choice, entry.arguments(conflict)) | {"comment": "Because we say so"}
    before, runs = contents(), SyncRun.objects.count()
    shown = client.post(url, {**data, "preview": "1"})
    card = card_of(shown, choice)
    assert card.form.errors == {}
    assert card.effects, card.error
    assert (contents(), SyncRun.objects.count()) == (before, runs)
    assert "Because we say so" in shown.content.decode()  # what was typed is kept
    decided = client.post(url, {**data, "answer": "1"})
    assert decided.status_code == 302, card_of(decided, choice).error
    conflict.refresh_from_db()
    assert (conflict.state, conflict.choice, conflict.comment) == ("decided", choice, "Because we say so")
    assert entry.check(conflict)
    page = client.get(url).content.decode()
    assert "<strong>Decided:</strong>" in page and "who@example.com" in page and "Because we say so" in page
    assert 'name="answer"' not in page


@EVERY
def test_other_evidence_than_was_shown_is_refused_and_shown_anew(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    client = client_with(Role.ADMINISTRATOR)
    data = filled(client, url_of(conflict), choice, ANSWERS[kind][choice].arguments(conflict))
    Conflict.objects.filter(pk=conflict.pk).update(evidence_hash="of other evidence")
    before = contents()
    refused = client.post(url_of(conflict), {**data, "comment": "typed", "answer": "1"})
    assert refused.status_code == 200
    assert "is about other values now" in card_of(refused, choice).error
    page = refused.content.decode()
    assert "typed" in page and 'value="of other evidence"' in page
    assert contents() == before


@EVERY
def test_who_has_not_the_right_is_refused(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    write("user_group", [Draft({"name": "Elsewhere"})], by=BY)
    administrator = client_with(Role.ADMINISTRATOR)
    data = filled(administrator, url_of(conflict), choice, ANSWERS[kind][choice].arguments(conflict)) | {"answer": "1"}
    viewers = [client_with(role, email=f"{role.name}@example.com") for role in (Role.VIEWER, Role.OPERATOR)]
    foreign = client_with(Role.TEAM_LEAD, Role.VIEWER, groups=("Elsewhere",), email="foreign@example.com")
    before = contents()
    for viewer in viewers:
        answer = viewer.post(url_of(conflict), data)
        assert "may not answer" in card_of(answer, choice).error
        assert 'name="answer"' not in answer.content.decode()
    assert card_of(foreign.post(url_of(conflict), data), choice).error
    shown = foreign.get(url_of(conflict))
    assert escape(card_of(shown, choice).refusal) in shown.content.decode()  # the card says why
    assert contents() == before
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.OPEN


def concerned(sync: Sync, kind: str) -> tuple[Conflict, tuple[str, ...]]:
    """The question and all groups. Schedules and policies belong to one of them."""
    conflict = arisen(sync, kind)
    group = UserGroup.objects.order_by("pk")[0]
    Schedule.objects.update(group=group)
    EscalationPolicy.objects.update(group=group)
    return conflict, tuple(UserGroup.objects.values_list("name", flat=True))


@EVERY
def test_a_lead_decides_proposes_or_is_refused_as_the_table_says(sync: Sync, kind: str, choice: str) -> None:
    conflict, groups = concerned(sync, kind)
    right = next(each.lead for each in CHOICES[kind] if each.name == choice)
    arguments = ANSWERS[kind][choice].arguments(conflict)
    lead = client_with(Role.TEAM_LEAD, Role.VIEWER, groups=groups, email="lead@example.com")
    data = filled(lead, url_of(conflict, "everybody"), choice, arguments) | {"answer": "1"}
    before = contents()
    answer = lead.post(url_of(conflict, "everybody"), data)
    conflict.refresh_from_db()
    if right == "nothing":
        assert (answer.status_code, conflict.state, contents()) == (200, "open", before)
        return
    assert conflict.state == {"decide": "decided", "propose": "proposed"}[right]


def proposed_zone(sync: Sync) -> Conflict:
    """A zone question of a schedule of the group Platform that its lead has answered."""
    conflict = arisen(sync, "timezone_mismatch")
    lead = create_account("lead@example.com", "long-enough-1", by=BY)
    Conflict.objects.filter(pk=conflict.pk).update(
        state=ConflictState.PROPOSED,
        choice="choose",
        arguments={"zone": "Asia/Shanghai"},
        comment="It is Shanghai",
        proposed_by=lead,
    )
    return conflict


def test_a_proposal_is_shown_and_confirmed(sync: Sync) -> None:
    conflict = proposed_zone(sync)
    client = client_with(Role.ADMINISTRATOR)
    page = client.get(url_of(conflict))
    assert "lead@example.com proposes: Choose a zone" in page.content.decode()
    assert "It is Shanghai" in page.content.decode()
    data = {"evidence_hash": page.context["conflict"].evidence_hash}
    assert "other values now" in client.post(url_of(conflict), {"evidence_hash": "x", "confirm": "1"}).content.decode()
    assert client.post(url_of(conflict), {**data, "confirm": "1"}).status_code == 302
    assert Rule.objects.get().arguments == {"zone": "Asia/Shanghai"}
    assert Conflict.objects.get(pk=conflict.pk).decided_by == User.objects.get(email="who@example.com")


def test_a_proposal_is_declined_with_a_comment(sync: Sync) -> None:
    conflict = proposed_zone(sync)
    client = client_with(Role.ADMINISTRATOR)
    assert client.post(url_of(conflict), {"decline": "1", "comment": "It is not"}).status_code == 302
    conflict.refresh_from_db()
    assert (conflict.state, conflict.choice, conflict.comment) == ("open", "", "It is not")
    assert "Last comment:</strong> “It is not”" in client.get(url_of(conflict)).content.decode()
    assert "no proposal that waits" in client.post(url_of(conflict), {"confirm": "1"}).content.decode()


def test_who_may_only_look_cannot_settle_a_proposal(sync: Sync) -> None:
    conflict = proposed_zone(sync)
    client = client_with(Role.VIEWER)
    assert 'name="confirm"' not in client.get(url_of(conflict)).content.decode()
    for button in ("confirm", "decline"):
        answer = client.post(url_of(conflict), {button: "1", "evidence_hash": conflict.evidence_hash})
        assert "may not answer" in answer.content.decode()
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.PROPOSED


def test_of_two_people_who_answer_at_once_the_second_is_told(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    first, second = (client_with(Role.ADMINISTRATOR, email=f"{name}@example.com") for name in ("one", "two"))
    url = url_of(conflict)
    mine, source = filled(first, url, "keep_mine", {}), filled(second, url, "take_source", {})
    assert first.post(url, {**mine, "answer": "1"}).status_code == 302
    late = second.post(url, {**source, "answer": "1"})
    assert f"Question {conflict.pk} was decided. Nothing was written." in late.content.decode() or (
        "does not offer this answer" in late.content.decode()
    )
    assert "one@example.com" in late.content.decode()
    assert UserGroup.objects.get().description == "ours"


TAMPERED = ("", "x", "0", "-1", "9" * 30, "a,b", "responder:0", f"responder:{'9' * 30}", "²", "a" * 5_000, "1:U1")


@EVERY
def test_tampered_arguments_are_refused_in_words(sync: Sync, kind: str, choice: str, thorough: bool) -> None:
    conflict = arisen(sync, kind)
    client = client_with(Role.ADMINISTRATOR)
    url = url_of(conflict)
    data = filled(client, url, choice, {})
    for name in {*data, "remember"} - {"choice"}:
        for value in TAMPERED if thorough else random.sample(TAMPERED, 4):
            for button in ("preview", "answer") if name not in ("comment", "remember") else ("preview",):
                answer = client.post(url, {**data, name: value, button: "1"})
                assert answer.status_code in (200, 302), (name, value)
                if answer.status_code == 302:  # the value was one that is allowed
                    return
                card = card_of(answer, choice)
                assert card.effects or card.error or card.form.errors, (name, value)


def test_an_unknown_choice_and_an_unknown_button_write_nothing(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    client = client_with(Role.ADMINISTRATOR)
    for choice in ("", "unknown", "map"):
        answer = client.post(url_of(conflict), {"choice": choice, "answer": "1"})
        assert "does not offer this answer" in answer.content.decode()
    assert client.post(url_of(conflict), {"choice": "keep_mine"}).status_code == 200
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.OPEN


def test_only_who_may_make_rules_lets_an_answer_be_remembered(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    administrator = client_with(Role.ADMINISTRATOR)
    lead = client_with(Role.TEAM_LEAD, Role.VIEWER, groups=("Platform",), email="lead@example.com")
    words = next(each.remembered for each in CHOICES["both_edited"] if each.name == "keep_mine")
    assert escape(words) in administrator.get(url_of(conflict)).content.decode()
    assert escape(words) not in lead.get(url_of(conflict)).content.decode()
    data = filled(administrator, url_of(conflict), "keep_mine", {}) | {"remember": "on"}
    shown = administrator.post(url_of(conflict), {**data, "preview": "1"}).content.decode()
    assert f"Remembered: {escape(words)}" in shown
    assert not Rule.objects.exists()
    administrator.post(url_of(conflict), {**data, "answer": "1"})
    assert Rule.objects.get().pattern == "user_group.description"


def test_a_suggestion_is_marked_and_filled_in(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    create_account("somebody@example.com", "long enough password", name=conflict.label, by=BY)
    card = card_of(client_with(Role.ADMINISTRATOR).get(url_of(conflict)), "map")
    assert (card.suggestion.reason, card.form["to"].value()) == (
        f"somebody@example.com is the only one here with the name {conflict.label}.",
        "somebody@example.com",
    )


def test_earlier_decisions_about_the_subject_are_shown(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    decide(conflict, Decision("keep_mine", {}, None, "Ours is right"))
    Conflict.objects.filter(pk=conflict.pk).update(state=ConflictState.CLOSED)
    again = Conflict.objects.get(pk=conflict.pk)
    again.pk, again.state, again.choice, again.comment = None, ConflictState.OPEN, "", ""
    again.save()
    page = client_with(Role.ADMINISTRATOR).get(url_of(again)).content.decode()
    assert "Earlier decisions about this" in page and "Ours is right" in page and "Keep the values here" in page


@pytest.mark.parametrize(
    "typed,found",
    [
        ("Somebody", "somebody@example.com"),
        ("somebody@example.com", "somebody@example.com"),
        ("Some Body (somebody@example.com)", "somebody@example.com"),
        ("Nobody Known", None),
        ("Twin", None),
    ],
)
def test_a_person_is_found_by_a_name_an_address_or_a_suggested_text(sync: Sync, typed: str, found: str | None) -> None:
    conflict = arisen(sync, "user_not_found")
    create_account("somebody@example.com", "long enough password", name="Somebody", by=BY)
    write("responder", [Draft({"name": "Twin One"}), Draft({"name": "Twin Two"})], by=BY)
    client = client_with(Role.ADMINISTRATOR)
    data = filled(client, url_of(conflict), "map", {"to": typed})
    card = card_of(client.post(url_of(conflict), {**data, "preview": "1"}), "map")
    if found is None:
        assert "found by" in str(card.form.errors["to"])
    else:
        assert card.form.cleaned_data["to"] == found
        assert "is linked to the account somebody@example.com" in card.effects.effects[0].text


def test_people_are_suggested_as_far_as_the_account_sees_them(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    create_account("ana.account@example.com", "long enough password", name="Ana Account", by=BY)
    url = reverse("admin:syncjobs_conflict_people", args=[conflict.pk])
    shown = client_with(Role.ADMINISTRATOR).get(url, {"to": "ana"}).content.decode()
    assert "Ana Account (ana.account@example.com)" in shown and "Ana (responder:" in shown
    lead = client_with(Role.TEAM_LEAD, groups=("Platform",), email="lead@example.com")
    own = lead.get(reverse("everybody:syncjobs_conflict_people", args=[conflict.pk]), {"to": "ana"}).content.decode()
    assert "ana.account" not in own and "Ana (responder:" in own
    assert client_with(Role.VIEWER, email="viewer@example.com").get(url, {"to": "ana"}).content.strip() == b""


def test_a_question_is_assigned_to_oneself_to_others_and_to_nobody(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    client, url = client_with(Role.ADMINISTRATOR), url_of(conflict)
    blind = create_account("blind@example.com", "long-enough-1", by=BY)
    viewer = client_with(Role.VIEWER, email="viewer@example.com")

    def assigned(**data: str) -> str:
        client.post(url, data)
        return str(Conflict.objects.get(pk=conflict.pk).assignee or "")

    assert assigned(assign="me") == "who@example.com"
    assert assigned(assign="account", assignee="viewer@example.com") == "viewer@example.com"
    for wrong in (blind.email, "nobody@example.com", ""):
        assert assigned(assign="account", assignee=wrong) == "viewer@example.com"
    assert assigned(assign="nobody") == ""
    records = ChangeRecord.objects.filter(model="question", object_id=conflict.pk).order_by("pk")
    who, other = {"assignee": [None, "who@example.com"]}, {"assignee": ["who@example.com", "viewer@example.com"]}
    nobody = {"assignee": ["viewer@example.com", None]}
    assert [record.changes for record in records] == [who, other, nobody]
    by = User.objects.get(email="who@example.com")
    assert {(record.actor, record.cause) for record in records} == {(by, f"account:{by.pk}")}
    assert assigned(assign="nobody") == ""
    assert records.count() == 3, "nothing was changed, so nothing is recorded"
    assert viewer.post(url, {"assign": "me"}).status_code == 403
    lead = client_with(Role.TEAM_LEAD, groups=("Platform",), email="lead@example.com")
    assert lead.post(url, {"assign": "me"}).status_code == 302
    assert lead.post(url, {"assign": "account", "assignee": "viewer@example.com"}).status_code == 403


def test_every_kind_of_argument_has_a_field(sync: Sync) -> None:
    assert {kind for kind in ConflictKind.values if kind not in CHOICES} == set()


@pytest.mark.parametrize(
    ("typed", "read", "shown"),
    [
        ("2099-12-24T09:00", "2099-12-24T09:00:00Z", "2099-12-24T09:00"),  # as a browser sends it: UTC
        ("2099-12-24T09:00:00+01:00", "2099-12-24T08:00:00Z", "2099-12-24T08:00"),
        ("tomorrow", None, "tomorrow"),
        ("0001-01-01T00:00:00+23:00", None, "0001-01-01T00:00:00+23:00"),
        ("", None, None),
    ],
)
def test_an_instant_is_typed_in_utc_and_kept(sync: Sync, typed: str, read: str | None, shown: str | None) -> None:
    conflict = arisen(sync, "inactive_scheduled")
    client, by = client_with(Role.ADMINISTRATOR), ANSWERS["inactive_scheduled"]["replace"].arguments(conflict)["by"]
    data = filled(client, url_of(conflict), "replace", {"by": by, "until": typed})
    card = card_of(client.post(url_of(conflict), {**data, "preview": "1"}), "replace")
    assert (card.form["until"].value() or None) == shown
    assert card.form.cleaned_data.get("until") == read
    if read is None:
        assert card.form.errors["until"] and card.effects is None
    else:
        assert "is replaced by Cy until" in card.effects.effects[0].text


def test_a_lead_sees_a_recreated_object_whose_old_row_only_is_of_its_group(sync: Sync) -> None:
    conflict = arisen(sync, "recreated")
    old = Schedule.objects.order_by("pk")[0]
    Schedule.objects.filter(pk=old.pk).update(group=UserGroup.objects.get())
    write("user_group", [Draft({"name": "Elsewhere"})], by=BY)
    lead = client_with(Role.TEAM_LEAD, groups=("Platform",), email="lead@example.com")
    foreign = client_with(Role.TEAM_LEAD, groups=("Elsewhere",), email="foreign@example.com")
    assert lead.get(url_of(conflict, "everybody")).status_code == 200
    assert foreign.get(url_of(conflict, "everybody")).status_code == 404

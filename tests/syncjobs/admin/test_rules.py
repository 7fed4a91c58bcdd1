"""Rules, the remembered answers: their list, the page of each, switched off and on, and deleted."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from connectors.models import Connection
from oncall.models import ChangeRecord, Role, User, UserGroup
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictKind, ConflictState, Rule, SyncItem
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.words.rules import rule_in_words
from tests.syncjobs.admin.conftest import queries
from tests.syncjobs.admin.test_answers import client_with, url_of
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import Sync, contents, layer, schedule
from tests.syncjobs.deciding.test_remembered import MEMORIES, remembered
from tests.syncjobs.management.test_shell import shell

pytestmark = pytest.mark.django_db
LIST = "/admin/syncjobs/rule/"
#: The pattern and the arguments of a rule for each answer that makes one, and what its words must contain.
EXAMPLES: Mapping[tuple[str, str], tuple[str, dict[str, str], tuple[str, ...]]] = {
    ("user_not_found", "invite"): ("*@old.example", {}, ("people with an address at old.example", "Invite")),
    ("user_not_found", "map"): ("old.example", {"domain": "new.example"}, ("at old.example", "Domain new.example")),
    ("user_not_found", "leave"): ("*", {}, ("all questions of this kind", "Leave without account")),
    **{
        (kind, "keep_all"): ("*", {}, ("all questions of this kind", "Keep all"))
        for kind in ("duplicate_schedule", "duplicate_policy", "team_name_collision")
    },
    ("timezone_mismatch", "confirm"): ("CST", {"zone": "America/Chicago"}, ("“CST”", "Time zone America/Chicago")),
    ("timezone_mismatch", "choose"): ("", {"zone": "America/Chicago"}, ("without a time zone", "America/Chicago")),
    ("both_edited", "keep_mine"): ("schedule.name", {}, ("the field “Name” of schedules", "Keep the values here")),
    ("both_edited", "keep_mine_always"): ("user_group.members", {}, ("“Members” of user groups", "Always keep")),
    ("both_edited", "take_source"): ("service.policy_key", {}, ("of services", "Take the source's values")),
    ("unsupported", "acknowledge"): (
        "override_order_assumed",
        {},
        ("The source does not show which of these overlapping overrides wins.", "I know this"),
    ),
}


def page_of(rule: Rule) -> str:
    return reverse("admin:syncjobs_rule_change", args=[rule.pk])


def records() -> list[tuple[str, str, dict[str, Any]]]:
    found = ChangeRecord.objects.filter(model="rule").order_by("pk")
    return [(each.action, each.cause, each.changes) for each in found]


def left(sync: Sync, by: User | None = None) -> Rule:
    """The rule that leaves everybody without an account. It has answered two questions."""
    sync.run()
    decide(Conflict.objects.order_by("pk")[0], Decision("leave", {}, by, remember=True))
    return Rule.objects.get()


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_every_answer_that_makes_a_rule_has_an_example(sync: Sync) -> None:
    made = {(kind, choice.name) for kind, choices in CHOICES.items() for choice in choices if choice.rule is not None}
    made |= {("timezone_mismatch", choice.name) for choice in CHOICES["timezone_mismatch"]}  # each is remembered
    assert set(EXAMPLES) == made


@pytest.mark.parametrize("kind,choice", EXAMPLES)
def test_the_list_and_the_page_say_in_words_what_a_rule_does(
    sync: Sync, admin_client: Client, kind: str, choice: str
) -> None:
    pattern, arguments, texts = EXAMPLES[kind, choice]
    rule = Rule.objects.create(
        connection=sync.connection, kind=kind, pattern=pattern, choice=choice, arguments=arguments,
        made_at=timezone.now(),
    )  # fmt: skip
    words = rule_in_words(rule)
    assert words.effect.endswith(".")
    listed = admin_client.get(LIST).content.decode()
    for page in (listed, admin_client.get(page_of(rule)).content.decode()):
        for text in (*texts, words.effect, "the shell or a deleted account"):
            assert escape(text) in page, text
        assert str(ConflictKind(kind).label).casefold() in page.casefold()
    assert "not yet" in listed and "acme" in listed


@pytest.mark.parametrize("kind,choice", MEMORIES)
def test_a_rule_and_what_it_has_decided_lead_to_each_other(
    sync: Sync, admin_client: Client, kind: str, choice: str
) -> None:
    rule = remembered(sync, kind, choice)
    origin = Conflict.objects.get(rule=rule, remember=True)
    sync.run()
    MEMORIES[kind, choice].again(sync)
    sync.run()
    page = admin_client.get(page_of(rule)).content.decode()
    assert url_of(origin) in page
    answered = list(Conflict.objects.filter(rule=rule, remember=False))
    items = list(SyncItem.objects.filter(reason__contains=f"by {rule.in_words}"))
    assert answered or items or choice == "map"  # a domain answers before a question is asked
    for each in answered:
        assert url_of(each) in page
        shown = admin_client.get(url_of(each)).content.decode()
        assert f'href="{page_of(rule)}"' in shown and "by <a" in shown
    for item in items:
        assert reverse("admin:syncjobs_syncrun_change", args=[item.run_id]) in page
    assert f'href="{page_of(rule)}"' in admin_client.get(url_of(origin)).content.decode()
    (listed,) = admin_client.get(LIST).context["cl"].result_list
    assert (listed.uses.questions, listed.uses.items) == (len(answered), len(items))


def test_a_list_of_more_questions_than_the_page_shows(sync: Sync, admin_client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("syncjobs.admin.rules.MOST_SHOWN", 1)
    rule = left(sync)
    link = f"/admin/syncjobs/conflict/?rule__id__exact={rule.pk}&state=all"
    assert escape(link) in admin_client.get(page_of(rule)).content.decode()
    assert len(admin_client.get(link).context["cl"].result_list) == 3


def test_an_empty_list_and_an_unused_rule_say_so(sync: Sync, admin_client: Client) -> None:
    assert "No answer is remembered." in admin_client.get(LIST).content.decode()
    rule = left(sync)
    Conflict.objects.filter(rule=rule).update(rule=None)
    page = admin_client.get(page_of(rule)).content.decode()
    assert "It was not used yet." in page and page.count("None yet.") == 2


def test_the_list_is_filtered_and_costs_the_same_with_many_rules(sync: Sync, admin_client: Client) -> None:
    left(sync)
    other = Connection.objects.create(name="other", provider="pagerduty")
    before = queries(admin_client, LIST)
    for number in range(60):
        Rule.objects.create(
            connection=other, kind="both_edited", pattern=f"schedule.name{number}", choice="keep_mine",
            made_at=timezone.now(), active=number % 2 == 0,
        )  # fmt: skip
    assert queries(admin_client, LIST) == before

    def number_of(**query: Any) -> int:
        return int(admin_client.get(LIST, query).context["cl"].result_count)

    assert number_of(kind="user_not_found") == number_of(connection__id__exact=sync.connection.pk) == 1
    assert (number_of(kind="both_edited"), number_of(active__exact="0"), number_of(kind="none")) == (60, 30, 0)


# --- switched off and deleted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind,choice", MEMORIES)
def test_a_rule_that_is_switched_off_on_its_page_is_used_only_after_it_is_switched_on(
    sync: Sync, admin_client: Client, kind: str, choice: str
) -> None:
    rule = remembered(sync, kind, choice)
    url = reverse("admin:syncjobs_rule_switch", args=[rule.pk])
    page = admin_client.post(url, {"active": "off"}, follow=True).content.decode()
    assert "Switched off: Rule" in page and "It is switched off" in page and 'value="on"' in page
    sync.run()
    MEMORIES[kind, choice].again(sync)
    sync.run()
    assert Conflict.objects.filter(rule=rule, remember=False, opened_at__gt=rule.made_at).count() == 0
    assert "Nothing was changed" in admin_client.post(url, {"active": "off"}, follow=True).content.decode()
    admin_client.post(url, {"active": "on"})
    assert Rule.objects.get().active
    (created, _, _), off, on = records()
    assert created == "create"
    assert [off[2], on[2]] == [{"active": [True, False]}, {"active": [False, True]}]


def test_a_question_that_still_needs_the_rule_waits_again_when_it_is_switched_off(
    sync: Sync, admin_client: Client
) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    question = Conflict.objects.get(kind="timezone_mismatch")
    decide(question, Decision("confirm", {}, None))
    admin_client.post(LIST, {"action": "switch_off", "_selected_action": [Rule.objects.get().pk]})
    question.refresh_from_db()
    assert (question.state, question.rule) == (ConflictState.OPEN, None)


def test_a_rule_is_deleted_after_its_page_said_what_follows(sync: Sync, admin_client: Client, admin_user: User) -> None:
    rule = left(sync, admin_user)
    assert "2 questions wait again" in admin_client.get(page_of(rule)).content.decode()
    url = reverse("admin:syncjobs_rule_delete", args=[rule.pk])
    before = contents()
    asked = admin_client.get(url).content.decode()
    assert "2 questions that only the rule has answered wait again." in asked and "Leave without account" in asked
    assert contents() == before
    done = admin_client.post(url, {"post": "yes"}, follow=True).content.decode()
    assert "Questions that wait again: 2." in done
    assert not Rule.objects.exists()
    assert Conflict.objects.filter(state=ConflictState.OPEN).count() == 2
    action, cause, changes = records()[-1]
    assert (action, cause, changes["choice"]) == ("delete", f"account:{admin_user.pk}", ["leave", None])


def test_many_are_not_deleted_without_a_word_about_what_follows(sync: Sync, admin_client: Client) -> None:
    rule = left(sync)
    admin_client.post(LIST, {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"})
    admin_client.post(reverse("admin:syncjobs_rule_delete", args=[rule.pk]))
    assert Rule.objects.exists()


def test_the_shell_records_what_it_forgets_and_an_answer_what_it_remembers(sync: Sync) -> None:
    rule = left(sync)
    again = arisen(sync, "team_name_collision")
    decide(again, Decision("keep_all", {}, None, remember=True))
    shell("rules", "acme", "--forget", str(rule.pk))
    assert [(action, cause) for action, cause, _ in records()] == [
        ("create", "shell"), ("create", "shell"), ("delete", "shell")
    ]  # fmt: skip


def test_only_an_administrator_switches_and_deletes(sync: Sync) -> None:
    rule = left(sync)
    for role in (Role.VIEWER, Role.OPERATOR):
        client = client_with(role, email=f"{role.name}@example.com")
        page = client.get(page_of(rule)).content.decode()
        assert "Leave without account" in page and "Switch off" not in page and "Delete …" not in page
        assert client.post(reverse("admin:syncjobs_rule_switch", args=[rule.pk]), {"active": "off"}).status_code == 403
        assert client.post(reverse("admin:syncjobs_rule_delete", args=[rule.pk]), {"post": "yes"}).status_code == 403
        for action in ("switch_off", "switch_on", "delete_selected"):
            client.post(LIST, {"action": action, "_selected_action": [rule.pk], "post": "yes"})
    lead = client_with(Role.TEAM_LEAD, groups=("Platform",), email="lead@example.com")
    assert lead.get(LIST).status_code == lead.get(page_of(rule)).status_code == 403
    assert Rule.objects.get().active
    assert records() == [("create", "shell", {})]


def test_who_may_not_see_rules_gets_their_words_and_no_link(sync: Sync) -> None:
    rule = left(sync)
    member = UserGroup.objects.get(name="Platform").members.filter(responder__name__in=("Bo", "Cy"))[0].responder
    answered = Conflict.objects.get(rule=rule, remember=False, label=member.name)
    lead = client_with(Role.TEAM_LEAD, groups=("Platform",), email="lead@example.com")
    page = lead.get(url_of(answered, "everybody")).content.decode()
    assert f"by {rule.in_words}" in page and page_of(rule) not in page
    administrator = client_with(Role.ADMINISTRATOR, email="admin@example.com")
    assert page_of(rule) in administrator.get(url_of(answered)).content.decode()


def test_the_page_of_a_connection_leads_to_its_rules(sync: Sync, admin_client: Client) -> None:
    url = reverse("admin:connectors_connection_change", args=[sync.connection.pk])
    assert f"{LIST}?connection__id__exact={sync.connection.pk}" in admin_client.get(url).content.decode()


@pytest.mark.parametrize("number", ["0", "x", "9" * 30])
def test_a_rule_that_does_not_exist_is_not_found(sync: Sync, admin_client: Client, number: str) -> None:
    assert admin_client.get(f"{LIST}{number}/change/").status_code == 404

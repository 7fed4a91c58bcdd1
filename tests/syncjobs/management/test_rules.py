"""The rules of a connection in the shell: shown, set, refused, and remembered answers forgotten."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group

from oncall.models import Role, User, UserGroup
from oncall.operations import create_account
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, Rule, SyncProfile
from syncjobs.setup.rules import OWNED
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db

UNSET: Mapping[str, Any] = {
    "connection": "acme",
    "strategy": "preserve",
    "contact_details": True,
    "review_first": True,
    "every": "off",
    "ownership": {},
    "guard": {"share": None, "count": None},
    "approval_on_impact": False,
    "next_slot": None,
    "last_slot": None,
    "quarantine": None,
    "remembered": [],
}


def account(email: str, role: Role) -> User:
    made = create_account(email, "long enough password", by=BY, is_staff=True)
    made.groups.add(Group.objects.get(name=role))
    return made


def test_the_rules_of_a_new_connection(sync: Sync) -> None:
    before = contents()
    assert document("rules", "acme") == UNSET
    code, table = shell("rules", "acme")
    assert (code, contents()) == (0, before)
    assert "preserve" in table


@pytest.mark.parametrize(
    ("given", "shown", "compared"),
    [
        ("strategy=overwrite", {"strategy": "overwrite"}, True),
        ("contact_details=false", {"contact_details": False}, True),
        ("review_first=false", {"review_first": False}, False),
        ("approval_on_impact=true", {"approval_on_impact": True}, False),
        ("guard.share=30", {"guard": {"share": 30, "count": None}}, True),
        ("guard.count=7", {"guard": {"share": None, "count": 7}}, True),
        ("own.schedule.name=local", {"ownership": {"schedule.name": "local"}}, True),
        ("own.user_group.members=ask", {"ownership": {"user_group.members": "ask"}}, True),
    ],
)
def test_a_rule_is_set_and_older_plans_know_it(
    sync: Sync, given: str, shown: Mapping[str, Any], compared: bool
) -> None:
    assert document("rules", "acme", "--set", given) == {**UNSET, **shown}
    assert document("rules", "acme") == {**UNSET, **shown}
    assert SyncProfile.objects.get().rules_version == 1 + compared
    document("rules", "acme", "--set", given)
    assert SyncProfile.objects.get().rules_version == 1 + compared  # nothing changed


def test_default_takes_an_owner_away_and_several_rules_are_set_at_once(sync: Sync) -> None:
    several = ["--set", "own.schedule.name=local", "--set", "own.schedule.layers=source", "--set", "guard.share=10"]
    found = document("rules", "acme", *several, "--set", "guard.count=3")
    assert found["ownership"] == {"schedule.name": "local", "schedule.layers": "source"}
    assert found["guard"] == {"share": 10, "count": 3}
    found = document("rules", "acme", "--set", "own.schedule.name=default")
    assert found["ownership"] == {"schedule.layers": "source"}


@pytest.mark.parametrize("field", OWNED)
def test_the_owner_of_every_field_can_be_set(sync: Sync, field: str) -> None:
    assert document("rules", "acme", "--set", f"own.{field}=ask")["ownership"] == {field: "ask"}


def test_the_owner_that_was_set_decides(sync: Sync) -> None:
    sync.run()
    edit("user_group", UserGroup.objects.get(), name="Ours")
    shell("rules", "acme", "--set", "own.user_group.name=source")
    sync.run()
    assert UserGroup.objects.get().name == "Platform"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("strategy=ask", "preserve, overwrite"),
        ("contact_details=yes", "true, false"),
        ("approval_on_impact=maybe", "true, false"),
        ("guard.share=0", "1 to 99"),
        ("guard.share=100", "1 to 99"),
        ("guard.count=0", "from 1"),
        ("guard.count=" + "9" * 5000, "from 1"),
        ("guard.x=1", "guard.share"),
        ("every=1s", "a length from 1m to 366d"),
        ("own.schedule.nam=local", "schedule.name"),
        ("own.schedule.name=mine", "local, ask, source, default"),
        ("own=local", "own.KIND.FIELD"),
        ("colour=red", "strategy=preserve|overwrite"),
        ("strategy", "NAME=VALUE"),
    ],
)
def test_anything_else_is_wrong_usage_and_says_what_is_allowed(sync: Sync, given: str, words: str) -> None:
    before = contents()
    code, out = shell("rules", "acme", "--set", "review_first=false", "--set", given)
    assert (code, contents()) == (64, before)
    assert words in out


def test_only_an_administrator_sets_and_forgets(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    sync.drive(decide(Conflict.objects.get(kind="timezone_mismatch"), Decision("confirm", {}, None)).read)  # type: ignore[arg-type]
    rule = Rule.objects.get()
    account("op@example.com", Role.OPERATOR)
    account("admin@example.com", Role.ADMINISTRATOR)
    before = contents()
    for change in (["--set", "strategy=overwrite"], ["--forget", str(rule.pk)]):
        code, out = shell("rules", "acme", *change, "--by", "op@example.com")
        assert (code, contents()) == (1, before)
        assert "administrator" in out
    assert shell("rules", "acme", "--by", "nobody@example.com")[0] == 64
    assert shell("rules", "acme", "--set", "strategy=overwrite", "--by", "admin@example.com")[0] == 0
    assert shell("rules", "acme", "--forget", str(rule.pk), "--by", "admin@example.com")[0] == 0


def test_a_remembered_answer_is_listed_used_and_forgotten(sync: Sync) -> None:
    sync.run()
    people = list(Conflict.objects.filter(kind="user_not_found").order_by("pk"))
    by = account("admin@example.com", Role.ADMINISTRATOR)
    applied = decide(people[0], Decision("leave", {}, by, remember=True))
    assert applied.closes == tuple(each.pk for each in people[1:])
    rule = Rule.objects.get()
    (shown,) = document("rules", "acme")["remembered"]
    assert shown.pop("at") == rule.made_at.isoformat()
    assert shown == {
        "id": rule.pk,
        "kind": "user_not_found",
        "pattern": "*",
        "choice": "leave",
        "value": "leave",
        "by": "admin@example.com",
        "used": 2,
        "active": True,
    }
    by_whom = {each["id"]: each["decided_by"] for each in document("conflicts", "--state", "decided")}
    assert by_whom == {people[0].pk: "admin@example.com"} | {each.pk: rule.in_words for each in people[1:]}
    code, out = shell("rules", "acme", "--forget", str(rule.pk + 1))
    assert code == 64
    assert str(rule.pk) in out
    assert document("rules", "acme", "--forget", str(rule.pk))["remembered"] == []
    # Whom a person left without an account stays so. Those whom only the rule left wait again.
    states = dict(Conflict.objects.filter(kind="user_not_found").values_list("pk", "state"))
    expected = {people[0].pk: ConflictState.DECIDED} | {each.pk: ConflictState.OPEN for each in people[1:]}
    assert states == expected
    sync.run()
    assert dict(Conflict.objects.filter(kind="user_not_found").values_list("pk", "state")) == expected


def test_a_zone_that_is_forgotten_before_it_was_read_is_asked_again(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    question = Conflict.objects.get(kind="timezone_mismatch")
    decide(question, Decision("confirm", {}, None))
    shell("rules", "acme", "--forget", str(Rule.objects.get().pk))
    question.refresh_from_db()
    assert (question.state, question.choice, question.rule) == (ConflictState.OPEN, "", None)

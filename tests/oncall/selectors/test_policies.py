"""Reads policies for a walk: whom they may page, in how many queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oncall.aggregates import Draft, ElementChanges
from oncall.escalation.codec import InvalidPolicy
from oncall.escalation.policy import Level, Policy, Target
from oncall.escalation.walk import Walk, notices, walk
from oncall.models import EscalationPolicy, Responder
from oncall.operations import Actor, create_account, deactivate, grant_lead, link_account, write
from oncall.rendering.codec import instant_from_text
from oncall.rendering.spec import person
from oncall.rendering.zones import DAY, HOUR
from oncall.selectors.participants import one_key
from oncall.selectors.policies import Walkable, policy_value, walkable
from tests.oncall.conftest import REACHABLE

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
AT = instant_from_text("2026-03-24T12:00:00Z")
OVERRIDE = {"sources": None, "replaces": "", "covers_gaps": True, "rank": 0}


def policy_of(make: MakeRow, *targets: dict[str, Any], **more: Any) -> int:
    level = {"wait": 5, "distribution": "everyone", "targets": list(targets)}
    return make("escalation_policy", levels={"format": 1, "levels": [level]}, **more)


def target(kind: str, row: int | str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": f"local:{row}" if isinstance(row, int) else row, **more}


def read(pk: int, at: int = AT) -> Walkable:
    return walkable(EscalationPolicy.objects.get(pk=pk), at)


def walked(pk: int, at: int = AT) -> Walk:
    found = read(pk, at)
    return walk(found.policy, found.context, at)


def paged(pk: int, at: int = AT) -> list[tuple[str, ...]]:
    """Returns the names of the people of each notice."""
    found = read(pk, at)
    return [
        tuple(sorted(found.names[who].name for who in notice.people))
        for notice in notices(walk(found.policy, found.context, at))
    ]


@pytest.fixture
def people(make: MakeRow) -> list[int]:
    return [make("responder", REACHABLE, name=name) for name in ("Ana", "Ben", "Cleo")]


@pytest.fixture
def weekly(make: MakeRow, people: list[int], weekly_layers: Callable[..., Any]) -> int:
    """Ana and Ben take turns by weeks; Ana is on call from 2026-03-16, and Ben from 2026-03-23."""
    return make("schedule", name="Weekly", layers=weekly_layers(*(f"person:local:{who}" for who in people[:2])))


def test_a_stored_policy_is_the_value_that_is_walked(make: MakeRow, people: list[int]) -> None:
    pk = policy_of(make, target("responder", people[0]), initial_wait=2, repeat_count=1, after_last="close")
    value = Policy(
        2, (Level(5, "everyone", (Target("responder", f"local:{people[0]}"),)),), 1, "close", "skip", "level"
    )
    assert policy_value(EscalationPolicy.objects.get(pk=pk)) == read(pk).policy == value
    EscalationPolicy.objects.update(levels={"format": 0})
    with pytest.raises(InvalidPolicy, match="stored in format 0"):
        read(pk)


def test_who_is_on_call_before_now_and_next(make: MakeRow, weekly: int) -> None:
    modes = ("previous", "current", "next")
    pks = [policy_of(make, target("schedule", weekly, mode=mode)) for mode in modes]
    assert [paged(pk) for pk in pks] == [[("Ana",)], [("Ben",)], [("Ana",)]]


def test_the_previous_person_may_be_one_of_an_override_that_has_ended(
    make: MakeRow, people: list[int], weekly: int, tester: Actor
) -> None:
    ended = {"starts_at": "2026-03-24T09:00:00Z", "ends_at": "2026-03-24T11:00:00Z", **OVERRIDE}
    changes = {"overrides": ElementChanges({"local:+": {**ended, "by_key": f"person:local:{people[2]}"}})}
    write("schedule", [Draft({}, changes, id=weekly, version=1)], by=tester)
    pk = policy_of(make, target("schedule", weekly, mode="previous"))
    assert paged(pk) == [("Cleo",)]
    assert paged(pk, AT - 4 * HOUR) == [("Ana",)]


def test_an_inactive_schedule_has_nobody_and_an_unsettled_one_is_unknown(
    make: MakeRow, weekly: int, tester: Actor
) -> None:
    pk = policy_of(make, target("schedule", weekly))
    deactivate("schedule", [weekly], tester)
    assert (paged(pk), walked(pk).steps[0].outcome) == ([], "skipped")
    lost = make("schedule", name="Lost", zone_state="unknown", time_zone="", active=False)
    assert walked(policy_of(make, target("schedule", lost))).steps[0].outcome == "unknown"


@pytest.mark.parametrize("which", ["all", "leads", "others", "random"])
def test_an_inactive_group_with_members_has_nobody(
    make: MakeRow, people: list[int], tester: Actor, weekly_layers: Callable[..., Any], which: str
) -> None:
    members = {
        f"3:{who}": {"person_key": f"local:{who}", "role": role}
        for who, role in zip(people, ("admin", "", ""), strict=True)
    }
    group = make("user_group", {"members": members}, name="Team")
    on_call = make("schedule", name="Group", layers=weekly_layers(f"group:local:{group}"))
    pk = policy_of(make, target("user_group", group, members=which), target("schedule", on_call))
    assert {name for names in paged(pk) for name in names} == {"Ana", "Ben", "Cleo"}
    deactivate("user_group", [group], tester)
    assert (paged(pk), walked(pk).steps[0].outcome) == ([], "skipped")


def test_an_inactive_policy_has_nobody(make: MakeRow, people: list[int], tester: Actor) -> None:
    inner = policy_of(make, target("responder", people[0]), name="Inner")
    outer = policy_of(make, target("escalation_policy", inner), name="Outer")
    assert (paged(outer), paged(inner)) == ([("Ana",)], [("Ana",)])
    deactivate("escalation_policy", [inner], tester)
    assert (paged(outer), paged(inner)) == ([], [])


def test_the_leads_of_a_group_are_those_who_lead_it_here_and_admins_at_the_source(
    make: MakeRow, people: list[int], tester: Actor
) -> None:
    roles = ("admin", "user", "user")
    members = {f"3:{n}": {"person_key": f"local:{who}", "role": roles[n]} for n, who in enumerate(people)}
    group = make("user_group", {"members": members}, name="Team")
    account = create_account("ben@example.com", by=tester)
    link_account(people[1], account.pk, tester)
    grant_lead(account.pk, group, tester)
    assert paged(policy_of(make, target("user_group", group, members="leads"))) == [("Ana", "Ben")]
    assert paged(policy_of(make, target("user_group", group, members="others"))) == [("Cleo",)]


def test_a_person_who_is_away_is_replaced_where_the_source_applies_it(
    make: MakeRow, people: list[int], tester: Actor
) -> None:
    ana, ben, _ = people
    pk = policy_of(make, target("responder", ana))
    away = {
        "starts_at": "2026-03-24T00:00:00Z", "ends_at": "2026-03-25T00:00:00Z", "scope": None,
        "by_key": f"person:local:{ben}",
    }  # fmt: skip
    for key, names in (("3:P:1", "Ana"), ("local:+", "Ben")):
        version = Responder.objects.get(pk=ana).version
        draft = Draft({}, {"substitutions": ElementChanges({key: away})}, id=ana, version=version)
        write("responder", [draft], by=tester)
        assert paged(pk) == [(names,)]
    assert paged(pk, AT + 2 * DAY) == [("Ana",)]


def test_people_without_a_row_are_kept_and_not_reachable(make: MakeRow) -> None:
    group = make("user_group", {"members": {"3:T:P": {"person_key": "3:P", "role": ""}}}, name="Team")
    found = read(policy_of(make, target("user_group", group), target("responder", "3:Q")))
    assert [group.members for group in found.context.groups.values()] == [(person("3:P"),)]
    assert [each.key for each in found.policy.levels[0].targets] == [f"local:{group}", "3:Q"]
    assert found.context.reachable == frozenset()


def test_only_reachable_people_staff_a_level(make: MakeRow, people: list[int], tester: Actor) -> None:
    silent = make("responder", {"contact_methods": {}}, name="Silent")
    deactivate("responder", [people[1]], tester)
    pk = policy_of(make, *(target("responder", who) for who in (*people, silent)))
    assert paged(pk) == [("Ana", "Cleo")]
    assert read(pk).context.reachable == {one_key(people[0]), one_key(people[2])}


def test_many_targets_take_as_many_queries_as_few(
    make: MakeRow, people: list[int], weekly: int, weekly_layers: Callable[..., Any]
) -> None:
    def rows(count: int) -> int:
        targets = []
        for number in range(count):
            who = make("responder", REACHABLE, name=f"P{number}")
            member = {"3:M": {"person_key": f"local:{who}", "role": ""}}
            group = make("user_group", {"members": {f"{count}:{number}": member["3:M"]}}, name=f"G{count} {number}")
            layers = weekly_layers(f"person:local:{who}", f"group:local:{group}")
            schedule = make("schedule", name=f"S{count} {number}", layers=layers)
            inner = policy_of(make, target("schedule", schedule), name=f"Inner {count} {number}")
            kinds = ("responder", "user_group", "schedule", "escalation_policy")
            targets += [target(kind, row) for kind, row in zip(kinds, (who, group, schedule, inner), strict=True)]
        return policy_of(make, *targets, name=f"Outer {count}")

    counts = []
    for pk in (rows(2), rows(20)):
        with CaptureQueriesContext(connection) as queries:
            read(pk)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20, counts

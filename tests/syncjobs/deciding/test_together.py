"""Decisions beside open plans, active runs, failures and other decisions; and who may decide and remember."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.utils import timezone

from oncall.aggregates import Draft
from oncall.models import (
    ChangeRecord,
    EscalationPolicy,
    GroupLead,
    GroupMember,
    Reference,
    Responder,
    Role,
    Schedule,
    User,
    UserGroup,
)
from oncall.operations import create_account, write
from syncjobs.conflicts import merging
from syncjobs.deciding.decide import Decision, confirm, decide, decline, preview
from syncjobs.models import Conflict, ConflictState, ExternalLink, ParityCheck, Rule, RunState, SyncRun
from syncjobs.planning.decisions.values import Refused
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule, user, world
from tests.syncjobs.deciding.test_people import asked, local_person
from tests.syncjobs.runs.test_verify import telling
from tests.threads import start_thread, wait_until_blocked

pytestmark = pytest.mark.django_db

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks the whole database")


def account(email: str, role: Role | None = None, **more: Any) -> User:
    made = create_account(email, "long enough password", by=BY, **more)
    if role is not None:
        made.groups.add(Group.objects.get(name=role))
    return made


def lead_of(name: str) -> User:
    lead = account("lead@example.com", Role.TEAM_LEAD)
    GroupLead.objects.create(group=UserGroup.objects.get(name=name), account=lead, granted_at=timezone.now())
    return lead


def refused(conflict: Conflict, decision: Decision) -> str:
    """Return the code of the refusal. Nothing was written, and the preview is refused for the same reason."""
    before = contents()
    with pytest.raises(Refused) as at_preview:
        preview(conflict, decision)
    with pytest.raises(Refused) as at_decision:
        decide(conflict, decision)
    assert (str(at_decision.value), contents()) == (str(at_preview.value), before)
    return at_decision.value.code


# --- beside plans and runs ----------------------------------------------------------------------------------------


def test_one_person_in_40_places_follows_and_nothing_else_changes(sync: Sync) -> None:
    many = tuple(schedule(f"S{n}", f"Schedule {n}", layer("U1", "U2")) for n in range(1, 41))
    sync.source.change(schedules=many)
    sync.run()
    here, ana = local_person("Anna"), Responder.objects.get(name="Ana").pk
    places = Reference.objects.filter(responder=ana).count()
    others = dict(Reference.objects.exclude(responder=ana).values_list("pk", "responder"))
    versions = dict(Responder.objects.exclude(pk__in=[here, ana]).values_list("pk", "version"))
    applied = decide(asked("Ana"), Decision("map", {"to": f"responder:{here}"}, None))
    assert places >= 40
    assert Reference.objects.filter(responder=here).count() == places
    assert not Reference.objects.filter(responder=ana).exists()
    assert not GroupMember.objects.filter(responder=ana).exists()
    assert dict(Reference.objects.exclude(responder=here).values_list("pk", "responder")) == others
    assert dict(Responder.objects.exclude(pk__in=[here, ana]).values_list("pk", "version")) == versions
    assert applied.run is not None
    assert [item.entity_type for item in applied.run.items.all()] == ["responder"]
    run = sync.run()
    assert (run.items.count(), run.state) == (0, RunState.SUCCEEDED)


def somebody_here(sync: Sync, question: Conflict) -> Mapping[str, str]:
    return {"to": f"responder:{local_person('Anna')}"}


def an_account(sync: Sync, question: Conflict) -> Mapping[str, str]:
    create_account("anna@example.org", "long enough password", by=BY)
    return {"to": "anna@example.org"}


def nothing(sync: Sync, question: Conflict) -> Mapping[str, str]:
    return {}


def an_imported_person(sync: Sync, question: Conflict) -> Mapping[str, str]:
    return {"to": f"responder:{Responder.objects.get(name='Cy').pk}"}


@pytest.mark.parametrize(
    ("choice", "arguments", "before_the_import"),
    [
        ("map", an_imported_person, False),
        *[
            (choice, arguments, is_planned)
            for choice, arguments in (
                ("map", somebody_here),
                ("map", an_account),
                ("invite", nothing),
                ("leave", nothing),
            )
            for is_planned in (False, True)
        ],
    ],
)
def test_a_decision_about_a_person_in_40_places_changes_no_other_row_and_no_second_of_parity(
    sync: Sync, choice: str, arguments: Callable[[Sync, Conflict], Mapping[str, str]], before_the_import: bool
) -> None:
    many = tuple(schedule(f"S{n}", f"Schedule {n}", layer("U1", "U2")) for n in range(1, 41))
    sync.source.snapshot = telling(replace(world(), schedules=many))
    plan = sync.plan()
    if not before_the_import:
        sync.apply(plan)
    question = asked("Ana")
    given = arguments(sync, question)
    others = contents_beside_people()
    decide(question, Decision(choice, given, None))
    assert contents_beside_people() == others
    while before_the_import and plan.state == RunState.AWAITING_REVIEW:
        done = sync.apply(plan)
        plan = done.following.filter(state=RunState.AWAITING_REVIEW).first() or done
    imported = contents_beside_people()
    key = f"{sync.connection.pk}:U1"
    (row,) = set(Reference.objects.filter(key=key).values_list("responder", flat=True))
    assert row == ExternalLink.objects.get(key=key, entity_type="responder").responder_id
    assert set(GroupMember.objects.filter(person_key=key).values_list("responder", flat=True)) == {row}
    assert Reference.objects.filter(key=key).count() == 40
    run = sync.run()
    assert (run.items.count(), contents_beside_people()) == (0, imported)
    assert run.counts["schedule"]["parity_equal"] == 40
    assert not any(check.differs for check in ParityCheck.objects.all())
    assert not any(check.unresolved for check in run.parity_checks.all())


def contents_beside_people() -> Any:
    """Return the schedules, policies and groups, with their versions and their keys."""
    rows = [
        *Schedule.objects.order_by("pk"),
        *EscalationPolicy.objects.order_by("pk"),
        *UserGroup.objects.order_by("pk"),
    ]
    return [(type(row).__name__, row.pk, row.name, row.version, getattr(row, "layers", None)) for row in rows]


def test_an_open_plan_keeps_ticks_and_comments_through_many_decisions(sync: Sync) -> None:
    sync.run()
    team = replace(world().teams[0], description="theirs")
    sync.source.change(teams=(team,), schedules=(schedule("S1", "Moved", layer("U1", "U2", "U1")),))
    plan = sync.plan()
    plan.items.filter(entity_type="schedule").update(ticked=False, comment="not this week")
    kept = list(plan.items.order_by("pk").values_list("external_id", "ticked", "comment", "changes"))
    here = local_person("Anna")
    decide(asked("Ana"), Decision("map", {"to": f"responder:{here}"}, None))
    for name in ("Bo", "Cy"):
        decide(asked(name), Decision("leave", {}, None, remember=name == "Cy"))
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW
    assert list(plan.items.order_by("pk").values_list("external_id", "ticked", "comment", "changes")) == kept
    applied = sync.apply(plan)  # a remembered answer is no change of the rules by which the plan was made
    assert applied.state in (RunState.SUCCEEDED, RunState.PARTIAL)
    assert applied.items.get(entity_type="schedule").comment == "not this week"


def test_a_decision_while_a_run_reads_is_kept(sync: Sync) -> None:
    sync.run()
    here = local_person("Anna")
    question = asked("Ana")
    sync.source.change(users=(user("U1", "Ana", title="SRE"), *world().users[1:]))
    sync.source.during = lambda: decide(question, Decision("map", {"to": f"responder:{here}"}, None))
    run = sync.run()
    sync.source.during = lambda: None
    assert run.state == RunState.SUCCEEDED
    assert ExternalLink.objects.get(external_id="U1", entity_type="responder").responder_id == here
    question.refresh_from_db()
    assert (question.state, question.choice) == (ConflictState.DECIDED, "map")
    assert sync.run().items.count() == 0


def test_an_answer_that_came_before_a_plan_with_other_evidence_was_stored_is_kept(sync: Sync) -> None:
    sync.run()
    question = asked("Ana")
    sync.source.change(users=(user("U1", "Ana", email="new@example.com"), *world().users[1:]))
    sync.source.during = lambda: decide(question, Decision("leave", {}, None))
    sync.run()
    sync.source.during = lambda: None
    sync.run()
    old, new = Conflict.objects.filter(kind="user_not_found", label="Ana").order_by("pk")
    assert (old.choice, old.evidence["email"]) == ("leave", "ana@example.com")
    assert (new.state, new.evidence["email"]) == (ConflictState.OPEN, "new@example.com")


def test_a_failure_between_decision_and_effect_leaves_neither(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.run()
    here = local_person("Anna")
    before, runs = contents(), SyncRun.objects.count()

    def killed(*args: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    for place in ("_lock_links", "_unite"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(merging, place, killed)
            decide(asked("Ana"), Decision("map", {"to": f"responder:{here}"}, None))
        assert (contents(), SyncRun.objects.count()) == (before, runs)


# --- two people at once -------------------------------------------------------------------------------------------


@pytest.fixture
def outcomes() -> Iterator[list[str]]:
    yield []


def deciding(conflict: Conflict, decision: Decision, outcomes: list[str]) -> Callable[[], None]:
    def step() -> None:
        try:
            decide(conflict, decision)
        except Refused as wrong:
            outcomes.append(wrong.code)
        else:
            outcomes.append("applied")

    return step


@on_postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["leave", "map"])
@pytest.mark.parametrize("second", ["leave", "map"])
def test_of_two_people_who_decide_at_once_one_wins(sync: Sync, outcomes: list[str], first: str, second: str) -> None:
    sync.run()
    to = f"responder:{local_person('A')}"
    given = {"leave": Decision("leave", {}, None), "map": Decision("map", {"to": to}, None)}
    question = asked("Ana")
    with transaction.atomic():
        decide(question, given[first])
        end = start_thread(deciding(question, given[second], outcomes))
        wait_until_blocked()
    end()
    assert outcomes in (["already_decided"], ["stale_question"])
    question.refresh_from_db()
    assert (question.state, question.choice) == (ConflictState.DECIDED, first)
    assert SyncRun.objects.filter(kind="decision").count() == 1


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_an_edit_that_comes_first_makes_the_question_stale(sync: Sync, outcomes: list[str]) -> None:
    question = arisen(sync, "both_edited")
    with transaction.atomic():
        edit("user_group", UserGroup.objects.get(), description="changed meanwhile")
        end = start_thread(deciding(question, Decision("take_source", {}, None), outcomes))
        wait_until_blocked()
    end()
    assert outcomes == ["stale_question"]
    assert UserGroup.objects.get().description == "changed meanwhile"


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_a_rule_does_not_answer_what_somebody_answers_meanwhile(sync: Sync, outcomes: list[str]) -> None:
    sync.run()
    here, ana, bo = local_person("A"), asked("Ana"), asked("Bo")
    with transaction.atomic():
        decide(bo, Decision("map", {"to": f"responder:{here}"}, None))
        end = start_thread(deciding(ana, Decision("leave", {}, None, remember=True), outcomes))
        wait_until_blocked()
    end()
    bo.refresh_from_db()
    assert (outcomes, bo.choice, bo.rule) == (["applied"], "map", None)


# --- who ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.TEAM_LEAD, Role.VIEWER])
def test_only_an_administrator_may_let_an_answer_be_remembered(sync: Sync, role: Role) -> None:
    sync.run()
    by = lead_of("Platform") if role == Role.TEAM_LEAD else account("somebody@example.com", role)
    assert refused(asked("Ana"), Decision("leave", {}, by, remember=True)) == "not_allowed"
    assert not Rule.objects.exists()
    admin = account("admin@example.com", Role.ADMINISTRATOR)
    assert decide(asked("Ana"), Decision("leave", {}, admin, remember=True)).applied


def test_a_lead_who_lost_the_group_between_preview_and_decision_is_refused(sync: Sync) -> None:
    sync.run()
    lead = lead_of("Platform")
    question, decision = asked("Bo"), Decision("leave", {}, lead)
    assert not preview(question, decision).applied
    GroupLead.objects.all().delete()
    assert refused(question, decision) == "not_allowed"


def test_a_proposal_is_confirmed_only_by_an_administrator_and_only_as_it_was_seen(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST", group_ids=("T1",)),))
    sync.run()
    lead, admin = lead_of("Platform"), account("admin@example.com", Role.ADMINISTRATOR)
    question = Conflict.objects.get(kind="timezone_mismatch")
    proposed = decide(question, Decision("confirm", {}, lead))
    assert (proposed.applied, proposed.conflict.state) == (False, ConflictState.PROPOSED)
    seen = Conflict.objects.get(pk=question.pk)
    with pytest.raises(Refused, match="Only an administrator"):
        confirm(seen, lead)
    decline(seen, admin)
    with pytest.raises(Refused) as gone:
        confirm(seen, admin)
    assert gone.value.code == "stale_question"
    decide(question, Decision("choose", {"zone": "Asia/Shanghai"}, lead))
    with pytest.raises(Refused) as other:
        confirm(seen, admin)
    assert other.value.code == "stale_question"
    assert not Rule.objects.exists()
    assert confirm(Conflict.objects.get(pk=question.pk), admin).applied
    records = ChangeRecord.objects.filter(model="question", object_id=question.pk).order_by("pk")
    proposal = "proposed answer"
    assert [(record.actor, record.changes[proposal]) for record in records] == [
        (lead, [None, "confirm"]),
        (admin, ["confirm", None]),
        (lead, [None, "choose"]),
    ]
    assert Rule.objects.get().arguments == {"zone": "Asia/Shanghai"}


def test_a_proposal_about_other_evidence_is_not_carried_over(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))
    sync.run()
    question = Conflict.objects.get(kind="timezone_mismatch")
    Conflict.objects.filter(pk=question.pk).update(state=ConflictState.PROPOSED, choice="confirm")
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="EST"),))
    sync.run()
    old, new = Conflict.objects.filter(kind="timezone_mismatch").order_by("pk")
    assert (old.state, old.choice) == (ConflictState.CLOSED, "confirm")
    assert (new.state, new.choice, new.evidence["raw"]) == (ConflictState.OPEN, "", "EST")


def test_a_person_with_an_account_is_a_target_only_for_who_may_change_accounts(sync: Sync) -> None:
    sync.run()
    boss = account("boss@example.com", is_staff=True)
    here = write("responder", [Draft({"name": "Boss"}, account_id=boss.pk)], by=BY)[0].id
    by = account("somebody@example.com")
    by.user_permissions.add(Permission.objects.get(codename="answer_conflict"))
    by = User.objects.get(pk=by.pk)
    for to in ("boss@example.com", f"responder:{here}"):
        assert refused(asked("Ana"), Decision("map", {"to": to}, by)) == "not_allowed"
    assert decide(asked("Ana"), Decision("map", {"to": f"responder:{here}"}, None)).applied


# --- what cannot be merged ----------------------------------------------------------------------------------------


def test_a_policy_is_not_merged_with_one_that_it_pages(sync: Sync) -> None:
    sync.run()
    key = f"local:{EscalationPolicy.objects.get().pk}"
    levels = {
        "format": 1,
        "levels": [{"wait": 5, "distribution": "everyone", "targets": [{"kind": "escalation_policy", "key": key}]}],
    }
    write("escalation_policy", [Draft({"name": "default", "levels": levels})], by=BY)
    sync.run()
    question = Conflict.objects.get(kind="duplicate_policy")
    assert refused(question, Decision("merge", {}, None)) == "invalid_argument"


def test_rows_of_two_sources_with_one_id_are_merged_in_one_decision(db: None) -> None:
    first, second = Sync("first"), Sync("second")
    write("user_group", [Draft({"name": "platform"})], by=BY)
    first.run()
    second.run()
    question = Conflict.objects.get(kind="team_name_collision", state=ConflictState.OPEN)
    here = UserGroup.objects.get(origin_label="")
    applied = decide(question, Decision("merge", {"into": str(here.pk)}, None))
    assert applied.run is not None
    theirs = ExternalLink.objects.get(connection=second.connection, entity_type="user_group")
    assert len(applied.outcome.effects) == 2
    assert theirs.user_group == here
    items = applied.run.items.filter(entity_type="user_group")
    by_row = dict(items.values_list("row_id", "external_id"))
    assert sorted(by_row) == sorted(UserGroup.objects.filter(merged_into=here).values_list("pk", flat=True))
    assert sorted(by_row.values()) == sorted(["T1", f"local:{max(by_row)}"])
    for each in (first, second):
        assert each.run().items.count() == 0
    assert list(UserGroup.objects.filter(active=True)) == [here]

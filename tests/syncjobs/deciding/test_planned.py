"""Questions about objects that are only planned: every answer is stored, and takes effect with the import."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.records import Account, SourceTeam
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import ChangeRecord, EscalationPolicy, Responder, Schedule, UserGroup
from oncall.operations import create_account, write
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts import merging
from syncjobs.deciding.awaited import carry_out_awaited
from syncjobs.deciding.decide import Decided, Decision, decide, preview
from syncjobs.models import Conflict, ConflictState, ExternalLink, Invitation, RunKind, RunState, SyncRun
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.planning.decisions.values import LATER, Refused
from syncjobs.runs.signals import items_written
from tests.syncjobs.conflicts.test_kinds import noted
from tests.syncjobs.conftest import BY, Sync, contents, layer, policy, schedule, user, world
from tests.syncjobs.deciding.test_people import local_person
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db

#: The kinds whose questions are about objects that have a link, so that they exist only after an import.
AFTER_IMPORT = {"deleted_here", "account_changed", "gone", "not_visible", "recreated", "inactive_scheduled"}


def _same_names(sync: Sync, **more: Any) -> None:
    """Two objects of the source have one name in each kind, and a row here has it, too, in each but the groups."""
    first = world()
    sync.source.change(
        teams=(*first.teams, SourceTeam("T2", "platform")),
        schedules=(*first.schedules, schedule("S2", "PRIMARY", layer("U2"))),
        policies=(*first.policies, policy("P2", "default")),
    )


def _here(kind: Any, name: str, **fields: Any) -> Callable[[Sync], None]:
    def arise(sync: Sync) -> None:
        _same_names(sync)
        write(kind, [Draft({"name": name, **fields})], by=BY)

    return arise


def _one_address(sync: Sync) -> None:
    sync.source.change(users=(*world().users, user("U4", "Dee", email="ANA@example.com")))


def _odd_zone(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),))


def _edited_here(sync: Sync) -> None:
    local_person("Ana", email="ana@example.com", state="inactive")


@dataclass(frozen=True)
class Planned:
    """An answer to a question of a plan that waits. check: what is true after the import.

    runs: number of runs of decisions after the import. presses: how often the plan and those that follow are applied.
    """

    arise: Callable[[Sync], Any]
    check: Callable[[Conflict], bool]
    arguments: Callable[[Conflict], Mapping[str, str]] = lambda conflict: {}
    runs: int = 0
    presses: int = 1


def _account(conflict: Conflict) -> Mapping[str, str]:
    create_account("somebody@example.com", "long enough password", by=BY)
    return {"to": "somebody@example.com"}


def _linked(external_id: str) -> ExternalLink:
    return ExternalLink.objects.get(external_id=external_id)


def _active(conflict: Conflict) -> list[str]:
    table: Any = ROOTS[conflict.entity_type]  # type: ignore[index]
    return sorted(row.name for row in table.rows.filter(active=True, merged_into=None))


def _key(conflict: Conflict, external_id: str) -> str:
    return next(key for key in conflict.evidence["rows"] if key.endswith(f":{external_id}"))


def _local(conflict: Conflict) -> str:
    keys = conflict.evidence["rows"]
    return next(key.removeprefix("local:") for key in keys if key.startswith("local:"))


def _pinned(external_id: str) -> bool:
    link = _linked(external_id)
    return link.pins == {"name": "ask"} and link.base["fields"]["name"] in ("platform", "PRIMARY", "default")


def _renamed(external_id: str) -> Planned:
    return Planned(
        lambda sync: _same_names(sync),
        lambda c: len(_active(c)) == 2 and "Another" in _active(c) and _pinned(external_id),
        lambda c: {"row": f"planned:{external_id}", "name": "Another"},
        runs=1,
    )


NAMES: Mapping[str, tuple[str, str, Any]] = {
    "team_name_collision": ("T", "user_group", UserGroup),
    "duplicate_schedule": ("S", "schedule", Schedule),
    "duplicate_policy": ("P", "escalation_policy", EscalationPolicy),
}


def _merged(kind: str) -> Planned:
    """Both rows are planned: the default is the first, and its values."""
    letter = NAMES[kind][0]
    return Planned(
        lambda sync: _same_names(sync),
        lambda c: len(_active(c)) == 1 and NAMES[kind][2].objects.get(active=True).links.filter(primary=True).exists(),
        lambda c: {"into": f"planned:{_key(c, letter + '2')}"},
        runs=1,
    )


def _answers_to_names(kind: str) -> Mapping[str, Planned]:
    letter = NAMES[kind][0]
    return {
        "rename": _renamed(f"{letter}2"),
        "merge": _merged(kind),
        "keep_all": Planned(lambda sync: _same_names(sync), lambda c: len(_active(c)) == 2),
    }


ANSWERS: Mapping[str, Mapping[str, Planned]] = {
    "user_not_found": {
        "invite": Planned(
            lambda sync: None, lambda c: Invitation.objects.filter(external_id="U1", state="queued").exists()
        ),
        "map": Planned(
            lambda sync: None,
            lambda c: Responder.objects.get(name="Ana").account.email == "somebody@example.com",
            _account,
            presses=2,
        ),
        "leave": Planned(lambda sync: None, lambda c: Responder.objects.get(name="Ana").account is None),
    },
    "ambiguous": {
        "map": Planned(
            _one_address,
            lambda c: (
                _linked("U4").responder == _linked("U1").responder
                and Responder.objects.get(name="Dee").merged_into == Responder.objects.get(name="Ana")
            ),
            lambda c: {"claims": "U4:planned:U1, U1:new"},
            runs=1,
        ),
        "separate": Planned(_one_address, lambda c: Responder.objects.filter(active=True).count() == 4),
    },
    **{kind: _answers_to_names(kind) for kind in NAMES},
    "timezone_mismatch": {
        "confirm": Planned(_odd_zone, lambda c: Schedule.objects.get().time_zone == "America/Chicago", presses=2),
        "choose": Planned(
            _odd_zone,
            lambda c: Schedule.objects.get().time_zone == "Asia/Shanghai",
            lambda c: {"zone": "Asia/Shanghai"},
            presses=2,
        ),
    },
    "both_edited": {
        "keep_mine": Planned(
            _edited_here,
            lambda c: Responder.objects.get(name="Ana").state == "inactive" and _linked("U1").pins == {"state": "ask"},
            runs=1,
        ),
        "keep_mine_always": Planned(
            _edited_here,
            lambda c: (
                Responder.objects.get(name="Ana").state == "inactive" and _linked("U1").pins == {"state": "local"}
            ),
            runs=1,
        ),
        "take_source": Planned(_edited_here, lambda c: Responder.objects.get(name="Ana").state == "active", runs=1),
    },
    "unsupported": {
        "acknowledge": Planned(
            lambda sync: sync.source.change(notes=(noted(),)), lambda c: EscalationPolicy.objects.get().active
        ),
    },
}
EVERY = pytest.mark.parametrize(
    ("kind", "choice"),
    [(kind, each.name) for kind, choices in CHOICES.items() if kind not in AFTER_IMPORT for each in choices],
)


def asked(kind: str) -> Conflict:
    return Conflict.objects.filter(kind=kind, state=ConflictState.OPEN).order_by("external_id", "pk")[0]


def read_in(sync: Sync, zone: str) -> None:
    """Let the source be read as a connector reads it after an answer about a zone."""
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone=zone),))


def planned(sync: Sync, kind: str, choice: str) -> tuple[SyncRun, Conflict, Decision]:
    """Return a plan that waits, one of its questions, and the answer."""
    assert choice in ANSWERS.get(kind, {}), f"{kind} {choice} has no entry here"
    case = ANSWERS[kind][choice]
    case.arise(sync)
    plan = sync.plan()
    question = asked(kind)
    return plan, question, Decision(choice, case.arguments(question), None)


def imported(sync: Sync, plan: SyncRun, kind: str) -> int:
    """Apply a plan and those that follow it. Return how many presses this took."""
    if kind == "timezone_mismatch":
        read_in(sync, str(Conflict.objects.get(kind=kind).rule.arguments["zone"]))  # type: ignore[union-attr]
    presses, waiting = 0, [plan]
    while waiting:
        presses += 1
        assert presses < 4
        done = sync.apply(waiting[0])
        waiting = list(done.following.filter(state=RunState.AWAITING_REVIEW))
    return presses


@EVERY
def test_a_preview_writes_nothing_and_says_when_it_takes_effect(sync: Sync, kind: str, choice: str) -> None:
    _, question, decision = planned(sync, kind, choice)
    before = contents()
    shown = preview(question, decision)
    assert contents() == before
    case = ANSWERS[kind][choice]
    waits = case.runs > 0 or case.presses > 1
    assert (LATER in shown.outcome.deferred) == waits
    assert decide(question, decision).outcome == shown.outcome


@EVERY
def test_the_answer_takes_effect_with_the_import_and_is_not_asked_again(sync: Sync, kind: str, choice: str) -> None:
    plan, question, decision = planned(sync, kind, choice)
    items = list(plan.items.order_by("pk").values())
    decided: Decided = decide(question, decision)
    assert decided.run is not None
    assert (decided.applied, decided.run.items.count()) == (True, 0)
    assert list(plan.items.order_by("pk").values()) == items
    assert not SyncRun.objects.filter(state=RunState.QUEUED).exists(), "nothing is imported without a review"
    case = ANSWERS[kind][choice]
    assert imported(sync, plan, kind) == case.presses
    assert case.check(question)
    assert SyncRun.objects.filter(kind=RunKind.DECISION).count() == 1 + case.runs
    sync.run()
    same = Conflict.objects.filter(kind=kind, subject_key=question.subject_key)
    assert not same.filter(state=ConflictState.OPEN).exists()
    assert not Conflict.objects.exclude(awaits="").exclude(state=ConflictState.CLOSED).filter(awaits="import").exists()
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before
    assert case.check(question)


@EVERY
def test_another_plan_before_the_import_knows_the_answer(sync: Sync, kind: str, choice: str) -> None:
    _, question, decision = planned(sync, kind, choice)
    decide(question, decision)
    if kind == "timezone_mismatch":
        read_in(sync, str(Conflict.objects.get(kind=kind).rule.arguments["zone"]))  # type: ignore[union-attr]
    for _ in range(2):
        plan = sync.plan()
    assert imported(sync, plan, kind) == 1
    assert ANSWERS[kind][choice].check(question)
    sync.run()
    assert not Conflict.objects.filter(kind=kind, subject_key=question.subject_key, state=ConflictState.OPEN).exists()


@EVERY
def test_the_shell_takes_it(sync: Sync, kind: str, choice: str) -> None:
    _, question, decision = planned(sync, kind, choice)
    arguments = [word for name, value in decision.arguments.items() for word in ("--set", f"{name}={value}")]
    command = ("conflicts", "--resolve", str(question.pk), choice, *arguments)
    previewed = document(*command, "--preview")
    code, printed = shell(*command, "--json")
    applied = json.loads(printed)
    assert (code, applied["applied"], applied["state"], applied["run"] is None) == (0, True, "decided", False)
    assert (applied["effects"], applied["deferred"]) == (previewed["effects"], previewed["deferred"])
    if applied["effects"]:
        assert LATER in applied["deferred"]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("into", ["here", "planned"])
@pytest.mark.parametrize("values", ["here", "planned"])
def test_a_planned_row_is_merged_with_one_that_is_here(sync: Sync, kind: str, into: str, values: str) -> None:
    letter, entity, model = NAMES[kind]
    zone = {"time_zone": "UTC"} if entity == "schedule" else {}
    name = {"T": "platform", "S": "PRIMARY", "P": "DEFAULT"}[letter]
    ((here,),) = [write(entity, [Draft({"name": name, "description": "ours", **zone})], by=BY)]  # type: ignore[arg-type]
    plan = sync.plan()
    question = asked(kind)
    rows = {"here": str(here.id), "planned": f"planned:{letter}1"}
    decide(question, Decision("merge", {"into": rows[into], "values": rows[values]}, None))
    sync.apply(plan)
    (left,) = model.objects.filter(active=True, merged_into=None)
    assert (left.pk == here.id) == (into == "here")
    assert (left.description == "ours") == (values == "here")
    assert Conflict.objects.get(pk=question.pk).arguments == {"into": rows[into], "values": rows[values]}
    for _ in range(2):
        assert sync.run().items.count() == 0
    assert left == model.objects.get(active=True, merged_into=None)


def test_the_row_that_stays_is_the_one_of_the_preview_though_the_other_is_used_more_after_the_import(
    sync: Sync,
) -> None:
    _same_names(sync)
    plan = sync.plan()
    question = asked("duplicate_schedule")
    shown = preview(question, Decision("merge", {}, None)).outcome
    assert [effect.external_id for effect in shown.effects] == ["S2"]
    decide(question, Decision("merge", {}, None))
    sync.apply(plan)
    assert _linked("S2").schedule.merged_into == _linked("S1").schedule  # type: ignore[union-attr]


def test_a_stored_row_is_renamed_at_once_beside_a_planned_one(sync: Sync) -> None:
    here = write("user_group", [Draft({"name": "platform"})], by=BY)[0].id
    sync.plan()
    decided = decide(asked("team_name_collision"), Decision("rename", {"row": str(here), "name": "Ours"}, None))
    assert (decided.run is not None, UserGroup.objects.get().name) == (True, "Ours")


@pytest.mark.parametrize("name", ["platform", "Other"])
def test_a_name_that_another_planned_row_has_is_refused(sync: Sync, name: str) -> None:
    _same_names(sync)
    sync.source.change(teams=(*sync.source.snapshot.teams, SourceTeam("T3", "other")))
    sync.plan()
    question = asked("team_name_collision")
    with pytest.raises(Refused) as refused:
        decide(question, Decision("rename", {"row": "planned:T2", "name": name}, None))
    assert refused.value.code == "invalid_argument"


def test_rows_of_two_sources_that_are_planned_are_named_by_their_keys(db: None) -> None:
    sources = [Sync("first"), Sync("second")]
    empty: dict[str, Any] = dict.fromkeys(("users", "schedules", "policies", "services"), ())
    for each in sources:
        each.source.snapshot = replace(world(), teams=(SourceTeam("T1", "Ops"),), account=Account(None, ""), **empty)
    write("user_group", [Draft({"name": "ops"})], by=BY)
    plans = [each.plan() for each in sources]
    question = asked("team_name_collision")
    with pytest.raises(Refused, match="several"):
        decide(question, Decision("rename", {"row": "planned:T1", "name": "Ops EU"}, None))
    key = f"{sources[1].connection.pk}:T1"
    decide(question, Decision("merge", {"into": f"planned:{key}"}, None))
    sources[0].apply(plans[0])
    question.refresh_from_db()
    assert (question.state, question.awaits) == (ConflictState.DECIDED, "import")
    sources[1].apply(plans[1])
    (left,) = UserGroup.objects.filter(active=True)
    assert sorted(left.links.values_list("key", flat=True)) == sorted(f"{each.connection.pk}:T1" for each in sources)
    for each in sources:
        assert each.run().items.count() == 0


def test_what_cannot_be_carried_out_after_the_import_is_asked_again_with_the_reason(sync: Sync) -> None:
    _same_names(sync)
    plan = sync.plan()
    question = asked("team_name_collision")
    decide(question, Decision("rename", {"row": "planned:T2", "name": "Ops"}, None, comment="as agreed"))
    write("user_group", [Draft({"name": "ops"})], by=BY)
    done = sync.apply(plan)
    assert done.state == RunState.SUCCEEDED
    question.refresh_from_db()
    assert (question.state, question.choice, question.awaits) == (ConflictState.OPEN, "", "")
    assert "is the name of another row" in question.comment
    assert question.comment.startswith("as agreed\n")
    assert f"run {done.pk}" in question.comment
    record = ChangeRecord.objects.get(model="question", object_id=question.pk)
    assert record.changes == {"state": ["decided", "open"], "answer": ["rename", None]}


def test_what_a_stopped_run_did_not_carry_out_is_carried_out_by_the_next(sync: Sync) -> None:
    _same_names(sync)
    plan = sync.plan()
    question = asked("team_name_collision")
    decide(question, Decision("rename", {"row": "planned:T2", "name": "Ops"}, None))
    items_written.disconnect(carry_out_awaited)
    try:
        sync.apply(plan)
    finally:
        items_written.connect(carry_out_awaited)
    assert not UserGroup.objects.filter(name="Ops").exists()
    assert sync.run().items.count() == 0
    assert UserGroup.objects.get(name="Ops").links.get().external_id == "T2"
    run, answer = SyncRun.objects.filter(kind=RunKind.DECISION)
    assert answer.counts == {}
    assert (run.scope, run.counts) == ({"conflict": question.pk}, {"user_group": {"written": 1}})


def test_a_failure_while_it_is_carried_out_leaves_it_for_the_next_run(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    _same_names(sync)
    plan = sync.plan()
    question = asked("team_name_collision")
    decide(question, Decision("merge", {}, None))

    def killed(*args: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    for place in ("_lock_links", "_unite"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(merging, place, killed)
            sync.apply(plan) if place == "_lock_links" else sync.run()
        assert SyncRun.objects.get(kind=RunKind.DECISION).items.count() == 0
        assert UserGroup.objects.filter(active=True, merged_into=None).count() == 2
        assert Conflict.objects.get(pk=question.pk).awaits == "import"
    sync.run()
    assert UserGroup.objects.filter(active=True, merged_into=None).count() == 1


def test_an_unticked_row_leaves_the_answer_to_the_next_import(sync: Sync) -> None:
    _same_names(sync)
    plan = sync.plan()
    question = asked("team_name_collision")
    decide(question, Decision("rename", {"row": "planned:T2", "name": "Ops"}, None))
    plan.items.filter(external_id="T2").update(ticked=False)
    sync.apply(plan)
    assert not UserGroup.objects.filter(name="Ops").exists()
    sync.run()
    assert UserGroup.objects.get(name="Ops").links.get().external_id == "T2"


def test_several_people_of_one_address_are_one_person_here(sync: Sync) -> None:
    _one_address(sync)
    here = local_person("Anna", email="anna@example.org")
    plan = sync.plan()
    question = asked("ambiguous")
    claims = f"U1:responder:{here}, U4:responder:{here}"
    decided = decide(question, Decision("map", {"claims": claims}, None))
    assert decided.run is not None
    assert decided.run.items.count() == 0
    imported(sync, plan, "ambiguous")
    assert {_linked("U1").responder_id, _linked("U4").responder_id} == {here}
    assert sorted(Responder.objects.values_list("name", flat=True)) == ["Anna", "Bo", "Cy"]
    sync.run()
    assert Conflict.objects.get(pk=question.pk).state == ConflictState.CLOSED
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_a_policy_is_not_merged_with_a_planned_one_that_it_pages(sync: Sync) -> None:
    sync.source.change(policies=(*world().policies, policy("P2", "default", Target("escalation_policy", "P1"))))
    sync.plan()
    before = contents()
    with pytest.raises(Refused, match="pages or belongs to another"):
        decide(asked("duplicate_policy"), Decision("merge", {}, None))
    assert contents() == before


def test_an_open_plan_keeps_its_ticks_through_59_decisions(sync: Sync) -> None:
    people = tuple(user(f"U{n}", f"Person {n}", email=f"p{n}@example.com") for n in range(1, 60))
    sync.source.change(
        users=people, schedules=(schedule("S1", "Primary", layer(*(each.external_id for each in people))),)
    )
    here = {n: local_person(f"Here {n}") for n in range(1, 60, 3)}
    plan = sync.plan()
    plan.items.filter(entity_type="escalation_policy").update(ticked=False, comment="not this week")
    columns = ("external_id", "ticked", "held_ticked", "comment", "changes", "action")
    kept = list(plan.items.order_by("pk").values_list(*columns))
    for n in range(1, 60):
        question = Conflict.objects.get(kind="user_not_found", external_id=f"U{n}")
        if n in here:
            decide(question, Decision("map", {"to": f"responder:{here[n]}"}, None))
        else:
            decide(question, Decision(("leave", "invite")[n % 3 == 0], {}, None))
    assert Conflict.objects.filter(state=ConflictState.DECIDED).count() == 59
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW
    assert list(plan.items.order_by("pk").values_list(*columns)) == kept
    done = sync.apply(plan)
    written = done.items.filter(outcome="applied").values_list("external_id", flat=True)
    touched = {f"U{n}" for n in here}
    assert set(written) == {row[0] for row in kept} - touched - {"P1"}
    assert done.items.get(external_id="P1").comment == "not this week"
    waiting = done.following.get(state=RunState.AWAITING_REVIEW)
    assert {(item.external_id, item.action) for item in waiting.items.all()} == {(key, "match") for key in touched}
    sync.apply(waiting)
    assert Responder.objects.count() == 59

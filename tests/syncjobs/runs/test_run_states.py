"""Every state of a run, and every step from one to another, by the function of the product that takes it.

A state, a step or a function that gives a run a state fails when it is missing here.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

import pytest
from django.db.models.functions import Now

from connectors.errors import AnotherAccount, ProviderUnavailable
from connectors.records import FailedEntity
from oncall.aggregates import Draft
from oncall.models import Schedule
from oncall.operations import create_account, write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import ACTIVE, OPEN_PLAN, Conflict, RunKind, RunState, Strategy, SyncRun
from syncjobs.runs.claim import Claim, GiveBack, WaitElsewhere, claim_run
from syncjobs.runs.durable.failing import MOST_ATTEMPTS
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, start
from syncjobs.setup.rules import set_rules
from syncjobs.undoing.undo import undo
from tests.paths import REPOSITORY
from tests.syncjobs.conftest import BY, Sync, edit, layer, schedule
from tests.syncjobs.runs.test_gone import many

PRODUCT = REPOSITORY / "syncjobs"
Step = Callable[[Sync, SyncRun], object]


def raising(error: Exception) -> Step:
    """Returns the step that drives a claimed run again into an error of its read."""

    def step(sync: Sync, run: SyncRun) -> None:
        def during() -> None:
            raise error

        sync.source.during = during
        work(sync, run)

    return step


def work(sync: Sync, run: SyncRun) -> None:
    """Let a worker take the run; its state was *running* while it worked."""
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.QUEUED)
    drive(run.pk, opener=sync.source.open, slice_seconds=300)


def partly(sync: Sync, run: SyncRun) -> None:
    failed = FailedEntity("schedule", "S1", "unreadable", "", "It could not be read.", "Look at it.")
    sync.source.snapshot = replace(sync.source.snapshot, schedules=(), failed=(failed,))
    work(sync, run)


def plan(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(kind=RunKind.PLAN)
    work(sync, run)


def another_account(sync: Sync, run: SyncRun) -> None:
    sync.connection.account_id = "acme"
    sync.connection.save()
    sync.source.error = AnotherAccount(
        "It is another account.", hint="", provider="pagerduty", field=None, account_id="globex", account_label="globex"
    )
    work(sync, run)


def die(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))
    recover_runs()


def be_due(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(due_at=Now() - timedelta(seconds=1))
    recover_runs()


def drop(sync: Sync, run: SyncRun) -> None:
    assert cancel(run)


def plan_again(sync: Sync, run: SyncRun) -> None:
    sync.plan()


def accept(sync: Sync, run: SyncRun) -> None:
    approve(run, by=None, notify=False)


def loop(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(attempt=MOST_ATTEMPTS)
    die(sync, run)


def vanish(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.CANCELLED)
    many(sync, 5)
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    sync.source.change(schedules=())
    work(sync, run)


def change_rules(sync: Sync, run: SyncRun) -> None:
    plan(sync, run)
    accept(sync, SyncRun.objects.get(pk=run.pk))
    set_rules(sync.profile, {"strategy": Strategy.OVERWRITE})
    drive(run.pk, opener=sync.source.open)


def hold_again(sync: Sync, run: SyncRun) -> None:
    """The key still belongs to another account."""
    SyncRun.objects.filter(pk=run.pk).update(planned_at=None)
    another_account(sync, start(sync.profile, RunKind.APPLY, by=None, notify=False))


S = RunState
DOWN: Final = ProviderUnavailable("Down.", hint="", provider="pagerduty")
#: (from, to) -> what does it, by name, with the function that gives the run its state.
STEPS: Final[dict[tuple[RunState, RunState], dict[str, tuple[str, Step]]]] = {
    (S.QUEUED, S.RUNNING): {"a worker claims it": ("claim.claim_run", lambda sync, run: claim_run(run.pk))},
    (S.QUEUED, S.CANCELLED): {"it is cancelled": ("start.cancel", drop)},
    (S.RUNNING, S.QUEUED): {
        "its worker dies": ("durable.recovery.recover_runs", die),
        "its worker gives it back": ("claim.give_back", raising(GiveBack())),
    },
    (S.RUNNING, S.WAITING): {"the source demands a wait": ("claim.wait", raising(WaitElsewhere(30)))},
    (S.RUNNING, S.AWAITING_REVIEW): {
        "it is a plan": ("runner._plan", plan),
        "the rules changed after the approval": ("runner._apply", change_rules),
    },
    (S.RUNNING, S.HELD): {
        "the key belongs to another account": ("planned_read._hold", another_account),
        "the source lists none of a kind": ("runner._held", vanish),
    },
    (S.RUNNING, S.SUCCEEDED): {"everything is applied": ("ending._end", work)},
    (S.RUNNING, S.PARTIAL): {"an object fails": ("ending._end", partly)},
    (S.RUNNING, S.FAILED): {
        "the source is down": ("durable.failing.fail", raising(DOWN)),
        "it ends its worker again and again": ("durable.recovery._fail", loop),
    },
    (S.RUNNING, S.CANCELLED): {"it is cancelled": ("start.cancel", drop)},
    (S.WAITING, S.QUEUED): {"it is due": ("durable.recovery.recover_runs", be_due)},
    (S.WAITING, S.CANCELLED): {"it is cancelled": ("start.cancel", drop)},
    (S.AWAITING_REVIEW, S.QUEUED): {"it is approved": ("start.approve", accept)},
    (S.AWAITING_REVIEW, S.CANCELLED): {"it is dropped": ("start.cancel", drop)},
    (S.AWAITING_REVIEW, S.SUPERSEDED): {"a newer plan replaces it": ("runner._supersede_others", plan_again)},
    (S.HELD, S.QUEUED): {"it is approved": ("start.approve", accept)},
    (S.HELD, S.CANCELLED): {"it is dropped": ("start.cancel", drop)},
    (S.HELD, S.SUPERSEDED): {
        "a newer plan replaces it": ("runner._supersede_others", plan_again),
        "the key belongs to another account again": ("planned_read._hold", hold_again),
    },
}


def undone(sync: Sync) -> SyncRun:
    found = undo(sync.run(), None).run
    assert found is not None
    return found


def partly_undone(sync: Sync) -> SyncRun:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Renamed", layer("U1", "U2", "U1")),))
    run = sync.run()
    edit("schedule", Schedule.objects.get(), name="Ours")
    found = undo(run, None).run
    assert found is not None
    return found


def decided(sync: Sync) -> SyncRun:
    sync.run()
    conflict = Conflict.objects.filter(kind="user_not_found")[0]
    decide(conflict, Decision("leave", {}, None))
    return SyncRun.objects.get(kind=RunKind.DECISION)


def planned_again(sync: Sync) -> SyncRun:
    account = create_account("ana@example.com", "long enough password", by=BY)
    waiting = sync.plan()
    write("responder", [Draft({"name": "Somebody"}, account_id=account.pk)], by=BY)
    return SyncRun.objects.get(of_run=sync.apply(waiting))


#: How a run begins that no worker takes from the queue -> the functions that give it its states, and the last of them.
BEGINNINGS: Final[dict[str, tuple[Callable[[Sync], SyncRun], set[str], RunState]]] = {
    "an undo": (undone, {"undoing.undo._start", "undoing.undo._finish"}, S.SUCCEEDED),
    "an undo that keeps something": (partly_undone, {"undoing.undo._start", "undoing.undo._finish"}, S.PARTIAL),
    "a decision": (decided, {"deciding.carrying_out.carry_out"}, S.SUCCEEDED),
    "what was planned again": (planned_again, {"again._store_next_plan"}, S.AWAITING_REVIEW),
}
ENDED: Final = frozenset({S.SUCCEEDED, S.PARTIAL, S.FAILED, S.CANCELLED, S.SUPERSEDED})


def reached(sync: Sync, state: RunState) -> SyncRun:
    """Returns a run in a state."""
    if state in OPEN_PLAN:
        run = sync.plan()
        SyncRun.objects.filter(pk=run.pk).update(state=state)
        return SyncRun.objects.get(pk=run.pk)
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    if state == S.RUNNING:
        claim_run(run.pk)
    elif state == S.WAITING:
        raising(WaitElsewhere(30))(sync, run)
        sync.source.during = lambda: None
    return SyncRun.objects.get(pk=run.pk)


CASES = [
    pytest.param(before, after, *taken, id=f"{before.label}, {name}, {after.label}")
    for (before, after), steps in STEPS.items()
    for name, taken in steps.items()
]


@contextmanager
def called() -> Iterator[set[str]]:
    """Collects the functions of syncjobs that are called, such as ``claim.claim_run`` in syncjobs/runs."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(PRODUCT)):
            found.add(f"{place_of(Path(frame.f_code.co_filename))}.{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


def place_of(path: Path) -> str:
    return ".".join(path.relative_to(PRODUCT).with_suffix("").parts).removeprefix("runs.")


@pytest.mark.parametrize("before,after,place,step", CASES)
def test_step(sync: Sync, before: RunState, after: RunState, place: str, step: Step) -> None:
    run = reached(sync, before)
    assert run.state == before
    with called() as functions:
        step(sync, run)
    assert place in functions
    run.refresh_from_db()
    # A run of another account has no plan that could be applied: it goes on by an answer.
    assert (run.state, bool(run.finished_at)) == (after, after in ENDED or place == "planned_read._hold")
    assert run.is_active == (after in ACTIVE)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_run_that_no_worker_takes(sync: Sync, name: str) -> None:
    begin, places, state = BEGINNINGS[name]
    with called() as functions:
        run = begin(sync)
    assert (run.state, places - functions) == (state, set())


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_run_that_ended_stays_as_it_is(sync: Sync, state: RunState) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    SyncRun.objects.filter(pk=run.pk).update(state=state, due_at=Now(), lease_expires_at=Now())
    assert claim_run(run.pk) is None
    assert not cancel(run)
    assert recover_runs() == ([], [], 0)
    assert Claim(run).write() is False
    run.refresh_from_db()
    assert run.state == state


def test_every_state_has_its_steps() -> None:
    assert {before for before, _ in STEPS} | ENDED == set(RunState)
    assert {before for before, _ in STEPS}.isdisjoint(ENDED)
    assert {after for _, after in STEPS} == set(RunState)


def states_in(node: ast.AST | None) -> set[RunState]:
    """Returns the states that an expression names."""
    found = (each for each in ast.walk(node) if isinstance(each, ast.Attribute)) if node is not None else ()
    return {S[each.attr] for each in found if ast.unparse(each.value) == "RunState" and each.attr in S.__members__}


def given_in(node: ast.AST) -> set[RunState]:
    """Returns the states that a run may be given by a node: a keyword, an entry, an assignment, a result."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in ("filter", "exclude", "Q"):
            return set()
        values = [each.value for each in node.keywords if each.arg == "state"]
        return set().union(*map(states_in, values + (node.args[:1] if name in ("end", "end_columns") else [])))
    if isinstance(node, ast.Dict):
        entries = zip(node.keys, node.values, strict=True)
        return set().union(*(states_in(value) for key, value in entries if ast.unparse(key or value) == "'state'"))
    if isinstance(node, ast.Assign):
        names = {ast.unparse(each).rpartition(".")[2] for to in node.targets for each in ast.walk(to) if each}
        return states_in(node.value) if "state" in names else set()
    return states_in(node.value) if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) else set()


def writers() -> dict[str, set[RunState]]:
    """Returns the functions of the product that give a run a state, with these states."""
    found: dict[str, set[RunState]] = {}
    for path in PRODUCT.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and path.parts[-2] != "migrations":
                given = set().union(*map(given_in, ast.walk(function)))
                if given:
                    found[f"{place_of(path)}.{function.name}"] = given
    return found


def test_every_function_that_gives_a_run_a_state_has_its_steps() -> None:
    taken: dict[str, set[RunState]] = {}
    for (_, after), steps in STEPS.items():
        for place, _ in steps.values():
            taken.setdefault(place, set()).add(after)
    of_beginnings = set().union(*(places for _, places, _ in BEGINNINGS.values()))
    assert {place: states for place, states in writers().items() if place not in of_beginnings} == taken
    assert of_beginnings <= writers().keys()

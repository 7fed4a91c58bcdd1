"""Every answer to every kind of question: previewed, applied, and not asked again."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.models import EscalationPolicy, Responder, Schedule, Service, Substitution, UserGroup
from oncall.operations import create_account
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decided, Decision, decide, preview
from syncjobs.models import (
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
    Invitation,
    Rule,
    RunKind,
    SyncItem,
    SyncRun,
)
from syncjobs.planning.decisions.table import CHOICES
from syncjobs.planning.decisions.values import Refused
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, contents
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db

Arguments = Callable[[Conflict], Mapping[str, str]]


@dataclass(frozen=True)
class Answer:
    """An answer as it is given. check: what is true of the rows here after it was applied."""

    check: Callable[[Conflict], bool]
    arguments: Arguments = lambda conflict: {}


def _person(name: str) -> Responder:
    return Responder.objects.get(name=name)


def _to_account(conflict: Conflict) -> Mapping[str, str]:
    create_account("somebody@example.com", "long enough password", by=BY)
    return {"to": "somebody@example.com"}


def _local_row(conflict: Conflict) -> str:
    return next(key for key in conflict.evidence["rows"] if key.startswith("local:")).removeprefix("local:")


def _active_rows(conflict: Conflict) -> int:
    return ROOTS[entity_type_of(conflict.entity_type)].rows.filter(active=True).count()


def _link(external_id: str) -> ExternalLink:
    return ExternalLink.objects.get(external_id=external_id)


def _is_relinked(conflict: Conflict) -> bool:
    (row,) = Schedule.objects.filter(active=True)
    old, new = _link("S1"), _link("S9")
    return (
        (new.schedule, new.state, new.primary) == (row, "linked", True)
        and (old.state, old.ignored_reason) == ("ignored", "replaced by S9")
        and (row.description, row.pk) == ("ours", min(Schedule.objects.values_list("pk", flat=True)))
        and row.layers["layers"][0]["participants"]
        == [f"person:{conflict.connection_id}:{id_}" for id_ in ("U1", "U3")]
    )


def _until(conflict: Conflict) -> Mapping[str, str]:
    return {"by": f"responder:{_person('Cy').pk}", "until": "2099-12-24T09:00:00Z"}


def _connection() -> Connection:
    return Connection.objects.get()


def _absent(external_id: str, model: Any) -> Mapping[str, Answer]:
    return {
        "deactivate": Answer(lambda c: (_link(external_id).state, model.objects.get().active) == ("gone", False)),
        "keep": Answer(lambda c: (_link(external_id).state, model.objects.get().active) == ("detached", True)),
    }


_RENAME = Answer(lambda c: _active_rows(c) == 2, lambda c: {"row": _local_row(c), "name": "Another name"})
_MERGE = Answer(lambda c: _active_rows(c) == 1)
_KEEP = Answer(lambda c: _active_rows(c) == 2)
_NAMES = {"rename": _RENAME, "merge": _MERGE, "keep_all": _KEEP}

ANSWERS: Mapping[str, Mapping[str, Answer]] = {
    "user_not_found": {
        "invite": Answer(
            lambda c: Invitation.objects.filter(  # the shell sends it at once
                state__in=["queued", "sent"], email="ana@example.com", external_id="U1"
            ).exists()
        ),
        "map": Answer(lambda c: _person(c.label).account.email == "somebody@example.com", _to_account),
        "leave": Answer(lambda c: _person(c.label).account is None),
    },
    "ambiguous": {
        "map": Answer(
            lambda c: Responder.objects.get(name="Dee").merged_into == _person("Ana"),
            lambda c: {"claims": f"U4:responder:{_person('Ana').pk}, U1:new"},
        ),
        "separate": Answer(lambda c: Responder.objects.filter(active=True).count() == 4),
    },
    "duplicate_schedule": _NAMES,
    "duplicate_policy": _NAMES,
    "team_name_collision": _NAMES,
    "timezone_mismatch": {
        "confirm": Answer(lambda c: Rule.objects.get().arguments == {"zone": "America/Chicago"}),
        "choose": Answer(
            lambda c: Rule.objects.get().arguments == {"zone": "Asia/Shanghai"}, lambda c: {"zone": "Asia/Shanghai"}
        ),
    },
    "both_edited": {
        "keep_mine": Answer(lambda c: UserGroup.objects.get().description == "ours"),
        "keep_mine_always": Answer(lambda c: UserGroup.objects.get().description == "ours"),
        "take_source": Answer(lambda c: UserGroup.objects.get().description == "theirs"),
    },
    "deleted_here": {
        "restore": Answer(lambda c: Service.objects.get().name == "Checkout"),
        "leave": Answer(lambda c: not Service.objects.exists()),
    },
    "unsupported": {"acknowledge": Answer(lambda c: EscalationPolicy.objects.get().active)},
    "gone": _absent("S1", Schedule),
    "not_visible": _absent("T1", UserGroup),
    "recreated": {
        "relink": Answer(_is_relinked),
        "keep_all": Answer(lambda c: Schedule.objects.filter(active=True).count() == 2),
    },
    "inactive_scheduled": {
        "acknowledge": Answer(lambda c: not Substitution.objects.exists()),
        "replace": Answer(
            lambda c: Substitution.objects.get(responder=_person("Bo"), source_key=None).by == _person("Cy"), _until
        ),
    },
    "account_changed": {
        "accept": Answer(lambda c: (_connection().account_id, _connection().refused_account) == ("other", "")),
        "refuse": Answer(
            lambda c: (_connection().account_id, _connection().refused_account) == ("acme", "other.pagerduty.com")
        ),
    },
}
EVERY = pytest.mark.parametrize(
    ("kind", "choice"), [(kind, choice.name) for kind in ConflictKind.values for choice in CHOICES.get(kind, ())]
)


def given(conflict: Conflict, kind: str, choice: str, **more: Any) -> Decision:
    assert choice in ANSWERS[kind], f"{kind} {choice} has no entry here"
    return Decision(choice, ANSWERS[kind][choice].arguments(conflict), None, **more)


#: The answers that start a read of the source, which the shell drives: see the tests of each.
READS = {("timezone_mismatch", "confirm"), ("timezone_mismatch", "choose"), ("account_changed", "accept")}


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    """An answer that holds for a time begins in the minute in which it is given."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def test_every_answer_has_an_entry() -> None:
    assert {kind: set(answers) for kind, answers in ANSWERS.items()} == {
        kind: {choice.name for choice in CHOICES.get(kind, ())} for kind in ConflictKind.values
    }


@EVERY
def test_a_preview_writes_nothing_and_is_what_is_applied(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    before, runs = contents(), SyncRun.objects.count()
    shown = preview(conflict, decision)
    assert (contents(), SyncRun.objects.count(), shown.applied) == (before, runs, False)
    applied = decide(conflict, decision)
    assert applied.outcome == shown.outcome
    assert ANSWERS[kind][choice].check(conflict)
    recorded(applied)


def recorded(applied: Decided) -> None:
    """The decision is a run of its own, with an item for each effect."""
    effects = applied.outcome.effects
    conflict = Conflict.objects.get(pk=applied.conflict.pk)
    assert (conflict.state, conflict.choice) == (ConflictState.DECIDED, applied.choice.name)
    assert applied.run is not None
    assert applied.run.kind == RunKind.DECISION
    items = SyncItem.objects.filter(run=applied.run).order_by("pk")
    assert [(item.label, item.reason) for item in items] == [(effect.label, effect.change) for effect in effects]


def started(sync: Sync, applied: Decided) -> None:
    """Drive the read that a decision started."""
    assert (applied.read is not None) == ((applied.conflict.kind, applied.choice.name) in READS)
    if applied.read is not None:
        sync.drive(applied.read)


@EVERY
def test_it_is_not_asked_again(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    others = Conflict.objects.filter(state=ConflictState.OPEN).count() - 1
    started(sync, decide(conflict, given(conflict, kind, choice)))
    sync.run()
    waiting = Conflict.objects.filter(state=ConflictState.OPEN)
    assert not waiting.filter(kind=kind, subject_key=conflict.subject_key).exists()
    assert waiting.count() <= others
    before = contents()
    run = sync.run()
    assert (contents(), run.items.count()) == (before, 0)
    assert ANSWERS[kind][choice].check(conflict)


@EVERY
def test_it_is_decided_only_once(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    decide(conflict, decision)
    before = contents()
    with pytest.raises(Refused) as refused:
        decide(conflict, decision)
    assert refused.value.code == "already_decided"
    assert contents() == before


@EVERY
def test_other_evidence_than_was_shown_is_refused(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice, evidence_hash="of another evidence")
    before = contents()
    with pytest.raises(Refused) as refused:
        decide(conflict, decision)
    assert (refused.value.code, contents()) == ("stale_question", before)


@EVERY
def test_the_shell_previews_and_answers(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    given_arguments = ANSWERS[kind][choice].arguments(conflict)
    arguments = [word for name, value in given_arguments.items() for word in ("--set", f"{name}={value}")]
    command = ("conflicts", "--resolve", str(conflict.pk), choice, *arguments)
    before = contents()
    previewed = document(*command, "--preview")
    assert (previewed["applied"], previewed["state"], contents()) == (False, "open", before)
    if (kind, choice) in READS:
        return
    code, printed = shell(*command, "--comment", "as agreed", "--json")
    applied = json.loads(printed)
    assert (code, applied["applied"], applied["state"]) == (0, True, "decided")
    assert applied["effects"] == previewed["effects"]
    assert applied["run"] is not None
    assert ANSWERS[kind][choice].check(conflict)
    (stored,) = [each for each in document("conflicts", "--state", "decided") if each["id"] == conflict.pk]
    assert (stored["choice"], stored["comment"]) == (choice, "as agreed")
    assert stored["arguments"].items() >= given_arguments.items()
    assert shell(*command)[0] == 1


@EVERY
def test_an_unknown_argument_and_a_missing_one_are_wrong_usage(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    before = contents()
    (answer,) = [each for each in CHOICES[kind] if each.name == choice]
    required = [argument.name for argument in answer.arguments if argument.required]
    code, out = shell("conflicts", "--resolve", str(conflict.pk), choice, "--set", "colour=red")
    assert (code, "colour" in out) == (64, True)
    if required:
        code, out = shell("conflicts", "--resolve", str(conflict.pk), choice)
        assert (code, required[0] in out) == (64, True)
    assert contents() == before


def test_an_unknown_answer_lists_those_that_are_allowed(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    code, out = shell("conflicts", "--resolve", str(conflict.pk), "merge")
    assert code == 64
    assert "keep_mine, keep_mine_always, take_source" in out
    assert shell("conflicts", "--resolve", "999999", "keep_mine")[0] == 64

"""Each answer that can be remembered is used by the next run, and no longer when its rule is switched off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from connectors.records import SourceTeam, entity_type_of
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import Responder, UserGroup
from oncall.operations import create_account, write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, Rule
from syncjobs.planning.decisions.rules import INVITE
from syncjobs.planning.decisions.table import CHOICES
from tests.syncjobs.conflicts.test_kinds import KINDS, arisen, noted
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, policy, schedule, user

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Memory:
    """again: a later cause of a question of the same kind. check: what the rule has made of it.

    is_asked: whether it is asked if the rule is switched off.
    """

    again: Callable[[Sync], None]
    check: Callable[[], bool]
    arguments: Callable[[], Mapping[str, str]] = dict
    before: Callable[[Sync], None] = lambda sync: None


def _account(email: str) -> None:
    create_account(email, "long enough password", by=BY)


def _answer_with_other_domain() -> Mapping[str, str]:
    _account("a.na@new.example")
    return {"to": "a.na@new.example"}


def _newcomer(sync: Sync) -> None:
    people, turns = sync.source.snapshot.users, schedule("S2", "Nights", layer("U9"))
    sync.source.change(users=(*people, user("U9", "Newcomer")), schedules=(*sync.source.snapshot.schedules, turns))


def _has_no_account() -> bool:
    return Responder.objects.get(name="Newcomer").account is None


def _third_row(sync: Sync) -> None:
    question = Conflict.objects.exclude(choice="").get()
    zone = {"time_zone": "UTC"} if question.entity_type == "schedule" else {}
    write(entity_type_of(question.entity_type), [Draft({"name": question.label.upper(), **zone})], by=BY)


def _three_stay() -> bool:
    question = Conflict.objects.get(kind__in=NAMES, state=ConflictState.DECIDED)
    return len(question.evidence["rows"]) == 3 and question.rule is not None


def _second_team(sync: Sync) -> None:
    sync.source.change(teams=(*sync.source.snapshot.teams, SourceTeam("T2", "Ops", description="first")))
    sync.run()


def _edit_second_team(sync: Sync) -> None:
    edit("user_group", UserGroup.objects.get(name="Ops"), description="ours")
    first, second = sync.source.snapshot.teams
    sync.source.change(teams=(first, replace(second, description="theirs")))


def _described(text: str) -> Callable[[], bool]:
    return lambda: UserGroup.objects.get(name="Ops").description == text


def _second_policy(sync: Sync) -> None:
    second = policy("P2", "Other", Target("responder", "U1"))
    sync.source.change(policies=(*sync.source.snapshot.policies, second), notes=(noted(), noted(external_id="P2")))


def _is_acknowledged() -> bool:
    question = Conflict.objects.get(kind="unsupported", external_id="P2")
    return (question.state, question.choice, question.rule is not None) == (ConflictState.DECIDED, "acknowledge", True)


NAMES = ("duplicate_schedule", "duplicate_policy", "team_name_collision")
MEMORIES: Mapping[tuple[str, str], Memory] = {
    ("user_not_found", "map"): Memory(
        lambda sync: _account("bo@new.example"),
        lambda: Responder.objects.get(name="Bo").account is not None,
        _answer_with_other_domain,
    ),
    ("user_not_found", "leave"): Memory(_newcomer, _has_no_account),
    **{(kind, "keep_all"): Memory(_third_row, _three_stay) for kind in NAMES},
    ("both_edited", "keep_mine"): Memory(_edit_second_team, _described("ours"), before=_second_team),
    ("both_edited", "keep_mine_always"): Memory(_edit_second_team, _described("ours"), before=_second_team),
    ("both_edited", "take_source"): Memory(_edit_second_team, _described("theirs"), before=_second_team),
    ("unsupported", "acknowledge"): Memory(_second_policy, _is_acknowledged),
}
#: The rule about invitations needs people with two domains: see ``tests/syncjobs/invitations``.
REMEMBERED = [
    (kind, choice.name)
    for kind in KINDS
    for choice in CHOICES[kind]
    if choice.rule is not None and choice.name != INVITE
]
EVERY = pytest.mark.parametrize(("kind", "choice"), REMEMBERED)


def test_every_answer_that_can_be_remembered_has_an_entry() -> None:
    assert MEMORIES.keys() == set(REMEMBERED)
    assert all(choice.remembered for kind in KINDS for choice in CHOICES[kind] if choice.rule is not None)


def remembered(sync: Sync, kind: str, choice: str) -> Rule:
    question, memory = arisen(sync, kind), MEMORIES[kind, choice]
    decide(question, Decision(choice, memory.arguments(), None, remember=True))
    memory.before(sync)
    return Rule.objects.get()


def waiting(kind: str) -> set[int]:
    return set(Conflict.objects.filter(kind=kind, state=ConflictState.OPEN).values_list("pk", flat=True))


@EVERY
def test_the_next_run_uses_it(sync: Sync, kind: str, choice: str) -> None:
    rule = remembered(sync, kind, choice)
    sync.run()
    before = waiting(kind)
    MEMORIES[kind, choice].again(sync)
    run = sync.run()
    assert MEMORIES[kind, choice].check()
    assert waiting(kind) <= before
    if kind == "both_edited":
        assert [item.reason for item in run.items.all()] == [f"by {rule.in_words}"]
    rows = contents()
    assert sync.run().items.count() == 0
    assert contents() == rows


@EVERY
def test_a_rule_that_is_switched_off_is_not_used(sync: Sync, kind: str, choice: str) -> None:
    rule = remembered(sync, kind, choice)
    Rule.objects.filter(pk=rule.pk).update(active=False)
    sync.run()
    before = waiting(kind)
    MEMORIES[kind, choice].again(sync)
    sync.run()
    if (kind, choice) == ("user_not_found", "map"):
        assert Responder.objects.get(name="Bo").account is None
    else:
        assert len(waiting(kind) - before) == 1

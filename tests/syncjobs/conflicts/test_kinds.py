"""What is true of every kind of question: its evidence, its words, a second sync, and when it closes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.records import ENTITY_TYPES, Completeness, SourceTeam
from oncall.aggregates import Draft
from oncall.models import EscalationPolicy, Responder, Schedule, Service, UserGroup
from oncall.operations import create_account, delete, link_account, write
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.evidence import sides_of
from syncjobs.models import Conflict, ConflictKind, ConflictState, RunState
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule, user, world
from tests.syncjobs.runs.test_counts import written_tables

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Kind:
    """How a question of a kind arises, and how its cause goes away. Each is followed by a sync."""

    arise: Callable[[Sync], None]
    cease: Callable[[Sync], None]


def _two_addresses(sync: Sync) -> None:
    sync.source.change(users=(*world().users, user("U4", "Dee", email="ANA@example.com")))


def _one_address(sync: Sync) -> None:
    sync.source.change(users=(*world().users, user("U4", "Dee")))


def _edit_both(sync: Sync) -> None:
    sync.run()
    edit("user_group", UserGroup.objects.get(), description="ours")
    sync.source.change(teams=(SourceTeam("T1", "Platform", description="theirs", members=world().teams[0].members),))


def _delete_here(sync: Sync) -> None:
    sync.rules(strategy="source")
    sync.run()
    delete("service", [Service.objects.get().pk], by=BY)


def _local(kind: Any, **fields: Any) -> Callable[[Sync], None]:
    def arise(sync: Sync) -> None:
        write(kind, [Draft(fields)], by=BY)

    return arise


def _renamed(model: Any, kind: Any) -> Callable[[Sync], None]:
    return lambda sync: edit(kind, model.objects.get(origin_label=""), name="Ours")


def _give_accounts(sync: Sync) -> None:
    for row in Responder.objects.all():
        link_account(row.pk, create_account(row.email, "long enough password", by=BY).pk, by=BY)


KINDS: Mapping[str, Kind] = {
    "user_not_found": Kind(lambda sync: None, _give_accounts),
    "ambiguous": Kind(_two_addresses, _one_address),
    "duplicate_schedule": Kind(_local("schedule", name="PRIMARY", time_zone="UTC"), _renamed(Schedule, "schedule")),
    "duplicate_policy": Kind(
        _local("escalation_policy", name="default"), _renamed(EscalationPolicy, "escalation_policy")
    ),
    "team_name_collision": Kind(_local("user_group", name="platform"), _renamed(UserGroup, "user_group")),
    "timezone_mismatch": Kind(
        lambda sync: sync.source.change(schedules=(schedule("S1", "Primary", layer("U1"), zone="CST"),)),
        lambda sync: sync.source.change(schedules=(schedule("S1", "Primary", layer("U1")),)),
    ),
    "both_edited": Kind(_edit_both, lambda sync: edit("user_group", UserGroup.objects.get(), description="theirs")),
    "deleted_here": Kind(_delete_here, lambda sync: sync.rules(strategy="ask")),
}
EVERY = pytest.mark.parametrize("kind", ConflictKind.values)


def arisen(sync: Sync, kind: str) -> Conflict:
    """Return the question of this kind, after a sync; of several, the first."""
    assert kind in KINDS, f"{kind} has no entry here"
    KINDS[kind].arise(sync)
    sync.run()
    return Conflict.objects.filter(kind=kind, state=ConflictState.OPEN).order_by("id")[0]


def leaves(value: Any) -> Iterator[Any]:
    """Yield the values inside a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from leaves(each)
    else:
        yield value


@EVERY
def test_evidence_has_keys_ids_and_values_and_no_sentence(sync: Sync, kind: str) -> None:
    evidence = arisen(sync, kind).evidence
    texts = [leaf for leaf in leaves(evidence) if isinstance(leaf, str)]
    assert evidence
    assert [text for text in texts if " " in text] == []
    assert not {"Ana", "Primary", "Platform", "Default"}.intersection(texts)


@EVERY
def test_evidence_is_shown_in_words(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    sides = sides_of(conflict, with_addresses=True)
    assert sides
    assert all(side.here or side.there for side in sides)
    with CaptureQueriesContext(database) as queries:
        sides_of(conflict, with_addresses=True)
    assert len(queries) <= 5


@EVERY
def test_an_unchanged_second_sync_leaves_the_question_and_writes_nothing(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    before = contents()
    for _ in range(2):
        with CaptureQueriesContext(database) as queries:
            run = sync.run()
        assert contents() == before
        assert "syncjobs_conflict" not in written_tables(queries)
        assert (run.state, run.items.count()) == (RunState.SUCCEEDED, 0)
        assert sum(counts.get("written", 0) for counts in run.counts.values()) == 0
    assert sync.plan().state == RunState.SUCCEEDED  # nothing waits for review
    assert Conflict.objects.filter(kind=kind, state=ConflictState.OPEN, pk=conflict.pk).exists()


@EVERY
def test_it_closes_only_when_its_cause_is_gone(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    known = sync.source.snapshot
    unknown = dict.fromkeys(ENTITY_TYPES, Completeness(False, "a page is missing"))
    sync.source.change(users=(), teams=(), schedules=(), policies=(), services=(), completeness=unknown)
    sync.run()
    sync.source.snapshot = known
    sync.run(only=[("responder", "U3")])
    assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.OPEN
    KINDS[kind].cease(sync)
    sync.run()
    closed = Conflict.objects.get(pk=conflict.pk)
    assert (closed.state, closed.closed_at is not None) == (ConflictState.CLOSED, True)
    assert not Conflict.objects.filter(kind=kind, state=ConflictState.OPEN).exists()


@EVERY
def test_it_says_which_groups_it_concerns_and_what_it_holds_up(sync: Sync, kind: str) -> None:
    conflict = arisen(sync, kind)
    concern = concerns([conflict], timezone.now())[conflict.pk]
    expected: dict[str, tuple[set[str], set[str]]] = {
        "user_not_found": ({"Platform"}, {"schedule Primary"}),
        "ambiguous": ({"Platform"}, {"schedule Primary"}),
        "duplicate_schedule": (set(), {"schedule Primary", "schedule PRIMARY", "escalation policy Default"}),
        "duplicate_policy": ({"Platform"}, {"escalation policy Default", "escalation policy default"}),
        "team_name_collision": ({"Platform", "platform"}, {"escalation policy Default"}),
        "timezone_mismatch": (set(), {"schedule Primary", "escalation policy Default"}),
        "both_edited": ({"Platform"}, {"escalation policy Default"}),
        "deleted_here": ({"Platform"}, set()),
    }
    groups, held = expected[kind]
    assert set(concern.groups) == groups
    assert {text.partition(":")[0] for text in concern.holds_up} == held

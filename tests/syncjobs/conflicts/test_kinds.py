"""What is true of every kind of question: its evidence, its words, a second sync, and when it closes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.records import ENTITY_TYPES, Account, Completeness, EntityKey, Found, MappingNote, SourceTeam
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import EscalationPolicy, Responder, Schedule, Service, UserGroup
from oncall.operations import create_account, delete, link_account, write
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.evidence import sides_of
from syncjobs.models import Conflict, ConflictKind, ConflictState, ExternalLink, RunState
from syncjobs.planning.canonical import digest
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, policy, schedule, user, world
from tests.syncjobs.runs.test_counts import written_tables

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Kind:
    """How a question of a kind arises, and how its cause goes away. Each is followed by a sync.

    run_state: that of each sync while the cause exists.
    """

    arise: Callable[[Sync], None]
    cease: Callable[[Sync], None]
    run_state: RunState = RunState.SUCCEEDED


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


def noted(code: str = "unknown_target", external_id: str = "P1") -> MappingNote:
    return MappingNote("escalation_policy", external_id, code, "Level 1 pages a robot, which is unknown.")


def made(sync: Sync, kind: str, entity_type: str, external_id: str, label: str, evidence: Any) -> None:
    """Store a question whose cause no plan looks for."""
    found = ExternalLink.objects.filter(
        connection=sync.connection, entity_type=entity_type, external_id=external_id
    ).first()
    Conflict.objects.create(
        connection=sync.connection,
        link=found,
        kind=kind,
        subject_key=f"{entity_type}:{sync.connection.pk}:{external_id}",
        entity_type=entity_type,
        external_id=external_id,
        label=label,
        evidence=evidence,
        evidence_hash=digest(evidence),
        opened_at=timezone.now(),
    )


def missing(sync: Sync, key: EntityKey, answer: Found = "not_found", **parts: Any) -> None:
    """Let the source lose an object, and sync once. The next sync is two hours later. parts: what is listed then."""
    sync.source.change(**parts)
    sync.source.answers[key] = answer
    sync.run()
    sync.source.change(fetched_at=sync.source.snapshot.fetched_at + 7_200)


def _gone(sync: Sync) -> None:
    sync.run()
    edit("schedule", Schedule.objects.get(), description="ours")
    missing(sync, ("schedule", "S1"), schedules=())


def _not_visible(sync: Sync) -> None:
    sync.run()
    missing(sync, ("user_group", "T1"), "not_visible", teams=())


def _recreated(sync: Sync) -> None:
    sync.run()
    edit("schedule", Schedule.objects.get(), description="ours")
    again = schedule("S9", "Primary", layer("U1", "U3"))
    sync.source.change(
        schedules=(again,),
        policies=(policy("P1", "Default", Target("schedule", "S9"), Target("responder", "U3"), group_id="T1"),),
    )
    sync.run()


def _old_again(sync: Sync) -> None:
    sync.source.change(schedules=(*world().schedules, *sync.source.snapshot.schedules))


def _inactive(sync: Sync) -> None:
    sync.source.change(users=(user("U1", "Ana"), user("U2", "Bo", state="inactive"), user("U3", "Cy")))
    sync.run()


def _other_account(sync: Sync) -> None:
    sync.run()
    sync.source.change(account=Account("other", "other.pagerduty.com", "us"))


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
    "unsupported": Kind(
        lambda sync: sync.source.change(notes=(noted(),)), lambda sync: sync.source.change(notes=(noted("no_rules"),))
    ),
    "gone": Kind(_gone, lambda sync: sync.source.change(schedules=world().schedules)),
    "not_visible": Kind(_not_visible, lambda sync: sync.source.change(teams=world().teams)),
    "recreated": Kind(_recreated, _old_again),
    "inactive_scheduled": Kind(_inactive, lambda sync: sync.source.change(users=world().users)),
    "account_changed": Kind(
        _other_account, lambda sync: sync.source.change(account=world().account), run_state=RunState.HELD
    ),
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
        assert (run.state, run.items.count()) == (KINDS[kind].run_state, 0)
        assert sum(counts.get("written", 0) for counts in run.counts.values()) == 0
    assert sync.plan().state == KINDS[kind].run_state  # nothing waits for review
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
    numbered = {f"schedule Primary (acme) #{row_id}" for row_id in concern.rows.values()}
    expected: dict[str, tuple[set[str], set[str]]] = {
        "user_not_found": ({"Platform"}, {"schedule Primary"}),
        "ambiguous": ({"Platform"}, {"schedule Primary"}),
        "duplicate_schedule": (set(), {"schedule Primary (acme)", "schedule PRIMARY", "escalation policy Default"}),
        "duplicate_policy": ({"Platform"}, {"escalation policy Default (acme)", "escalation policy default"}),
        "team_name_collision": ({"Platform (acme)", "platform"}, {"escalation policy Default"}),
        "timezone_mismatch": (set(), {"schedule Primary", "escalation policy Default"}),
        "both_edited": ({"Platform"}, {"escalation policy Default"}),
        "deleted_here": ({"Platform"}, set()),
        "unsupported": ({"Platform"}, {"escalation policy Default"}),
        "gone": (set(), {"schedule Primary", "escalation policy Default"}),
        "not_visible": ({"Platform"}, {"escalation policy Default"}),
        "recreated": (set(), {*numbered, "escalation policy Default"}),
        "inactive_scheduled": ({"Platform"}, {"schedule Primary"}),
        "account_changed": (set(), {"every sync of acme"}),
    }
    groups, held = expected[kind]
    assert set(concern.groups) == groups
    assert {text.partition(":")[0] for text in concern.holds_up} == held

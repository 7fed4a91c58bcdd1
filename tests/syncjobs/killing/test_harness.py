"""The harness finds what it is made for: each check fails when its promise is broken on purpose."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from django.db import OperationalError, connection, transaction

from oncall.models import ChangeRecord, Override, Reference, Responder, Service, UserGroup
from syncjobs.models import ExternalLink, RunState, SyncRun
from syncjobs.runs.claim import Claim
from tests.killing.cases import Scene, intervention
from tests.killing.elsewhere import Elsewhere
from tests.killing.failpoints import Failpoints, Fault, Killed
from tests.killing.faults import Kill, KillAfter, Lose, Refuse, Unknown
from tests.killing.soundness import assert_sound
from tests.killing.stored_rows import digest_of, read_rows, restore_rows

pytestmark = pytest.mark.django_db(transaction=True)


def block() -> None:
    """Two groups in one transaction, one in the next, and one outside."""
    with transaction.atomic():
        UserGroup.objects.create(name="One")
        with transaction.atomic():
            UserGroup.objects.create(name="Two")
    with transaction.atomic():
        UserGroup.objects.create(name="Three")
    UserGroup.objects.create(name="Four")


def groups() -> str:
    return " ".join(UserGroup.objects.order_by("pk").values_list("name", flat=True))


def test_a_block_has_a_point_for_each_statement_and_each_commit(transactional_db: None) -> None:
    with Failpoints() as points:
        block()
    insert = ("INSERT", "oncall_usergroup")
    assert [(p.verb, p.table) for p in points.passed] == [
        insert,
        insert,
        ("COMMIT", ""),
        insert,
        ("COMMIT", ""),
        insert,
    ]
    assert [p.durable for p in points.passed] == [False, False, True, False, True, True]
    assert points.rows == {"oncall_usergroup": 4}


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Kill(1), ""),
        (Kill(2), ""),
        (Kill(3), ""),
        (KillAfter(3), "One Two"),
        (Kill(4), "One Two"),
        (Kill(6), "One Two Three"),
        (KillAfter(6), "One Two Three Four"),
        (Kill(7), "One Two Three Four"),
    ],
)
def test_a_killed_block_leaves_what_was_committed(transactional_db: None, fault: Fault, left: str) -> None:
    stopped = False
    with Failpoints(fault):
        try:
            block()
        except Killed:
            stopped = True
            with pytest.raises((Killed, OperationalError)):
                UserGroup.objects.create(name="After death")
    assert stopped == (left != "One Two Three Four" or isinstance(fault, KillAfter))
    assert groups() == left


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Lose(2), ""),
        (Lose(3), ""),
        (Unknown(3), "One Two"),
        (Refuse(2), ""),
        (Refuse(3), ""),
        (Unknown(6), "One Two Three Four"),
    ],
)
def test_a_failing_database_raises_an_error_and_can_be_used_again(
    transactional_db: None, fault: Fault, left: str
) -> None:
    with Failpoints(fault), pytest.raises(OperationalError):
        block()
    assert not connection.in_atomic_block
    assert groups() == left


def test_restored_rows_are_equal_and_the_next_primary_key_too(transactional_db: None) -> None:
    block()
    before = read_rows()
    keys = []
    for _ in range(2):
        keys.append(UserGroup.objects.create(name="More").pk)
        UserGroup.objects.filter(name="One").delete()
        restore_rows(before)
        assert read_rows() == before
    assert len(set(keys)) == 1


def test_a_run_has_the_same_points_each_time(scene: Scene) -> None:
    for phase in scene.phases.values():
        assert scene.disturb(phase, Fault()).passed == phase.points


def _last_run() -> int:
    return SyncRun.objects.latest("pk").pk


def _repeat_a_record() -> None:
    record = ChangeRecord.objects.get(model="service", label="Checkout")
    record.pk = None
    record.save()


#: A break of each promise, and the words by which it is reported.
BREAKS: Final[Mapping[str, tuple[Callable[[], object], str]]] = {
    "empty reference": (lambda: Service.objects.filter(name="Checkout").update(group=None), "references: Service"),
    "wrong reference": (
        lambda: Reference.objects.filter(key__endswith=":U1").update(responder=Responder.objects.get(name="Eve")),
        "references: Reference",
    ),
    "doubled person": (
        lambda: Responder.objects.filter(name="Eve").update(email_canonical="ana@example.com"),
        "doubled: 2 people",
    ),
    "row without a link": (lambda: UserGroup.objects.create(name="Nobody's"), "has no link"),
    "repeated record": (_repeat_a_record, "records: 2 change records of service"),
    "active run": (lambda: SyncRun.objects.filter(pk=_last_run()).update(state=RunState.RUNNING), "active: Run"),
    "other content": (
        lambda: Override.objects.filter(by_key__endswith=":U4").delete(),
        r"content: schedule \d+:S1 has other elements",
    ),
    "work left": (lambda: ExternalLink.objects.filter(external_id="P2").update(source_hash=""), "second sync: another"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_promise_is_found(scene: Scene, name: str) -> None:
    phase = scene.phases["import that matches"]
    scene.disturb(phase, Fault())
    for sync in scene.world.both:
        sync.run()
    assert_sound(scene.world.both, phase.expected)
    damage, words = BREAKS[name]
    damage()
    with pytest.raises(AssertionError, match=words):
        assert_sound(scene.world.both, phase.expected)


def test_a_run_that_writes_without_its_fence_is_found(
    scene: Scene, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = scene.phases["approved plan"]
    write = Claim.write
    monkeypatch.setattr(Claim, "write", lambda claim, **columns: write(claim, **columns) or True)
    at = next(point for point in phase.points if point.verb == "INSERT" and point.table == "oncall_responder")
    text = scene.fault_of(phase, intervention("cancelled", at.number, phase, elsewhere))
    assert "the stopped run wrote" in text
    assert "oncall_schedule" in text


def test_runs_that_are_killed_at_one_statement_leave_rows_with_one_hash(scene: Scene) -> None:
    """Otherwise each future is judged again, and all statements take hours."""
    phase = scene.phases["first import"]
    found = []
    for _ in range(2):
        scene.disturb(phase, Kill(phase.points[-1].number))
        found.append(digest_of(read_rows()))
    assert found[0] == found[1]
    assert found[0] != digest_of(phase.rows)

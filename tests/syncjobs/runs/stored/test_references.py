"""References are complete after every run, whatever stopped an earlier one."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.records import SourceMember, SourceService, SourceTeam
from oncall.aggregates import Draft, ElementChanges
from oncall.escalation.policy import Target
from oncall.models import EscalationPolicy, GroupMember, Reference, Responder, Schedule, Service, UserGroup
from oncall.operations import merge, write
from syncjobs.models import ExternalLink, RunState, SyncRun
from syncjobs.runs.apply import Application
from syncjobs.runs.start import cancel
from syncjobs.runs.stored import references
from syncjobs.runs.stored.references import known_rows, repair_references
from syncjobs.tasks import tick
from tests.syncjobs.conftest import BY, Sync, contents, layer, policy, schedule, world

pytestmark = pytest.mark.django_db


def open_references() -> dict[str, int]:
    """The references of the world's objects that have no row."""
    return {
        "members": GroupMember.objects.filter(responder=None).count(),
        "slots": Reference.objects.filter(kind="responder", responder=None).count(),
        "targets": Reference.objects.filter(kind="schedule", schedule=None).count(),
        "groups": EscalationPolicy.objects.filter(group=None).exclude(group_key="").count()
        + Service.objects.filter(group=None).exclude(group_key="").count(),
        "policies": Service.objects.filter(policy=None).exclude(policy_key="").count(),
    }


COMPLETE = {"members": 0, "slots": 0, "targets": 0, "groups": 0, "policies": 0}


def without(*kinds: str) -> dict[str, tuple[()]]:
    return dict.fromkeys(kinds, ())


def lose_foreign_keys() -> None:
    """As a run of an earlier release left them that was stopped between two kinds."""
    GroupMember.objects.update(responder=None)
    Reference.objects.update(responder=None, schedule=None)
    EscalationPolicy.objects.update(group=None)
    Service.objects.update(group=None, policy=None)


@pytest.fixture
def stopped_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bool], None]:
    """``stopped_after(kind, killed)``: the next run is stopped when it has written its first batch of this kind."""

    def arrange(wanted: str, killed: bool) -> None:
        batch = Application._batch

        def stopping(self: Application, kind: Any, items: Any) -> Any:
            results = batch(self, kind, items)
            if kind == wanted:
                monkeypatch.setattr(Application, "_batch", batch)
                if killed:
                    raise KeyboardInterrupt
                cancel(SyncRun.objects.latest("pk"))
            return results

        monkeypatch.setattr(Application, "_batch", stopping)

    return arrange


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("kind", ["responder", "user_group", "schedule"])
def test_a_run_stopped_between_kinds_leaves_no_reference_to_a_row_of_its_own_open(
    sync: Sync, stopped_after: Callable[[str, bool], None], kind: str, killed: bool
) -> None:
    source = world()
    sync.source.change(**without("users", "teams", "schedules", "policies"))
    sync.run()
    sync.source.change(policies=source.policies)
    sync.run()
    assert open_references() == COMPLETE | {"slots": 1, "targets": 1, "groups": 2}
    sync.source.snapshot = source
    stopped_after(kind, killed)
    with pytest.raises(KeyboardInterrupt) if killed else nullcontext():
        sync.run()
    run = SyncRun.objects.latest("pk")
    assert run.state == (RunState.FAILED if killed else RunState.CANCELLED)
    groups, targets = {"responder": (2, 1), "user_group": (0, 1), "schedule": (0, 0)}[kind]
    assert open_references() == COMPLETE | {"groups": groups, "targets": targets}
    assert sync.run().state == RunState.SUCCEEDED
    assert open_references() == COMPLETE


def test_the_tick_completes_what_a_cancelled_run_left(sync: Sync) -> None:
    sync.run()
    lose_foreign_keys()
    assert open_references() == {"members": 2, "slots": 4, "targets": 1, "groups": 2, "policies": 1}
    versions = [*Schedule.objects.values_list("version"), *EscalationPolicy.objects.values_list("version")]
    tick()
    assert open_references() == COMPLETE
    assert [*Schedule.objects.values_list("version"), *EscalationPolicy.objects.values_list("version")] == versions
    assert repair_references() == 0


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_that_wrote_or_did_not_succeed_completes_the_references(sync: Sync, stopped: bool) -> None:
    sync.run()
    lose_foreign_keys()
    if stopped:
        sync.source.error = ZeroDivisionError()
        assert sync.run().state == RunState.FAILED
    else:
        sync.source.change(services=(SourceService("V1", "Till", policy_id="P1", group_id="T1"),))
        assert sync.run().state == RunState.SUCCEEDED
    assert open_references() == COMPLETE


def test_a_run_that_finds_nothing_to_do_makes_no_statement_for_references(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.run()
    monkeypatch.setattr(references, "fill_references", None)  # calling it would fail
    assert sync.run().state == RunState.SUCCEEDED
    assert sync.plan().state == RunState.SUCCEEDED


def test_a_repair_of_complete_references_takes_two_statements(sync: Sync) -> None:
    sync.run()
    before = contents()
    with CaptureQueriesContext(connection) as queries:
        assert repair_references() == 0
    assert [query["sql"][:6] for query in queries if "SAVEPOINT" not in query["sql"]] in (
        ["SELECT"] * 2,
        ["(SELEC"] * 2,
    )
    assert contents() == before


def test_a_group_that_enters_the_selection_later_gets_its_policies(sync: Sync) -> None:
    teams = sync.source.snapshot.teams
    sync.source.change(teams=())
    sync.run()
    policies = EscalationPolicy.objects.all()
    versions = list(policies.values_list("version"))
    assert not policies.filter(group__isnull=False).exists()
    sync.source.change(teams=teams)
    sync.run()
    assert policies.get().group == Service.objects.get().group == UserGroup.objects.get()
    assert list(policies.values_list("version")) == versions


def test_a_key_that_an_operation_stores_is_resolved_by_the_tick(sync: Sync) -> None:
    sync.run()
    key = f"{sync.connection.pk}:U3"
    group = UserGroup.objects.get()
    put = {"local:+": {"person_key": key, "role": ""}}
    write("user_group", [Draft({}, {"members": ElementChanges(put)}, id=group.pk, version=group.version)], by=BY)
    tick()
    assert GroupMember.objects.get(person_key=key).responder == Responder.objects.get(name="Cy")


def test_keys_of_a_merged_person_are_those_of_the_person_it_became(sync: Sync) -> None:
    """The link still points to the loser, as after a merge that a run did not see."""
    sync.run()
    ana, cy = Responder.objects.get(name="Ana"), Responder.objects.get(name="Cy")
    merge("responder", cy.pk, ana.pk, BY)
    key = f"{sync.connection.pk}:U3"
    assert ExternalLink.objects.get(key=key).row_id == cy.pk
    assert known_rows(sync.connection.pk)["responder", key] == ana.pk
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U3")),),
        policies=(policy("P1", "Default", Target("responder", "U3"), group_id="T1"),),
        teams=(SourceTeam("T1", "Platform", members=(SourceMember("U3", "manager"),)),),
    )
    sync.run()
    assert set(Reference.objects.filter(key=key).values_list("responder", flat=True)) == {ana.pk}
    assert GroupMember.objects.get(person_key=key).responder == ana
    lose_foreign_keys()
    tick()
    assert set(Reference.objects.filter(key=key).values_list("responder", flat=True)) == {ana.pk}
    assert open_references() == COMPLETE

"""Questions that were stored by an earlier release, and plans that open questions and change nothing else."""

from importlib import import_module

import pytest
from django.apps import apps

from connectors.records import SourceTeam
from oncall.aggregates import Draft
from oncall.models import Responder, Schedule, UserGroup
from oncall.operations import write
from syncjobs.management.shell import DONE, WAITING, exit_code
from syncjobs.models import Conflict, ConflictState, ExternalLink, Outcome, RunState
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule, user, world

pytestmark = pytest.mark.django_db
OLD_PAIR = {"name": "Platform", "other": "platform", "other row": "local:1", "from": ""}


def test_a_plan_that_only_opens_a_question_has_nothing_to_apply(sync: Sync) -> None:
    sync.run()
    edit("user_group", UserGroup.objects.get(), description="ours")
    sync.source.change(teams=(SourceTeam("T1", "Platform", description="theirs", members=world().teams[0].members),))
    run = sync.plan()
    item = run.items.get()
    assert (run.state, item.action, item.outcome) == (RunState.SUCCEEDED, "conflict", Outcome.SKIPPED)
    assert (run.counts["user_group"].get("written", 0), run.counts["user_group"]["conflict"]) == (0, 1)
    assert (exit_code(run, questions=False), exit_code(run)) == (DONE, WAITING)
    assert ExternalLink.objects.get(external_id="T1").source_hash == item.source_hash  # it is not compared again
    again = sync.plan()
    assert (again.items.count(), exit_code(again)) == (0, DONE)
    sync.source.change(teams=(SourceTeam("T1", "Platform", description="other", members=world().teams[0].members),))
    assert sync.plan().items.get().action == "conflict"  # the evidence changed
    assert Conflict.objects.get(kind="both_edited").evidence["description"]["source"] == "other"


def test_a_question_beside_a_change_waits_with_it(sync: Sync) -> None:
    sync.run()
    edit("user_group", UserGroup.objects.get(), description="ours")
    theirs = SourceTeam("T1", "Crew", description="theirs", members=world().teams[0].members)
    sync.source.change(teams=(theirs,))
    run = sync.plan()
    assert (run.state, run.items.get().action) == (RunState.AWAITING_REVIEW, "update")
    sync.apply(run)
    assert sync.run().items.count() == 0
    assert Conflict.objects.get(kind="both_edited").state == ConflictState.OPEN


def test_an_address_that_was_corrected_here_or_there_is_no_longer_ambiguous(sync: Sync) -> None:
    twin = user("U4", "Dee", email="ana@example.com")
    sync.source.change(users=(*world().users, twin))
    for _ in range(3):
        sync.run()
        assert Conflict.objects.get(kind="ambiguous").state == ConflictState.OPEN
    edit("responder", Responder.objects.get(name="Dee"), email="dee@example.com")
    sync.run()
    assert Conflict.objects.get(kind="ambiguous").state == ConflictState.CLOSED


def test_an_address_stays_ambiguous_when_one_of_its_people_is_no_longer_reported(sync: Sync) -> None:
    sync.source.change(users=(*world().users, user("U4", "Dee", email="ana@example.com")))
    sync.run()
    before = Conflict.objects.get(kind="ambiguous")
    sync.source.change(users=world().users)
    sync.run()
    after = Conflict.objects.get(kind="ambiguous")
    assert (after.state, after.evidence) == (ConflictState.OPEN, before.evidence)


def _conflict(sync: Sync, kind: str, subject: str, external_id: str, **columns: object) -> Conflict:
    defaults = {"connection": sync.connection, "entity_type": "responder", "label": "x", "evidence_hash": "old"}
    return Conflict.objects.create(
        kind=kind,
        subject_key=subject,
        external_id=external_id,
        opened_at="2026-01-01T00:00:00Z",
        **{**defaults, **columns},
    )


def test_questions_of_an_earlier_release_are_converted(sync: Sync) -> None:
    write("user_group", [Draft({"name": "platform"})], by=BY)
    sync.source.change(
        users=(*world().users, user("U4", "Dee", email="ana@example.com")),
        schedules=(*world().schedules, schedule("S2", "Night", layer("U1"), zone="CST")),
    )
    sync.run()
    edit("schedule", Schedule.objects.get(name="Primary"), name="Ours", time_zone="Europe/Berlin")
    Conflict.objects.all().delete()
    own = sync.connection.pk
    sides = {"here": "Ours", "at the source": "Primary"}
    zones = {"here": "Europe/Berlin", "at the source": "Europe/Paris"}
    kept = [
        _conflict(sync, "user_not_found", f"{own}:U2", "U2", evidence={
            "email": "bo@example.com", "why": "no account has this e-mail address"}),
        _conflict(sync, "ambiguous", "ana@example.com", "U1", evidence={
            "email": "ana@example.com", "at the source": ["Ana (U1)"], "here": []}),
        _conflict(sync, "timezone_mismatch", f"{own}:S2", "S2", entity_type="schedule", evidence={
            "raw": "CST", "candidates": ["America/Chicago"], "note": "CST is an abbreviation"}),
        _conflict(sync, "both_edited", f"schedule:{own}:S1", "S1", entity_type="schedule", paths=["name"],
            evidence={"name": sides}),
    ]  # fmt: skip
    pairs = [
        _conflict(sync, "team_name_collision", subject, "T1", entity_type="user_group", evidence=OLD_PAIR)
        for subject in ("1:T1|local:1", "1:T1|local:2")
    ]
    zone = _conflict(
        sync, "timezone_mismatch", f"schedule:{own}:S1:time_zone", "S1",
        entity_type="schedule", paths=["time_zone"], evidence={"time_zone": zones},
    )  # fmt: skip
    import_module("syncjobs.migrations.0009_evidence_by_key").convert(apps, None)
    for each in (*pairs, zone):
        each.refresh_from_db()
        assert (each.state, each.closed_at is not None) == (ConflictState.CLOSED, True)
    both = Conflict.objects.get(pk=kept[3].pk)
    assert both.evidence == {
        "name": {"here": "Ours", "source": "Primary"},
        "time_zone": {"here": "Europe/Berlin", "source": "Europe/Paris"},
    }
    sync.source.change(
        schedules=(
            schedule("S1", "Theirs", layer("U1", "U2", "U1"), zone="Europe/Rome"),
            schedule("S2", "Night", layer("U1"), zone="CST"),
        )
    )
    sync.run()
    still_open = Conflict.objects.filter(state=ConflictState.OPEN)
    assert {each.pk for each in kept} < set(still_open.values_list("pk", flat=True))
    assert not still_open.filter(evidence_hash__in=["", "old"]).exists()
    assert still_open.get(kind="ambiguous").evidence["people"] == [f"{own}:U1", f"{own}:U4"]
    assert still_open.get(kind="timezone_mismatch").evidence["rule"] == "abbreviation"
    assert still_open.get(kind="user_not_found", external_id="U2").evidence["why"] == "no_account"
    assert still_open.get(kind="team_name_collision").connection is None
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before

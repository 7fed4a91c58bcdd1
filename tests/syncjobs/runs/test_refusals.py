"""What the writer would refuse fails when it is planned. Names and ids are stored completely."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.records import FailedEntity, SourceContactMethod, SourceMember, SourceService, SourceTeam
from oncall.aggregates import Draft
from oncall.escalation.policy import Target
from oncall.models import ChangeRecord, Responder, Schedule, UserGroup
from oncall.operations import write
from oncall.rendering.spec import Override as SourceOverride
from oncall.rendering.spec import person
from syncjobs.models import Conflict, ConflictState, ExternalLink, RunState
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, policy, schedule, user, world

pytestmark = pytest.mark.django_db


def refused_by_the_writer() -> list[Any]:
    """Return sources that the writer refuses, each with the id of the object and the start of the reason."""
    long_method = SourceContactMethod("C1", "email", "a" * 513, "Work", True)
    no_target = Target("responder", "U" * 600)
    return [
        ({"users": (user("U9", "N" * 513),)}, "U9", "name: Ensure this value has at most 512 characters"),
        ({"users": (user("U9", "Eve", title="T" * 501),)}, "U9", "title: Ensure this value has at most 500"),
        (
            {"users": (user("U9", "Eve", contact_methods=(long_method,)),)},
            "U9",
            "contact_methods.1:U9:C1.address: Ensure this value has at most 512 characters (it has 513)",
        ),
        ({"teams": (SourceTeam("T9", "  "),)}, "T9", "name: is empty. It was not written. Correct it at the source."),
        (
            {"teams": (SourceTeam("T9", "Ops", members=(SourceMember("U1", "r" * 256),)),)},
            "T9",
            "members.1:T9:U1.role: Ensure this value has at most 255",
        ),
        (
            {"schedules": (schedule("S9", "Day", layer("U1"), overrides=(SourceOverride("O", 5, 5, person("U1")),)),)},
            "S9",
            "overrides.1:S9:O.ends_at: 1970-01-01T00:00:05Z is not after",
        ),
        ({"policies": (policy("P9", "Odd", no_target),)}, "P9", "levels: a key has more than 600 characters"),
        ({"services": (SourceService("V9", ""),)}, "V9", "name: This field cannot be blank"),
    ]


@pytest.mark.parametrize("number", range(len(refused_by_the_writer())))
def test_what_the_writer_refuses_fails_once_when_it_is_planned(sync: Sync, number: int) -> None:
    source, external_id, reason = refused_by_the_writer()[number]
    ((name, added),) = source.items()
    sync.source.change(**{name: (*getattr(world(), name), *added)})
    plan = sync.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    failed = plan.items.get(outcome="failed")
    assert (failed.action, failed.external_id) == ("failed", external_id)
    assert failed.reason.startswith(reason.replace("1:", f"{sync.connection.pk}:", 1))
    assert failed.reason.endswith("It was not written. Correct it at the source.")
    assert failed.label
    applied = sync.apply(plan)
    assert applied.state == RunState.PARTIAL
    assert {item.outcome for item in applied.items.exclude(pk=failed.pk)} == {"applied"}
    assert sum(counts.get("failed", 0) for counts in applied.counts.values()) == 1
    before = contents()
    again = sync.run()
    assert [(item.external_id, item.action) for item in again.items.all()] == [(external_id, "failed")]
    assert contents() == before


def test_an_update_that_the_writer_refuses_changes_nothing_of_its_object_and_keeps_its_questions(sync: Sync) -> None:
    sync.run()
    edit("schedule", Schedule.objects.get(), description="Ours")
    bad = schedule("S1", "  ", layer("U1"), description="Theirs")
    sync.source.change(schedules=(bad,))
    sync.run()
    question = Conflict.objects.get(kind="both_edited")
    before = contents()
    run = sync.run()
    assert [(item.action, item.reason.split(". ")[0], item.label) for item in run.items.all()] == [
        ("failed", "name: is empty", "Primary")
    ]
    assert contents() == before
    question.refresh_from_db()
    assert question.state == ConflictState.OPEN
    sync.source.change(schedules=(replace(bad, name="Nights"),))
    assert sync.run().items.get().outcome == "applied"
    assert Schedule.objects.get().name == "Nights"


def test_a_person_who_cannot_be_written_is_not_asked_for_and_the_person_here_stays(sync: Sync) -> None:
    here = write("responder", [Draft({"name": "Ana", "email": "ana@example.com"})], by=BY)[0]
    too_long = SourceContactMethod("C1", "email", "a" * 513, "Work", True)
    sync.source.change(users=(user("U1", "Ana", contact_methods=(too_long,)), *world().users[1:]))
    run = sync.run()
    assert run.items.get(external_id="U1").action == "failed"
    assert not ExternalLink.objects.filter(external_id="U1").exists()
    assert Responder.objects.get(pk=here.id).version == here.version
    assert set(Conflict.objects.filter(kind="user_not_found").values_list("label", flat=True)) == {"Bo", "Cy"}


def test_a_name_of_512_characters_is_kept_everywhere(sync: Sync) -> None:
    name = "N" * 512
    sync.source.change(teams=(SourceTeam("T1", name), SourceTeam("T2", name.lower())))
    run = sync.run()
    assert UserGroup.objects.get(links__external_id="T1").name == name
    assert run.items.get(external_id="T1").label == name
    assert ExternalLink.objects.get(external_id="T1").source_label == name
    assert Conflict.objects.get(kind="team_name_collision").label == name
    assert ChangeRecord.objects.get(model="user_group", label=name)


def test_an_id_is_stored_as_it_is(sync: Sync) -> None:
    long_id = "S" * 255
    zone = schedule(long_id, "Odd", layer("U1"), zone="Mars/Olympus")
    sync.source.change(schedules=(*world().schedules, zone))
    sync.run()
    assert ExternalLink.objects.get(entity_type="schedule", external_id=long_id).conflicts.count() == 1
    assert sync.run().items.count() == 0


def test_what_could_not_be_read_and_what_cannot_be_written_of_one_object_is_one_item(sync: Sync) -> None:
    unread = FailedEntity("user_group", "T9", "bad_member", "members[0]", "Member 0 cannot be read.")
    sync.source.change(teams=(*world().teams, SourceTeam("T9", " ")), failed=(unread,))
    run = sync.run()
    failed = run.items.get(outcome="failed")
    assert failed.reason == (
        "name: is empty. It was not written. Correct it at the source; only a part of it could be read, and "
        "nothing is removed because of that: Member 0 cannot be read."
    )
    assert run.counts["user_group"]["failed"] == 1


def test_a_schedule_that_cannot_be_written_is_no_question_about_its_time_zone(sync: Sync) -> None:
    sync.source.change(schedules=(*world().schedules, schedule("S9", " ", layer("U1"), zone="Mars/Olympus")))
    assert sync.run().items.get(external_id="S9").action == "failed"
    assert not Conflict.objects.filter(kind="timezone_mismatch").exists()

"""A read with unread elements removes nothing of their collection. The next complete read removes what is gone."""

import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.records import SourceContactMethod, SourceMember, SourceTeam
from oncall.models import EscalationPolicy, Responder, Schedule, UserGroup
from oncall.rendering.spec import Everyone, person
from oncall.rendering.spec import Override as SourceOverride
from syncjobs.models import ExternalLink
from tests.syncjobs.conftest import NOW, Sync, contents, layer, schedule, user, world

pytestmark = pytest.mark.django_db

FIRST, SECOND = layer("U1"), replace(layer("U2"), key="L2", name="Layer 2")


def override(number: int) -> SourceOverride:
    return SourceOverride(f"O{number}", NOW + 3600 * number, NOW + 3600 * number + 1800, person("U3"))


def stored_layers() -> list[str]:
    return [stored["key"] for stored in Schedule.objects.get().layers["layers"]]


def test_layers_and_overrides_that_could_not_be_read_stay_until_they_are_really_gone(sync: Sync) -> None:
    def source(*layers: Any, **more: Any) -> None:
        sync.source.change(schedules=(schedule("S1", "Primary", *layers, **more),))

    source(FIRST, SECOND, overrides=(override(1), override(2)))
    sync.run()
    for unread_is_back in (False, True):
        moved = replace(SECOND, participants=(person("U3"),))
        source(moved, overrides=(override(2), override(3)), unread={"layers": 1, "overrides": 1})
        run = sync.run()
        assert [item.action for item in run.items.all()] == ([] if unread_is_back else ["update"])
        assert stored_layers() == ["L1", "L2"]
        assert f"person:{sync.connection.pk}:U3" in json.dumps(Schedule.objects.get().layers)
        keys = sorted(o.source_key or "" for o in Schedule.objects.get().overrides.all())
        assert [key.rpartition(":")[2] for key in keys] == ["O1", "O2", "O3"]
        assert ExternalLink.objects.get(entity_type="schedule").unread == {"layers": 1, "overrides": 1}
    source(moved, overrides=(override(2), override(3)))
    assert sync.run().items.get().outcome == "applied"
    assert stored_layers() == ["L2"]
    assert Schedule.objects.get().overrides.count() == 2
    assert ExternalLink.objects.get(entity_type="schedule").unread == {}
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_a_complete_read_with_the_same_elements_writes_only_that_it_was_complete(sync: Sync) -> None:
    sync.source.change(schedules=(schedule("S1", "Primary", FIRST, SECOND),))
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", FIRST, unread={"layers": 1}),))
    assert sync.run().items.count() == 0
    sync.source.change(schedules=(schedule("S1", "Primary", FIRST, SECOND),))
    assert sync.run().items.count() == 0
    assert ExternalLink.objects.get(entity_type="schedule").unread == {}
    assert stored_layers() == ["L1", "L2"]


def test_members_and_contact_methods_that_could_not_be_read_stay_until_they_are_really_gone(sync: Sync) -> None:
    work = SourceContactMethod("C1", "email", "ana@example.com", "Work", True)
    phone = SourceContactMethod("C2", "sms", "+4930123456", "Phone", True)
    sync.source.change(users=(user("U1", "Ana", contact_methods=(work, phone)), *world().users[1:]))
    sync.run()
    ana, team = Responder.objects.get(name="Ana"), UserGroup.objects.get()
    moved = replace(phone, label="Mobile")
    members = (SourceMember("U3", "responder"),)
    sync.source.change(
        users=(user("U1", "Ana", contact_methods=(moved,), unread={"contact_methods": 1}), *world().users[1:]),
        teams=(SourceTeam("T1", "Platform", members=members, unread={"members": 2}),),
    )
    sync.run()
    assert sorted(ana.contact_methods.values_list("label", flat=True)) == ["Mobile", "Work"]
    assert team.members.count() == 3
    sync.source.change(
        users=(user("U1", "Ana", contact_methods=(moved,)), *world().users[1:]),
        teams=(SourceTeam("T1", "Platform", members=members),),
    )
    sync.run()
    assert [*ana.contact_methods.values_list("label", flat=True)] == ["Mobile"]
    assert team.members.count() == 1


def test_another_order_of_people_who_are_all_on_call_or_paged_gives_no_item(sync: Sync) -> None:
    everyone = replace(layer("U1", "U2", "U3"), turns=Everyone())
    sync.source.change(schedules=(schedule("S1", "Primary", everyone),))
    sync.run()
    policy_before, schedule_before = EscalationPolicy.objects.get(), Schedule.objects.get()
    (made,) = world().policies
    (level,) = made.policy.levels
    turned = replace(made.policy, levels=(replace(level, targets=level.targets[::-1]),))
    sync.source.change(
        schedules=(schedule("S1", "Primary", replace(everyone, participants=everyone.participants[::-1])),),
        policies=(replace(made, policy=turned),),
    )
    run = sync.run()
    assert run.items.count() == 0
    assert (EscalationPolicy.objects.get().version, Schedule.objects.get().version) == (
        policy_before.version,
        schedule_before.version,
    )

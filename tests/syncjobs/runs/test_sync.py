"""Plans and applies against a database: the import, the second sync, and whose value is kept."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    FailedEntity,
    Reach,
    SourceMember,
    SourceService,
    SourceTeam,
)
from oncall.aggregates import Draft
from oncall.models import (
    ChangeRecord,
    EscalationPolicy,
    Override,
    Reference,
    Responder,
    Schedule,
    Service,
    Substitution,
    UserGroup,
)
from oncall.operations import delete, write
from oncall.rendering.spec import Override as SourceOverride
from oncall.rendering.spec import Substitution as SourceSubstitution
from oncall.rendering.spec import person
from syncjobs.models import (
    Conflict,
    ConflictState,
    ExternalLink,
    LinkState,
    RunKind,
    RunState,
    SyncRun,
)
from syncjobs.planning.values import Plan
from syncjobs.runs.picture.local import link_views
from syncjobs.runs.start import approve
from syncjobs.runs.stored.plan import remember_compared
from tests.syncjobs.conftest import (
    BY,
    NOW,
    Sync,
    contents,
    edit,
    layer,
    policy,
    schedule,
    user,
    world,
)

pytestmark = pytest.mark.django_db


def outcomes(run: SyncRun) -> dict[str, str]:
    return {item.external_id: item.outcome for item in run.items.all()}


def test_it_imports_everything_with_its_references(sync: Sync) -> None:
    run = sync.run()
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    primary = Schedule.objects.get()
    assert primary.name == "Primary"
    assert primary.origin_label == "PagerDuty (acme)"
    assert [r.responder.name for r in Reference.objects.filter(owner_schedule=primary).order_by("position")] == [
        "Ana",
        "Bo",
        "Ana",
    ]
    service = Service.objects.select_related("policy", "group").get()
    assert service.policy and service.group
    assert (service.policy.name, service.group.name) == ("Default", "Platform")
    targets = Reference.objects.filter(owner_policy=service.policy)
    assert {t.schedule and t.schedule.name for t in targets} == {"Primary", None}
    assert {m.responder.name for m in UserGroup.objects.get().members.all() if m.responder} == {"Ana", "Bo"}
    assert run.counts["responder"] == {
        "fetched": 3, "total": None, "compared": 3, "unchanged": 0, "plan_create": 3, "conflict": 3, "written": 3,
    }  # fmt: skip


def test_a_second_sync_writes_nothing_outside_its_own_records(sync: Sync) -> None:
    sync.run()
    before = contents()
    again = sync.run()
    assert again.state == RunState.SUCCEEDED
    assert again.items.count() == 0
    assert contents() == before
    assert again.counts["schedule"]["unchanged"] == 1


def test_an_item_edited_and_an_item_pinned_after_planning_are_stale_and_the_rest_is_applied(sync: Sync) -> None:
    sync.run()
    sync.source.change(
        users=tuple(user(u.external_id, u.name, title="Engineer") for u in world().users),
        services=(sync.source.snapshot.services[0].__class__("V1", "Checkout v2", policy_id="P1"),),
    )
    plan = sync.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    assert plan.items.count() == 4
    edit("responder", Responder.objects.get(name="Ana"), title="Boss")
    link = ExternalLink.objects.get(external_id="U2")
    link.pins, link.version = {"title": "local"}, link.version + 1
    link.save()
    applied = sync.apply(plan)
    assert outcomes(applied) == {"U1": "stale", "U2": "skipped", "U3": "applied", "V1": "applied"}
    assert applied.state == RunState.PARTIAL
    assert Responder.objects.get(name="Ana").title == "Boss"
    assert Responder.objects.get(name="Bo").title == ""
    assert Responder.objects.get(name="Cy").title == "Engineer"
    assert Service.objects.get().name == "Checkout v2"
    settled = sync.run()
    assert Responder.objects.get(name="Bo").title == ""  # pinned local
    assert Conflict.objects.get(kind="both_edited").paths == ["title"]
    assert settled.state == RunState.SUCCEEDED


def test_nothing_is_written_before_a_plan_is_approved(sync: Sync) -> None:
    plan = sync.plan()
    assert plan.state == RunState.AWAITING_REVIEW
    assert not Responder.objects.exists()
    assert sync.apply(plan).state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3


@pytest.mark.parametrize(("strategy", "name", "conflicts"), [("ask", "Ours", 1), ("source", "Theirs", 0)])
def test_the_strategy_decides_when_both_sides_edited(sync: Sync, strategy: str, name: str, conflicts: int) -> None:
    sync.rules(strategy=strategy)
    sync.run()
    edit("schedule", Schedule.objects.get(), name="Ours")
    sync.source.change(schedules=(schedule("S1", "Theirs", layer("U1", "U2", "U1")),))
    sync.run()
    assert Schedule.objects.get().name == name
    assert Conflict.objects.filter(kind="both_edited", state=ConflictState.OPEN).count() == conflicts
    if strategy == "source":
        record = ChangeRecord.objects.filter(model="schedule", action="update").latest("id")
        assert record.changes == {"name": ["Ours", "Theirs"]}
    before = contents()
    sync.run()
    assert contents() == before
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1")),))
    sync.run()
    assert not Conflict.objects.filter(kind="both_edited", state=ConflictState.OPEN).exists()


def test_switching_to_overwrite_takes_the_source_back_everywhere(sync: Sync) -> None:
    sync.run()
    edit("schedule", Schedule.objects.get(), name="Ours")
    assert sync.run().items.count() == 0
    assert Schedule.objects.get().name == "Ours"
    sync.rules(strategy="source")
    sync.run()
    assert Schedule.objects.get().name == "Primary"


def test_a_field_owned_here_is_never_written(sync: Sync) -> None:
    sync.run()
    sync.rules(ownership={"schedule.name": "local"}, strategy="source")
    sync.source.change(schedules=(schedule("S1", "Theirs", layer("U1", "U2", "U1")),))
    sync.run()
    assert Schedule.objects.get().name == "Primary"


def test_a_moved_handoff_is_an_update_and_a_shifted_anchor_is_none(sync: Sync) -> None:
    sync.run()
    three_turns_later = layer("U1", "U2", "U1", anchor="2026-01-26T09:00:00", starts_at=NOW - 60)
    sync.source.change(schedules=(schedule("S1", "Primary", three_turns_later),))
    assert sync.run().items.count() == 0
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1", anchor="2026-01-05T10:00:00")),))
    run = sync.run()
    assert [(item.action, list(item.changes["fields"])) for item in run.items.all()] == [("update", ["layers"])]
    assert "10:00:00" in json.dumps(Schedule.objects.get().layers)


def test_what_the_listing_does_not_show_is_kept(sync: Sync) -> None:
    sync.run()
    before = contents()
    sync.source.change(users=(), teams=(), schedules=(), policies=(), services=())
    run = sync.run()
    assert run.state == RunState.SUCCEEDED
    assert [run.counts[k].get("unlisted") for k in ("responder", "schedule", "service")] == [3, 1, 1]
    after = json.loads(contents())
    assert [r for r in after if r["model"] != "syncjobs.conflict"] == [
        r for r in json.loads(before) if r["model"] != "syncjobs.conflict"
    ]


def test_emptied_members_wait_for_approval_and_the_rest_goes_on(sync: Sync) -> None:
    sync.run()
    sync.source.change(teams=(SourceTeam("T1", "Platform crew", members=()),))
    run = sync.run()
    group = UserGroup.objects.get()
    assert (group.name, group.members.count()) == ("Platform crew", 2)
    again = sync.run()
    assert again.state == RunState.PARTIAL
    held = again.items.get()
    assert (held.action, held.outcome) == ("held", "deferred")
    assert run.state == RunState.PARTIAL
    plan = sync.plan()
    plan.items.update(held_ticked=True)
    assert sync.apply(plan).state == RunState.SUCCEEDED
    assert group.members.count() == 0
    assert sync.run().items.count() == 0


def test_a_member_who_left_is_removed_and_one_added_by_hand_stays(sync: Sync) -> None:
    sync.run()
    group = UserGroup.objects.get()
    from oncall.aggregates import ElementChanges

    cy = Responder.objects.get(name="Cy")
    by_hand = {"members": ElementChanges(put={"local:new": {"person_key": f"local:{cy.pk}", "role": "guest"}})}
    write("user_group", [Draft({}, by_hand, id=group.pk, version=group.version)], by=BY)
    sync.source.change(teams=(SourceTeam("T1", "Platform", members=(SourceMember("U1", "manager"),)),))
    sync.run()
    assert sorted(m.responder.name for m in group.members.all() if m.responder) == ["Ana", "Cy"]


def test_overrides_come_go_and_pass_into_history(sync: Sync) -> None:
    sync.run()
    override = SourceOverride("O1", NOW + 3600, NOW + 7200, person("U3"))
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1"), overrides=(override,)),))
    sync.run()
    assert Override.objects.get().by == Responder.objects.get(name="Cy")
    before = contents()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1"), overrides=None),))
    sync.run()
    assert Override.objects.count() == 1
    assert json.loads(contents())[-1]["model"] == json.loads(before)[-1]["model"]
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1")),))
    sync.run()
    assert not Override.objects.exists()


@pytest.mark.parametrize(("overlapping", "left"), [(True, 0), (False, 1)])
def test_an_override_that_ends_beyond_the_range_goes_where_the_source_lists_what_overlaps(
    sync: Sync, overlapping: bool, left: int
) -> None:
    long = SourceOverride("O1", NOW + 3600, NOW + 150 * 86_400, person("U3"))
    for overrides in ((long,), ()):
        made = schedule("S1", "Primary", layer("U1"), overrides=overrides, lists_overlapping=overlapping)
        sync.source.change(schedules=(made,))
        sync.run()
    assert Override.objects.count() == left


@pytest.mark.parametrize(
    "moved",
    [
        {"fetched_at": NOW + 10_800, "users": world().users},
        {"mapping_version": dict.fromkeys(ENTITY_TYPES, 2)},
    ],
    ids=["an absence has ended", "another mapping"],
)
def test_a_source_that_moves_without_consequence_gives_no_item_and_is_compared_once(
    sync: Sync, moved: dict[str, Any]
) -> None:
    absence = SourceSubstitution("R1", person("U1"), person("U2"), NOW + 3600, NOW + 7200)
    sync.source.change(users=(user("U1", "Ana", substitutions=(absence,)), *world().users[1:]))
    sync.run()
    link = ExternalLink.objects.get(entity_type="responder", external_id="U1")
    remembered = link.source_hash
    sync.source.change(**moved)
    plan = sync.plan()
    assert (plan.state, plan.items.count(), Substitution.objects.count()) == (RunState.SUCCEEDED, 0, 1)
    link.refresh_from_db()
    assert link.source_hash != remembered
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_an_address_that_a_read_does_not_tell_stays(sync: Sync) -> None:
    sync.run()
    silent = user("U1", "Ana B.", email=None, unreported=frozenset({"email"}))
    sync.source.change(users=(silent, *world().users[1:]))
    run = sync.run()
    assert [list(item.changes["fields"]) for item in run.items.all()] == [["name"]]
    ana = Responder.objects.get(name="Ana B.")
    assert ana.email == "ana@example.com"
    sync.source.change(users=(replace(silent, unreported=frozenset()), *world().users[1:]))
    sync.run()
    ana.refresh_from_db()
    assert ana.email == ""


PART = "Only a part of it could be read, and nothing is removed because of that"


def test_several_failures_of_one_object_are_one_item_and_go_with_what_is_done_about_it(sync: Sync) -> None:
    sync.run()
    failed = (
        FailedEntity("responder", "U1", "bad_device", "devices[0]", "Device 0 cannot be read."),
        FailedEntity("responder", "U1", "bad_device", "devices[1]", "Device 1 cannot be read."),
        FailedEntity("responder", "U2", "bad_device", "devices[0]", "Device 0 cannot be read."),
        FailedEntity("responder", None, "down", "", "People cannot be listed."),
        FailedEntity("responder", None, "down", "", "Absences cannot be listed."),
    )
    sync.source.change(users=(user("U1", "Ana B."), *world().users[1:]), failed=failed)
    run = sync.run()
    found = {item.external_id: (item.action, item.label, item.outcome, item.reason) for item in run.items.all()}
    assert found == {
        "U1": ("update", "Ana B.", "applied", f"{PART}: Device 0 cannot be read. Device 1 cannot be read."),
        "U2": ("failed", "Bo", "failed", f"{PART}: Device 0 cannot be read."),
        "": ("failed", "the whole listing", "failed", "People cannot be listed. Absences cannot be listed."),
    }
    assert (run.state, run.counts["responder"]["failed"]) == (RunState.PARTIAL, 3)


def test_a_link_with_a_decision_in_the_meantime_is_compared_again(sync: Sync) -> None:
    sync.run()
    link = ExternalLink.objects.get(external_id="U1")
    view = link_views(sync.connection.pk)["responder"]["U1"]
    ExternalLink.objects.filter(pk=link.pk).update(version=link.version + 1)
    remember_compared(Plan((), {}, {}, compared=((view, "moved"),)))
    link.refresh_from_db()
    assert link.source_hash == view.source_hash


def test_an_absence_that_is_taken_back_goes_and_one_that_is_over_stays(sync: Sync) -> None:
    ana = person("U1")
    over = SourceSubstitution("R1", ana, person("U2"), NOW - 7200, NOW - 3600)
    later = SourceSubstitution("R2", ana, person("U2"), NOW + 3600, NOW + 7200)
    others = (user("U2", "Bo"), user("U3", "Cy"))
    sync.source.change(users=(user("U1", "Ana", substitutions=(over, later)), *others))
    sync.run()
    assert Substitution.objects.count() == 2
    sync.source.change(users=(user("U1", "Ana", substitutions=None), *others))
    sync.run()
    assert Substitution.objects.count() == 2
    sync.source.change(users=(user("U1", "Ana", substitutions=()), *others))
    assert outcomes(sync.run())["U1"] == "applied"
    assert Substitution.objects.get().source_key == f"{sync.connection.pk}:U1:R1"
    assert sync.run().items.count() == 0


def test_contact_details_that_were_not_fetched_are_left_alone(sync: Sync) -> None:
    sync.run()
    ana = Responder.objects.get(name="Ana")
    sync.source.change(users=(user("U1", "Ana", contact_methods=None, notification_rules=None),))
    sync.run()
    assert ana.contact_methods.count() == 1


def test_one_bad_item_costs_one_item(sync: Sync) -> None:
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U1")), schedule("S2", "Broken", layer("U1", length=0)))
    )
    run = sync.run()
    assert run.state == RunState.PARTIAL
    assert outcomes(run)["S1"] == "applied"
    broken = run.items.get(external_id="S2")
    assert (broken.action, broken.outcome, broken.code) == ("failed", "failed", "layers[0].turns.length")
    assert "length" in broken.reason
    assert EscalationPolicy.objects.exists()


def test_what_the_connector_could_not_map_is_an_item_with_its_reason(sync: Sync) -> None:
    failed = FailedEntity("schedule", "S9", "invalid_turn", "schedule_layers[0]", "The turn of layer L has no length.")
    listing = FailedEntity("service", None, "permission", "/services", "The key may not read services.")
    completeness = {**sync.source.snapshot.completeness, "service": Completeness(False, "permission")}
    sync.source.change(failed=(failed, listing), services=(), completeness=completeness)
    run = sync.run()
    assert run.state == RunState.PARTIAL
    assert {i.external_id: i.reason for i in run.items.filter(outcome="failed")} == {
        "S9": "The turn of layer L has no length. Nothing of it was changed here.",
        "": "The key may not read services.",
    }


def test_out_of_selection_is_detached_and_comes_back(sync: Sync) -> None:
    sync.run()
    sync.profile.selection = {"everything": False, "chosen": {"schedule": ["S1"]}}
    sync.profile.save()
    sync.source.change(services=())
    run = sync.run()
    link = ExternalLink.objects.get(external_id="V1")
    assert link.state == LinkState.DETACHED
    assert Service.objects.get().active
    assert run.items.get().action == "detach"
    assert sync.run().items.count() == 0
    sync.source.change(services=world().services)
    sync.run()
    link.refresh_from_db()
    assert link.state == LinkState.LINKED
    assert sync.run().items.count() == 0


def test_what_a_selection_did_not_reach_stays_as_it_is(sync: Sync) -> None:
    sync.run()
    sync.profile.selection = {"everything": False, "chosen": {"service": ["V1"]}}
    sync.profile.save()
    sync.source.reach = Reach(frozenset({("service", "V1")}), unresolved=(("service", "V1"),))
    sync.source.change(schedules=(), policies=(), services=())
    run = sync.run()
    assert run.state == RunState.PARTIAL
    assert run.reason == "Not everything was applied: 2 not reached."
    assert "The service V1 could not be read" in run.completeness["schedule"]["reason"]
    assert run.completeness["schedule"]["unreached"] == {run.completeness["schedule"]["reason"]: 1}
    assert set(ExternalLink.objects.values_list("state", flat=True)) == {LinkState.LINKED}
    assert run.counts["schedule"]["unreached"] == 1
    assert run.items.count() == 0


def test_what_is_deleted_here_stays_deleted(sync: Sync) -> None:
    sync.run()
    delete("service", [Service.objects.get().pk], by=BY)
    run = sync.run()
    assert run.items.get().reason.startswith("deleted here")
    assert ExternalLink.objects.get(external_id="V1").state == LinkState.IGNORED
    assert sync.run().items.count() == 0
    assert not Service.objects.exists()


def test_only_these_objects_say_nothing_about_the_others(sync: Sync) -> None:
    sync.run()
    before = Conflict.objects.filter(state=ConflictState.OPEN).count()
    sync.source.change(users=(), teams=(), policies=(), schedules=(schedule("S1", "Renamed", layer("U1", "U2", "U1")),))
    sync.profile.selection = {"everything": False, "chosen": {"service": ["V1"]}}
    sync.profile.save()
    run = sync.run(only=[("schedule", "S1")])
    assert sync.source.selections[-1].chosen == {("schedule", "S1")}
    assert Schedule.objects.get().name == "Renamed"
    assert not run.items.filter(action="detach").exists()
    assert Conflict.objects.filter(state=ConflictState.OPEN).count() == before


def test_a_deleted_person_keeps_the_slot(sync: Sync) -> None:
    gone = user("U2", "Bo", state="deleted", listed=False, contact_methods=None, notification_rules=None, email=None)
    sync.source.change(users=(world().users[0], gone, world().users[2]))
    sync.run()
    bo = Responder.objects.get(name="Bo")
    assert (bo.state, bo.active) == ("deleted", True)
    assert Reference.objects.filter(owner_schedule__isnull=False, responder=bo).exists()


def test_a_target_the_key_cannot_see_is_kept_by_name(sync: Sync) -> None:
    from oncall.escalation.policy import Target

    hidden = Target("unresolved", "S404", label="Secret rota", unresolved_kind="schedule")
    sync.source.change(policies=(policy("P1", "Default", hidden),))
    assert sync.run().state == RunState.SUCCEEDED
    assert "Secret rota" in json.dumps(EscalationPolicy.objects.get().levels)


def test_references_are_filled_when_their_object_arrives_later(sync: Sync) -> None:
    policies = sync.source.snapshot.policies
    sync.source.change(policies=())
    sync.run()
    assert Service.objects.get().policy is None
    version = Service.objects.get().version
    sync.source.change(policies=policies)
    sync.run()
    assert Service.objects.get().policy == EscalationPolicy.objects.get()
    assert Service.objects.get().version == version


def test_the_run_says_who_did_it(sync: Sync) -> None:
    run = sync.run()
    assert set(ChangeRecord.objects.values_list("cause", flat=True)) == {f"run:{run.pk}"}
    assert run.kind == RunKind.APPLY


def test_a_plan_keeps_the_selection_it_was_made_with(sync: Sync) -> None:
    plan = sync.plan()
    SyncRun.objects.update(planned_at=timezone.now() - timedelta(minutes=20))
    sync.profile.selection = {"everything": False, "chosen": {"schedule": ["S1"]}}
    sync.profile.save()
    approve(plan, by=None, notify=False, despite_rules=True)
    assert sync.drive(plan).state == RunState.SUCCEEDED
    assert [selection.everything for selection in sync.source.selections] == [True, True]


def test_a_held_run_is_over_once_a_newer_plan_is_there(sync: Sync) -> None:
    sync.run()
    sync.source.change(account=Account("other", "other.pagerduty.com"))
    held = sync.run()
    assert held.state == RunState.HELD
    sync.source.change(account=world().account, services=(SourceService("V1", "Till"),))
    sync.run()
    held.refresh_from_db()
    assert held.state == RunState.SUPERSEDED

"""Undoing an import: what it created leaves, what it changed is as before, and what was edited later stays."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from connectors.records import SourceMember, SourceTeam
from oncall.aggregates import Draft
from oncall.models import ChangeRecord, Responder, Schedule, Service, UserGroup
from oncall.operations import Actor, create_account, delete, erase_responder, grant_lead, write
from oncall.operations.retention import thin_change_records
from syncjobs.deciding.decide import Decision, decide
from syncjobs.errors import RunAlreadyActive, UndoRefused
from syncjobs.models import (
    Conflict,
    ConflictState,
    ExternalLink,
    LinkState,
    Outcome,
    RunKind,
    RunState,
    SyncItem,
    SyncRun,
)
from syncjobs.runs.retention import retain
from syncjobs.runs.start import cancel, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.undoing.undo import preview_undo, undo
from syncjobs.words.undoing import FOLLOWED
from tests.killing.worlds import connect_two_sources
from tests.syncjobs.conftest import BY, Sync, contents, edit, layer, schedule, user, world
from tests.syncjobs.management.test_shell import document, shell
from tests.syncjobs.undoing.state import difference, rows_here

pytestmark = pytest.mark.django_db


def changed(sync: Sync) -> None:
    """Change a name, a member, layers and a service at the source, and add a person and a schedule."""
    before = world()
    team = replace(
        before.teams[0], description="theirs", members=(SourceMember("U2", "responder"), SourceMember("U4", "x"))
    )
    sync.source.change(
        users=(*before.users[:2], user("U3", "Cy", title="Lead"), user("U4", "Dee")),
        teams=(team,),
        schedules=(schedule("S1", "Primary", layer("U4", "U2")), schedule("S2", "Nights", layer("U4"))),
        services=(replace(before.services[0], description="takes money"),),
    )


def refused(run: SyncRun) -> str:
    before = contents()
    with pytest.raises(UndoRefused) as found:
        undo(run, None)
    assert contents() == before
    return found.value.code


def test_the_undo_of_a_first_import_deletes_all_rows(sync: Sync) -> None:
    run = sync.run()
    undone = undo(run, None)
    assert undone.run is not None
    assert (rows_here(), undone.run.state) == ({}, RunState.SUCCEEDED)
    assert {item.change for item in undone.items} == {"is deleted; its object at the source is ignored"}
    reasons = set(ExternalLink.objects.values_list("state", "ignored_reason"))
    assert reasons == {(LinkState.IGNORED, f"undone in run {undone.run.pk}")}
    sync.run()
    assert rows_here() == {}


def test_the_undo_of_a_later_import_brings_back_rows_and_the_next_sync_keeps_them(sync: Sync) -> None:
    sync.run()
    before = rows_here()
    changed(sync)
    run = sync.run()
    bases = dict(ExternalLink.objects.values_list("external_id", "base"))
    assert difference(before, rows_here())
    shown = preview_undo(run, None)
    assert undo(run, None, shown.shown).items == shown.items
    assert difference(before, rows_here()) == {}
    assert dict(ExternalLink.objects.values_list("external_id", "base")) == bases
    assert ExternalLink.objects.get(external_id="U3").pins == {"title": "ask"}
    for _ in range(2):
        following = sync.run()
        assert difference(before, rows_here()) == {}
        assert sum(counts.get("written", 0) for counts in following.counts.values()) == 0
    sync.source.change(users=(*world().users[:2], user("U3", "Cy", title="Head"), user("U4", "Dee")))
    sync.run()
    assert Conflict.objects.get(kind="both_edited", state=ConflictState.OPEN).paths == ["title"]
    assert Responder.objects.get(name="Cy").title == ""


def test_the_next_sync_keeps_undone_values_although_the_source_owns_all(sync: Sync) -> None:
    sync.rules(strategy="source")
    sync.run()
    before = rows_here()
    changed(sync)
    undo(sync.run(), None)
    sync.run()
    assert difference(before, rows_here()) == {}


def test_exactly_what_was_edited_later_stays(sync: Sync) -> None:
    sync.run()
    before = rows_here()
    changed(sync)
    run = sync.run()
    group, new = UserGroup.objects.get(), Schedule.objects.get(name="Nights")
    edit("user_group", group, description="ours")
    edit("schedule", new, description="our nights")
    undone = undo(run, None)
    assert undone.run is not None
    assert undone.run.state == RunState.PARTIAL
    (item,) = [item for item in undone.items if item.entity_type == "user_group"]
    assert (item.outcome, item.reason) == (Outcome.APPLIED, "edited later, kept: description")
    dee = Responder.objects.get(name="Dee")
    kept = {place for place in difference(before, rows_here()) if place[:2] != ("schedule", new.pk)}
    assert {place for place in kept if place[:2] != ("responder", dee.pk)} == {("user_group", group.pk, "description")}
    new.refresh_from_db()
    assert (new.active, new.description, dee.active) == (False, "our nights", False)
    reasons = {item.label: item.reason for item in undone.items}
    assert reasons["Nights"] == "it was edited after the run created it, so it is not deleted"
    assert reasons["Dee"] == "other rows refer to it, so it is not deleted"


def test_a_matched_person_stays_and_loses_the_account_that_the_import_linked(sync: Sync) -> None:
    account = create_account("ana@example.com", "long enough password", by=BY)
    run = sync.run()
    assert Responder.objects.get(account=account).name == "Ana"
    grant_lead(account.pk, UserGroup.objects.get().pk, by=BY)  # so the group stays, and the person, who is its member
    undo(run, None)
    ana = Responder.objects.get(name="Ana")
    assert (ana.account, ana.active, UserGroup.objects.get().active) == (None, False, False)


def test_no_sync_links_an_account_again_that_an_undo_took_off(sync: Sync) -> None:
    sync.run()
    account = create_account("ana@example.com", "long enough password", by=BY)
    run = sync.run()
    assert Responder.objects.get(account=account).name == "Ana"
    assert [item.change for item in undo(run, None).items] == ["its account is unlinked"]
    sync.run()
    assert not Responder.objects.filter(account=account).exists()
    assert Conflict.objects.get(external_id="U1", state=ConflictState.OPEN).evidence["why"] == "linkable"


def test_an_account_with_more_rights_stays_linked(sync: Sync) -> None:
    sync.run()
    create_account("ana@example.com", "long enough password", by=BY)
    run = sync.run()
    ana = Responder.objects.get(name="Ana")
    assert ana.account is not None
    ana.account.is_superuser = True
    ana.account.save()
    operator = create_account("operator@example.com", "long enough password", by=BY, is_superuser=False)
    with pytest.raises(UndoRefused, match="Only who may start"):
        undo(run, operator)
    operator.user_permissions.set(Permission.objects.filter(codename="start_syncrun"))
    operator = type(operator).objects.get(pk=operator.pk)
    undone = undo(run, operator)
    ana.refresh_from_db()
    assert ana.account is not None
    assert "has rights that you do not have" in undone.items[0].reason


def test_a_detached_object_follows_the_source_again(sync: Sync) -> None:
    sync.run()
    sync.rules(selection={"everything": False, "chosen": []})
    link = ExternalLink.objects.get(external_id="V1")
    run = SyncRun.objects.create(
        connection=sync.connection, profile=sync.profile, kind=RunKind.APPLY, state=RunState.SUCCEEDED
    )
    SyncItem.objects.create(
        run=run, link=link, entity_type="service", external_id="V1", label="Checkout", action="detach",
        outcome=Outcome.APPLIED, row_id=link.service_id, changes={"link": {"state": ["linked", "detached"]}},
    )  # fmt: skip
    ExternalLink.objects.filter(pk=link.pk).update(state=LinkState.DETACHED)
    sync.connection.disconnected_at = timezone.now()
    sync.connection.save()
    assert refused(run) == "disconnected"
    sync.connection.disconnected_at = None
    sync.connection.save()
    assert [item.change for item in undo(run, None).items] == ["it follows the source again"]
    link.refresh_from_db()
    assert link.state == LinkState.LINKED


def test_refusals_name_the_reason(sync: Sync) -> None:
    plan = sync.plan()
    assert refused(plan) == "wrote_nothing"
    cancel(plan)
    assert refused(plan) == "wrote_nothing"
    run = sync.run()
    active = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    with pytest.raises(RunAlreadyActive):
        undo(run, None)
    assert refused(active) == "active"
    cancel(active)
    undone = undo(run, None)
    assert refused(run) == "already_undone"
    assert undone.run is not None
    assert refused(undone.run) == "is_undo"
    assert refused(sync.run()) == "wrote_nothing"


def test_a_run_whose_rows_were_merged_later_names_what_to_undo_first(sync: Sync) -> None:
    sync.source.change(teams=(*world().teams, SourceTeam("T2", "platform", members=())))
    run = sync.run()
    question = Conflict.objects.get(kind="team_name_collision")
    merged = decide(question, Decision("merge", {}, None)).run
    assert merged is not None
    with pytest.raises(UndoRefused, match=f"Undo run {merged.pk} first"):
        undo(run, None)
    undo(merged, None)
    undo(run, None)
    assert not UserGroup.objects.filter(active=True).exists()


def test_a_row_that_was_deleted_later_is_listed(sync: Sync) -> None:
    run = sync.run()
    delete("service", [Service.objects.get().pk], by=BY)
    undone = undo(run, None)
    (item,) = [item for item in undone.items if item.entity_type == "service"]
    assert (item.reason, item.change) == ("it was deleted here after the run", "its object at the source is ignored")


def test_people_whose_former_values_were_hidden_are_listed(sync: Sync) -> None:
    sync.run()
    changed(sync)
    run = sync.run()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(days=100))
    ChangeRecord.objects.update(at=timezone.now() - timedelta(days=100))
    while any(retain().values()):
        pass
    assert thin_change_records(timezone.now()) == 0
    undone = undo(run, None)
    people = [item for item in undone.items if item.entity_type == "responder"]
    assert people
    assert all((item.outcome, "PERSONAL_DATA_DAYS" in item.reason) == (Outcome.SKIPPED, True) for item in people)
    assert Responder.objects.filter(title="Lead").exists()
    assert Schedule.objects.get().name == "Primary"


def test_a_former_value_that_cannot_be_written_any_more_is_listed(sync: Sync) -> None:
    sync.rules(strategy="source")
    sync.run()
    here = write("responder", [Draft({"name": "Zoe"})], by=BY)[0].id
    row, group = Schedule.objects.get(), UserGroup.objects.get()
    stored = json.loads(json.dumps(row.layers))
    stored["layers"][0]["participants"] = [f"person:local:{here}"]
    edit("schedule", row, layers=stored)
    edit("user_group", group, description="ours")
    sync.source.change(
        schedules=(schedule("S1", "Primary", layer("U2")),), teams=(replace(world().teams[0], description="theirs"),)
    )
    run = sync.run()
    delete("responder", [here], by=BY)
    undone = undo(run, None)
    reasons = {item.entity_type: (item.outcome, item.reason) for item in undone.items}
    assert reasons["schedule"][0] == Outcome.SKIPPED
    assert f"there is no responder {here}" in reasons["schedule"][1]
    assert reasons["user_group"] == (Outcome.APPLIED, "")
    group.refresh_from_db()
    assert group.description == "ours"


def test_an_erased_person_stays_erased(sync: Sync) -> None:
    run = sync.run()
    person = Responder.objects.get(name="Cy")
    erase_responder(person.pk, BY)
    link = ExternalLink.objects.get(external_id="U3")
    undo(run, None)
    person.refresh_from_db()
    assert (person.name, person.email, person.active) == (f"Former person {person.pk}", "", False)
    assert ExternalLink.objects.get(pk=link.pk).ignored_reason == link.ignored_reason
    assert not any("cy@example.com" in json.dumps(changes) for changes in SyncItem.objects.values_list("changes"))


def test_two_sources_of_one_row_get_their_former_primary_link_back(db: None) -> None:
    two = connect_two_sources()
    for each in two.both:
        each.run()
    two.set_later_state()
    before = rows_here()
    primaries = set(ExternalLink.objects.filter(primary=True).values_list("pk", flat=True))
    disconnect(two.first.connection)
    run = two.second.run()
    assert set(ExternalLink.objects.filter(primary=True).values_list("pk", flat=True)) != primaries
    undo(run, None)
    assert difference(before, rows_here()) == {}
    assert set(ExternalLink.objects.filter(primary=True).values_list("pk", flat=True)) == primaries


def test_the_shell_shows_what_it_undoes(sync: Sync) -> None:
    run = sync.run()
    before = contents()
    shown = document("undo", str(run.pk), "--preview")
    assert (shown["run"], shown["undoes"], shown["state"], contents()) == (None, run.pk, "preview", before)
    assert {"entity_type", "label", "change", "outcome", "reason"} <= set(shown["items"][0])
    done = document("undo", str(run.pk))
    assert done["items"] == shown["items"]
    assert done["state"] == "succeeded"
    code, out = shell("undo", str(run.pk), "--json")
    assert (code, json.loads(out.partition("}")[0] + "}")["code"]) == (1, "already_undone")
    assert shell("undo", "99999")[0] == 64
    assert shell("undo", str(run.pk), "--by", "nobody@example.com")[0] == 64


def test_an_undo_is_recorded_with_its_actor_and_cause(sync: Sync) -> None:
    sync.run()
    changed(sync)
    run = sync.run()
    undone = undo(run, None)
    assert undone.run is not None
    records = ChangeRecord.objects.filter(cause=Actor(None, f"run:{undone.run.pk}").cause)
    assert records.filter(action="delete").count() == 2
    assert records.exclude(action="delete").exists()


@pytest.mark.parametrize("elements", [None, ()], ids=["not fetched", "none"])
def test_a_person_whom_another_source_follows_stays_when_the_import_that_created_it_is_undone(
    sync: Sync, elements: tuple[()] | None
) -> None:
    ida = user("U9", "Ida", contact_methods=elements, notification_rules=None)
    sync.source.change(users=(*world().users, ida))
    run = sync.run()
    other = Sync("other")
    other.source.change(users=(ida,), teams=(), schedules=(), policies=(), services=())
    other.run()
    undone = undo(run, None)
    (item,) = [item for item in undone.items if item.label == "Ida"]
    assert item.reason == FOLLOWED
    for _ in range(2):
        person = Responder.objects.get()
        states = {link.connection_id: link.state for link in person.links.all()}
        assert (person.active, states) == (True, {sync.connection.pk: "ignored", other.connection.pk: "linked"})
        other.run()
    assert person.links.get(primary=True).connection == other.connection


def test_elements_of_an_undone_import_leave_a_person_whom_another_source_follows(sync: Sync) -> None:
    run = sync.run()
    other = Sync("other")
    other.source.change(users=(user("U1", "Ana"),), teams=(), schedules=(), policies=(), services=())
    other.run()
    undo(run, None)
    person = Responder.objects.get(name="Ana")
    keys = set(person.contact_methods.values_list("source_key", flat=True))
    assert (person.active, keys) == (True, {f"{other.connection.pk}:U1:CU1"})


def test_a_person_whom_a_disconnected_source_knows_becomes_inactive_and_is_not_deleted(sync: Sync) -> None:
    ida = user("U9", "Ida", contact_methods=None, notification_rules=None)
    sync.source.change(users=(ida,), teams=(), schedules=(), policies=(), services=())
    run = sync.run()
    other = Sync("other")
    other.source.change(users=(ida,), teams=(), schedules=(), policies=(), services=())
    other.run()
    disconnect(other.connection)
    (item,) = undo(run, None).items
    assert item.reason == "another source was linked to it after the run created it, so it is not deleted"
    assert not Responder.objects.get().active

"""Undoing a merge splits the rows again: what moved returns, and what came or was edited later goes with its owner."""

from typing import Any

import pytest
from django.db import transaction

from connectors.records import SourceMember, SourceTeam
from oncall.models import GroupLead, Responder, User, UserGroup
from oncall.operations import create_account, grant_lead, link_account
from oncall.selectors.states import load_states
from syncjobs.deciding.decide import Decision, decide
from syncjobs.errors import UndoRefused
from syncjobs.models import Conflict, ConflictState, ExternalLink, RunState, SyncItem, SyncRun
from syncjobs.undoing.undo import undo
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, edit, layer, schedule, user, world
from tests.syncjobs.deciding.test_answers import given
from tests.syncjobs.undoing.state import difference, links_here, rows_here

pytestmark = pytest.mark.django_db

TEAM = SourceTeam("T1", "Platform", members=(SourceMember("U1", ""), SourceMember("U2", "")))
OTHER = SourceTeam("T2", "platform", members=(SourceMember("U2", ""), SourceMember("U3", "")))


@pytest.fixture
def groups(sync: Sync) -> tuple[UserGroup, UserGroup]:
    """Two groups of one name, of which the first is used by a policy and a service."""
    sync.source.change(teams=(TEAM, OTHER))
    sync.run()
    platform, other = (UserGroup.objects.get(links__external_id=name) for name in ("T1", "T2"))
    return platform, other


def merged(**arguments: str) -> SyncRun:
    question = Conflict.objects.get(kind="team_name_collision", state=ConflictState.OPEN)
    run = decide(question, Decision("merge", arguments, None)).run
    assert run is not None
    return run


def members(group: UserGroup) -> set[str]:
    return set(load_states("user_group", [group.pk])[group.pk].elements["members"])


def account(name: str) -> User:
    return create_account(f"{name}@example.org", "long enough password", by=BY, name=name)


@pytest.mark.parametrize("values", ["first", "second"])
@pytest.mark.parametrize("into", ["first", "second"])
def test_leads_members_references_and_links_return(
    sync: Sync, groups: tuple[UserGroup, UserGroup], into: str, values: str
) -> None:
    first, second, both = account("first"), account("second"), account("both")
    for who, group in ((first, groups[0]), (second, groups[1]), (both, groups[0]), (both, groups[1])):
        grant_lead(who.pk, group.pk, by=BY)
    granted = dict(GroupLead.objects.values_list("pk", "granted_at"))
    rows, links = rows_here(), links_here()
    named = {"first": str(groups[0].pk), "second": str(groups[1].pk)}
    run = merged(into=named[into], values=named[values])
    assert difference(rows, rows_here())
    assert undo(run, None).items
    assert difference(rows, rows_here()) == {}
    assert difference(links, links_here()) == {}
    kept = dict(GroupLead.objects.filter(pk__in=granted).values_list("pk", "granted_at"))
    assert len(kept) == 3  # the lead of both groups had two, of which a merge keeps one
    assert kept.items() <= granted.items()


def test_what_was_edited_later_stays_with_its_owner(sync: Sync, groups: tuple[UserGroup, UserGroup]) -> None:
    first, other = groups
    run = merged(into=str(first.pk))
    edit("user_group", first, description="later")
    new = SourceTeam("T2", "platform", members=(*OTHER.members, SourceMember("U1", "")))
    sync.source.change(teams=(TEAM, new))
    sync.run()
    assert members(other) == set()
    undone = undo(run, None)
    first.refresh_from_db()
    own = ExternalLink.objects.get(external_id="T2").key
    assert members(other) == {f"{own}:{name}" for name in ("U1", "U2", "U3")}
    assert members(first) == {f"{ExternalLink.objects.get(external_id='T1').key}:{name}" for name in ("U1", "U2")}
    assert first.description == "later"
    assert undone.run is not None
    following = sync.run()
    assert following.state == RunState.SUCCEEDED
    assert Conflict.objects.get(kind="team_name_collision", state=ConflictState.OPEN)


def test_a_lead_that_was_revoked_later_is_not_granted_again(sync: Sync, groups: tuple[UserGroup, UserGroup]) -> None:
    lead = account("lead")
    grant_lead(lead.pk, groups[1].pk, by=BY)
    run = merged(into=str(groups[0].pk))
    GroupLead.objects.all().delete()
    assert any("edited later, kept: leads" in item.reason for item in undo(run, None).items)
    assert not GroupLead.objects.exists()


def test_the_account_of_a_merged_person_returns(sync: Sync) -> None:
    conflict = arisen(sync, "ambiguous")
    dee, here = (Responder.objects.get(name=name) for name in ("Dee", "Ana"))
    owner = account("owner")
    link_account(dee.pk, owner.pk, by=BY)
    rows, links = rows_here(), links_here()
    run = decide(conflict, given(conflict, "ambiguous", "map")).run
    assert run is not None
    assert Responder.objects.get(account=owner) == here
    link_account(here.pk, None, by=BY)
    with transaction.atomic():
        undone = undo(run, None)
        assert any("edited later, kept: account" in item.reason for item in undone.items)
        assert not Responder.objects.filter(account=owner).exists()
        transaction.set_rollback(True)
    link_account(here.pk, owner.pk, by=BY)
    undo(run, None)
    assert difference(rows, rows_here()) == {}
    assert difference(links, links_here()) == {}


def test_a_row_that_became_part_of_a_merged_row_before_returns_with_it(sync: Sync) -> None:
    everybody = ("U1", "U2", "U3", "U4", "U5")
    sync.source.change(
        users=(*world().users, user("U4", "Dee"), user("U5", "Eve")),
        schedules=(schedule("S1", "Primary", layer(*everybody)),),
    )
    sync.run()
    dee, eve, ana = (Responder.objects.get(name=name) for name in ("Dee", "Eve", "Ana"))
    runs: list[Any] = []
    before = []
    for who, to in ((dee, eve), (eve, ana)):
        question = Conflict.objects.get(kind="user_not_found", label=who.name)
        before.append(rows_here())
        runs.append(decide(question, Decision("map", {"to": f"responder:{to.pk}"}, None)).run)
    dee.refresh_from_db()
    assert dee.merged_into == ana
    with pytest.raises(UndoRefused, match=f"Undo run {runs[1].pk} first"):
        undo(runs[0], None)
    for run, rows in zip(reversed(runs), reversed(before), strict=True):
        undo(run, None)
        assert difference(rows, rows_here()) == {}


def test_a_merge_of_an_earlier_release_is_refused(sync: Sync, groups: tuple[UserGroup, UserGroup]) -> None:
    run = merged()
    item = SyncItem.objects.get(run=run)
    del item.changes["links"]
    item.save()
    with pytest.raises(UndoRefused, match="did not record enough"):
        undo(run, None)


def test_rows_that_were_merged_and_deleted_stay(sync: Sync, groups: tuple[UserGroup, UserGroup]) -> None:
    run = merged(into=str(groups[0].pk))
    UserGroup.objects.filter(pk=groups[1].pk).delete()
    with pytest.raises(UndoRefused, match="was deleted later, so the merge stays"):
        undo(run, None)

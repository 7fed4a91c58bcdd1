"""Rows that were deleted here are created again: from the last values of the source, or by the next sync."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from connectors.records import ENTITY_TYPES
from oncall.aggregates import AGGREGATES, Draft
from oncall.models import EscalationPolicy, Reference, Responder, Role, Schedule, Service, User, UserGroup
from oncall.operations import create_account, delete, grant_lead, write
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.deciding.decide import Decision, decide, preview
from syncjobs.models import Conflict, ConflictState, ExternalLink, RunState
from syncjobs.planning.decisions.values import Refused
from tests.syncjobs.conftest import BY, Sync, contents, layer, schedule, user, world

pytestmark = pytest.mark.django_db

MODELS: Mapping[str, Any] = {
    "responder": Responder,
    "user_group": UserGroup,
    "schedule": Schedule,
    "escalation_policy": EscalationPolicy,
    "service": Service,
}
#: The object that is deleted, by kind. Nothing else refers to it.
OBJECTS = {"responder": "U4", "user_group": "T1", "schedule": "S1", "escalation_policy": "P1", "service": "V1"}
#: The kinds whose objects refer to it, so that they are left out of the source.
USERS = {
    "user_group": ("policies", "services"),
    "schedule": ("policies", "services"),
    "escalation_policy": ("services",),
}
KINDS = pytest.mark.parametrize("kind", ENTITY_TYPES)


def deleted(sync: Sync, kind: Any, base: Mapping[str, Any] | None = None) -> Conflict:
    """Return the question about a row that was deleted here. base: the fields of its link's base, None keeps them."""
    owned = schedule("S1", "Primary", layer("U1", "U2"), group_ids=() if kind == "user_group" else ("T1",))
    left_out = dict.fromkeys(USERS.get(kind, ()), ())
    sync.source.change(users=(*world().users, user("U4", "Dee")), schedules=(owned,), **left_out)
    sync.rules(strategy="source")
    sync.run()
    link = ExternalLink.objects.get(entity_type=kind, external_id=OBJECTS[kind])
    delete(kind, [link.row_id], by=BY)  # type: ignore[list-item]
    if base is not None:
        ExternalLink.objects.filter(pk=link.pk).update(base={"fields": base, "elements": {}})
    sync.run()
    return Conflict.objects.get(kind="deleted_here")


def test_every_kind_has_an_entry() -> None:
    assert set(ENTITY_TYPES) == MODELS.keys() == OBJECTS.keys() == AGGREGATES.keys()


@KINDS
def test_it_is_created_at_once_from_all_known_values(sync: Sync, kind: str) -> None:
    question = deleted(sync, kind)
    decided = decide(question, Decision("restore", {}, None))
    assert (decided.run is not None, decided.outcome.deferred) == (True, "")
    assert ExternalLink.objects.get(entity_type=kind, external_id=OBJECTS[kind]).row_id
    assert sync.run().items.count() == 0


@KINDS
@pytest.mark.parametrize("base", [{}, {"name": "Only a name"}], ids=["empty", "part"])
def test_without_known_values_it_is_created_by_the_next_sync(sync: Sync, kind: str, base: Mapping[str, Any]) -> None:
    question = deleted(sync, kind, base)
    count = MODELS[kind].objects.count()
    before = contents()
    shown = preview(question, Decision("restore", {}, None))
    assert contents() == before
    assert "by the next sync" in shown.outcome.deferred
    decided = decide(question, Decision("restore", {}, None))
    assert decided.run is not None
    assert (decided.run.items.count(), MODELS[kind].objects.count()) == (0, count)
    for _ in range(2):
        plan = sync.plan()
        assert [(item.entity_type, item.action, item.code) for item in plan.items.all()] == [
            (kind, "create", "deleted_here")
        ]
    done = sync.apply(plan)
    assert done.state == RunState.SUCCEEDED
    link = ExternalLink.objects.get(entity_type=kind, external_id=OBJECTS[kind])
    row = MODELS[kind].objects.get(pk=link.row_id)
    assert (row.name, link.primary, link.state) == (link.base["fields"]["name"], True, "linked")
    assert not Reference.objects.filter(owner_schedule=None, owner_policy=None).exists()
    sync.run()
    question.refresh_from_db()
    assert (question.state, question.choice) == (ConflictState.CLOSED, "restore")
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_what_is_deleted_again_after_it_was_restored_is_asked_about_again(sync: Sync) -> None:
    question = deleted(sync, "service", {})
    decide(question, Decision("restore", {}, None))
    sync.run()
    delete("service", [Service.objects.get().pk], by=BY)
    sync.run()
    sync.run()
    assert not Service.objects.exists()


# --- leads --------------------------------------------------------------------------------------------------------

OWNED = ("schedule", "escalation_policy", "service")


def lead(*groups: str) -> User:
    account = create_account("lead@example.com", "long enough password", by=BY)
    account.groups.add(Group.objects.get(name=Role.TEAM_LEAD))
    for name in groups:
        grant_lead(account.pk, UserGroup.objects.get(name=name).pk, by=BY)
    return User.objects.get(pk=account.pk)


@pytest.mark.parametrize("choice", ["restore", "leave"])
@pytest.mark.parametrize("kind", OWNED)
def test_a_lead_of_the_group_that_owned_a_deleted_row_decides(sync: Sync, kind: str, choice: str) -> None:
    question = deleted(sync, kind)
    by = lead("Platform")
    assert question in visible_conflicts(by)
    assert concerns([question], timezone.now(), account=by)[question.pk].groups == ("Platform",)
    assert decide(question, Decision(choice, {}, by)).applied
    link = ExternalLink.objects.get(entity_type=kind, external_id=OBJECTS[kind])
    if choice == "leave":
        assert (link.row_id, link.state) == (None, "ignored")
    else:
        row = MODELS[kind].objects.get(pk=link.row_id)
        assert row.group.name == "Platform"


@pytest.mark.parametrize("choice", ["restore", "leave"])
@pytest.mark.parametrize(
    ("kind", "groups", "is_part"),
    [
        ("responder", ("Platform",), False),
        ("user_group", (), False),
        *[(kind, (), False) for kind in OWNED],
        *[(kind, ("Other",), False) for kind in OWNED],
        *[(kind, ("Platform",), True) for kind in OWNED],
    ],
)
def test_who_does_not_lead_the_group_or_when_it_is_not_known_is_refused(
    sync: Sync, kind: str, groups: tuple[str, ...], is_part: bool, choice: str
) -> None:
    write("user_group", [Draft({"name": "Other"})], by=BY)
    key = f"{sync.connection.pk}:T1"
    question = deleted(sync, kind, {"group_key": key, "group_keys": [key]} if is_part else None)
    by = lead(*groups)
    assert question not in visible_conflicts(by)
    before = contents()
    with pytest.raises(Refused) as refused:
        decide(question, Decision(choice, {}, by))
    assert (refused.value.code, contents()) == ("not_allowed", before)

"""Rows that were deleted here are created again: from the last values of the source, or by the next sync."""

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.records import ENTITY_TYPES
from oncall.aggregates import AGGREGATES
from oncall.models import EscalationPolicy, Reference, Responder, Schedule, Service, UserGroup
from oncall.operations import delete
from syncjobs.deciding.decide import Decision, decide, preview
from syncjobs.models import Conflict, ConflictState, ExternalLink, RunState
from tests.syncjobs.conftest import BY, Sync, contents, user, world

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
    sync.source.change(users=(*world().users, user("U4", "Dee")), **dict.fromkeys(USERS.get(kind, ()), ()))
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
    assert (decided.run, MODELS[kind].objects.count()) == (None, count)
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

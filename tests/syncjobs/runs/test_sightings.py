"""What counts as a sighting of a missing object: the same rights, and an object that did not come back as another."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.models import Connection
from connectors.records import ENTITY_TYPES, Completeness, EntityType
from oncall.rendering.codec import instant_to_text
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ExternalLink, LinkState
from tests.syncjobs.conftest import Sync
from tests.syncjobs.runs.test_gone import EVERY_KIND, HOUR, PARTS, actions, grown, is_active, later, remove

pytestmark = pytest.mark.django_db
__all__ = ["grown"]


def replace_key(sync: Sync) -> None:
    """Enter another key of the same account."""
    known = Connection.objects.get(pk=sync.connection.pk)
    known.credentials_since = datetime.fromtimestamp(sync.source.snapshot.fetched_at, UTC)
    known.save()


def lists(sync: Sync, *kinds: EntityType) -> None:
    """Let the read be complete for these kinds only."""
    sync.source.change(completeness={kind: Completeness(kind in kinds, "It is refused.") for kind in ENTITY_TYPES})


@EVERY_KIND
def test_another_key_begins_the_sightings_anew(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    grown.run()
    replace_key(grown)
    later(grown)
    assert actions(grown.run()) == [("missing", id_, "skipped")]
    assert is_active(kind, id_)
    later(grown)
    assert actions(grown.run()) == [("deactivate", id_, "applied")]


@EVERY_KIND
def test_a_read_with_fewer_rights_is_no_sighting_and_forgets_none(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    grown.run()
    first = ExternalLink.objects.get(external_id=id_).first_missing
    later(grown)
    other = next(each for each in ENTITY_TYPES if each != kind)
    lists(grown, *(each for each in ENTITY_TYPES if each != other))
    assert [action for action in actions(grown.run()) if action[1] == id_] == [("missing", id_, "skipped")]
    link = ExternalLink.objects.get(external_id=id_)
    assert (link.missing_count, link.first_missing, is_active(kind, id_)) == (1, first, True)
    lists(grown, *ENTITY_TYPES)
    later(grown)
    assert actions(grown.run()) == [("deactivate", id_, "applied")]


@EVERY_KIND
def test_a_read_that_does_not_say_its_account_is_no_sighting_and_forgets_none(grown: Sync, kind: EntityType) -> None:
    id_, account = remove(grown, kind).external_id, grown.source.snapshot.account
    grown.run()
    first = ExternalLink.objects.get(external_id=id_).first_missing
    later(grown)
    grown.source.change(account=replace(account, id=None))
    grown.run()
    link = ExternalLink.objects.get(external_id=id_)
    assert (link.missing_count, link.first_missing, is_active(kind, id_)) == (1, first, True)
    grown.source.change(account=account)
    later(grown)
    assert actions(grown.run()) == [("deactivate", id_, "applied")]


@EVERY_KIND
def test_a_first_sighting_with_fewer_rights_is_replaced(grown: Sync, kind: EntityType) -> None:
    id_ = remove(grown, kind).external_id
    other = next(each for each in ENTITY_TYPES if each != kind)
    lists(grown, *(each for each in ENTITY_TYPES if each != other))
    grown.run()
    lists(grown, *ENTITY_TYPES)
    later(grown)
    grown.run()
    link = ExternalLink.objects.get(external_id=id_)
    assert (link.missing_count, is_active(kind, id_)) == (1, True)
    assert link.first_missing["at"] == instant_to_text(grown.source.snapshot.fetched_at)
    later(grown, HOUR)
    assert actions(grown.run()) == [("deactivate", id_, "applied")]


def again(kind: EntityType, record: Any) -> Any:
    """Return the object as it was made again: with a new id, and its name or address."""
    return replace(record, external_id=f"{record.external_id}-new")


@EVERY_KIND
def test_an_object_made_again_waits_for_a_decision_and_is_linked_to_its_row(grown: Sync, kind: EntityType) -> None:
    record = remove(grown, kind)
    new = again(kind, record)
    grown.source.change(**{PARTS[kind]: (*getattr(grown.source.snapshot, PARTS[kind]), new)})
    for _ in range(3):
        grown.run()
        later(grown)
    (question,) = Conflict.objects.filter(kind="recreated")
    own = grown.connection.pk
    assert question.evidence == {
        "rows": [f"{own}:{record.external_id}", f"{own}:{new.external_id}"],
        "equal": "email" if kind == "responder" else "name",
    }
    assert is_active(kind, record.external_id)
    old_row = ExternalLink.objects.get(external_id=record.external_id).row_id
    decide(question, Decision("relink", {}, None))
    links = {link.external_id: link for link in ExternalLink.objects.filter(entity_type=kind)}
    assert (links[new.external_id].row_id, links[new.external_id].state) == (old_row, LinkState.LINKED)
    assert links[record.external_id].state == LinkState.IGNORED
    assert ROOTS[kind].rows.get(pk=old_row).active
    grown.run()
    later(grown)
    assert actions(grown.run()) == []

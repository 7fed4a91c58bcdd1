"""What changes who is paged and cannot be told exactly is a question, for every vendor; what only explains is none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.records import FailedEntity, MappingNote, Snapshot
from oncall.models import EscalationPolicy
from syncjobs.conflicts.evidence import sides_of
from syncjobs.conflicts.words import sentence
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, ExternalLink, LinkState
from syncjobs.planning.losses import changes_who_is_paged
from tests.connectors.conformance.entries import Provider
from tests.connectors.conformance.scenes import Changed, live, read
from tests.connectors.conformance.table import PROVIDERS
from tests.syncjobs.conflicts.test_kinds import noted
from tests.syncjobs.conftest import Sync, contents

pytestmark = pytest.mark.django_db

#: Keys of the vendors' JSON -> the type that the objects under them get.
ODD = {"targets": "robot_reference", "recipient": "robot", "rotation": "ZIGZAG"}


def questions() -> dict[tuple[str, str, str], Conflict]:
    found = Conflict.objects.filter(kind="unsupported").exclude(state=ConflictState.CLOSED)
    return {(each.entity_type, each.external_id, each.evidence["code"]): each for each in found}


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, list):
        for each in body:
            yield from _objects(each)
    if isinstance(body, dict):
        yield body
        for each in body.values():
            yield from _objects(each)


def with_odd_types(endpoint: Any, body: Any) -> None:
    for each in list(_objects(body)):
        for key, odd in ODD.items():
            inside = each.get(key)
            for target in inside if isinstance(inside, list) else [inside]:
                if isinstance(target, dict) and "type" in target:
                    target["type"] = odd


@pytest.fixture(params=PROVIDERS, ids=str)
def odd(request: pytest.FixtureRequest) -> Snapshot:
    """An account of each vendor in which targets or rotations have an unknown type."""
    provider: Provider = request.param
    with provider.simulator() as running:
        return read(provider, Changed(live(provider, running), provider, with_odd_types))


def test_every_vendor_asks_about_each_object_and_code_once(sync: Sync, odd: Snapshot) -> None:
    expected = {
        (note.entity_type, note.external_id or "", note.code)
        for note in odd.notes
        if note.external_id and changes_who_is_paged(note.code)
    }
    assert {code for _, _, code in expected} & {"unknown_target", "unsupported_rotation"}
    sync.source.snapshot = odd
    sync.run()
    asked = questions()
    assert asked.keys() == expected
    for question in list(asked.values())[:20]:
        (side,) = sides_of(question, with_addresses=True)
        assert len(side.there) > 1  # the title, and what the read noted about this object
        assert sentence(question, ["acme"]).startswith(f"{question.label} of acme is not the same here: ")
    before = contents()
    assert (sync.run().items.count(), contents()) == (0, before)


def test_a_note_that_only_explains_is_no_question(sync: Sync) -> None:
    sync.source.change(notes=(noted("rules_sorted"), noted("no_email"), noted("from_a_new_connector")))
    sync.run()
    assert questions() == {}


def test_a_note_about_a_list_or_about_an_object_that_was_not_read_is_no_question(sync: Sync) -> None:
    about_a_list = MappingNote("escalation_policy", None, "unknown_target", "x")
    sync.source.change(notes=(about_a_list, noted(external_id="P999")))
    sync.run()
    assert questions() == {}


def test_an_object_that_is_ignored_or_could_not_be_read_is_not_asked_about(sync: Sync) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="P1").update(state=LinkState.IGNORED)
    sync.source.change(notes=(noted(),))
    sync.run()
    assert questions() == {}


def test_a_question_stays_while_its_object_cannot_be_read(sync: Sync) -> None:
    sync.source.change(notes=(noted(),))
    sync.run()
    (before,) = questions().values()
    failed = FailedEntity("escalation_policy", "P1", "unavailable", "", "It could not be read.")
    sync.source.change(notes=(), policies=(), failed=(failed,))
    sync.run()
    assert [each.pk for each in questions().values()] == [before.pk]


def test_another_place_with_the_same_code_is_not_asked_again_and_another_code_is(sync: Sync) -> None:
    sync.source.change(notes=(noted(),))
    sync.run()
    (first,) = questions().values()
    decide(first, Decision("acknowledge", {}, None))
    elsewhere = replace(noted(), message="Level 2 pages a robot, too.", path="rules[1]")
    sync.source.change(notes=(noted(), elsewhere))
    sync.run()
    assert [(each.pk, each.state) for each in questions().values()] == [(first.pk, ConflictState.DECIDED)]
    (side,) = sides_of(first, with_addresses=True)
    assert side.there[1:] == (noted().message, "Level 2 pages a robot, too.")
    sync.source.change(notes=(noted(), noted("resets_states")))
    sync.run()
    assert {code: each.state for (_, _, code), each in questions().items()} == {
        "unknown_target": ConflictState.DECIDED,
        "resets_states": ConflictState.OPEN,
    }
    assert EscalationPolicy.objects.get().active


def test_a_remembered_answer_answers_the_others_that_wait(sync: Sync) -> None:
    services = MappingNote("service", "V1", "unknown_target", "x")
    sync.source.change(notes=(noted(), services, noted("resets_states")))
    sync.run()
    asked = questions()
    answer = Decision("acknowledge", {}, None, remember=True)
    applied = decide(asked["escalation_policy", "P1", "unknown_target"], answer)
    assert applied.closes == (asked["service", "V1", "unknown_target"].pk,)
    waiting = {code for (_, _, code), each in questions().items() if each.state == ConflictState.OPEN}
    assert waiting == {"resets_states"}

"""The answers that the demo gives: one for each kind of question, with the command ``conflicts``."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from syncjobs.management.example_answers import example_answers
from syncjobs.models import Conflict, ConflictKind, ConflictState, Invitation
from tests.syncjobs.conflicts.test_kinds import EVERY, arisen
from tests.syncjobs.conftest import Sync, contents

pytestmark = pytest.mark.django_db


@EVERY
def test_each_kind_has_an_answer_that_can_be_given_and_stays(sync: Sync, kind: str) -> None:
    arisen(sync, kind)
    output = StringIO()
    (example,) = (each for each in example_answers() if each.conflict.kind == kind)
    call_command("conflicts", *example.command(), "--json", stdout=output)
    document = json.loads(output.getvalue())
    assert (document["conflict"], document["applied"]) == (example.conflict.pk, True)
    assert Conflict.objects.get(pk=example.conflict.pk).state in (ConflictState.DECIDED, ConflictState.CLOSED)
    assert not Invitation.objects.exists()
    sync.run()
    rows = contents()
    sync.run()
    assert contents() == rows


def test_the_suggestion_is_preferred_and_nothing_is_written_by_choosing(sync: Sync) -> None:
    arisen(sync, "timezone_mismatch")
    before = contents()
    chosen = {each.conflict.kind: each.choice for each in example_answers()}
    assert contents() == before
    assert chosen == {ConflictKind.TIMEZONE_MISMATCH: "confirm", ConflictKind.USER_NOT_FOUND: "leave"}


def test_without_questions_there_is_no_answer(sync: Sync) -> None:
    assert list(example_answers()) == []

"""The preview of every answer says what changes about who is on call, and the database says the same afterwards."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from oncall.models import EscalationPolicy, Responder, Schedule, UserGroup
from syncjobs.deciding.decide import Decision, decide, preview
from syncjobs.management.shell import impact_lines, run_document
from syncjobs.models import Conflict, SyncRun
from syncjobs.pages.impact import NOT_LISTED, impact_of_decision
from syncjobs.planning.impact.values import Change, Impact, Subject
from syncjobs.words.impact import NOTHING_CHANGES
from tests.syncjobs.admin.test_leads import lead_of
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import NOW, Sync, edit, user
from tests.syncjobs.deciding.test_answers import EVERY, given
from tests.syncjobs.management.test_shell import document, shell
from tests.syncjobs.runs.impact.oracle import ask, judge

pytestmark = pytest.mark.django_db

#: The answers that change who is on call, or whom a policy reaches first, in the worlds of the questions.
CHANGES = {
    ("duplicate_schedule", "merge"),
    ("duplicate_policy", "merge"),
    ("gone", "deactivate"),
    ("recreated", "relink"),
    ("inactive_scheduled", "replace"),
}


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    """The questions of these tests are about schedules in which Ana is on call until 23 November, and then Bo."""
    with time_machine.travel(NOW, tick=False):
        yield


@EVERY
def test_a_preview_says_what_the_database_says_afterwards(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    before = ask(NOW)
    shown = preview(conflict, decision).impact
    applied = decide(conflict, decision)
    assert (applied.impact is None) == (shown is None)
    after = ask(NOW)
    differing = judge(shown or Impact(NOW), before, after)
    assert judge(applied.impact or Impact(NOW), before, after) == differing
    assert (differing > 0) == ((kind, choice) in CHANGES)
    assert applied.run is not None
    applied.run.refresh_from_db()
    assert applied.run.impact is not None
    assert Impact.from_json(applied.run.impact) == (shown or Impact(NOW))


def mapped_to_bo(sync: Sync) -> tuple[Conflict, dict[str, str]]:
    """Return the question about Ana, who is on call, and the answer that she is Bo."""
    sync.run()
    conflict = Conflict.objects.get(kind="user_not_found", external_id="U1")
    return conflict, {"to": f"responder:{Responder.objects.get(name='Bo').pk}"}


def test_the_shell_says_who_is_on_call_instead(sync: Sync) -> None:
    conflict, arguments = mapped_to_bo(sync)
    command = ("conflicts", "--resolve", str(conflict.pk), "map", "--set", f"to={arguments['to']}", "--preview")
    assert "On call now in Primary: Bo instead of Ana." in shell(*command)[1]
    impact = document(*command)["impact"]
    assert impact["now"] == [
        {"schedule": "Primary", "before": ["Ana"], "after": ["Bo"]},
        {"policy": "Default", "before": ["Ana", "Cy"], "after": ["Bo", "Cy"]},
    ]
    assert impact["uncovered"] == []
    assert document(*command[:-1])["impact"] == impact
    run = SyncRun.objects.latest("pk")
    assert run_document(run)["impact"] == impact


def test_an_answer_that_changes_nobody_is_one_sentence(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    assert NOTHING_CHANGES in shell("conflicts", "--resolve", str(conflict.pk), "take_source", "--preview")[1]
    left = arisen(sync, "user_not_found")
    assert document("conflicts", "--resolve", str(left.pk), "leave", "--preview")["impact"] is None


def test_people_of_one_name_are_told_apart(sync: Sync) -> None:
    sync.source.change(users=(user("U1", "Ana"), user("U2", "Ana", email="other@example.com"), user("U3", "Cy")))
    sync.run()
    first, second = (
        f"local:{pk}" for pk in Responder.objects.filter(name="Ana").order_by("pk").values_list("pk", flat=True)
    )
    schedule = Subject("schedule", f"local:{Schedule.objects.get().pk}")
    change = Change(schedule, NOW, (f"person:{first}",), (f"person:{second}",))
    (sentence,) = impact_lines(Impact(NOW, now=(change,)))
    numbers = [f"Ana #{key.removeprefix('local:')}" for key in (first, second)]
    assert sentence == f"On call now in Primary: {numbers[1]} instead of {numbers[0]}."


def test_the_page_of_a_question_shows_it(sync: Sync, admin_client: Client) -> None:
    conflict, arguments = mapped_to_bo(sync)
    sent = {"choice": "map", **arguments, "evidence_hash": conflict.evidence_hash, "comment": "", "preview": "1"}
    page = admin_client.post(f"/admin/syncjobs/conflict/{conflict.pk}/change/", sent).content.decode()
    assert "On call now in Primary: Bo instead of Ana." in page


def test_a_lead_is_told_only_of_the_own_schedules(sync: Sync) -> None:
    """Without a schedule that the lead sees, the page neither names one nor says that nothing changes."""
    conflict, arguments = mapped_to_bo(sync)
    found = preview(conflict, Decision("map", arguments, None)).impact
    assert found is not None
    lead = lead_of("Platform")
    edit("escalation_policy", EscalationPolicy.objects.get(), group_key="")
    shown = impact_of_decision(found, lead, with_addresses=True)
    assert shown is not None
    assert shown.sentences == (NOT_LISTED,)
    edit("schedule", Schedule.objects.get(), group_keys=[f"local:{UserGroup.objects.get().pk}"])
    shown = impact_of_decision(found, lead, with_addresses=True)
    assert shown is not None
    assert shown.sentences[0] == "On call now in Primary: Bo instead of Ana."
    assert shown.sentences[-1] == NOT_LISTED
    assert not any("Default" in each for each in shown.sentences)


def test_bulk_answers_are_previewed_with_it(sync: Sync) -> None:
    arisen(sync, "both_edited")
    (previewed,) = document("conflicts", "--resolve-all", "take_source", "--kind", "both_edited", "--preview")
    assert previewed["impact"]["now"] == []

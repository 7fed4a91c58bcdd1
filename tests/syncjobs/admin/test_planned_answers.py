"""Every answer to a question about objects that are only planned, on the page of the question."""

from typing import Any

import pytest

from oncall.models import Role
from syncjobs.models import Conflict, ConflictState
from syncjobs.planning.decisions.values import LATER
from tests.syncjobs.admin.test_answers import card_of, client_with, filled, url_of
from tests.syncjobs.conftest import Sync, contents
from tests.syncjobs.deciding.test_planned import ANSWERS, EVERY, imported, planned

pytestmark = pytest.mark.django_db


def as_offered(card: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return a form in which planned rows are named as the fields offer them: by their keys."""
    offered = [value for field in card.form.fields.values() for value, _ in getattr(field, "choices", ())]
    return {
        name: next((each for each in offered if each.endswith(f":{value.removeprefix('planned:')}")), value)
        if isinstance(value, str) and value.startswith("planned:")
        else value
        for name, value in data.items()
    }


@EVERY
def test_the_page_previews_and_takes_it(sync: Sync, kind: str, choice: str) -> None:
    client = client_with(Role.ADMINISTRATOR)
    plan, question, decision = planned(sync, kind, choice)
    url, case = url_of(question), ANSWERS[kind][choice]
    given = filled(client, url, choice, decision.arguments)
    data = as_offered(card_of(client.get(url), choice), given)
    before = contents()
    shown = client.post(url, {**data, "preview": "1"})
    card = card_of(shown, choice)
    assert (card.error, card.form.errors, contents()) == ("", {}, before)
    assert (LATER in card.effects.deferred.lower()) == (case.runs > 0 or case.presses > 1)
    answered = client.post(url, {**data, "answer": "1"}, follow=True)
    question.refresh_from_db()
    assert (question.state, question.choice) == (ConflictState.DECIDED, choice)
    assert (f"It {LATER}" in answered.content.decode()) == bool(question.awaits)
    imported(sync, plan, kind)
    assert case.check(question)
    page = client.get(url).content.decode()
    assert "It takes effect" not in page
    assert Conflict.objects.filter(pk=question.pk, awaits="import").count() == 0


def test_planned_rows_are_shown_by_their_names(sync: Sync) -> None:
    _, question, _ = planned(sync, "team_name_collision", "rename")
    page = client_with(Role.ADMINISTRATOR).get(url_of(question)).content.decode()
    assert "platform, not yet imported from PagerDuty" in page

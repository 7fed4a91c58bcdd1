"""Forms, lists and pages say which elements of an object, or of what it rests on, could not be read."""

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from oncall.admin.policy.list import page_url as policy_url
from oncall.admin.schedule.list import page_url as schedule_url
from oncall.escalation.policy import Target
from oncall.models import EscalationPolicy, Responder, Schedule, User, UserGroup
from oncall.operations import create_account
from syncjobs.models import LinkState
from tests.oncall.admin.conftest import Form
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless
from tests.syncjobs.conftest import Sync, policy

NOW = "2026-11-20T12:00:00Z"
CHANGE = "admin:oncall_{}_change"
LIST = "admin:oncall_{}_changelist"


@pytest.fixture
def browser(db: None, client: Client) -> Client:
    create_account("root@example.com", "long-enough-1", is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(email="root@example.com"))
    return client


@pytest.fixture
def imported(sync: Sync) -> Sync:
    policies = (*sync.source.snapshot.policies, policy("P2", "Team", Target("user_group", "T1")))
    sync.source.change(policies=policies)
    sync.run()
    return sync


def lose(sync: Sync, kind: str, external_id: str, **counts: int) -> None:
    """The next read could not take these elements."""
    sync.connection.links.filter(entity_type=kind, external_id=external_id).update(unread=counts)


def said(browser: Client, url: str) -> list[str]:
    return list(browser.get(url).context["warnings"])


def sentence(elements: str, of: str, effect: str = "who is on call may differ") -> str:
    return f"{elements} of {of} could not be read at acme; {effect}."


PAGED = "who is paged may differ"
REACHED = "how the person is reached may differ"


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("kind", "id_", "model", "collection", "expected"),
    [
        ("responder", "U1", Responder, "contact_methods", sentence("2 contact methods", "Ana", REACHED)),
        ("responder", "U1", Responder, "notification_rules", sentence("2 notification rules", "Ana", REACHED)),
        ("responder", "U1", Responder, "substitutions", sentence("2 substitutions", "Ana")),
        ("user_group", "T1", UserGroup, "members", sentence("2 members", "Platform", "who belongs to it may differ")),
        ("schedule", "S1", Schedule, "overrides", sentence("2 overrides", "Primary")),
        ("schedule", "S1", Schedule, "extra_shifts", sentence("2 extra shifts", "Primary")),
        ("schedule", "S1", Schedule, "layers", sentence("2 layers", "Primary")),
        ("schedule", "S1", Schedule, "layers.L1", sentence("2 layers", "Primary")),
        ("escalation_policy", "P1", EscalationPolicy, "levels", sentence("2 levels", "Default", PAGED)),
    ],
)
def test_the_form_says_it_and_the_list_has_a_mark(
    kind: str, id_: str, model: Any, collection: str, expected: str, browser: Client, imported: Sync
) -> None:
    name = model._meta.model_name
    pk = imported.connection.links.get(entity_type=kind, external_id=id_).row_id
    change, list_ = reverse(CHANGE.format(name), args=[pk]), reverse(LIST.format(name))
    assert said(browser, change) == []
    assert "partly read" not in browser.get(list_).content.decode()
    lose(imported, kind, id_, **{collection: 2})
    assert said(browser, change) == [expected]
    assert expected in browser.get(change).content.decode()
    text = browser.get(list_).content.decode()
    assert text.count(f'title="{expected}"') == 1
    assert "partly read" in text
    imported.connection.links.update(state=LinkState.DETACHED)  # nothing is expected of its source any more
    assert said(browser, change) == []
    assert browser.get(reverse(f"admin:oncall_{name}_add")).status_code == 200


@time_machine.travel(NOW, tick=False)
def test_a_schedule_and_its_preview_also_say_it_of_their_people(browser: Client, imported: Sync) -> None:
    lose(imported, "schedule", "S1", overrides=1)
    lose(imported, "responder", "U1", substitutions=1, contact_methods=3)
    lose(imported, "responder", "U3", substitutions=1)  # Cy is not in the schedule
    expected = [sentence("1 override", "Primary"), sentence("1 substitution", "Ana")]
    pk = Schedule.objects.get().pk
    page = browser.get(schedule_url(pk))
    assert page.context["warnings"] == expected
    text = page.content.decode()
    assert text.index(expected[0]) < text.index("On call now")
    preview = Form(browser, reverse(CHANGE.format("schedule"), args=[pk])).send(description="x", _preview="1")
    assert preview.context["warnings"] == expected
    text = preview.content.decode()
    assert text.index(expected[1]) < text.index("Preview: nothing is saved yet")


@time_machine.travel(NOW, tick=False)
def test_a_walk_says_what_it_rests_on(browser: Client, imported: Sync) -> None:
    pages = {each.name: policy_url(each.pk) for each in EscalationPolicy.objects.all()}
    assert {name: said(browser, url) for name, url in pages.items()} == {"Default": [], "Team": []}
    lose(imported, "schedule", "S1", overrides=1)
    lose(imported, "user_group", "T1", members=2)
    lose(imported, "escalation_policy", "P1", levels=1)
    for number, id_ in enumerate(("U1", "U2", "U3"), 1):
        lose(imported, "responder", id_, substitutions=number, contact_methods=1)
    members = sentence("2 members", "Platform", "who belongs to it may differ")
    ana, bo, cy = (
        sentence("1 substitution", "Ana"),
        sentence("2 substitutions", "Bo"),
        sentence("3 substitutions", "Cy"),
    )
    assert set(said(browser, pages["Default"])) == {
        sentence("1 level", "Default", PAGED),
        sentence("1 override", "Primary"),
        ana,
        bo,
        cy,
    }
    assert set(said(browser, pages["Team"])) == {members, ana, bo}
    assert members in browser.get(pages["Team"]).content.decode()


@time_machine.travel(NOW, tick=False)
def test_names_in_the_sentences_are_text(browser: Client, imported: Sync) -> None:
    imported.connection.name = HOSTILE
    imported.connection.save()
    lose(imported, "schedule", "S1", overrides=1)
    pk = Schedule.objects.get().pk
    urls = schedule_url(pk), reverse(CHANGE.format("schedule"), args=[pk]), reverse(LIST.format("schedule"))
    for url in urls:
        assert_harmless(browser.get(url).content.decode())

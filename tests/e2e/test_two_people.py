"""Two people in two browsers edit one schedule, one policy, one group and one person: nothing is lost.

``SCREENSHOTS=folder`` keeps pictures of the forms that show a conflict.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.operations import Actor, create_account, write
from oncall.selectors.states import load_states
from tests.e2e.browsers import CHROMIUM, fits, picture

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page, expect  # noqa: E402

WEEK = {"type": "by_time", "anchor": "2026-03-02T09:00:00", "length": 604_800, "unit": "seconds", "clock": "wall"}
METHOD = {"channel": "email", "address": "ana@example.com", "extension": "", "label": "", "enabled": True}
Open = Callable[[str, str, int], Page]


@pytest.fixture
def opened(live_server: Any, browser: Browser) -> Iterator[Open]:
    """``opened("Ana", "schedule", pk)`` opens a form in the browser of an administrator."""
    contexts = []

    def open_form(name: str, model: str, pk: int) -> Page:
        client = Client()
        email = f"{name.lower()}@example.com"
        client.force_login(create_account(email, name=name, is_staff=True, is_superuser=True))
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=live_server.url)
        contexts.append(context)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(reverse(f"admin:oncall_{model}_change", args=[pk]))
        return page

    yield open_form
    for context in contexts:
        context.close()


def create(kind: Kind, elements: dict[str, Any] | None = None, **fields: Any) -> int:
    changes = {name: ElementChanges(put=put) for name, put in (elements or {}).items()}
    return write(kind, [Draft(fields, changes)], by=Actor(None, "test"))[0].id


def save(page: Page, *, refused: bool = False) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    if refused:
        expect(page.get_by_text("Nothing was saved, and what you typed is still here")).to_be_visible()
        assert fits(page)
    else:
        expect(page.get_by_text("was changed successfully")).to_be_visible()


def enter(page: Page, name: str, text: str) -> None:
    page.locator(f"[name={name}]").fill(text)


def layer(key: str, name: str, *people: str) -> dict[str, Any]:
    return {
        "key": key, "name": name, "windows": [{"type": "always"}], "turns": WEEK, "participants": list(people),
        "zone": None, "starts_at": None, "ends_at": None,
    }  # fmt: skip


def test_two_people_edit_one_schedule(opened: Open) -> None:
    ana, ben = create("responder", name="Ana"), create("responder", name="Ben")
    who = f"person:local:{ana}"
    shift = {"starts_at": "2090-03-02T10:00:00Z", "ends_at": "2090-03-02T18:00:00Z", "by_key": f"person:local:{ben}"}
    layers = [layer(f"L{n}", name, who) for n, name in enumerate(("Days", "Nights", "Spare"))]
    overrides = {"3:O1": {**shift, "sources": ["L1"], "rank": 4}, "3:O2": {**shift, "by_key": who}}
    stored = {"format": 1, "layers": layers}
    pk = create("schedule", {"overrides": overrides}, name="Payments", time_zone="UTC", layers=stored)
    first, second = opened("Anna", "schedule", pk), opened("Otto", "schedule", pk)

    enter(second, "layers-0-ORDER", "9")
    enter(second, "layers-1-length", "2")
    second.locator("[name=layers-2-DELETE]").check()
    enter(second, "layers-3-name", "Weekend")
    enter(second, "layers-3-first", "2026-03-07T09:00")
    enter(second, "layers-3-participants", f"Ben #{ben}")
    second.locator("#overrides-group .add-row").click()
    enter(second, "overrides-2-stand_in", f"Ana #{ana}")
    enter(second, "overrides-2-starts", "2090-04-02T10:00")
    enter(second, "overrides-2-ends", "2090-04-02T11:00")
    second.locator("label:has([name=overrides-1-DELETE])").click()
    save(second)

    enter(first, "layers-1-name", "Late nights")
    enter(first, "layers-2-participants", f"Ben #{ben}\nnobody")
    enter(first, "overrides-0-ends", "2090-03-02T20:00")
    save(first, refused=True)
    for words in (
        "Turn length is “2” now; it was “1”", "Layer Spare was removed in the meantime. Save again to put it back",
        "Layer Weekend was added in the meantime", "changed the order in the meantime",
    ):  # fmt: skip
        expect(first.get_by_text(words).first).to_be_visible()
    picture(first, "two-people-schedule", full=True)
    save(first)

    state = load_states("schedule", [pk])[pk]
    saved = {each["name"]: each for each in state.fields["layers"]["layers"]}
    assert saved.keys() == {"Late nights", "Weekend", "Days", "Spare"}
    assert (saved["Late nights"]["key"], saved["Late nights"]["turns"]["length"]) == ("L1", 2 * 604_800)
    assert saved["Spare"]["participants"] == [f"person:local:{ben}", "vacant"]
    ends = sorted(each["ends_at"] for each in state.elements["overrides"].values())
    assert ends == ["2090-03-02T20:00:00Z", "2090-04-02T11:00:00Z"]
    override = state.elements["overrides"]["3:O1"]
    assert (override["sources"], override["rank"]) == (["L1"], 4)


def test_two_people_edit_one_policy(opened: Open) -> None:
    ana = create("responder", name="Ana")
    target = [{"kind": "responder", "key": f"local:{ana}", "condition": "not_closed"}]
    levels = [{"wait": wait, "distribution": "everyone", "targets": target} for wait in (5, 10, 15, 20)]
    pk = create("escalation_policy", name="Payments", levels={"format": 1, "levels": levels})
    first, second = opened("Anna", "escalationpolicy", pk), opened("Otto", "escalationpolicy", pk)

    enter(second, "levels-1-wait", "11")
    second.locator("[name=levels-3-DELETE]").check()
    enter(second, "levels-4-wait", "40")
    enter(second, "levels-4-ORDER", "0")
    enter(second, "levels-4-targets", f"Ana #{ana}")
    save(second)

    enter(first, "levels-0-wait", "6")
    enter(first, "levels-1-wait", "12")
    first.locator("[name=levels-1-distribution]").select_option("round_robin")
    enter(first, "levels-3-wait", "21")
    save(first, refused=True)
    for words in ("Wait, minutes is “11” now; it was “10”", "Level 4 was removed", "was added in the meantime"):
        expect(first.get_by_text(words).first).to_be_visible()
    picture(first, "two-people-policy", full=True)
    save(first)

    stored = load_states("escalation_policy", [pk])[pk].fields["levels"]["levels"]
    assert [(each["wait"], each["distribution"]) for each in stored] == [
        (40, "everyone"), (6, "everyone"), (12, "round_robin"), (15, "everyone"),
        (21, "everyone"),
    ]  # fmt: skip
    assert [each["targets"] for each in stored[1:]] == [target] * 4


def test_two_people_edit_one_group(opened: Open) -> None:
    people = [create("responder", name=name) for name in ("Ana", "Ben", "Cleo", "Dora")]
    members = {f"3:M{pk}": {"person_key": f"local:{pk}", "role": "member"} for pk in people[:3]}
    pk = create("user_group", {"members": members}, name="Payments")
    first, second = opened("Anna", "usergroup", pk), opened("Otto", "usergroup", pk)

    enter(second, "description", "Pays")
    enter(second, "members-0-imported_role", "manager")
    second.locator("label:has([name=members-1-DELETE])").click()
    second.locator("#members-group .add-row").click()
    enter(second, "members-3-person", f"Dora #{people[3]}")
    save(second)

    enter(first, "name", "Payments team")
    enter(first, "members-0-imported_role", "lead")
    enter(first, "members-1-imported_role", "deputy")
    save(first, refused=True)
    for words in (
        "is “manager” now; it was “member”", f"Group member “Ben #{people[1]}, member” was removed",
        f"Group member “Dora #{people[3]}” was added",
    ):  # fmt: skip
        expect(first.get_by_text(words).first).to_be_visible()
    picture(first, "two-people-group", full=True)
    save(first)

    state = load_states("user_group", [pk])[pk]
    roles = {each["person_key"]: each["role"] for each in state.elements["members"].values()}
    assert roles == dict(zip((f"local:{pk}" for pk in people), ("lead", "deputy", "member", ""), strict=True))
    assert (state.fields["name"], state.fields["description"]) == ("Payments team", "Pays")


def test_two_people_edit_one_person(opened: Open) -> None:
    pk = create("responder", {"contact_methods": {"3:M1": METHOD, "3:M2": METHOD}}, name="Ana", time_zone="UTC")
    first, second = opened("Anna", "responder", pk), opened("Otto", "responder", pk)

    enter(second, "title", "Engineer")
    enter(second, "contact_methods-0-address", "otto@example.com")
    second.locator("label:has([name=contact_methods-1-DELETE])").click()
    second.locator("#contact_methods-group .add-row").click()
    enter(second, "contact_methods-2-address", "new@example.com")
    second.locator("[name=contact_methods-2-channel]").select_option("email")
    save(second)

    enter(first, "contact_methods-0-label", "Home")
    enter(first, "contact_methods-1-label", "Work")
    save(first, refused=True)
    expect(first.get_by_text("Address is “otto@example.com” now").first).to_be_visible()
    picture(first, "two-people-person", full=True)
    save(first)

    state = load_states("responder", [pk])[pk]
    methods = sorted((each["address"], each["label"]) for each in state.elements["contact_methods"].values())
    assert methods == [("ana@example.com", "Work"), ("new@example.com", ""), ("otto@example.com", "Home")]
    assert state.fields["title"] == "Engineer"

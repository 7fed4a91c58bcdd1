"""What can happen to a row while its form is open, besides an edit by somebody else."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from oncall.aggregates import Draft
from oncall.models import GroupMember, Override, Responder, User
from oncall.operations import Actor, account, create_account, delete, merge, set_rights, write
from oncall.selectors.states import load_states
from scripts.attack.forms import Form
from tests.oncall.admin.forms.two_people import PARTS, Part, World

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
Open = Callable[..., Form]
SPANS = [part for part in PARTS if "ends_at" in part.make(0) and not part.cards]


@pytest.fixture
def world(part: Part, make: Any, browser: Client) -> World:
    return World(part, make, account(create_account("otto@example.com", name="Otto").pk))


@pytest.mark.parametrize("part", SPANS, ids=str)
@pytest.mark.parametrize("typed", [True, False])
def test_an_element_that_ends_while_its_form_is_open_is_neither_doubled_nor_lost(
    part: Part, typed: bool, world: World, form: Open
) -> None:
    ended = {**part.make(0), "starts_at": "2026-03-02T10:00:00Z", "ends_at": "2026-03-02T12:00:00Z"}
    world.edit(0, **ended)
    with time_machine.travel("2026-03-02T11:59:00Z", tick=False):
        page = form(part.model, world.pk)
        assert page.data[f"{part.name}-0-ends"] == "2026-03-02T12:00"
    changes = {f"{part.name}-0-ends": "2026-03-02T11:00"} if typed else {}
    with time_machine.travel("2026-03-02T12:01:00Z", tick=False):
        assert page.send(**changes, **{f"{part.name}-2-ends": "2100-05-01T10:00"}).status_code == 302
    ends = "2026-03-02T11:00:00Z" if typed else "2026-03-02T12:00:00Z"
    assert world.items == [
        {**ended, "ends_at": ends}, part.make(1), {**part.make(2), "ends_at": "2100-05-01T10:00:00Z"},
    ]  # fmt: skip


@pytest.mark.parametrize("part", SPANS, ids=str)
def test_an_element_that_ended_is_shown_again_beside_an_error(part: Part, world: World, form: Open) -> None:
    ended = {**part.make(0), "starts_at": "2026-03-02T10:00:00Z", "ends_at": "2026-03-02T12:00:00Z"}
    world.edit(0, **ended)
    with time_machine.travel("2026-03-02T11:59:00Z", tick=False):
        page = form(part.model, world.pk)
    with time_machine.travel("2026-03-02T12:01:00Z", tick=False):
        refused = page.send(**{f"{part.name}-1-ends": "1999-01-01T00:00"})
        shown = Form(page.browser, page.url, refused)
        assert "The end must be after the start." in refused.content.decode()
        ids = [f"{part.name}-{n}-id" for n in range(3)]
        assert [shown.data[name] for name in ids] == [page.data[name] for name in ids]
        assert shown.send(**{f"{part.name}-1-ends": "2100-05-01T10:00"}).status_code == 302
    assert world.items == [ended, {**part.make(1), "ends_at": "2100-05-01T10:00:00Z"}, part.make(2)]


@pytest.mark.parametrize("part", [each for each in PARTS if not each.cards], ids=str)
def test_an_account_that_may_only_add_elements_changes_none(
    part: Part, world: World, form: Open, client: Client, tester: Actor
) -> None:
    page = form(part.model, world.pk)
    element = {"overrides": "override", "members": "groupmember", "contact_methods": "contactmethod",
               "notification_rules": "notificationrule", "substitutions": "substitution"}[part.name]  # fmt: skip
    clerk = create_account("clerk@example.com", is_staff=True)
    names = {f"view_{part.model}", f"change_{part.model}", f"view_{element}", f"add_{element}"}
    rights = Permission.objects.filter(codename__in=names).values_list("pk", flat=True)
    set_rights(clerk.pk, [], list(rights), tester)
    client.force_login(clerk)
    name, text, _ = part.typed
    response = page.send(**{f"{part.name}-1-{name}": text})  # of a form that was opened with more rights
    assert f"“{text}”" in response.content.decode()
    assert "but you may not change it any more." in response.content.decode()
    assert Form(client, page.url, response).send(name="Own").status_code == 302
    assert world.items == [part.make(n) for n in range(3)]
    world.remove(2)  # the rows of the next form are read-only
    own = Form(client, page.url)
    world.remove(1)
    refused = own.send(name="Other")
    assert Form(client, page.url, refused).send().status_code == 302
    assert world.items == [part.make(0)]


def test_a_layer_that_the_form_cannot_edit_any_more_stays_and_what_was_typed_becomes_a_new_layer(
    form: Open, make: MakeRow, weekly_layers: Any, tester: Actor
) -> None:
    pk = make("schedule", layers=weekly_layers("vacant"))
    page = form("schedule", pk)
    elapsed = weekly_layers("vacant")
    elapsed["layers"][0]["turns"] |= {"clock": "elapsed", "anchor": "2026-03-02T09:00:00Z"}
    write("schedule", [Draft({"layers": elapsed}, id=pk, version=1)], by=tester)
    refused = page.send(**{"layers-0-name": "Typed"})
    assert "this form cannot edit it any more" in refused.content.decode()
    assert Form(page.browser, page.url, refused).send().status_code == 302
    stored, new = load_states("schedule", [pk])[pk].fields["layers"]["layers"]
    assert stored == elapsed["layers"][0]
    assert (new["name"], new["key"] != stored["key"]) == ("Typed", True)


def test_a_read_only_layer_that_became_editable_is_shown_with_its_values(
    form: Open, make: MakeRow, weekly_layers: Any, tester: Actor
) -> None:
    elapsed = weekly_layers("vacant")
    elapsed["layers"][0]["turns"] |= {"clock": "elapsed", "anchor": "2026-03-02T09:00:00Z"}
    pk = make("schedule", layers=elapsed)
    page = form("schedule", pk)
    write("schedule", [Draft({"layers": weekly_layers("vacant")}, id=pk, version=1)], by=tester)
    refused = page.send(description="Typed")
    assert Form(page.browser, page.url, refused).send().status_code == 302
    fields = load_states("schedule", [pk])[pk].fields
    assert (fields["layers"], fields["description"]) == (weekly_layers("vacant"), "Typed")


def test_a_person_who_gets_another_name_while_a_form_is_open_stays_in_it(
    form: Open, make: MakeRow, weekly_layers: Any, one_level: Any, tester: Actor
) -> None:
    ana = make("responder", name="Ana")
    key = f"local:{ana}"
    shift = {"starts_at": "2100-03-02T10:00:00Z", "ends_at": "2100-03-02T11:00:00Z", "by_key": f"person:{key}"}
    rows = {
        "schedule": make("schedule", {"overrides": {"3:O": shift}}, layers=weekly_layers(f"person:{key}")),
        "escalationpolicy": make("escalation_policy", levels=one_level(("responder", key))),
        "usergroup": make("user_group", {"members": {"3:M": {"person_key": key, "role": ""}}}),
    }
    pages = {model: form(model, pk) for model, pk in rows.items()}
    write("responder", [Draft({"name": "Anna"}, id=ana, version=1)], by=tester)
    changes = {
        "schedule": {"layers-0-participants": f"Ana #{ana}\nnobody", "overrides-0-covers_gaps": ""},
        "escalationpolicy": {"levels-0-targets": f"Ana #{ana}\nAna #{ana}"},
        "usergroup": {"members-0-imported_role": "lead"},
    }
    for model, page in pages.items():
        assert page.send(**changes[model]).status_code == 302, model
    layers = load_states("schedule", [rows["schedule"]])[rows["schedule"]].fields["layers"]["layers"]
    assert layers[0]["participants"] == [f"person:{key}", "vacant"]
    assert Override.objects.get().by_id == GroupMember.objects.get().responder_id == ana


def test_a_row_that_was_merged_meanwhile_is_named_and_the_form_can_be_saved(
    form: Open, make: MakeRow, tester: Actor
) -> None:
    method = {"channel": "sms", "address": "+49 30 1", "extension": "", "label": "", "enabled": True}
    ana, anna = make("responder", {"contact_methods": {"3:M": method}}, name="Ana"), make("responder", name="Anna K.")
    page = form("responder", ana)
    merge("responder", ana, anna, tester)
    refused = page.send(title="Typed", **{"contact_methods-0-label": "Typed"})
    text = refused.content.decode()
    assert "It was merged into Anna K." in text
    assert "Typed" in text
    assert Form(page.browser, page.url, refused).send().status_code == 302
    assert Responder.objects.get(pk=ana).title == "Typed"
    assert Responder.objects.get(pk=anna).contact_methods.get(source_key="3:M").label == ""


def test_without_the_right_to_add_a_deleted_row_is_named_and_nothing_is_created(
    client: Client, make: MakeRow, tester: Actor
) -> None:
    clerk = create_account("clerk@example.com", is_staff=True)
    names = Permission.objects.filter(codename__in=["view_service", "change_service"]).values_list("pk", flat=True)
    set_rights(clerk.pk, [], list(names), tester)
    client.force_login(clerk)
    pk = make("service")
    page = Form(client, reverse("admin:oncall_service_change", args=[pk]))
    delete("service", [pk], tester)
    response = page.browser.post(page.url, {**page.data, "name": "Typed"}, follow=True)
    assert "deleted" in response.content.decode()
    assert not load_states("service", [pk])


@pytest.mark.parametrize("version", ["", "x", "7"])
def test_a_tampered_version_creates_nothing_in_the_place_of_a_deleted_account(
    version: str, form: Open, browser: Client
) -> None:
    ana = create_account("ana@example.com")
    page = form("user", ana.pk)
    browser.post(reverse("admin:oncall_user_delete", args=[ana.pk]), {"post": "yes"})
    refused = page.send(name="Zoe", row_version=version)
    assert "was deleted while you were editing" in refused.content.decode()
    assert not User.objects.filter(email="ana@example.com").exists()
    assert Form(browser, page.url, refused).send().status_code == 302
    assert User.objects.get(email="ana@example.com").name == "Zoe"

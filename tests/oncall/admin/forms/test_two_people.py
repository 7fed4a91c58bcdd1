"""Two people have the same form open: nothing that either of them did is lost without being shown."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from oncall.admin.base.aggregate import AggregateAdmin
from oncall.models import EscalationPolicy, Schedule
from oncall.operations import account, create_account, delete
from scripts.attack.forms import Form
from tests.oncall.admin.forms.two_people import COMPARED, KINDS, OTHERS, PARTS, Part, World

pytestmark = pytest.mark.django_db
Open = Callable[..., Form]
every_part = pytest.mark.parametrize("part", PARTS, ids=str)
every_cards = pytest.mark.parametrize("part", [each for each in PARTS if each.cards], ids=str)
every_elements = pytest.mark.parametrize("part", [each for each in PARTS if not each.cards], ids=str)


def test_the_tables_contain_every_form_of_the_admin(form: Open, make: Any) -> None:
    models = {}
    for model, site_admin in admin.site._registry.items():
        if isinstance(site_admin, AggregateAdmin):
            models[str(model._meta.model_name)] = site_admin
        else:
            assert model._meta.label in {**OTHERS, **COMPARED}, (
                f"{model._meta.label} has no entry in tests/oncall/admin/forms/two_people.py"
            )
    assert models.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        data = form(name, make(kind)).data
        shown = {each.removesuffix("-TOTAL_FORMS") for each in data if each.endswith("-TOTAL_FORMS")}
        assert shown == {part.name for part in PARTS if part.model == name}, name


@pytest.fixture
def world(part: Part, make: Any, browser: Client) -> World:
    other = create_account("otto@example.com", name="Otto")
    return World(part, make, account(other.pk))


def typed(world: World, page: Form, number: int = 1) -> dict[str, str]:
    """What the first person enters in an item, as the form sends it."""
    name, text, _ = world.part.typed
    return {f"{world.part.name}-{number}-{name}": text}


def expected(world: World, number: int = 1) -> dict[str, Any]:
    """The item as the first person wants it."""
    return {**world.part.make(number), **world.part.typed[2]}


def in_any_order(items: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in items)


def again(page: Form, refused: Any, **changes: Any) -> Any:
    """Sends the form that a page shows after a conflict."""
    assert refused.status_code == 200
    response = Form(page.browser, page.url, refused).send(**changes)
    assert response.status_code == 302, errors(response)
    return response


def errors(response: Any) -> list[Any]:
    form = response.context["adminform"].form
    formsets = [each.formset for each in response.context["inline_admin_formsets"]]
    cards = [form.cards] if getattr(form, "cards", None) is not None else []
    return [form.errors, *(each.errors for each in (*formsets, *cards)), *(f.non_form_errors() for f in formsets)]


@every_part
def test_what_both_typed_is_shown_and_the_first_keeps_the_field(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.edit(1, **part.same)
    refused = page.send(**typed(world, page))
    text = refused.content.decode()
    assert part.shown_same in text
    assert "A save puts what you entered in its place." in text
    assert "(by Otto)" in text
    assert world.items == [part.make(0), {**part.make(1), **part.same}, part.make(2)]
    again(page, refused)
    assert world.items == [part.make(0), expected(world), part.make(2)]


@every_part
def test_what_the_second_person_changed_in_other_fields_stays(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.edit(1, **part.other)
    world.edit(2, **part.same)
    refused = page.send(**typed(world, page))
    assert part.shown_same in refused.content.decode()
    again(page, refused)
    assert world.items == [part.make(0), {**expected(world), **part.other}, {**part.make(2), **part.same}]


@every_part
def test_what_was_added_meanwhile_is_shown_and_stays(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.add(3)
    refused = page.send(**typed(world, page))
    assert "was added in the meantime." in refused.content.decode()
    again(page, refused)
    before = [part.make(3)] if part.cards else []
    after = [] if part.cards else [part.make(3)]
    assert world.items == [*before, part.make(0), expected(world), part.make(2), *after]


@every_part
def test_what_was_removed_meanwhile_is_put_back_if_it_was_edited(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.remove(0, 1)
    refused = page.send(**typed(world, page))
    text = refused.content.decode()
    assert text.count("was removed in the meantime.") in (2, 3)  # also in the list of errors of elements
    assert "Save again to put it back" in text
    again(page, refused)
    stored = world.items
    assert in_any_order(stored) == in_any_order([expected(world), part.make(2)])


@every_part
def test_what_both_removed_stays_removed(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.remove(1)
    refused = page.send(**{f"{part.name}-1-DELETE": "on"})
    assert "was removed in the meantime" not in refused.content.decode()
    again(page, refused)
    assert world.items == [part.make(0), part.make(2)]


@every_part
def test_all_may_vanish_and_one_is_put_back(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.remove(0, 1, 2)
    again(page, page.send(**typed(world, page)))
    assert world.items == [expected(world)]


@every_part
def test_a_third_change_is_shown_too(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    world.remove(1)
    refused = page.send(**typed(world, page))
    world.edit(0 if part.cards else 2, **part.same)
    refused = Form(page.browser, page.url, refused).send()
    assert part.shown_same in refused.content.decode()
    again(page, refused)
    first, last = (part.make(0), part.make(2))
    changed = [{**first, **part.same}, last] if part.cards else [first, {**last, **part.same}]
    assert in_any_order(world.items) == in_any_order([*changed, expected(world)])


@every_cards
def test_what_was_typed_stays_with_its_card_when_the_order_changes(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    zero, one, two = world.items
    world.put(two, one, zero)
    refused = page.send(**typed(world, page, 0))
    assert "changed the order in the meantime" in refused.content.decode()
    again(page, refused)
    assert world.items == [two, one, expected(world, 0)]


@every_cards
def test_the_order_that_the_first_person_typed_stays(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    zero, one, two = world.items
    world.edit(2, **part.other)
    again(page, page.send(**{f"{part.name}-0-ORDER": "9"}))
    assert world.items == [one, {**two, **part.other}, zero]


@every_part
def test_a_deleted_row_is_said_and_saved_as_a_new_one(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    delete(part.kind, [world.pk], world.by)
    refused = page.send(**typed(world, page))
    text = refused.content.decode()
    assert "was deleted while you were editing (by Otto)" in text
    assert world.part.typed[1] in text
    again(page, refused)
    world.pk = form_model(part).objects.latest("pk").pk
    assert in_any_order(world.items) == in_any_order([part.make(0), expected(world), part.make(2)])


def form_model(part: Part) -> Any:
    return next(model for model in admin.site._registry if model._meta.model_name == part.model)


@every_part
@pytest.mark.parametrize("count", ["0", "99999999", "x", None])
def test_a_tampered_count_loses_nothing(part: Part, world: World, form: Open, count: str | None) -> None:
    page = form(part.model, world.pk)
    for name in ("TOTAL_FORMS", "INITIAL_FORMS"):
        page.data[f"{part.name}-{name}"] = count
    page.data = {name: value for name, value in page.data.items() if value is not None}
    assert page.send(**typed(world, page)).status_code == 302
    assert world.items == [part.make(0), expected(world), part.make(2)]


@every_part
@pytest.mark.parametrize("snapshot", ["x", None, "of the row"])
def test_a_tampered_snapshot_loses_nothing(part: Part, world: World, form: Open, snapshot: str | None) -> None:
    page = form(part.model, world.pk)
    page.data[f"{part.name}-SNAPSHOT"] = page.data["snapshot"] if snapshot == "of the row" else snapshot
    page.data = {name: value for name, value in page.data.items() if value is not None}
    assert page.send(**typed(world, page)).status_code == 302
    assert world.items == [part.make(0), expected(world), part.make(2)]


@every_part
def test_items_that_are_not_sent_stay(part: Part, world: World, form: Open) -> None:
    page = form(part.model, world.pk)
    page.data = {name: value for name, value in page.data.items() if not name.startswith(f"{part.name}-0-")}
    response = page.send(**typed(world, page))
    if response.status_code == 200:
        again(page, response)
    assert world.items == [part.make(0), expected(world), part.make(2)]


@every_cards
def test_cards_that_cannot_be_read_any_more_are_replaced_after_a_second_save(
    part: Part, world: World, form: Open
) -> None:
    page = form(part.model, world.pk)
    model: Any = {"schedule": Schedule, "escalationpolicy": EscalationPolicy}[part.model]
    row = model.objects.get()
    unreadable = {"format": 99, part.name: []}
    model.objects.filter(pk=row.pk).update(**{part.name: unreadable}, version=row.version + 1)
    refused = page.send(**typed(world, page))
    text = refused.content.decode()
    assert "cannot be read. A save puts those below in their place." in text
    assert part.typed[1] in text
    assert getattr(model.objects.get(), part.name) == unreadable
    again(page, refused, **{f"{part.name}-{n}-DELETE": "" for n in range(3)})
    assert world.items == [part.make(0), expected(world), part.make(2)]


@every_elements
def test_a_field_of_the_aggregate_takes_the_other_value_unless_it_was_typed(
    part: Part, world: World, form: Open
) -> None:
    page = form(part.model, world.pk)
    column = "title" if part.model == "responder" else "description"
    world.write({column: "Theirs", "name": "Their name"})
    refused = page.send(name="Mine")
    assert "name is now “Their name” (by Otto)" in refused.content.decode()
    again(page, refused)
    row = form_model(part).objects.get(pk=world.pk)
    assert (row.name, getattr(row, column)) == ("Mine", "Theirs")
    assert reverse(f"admin:oncall_{part.model}_change", args=[world.pk]) == page.url


@pytest.mark.parametrize("label", COMPARED)
def test_a_row_without_a_version_is_compared_by_its_values(label: str, browser: Client) -> None:
    model: Any = apps.get_model(label)
    values, typed, theirs = COMPARED[label]
    row = model.objects.create(**values)
    if label == "connectors.Connection":
        confirm_password(browser)
    page = Form(browser, reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
    model.objects.filter(pk=row.pk).update(**theirs)
    before = model.objects.filter(pk=row.pk).values().get()
    refused = page.send(**typed)
    assert refused.status_code == 200
    (problem,) = refused.context["adminform"].form.non_field_errors()
    name = next(iter(theirs))
    assert f"This has changed while you were editing: {name.replace('_', ' ')} is now “" in problem
    assert model.objects.filter(pk=row.pk).values().get() == before
    assert Form(browser, page.url, refused).send().status_code == 302
    assert model.objects.filter(pk=row.pk).values().get() != before


def confirm_password(browser: Client) -> None:
    assert browser.post(reverse("account_confirm"), {"password": "a long password"}).status_code == 302

"""Forms of aggregates with very many elements or cards: they stay small, and can be saved."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from oncall.admin.forms.cards_form import MOST_CARDS
from oncall.admin.forms.elements import MOST_SHOWN
from oncall.aggregates import Draft, ElementChanges
from oncall.operations import Actor, write
from oncall.selectors.states import load_states
from scripts.attack.forms import Form
from tests.oncall.admin.forms.two_people import PARTS, Part

pytestmark = pytest.mark.django_db
every_elements = pytest.mark.parametrize("part", [each for each in PARTS if not each.cards], ids=str)
every_cards = pytest.mark.parametrize("part", [each for each in PARTS if each.cards], ids=str)
Make = Callable[..., int]
MANY = 2 * MOST_SHOWN + 1


def many_elements(part: Part, make: Make) -> int:
    beside = {name: dict(rows) for name, rows in part.beside.items()}
    zone = {"time_zone": "UTC"} if part.model in ("schedule", "responder") else {}
    return make(part.kind, {**beside, part.name: {part.key(n): part.make(n % 3) for n in range(MANY)}}, **zone)


def elements(part: Part, pk: int) -> dict[str, Any]:
    return dict(load_states(part.kind, [pk])[pk].elements[part.name])


def ids(part: Part, page: Form) -> list[str]:
    return [value for name, value in page.data.items() if name.startswith(f"{part.name}-") and name.endswith("-id")]


@every_elements
def test_very_many_elements_are_shown_in_pages(part: Part, make: Make, form: Any, browser: Client) -> None:
    pk = many_elements(part, make)
    first = form(part.model, pk)
    pages = [Form(browser, f"{first.url}?{part.name}-page={number}") for number in (1, 2, 3)]
    shown = [ids(part, page) for page in (first, *pages)]
    assert [len(each) for each in shown] == [MOST_SHOWN, MOST_SHOWN, MOST_SHOWN, 1]
    assert len({pk for each in shown for pk in each}) == MANY
    for number in ("0", "-1", "x", "99", "²"):
        assert browser.get(first.url, {f"{part.name}-page": number}).status_code == 200
    text = browser.get(first.url).content.decode()
    assert f"Page 1 of 3, {MANY} in all." in text
    assert f'href="?{part.name}-page=3#{part.name}-group"' in text


@every_elements
def test_a_change_on_a_page_is_saved_and_all_others_stay(part: Part, make: Make, form: Any, tester: Actor) -> None:
    pk = many_elements(part, make)
    before = elements(part, pk)
    url = f"{form(part.model, pk).url}?{part.name}-page=2"
    page = Form(form(part.model, pk).browser, url)
    name, text, values = part.typed
    write(
        part.kind,
        [Draft({}, {part.name: ElementChanges(remove=frozenset({part.key(0)}))}, id=pk, version=1)],
        by=tester,
    )
    refused = page.send(**{f"{part.name}-0-{name}": text})
    assert refused.status_code == 200
    assert "in the meantime" not in refused.content.decode()  # the pages have moved; nothing was added to this one
    assert ids(part, Form(page.browser, url, refused)) == ids(part, page)
    assert Form(page.browser, url, refused).send().status_code == 302
    del before[part.key(0)]
    changed = {key: each for key, each in elements(part, pk).items() if each != before[key]}
    (key,) = changed
    assert changed[key] == {**before[key], **values}
    assert elements(part, pk).keys() == before.keys()


@every_cards
def test_very_many_cards_are_kept_and_the_other_fields_are_saved(part: Part, make: Make, form: Any) -> None:
    cards = {"format": 1, part.name: [part.make(n) for n in range(MOST_CARDS + 1)]}
    pk = make(part.kind, **{part.name: cards})
    page = form(part.model, pk)
    assert not [name for name in page.data if name.startswith(f"{part.name}-")]
    text = page.browser.get(page.url).content.decode()
    assert f"This has {MOST_CARDS + 1} {part.name}, which are too many for a form." in text
    assert page.send(name="Mine").status_code == 302
    state = load_states(part.kind, [pk])[pk]
    assert (state.fields["name"], state.fields[part.name]) == ("Mine", cards)


@every_cards
def test_a_form_does_not_store_more_cards_than_it_can_show(
    part: Part, make: Make, form: Any, problems: Any, tester: Actor
) -> None:
    cards = {"format": 1, part.name: [part.make(n) for n in range(MOST_CARDS)]}
    pk = make(part.kind, **{part.name: cards})
    page = form(part.model, pk)
    first, new = f"{part.name}-0-", f"{part.name}-{MOST_CARDS}-"
    copy = {new + name.removeprefix(first): value for name, value in page.data.items() if name.startswith(first)}
    lines = {"layers": "participants", "levels": "targets"}[part.name]
    copy |= {f"{new}key": "", f"{new}ORDER": "", f"{new}{lines}": f"#{make('responder')}"}
    refused = page.send(**copy)
    assert f"__all__: A form stores at most {MOST_CARDS} {part.name}. Remove some of them." in problems(refused)
    write(
        part.kind,
        [Draft({part.name: {**cards, part.name: [*cards[part.name], part.make(MOST_CARDS)]}}, id=pk, version=1)],
        by=tester,
    )
    name, text, _ = part.typed
    shown = page.send(**{f"{part.name}-0-{name}": text})
    assert text in shown.content.decode()  # what was typed is not lost when a sync adds a card

"""The reason of an item for what could not be read agrees with what happens to its object."""

from dataclasses import replace

import pytest

from connectors.reading.findings import Vendor
from connectors.records import FailedEntity
from syncjobs.planning.failures import failed_item
from syncjobs.planning.values import Item, Proposal

ACME = Vendor("acme", "Acme")
PART = "only a part of it could be read, and nothing is removed because of that"
UNCHANGED = "Nothing of it was changed here."
CREATED = Item("schedule", "S1", "Primary", "create", "x")
PROPOSAL = Proposal("schedule", "S1", "3:S1", "Primary", {}, {}, "x", 1)


def failed(cause: str, hint: str = ACME.element_hint, id_: str | None = "S1") -> FailedEntity:
    element = hint == ACME.element_hint
    return FailedEntity("schedule", id_, "invalid_value", "overrides[0]", f"{cause} {hint}".strip(), hint, element)


def test_elements_that_could_not_be_read_are_named_and_the_advice_is_given_once() -> None:
    entities = [failed(f"Override {n} is unusable.") for n in (1, 2)]
    item = failed_item(entities, CREATED, PROPOSAL)
    assert item.reason == (
        f"{PART[0].upper()}{PART[1:]}: Override 1 is unusable. Override 2 is unusable. {ACME.element_hint}"
    )
    assert (item.action, item.path, item.failures) == ("create", "overrides[0]", 2)
    because = failed_item(entities[:1], replace(CREATED, reason="because of team T1"), PROPOSAL)
    assert because.reason == f"because of team T1; {PART}: Override 1 is unusable. {ACME.element_hint}"


@pytest.mark.parametrize("action", ["create", "update", "match", "settle", "conflict"])
@pytest.mark.parametrize("hint", [ACME.hint, ACME.element_hint, "Try again later."])
def test_an_object_of_which_a_part_was_read_is_never_called_unchanged(hint: str, action: str) -> None:
    item = failed_item([failed("It is unusable.", hint)], replace(CREATED, action=action), PROPOSAL)
    assert item.reason.casefold() == f"{PART}: it is unusable. {hint}".casefold()
    assert "changed" not in item.reason


def test_an_unchanged_object_of_which_an_element_failed_was_read_in_part() -> None:
    item = failed_item([failed("It is unusable.")], None, PROPOSAL)
    assert (item.action, item.label) == ("failed", "Primary")
    assert item.reason == f"{PART[0].upper()}{PART[1:]}: It is unusable. {ACME.element_hint}"


def test_an_object_that_could_not_be_read_at_all_did_not_change() -> None:
    whole = failed("Its name is missing.", ACME.hint)
    item = failed_item([failed("Override 1 is unusable."), whole], None, None)
    assert (item.action, item.label) == ("failed", "S1")
    assert item.reason == f"Override 1 is unusable. Its name is missing. {ACME.element_hint} {ACME.hint} {UNCHANGED}"
    listing = failed_item([failed("The list is cut.", "", None)], None, None)
    assert (listing.label, listing.external_id, listing.reason) == ("the whole listing", "", "The list is cut.")


def test_an_id_that_is_too_long_for_the_database_is_shortened() -> None:
    item = failed_item([failed("Its id is too long.", ACME.hint, "x" * 300)], None, None)
    assert (len(item.external_id), item.label) == (255, "x" * 300)

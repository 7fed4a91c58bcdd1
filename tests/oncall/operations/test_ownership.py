"""An element belongs to one aggregate, and the foreign key beside a key is that of the key."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from oncall.aggregates import Draft, ElementChanges, Kind, Values
from oncall.errors import InvalidDraft
from oncall.models import ChangeRecord, NotificationRule, Override
from oncall.operations import Actor, write
from oncall.selectors.states import load_states
from oncall.tables.base import KeyColumn, Table
from oncall.tables.kinds import ROOTS

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
RUN = Actor(None, "run:7")
SHIFT: Final = {"starts_at": "2026-03-02T08:00:00Z", "ends_at": "2026-03-02T16:00:00Z", "by_key": "vacant"}
#: Values of an element of each collection.
ELEMENTS: Final[dict[tuple[Kind, str], Values]] = {
    ("responder", "contact_methods"): {
        "channel": "sms", "address": "+49 30 1", "extension": "", "label": "", "enabled": True,
    },
    ("responder", "notification_rules"): {"urgency": "high", "delay": 5, "method_key": "", "windows": []},
    ("responder", "substitutions"): {**SHIFT, "scope": None},
    ("user_group", "members"): {"person_key": "3:P", "role": ""},
    ("schedule", "extra_shifts"): SHIFT,
    ("schedule", "overrides"): {
        **SHIFT, "sources": ["L1"], "replaces": "person:3:PR", "covers_gaps": False, "rank": 3,
    },
}  # fmt: skip
RULE, METHOD = ELEMENTS["responder", "notification_rules"], ELEMENTS["responder", "contact_methods"]


def put(kind: Kind, pk: int, collection: str, values: dict[str, Any]) -> None:
    change = {collection: ElementChanges(put=values)}
    write(kind, [Draft({}, change, id=pk, version=load_states(kind, [pk])[pk].version)], by=RUN)


def test_the_table_has_an_element_of_every_collection() -> None:
    assert ELEMENTS.keys() == {(kind, name) for kind, roots in ROOTS.items() for name in roots.elements}


@pytest.mark.parametrize(("kind", "name"), ELEMENTS)
@pytest.mark.parametrize("own_key", ["3:E", ""])
def test_a_draft_removes_no_element_of_another_aggregate(kind: Kind, name: str, own_key: str, make: MakeRow) -> None:
    values = ELEMENTS[kind, name]
    mine, other = make(kind), make(kind, {name: {own_key or "local:+": values}})
    (key,) = load_states(kind, [other])[other].elements[name]
    records = ChangeRecord.objects.count()
    remove = {name: ElementChanges(remove=frozenset({key}))}
    write(kind, [Draft({}, remove, id=mine, version=1)], by=RUN)
    assert load_states(kind, [other])[other].elements[name] == {key: values}
    assert (load_states(kind, [mine])[mine].version, ChangeRecord.objects.count()) == (1, records)


@pytest.mark.parametrize(("kind", "name"), ELEMENTS)
def test_a_draft_changes_no_element_of_another_aggregate(kind: Kind, name: str, make: MakeRow) -> None:
    values = ELEMENTS[kind, name]
    mine, other = make(kind), make(kind, {name: {"3:E": values}})
    with pytest.raises(InvalidDraft, match="belongs to another"):
        put(kind, mine, name, {"3:E": values})
    assert load_states(kind, [other])[other].elements[name] == {"3:E": values}


def test_a_rule_never_points_at_the_contact_method_of_another_person(make: MakeRow) -> None:
    make("responder", {"contact_methods": {"3:M": METHOD}})
    ana = make("responder", {"notification_rules": {"3:R": {**RULE, "method_key": "3:M"}}})
    rule = NotificationRule.objects.get()
    assert (rule.method_key, rule.contact_method_id) == ("3:M", None)
    put("responder", ana, "notification_rules", {"3:R": {**RULE, "method_key": "3:M", "delay": 9}})
    rule.refresh_from_db()
    assert (rule.delay, rule.contact_method_id) == (9, None)


def test_a_contact_method_that_arrives_later_is_not_that_of_another_persons_rule(make: MakeRow) -> None:
    make("responder", {"notification_rules": {"3:R": {**RULE, "method_key": "3:M"}}})
    make("responder", {"contact_methods": {"3:M": METHOD}})
    assert NotificationRule.objects.get().contact_method_id is None


def test_a_rule_that_gets_another_key_points_at_that_contact_method_or_at_none(make: MakeRow) -> None:
    both = {"contact_methods": {"3:M": METHOD, "3:N": METHOD}}
    ana = make("responder", {**both, "notification_rules": {"3:R": {**RULE, "method_key": "3:M"}}})
    for key in ("3:N", "3:GONE", "3:M", ""):
        put("responder", ana, "notification_rules", {"3:R": {**RULE, "method_key": key}})
        method = NotificationRule.objects.get().contact_method
        assert (method.source_key if method else None) == (key if key in ("3:M", "3:N") else None)


def key_columns() -> Iterator[tuple[Kind, str, KeyColumn]]:
    for kind, roots in ROOTS.items():
        tables: dict[str, Table[Any]] = {"": roots, **roots.elements}
        yield from ((kind, name, column) for name, table in tables.items() for column in table.keys)


@pytest.mark.parametrize(("kind", "name", "column"), list(key_columns()), ids=lambda each: getattr(each, "key", each))
def test_a_key_that_changes_takes_its_foreign_key_along(
    kind: Kind, name: str, column: KeyColumn, make: MakeRow
) -> None:
    first, second = make(column.kind, name="First"), make(column.kind, name="Second")
    pk = make(kind, name="Holder")
    table: Table[Any] = ROOTS[kind].elements[name] if name else ROOTS[kind]
    for key, row in (
        (f"local:{first}", first),
        (f"local:{second}", second),
        ("3:GONE", None),
        (f"local:{first}", first),
    ):
        text = column.prefix + key
        if name:
            put(kind, pk, name, {"3:E": {**ELEMENTS[kind, name], column.key: text}})
        else:
            fields = {"group_keys": [text]} if (kind, column.key) == ("schedule", "group_key") else {column.key: text}
            write(kind, [Draft(fields, id=pk, version=load_states(kind, [pk])[pk].version)], by=RUN)
        stored = table.rows.latest("pk") if name else table.rows.get(pk=pk)
        assert (getattr(stored, column.key), getattr(stored, column.row_id)) == (text, row)


def test_two_layers_with_one_key_are_refused(make: MakeRow, weekly_layers: Callable[..., Any]) -> None:
    (layer,) = weekly_layers("vacant")["layers"]
    twice = {"format": 1, "layers": [layer, {**layer, "name": "Other"}]}
    with pytest.raises(InvalidDraft, match="two layers have the same key"):
        make("schedule", layers=twice)
    pk = make("schedule", layers=weekly_layers("vacant"))
    with pytest.raises(InvalidDraft, match="two layers have the same key"):
        write("schedule", [Draft({"layers": twice}, id=pk, version=1)], by=RUN)


@pytest.mark.parametrize("sources", [["L1"], [], None])
def test_an_override_keeps_what_a_draft_does_not_set(sources: list[str] | None, make: MakeRow) -> None:
    values = {**ELEMENTS["schedule", "overrides"], "sources": sources}
    pk = make("schedule", {"overrides": {"3:E": values}})
    put("schedule", pk, "overrides", {"3:E": {"ends_at": "2026-03-02T17:00:00Z"}})
    expected = {**values, "ends_at": "2026-03-02T17:00:00Z"}
    assert load_states("schedule", [pk])[pk].elements["overrides"] == {"3:E": expected}
    assert Override.objects.get().sources == sources

"""Rows are named by text: each name, however hostile, means its own row, or the field asks which row is meant."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall.admin.forms.aggregate_forms import ElementForm
from oncall.admin.forms.cards import CardForm, NamesField, distinct_labels
from oncall.admin.forms.directory import KIND_WORDS, Directory, one_line
from oncall.admin.forms.names import NameField
from oncall.aggregates import Kind, fold
from oncall.models import (
    ChangeRecord,
    EscalationPolicy,
    GroupMember,
    Override,
    Reference,
    Responder,
    Schedule,
    Substitution,
    User,
    UserGroup,
)
from oncall.operations import Actor, create_account, set_rights
from oncall.rendering.codec import layers_from_json
from oncall.tables.kinds import ROOTS

MakeRow = Callable[..., int]
HOSTILE: Final = (
    "Ana", "Ana", "ANA ", "Ben", "Tier", "Tier #1", "Tier #2", "#1", "# 2", "C#", "C #", "Ops (routing)", "Ops [EU]",
    "Ops [next on call]", "Kowalski, Ana", "Ana\nBen", "Ana\r\nnobody", " Leading", "Trailing  ", "two  blanks",
    "nobody",
    "Nobody", "vacant", "everyone", "everyone at once", "group: Ops", "person: Ana", "person: group: Ops", "policy: P",
    "schedule: S", "Ana (not known here)", "somebody unknown", "Ana #٣", "Ana #" + "9" * 30, "3:P1", "local:1",
    "<b>Ana</b>", "\"'", "“Ana”", "a\u2028b", "A" * 512, "İstanbul", "ﬁx", "%", "_",
)  # fmt: skip
#: The fields that take names, by form class and field: the page, the name of the field in it, the kinds of rows.
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "GroupMemberForm.person": ("usergroup", "members-{}-person"),
    "SubstitutionForm.stand_in": ("responder", "substitutions-{}-stand_in"),
    "OverrideForm.stand_in": ("schedule", "overrides-{}-stand_in"),
    "LayerForm.participants": ("schedule", "layers-0-participants"),
    "LayerForm.add": ("schedule", "layers-0-add"),
    "LevelForm.targets": ("escalationpolicy", "levels-0-targets"),
    "LevelForm.add": ("escalationpolicy", "levels-0-add"),
}


def _forms(base: type[BaseForm]) -> Iterator[type[Any]]:
    for each in base.__subclasses__():
        yield each
        yield from _forms(each)


def fields_with_names() -> dict[str, tuple[Kind, ...]]:
    return {
        f"{form.__name__}.{name}": field.widget.kinds
        for base in (ElementForm, CardForm)
        for form in _forms(base)
        for name, field in form.base_fields.items()
        if isinstance(field, NameField | NamesField) and form.__module__.startswith("oncall.")
    }  # fmt: skip


def rows_named(kinds: tuple[Kind, ...], *names: str) -> None:
    """Creates a row of each kind for each name, and rows whose names are those of others with their numbers."""
    for kind in kinds:
        model = ROOTS[kind].model
        made = [model(name=name, **_needed(kind)) for name in names]
        for row in made:
            row.set_derived_columns()
        model._default_manager.bulk_create(made)


def _needed(kind: Kind) -> dict[str, Any]:
    return {"time_zone": "UTC"} if kind == "schedule" else {}


def rows_of(kinds: tuple[Kind, ...]) -> list[tuple[Kind, int]]:
    return [(kind, pk) for kind in kinds for pk in ROOTS[kind].rows.values_list("pk", flat=True)]


def offers(wrong: ValidationError) -> list[str]:
    """Returns the texts that a message offers."""
    (message,) = wrong.messages
    found = re.search(r" could be (.*): write one of these\.$", message, re.DOTALL)
    assert found, message
    return found[1].split(" or ")


def assert_finds(directory: Directory, kinds: tuple[Kind, ...], kind: Kind, pk: int) -> bool:
    """Asserts that the label of a row finds it, or that the message offers a text that does. Returns whether it did."""
    label = directory.label(kind, pk)
    try:
        assert directory.find(label, *kinds) == (kind, f"local:{pk}")
    except ValidationError as wrong:
        found = set()
        for text in offers(wrong):
            try:
                found.add(directory.find(text, *kinds))
            except ValidationError:
                continue
        assert (kind, f"local:{pk}") in found, (label, wrong.messages)
        return False
    return True


def test_every_field_with_names_is_in_the_table() -> None:
    assert fields_with_names().keys() == FIELDS.keys()


@pytest.mark.parametrize("kinds", sorted({*fields_with_names().values()}))
def test_the_label_of_each_row_finds_this_row(administrator: User, kinds: tuple[Kind, ...]) -> None:
    rows_named(kinds, *HOSTILE)
    rows_named(kinds, *(f"Twin #{pk}" for _, pk in rows_of(kinds)[:3]))
    directory = Directory(administrator)
    assert all(assert_finds(directory, kinds, *row) for row in rows_of(kinds))


@pytest.mark.parametrize("kinds", sorted({*fields_with_names().values()}))
def test_a_name_with_a_number_that_is_the_name_of_another_row_is_asked(
    administrator: User, kinds: tuple[Kind, ...]
) -> None:
    rows_named(kinds, "Tier")
    kind, pk = rows_of(kinds)[-1]
    rows_named((kind,), f"Tier #{pk}")
    other = rows_of((kind,))[-1]
    directory = Directory(administrator)
    assert assert_finds(directory, kinds, kind, pk) is False
    assert assert_finds(directory, kinds, *other) is True


_words = st.sampled_from(["Ana", "ana", "Ben", "#1", "#2", "#3", "#", "group:", "person:", "nobody", " ", "\n"])
_names = st.lists(_words, min_size=1, max_size=4).map("".join).filter(str.strip)
PEOPLE_AND_GROUPS: Final[tuple[Kind, ...]] = ("responder", "user_group")


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(_names, max_size=4), groups=st.lists(_names, max_size=3), texts=st.lists(_names, max_size=5))
def test_a_text_means_the_row_that_it_names_or_is_asked(
    administrator: User, people: list[str], groups: list[str], texts: list[str]
) -> None:
    with transaction.atomic():
        rows_named(("responder",), *people)
        rows_named(("user_group",), *groups)
        directory = Directory(administrator)
        labels = {directory.label(*row): row for row in rows_of(PEOPLE_AND_GROUPS)}
        for text in (*texts, *labels):
            try:
                kind, key = directory.find(text, *PEOPLE_AND_GROUPS)
            except ValidationError:
                continue
            row = ROOTS[kind].rows.get(pk=int(key.removeprefix("local:")))
            assert {
                (fold(row.name), ""), (fold(row.name), f"#{row.pk}"), ("", f"#{row.pk}")
            } & set(_parts(text, kind)), (text, row.name, row.pk)  # fmt: skip
            assert labels.get(text, (kind, row.pk)) == (kind, row.pk)
        transaction.set_rollback(True)


def _parts(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Yields each way to split a text into a folded name and a number, after the word of the kind."""
    text, word = one_line(text), f"{KIND_WORDS[kind]}:"
    rests = [text.casefold().removeprefix(word)] if text.casefold().startswith(word) else []
    for rest in (*rests, *([text] if kind == "responder" else [])):
        for place in range(len(rest) + 1):
            number = rest[place:].strip()
            yield fold(rest[:place]), number


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_takes_hostile_names(
    field: str, form: Any, make: MakeRow, problems: Any, administrator: User
) -> None:
    kinds = fields_with_names()[field]
    rows_named(kinds, *HOSTILE)
    directory, rows = Directory(administrator), rows_of(kinds)
    labels = [directory.label(*row) for row in rows]
    model, name = FIELDS[field]
    collection = name.partition("-")[0]
    if "{}" in name:
        times = {"starts": "2100-01-02T09:00", "ends": "2100-01-02T10:00"}
        sent: dict[str, Any] = {f"{collection}-TOTAL_FORMS": len(rows)}
        for number, label in enumerate(labels):
            sent[name.format(number)] = label
            sent |= {f"{collection}-{number}-{each}": value for each, value in times.items()}
    else:
        sent = {name: "\r\n".join(labels) if name.endswith("s") else labels[-1]}
    page = form(model)
    answer = page.send(**{**NEW[model], **sent})
    assert answer.status_code == 302, problems(answer)
    assert stored(collection) == [(kind, f"local:{pk}") for kind, pk in (rows[-1:] if name.endswith("add") else rows)]


def stored(collection: str) -> list[tuple[str, str]]:
    """Returns the kinds and keys of what is stored in the only row of the page, in order."""
    if collection == "layers":
        (layer,) = layers_from_json(Schedule.objects.get(name="New").layers)
        kinds = {"person": "responder", "group": "user_group"}
        return [(kinds[each.kind], each.id) for each in layer.participants]
    if collection == "levels":
        (level,) = EscalationPolicy.objects.get(name="New").levels["levels"]
        return [(each["kind"], each["key"]) for each in level["targets"]]
    owner: Any = {"members": UserGroup, "substitutions": Responder, "overrides": Schedule}[collection]
    column = "person_key" if collection == "members" else "by_key"
    keys = getattr(owner.objects.get(name="New"), collection).order_by("pk").values_list(column, flat=True)
    return [("responder", key.removeprefix("person:")) for key in keys]


#: The other values of a new row of each page.
NEW: Final[dict[str, dict[str, Any]]] = {
    "usergroup": {"name": "New"},
    "responder": {"name": "New", "state": "active"},
    "schedule": {
        "name": "New", "time_zone": "UTC", "composition": "stacked", "layers-0-name": "L", "layers-0-length": 1,
        "layers-0-unit": "days", "layers-0-first": "2026-03-02T09:00", "layers-0-ORDER": 1,
    },
    "escalationpolicy": {
        "name": "New", "initial_wait": 0, "after_last": "nothing", "unstaffed_level": "wait", "resolved": "level",
        "levels-0-wait": 5, "levels-0-distribution": "everyone", "levels-0-ORDER": 1,
    },
}  # fmt: skip


# --- a name and its number --------------------------------------------------------------------------------------------


def test_a_name_and_its_number_must_be_those_of_one_row(administrator: User, make: MakeRow) -> None:
    ana, ben = make("responder", name="Ana", email="ana@example.com"), make("responder", name="Ben", email="")
    tier = make("user_group", name="Tier #1")
    directory = Directory(administrator)
    with pytest.raises(ValidationError) as wrong:
        directory.find(f"Ana #{ben}", *PEOPLE_AND_GROUPS)
    (message,) = wrong.value.messages
    meant = f"Ana #{ana} (ana@example.com) or Ben #{ben}"  # then the group, if it has this number, too
    assert message.startswith(f"“Ana #{ben}” is not known here. Did you mean {meant}")
    assert directory.find("group: Tier #1", *PEOPLE_AND_GROUPS) == ("user_group", f"local:{tier}")
    assert directory.find(f"group:  tier #1 #{tier}", *PEOPLE_AND_GROUPS) == ("user_group", f"local:{tier}")
    with pytest.raises(ValidationError, match=f"Did you mean .*group: Tier #1 #{tier}"):
        directory.find("Tier #1", *PEOPLE_AND_GROUPS)


def test_a_name_means_the_row_that_others_were_merged_into(administrator: User, make: MakeRow) -> None:
    ana, merged = make("responder", name="Ana"), make("responder", name="Ana", active=False)
    Responder.objects.filter(pk=merged).update(merged_into=ana)
    assert Directory(administrator).find("Ana", "responder") == ("responder", f"local:{ana}")
    assert Directory(administrator).find(f"Ana #{merged}", "responder") == ("responder", f"local:{merged}")


def test_the_addresses_in_a_message_are_for_those_who_may_see_people(make: MakeRow, tester: Actor) -> None:
    for number in range(2):
        make("responder", name="Ana", email=f"ana{number}@example.com")
    clerk = create_account("clerk@example.com", is_staff=True)
    messages = []
    for rights in (("change_schedule",), ("change_schedule", "view_responder")):
        allowed = Permission.objects.filter(codename__in=rights)
        set_rights(clerk.pk, [], [right.pk for right in allowed], tester)
        with pytest.raises(ValidationError) as wrong:
            Directory(User.objects.get(pk=clerk.pk)).find("Ana", "responder")
        messages += wrong.value.messages
    assert ["@example.com" in message for message in messages] == [False, True]


# --- entries with one label -------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["A", "A ", "A (a)", "A (1)", "A (2)"])), max_size=8))
def test_different_entries_have_different_labels(entries: list[tuple[str, str]]) -> None:
    found = distinct_labels(entries, [label for _, label in entries], [key for key, _ in entries])
    assert len(set(zip(found, entries, strict=True))) == len(set(found)) == len(set(entries))
    assert [one_line(label) for label in found] == found


def test_keys_of_one_person_and_people_of_one_name_survive_any_save(
    form: Any, make: MakeRow, weekly_layers: Callable[..., Any]
) -> None:
    ana, other = make("responder", name="Ana"), make("responder", name="Ana")
    stored = ["person:3:P1", f"person:local:{ana}", f"person:local:{other}", "person:4:Q", "person:3:P1"]
    pk = make("schedule", layers=weekly_layers(*stored))
    Reference.objects.filter(key__in=["3:P1", "4:Q"]).update(responder=ana)
    page = form("schedule", pk)
    lines = page.data["layers-0-participants"].splitlines()
    assert lines == [
        f"Ana #{ana} (3:P1)", f"Ana #{ana} (local:{ana})", f"Ana #{other}", f"Ana #{ana} (4:Q)", f"Ana #{ana} (3:P1)",
    ]  # fmt: skip
    changed = [*lines[::-1], "nobody"]
    assert page.send(**{"layers-0-participants": "\r\n".join(changed)}).status_code == 302
    (layer,) = Schedule.objects.get().layers["layers"]
    assert layer["participants"] == [*stored[::-1], "vacant"]


def test_keys_whose_rows_become_known_while_the_form_is_open_survive(
    form: Any, make: MakeRow, weekly_layers: Callable[..., Any], one_level: Callable[..., Any]
) -> None:
    shift = {"starts_at": "2100-03-02T10:00:00Z", "ends_at": "2100-03-02T11:00:00Z", "by_key": "person:3:P1"}
    layers = weekly_layers("person:3:P1", "group:3:P1", "vacant")
    group = make("user_group", {"members": {"3:T:P": {"person_key": "3:P1", "role": ""}}})
    schedule = make("schedule", {"overrides": {"3:S:O": shift}}, layers=layers)
    person = make("responder", {"substitutions": {"3:R:S": {**shift, "scope": None}}}, name="Ben")
    policy = make("escalation_policy", levels=one_level(("responder", "3:P1"), ("user_group", "3:P1")))
    rows = {"usergroup": group, "schedule": schedule, "responder": person, "escalationpolicy": policy}
    opened = {model: form(model, pk) for model, pk in rows.items()}
    ana = make("responder", name="Ana")
    Reference.objects.filter(key="3:P1", position__endswith="/0").update(responder=ana)
    GroupMember.objects.update(responder=ana)
    for model in (Override, Substitution):
        model.objects.update(by=ana)
    before = ChangeRecord.objects.count()
    assert [page.send().status_code for page in opened.values()] == [302] * 4
    changed = opened["schedule"].data["layers-0-participants"].splitlines()[::-1]
    assert ChangeRecord.objects.count() == before
    assert opened["schedule"].send(**{"layers-0-participants": "\r\n".join(changed)}).status_code == 302
    (layer,) = Schedule.objects.get().layers["layers"]
    assert layer["participants"] == ["vacant", "group:3:P1", "person:3:P1"]
    assert form("schedule", schedule).data["layers-0-participants"].splitlines()[2] == f"Ana #{ana}"


def test_targets_of_one_label_survive_any_save(form: Any, make: MakeRow) -> None:
    targets = [
        {"kind": "unresolved", "key": f"3:B{n}", "unresolved_kind": "bot", "label": "Robot\nof ours"} for n in range(3)
    ]
    levels = {"format": 1, "levels": [{"wait": 5, "distribution": "everyone", "targets": targets}]}
    pk = make("escalation_policy", levels=levels)
    page = form("escalationpolicy", pk)
    lines = page.data["levels-0-targets"].splitlines()
    assert lines[0] == "bot: Robot of ours (not known here) (3:B0)"
    assert page.send(**{"levels-0-targets": "\r\n".join([lines[2], lines[0]])}).status_code == 302
    (level,) = EscalationPolicy.objects.get().levels["levels"]
    assert [each["key"] for each in level["targets"]] == ["3:B2", "3:B0"]


def test_many_new_lines_need_one_query_for_each_kind(
    form: Any, make: MakeRow, weekly_layers: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    rows_named(PEOPLE_AND_GROUPS, *(f"N{number}" for number in range(200)))
    pk = make("schedule", layers=weekly_layers("vacant"))
    page = form("schedule", pk)
    text = "\r\n".join([*(f"N{number}" for number in range(200)), *(f"group: N{number}" for number in range(200))])
    with django_assert_max_num_queries(70):
        assert page.send(**{"layers-0-participants": text}).status_code == 302


# --- suggestions ------------------------------------------------------------------------------------------------------


def suggested(browser: Client, term: str, kinds: str = "responder,user_group", **more: str) -> list[str]:
    answer = browser.get(reverse("admin:oncall_responder_names"), {"kinds": kinds, "term": term, **more})
    return [each["text"] for each in answer.json()["results"]]


def test_names_are_suggested_by_words_kind_and_number(browser: Client, make: MakeRow) -> None:
    ana, group = make("responder", name="Ana Kowalski"), make("user_group", name="Analysts")
    gone = make("responder", name="Anabel", active=False)
    label = f"Ana Kowalski #{ana}"
    assert suggested(browser, "kow ana") == [label]
    assert suggested(browser, "ana") == [label, f"Anabel #{gone}", f"group: Analysts #{group}"]
    assert suggested(browser, "group: ana") == [f"group: Analysts #{group}"]
    assert suggested(browser, label) == [label]
    assert suggested(browser, f"#{ana}", "responder") == [label]
    assert suggested(browser, "no", nobody="1") == ["nobody"]
    assert suggested(browser, "ana", "service,unknown") == suggested(browser, "x" * 5_000) == []
    rows_named(PEOPLE_AND_GROUPS, *(f"Anna {number}" for number in range(60)))
    assert len(found := suggested(browser, "an")) == 20
    assert len([text for text in found if text.startswith("group:")]) == 10

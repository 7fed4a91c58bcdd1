"""Tests writing on-call aggregates."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F, Value
from django.test.utils import CaptureQueriesContext

from oncall.aggregates import AGGREGATES, Draft, ElementChanges, Kind, State
from oncall.errors import InvalidDraft, StaleRows
from oncall.models import (
    ChangeRecord,
    ContactMethod,
    GroupMember,
    NotificationRule,
    Override,
    Reference,
    Responder,
    Schedule,
)
from oncall.operations import Actor, check, fill_references, lock_versions, write
from oncall.selectors.states import load_states

pytestmark = pytest.mark.django_db
RUN = Actor(None, "run:7")
OVERRIDE = {
    "starts_at": "2026-03-02T08:00:00Z",
    "ends_at": "2026-03-02T16:00:00Z",
    "by_key": "person:3:PBEN",
    "sources": None,
    "replaces": "",
    "covers_gaps": True,
    "rank": 0,
}
METHOD = {"channel": "sms", "address": "+49 30 123456", "extension": "12", "label": "Work", "enabled": True}

FULL: dict[Kind, tuple[dict[str, Any], dict[str, dict[str, dict[str, Any]]]]] = {
    "responder": (
        {
            "name": "Ana",
            "email": "Ana@Example.com",
            "time_zone": "Asia/Kathmandu",
            "title": "SRE",
            "state": "inactive",
            "active": False,
        },
        {
            "contact_methods": {"3:PANA:M1": METHOD},
            "notification_rules": {
                "3:PANA:R1": {"urgency": "high", "delay": 5, "method_key": "3:PANA:M1", "windows": ["mon 09:00"]}
            },
            "substitutions": {
                "3:PANA:S1": {
                    "by_key": "vacant",
                    "scope": ["3:PTEAM"],
                    "starts_at": "2026-01-01T00:00:00Z",
                    "ends_at": "2026-01-02T00:00:00Z",
                }
            },
        },
    ),
    "user_group": (
        {"name": "Team", "description": "d", "active": True},
        {"members": {"3:PTEAM:PANA": {"person_key": "3:PANA", "role": "manager"}}},
    ),
    "schedule": (
        {
            "name": "Primary",
            "description": "d",
            "time_zone": "Europe/Berlin",
            "zone_state": "ok",
            "composition": "concurrent",
            "layers": {},
            "group_keys": ["3:PTEAM", "3:POTHER"],
            "active": True,
        },
        {
            "extra_shifts": {
                "3:PSCH:X1": {
                    "starts_at": "2026-03-02T08:00:00Z",
                    "ends_at": "2026-03-02T16:00:00Z",
                    "by_key": "person:3:PANA",
                }
            },
            "overrides": {"3:PSCH:O1": OVERRIDE},
        },
    ),
    "escalation_policy": (
        {
            "name": "Web",
            "description": "",
            "initial_wait": 2,
            "levels": {},
            "repeat_count": None,
            "after_last": "close",
            "unstaffed_level": "wait",
            "resolved": "start",
            "part_of_key": "3:PPARENT",
            "group_key": "3:PTEAM",
            "active": True,
        },
        {},
    ),
    "service": (
        {"name": "Shop", "description": "x", "policy_key": "3:PPOL", "group_key": "3:PTEAM", "active": False},
        {},
    ),
}


@pytest.fixture
def full(weekly_layers: Callable[..., Any], one_level: Callable[..., Any]) -> dict[Kind, Draft]:
    FULL["schedule"][0]["layers"] = weekly_layers("person:3:PANA", "vacant", "group:3:PTEAM", "person:3:PANA")
    FULL["escalation_policy"][0]["levels"] = one_level(("responder", "3:PANA"), ("schedule", "3:PSCH"))
    return {
        kind: Draft(fields, {name: ElementChanges(put=put) for name, put in elements.items()})
        for kind, (fields, elements) in FULL.items()
    }


@pytest.mark.parametrize("kind", AGGREGATES)
def test_what_is_written_is_what_is_loaded(kind: Kind, full: dict[Kind, Draft]) -> None:
    draft = full[kind]
    assert set(draft.fields) == set(AGGREGATES[kind].fields)
    assert {c.name for c in AGGREGATES[kind].collections} == set(draft.elements)
    (written,) = write(kind, [draft], by=RUN)
    elements = {name: dict(changes.put) for name, changes in draft.elements.items()}
    assert load_states(kind, [written.id]) == {written.id: State(draft.fields, elements, written.id, 1)}


@pytest.mark.parametrize("kind", AGGREGATES)
def test_writing_the_same_again_changes_nothing(kind: Kind, full: dict[Kind, Draft]) -> None:
    (written,) = write(kind, [full[kind]], by=RUN)
    again = Draft(full[kind].fields, full[kind].elements, id=written.id, version=written.version)
    assert write(kind, [again], by=RUN) == [written]
    assert ChangeRecord.objects.count() == 1


def test_a_change_is_recorded_once_with_old_and_new_values(make: Callable[..., int]) -> None:
    pk = make("schedule", {"overrides": {"3:S:O1": OVERRIDE}})
    later = {**OVERRIDE, "ends_at": "2026-03-02T18:00:00Z"}
    put = {"3:S:O1": later, "local:+1": OVERRIDE}
    (written,) = write(
        "schedule", [Draft({"name": "Renamed"}, {"overrides": ElementChanges(put=put)}, id=pk, version=1)], by=RUN
    )
    record = ChangeRecord.objects.get(cause="run:7")
    local = Override.objects.get(source_key=None)
    assert (written.version, record.action, record.label, record.object_id) == (2, "update", "Renamed", pk)
    assert record.changes == {
        "name": ["Payments primary", "Renamed"],
        "overrides.3:S:O1": [OVERRIDE, later],
        f"overrides.local:{local.pk}": [None, OVERRIDE],
    }
    gone = {"overrides": ElementChanges(remove=frozenset({"3:S:O1", f"local:{local.pk}", "3:S:unknown"}))}
    write("schedule", [Draft({}, gone, id=pk, version=2)], by=RUN)
    assert not Override.objects.exists()
    assert ChangeRecord.objects.latest("pk").changes == {
        "overrides.3:S:O1": [later, None],
        f"overrides.local:{local.pk}": [OVERRIDE, None],
    }


def test_a_create_is_recorded_without_values(make: Callable[..., int]) -> None:
    pk = make("user_group")
    record = ChangeRecord.objects.get()
    assert (record.model, record.object_id, record.action, record.changes) == ("user_group", pk, "create", {})


def test_a_row_with_another_version_stops_the_whole_batch(make: Callable[..., int]) -> None:
    one, two = make("service"), make("service")
    drafts = [Draft({"name": "A"}, id=one, version=1), Draft({"name": "B"}, id=two, version=2), Draft({}, id=9999)]
    with pytest.raises(StaleRows) as stale:
        write("service", drafts, by=RUN)
    assert stale.value.ids == (two, 9999)
    assert load_states("service", [one])[one].fields["name"] == "Checkout"


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("responder", {"name": " "}, "name"),
        ("responder", {"name": "x" * 513}, "name"),
        ("responder", {"time_zone": "Mars/Base"}, "time_zone"),
        ("responder", {"state": "asleep"}, "state"),
        ("responder", {"title": ["SRE"]}, "title"),
        ("responder", {"nickname": "A"}, "nickname"),
        ("responder", {"title": None}, "title"),
        ("schedule", {"time_zone": ""}, "time_zone"),
        ("schedule", {"zone_state": "unknown", "active": True}, "active"),
        ("schedule", {"layers": {"format": 9}}, "layers"),
        ("schedule", {"layers": {"format": 1, "layers": [{"name": "x"}]}}, "layer 'x'"),
        ("schedule", {"group_keys": "3:T"}, "group_keys"),
        ("escalation_policy", {"levels": {"format": 9}}, "levels"),
        ("escalation_policy", {"initial_wait": -1}, "initial_wait"),
        ("escalation_policy", {"name": 5}, "name"),
    ],
)  # fmt: skip
def test_it_refuses_invalid_values(make: Callable[..., int], kind: Kind, fields: Any, path: str) -> None:
    with pytest.raises(InvalidDraft) as refused:
        make(kind, **fields)
    assert (refused.value.path, refused.value.position) == (path, 0)
    assert not ChangeRecord.objects.exists()


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"ends_at": OVERRIDE["starts_at"]}, "ends_at"),
        ({"ends_at": "2201-01-02T00:00:00Z"}, "ends_at"),
        ({"starts_at": "1899-12-31T00:00:00Z"}, "starts_at"),
        ({"rank": "first"}, "rank"),
        ({"covers_gaps": None}, "covers_gaps"),
        ({"starts_at": "yesterday"}, "starts_at"),
        ({"starts_at": "2026-03-02T08:00:00"}, "starts_at"),
        ({"by_key": "group:3:T"}, "by_key"),
        ({"by_key": "person:"}, "by_key"),
        ({"by_key": "3:P"}, "by_key"),
        ({"replaces": "3:P"}, "replaces"),
        ({"sources": "L1"}, "sources"),
    ],
)
def test_it_refuses_invalid_elements(make: Callable[..., int], values: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidDraft) as refused:
        make("schedule", {"overrides": {"3:S:O1": {**OVERRIDE, **values}}})
    assert refused.value.path == f"overrides.3:S:O1.{path}"


def test_a_level_that_cannot_be_walked_is_refused(make: Callable[..., int], one_level: Callable[..., Any]) -> None:
    for change, path in (
        ({"wait": -1}, "levels[0].wait"),
        ({"distribution": "lottery"}, "levels[0].distribution"),
        ({"targets": [{"kind": "planet", "key": "x"}]}, "levels[0].targets[0].kind"),
        ({"targets": [{"kind": "responder", "key": ""}]}, "levels[0].targets[0].key"),
    ):
        levels = one_level(("responder", "3:P"))
        levels["levels"][0] |= change
        with pytest.raises(InvalidDraft) as refused:
            make("escalation_policy", levels=levels)
        assert refused.value.path == path


def test_it_refuses_an_element_of_another_aggregate(make: Callable[..., int]) -> None:
    make("responder", {"contact_methods": {"3:P:M1": METHOD}})
    with pytest.raises(InvalidDraft, match="belongs to another responder"):
        make("responder", {"contact_methods": {"3:P:M1": METHOD}})


def test_derived_columns_are_set(make: Callable[..., int]) -> None:
    pk = make("responder", {"contact_methods": {"3:P:M1": METHOD}}, name="  Ána  LÓPEZ ", email="Ana@Bücher.example")
    responder = Responder.objects.get(pk=pk)
    assert (responder.name_key, responder.email_canonical) == ("ána lópez", "ana@xn--bcher-kva.example")
    assert ContactMethod.objects.get().canonical == "+4930123456"


def test_references_get_the_rows_of_the_mapping_or_of_local_keys(
    make: Callable[..., int], weekly_layers: Callable[..., Any], tester: Actor
) -> None:
    ana, ben, group = make("responder"), make("responder"), make("user_group")
    fields = {
        "name": "S",
        "time_zone": "UTC",
        "layers": weekly_layers("person:3:PANA", f"person:local:{ben}", "person:3:PNEW", "vacant"),
        "group_keys": ["3:PTEAM"],
    }
    resolve: dict[tuple[Kind, str], int] = {("responder", "3:PANA"): ana, ("user_group", "3:PTEAM"): group}
    put = {"3:S:O": {**OVERRIDE, "by_key": "person:3:PANA"}}
    draft = Draft(fields, {"overrides": ElementChanges(put=put)})
    (written,) = write("schedule", [draft], by=tester, resolve=resolve)
    named = Reference.objects.order_by("position").values_list("position", "key", "responder")
    assert list(named) == [
        ("layers/L1/0", "3:PANA", ana),
        ("layers/L1/1", f"local:{ben}", ben),
        ("layers/L1/2", "3:PNEW", None),
    ]
    assert (Schedule.objects.get().group_id, Override.objects.get().by_id) == (group, ana)

    new = make("responder")
    known = Responder.objects.filter(pk=new).annotate(key=Value("3:PNEW"), row=F("pk"))
    assert fill_references({"responder": known}) == 1
    assert lock_versions("schedule", [written.id, 9999]) == {written.id: 1}

    shorter = Draft({"layers": weekly_layers("person:3:PNEW")}, id=written.id, version=1)
    write("schedule", [shorter], by=tester)
    assert list(Reference.objects.values_list("position", "responder")) == [("layers/L1/0", new)]


def test_it_refuses_a_local_key_without_a_row(make: Callable[..., int], weekly_layers: Callable[..., Any]) -> None:
    with pytest.raises(InvalidDraft, match="there is no responder 9999"):
        make("schedule", layers=weekly_layers("person:local:9999"))


def test_a_notification_rule_finds_its_contact_method(make: Callable[..., int]) -> None:
    rule = {"urgency": "any", "delay": 0, "method_key": "3:P:M1", "windows": []}
    make("responder", {"contact_methods": {"3:P:M1": METHOD}, "notification_rules": {"3:P:R1": rule}})
    assert NotificationRule.objects.get().contact_method == ContactMethod.objects.get()


def test_a_notification_rule_finds_a_contact_method_that_arrives_later(make: Callable[..., int], tester: Actor) -> None:
    rule = {"urgency": "any", "delay": 0, "method_key": "3:P:M1", "windows": []}
    pk, other = make("responder", {"notification_rules": {"3:P:R1": rule}}), make("responder")
    method = {"contact_methods": ElementChanges({"3:P:M1": METHOD})}
    write("responder", [Draft({}, method, id=pk, version=1)], by=tester)
    assert NotificationRule.objects.get().contact_method == ContactMethod.objects.get()
    remove = {"contact_methods": ElementChanges(remove=frozenset({"3:P:M1"}))}
    write("responder", [Draft({}, remove, id=pk, version=2)], by=tester)
    write("responder", [Draft({}, method, id=other, version=1)], by=tester)
    assert NotificationRule.objects.get().contact_method is None  # the method is that of another person


def test_a_row_made_here_takes_the_label_of_the_first_source(make: Callable[..., int]) -> None:
    pk = make("service")
    write("service", [Draft({}, id=pk, version=1, origin="PagerDuty acme")], by=RUN)
    write("service", [Draft({}, id=pk, version=2, origin="Opsgenie acme")], by=RUN)
    assert ChangeRecord.objects.latest("pk").changes == {"origin_label": ["", "PagerDuty acme"]}


def test_an_account_is_one_responder(make: Callable[..., int], django_user_model: Any) -> None:
    account = django_user_model.objects.create_user("ana@example.com")
    pk = make("responder")
    write("responder", [Draft({}, id=pk, version=1, account_id=account.pk)], by=RUN)
    with pytest.raises(InvalidDraft, match="is already linked to Ana Kowalski"):
        write("responder", [Draft({"name": "Other"}, account_id=account.pk)], by=RUN)
    with pytest.raises(InvalidDraft, match="two drafts"):
        write("responder", [Draft({"name": n}, account_id=account.pk) for n in "ab"], by=RUN)


def _people(count: int, *, name: str, ids: list[int] | None = None, version: int = 0) -> list[Draft]:
    return [
        Draft(
            {"name": f"{name} {n}", "email": f"p{n}@example.com"},
            {
                "contact_methods": ElementChanges(put={f"3:P{n}:M{m}": {**METHOD, "label": name} for m in range(3)}),
                "notification_rules": ElementChanges(
                    put={
                        f"3:P{n}:R1": {"urgency": "any", "delay": len(name), "method_key": f"3:P{n}:M1", "windows": []}
                    }
                ),
            },
            id=None if ids is None else ids[n],
            version=version,
        )
        for n in range(count)
    ]


def test_the_number_of_statements_depends_on_the_tables_not_on_the_rows() -> None:
    """N rows of T tables take at most 4 T + 3 N / 100 statements."""
    people, tables = 400, 4  # responders, methods, rules, change records
    bound = 4 * tables + 3 * (people * (1 + 3 + 1 + 1)) / 100
    with CaptureQueriesContext(
        connection,
    ) as created:
        rows = write("responder", _people(people, name="a"), by=RUN)
    with CaptureQueriesContext(connection) as updated:
        write("responder", _people(people, name="bb", ids=[row.id for row in rows], version=1), by=RUN)
    assert ContactMethod.objects.filter(label="bb").count() == 3 * people
    assert Responder.objects.filter(version=2).count() == people
    assert len(created) <= bound, len(created)
    assert len(updated) <= bound, len(updated)


def test_the_database_refuses_invalid_rows_too(make: Callable[..., int]) -> None:
    group, schedule = make("user_group"), make("schedule")
    GroupMember.objects.create(group_id=group, source_key="3:T:P", person_key="3:P")
    for model, columns in (
        (GroupMember, {"group_id": group, "source_key": "3:T:P", "person_key": "3:P"}),
        (Reference, {"position": "x", "kind": "responder", "key": "3:P"}),
        (Reference, {"owner_schedule_id": schedule, "position": "x", "kind": "responder", "user_group_id": group}),
        (
            Override,
            {"schedule_id": schedule, "starts_at": "2026-03-02T08:00:00Z", "ends_at": "2026-03-02T08:00:00Z"},
        ),
    ):
        from django.db import transaction

        with pytest.raises(IntegrityError), transaction.atomic():
            model._default_manager.create(**columns)


@pytest.mark.parametrize(
    ("kind", "fields", "elements"),
    [
        ("responder", {"name": "Ana", "time_zone": "Mars/Olympus"}, {}),
        ("responder", {"name": ""}, {}),
        ("responder", {"name": "N" * 513}, {}),
        ("responder", {"name": "Ana"}, {"contact_methods": {"3:U:C": {"channel": "pigeon", "address": ""}}}),
        ("user_group", {"name": "Ops"}, {"members": {"3:T:U": {"person_key": "", "role": ""}}}),
        ("user_group", {"name": "Ops"}, {"members": {"3:" + "k" * 599: {"person_key": "3:U", "role": ""}}}),
        ("user_group", {"name": "Ops"}, {"members": {"3:T:U": {"person_key": "3:U", "rank": 1}}}),
        ("schedule", {"name": "Day", "zone_state": "unknown", "active": True}, {}),
        ("service", {"name": "Shop", "policy_key": "k" * 601}, {}),
    ],
)
def test_a_check_refuses_what_the_writer_refuses_and_uses_no_database(
    kind: Kind, fields: dict[str, Any], elements: dict[str, dict[str, dict[str, Any]]]
) -> None:
    draft = Draft(fields, {name: ElementChanges(put=put) for name, put in elements.items()})
    with pytest.raises(InvalidDraft) as written:
        write(kind, [draft], by=Actor(None, "test"))
    with CaptureQueriesContext(connection) as queries, pytest.raises(InvalidDraft) as checked:
        check(kind, fields, elements)
    assert str(checked.value) == str(written.value)
    assert len(queries) == 0
    assert checked.value.position is None or elements == {}

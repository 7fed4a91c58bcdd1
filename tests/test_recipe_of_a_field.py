"""Each field of an aggregate is complete, as docs/recipes.md describes it. The lists come from the code."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args

import pytest
from django.contrib import admin

from connectors.records import (
    Record,
    SourceContactMethod,
    SourceMember,
    SourceNotificationRule,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from connectors.registry import connector_class
from connectors.zones.timezones import convert
from oncall.aggregates import AGGREGATES, Kind
from oncall.escalation.policy import Policy
from oncall.rendering.spec import VACANT, ExtraShift, Override, Substitution, person
from oncall.tables.kinds import ROOTS
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.values import Proposal
from syncjobs.words.values import FIELD_WORDS, element_line

#: Fields whose form field has another name than the field and than its foreign key.
FORM_FIELDS = {
    ("responder", "notification_rules.method_key"): "method",
    ("responder", "substitutions.by_key"): "stand_in",
    ("responder", "substitutions.starts_at"): "starts",
    ("responder", "substitutions.ends_at"): "ends",
    ("user_group", "members.person_key"): "person",
    ("user_group", "members.role"): "imported_role",
    ("schedule", "group_keys"): "group",
    ("schedule", "overrides.by_key"): "stand_in",
    ("schedule", "overrides.starts_at"): "starts",
    ("schedule", "overrides.ends_at"): "ends",
}
#: Fields that no form changes, each with the reason.
NOT_IN_A_FORM = {
    ("responder", "notification_rules.windows"): "Only imported: no vendor lets a person type them as one line.",
    ("responder", "substitutions.scope"): "Only imported: a substitution made here holds in every schedule.",
    ("schedule", "zone_state"): "Follows from the time zone that a person enters.",
    ("schedule", "extra_shifts.starts_at"): "Only imported: here an override does the same.",
    ("schedule", "extra_shifts.ends_at"): "Only imported: here an override does the same.",
    ("schedule", "extra_shifts.by_key"): "Only imported: here an override does the same.",
    ("schedule", "overrides.sources"): "Only imported: an override made here holds for all layers.",
    ("schedule", "overrides.replaces"): "Only imported: an override made here replaces whoever is on call.",
    ("schedule", "overrides.rank"): "Only imported: it orders overrides of one source.",
}
#: For each field, a field of a vendor that it is made from: provider, table of the loss ledger, path.
VENDOR_FIELDS = {
    ("responder", "name"): "pagerduty user name",
    ("responder", "email"): "pagerduty user email",
    ("responder", "time_zone"): "pagerduty user time_zone",
    ("responder", "title"): "pagerduty user job_title",
    ("responder", "state"): "pagerduty user deleted_at",
    ("responder", "contact_methods.channel"): "pagerduty contact_method type",
    ("responder", "contact_methods.address"): "pagerduty contact_method address",
    ("responder", "contact_methods.extension"): "pagerduty contact_method address",
    ("responder", "contact_methods.label"): "pagerduty contact_method label",
    ("responder", "contact_methods.enabled"): "pagerduty contact_method enabled",
    ("responder", "notification_rules.urgency"): "pagerduty notification_rule urgency",
    ("responder", "notification_rules.delay"): "pagerduty notification_rule start_delay_in_minutes",
    ("responder", "notification_rules.method_key"): "pagerduty notification_rule contact_method.id",
    ("responder", "notification_rules.windows"): "xmatters device timeframes.data[].startTime",
    ("responder", "substitutions.by_key"): "xmatters absence replacement.id",
    ("responder", "substitutions.scope"): "xmatters absence group.id",
    ("responder", "substitutions.starts_at"): "xmatters absence start",
    ("responder", "substitutions.ends_at"): "xmatters absence end",
    ("user_group", "name"): "pagerduty team name",
    ("user_group", "description"): "pagerduty team description",
    ("user_group", "members.person_key"): "pagerduty member user.id",
    ("user_group", "members.role"): "pagerduty member role",
    ("schedule", "name"): "pagerduty schedule name",
    ("schedule", "description"): "pagerduty schedule description",
    ("schedule", "time_zone"): "pagerduty schedule time_zone",
    ("schedule", "zone_state"): "pagerduty schedule time_zone",
    ("schedule", "layers"): "pagerduty schedule schedule_layers",
    ("schedule", "group_keys"): "pagerduty schedule teams[].id",
    ("schedule", "active"): "opsgenie schedule enabled",
    ("schedule", "extra_shifts.starts_at"): "pagerduty custom_shift start_time",
    ("schedule", "extra_shifts.ends_at"): "pagerduty custom_shift end_time",
    ("schedule", "extra_shifts.by_key"): "pagerduty custom_shift assignments[].member.user_id",
    ("schedule", "overrides.starts_at"): "pagerduty override start",
    ("schedule", "overrides.ends_at"): "pagerduty override end",
    ("schedule", "overrides.by_key"): "pagerduty override user.id",
    ("schedule", "overrides.sources"): "pagerduty override_shift rotation_id",
    ("schedule", "overrides.replaces"): "pagerduty override_shift overridden_member.user_id",
    ("escalation_policy", "name"): "pagerduty escalation_policy name",
    ("escalation_policy", "description"): "pagerduty escalation_policy description",
    ("escalation_policy", "initial_wait"): "xmatters shift members.data[].delay",
    ("escalation_policy", "levels"): "pagerduty escalation_policy escalation_rules",
    ("escalation_policy", "repeat_count"): "pagerduty escalation_policy num_loops",
    ("escalation_policy", "after_last"): "opsgenie escalation repeat.closeAlertAfterAll",
    ("escalation_policy", "part_of_key"): "xmatters group id",
    ("escalation_policy", "group_key"): "pagerduty escalation_policy teams[].id",
    ("escalation_policy", "active"): "jsm escalation enabled",
    ("service", "name"): "pagerduty service name",
    ("service", "description"): "pagerduty service description",
    ("service", "policy_key"): "pagerduty service escalation_policy.id",
    ("service", "group_key"): "pagerduty service teams[].id",
}
#: Fields that are not made from a field of a vendor, each with the reason.
NOT_FROM_A_VENDOR_FIELD = {
    ("responder", "active"): "A person that a list contains is active here; the state says the rest.",
    ("user_group", "active"): "A group that a list contains is active.",
    ("schedule", "composition"): "It is fixed for each of the vendor's kinds of schedules.",
    ("schedule", "overrides.covers_gaps"): "It is a rule of the vendor.",
    ("schedule", "overrides.rank"): "It is the position in the vendor's list.",
    ("escalation_policy", "unstaffed_level"): "It is a rule of the vendor.",
    ("escalation_policy", "resolved"): "It is a rule of the vendor.",
    ("service", "active"): "A service that a list contains is active.",
}


def fields_of(kind: Kind) -> Iterator[str]:
    """Paths of an aggregate: its fields, then ``collection.field``."""
    yield from AGGREGATES[kind].fields
    for collection in AGGREGATES[kind].collections:
        for name in collection.fields:
            yield f"{collection.name}.{name}"


PATHS = [(kind, path) for kind in AGGREGATES for path in fields_of(kind)]


def form_fields(kind: Kind) -> dict[str, set[str]]:
    """Names of form fields by collection; under the empty name those of the aggregate itself."""
    options = admin.site._registry[ROOTS[kind].model]
    form: Any = options.form
    found = {"": set(form.base_fields) | {getattr(form, "cards_field", "")}}
    for inline in options.inlines:
        collection = getattr(inline.form, "collection", "")
        found[collection] = set(inline.fields or inline.form.base_fields)
    return found


def form_field(kind: Kind, path: str) -> str:
    """The form field that edits a field: its own name, that of its foreign key, or the exception above."""
    keys = {column.key: column.row for column in ROOTS[kind].keys}
    return FORM_FIELDS.get((kind, path), keys.get(path, path.rpartition(".")[2]))


@pytest.mark.parametrize("kind,path", PATHS)
def test_a_field_has_a_place_in_the_form_or_a_reason_why_not(kind: Kind, path: str) -> None:
    fields = form_fields(kind).get(path.rpartition(".")[0], set())
    assert (form_field(kind, path) in fields) != ((kind, path) in NOT_IN_A_FORM)


@pytest.mark.parametrize("kind,path", [(kind, path) for kind, path in VENDOR_FIELDS if "." not in path])
def test_a_form_marks_a_field_that_a_source_can_set(kind: Kind, path: str) -> None:
    form: Any = admin.site._registry[ROOTS[kind].model].form
    field = form_field(kind, path)
    assert field in {*form.mirrored, getattr(form, "cards_field", "")} or (kind, path) in NOT_IN_A_FORM


@pytest.mark.parametrize("kind,path", PATHS)
def test_a_field_has_a_fate_in_a_loss_ledger_or_a_reason_why_not(kind: Kind, path: str) -> None:
    assert ((kind, path) in VENDOR_FIELDS) != ((kind, path) in NOT_FROM_A_VENDOR_FIELD)
    if (kind, path) in VENDOR_FIELDS:
        provider, table, field = VENDOR_FIELDS[kind, path].split(" ")
        entry = connector_class(provider).ledger.classify(table, field)
        assert entry is not None
        assert entry.fate != "ignored"


def test_the_exceptions_are_fields_that_exist() -> None:
    assert set(PATHS) >= {*FORM_FIELDS, *NOT_IN_A_FORM, *VENDOR_FIELDS, *NOT_FROM_A_VENDOR_FIELD}


@pytest.mark.parametrize("kind", AGGREGATES)
def test_a_field_and_a_collection_have_a_word(kind: Kind) -> None:
    aggregate = AGGREGATES[kind]
    assert {*aggregate.fields, *(each.name for each in aggregate.collections)} <= set(FIELD_WORDS)


def records() -> dict[Kind, Record]:
    """A record of each kind, with an element in every collection."""
    zone = convert("Europe/Berlin")
    return {
        "responder": SourceUser(
            "U",
            "Ana",
            "ana@example.com",
            "active",
            zone,
            contact_methods=(SourceContactMethod("C", "email", "ana@example.com", "", True),),
            notification_rules=(SourceNotificationRule("R", "high", 0, "C"),),
            substitutions=(Substitution("X", person("U"), VACANT, 0, 3_600),),
        ),
        "user_group": SourceTeam("T", "Payments", members=(SourceMember("U", "manager"),)),
        "schedule": SourceSchedule(
            "S",
            "Payments",
            zone,
            "stacked",
            (),
            extra_shifts=(ExtraShift("E", 0, 3_600, VACANT),),
            overrides=(Override("O", 0, 3_600, VACANT),),
        ),
        "escalation_policy": SourcePolicy("P", "Payments", Policy(0, (), 0, "nothing", "skip", "level")),
        "service": SourceService("V", "Checkout"),
    }


def proposal(kind: Kind) -> Proposal:
    return Proposer(1, "2026-03-02T09:00:00Z", {}).propose(records()[kind])


@pytest.mark.parametrize("kind", AGGREGATES)
def test_a_field_and_a_collection_have_a_canonical_form(kind: Kind) -> None:
    proposed, aggregate = proposal(kind), AGGREGATES[kind]
    assert set(proposed.fields) | set(proposed.on_create) == set(aggregate.fields)
    assert set(proposed.elements) == {each.name for each in aggregate.collections}
    for collection in aggregate.collections:
        for values in (proposed.elements[collection.name] or {}).values():
            assert set(values) == set(collection.fields), collection.name


@pytest.mark.parametrize("kind", AGGREGATES)
def test_an_element_is_shown_in_words(kind: Kind) -> None:
    for collection, elements in proposal(kind).elements.items():
        for values in (elements or {}).values():
            line = element_line(collection, values, lambda _, key: key)
            assert line != ", ".join(f"{name} {value}" for name, value in values.items()), collection


def test_a_record_exists_for_every_kind() -> None:
    assert isinstance(Record, UnionType)
    assert {type(record) for record in records().values()} == set(get_args(Record))
    assert records().keys() == AGGREGATES.keys()

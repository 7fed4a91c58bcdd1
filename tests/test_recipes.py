"""Each thing that docs/recipes.md describes is complete.

The lists come from the code. Only exceptions and examples are written here.
"""

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
from django.contrib import admin
from django.core.management import get_commands
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from config.navigation import NAVIGATION
from connectors.models import Connection
from connectors.records import (
    Channel,
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
from connectors.registry import CONNECTORS, connector_class
from connectors.simulator.serve import PROVIDERS as SIMULATED
from connectors.zones.timezones import convert
from oncall.admin.people import ContactMethodForm
from oncall.aggregates import AGGREGATES, Kind
from oncall.escalation.policy import Policy
from oncall.models import ContactMethod
from oncall.rendering.spec import VACANT, ExtraShift, Override, Substitution, person
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.evidence import sides_of
from syncjobs.conflicts.words import WORDS
from syncjobs.models import Conflict
from syncjobs.models import ConflictKind as StoredKind
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.values import ConflictKind as PlannedKind
from syncjobs.planning.values import Proposal
from syncjobs.words.values import FIELD_WORDS, element_line
from tests.connectors.conformance.table import PROVIDERS as ENTRIES

DOCS = Path(__file__).resolve().parent.parent / "docs"

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
_NAMES = {"name": "Payments", "other": "payments", "other row": "local:4", "from": ""}
#: The evidence that a plan stores with a question of each kind, and the words that the page shows it under.
EVIDENCE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "user_not_found": ({"email": "ana@example.com", "why": "no account has this address"}, ["E-mail address"]),
    "ambiguous": (
        {"email": "ana@example.com", "at the source": ["Ana (U1)", "Bo (U2)"], "here": []},
        ["E-mail address", "People"],
    ),
    "duplicate_schedule": (_NAMES, ["Name"]),
    "duplicate_policy": (_NAMES, ["Name"]),
    "team_name_collision": (_NAMES, ["Name"]),
    "timezone_mismatch": ({"raw": "CST", "candidates": ["America/Chicago"], "note": ""}, ["Time zone", "It may mean"]),
    "both_edited": ({"name": {"here": "Payments", "at the source": "Billing"}}, ["Name"]),
    "deleted_here": ({"active": {"here": "deleted", "at the source": True}}, ["Active"]),
}


def fields_of(kind: Kind) -> Iterator[str]:
    """Paths of an aggregate: its fields, then ``collection.field``."""
    yield from AGGREGATES[kind].fields
    for collection in AGGREGATES[kind].collections:
        for name in collection.fields:
            yield f"{collection.name}.{name}"


PATHS = [(kind, path) for kind in AGGREGATES for path in fields_of(kind)]
REGISTERED: list[type[Model]] = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWN = ("connectors", "oncall", "syncjobs")
COMMANDS = sorted(name for name, app in get_commands().items() if app in OWN)
CHANNELS: tuple[Channel, ...] = get_args(Channel)


# A provider


def test_every_provider_has_a_simulator_and_an_entry_in_the_conformance_suite() -> None:
    assert {connector.provider for connector in CONNECTORS} == set(SIMULATED)
    assert {entry.connector for entry in ENTRIES} == set(CONNECTORS)


# A kind of question


def test_the_planned_and_the_stored_kinds_of_questions_are_the_same() -> None:
    assert set(get_args(PlannedKind)) == set(StoredKind.values)


@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_is_raised_by_planning(kind: str) -> None:
    modules = [path for path in (DOCS.parent / "syncjobs" / "planning").glob("*.py") if path.name != "values.py"]
    assert any(f'"{kind}"' in path.read_text() for path in modules), f"no module of syncjobs/planning raises {kind}"


@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_has_a_name_and_words(kind: str) -> None:
    assert StoredKind(kind).label
    assert all(WORDS[kind]), f"{kind} lacks a text in syncjobs/conflicts/words.py"
    assert f"| {StoredKind(kind).label} |" in (DOCS / "admin-guide.md").read_text(), f"{kind} is not in the guide"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_shows_its_evidence(kind: str) -> None:
    assert kind in EVIDENCE, f"{kind} has no example here; see _sides in syncjobs/conflicts/evidence.py"
    evidence, words = EVIDENCE[kind]
    connection = Connection(pk=1, provider="pagerduty", name="acme")
    conflict = Conflict(connection=connection, kind=kind, entity_type="schedule", external_id="S1", evidence=evidence)
    sides = sides_of(conflict)
    assert [side.word for side in sides] == words
    assert all(side.here or side.there for side in sides)


# A field of an aggregate


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


# A page


@pytest.mark.django_db
@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_every_list_answers_a_superuser_with_a_title(model: type[Model], admin_client: Client) -> None:
    page = admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    assert page.status_code == 200
    assert page.context["title"]


@pytest.mark.parametrize("model", [each for each in REGISTERED if each._meta.app_label in OWN], ids=str)
def test_every_list_is_in_the_sidebar(model: type[Model]) -> None:
    links = [str(entry["link"]) for group in NAVIGATION for entry in group["items"]]
    assert reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") in links


# A shell command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_a_guide(command: str) -> None:
    guides = (DOCS / "admin-guide.md").read_text() + (DOCS / "operations.md").read_text()
    assert any(f"{before}{command}{after}" in guides for before in ("`", "manage.py ") for after in ("`", " ", "\n"))


# A channel of contact methods


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_has_a_word_and_a_choice_in_the_form(channel: Channel) -> None:
    assert ContactMethod.Channel(channel).label
    choices: Any = ContactMethodForm.base_fields["channel"]
    assert channel in dict(choices.choices)


def test_the_channels_of_records_are_those_that_can_be_stored() -> None:
    assert set(CHANNELS) == set(ContactMethod.Channel.values)

"""Each thing that docs/recipes.md describes is complete; for fields see test_recipe_of_a_field.py.

The lists come from the code. Only exceptions and examples are written here.
"""

import re
from pathlib import Path
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
)
from connectors.registry import CONNECTORS, connector_class
from connectors.simulator.serve import PROVIDERS as SIMULATED
from connectors.simulator.serve import demo_account
from oncall.admin.people import ContactMethodForm
from oncall.models import ContactMethod
from syncjobs.conflicts.evidence import sides_of
from syncjobs.conflicts.words import MEANWHILE, SENTENCES
from syncjobs.models import Conflict
from syncjobs.models import ConflictKind as StoredKind
from syncjobs.planning.values import ConflictKind as PlannedKind
from tests.connectors.conformance.table import PROVIDERS as ENTRIES

DOCS = Path(__file__).resolve().parent.parent / "docs"

#: For each channel, an address and the form in which equal addresses are grouped.
ADDRESSES: dict[Channel, tuple[str, str]] = {
    "email": (" Ana@Example.com ", "ana@example.com"),
    "sms": ("+49 170 123-456", "+49170123456"),
    "voice": ("+49 (170) 123456", "+49170123456"),
    "push": (" Ana's phone ", "Ana's phone"),
    "other": (" pager 7 ", "pager 7"),
}
_NAMES = {"name": "payments", "rows": ["1:S1", "local:4"]}
#: The evidence that a plan stores with a question of each kind, and the words that the page shows it under.
EVIDENCE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "user_not_found": ({"email": "ana@example.com", "why": "no_account"}, ["E-mail address"]),
    "ambiguous": (
        {"email": "ana@example.com", "people": ["1:U1", "1:U2", "local:3"]},
        ["E-mail address", "People"],
    ),
    "duplicate_schedule": (_NAMES, ["Name"]),
    "duplicate_policy": (_NAMES, ["Name"]),
    "team_name_collision": (_NAMES, ["Name"]),
    "timezone_mismatch": (
        {"raw": "CST", "rule": "abbreviation", "candidates": ["America/Chicago"]},
        ["Time zone", "It may mean", "Why"],
    ),
    "both_edited": ({"name": {"here": "Payments", "source": "Billing"}}, ["Name"]),
    "deleted_here": ({"active": {"here": None, "source": True}}, ["Active"]),
    "unsupported": ({"code": "unknown_target"}, ["Paging"]),
    "gone": ({"presence": "not_found", "edited": ["description"]}, ["Active", "Edited"]),
    "not_visible": ({"presence": "not_visible", "edited": []}, ["Active"]),
    "recreated": ({"rows": ["1:S1", "1:S2"], "equal": "name"}, ["Object"]),
    "inactive_scheduled": ({"state": "inactive"}, ["State at the source"]),
    "account_changed": (
        {"here": {"id": "acme", "label": "Acme"}, "source": {"id": "other", "label": ""}},
        ["Account"],
    ),
}


REGISTERED: list[type[Model]] = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWN = ("connectors", "oncall", "syncjobs")
COMMANDS = sorted(name for name, app in get_commands().items() if app in OWN)
CHANNELS: tuple[Channel, ...] = get_args(Channel)


# A provider


@pytest.mark.parametrize("provider", SIMULATED)
def test_the_demo_connects_to_the_simulator_of_a_provider(provider: str) -> None:
    settings, credentials = demo_account(provider)
    connector = connector_class(provider)
    assert connector.clean(settings)
    assert {field.name for field in connector.fields() if field.kind == "secret"} & set(credentials)


def test_every_provider_has_a_simulator_and_an_entry_in_the_conformance_suite() -> None:
    assert {connector.provider for connector in CONNECTORS} == set(SIMULATED)
    assert {entry.connector for entry in ENTRIES} == set(CONNECTORS)


# A kind of question


def test_the_planned_and_the_stored_kinds_of_questions_are_the_same() -> None:
    assert set(get_args(PlannedKind)) == set(StoredKind.values)


@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_is_raised_by_planning(kind: str) -> None:
    modules = [path for path in (DOCS.parent / "syncjobs" / "planning").rglob("*.py") if path.name != "values.py"]
    texts = [path.read_text() for path in modules]
    assert any(f'"{kind}"' in text for text in texts), f"no module of syncjobs/planning raises {kind}"


@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_has_a_name_and_words(kind: str) -> None:
    assert StoredKind(kind).label
    assert MEANWHILE[kind] and kind in SENTENCES, f"{kind} lacks a text in syncjobs/conflicts/words.py"
    assert f"| {StoredKind(kind).label} |" in (DOCS / "admin-guide.md").read_text(), f"{kind} is not in the guide"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", StoredKind.values)
def test_a_kind_of_question_shows_its_evidence(kind: str) -> None:
    assert kind in EVIDENCE, f"{kind} has no example here; see _sides in syncjobs/conflicts/evidence.py"
    evidence, words = EVIDENCE[kind]
    connection = Connection(pk=1, provider="pagerduty", name="acme")
    conflict = Conflict(connection=connection, kind=kind, entity_type="schedule", external_id="S1", evidence=evidence)
    sides = sides_of(conflict, with_addresses=True)
    assert [side.word for side in sides] == words
    assert all(side.here or side.there for side in sides)


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


def test_the_guide_lists_the_commands() -> None:
    table = (DOCS / "admin-guide.md").read_text().partition("## From a shell")[2]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`([a-z_]+)", cell)} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_tests_of_its_own(command: str) -> None:
    tests = [path for path in (DOCS.parent / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert any(f'"{command}"' in path.read_text() for path in tests)


# A channel of contact methods


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_has_a_word_and_a_choice_in_the_form(channel: Channel) -> None:
    assert ContactMethod.Channel(channel).label
    choices: Any = ContactMethodForm.base_fields["channel"]
    assert channel in dict(choices.choices)


@pytest.mark.parametrize("channel", CHANNELS)
def test_equal_addresses_of_a_channel_have_one_form(channel: Channel) -> None:
    assert channel in ADDRESSES, f"{channel} has no example here; see set_derived_columns in oncall/models/people.py"
    address, canonical = ADDRESSES[channel]
    method = ContactMethod(channel=channel, address=address)
    method.set_derived_columns()
    assert method.canonical == canonical


def test_the_channels_of_records_are_those_that_can_be_stored() -> None:
    assert set(CHANNELS) == set(ContactMethod.Channel.values)

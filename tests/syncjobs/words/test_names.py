"""Keys get names in a few queries, from rows, links or the plan."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from oncall.aggregates import Draft
from oncall.operations import Actor, write
from syncjobs.models import ExternalLink
from syncjobs.words.names import Names
from tests.syncjobs.conftest import Sync

pytestmark = pytest.mark.django_db


def names_of(names: Names, *keys: tuple[str, str]) -> list[str]:
    for kind, key in keys:
        names(kind, key)
    names.load()
    return [names(kind, key) for kind, key in keys]


def test_imported_local_and_planned_rows_have_names(sync: Sync) -> None:
    run = sync.plan()
    here = sync.connection.pk
    (written,) = write("user_group", [Draft({"name": "Made here"})], by=Actor(None, "test"))
    keys = (("responder", f"{here}:U1"), ("user_group", f"local:{written.id}"), ("schedule", f"{here}:S1"))
    assert names_of(Names(run), *keys) == ["Ana", "Made here", "Primary"]
    assert names_of(Names(), *keys) == ["person U1", "Made here", "schedule S1"]
    sync.apply(run)
    assert names_of(Names(), *keys) == ["Ana", "Made here", "Primary"]


def test_contact_methods_are_named_by_channel_and_address(sync: Sync) -> None:
    sync.run()
    here = sync.connection.pk
    keys = (("contact_method", f"{here}:U1:CU1"), ("contact_method", f"{here}:U1:GONE"))
    assert names_of(Names(), *keys) == ["E-mail ana@example.com", "contact method GONE"]


def test_a_row_deleted_here_keeps_the_name_it_had_at_the_source(sync: Sync) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="T1").update(user_group=None)
    assert names_of(Names(), ("user_group", f"{sync.connection.pk}:T1")) == ["Platform"]


def test_an_unknown_object_is_named_by_kind_and_id(sync: Sync) -> None:
    keys = (("responder", "9:UX"), ("responder", "local:99"), ("robot", "9:R2"), ("responder", "odd"))
    assert names_of(Names(), *keys) == ["person UX", "person 99", "robot R2", "person odd"]


def test_names_of_another_connection_with_equal_ids_are_not_used(sync: Sync) -> None:
    sync.run()
    assert names_of(Names(), ("responder", f"{sync.connection.pk + 1}:U1")) == ["person U1"]


def test_a_thousand_keys_cost_a_few_queries(sync: Sync) -> None:
    names = Names(sync.plan())
    for number in range(1000):
        names("responder", f"{sync.connection.pk}:U{number}")
    with CaptureQueriesContext(database) as captured:
        names.load()
    assert len(captured) == 4

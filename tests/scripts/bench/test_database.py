"""Statements and rows are counted correctly. The other sides write the same rows as a sync."""

import pytest
from django.db import connection

from oncall.models import Responder, Service
from scripts.bench.accounts import account
from scripts.bench.database import Counted
from scripts.bench.reads import multiply
from scripts.bench.syncing import connected, looped, on_call_models, stored, synced, upserted

pytestmark = pytest.mark.django_db


def test_statements_and_written_rows_are_counted() -> None:
    with Counted() as counted:
        Service.objects.bulk_create([Service(name="One"), Service(name="Two")])
        Service.objects.filter(name="One").update(description="x")
        assert Service.objects.count() == 2
    assert counted.rows == {"oncall_service": 3}
    assert counted.statements >= 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert counted.rows.total() == 3


@pytest.mark.parametrize("write", [looped, upserted])
def test_the_anchors_write_the_rows_of_an_import(write: object) -> None:
    assert callable(write)
    synced(connected(), account(60))
    rows = stored(on_call_models())
    assert {model for model, _ in rows} >= {Responder, Service}
    Service.objects.all().delete()
    Responder.objects.update(title="")
    write(rows)
    assert stored(on_call_models()) == rows


def test_lists_are_filled_to_the_number_behind_what_was_there() -> None:
    synced(connected(), account(60))
    first = Responder.objects.order_by("name").first()
    multiply(Responder, 500)
    assert Responder.objects.count() == 500
    assert Responder.objects.order_by("name").first() == first

"""The pages of change records."""

import pytest
from django.test import Client
from django.urls import reverse

from oncall.models import ChangeRecord, User
from oncall.operations import Actor, create_account, update_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(administrator: User) -> ChangeRecord:
    account = create_account("eve@example.com", "a long password", by=Actor(administrator.pk, "test"))
    update_account(account.pk, {"name": "Eve"}, Actor(administrator.pk, "test"))
    return ChangeRecord.objects.filter(model="account", object_id=account.pk).latest("pk")


def test_the_history_of_a_record_is_the_list_of_all_records_of_its_row(
    admin_client: Client, record: ChangeRecord
) -> None:
    answer = admin_client.get(reverse("admin:oncall_changerecord_history", args=[record.pk]), follow=True)
    assert [row.object_id for row in answer.context["cl"].result_list] == [record.object_id] * 2


def test_the_table_of_a_record_has_its_style_sheet(admin_client: Client, record: ChangeRecord) -> None:
    page = admin_client.get(reverse("admin:oncall_changerecord_change", args=[record.pk])).content.decode()
    assert '<table class="rb-changes">' in page
    assert "oncall/timeline.css" in page

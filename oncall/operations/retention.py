"""Takes addresses out of old change records of people, and deletes old change records, a limited number per call."""

from datetime import datetime

from django.db import transaction

from oncall.masking import without_addresses
from oncall.models import ChangeRecord
from oncall.tables.base import CHUNK


@transaction.atomic
def thin_change_records(before: datetime, most: int = CHUNK) -> int:
    """Hides the addresses in at most ``most`` change records of people older than ``before``; returns their number."""
    due = ChangeRecord.objects.filter(personal=True, at__lt=before).order_by("at", "pk")[:most]
    records = list(due.only("label", "changes"))
    for each in records:
        each.label, each.changes, each.personal = without_addresses(each.label), without_addresses(each.changes), False
    if records:
        ChangeRecord.objects.bulk_update(records, ["label", "changes", "personal"], batch_size=100)
    return len(records)


@transaction.atomic
def delete_change_records(before: datetime, most: int = CHUNK) -> int:
    """Deletes at most ``most`` change records older than ``before``; returns their number."""
    due = list(ChangeRecord.objects.filter(at__lt=before).order_by("at", "pk").values_list("pk", flat=True)[:most])
    return ChangeRecord.objects.filter(pk__in=due).delete()[0] if due else 0

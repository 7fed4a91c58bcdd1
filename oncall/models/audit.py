"""The change log: what was changed, by whom, and the values before, from which a run is undone."""

from django.conf import settings
from django.db import models

from oncall.models.root import NAME_LENGTH


class ChangeRecord(models.Model):
    """A change of one aggregate or account, or of a row of another app. It is never edited, but loses addresses.

    model: a kind of :mod:`oncall.aggregates`, ``account``, or a word of the other app. changes: path -> [old, new],
    null = did not exist; empty for a create. cause: ``account:<id>``, ``run:<id>`` or another opaque word. personal:
    whether the addresses of a person are still in the record (``oncall.operations.retention``).
    """

    class Action(models.TextChoices):
        CREATE = "create", "Created"
        UPDATE = "update", "Changed"
        DELETE = "delete", "Deleted"

    model = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=NAME_LENGTH)
    action = models.CharField(max_length=8, choices=Action.choices)
    cause = models.CharField(max_length=100, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(db_index=True)
    changes = models.JSONField(default=dict)
    personal = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["model", "object_id"], name="oncall_changerecord_object"),
            models.Index(fields=["at"], condition=models.Q(personal=True), name="oncall_changerecord_personal"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_action_display()}"

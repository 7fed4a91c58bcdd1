"""Remembered decisions, which answer later questions of one kind of a connection."""

from django.conf import settings
from django.db import models

from connectors.models import Connection


class Rule(models.Model):
    """A decision that is used again.

    kind: the kind of the questions. pattern: which of them, ``*`` for all. choice, arguments: the answer.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="rules")
    kind = models.CharField(max_length=30)
    pattern = models.CharField(max_length=255)
    choice = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "pattern"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "pattern"], name="one_rule_per_kind_and_pattern")
        ]

    def __str__(self) -> str:
        return f"{self.choice} for {self.kind} {self.pattern}"

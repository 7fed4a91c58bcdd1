"""Conflicts: questions that only a person can answer."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models import Connection
from oncall.models.root import NAME_LENGTH
from syncjobs.models.links import ROW_COLUMNS, ExternalLink


class ConflictState(models.TextChoices):
    OPEN = "open"
    DECIDED = "decided"
    CLOSED = "closed"


class ConflictKind(models.TextChoices):
    USER_NOT_FOUND = "user_not_found", "user not found"
    AMBIGUOUS = "ambiguous", "several people, one address"
    DUPLICATE_SCHEDULE = "duplicate_schedule", "duplicate schedule"
    DUPLICATE_POLICY = "duplicate_policy", "duplicate escalation policy"
    TEAM_NAME_COLLISION = "team_name_collision", "team name collision"
    TIMEZONE_MISMATCH = "timezone_mismatch", "timezone mismatch"
    BOTH_EDITED = "both_edited", "edited here and at the source"
    DELETED_HERE = "deleted_here", "deleted here, still at the source"


class Conflict(models.Model):
    """A question about one object. It blocks only the fields in ``paths``."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="conflicts")
    link = models.ForeignKey(ExternalLink, models.SET_NULL, null=True, related_name="conflicts")
    other_link = models.ForeignKey(ExternalLink, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=30, choices=ConflictKind)
    subject_key = models.CharField(max_length=600)
    entity_type = models.CharField(max_length=20, choices=[(kind, kind) for kind in ROW_COLUMNS])
    external_id = models.CharField(max_length=255)
    label = models.CharField(max_length=NAME_LENGTH)
    paths = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)
    evidence_hash = models.CharField(max_length=32)
    suggestion = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ConflictState, default=ConflictState.OPEN, db_index=True)
    choice = models.CharField(max_length=40, blank=True)
    comment = models.TextField(blank=True)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "subject_key"], condition=Q(state="open"), name="one_open_conflict"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.label}"

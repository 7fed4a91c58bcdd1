"""Conflicts: questions that only a person can answer, and the rows of those about several rows."""

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from connectors.models import Connection
from oncall.models.root import KEY_LENGTH, NAME_LENGTH
from syncjobs.models.links import ROW_COLUMNS, ExternalLink
from syncjobs.models.rules import Rule


class ConflictState(models.TextChoices):
    OPEN = "open"
    PROPOSED = "proposed"
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
    UNSUPPORTED = "unsupported", "not supported here"
    GONE = "gone", "gone at the source, edited here"
    NOT_VISIBLE = "not_visible", "not visible at the source"
    RECREATED = "recreated", "created again at the source"
    INACTIVE_SCHEDULED = "inactive_scheduled", "inactive at the source, but on call"
    ACCOUNT_CHANGED = "account_changed", "key of another account"


#: The conflicts that wait for a person.
WAITING_STATES: Final = (ConflictState.OPEN, ConflictState.PROPOSED)
#: The conflicts whose cause exists: those that wait, and those that were decided and are not asked again.
PRESENT_STATES: Final = (*WAITING_STATES, ConflictState.DECIDED)


#: The columns of a conflict that is open again: nothing of its former decision is left, apart from its comment.
UNDECIDED: Final[Mapping[str, Any]] = {
    "state": ConflictState.OPEN,
    "choice": "",
    "arguments": {},
    "remember": False,
    "rule": None,
    "awaits": "",
    "proposed_by": None,
    "decided_by": None,
    "decided_at": None,
    "decided_until": None,
}


class Awaits(models.TextChoices):
    """What the later part of a decision waits for.

    plan: the item of its object is planned again before it is written. import: its rows are written by a run. read: an
    active run ends, so that the schedules concerned can be read again.
    """

    PLAN = "plan"
    IMPORT = "import"
    READ = "read"


class ConflictQuerySet(models.QuerySet["Conflict"]):
    """Selects conflicts."""

    def of_connection(self, connection: int) -> "ConflictQuerySet":
        """Return those of a connection, and those about several rows of which one comes from it."""
        rows = ConflictRow.objects.filter(conflict=OuterRef("pk"), connection=connection)
        return self.filter(Q(connection=connection) | Exists(rows))


class Conflict(models.Model):
    """A question about one object, or about several rows. It blocks only the fields in ``paths``.

    open: waits for a decision. proposed: a lead has proposed the decision in ``choice``. decided: it is not asked again
    while its cause exists with the same evidence. closed: its cause is gone, or there is other evidence.

    connection: null for a question about rows of several sources; its ``rows`` have their connections. external_id:
    empty if the question is not about one object; entity_type: empty if it is about a source as a whole. evidence: see
    ``docs/architecture.md``; keys, ids and values only. decided_until: when a decision that holds only for a time ends,
    and the question is opened again.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, related_name="conflicts")
    link = models.ForeignKey(ExternalLink, models.SET_NULL, null=True, related_name="conflicts")
    kind = models.CharField(max_length=30, choices=ConflictKind)
    subject_key = models.CharField(max_length=600)
    entity_type = models.CharField(max_length=20, choices=[(kind, kind) for kind in ROW_COLUMNS], blank=True)
    external_id = models.CharField(max_length=255, blank=True)
    label = models.CharField(max_length=NAME_LENGTH)
    paths = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)
    evidence_hash = models.CharField(max_length=32)
    suggestion = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ConflictState, default=ConflictState.OPEN, db_index=True)
    choice = models.CharField(max_length=40, blank=True)
    arguments = models.JSONField(default=dict)
    remember = models.BooleanField(default=False)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="conflicts")
    awaits = models.CharField(max_length=6, blank=True, choices=Awaits)
    comment = models.TextField(blank=True)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decided_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        verbose_name = "question"
        ordering = ["-id"]
        permissions = [("answer_conflict", "Can answer questions")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_key"], condition=~Q(state="closed"), name="one_present_conflict"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.label}"


class ConflictRow(models.Model):
    """A row that a question about equal names is about.

    key: that of the oldest link of the row, ``local:<row id>`` for a row without links, or that of an object that a
    plan will create. connection: that of the key; null for a row without links.
    """

    conflict = models.ForeignKey(Conflict, models.CASCADE, related_name="rows")
    connection = models.ForeignKey(Connection, models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=KEY_LENGTH, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conflict", "key"], name="one_row_per_conflict_and_key")]

    def __str__(self) -> str:
        return self.key

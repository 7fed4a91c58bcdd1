"""Runs and their items. They are the only record of a sync; the broker stores nothing about it."""

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models import Connection
from oncall.models.root import NAME_LENGTH
from syncjobs.models.links import ROW_COLUMNS, ExternalLink
from syncjobs.models.profiles import SyncProfile

#: The right that starts, applies and cancels syncs. It undoes imports, too.
START: Final = "syncjobs.start_syncrun"


class RunState(models.TextChoices):
    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    WAITING = "waiting", "waiting"
    AWAITING_REVIEW = "awaiting_review", "awaiting review"
    HELD = "held", "held"
    SUCCEEDED = "succeeded", "succeeded"
    PARTIAL = "partial", "partial"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    SUPERSEDED = "superseded", "superseded"


#: A run in one of these states prevents other runs of its connection from starting.
ACTIVE: Final = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
#: A run in one of these states waits for a person. Other runs may start.
OPEN_PLAN: Final = (RunState.AWAITING_REVIEW, RunState.HELD)


class RunKind(models.TextChoices):
    PLAN = "plan", "plan, then wait for review"
    APPLY = "apply", "plan and apply"
    UNDO = "undo"
    DECISION = "decision", "decision"


class SyncRun(models.Model):
    """One read of a source, with its plan and its result.

    ``counts``: kind -> fetched, total, compared, unchanged, written, skipped, conflict, failed -> number. ``fence``
    increases with every claim, so that a worker that lost its claim can no longer write. ``progress_at``: the time of
    the last progress. ``attempt``: how often a worker has begun it since it last advanced by a page or a batch.
    ``due_at``: when a waiting run goes on. ``notified_at``: when workers were last notified that the run is queued.
    ``of_run``: the run that this run undoes, or that planned these items before. ``personal``: whether its items may
    still contain addresses of people (:mod:`syncjobs.runs.retention`). ``guard``: ``reasons`` why removals wait for
    approval, in sentences, and the ``hours`` of the next 7 days that nobody covers any more if they are approved; null
    if it was not computed. ``impact``: what the run changes about who is on call, as stored by
    :class:`syncjobs.planning.impact.values.Impact`; null if it was not computed, or the ticks changed since.
    ``scope``: what the run is limited to; of a decision, its question and what
    :class:`syncjobs.deciding.answered.Answered` records. ``slot``: the slot of a periodic sync that started it; null if
    somebody started it. ``announced``: whether the mails about its present state were stored.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="runs", verbose_name="source")
    profile = models.ForeignKey(SyncProfile, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10, choices=RunKind)
    of_run = models.ForeignKey("self", models.PROTECT, null=True, related_name="following")
    state = models.CharField(max_length=20, choices=RunState, default=RunState.QUEUED)
    phase = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    scope = models.JSONField(default=dict)
    slot = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    account_id = models.CharField(max_length=200, blank=True)
    completeness = models.JSONField(default=dict)
    rules_version = models.PositiveIntegerField(default=0)
    mapping_version = models.JSONField(default=dict)
    calls = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    notified_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    planned_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    plan_expires_at = models.DateTimeField(null=True)
    superseded_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    progress_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    checkpoint = models.JSONField(default=dict)
    personal = models.BooleanField(default=True)
    guard = models.JSONField(default=dict)
    impact = models.JSONField(null=True)
    announced = models.BooleanField(default=False)
    #: Whether older plans of the connection may wait for a person. No run but the active one makes plans.
    may_replace_plans: bool = True

    class Meta:
        verbose_name = "run"
        ordering = ["-id"]
        permissions = [("start_syncrun", "Can start, apply and cancel syncs")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state__in=ACTIVE), name="one_active_run_per_connection"
            ),
            models.UniqueConstraint(fields=["profile", "slot"], name="one_run_per_slot"),
        ]
        indexes = [
            models.Index(fields=["finished_at"], condition=Q(personal=True), name="personal_runs"),
            models.Index(fields=["state"], condition=Q(announced=False), name="runs_to_announce"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.connection}"

    @property
    def has_open_plan(self) -> bool:
        """Return whether its plan can be reviewed and applied. A run that is held without a plan has none."""
        return self.state in OPEN_PLAN and self.planned_at is not None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE


class Outcome(models.TextChoices):
    NONE = "", "not yet"
    APPLIED = "applied"
    SKIPPED = "skipped"
    FAILED = "failed"
    STALE = "stale"
    DEFERRED = "deferred"


#: The items of which all, or the removals, wait for approval.
HELD_ITEMS: Final = Q(held=True) | Q(changes__has_key="held")
#: Items that are left out for want of a tick. A missing object that is held needs the approval only.
UNTICKED_ITEMS: Final = Q(ticked=False) & ~Q(action="missing", held=True)


class SyncItem(models.Model):
    """The planned change of one object, and its outcome. Unchanged objects have no item.

    ``changes``: ``{"fields": {path: [old, new]}, "elements": {collection: {key: [old, new]}}, "link": {column: [old,
    new]}, "held": as elements, "account": id|null, "settles": bool, "follows_another": whether the row of a missing
    object stays active}``; a create has no link, because it makes it. An item of a decision has ``"links": {link id:
    [old, new]}`` instead, each side with the columns that differ.
    ``group_no``: the number of the row; items of one row are applied together. ``ticked``: whether the item is applied.
    ``held``: whether the whole item waits for approval. ``held_ticked``: whether what waits is approved.
    ``sighting``: how often a missing object was seen missing.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="items")
    link = models.ForeignKey(ExternalLink, models.SET_NULL, null=True, related_name="+")
    entity_type = models.CharField(max_length=20, choices=[(kind, kind) for kind in ROW_COLUMNS])
    external_id = models.CharField(max_length=255, blank=True)
    label = models.CharField(max_length=NAME_LENGTH)
    group_no = models.PositiveIntegerField(default=0)
    action = models.CharField(max_length=12)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.NONE, blank=True)
    code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    row_id = models.PositiveBigIntegerField(null=True)
    row_version = models.PositiveIntegerField(default=0)
    link_version = models.PositiveIntegerField(default=0)
    source_hash = models.CharField(max_length=32, blank=True)
    changes = models.JSONField(default=dict)
    ticked = models.BooleanField(default=True)
    held = models.BooleanField(default=False)
    held_ticked = models.BooleanField(default=False)
    sighting = models.PositiveSmallIntegerField(null=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "entity_type", "external_id"], name="one_item_per_object_and_run")
        ]
        indexes = [models.Index(fields=["run", "action", "outcome"], name="items_by_run")]

    def __str__(self) -> str:
        return f"{self.action} {self.entity_type} {self.label}"

"""Profiles: what a connection imports, and by which rules."""

from typing import Any

from django.db import models

from connectors.closure import Selection
from connectors.models import Connection


class Strategy(models.TextChoices):
    PRESERVE = "ask", "Preserve local changes"
    OVERWRITE = "source", "Overwrite with source"


def everything() -> dict[str, Any]:
    return Selection().to_json()


class SyncProfile(models.Model):
    """The rules of a connection. ``ownership``: ``kind.field`` -> source | ask | local.

    ``rules_version`` increases with every change of a rule. ``evaluated_*``: the rules by which all objects were last
    compared. ``every``: when it is synced by itself, as :func:`syncjobs.slots.every.grid_of` reads it. ``every_since``:
    when this rule was set; the grid of slots starts there. ``slots_until``: the slots until then are started or over.
    ``setup_step``: the step of the setup that waits; empty if the connection was set up, or made without it.
    ``paused_at``: since when no automatic sync starts; null if they start.
    ``failures``: how many runs failed since the last run that read the source. ``quarantined_at``, ``quarantine_*`` and
    ``next_try_at``: see :mod:`syncjobs.runs.durable.quarantine`.
    """

    connection = models.OneToOneField(Connection, on_delete=models.PROTECT, related_name="profile")
    selection = models.JSONField(default=everything)
    strategy = models.CharField(max_length=10, choices=Strategy, default=Strategy.PRESERVE)
    ownership = models.JSONField(default=dict)
    contact_details = models.BooleanField(
        default=True, help_text="Fetch and store e-mail addresses, phone numbers and notification rules of people."
    )
    guard = models.JSONField(default=dict)
    review_first = models.BooleanField(
        default=True, help_text="Stop after planning and wait until somebody has looked at the plan."
    )
    approval_on_impact = models.BooleanField(
        default=False,
        help_text="Wait for approval if a sync would change who is on call now or in the next 24 hours, or leave hours "
        "of the next 7 days without anyone.",
    )
    every = models.CharField(max_length=100, default="off")
    every_since = models.DateTimeField(null=True)
    slots_until = models.DateTimeField(null=True)
    setup_step = models.CharField(max_length=10, blank=True, default="", editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    rules_version = models.PositiveIntegerField(default=1)
    evaluated_rules = models.PositiveIntegerField(default=0)
    evaluated_mapping = models.JSONField(default=dict)
    failures = models.PositiveIntegerField(default=0, editable=False)
    quarantined_at = models.DateTimeField(null=True, editable=False)
    quarantine_code = models.CharField(max_length=40, blank=True, editable=False)
    quarantine_reason = models.TextField(blank=True, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "automatic sync"

    def __str__(self) -> str:
        return f"Rules of {self.connection}"

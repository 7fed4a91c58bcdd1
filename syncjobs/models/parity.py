"""Comparisons of schedules with the source's own rendering."""

from django.db import models

from connectors.models import Connection
from syncjobs.models.runs import SyncRun


class ParityJudge(models.TextChoices):
    VENDOR = "vendor"
    SIMULATOR = "simulator"


class ParityBasis(models.TextChoices):
    SYNC = "sync", "every sync: the next days"
    TRANSITION = "transition", "the days around a clock change"
    DEMAND = "demand", "requested by a person"


class ParityCheck(models.Model):
    """The comparison of one schedule over ``[since, until)``. ``measured_at``: when it last had this result.

    equal_seconds, total_seconds: None if nothing was compared; ``note`` then says why. uncovered_source,
    uncovered_ours: seconds without a participant on each side. Participants are texts as in ``rendering.codec``
    (``person:<reference key>``), instants are ISO texts. unresolved: participants of either side without a row.
    differences: ``[{"start", "end", "source": [...], "ours": [...], "cause"}]`` in order. source_spans: the source's
    rendering, ``[[start, end, [participants]], ...]``. The check stays when its schedule is deleted.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.SET_NULL, null=True, related_name="parity_checks")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="parity_checks")
    schedule = models.ForeignKey(
        "oncall.Schedule", models.SET_NULL, null=True, db_index=False, related_name="parity_checks"
    )
    external_id = models.CharField(max_length=255)
    judge = models.CharField(max_length=10, choices=ParityJudge)
    basis = models.CharField(max_length=10, choices=ParityBasis)
    measured_at = models.DateTimeField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    equal_seconds = models.PositiveBigIntegerField(null=True)
    total_seconds = models.PositiveBigIntegerField(null=True)
    uncovered_source = models.PositiveBigIntegerField(default=0)
    uncovered_ours = models.PositiveBigIntegerField(default=0)
    unresolved = models.JSONField(default=list)
    differences = models.JSONField(default=list)
    source_spans = models.JSONField(default=list)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["schedule", "-id"], name="parity_latest"),
            models.Index(fields=["connection", "external_id", "basis", "-id"], name="parity_kept"),
        ]

    def __str__(self) -> str:
        return f"Parity of {self.external_id}"

    @property
    def is_compared(self) -> bool:
        return self.total_seconds is not None

    @property
    def differs(self) -> bool:
        """Whether different people are on call in at least one second."""
        return self.total_seconds != self.equal_seconds

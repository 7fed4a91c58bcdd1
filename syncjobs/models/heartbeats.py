"""The last sign of life of each part of the installation that a run needs."""

from django.db import models


class Part(models.TextChoices):
    """Runs need a broker, beat, and a worker for each queue."""

    BROKER = "broker", "the broker"
    BEAT = "beat", "beat"
    TICK = "tick", "the worker of the queue tick"
    RUNS = "runs", "the worker of the queue runs"


class Heartbeat(models.Model):
    """When a part was last seen. fault: why the last message could not be sent (broker only), else empty."""

    part = models.CharField(max_length=10, choices=Part, primary_key=True)
    at = models.DateTimeField()
    fault = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.get_part_display()} at {self.at:%Y-%m-%d %H:%M:%S}"

"""Which parts of the installation are missing. Each part has a heartbeat of its own.

The broker's heartbeat is the last message that was sent or failed. Beat's is the last tick that it sent. A worker's is
the last task that it has worked on, because a process that runs but takes no messages is missing too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from syncjobs.models import Heartbeat, Part, RunState, SyncRun

#: A part that was not seen for this long is missing. Every part is seen once a minute.
SILENT: Final = timedelta(minutes=3)
#: A worker that is there answers a notification in this time.
ANSWER: Final = timedelta(seconds=30)
_QUEUED: Final = "queued"


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part that does not work. seen: when it was last seen, None = never. fault: see Heartbeat."""

    part: Part
    seen: datetime | None
    fault: str


def note_seen(part: Part, fault: str = "") -> None:
    """Store that a part was seen now, or that the broker failed now. Makes one statement."""
    beat = Heartbeat(part=part, at=timezone.now(), fault=fault)
    Heartbeat.objects.bulk_create([beat], update_conflicts=True, unique_fields=["part"], update_fields=["at", "fault"])


def missing_parts() -> list[MissingPart]:
    """Return the parts that do not work, the cause before what depends on it. Makes one query.

    A worker gets its messages from beat and the broker. While one of them is missing, silence proves nothing about a
    worker, unless it was never seen or has left the notification of a run without an answer.
    """
    now = timezone.now()
    runs = SyncRun.objects.order_by()
    running = runs.filter(state=RunState.RUNNING, lease_expires_at__gt=Now())
    queued = runs.filter(state=RunState.QUEUED, notified_at__isnull=False)
    signs = Heartbeat.objects.values_list("part", "at", "fault").union(
        # A run renews its claim, so that a worker whose threads are all busy counts as seen.
        running.values_list(Value(Part.RUNS.value), "progress_at", Value("")),
        queued.values_list(Value(_QUEUED), "notified_at", Value("")),
        all=True,
    )
    seen: dict[str, datetime] = {}
    fault = ""
    for word, at, words in signs:
        seen[word] = max(at, seen.get(word, at))
        fault = fault or words
    fresh = {part for part in Part if part in seen and now - seen[part] <= SILENT}
    last_answer, notified = seen.get(Part.RUNS), seen.get(_QUEUED)
    unanswered = notified and now - notified > ANSWER and (last_answer is None or last_answer < notified)
    gets_messages = {
        Part.BEAT: True,
        Part.TICK: Part.BEAT in fresh and not fault,
        Part.RUNS: (Part.TICK in fresh or unanswered) and not fault,
    }
    missing = [MissingPart(Part.BROKER, seen.get(Part.BROKER), fault)] if fault else []
    return missing + [
        MissingPart(part, seen.get(part), "")
        for part, expected in gets_messages.items()
        if part not in fresh and (expected or part not in seen)
    ]

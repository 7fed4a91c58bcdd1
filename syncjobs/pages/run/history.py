"""The last runs of a connection as a strip of outcomes."""

from typing import Final

from oncall.parts import Colour, Segment
from syncjobs.models import RunState, SyncRun
from syncjobs.pages.marks import STATE_COLOURS, last_moved, run_url
from syncjobs.words.runs import run_word

MOST: Final = 10
_COLUMNS: Final = ("kind", "state", "phase", "counts", "created_at", "planned_at", "finished_at")


def last_runs(run: SyncRun) -> tuple[Segment, ...]:
    """Return the last runs of the connection of a run, the oldest first. Makes one query."""
    runs = SyncRun.objects.filter(connection=run.connection_id).only(*_COLUMNS).order_by("-pk")[:MOST]
    return tuple(_segment(each, is_this=each.pk == run.pk) for each in reversed(runs))


def _segment(run: SyncRun, *, is_this: bool) -> Segment:
    colour: Colour = STATE_COLOURS[RunState(run.state)]
    title = f"Run {run.pk}: {run_word(run).lower()}, {run.get_state_display()}, {last_moved(run)}"
    return Segment(title, colour, run_url(run), is_this)

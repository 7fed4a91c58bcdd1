"""What several pages show the same way: states, kinds, places to click."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from connectors.records import ENTITY_TYPES, ENTITY_WORDS
from oncall.tables.kinds import ROOTS
from syncjobs.models import RunState, SyncRun
from syncjobs.pages.status import ConnectionStatus

STATE_COLOURS: Final = {
    RunState.QUEUED: "info",
    RunState.RUNNING: "info",
    RunState.WAITING: "info",
    RunState.AWAITING_REVIEW: "warning",
    RunState.HELD: "danger",
    RunState.SUCCEEDED: "success",
    RunState.PARTIAL: "warning",
    RunState.FAILED: "danger",
    RunState.CANCELLED: "",
    RunState.SUPERSEDED: "",
}


def state_mark(run: SyncRun) -> dict[str, str]:
    """Text and colour of a run's state, for the label template."""
    return {"text": run.get_state_display(), "type": STATE_COLOURS[RunState(run.state)]}


def started(run: SyncRun) -> str:
    """``by Ana``. A run without an account came from the shell, or its account was deleted later."""
    return f"by {run.requested_by}" if run.requested_by else "from the shell or by a deleted account"


def kind_words(kind: str, *, plural: bool = True) -> str:
    known = next((known for known in ENTITY_TYPES if known == kind), None)
    return ENTITY_WORDS[known][plural] if known else kind.replace("_", " ")


def row_url(request: HttpRequest, kind: str, row_id: int | None) -> str:
    """The page of an on-call row; empty when there is none or it may not be seen."""
    known = next((known for known in ENTITY_TYPES if known == kind), None)
    if known is None or row_id is None:
        return ""
    opts = ROOTS[known].rows.model._meta
    if not request.user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
        return ""
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row_id])


def next_link(status: ConnectionStatus) -> tuple[str, str]:
    """What to do about a connection now, and where."""
    connection, run = status.connection, status.run
    there = reverse("admin:connectors_connection_change", args=[connection.pk])
    step = status.next_step
    if run is not None and step in ("watch", "review", "look"):
        held = run.state == RunState.HELD
        to_run = {"watch": f"Watch run {run.pk}", "review": "Review the plan", "look": "See what went wrong"}
        return ("See why it is held" if held else to_run[step]), reverse("admin:syncjobs_syncrun_change", args=[run.pk])
    if step == "decide":
        conflicts = reverse("admin:syncjobs_conflict_changelist")
        many = f"{status.conflicts} conflict{'s' if status.conflicts > 1 else ''}"
        return f"Look at {many}", f"{conflicts}?connection__id__exact={connection.pk}"
    words = {"reconnect": "Enter the credentials again", "test": "Test the connection", "plan": "Plan a sync"}
    return words.get(step, "Sync now"), there


def ago(moment: datetime) -> str:
    """``4 minutes ago``."""
    passed = timesince(moment, timezone.now(), depth=1).replace("\xa0", " ")
    return "just now" if passed.startswith("0 ") else f"{passed} ago"


def page(
    admin: Any, request: HttpRequest, template: str, title: str, original: Model | None, **context: Any
) -> TemplateResponse:
    """One page in the frame of the admin."""
    frame = {**admin.admin_site.each_context(request), "opts": admin.opts, "title": title, "original": original}
    return TemplateResponse(request, template, {**frame, **context})

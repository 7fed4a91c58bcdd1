"""Labels and links that several pages share: states of runs, kinds of objects, the next step of a connection."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from connectors.models import Connection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityType
from oncall.parts import Colour
from oncall.selectors.visible import Viewer, may_view_all, may_view_any, visible_to
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.rights import may_answer
from syncjobs.models import Conflict, Rule, RunState, SyncRun
from syncjobs.pages.status import ConnectionStatus
from syncjobs.setup.steps import PEOPLE, REVIEW, RULES, SELECT

STATE_COLOURS: Final[dict[RunState, Colour]] = {
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

#: Step of the setup -> the name of its page, for those that a connection has.
STEP_PAGES: Final = {SELECT: "import", PEOPLE: "people", RULES: "rules", REVIEW: "review"}


def state_mark(run: SyncRun) -> dict[str, str]:
    """Return the text and the colour of a run's state, as the label template takes them."""
    return {"text": run.get_state_display(), "type": STATE_COLOURS[RunState(run.state)]}


def started(run: SyncRun) -> str:
    """Say who started a run. A run without an account came from the shell, or its account was deleted later."""
    return f"by {run.requested_by}" if run.requested_by else "from the shell or by a deleted account"


def kind_words(kind: str, *, plural: bool = True) -> str:
    """Return the word of a kind, such as ``schedules``; for an unknown kind the kind itself."""
    entity_type = _entity_type(kind)
    return ENTITY_WORDS[entity_type][plural] if entity_type else kind.replace("_", " ")


def row_url(request: HttpRequest, kind: str, row_id: int | None) -> str:
    """Return the address of an on-call row's page; empty without a row or without the right to view it, which
    only staff has.

    Makes a query for a lead, none for others.
    """
    entity_type = _entity_type(kind)
    if entity_type is None or row_id is None or not request.user.is_staff:
        return ""
    rows = ROOTS[entity_type].rows
    opts = rows.model._meta
    if not may_view_all(request.user, rows.model) and not visible_to(request.user, rows.filter(pk=row_id)).exists():
        return ""
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row_id])


def _entity_type(kind: str) -> EntityType | None:
    return next((entity_type for entity_type in ENTITY_TYPES if entity_type == kind), None)


def next_link(status: ConnectionStatus, viewer: Viewer) -> tuple[str, str]:
    """Return the text and the address of what to do about a connection now.

    The address is empty if the account may not open it.
    """
    connection, run = status.connection, status.run
    step = status.next_step
    if run is not None and step in ("watch", "review", "look"):
        texts = {"watch": f"Watch run {run.pk}", "review": "Review the plan", "look": "See what went wrong"}
        text = "See why it is held" if run.state == RunState.HELD else texts[step]
        return text, run_link(run, viewer)
    if step == "decide":
        return answering(status.conflicts, viewer), conflicts_link(connection, viewer)
    if step == "set_up" and status.profile is not None:
        return "Go on with the setup", url_of_step(connection, status.profile.setup_step)
    texts = {"reconnect": "Enter the key again", "test": "Test the connection", "plan": "Plan a sync"}
    return texts.get(step, "Sync now"), connection_url(connection)


def page_of(connection: Connection, name: str) -> str:
    """Return the address of a page of a connection, by the end of its name."""
    return reverse(f"admin:connectors_connection_{name}", args=[connection.pk])


def url_of_step(connection: Connection, step: str) -> str:
    """Return the address of a step of the setup."""
    return page_of(connection, STEP_PAGES.get(step, "change"))


def run_url(run: SyncRun) -> str:
    return reverse("admin:syncjobs_syncrun_change", args=[run.pk])


def rule_url(rule: Rule) -> str:
    """Return the address of a rule, which only the admin shows, also on pages of the site for everybody."""
    return reverse("admin:syncjobs_rule_change", args=[rule.pk])


def connection_url(connection: Connection) -> str:
    return page_of(connection, "change")


def run_link(run: SyncRun, viewer: Viewer) -> str:
    """Return the address of a run; empty if the account may not open it."""
    return run_url(run) if may_view_any(viewer, SyncRun) else ""


def conflicts_link(connection: Connection, viewer: Viewer) -> str:
    """Return the address of the open conflicts of a connection; empty if the account may not open it."""
    url = f"{reverse('admin:syncjobs_conflict_changelist')}?connection={connection.pk}"
    return url if may_view_any(viewer, Conflict) else ""


def answering(number: int, viewer: Viewer) -> str:
    """Return the text of the link to open questions, for those who may answer and for those who only see them."""
    return f"{'Answer' if may_answer(viewer) else 'See'} {number} question{'' if number == 1 else 's'}"


def linked(url: str, shown: str) -> str:
    """Return a text as HTML: a link if there is an address."""
    return format_html('<a class="rb-link" href="{}">{}</a>', url, shown) if url else shown


def last_moved(run: SyncRun) -> str:
    """Say how long ago a run ended, was planned or was requested."""
    return ago(run.finished_at or run.planned_at or run.created_at)


def ago(moment: datetime) -> str:
    """Return the time since a moment, such as ``4 minutes ago``."""
    passed = timesince(moment, timezone.now(), depth=1).replace("\xa0", " ")
    return "just now" if passed.startswith("0 ") else f"{passed} ago"


def render_page(
    admin: Any,
    request: HttpRequest,
    template: str,
    title: str,
    original: Model | None,
    *,
    under: Any = None,
    of: Any = None,
    **context: Any,
) -> TemplateResponse:
    """Return a page in the frame of the admin's site.

    under: the pages between the list and this page, each as (text, address). By default that is the page of
    ``original``, unless this page has its title. of: the model whose list it is; by default that of the admin.
    """
    site, opts = admin.admin_site.name, admin.opts if of is None else of._meta
    request.current_app = site  # the links of the frame lead to this site
    if under is None:
        under = [] if original is None or str(original) == title else [(str(original), _page_of(site, original))]
    path = [
        (str(opts.app_config.verbose_name), reverse(f"{site}:app_list", args=[opts.app_label])),
        (str(opts.verbose_name_plural), reverse(f"{site}:{opts.app_label}_{opts.model_name}_changelist")),
        *under,
    ]
    if title.casefold() != path[-1][0].casefold():  # the page of a list itself
        path.append((title, ""))
    request.trail = [{"title": text, "link": url} for text, url in path]  # type: ignore[attr-defined]
    frame = {**admin.admin_site.each_context(request), "opts": opts, "title": title, "original": original}
    return TemplateResponse(request, template, {**frame, **context})


def _page_of(site: str, row: Model) -> str:
    return reverse(f"{site}:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])

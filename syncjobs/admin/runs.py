"""Runs: their list, and the page of a run with its plan, progress and buttons."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from connectors.admin.connections import START, ReadOnlyAdmin, pill
from connectors.records import entity_type_of
from oncall.admin.base.columns import PageOfRows
from oncall.masking import hide_addresses, may_see_addresses, without_addresses
from syncjobs.admin.buttons import account_of, refuse, start_and_show, sync_and_show
from syncjobs.errors import RunAlreadyActive, StalePlan, UndoRefused
from syncjobs.models import ACTIVE, HELD_ITEMS, OPEN_PLAN, UNTICKED_ITEMS, RunKind, RunState, SyncItem, SyncRun
from syncjobs.pages.impact import impact_of_run
from syncjobs.pages.marks import kind_words, last_moved, render_page, row_url, run_url, started, state_mark
from syncjobs.pages.run.buttons import compared, next_buttons
from syncjobs.pages.run.exports import as_csv, as_json
from syncjobs.pages.run.facts import facts_of, request_facts
from syncjobs.pages.run.history import last_runs
from syncjobs.pages.run.items import (
    ACTIONS,
    KEPT,
    OUTCOME_COLOURS,
    RETRIED,
    UNAPPROVED,
    Filter,
    ItemsPage,
    action_words,
    change_rows,
    is_synced_alone,
    items_page,
    summary,
    ticks_in_words,
)
from syncjobs.pages.run.loading import with_figures
from syncjobs.pages.run.progress import grouped_notes, incomplete_lists, progress, totals
from syncjobs.pages.run.traces import traces_of
from syncjobs.pages.run.undo_preview import undo_context
from syncjobs.runs.changed_rules import changed_rules
from syncjobs.runs.impact.measuring import foresee_again, forget
from syncjobs.runs.start import approve, cancel
from syncjobs.runs.stored.plan import open_items
from syncjobs.undoing.refusals import is_undoable, may_undo
from syncjobs.undoing.undo import CHANGED_MEANWHILE, preview_undo, undo
from syncjobs.words.names import Names
from syncjobs.words.runs import run_word, titled

#: htmx stops polling when it gets this status.
STOP_POLLING: Final = 286


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = ("run", "connection", "kind_shown", "state_shown", "moved", "outcome", "started")
    list_display_links = ("run",)
    list_filter = ("state", "kind", "connection")
    list_select_related = ("connection", "requested_by")
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[SyncRun]":
        return SyncRun.objects.defer("notes", "checkpoint", "completeness", "scope", "impact")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[SyncRun]) -> None:
        """Hide addresses in the reasons of one page."""
        for run in () if may_see_addresses(request.user) else rows:
            hide_addresses(run)

    # --- the list -----------------------------------------------------------------------------------------------------

    @display(description="Run", ordering="id")
    def run(self, run: SyncRun) -> str:
        return f"Run {run.pk}"

    @display(description="Kind")
    def kind_shown(self, run: SyncRun) -> str:
        return run_word(run)

    @display(description="State", ordering="state")
    def state_shown(self, run: SyncRun) -> str:
        mark = state_mark(run)
        return pill(mark["text"], mark["type"])

    @display(description="When", ordering="created_at")
    def moved(self, run: SyncRun) -> str:
        return last_moved(run)

    @display(description="Outcome")
    def outcome(self, run: SyncRun) -> str:
        total = totals(run)
        counts = [f"{total[word]} {word}" for word in ("written", "failed", "stale", "held") if total[word]]
        if total["conflict"]:
            counts.append(f"{total['conflict']} question{'s' if total['conflict'] > 1 else ''}")
        if run.state in OPEN_PLAN and total["planned"]:
            counts.insert(0, f"{total['planned']} to do")
        if run.state == RunState.SUCCEEDED and not total["written"]:
            counts.insert(0, "answered, no row changed" if run.kind == RunKind.DECISION else "nothing to do")
        return ", ".join(counts) or run.reason[:80]

    @display(description="Started")
    def started(self, run: SyncRun) -> str:
        return started(run)

    # --- one run ------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = (
            ("progress", self.progress_view),
            ("ticks", self.ticks_view),
            ("apply", self.apply_view),
            ("cancel", self.cancel_view),
            ("again", self.again_view),
            ("impact", self.impact_view),
            ("undo", self.undo_view),
            ("export", self.export_view),
        )
        wrap = self.admin_site.admin_view
        urls = [path(f"<int:run_id>/{name}/", wrap(view), name=f"syncjobs_syncrun_{name}") for name, view in own]
        items = (("", self.item_view, "item"), ("sync/", self.sync_item_view, "sync_item"))
        urls += [
            path(f"<int:run_id>/items/<int:item_id>/{end}", wrap(view), name=f"syncjobs_syncrun_{name}")
            for end, view, name in items
        ]
        return [*urls, *super().get_urls()]

    def _run(self, request: HttpRequest, run_id: int | str, *permissions: str) -> SyncRun:
        if not self.has_view_permission(request) or not request.user.has_perms(permissions):
            raise PermissionDenied
        try:
            runs = SyncRun.objects.select_related("connection", "profile__connection", "requested_by", "superseded_by")
            return with_figures(runs).get(pk=run_id)
        except (SyncRun.DoesNotExist, ValueError):
            raise Http404(f"There is no run {run_id}.") from None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self._run(request, object_id)
        with_addresses = may_see_addresses(request.user)
        if not with_addresses:
            hide_addresses(run)
        figures: Any = run
        undone_by, names = figures.undone_by, Names(run, with_addresses=with_addresses)
        shown = items_page(run, request.GET, kind_words, with_addresses=with_addresses)
        items = list(shown.page.object_list)
        request_facts(items, names)
        grouped_notes(run, names)  # requests the names
        impact = impact_of_run(run, names, with_addresses=with_addresses)
        facts = facts_of(items, names, with_addresses=with_addresses)
        traces = traces_of(run, names)
        context = {**progress(run, request.user), "may_start": request.user.has_perm(START)}
        context |= {
            "shown": shown,
            "rows": [self._row(request, item, shown, facts.get(item.pk, "")) for item in items],
            "filter_query": _without_page(request.GET),
            "impact": impact,
            "impact_is_outdated": impact is None and _can_review(request, run),
            "traces": traces if with_addresses else without_addresses(traces),
            "notes": grouped_notes(run, names),
            "incomplete": incomplete_lists(run),
            "compared": compared(run, request.user, figures.compared, figures.different),
            "last_runs": last_runs(run),
            "next_buttons": next_buttons(run, request.user, figures.questions),
            "can_review": _can_review(request, run),
            "changed_rules": changed_rules(run, run.profile) if _can_review(request, run) else "",
            "can_cancel": run.state in (*ACTIVE, *OPEN_PLAN),
            "can_undo": is_undoable(run, undone_by, wrote=shown.wrote) and may_undo(run, account_of(request)),
            "undone_by": undone_by,
            "can_plan": not run.is_active and run.connection.disconnected_at is None,
        }
        return render_page(self, request, "syncjobs/run.html", titled(run), run, under=(), **context)

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return the progress card. When the run has ended, htmx stops polling and loads the whole page once."""
        run = self._run(request, run_id)
        if not may_see_addresses(request.user):
            hide_addresses(run)
        response = render(request, "syncjobs/run_progress.html", progress(run, request.user))
        if not run.is_active:
            response.status_code = STOP_POLLING
            response.headers["HX-Refresh"] = "true"
        return response

    def item_view(self, request: HttpRequest, run_id: int, item_id: int) -> HttpResponse:
        """Return what an item changes: as a page, or for the page of the run, which loads it when it is opened."""
        item = self._item(self._run(request, run_id), item_id)
        context = {
            "item": item,
            "rows": change_rows(item, with_addresses=may_see_addresses(request.user)),
            "may_sync": request.user.has_perm(START) and is_synced_alone(item),
            "is_retry": item.outcome in RETRIED,
        }
        if request.headers.get("HX-Request"):
            return render(request, "syncjobs/run_item.html", context)
        title = f"{action_words(item.action)}: {item.label or item.external_id}"
        return render_page(
            self,
            request,
            "syncjobs/run_item_page.html",
            title,
            item.run,
            under=_under(item.run),
            run=item.run,
            **context,
        )

    @method_decorator(require_GET)
    def export_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Send the items that match the filters as a file; ``as`` is ``csv`` or ``json``."""
        run = self._run(request, run_id)
        form = "json" if request.GET.get("as") == "json" else "csv"
        pieces = (as_json if form == "json" else as_csv)(
            run, request.GET, with_addresses=may_see_addresses(request.user)
        )
        kind = "application/json" if form == "json" else "text/csv; charset=utf-8"
        headers = {"Content-Disposition": f'attachment; filename="run-{run.pk}.{form}"'}
        return HttpResponse(pieces, content_type=kind, headers=headers)

    @method_decorator(require_POST)
    def sync_item_view(self, request: HttpRequest, run_id: int, item_id: int) -> HttpResponse:
        """Sync the object of an item alone, with what it refers to."""
        item = self._item(self._run(request, run_id, START), item_id)
        if not is_synced_alone(item):
            messages.error(request, f"{item.label or item.external_id} cannot be synced alone. Plan again instead.")
            return HttpResponseRedirect(run_url(item.run))
        return sync_and_show(request, item.run.profile, [(entity_type_of(item.entity_type), item.external_id)])

    def _item(self, run: SyncRun, item_id: int) -> SyncItem:
        item = SyncItem.objects.filter(run=run, pk=item_id).first()
        if item is None:
            raise Http404(f"Run {run.pk} has no item {item_id}.")
        item.run = run
        return item

    def _row(self, request: HttpRequest, item: SyncItem, shown: ItemsPage, fact: str) -> dict[str, Any]:
        text, colour = ACTIONS.get(item.action, (item.action, ""))
        return {
            "item": item,
            "kind": kind_words(item.entity_type),
            "action": {"text": text, "type": colour},
            "outcome": {"text": item.outcome, "type": OUTCOME_COLOURS.get(item.outcome, "")},
            "summary": summary(item),
            "fact": fact,
            "login": shown.people.get(item.pk, ""),
            "kept": KEPT.get(item.outcome, ""),
            "may_retry": item.outcome in RETRIED and request.user.has_perm(START) and is_synced_alone(item),
            "url": row_url(request, item.entity_type, item.row_id),
        }

    # --- buttons ------------------------------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def ticks_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Save the ticks of the items on the page, or of all filtered items when ``all`` is on, off or approve."""
        run = self._run(request, run_id, START)
        open_plan = open_items(run).filter(run__state__in=OPEN_PLAN)
        tick_all = request.POST.get("all")
        if tick_all in ("on", "off", "approve"):
            chosen = open_plan.filter(pk__in=Filter.read(request.POST).items(run).values("pk"))
            if tick_all == "approve":
                saved = chosen.filter(HELD_ITEMS).update(ticked=True, held_ticked=True)
            else:
                saved = (
                    chosen.update(ticked=True) if tick_all == "on" else chosen.update(ticked=False, held_ticked=False)
                )
        else:
            listed = _ids(request.POST.getlist("item"))
            for name, column in (("tick", "ticked"), ("approve", "held_ticked")):
                chosen_ids = _ids(request.POST.getlist(name)) & listed
                saved = open_plan.filter(pk__in=chosen_ids).update(**{column: True})
                saved += open_plan.filter(pk__in=listed - chosen_ids).update(**{column: False})
        forget(run)
        if not run.has_open_plan:
            messages.error(request, f"No tick was changed: the state of {run} is {run.get_state_display()}.")
        elif request.headers.get("HX-Request") and tick_all is None:
            left = {"unticked": Count("pk", filter=UNTICKED_ITEMS), "unapproved": Count("pk", filter=UNAPPROVED)}
            return HttpResponse(ticks_in_words(**open_plan.order_by().aggregate(**left)))
        else:
            messages.success(request, f"The ticks of {saved} items were saved.")
        return self._back(run, request.POST.get("query", ""))

    @method_decorator(require_POST)
    def apply_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self._run(request, run_id, START)
        try:
            approve(run, by=account_of(request), despite_rules=request.POST.get("despite_rules") == "1")
        except StalePlan as stale:
            run.refresh_from_db()
            refuse(request, str(stale), run.superseded_by)
        except RunAlreadyActive as active:
            refuse(request, str(active), active.run)
        else:
            messages.success(request, "The plan is being applied. Only what is ticked below is written.")
        return self._back(run)

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self._run(request, run_id, START)
        if cancel(run):
            messages.success(request, "The run is cancelled. What was written before stays; no object is half written.")
        else:
            messages.info(request, f"{run} had already ended. Nothing was changed.")
        return self._back(run)

    @method_decorator(require_POST)
    def again_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self._run(request, run_id, START)
        return start_and_show(request, run.profile, RunKind.PLAN)

    @method_decorator(require_POST)
    def impact_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Compute what a plan changes about who is on call, as it is ticked now. Writes only this."""
        run = self._run(request, run_id, START)
        if refusal := foresee_again(run):
            messages.error(request, refusal)
        return HttpResponseRedirect(f"{run_url(run)}#impact")

    def undo_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Show what an undo does, item by item, and do exactly that when the page is posted."""
        run = self._run(request, run_id)
        by = account_of(request)
        if not may_undo(run, by):
            raise PermissionDenied
        try:
            if request.method == "POST":
                done = undo(run, by, request.POST.get("shown", "")).run
                assert done is not None  # noqa: S101 - only a preview has no run
                messages.success(request, f"Run {run.pk} is undone. The items below say what changed and what stays.")
                return HttpResponseRedirect(run_url(done))
            context = undo_context(preview_undo(run, by), with_addresses=may_see_addresses(request.user))
        except UndoRefused as refused:
            refuse(request, str(refused), None)
            is_shown_again = refused.code == CHANGED_MEANWHILE
            url = reverse("admin:syncjobs_syncrun_undo", args=[run.pk]) if is_shown_again else run_url(run)
            return HttpResponseRedirect(url)
        except RunAlreadyActive as active:
            refuse(request, str(active), active.run)
            return HttpResponseRedirect(run_url(run))
        return render_page(self, request, "syncjobs/undo.html", f"Undo run {run.pk}", run, under=_under(run), **context)

    def _back(self, run: SyncRun, query: str = "") -> HttpResponseRedirect:
        url = run_url(run)
        return HttpResponseRedirect(f"{url}?{query}#items" if query else url)


def _ids(texts: Iterable[str]) -> set[int]:
    """Return the texts that can be the id of a row; a longer number fits into no column."""
    return {int(text) for text in texts if re.fullmatch("[0-9]{1,18}", text)}


def _without_page(query: QueryDict) -> str:
    """Return the filters of the items, for links to other pages of the list."""
    filters = query.copy()
    filters.pop("page", None)
    return filters.urlencode()


def _under(run: SyncRun) -> list[tuple[str, str]]:
    """Return the path to a page below that of a run."""
    return [(titled(run), run_url(run))]


def _can_review(request: HttpRequest, run: SyncRun) -> bool:
    return run.has_open_plan and request.user.has_perm(START)

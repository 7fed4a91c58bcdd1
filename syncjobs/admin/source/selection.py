"""The page that sets what a connection imports: the second step of its setup, and later a page of the source."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST

from connectors.admin.connections import START, right_in_words
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.records import ENTITY_WORDS, EntityKey
from connectors.registry import inventory_hint
from syncjobs.admin.buttons import account_of, sync_and_show
from syncjobs.admin.source.connect import ConnectAdmin
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import SyncProfile
from syncjobs.pages.marks import render_page, url_of_step
from syncjobs.pages.source.frame import frame_of
from syncjobs.pages.source.overview import why_not_read
from syncjobs.setup.first_plan import ensure_plan
from syncjobs.setup.inventory import (
    Row,
    cached_inventory,
    inventory_calls,
    inventory_of,
    keys_of,
    selected_kinds,
    tree_of,
    value_of,
)
from syncjobs.setup.profile_form import EVERYTHING, SelectionForm
from syncjobs.setup.steps import PEOPLE, SELECT, advance
from syncjobs.words.names import Names

VIEW = "syncjobs.view_syncprofile"
CHANGE = "syncjobs.change_syncprofile"


class SelectionAdmin(ConnectAdmin):
    """Adds the page *What to import* to a connection."""

    def get_urls(self) -> list[URLPattern]:
        views = (("import", self.import_view), ("inventory", self.inventory_view))
        wrap = self.admin_site.admin_view
        urls = [path(f"<int:object_id>/{n}/", wrap(view), name=f"connectors_connection_{n}") for n, view in views]
        return [*urls, *super().get_urls()]

    def demand_change(self, request: HttpRequest, connection: Connection) -> None:
        if not self.has_change_permission(request, connection):
            raise PermissionDenied

    def profile_of(self, request: HttpRequest, object_id: int, permission: str = VIEW) -> SyncProfile:
        """Return the profile of the connection of a request. Raises PermissionDenied or Http404."""
        connection = self.loaded(request, object_id, permission)
        profile = SyncProfile.objects.get_or_create(connection=connection)[0]
        profile.connection = connection
        return profile

    def planned(self, request: HttpRequest, profile: SyncProfile, step: str) -> HttpResponse:
        """Go on to a step of the setup that needs a plan, and let it be made.

        Nothing is read after the setup, from a source that cannot be read, or for an account that may not start syncs.
        """
        advance(profile, step)
        reason = why_not_read(profile.connection)
        if not request.user.has_perm(START):
            reason = "You may not start syncs, so the source was not read. Ask somebody who may to plan."
        if reason:
            messages.error(request, reason)
        elif profile.setup_step:
            try:
                ensure_plan(profile, account_of(request))
            except RunAlreadyActive as active:
                messages.error(request, str(active))
        return HttpResponseRedirect(url_of_step(profile.connection, step))

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def import_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the selection. A POST stores it; ``do`` says if it searches or reads the source again instead."""
        profile = self.profile_of(request, object_id)
        if request.method != "POST":
            return self._selection(request, profile, SelectionForm(profile))
        may_change = request.user.has_perm(CHANGE)
        form, do = SelectionForm(profile, request.POST, request.POST.getlist("chosen")), request.POST.get("do", "")
        if do == "sync":
            return self._sync_some(request, profile, sorted(form.chosen))
        if do in ("search", "read"):  # whoever sees the page may search in it
            if profile.setup_step and may_change and form.is_valid():
                form.save()
            return self._selection(request, profile, form, fresh=do == "read")
        if not may_change:
            raise PermissionDenied
        return self._saved(request, form) if form.is_valid() else self._selection(request, profile, form)

    def _selection(
        self, request: HttpRequest, profile: SyncProfile, form: SelectionForm, *, fresh: bool = False
    ) -> HttpResponse:
        connection, error = profile.connection, None
        may_fetch = request.user.has_perm(START) and connection.disconnected_at is None
        nodes = None if fresh else cached_inventory(connection)
        if nodes is None and may_fetch and (fresh or profile.setup_step):
            try:
                nodes = inventory_of(connection, fresh=fresh)
            except ConnectorError as failed:
                error = failed
        context: dict[str, Any] = {
            "frame": frame_of(profile, SELECT, account_of(request)),
            "in_setup": bool(profile.setup_step),
            "form": form,
            "connection": connection,
            "hint": inventory_hint(connection.provider),
            "may_change": request.user.has_perm(CHANGE),
            "may_fetch": may_fetch,
            "error": error,
            "q": request.POST.get("q", "")[:200],
            "rights": [right_in_words(right) for right in connection.rights] if profile.setup_step else [],
            "chosen": _ticked_rows(connection, form.chosen) if nodes is None else (),
        }
        if nodes is not None:
            context |= {"tree": tree_of(nodes, form.chosen, context["q"]), "along": selected_kinds(nodes, form.chosen)}
            context |= {"everything": form["scope"].value() == EVERYTHING, "calls": inventory_calls(connection)}
        title = f"What to import from {connection}"
        return render_page(self, request, "syncjobs/import.html", title, connection, **context)

    def _sync_some(self, request: HttpRequest, profile: SyncProfile, keys: list[EntityKey]) -> HttpResponse:
        """Sync the ticked objects and what they refer to. The selection stays."""
        if not request.user.has_perm(START):
            raise PermissionDenied
        reason = why_not_read(profile.connection) or ("" if keys else "Nothing is ticked. Tick what is to be synced.")
        if not reason and not profile.setup_step:
            return sync_and_show(request, profile, keys)
        messages.error(request, reason or "Finish the setup first. Nothing was read.")
        return HttpResponseRedirect(url_of_step(profile.connection, SELECT))

    def _saved(self, request: HttpRequest, form: SelectionForm) -> HttpResponse:
        profile = form.profile
        if form.save():
            self.log_change(request, profile.connection, "The selection was changed.")
        if profile.setup_step:
            return self.planned(request, profile, PEOPLE)
        messages.success(request, "The selection is saved. The next sync applies it; a plan shows the effect first.")
        return HttpResponseRedirect(url_of_step(profile.connection, SELECT))

    @method_decorator(require_POST)
    def inventory_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Return a fragment of the import page. During the setup, the ticks are stored, so that none is lost.

        ``part``: chooser (the whole card), fresh (the same, read from the source again), tree (the search result) or
        along (what is imported with the ticked objects).
        """
        profile = self.profile_of(request, object_id, START)
        connection = profile.connection
        form = SelectionForm(profile, request.POST, request.POST.getlist("chosen"))
        if profile.setup_step and request.user.has_perm(CHANGE) and form.is_valid():
            form.save()
        chosen = keys_of(request.POST.getlist("chosen"))
        part = request.POST.get("part", "chooser")
        context: dict[str, Any] = {
            "connection": connection,
            "hint": inventory_hint(connection.provider),
            "may_fetch": True,
            "q": request.POST.get("q", "")[:200],
        }
        context["everything"] = request.POST.get("scope") == EVERYTHING
        try:
            nodes = inventory_of(connection, fresh=part == "fresh")
        except ConnectorError as error:
            context |= {"error": error, "chosen": _ticked_rows(connection, chosen)}
            return render(request, "syncjobs/import_chooser.html", context)
        context |= {"tree": tree_of(nodes, chosen, context["q"]), "along": selected_kinds(nodes, chosen)}
        context["calls"] = inventory_calls(connection)
        template = {"tree": "import_tree", "along": "import_along"}.get(part, "import_chooser")
        return render(request, f"syncjobs/{template}.html", context)


def _ticked_rows(connection: Connection, chosen: frozenset[EntityKey]) -> tuple[Row, ...]:
    """Return the ticked objects while the tree is not loaded, with the names of their imported rows."""
    names = Names()

    def rows() -> tuple[Row, ...]:
        found = ((key, names.find(key[0], f"{connection.pk}:{key[1]}") or key[1]) for key in sorted(chosen))
        return tuple(Row(value_of(key), f"{ENTITY_WORDS[key[0]][0]} {name}", ticked=True) for key, name in found)

    rows()  # collects the keys
    names.load()
    return rows()

"""The page that sets what a connection imports, and by which rules."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST

from connectors.admin.connections import START, ConnectionAdmin
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.records import ENTITY_WORDS, EntityKey
from connectors.registry import inventory_hint
from syncjobs.models import Strategy, SyncProfile
from syncjobs.pages.marks import connection_url, render_page
from syncjobs.setup.inventory import Row, cached_inventory, inventory_of, keys_of, selected_kinds, tree_of, value_of
from syncjobs.setup.profile_form import EVERYTHING, ProfileForm
from syncjobs.words.names import Names

VIEW = "syncjobs.view_syncprofile"
CHANGE = "syncjobs.change_syncprofile"


class SelectionAdmin(ConnectionAdmin):
    """Adds the page *Choose what to import* to a connection."""

    def get_urls(self) -> list[URLPattern]:
        views = (("import", self.import_view), ("inventory", self.inventory_view))
        wrap = self.admin_site.admin_view
        urls = [path(f"<int:object_id>/{n}/", wrap(view), name=f"connectors_connection_{n}") for n, view in views]
        return [*urls, *super().get_urls()]

    def demand_change(self, request: HttpRequest, connection: Connection) -> None:
        if not self.has_change_permission(request, connection):
            raise PermissionDenied

    @method_decorator(require_http_methods(["GET", "POST"]))
    def import_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        connection = self.loaded(request, object_id, VIEW)
        profile = SyncProfile.objects.get_or_create(connection=connection)[0]
        profile.connection = connection
        if request.method == "POST":
            if not request.user.has_perm(CHANGE):
                raise PermissionDenied
            form = ProfileForm(request.POST, instance=profile, chosen=request.POST.getlist("chosen"))
            if form.is_valid():
                return self._saved(request, form)
        else:
            form = ProfileForm(instance=profile)
        nodes = cached_inventory(connection)
        context: dict[str, Any] = {
            "form": form,
            "connection": connection,
            "hint": inventory_hint(connection.provider),
            "may_change": request.user.has_perm(CHANGE),
            "may_fetch": request.user.has_perm(START) and connection.disconnected_at is None,
            "chosen": _ticked_rows(connection, form.chosen) if nodes is None else (),
        }
        if nodes is not None:
            context |= {"tree": tree_of(nodes, form.chosen, ""), "along": selected_kinds(nodes, form.chosen)}
            context["everything"] = form["scope"].value() == EVERYTHING
        title = f"What to import from {connection}"
        return render_page(self, request, "syncjobs/import.html", title, connection, **context)

    def _saved(self, request: HttpRequest, form: ProfileForm) -> HttpResponse:
        changed = {*form.changed_data, *(["selection"] if form.selection_changed else [])}
        profile = form.save()
        connection = profile.connection
        self.log_change(request, connection, f"Rules: {', '.join(sorted(changed)) or 'nothing changed'}.")
        messages.success(request, "The rules are saved. The next sync applies them; a plan shows the effect first.")
        if "strategy" in form.changed_data and profile.strategy == Strategy.OVERWRITE:
            messages.warning(
                request,
                "From now on the source overwrites local edits. Plan first, and look at these edits.",
            )
        return HttpResponseRedirect(connection_url(connection))

    @method_decorator(require_POST)
    def inventory_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Return a fragment of the import page.

        ``part``: chooser (the whole card), fresh (the same, read from the source again), tree (the search result) or
        along (what is imported with the ticked objects).
        """
        connection = self.loaded(request, object_id, START)
        chosen = keys_of(request.POST.getlist("chosen"))
        part = request.POST.get("part", "chooser")
        context: dict[str, Any] = {
            "connection": connection,
            "hint": inventory_hint(connection.provider),
            "may_fetch": True,
        }
        context["everything"] = request.POST.get("scope") == EVERYTHING
        try:
            nodes = inventory_of(connection, fresh=part == "fresh")
        except ConnectorError as error:
            context |= {"error": error, "chosen": _ticked_rows(connection, chosen)}
            return render(request, "syncjobs/import_chooser.html", context)
        context |= {"tree": tree_of(nodes, chosen, request.POST.get("q", "")), "along": selected_kinds(nodes, chosen)}
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

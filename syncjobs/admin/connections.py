"""Connections with their sync: status, next step, buttons that start runs, and disconnecting."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from connectors.admin.connections import START, pill
from connectors.connections.key_age import key_is_old, key_with_age
from connectors.models import Connection
from connectors.registry import provider_label
from oncall.admin.base.columns import PageOfRows
from oncall.selectors.visible import may_view_all
from syncjobs.admin.buttons import account_of, start_and_show, sync_and_show
from syncjobs.admin.following.page import NotFollowedAdmin, following_url
from syncjobs.admin.source.selection import CHANGE
from syncjobs.models import ExternalLink, Rule, RunKind, SyncProfile
from syncjobs.pages.marks import (
    conflicts_link,
    connection_url,
    kind_words,
    last_moved,
    linked,
    next_link,
    render_page,
    run_link,
    state_mark,
)
from syncjobs.pages.source.frame import frame_of
from syncjobs.pages.source.overview import overview_of, why_not_read
from syncjobs.pages.status import ConnectionStatus, connection_statuses
from syncjobs.setup.disconnect import disconnect
from syncjobs.setup.steps import CONNECT, pause, resume


@admin.register(Connection)
class SyncedConnectionAdmin(NotFollowedAdmin):
    list_display = (
        "name_shown", "provider_listed", "account_shown", "key_shown", "last_run", "conflicts_shown", "next_action",
    )  # fmt: skip
    list_display_links = ("name_shown",)
    empty_text = "No source is connected yet."  # see the template ``empty_results.html``
    add_text = "Connect a source"
    list_before_template: Any = "syncjobs/missing_parts.html"
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "account_label")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set ``status`` and ``viewer``, the account that sees the list, on the connections of one page."""
        statuses = connection_statuses(rows)
        for connection in rows:
            vars(connection)["status"] = statuses[connection.pk]
            vars(connection)["viewer"] = request.user

    # --- the list -----------------------------------------------------------------------------------------------------

    @display(description="Name", ordering="name")
    def name_shown(self, connection: Connection) -> str:
        return connection.name

    @display(description="Platform", ordering="provider")
    def provider_listed(self, connection: Connection) -> str:
        return provider_label(connection.provider)

    @display(description="Account")
    def account_shown(self, connection: Connection) -> str:
        if connection.disconnected_at is not None:
            return pill("disconnected")
        if connection.refused_account:
            return pill("paused", "warning")
        return connection.account_label or "not tested yet"

    @display(description="Key", ordering="credentials_since")
    def key_shown(self, connection: Connection) -> str:
        words = key_with_age(connection)
        return pill(words, "warning") if key_is_old(connection) else words

    @display(description="Last run")
    def last_run(self, connection: Connection) -> str:
        run = _status(connection).run
        if run is None:
            return "none yet"
        mark = state_mark(run)
        shown = format_html("{} {}", pill(mark["text"], mark["type"]), last_moved(run))
        return linked(run_link(run, vars(connection)["viewer"]), shown)

    @display(description="Questions")
    def conflicts_shown(self, connection: Connection) -> str:
        number = _status(connection).conflicts
        if not number:
            return "none"
        return linked(conflicts_link(connection, vars(connection)["viewer"]), pill(f"{number} open", "warning"))

    @display(description="Next")
    def next_action(self, connection: Connection) -> str:
        text, url = next_link(_status(connection), vars(connection)["viewer"])
        return linked(url, text)

    # --- the overview -------------------------------------------------------------------------------------------------

    def panel(self, request: HttpRequest, connection: Connection) -> dict[str, Any]:
        status = connection_statuses([connection])[connection.pk]
        profile = status.profile or SyncProfile.objects.get_or_create(connection=connection)[0]
        profile.connection = connection
        return {
            **super().panel(request, connection),
            "frame": frame_of(profile, CONNECT, account_of(request)),
            "overview": overview_of(
                status, profile, account_of(request), may_change=self._may_change(request, connection)
            ),
            "may_try": request.user.has_perm(START) and connection.disconnected_at is None,
            "status": status,
            "following_url": following_url(connection),
            "may_view_rules": may_view_all(request.user, Rule),
        }

    def _may_change(self, request: HttpRequest, connection: Connection) -> bool:
        return self.has_change_permission(request, connection)

    def is_bound(self, connection: Connection) -> bool:
        return ExternalLink.objects.filter(connection=connection).exists()

    def page(
        self, request: HttpRequest, template: str, title: str, connection: Connection, **context: Any
    ) -> HttpResponse:
        profile = SyncProfile.objects.get_or_create(connection=connection)[0]
        profile.connection = connection
        context |= {"connection": connection, "frame": frame_of(profile, template, account_of(request))}
        template = f"admin/connectors/connection/{template}.html"
        return render_page(self, request, template, title, connection, **context)

    # --- buttons ------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("plan", self.plan_view),
            ("sync", self.sync_view),
            ("pause", self.pause_view),
            ("disconnect", self.disconnect_view),
        )
        wrap = self.admin_site.admin_view
        urls = [path(f"<int:object_id>/{n}/", wrap(view), name=f"connectors_connection_{n}") for n, view in views]
        return [*urls, *super().get_urls()]

    @method_decorator(require_POST)
    def plan_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._start(request, object_id, lambda profile: start_and_show(request, profile, RunKind.PLAN))

    @method_decorator(require_POST)
    def sync_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._start(request, object_id, lambda profile: sync_and_show(request, profile))

    def _start(
        self, request: HttpRequest, object_id: int, begin: Callable[[SyncProfile], HttpResponse]
    ) -> HttpResponse:
        connection = self.loaded(request, object_id, START)
        reason = why_not_read(connection)
        if reason:
            messages.error(request, reason)
            return HttpResponseRedirect(connection_url(connection))
        return begin(SyncProfile.objects.get_or_create(connection=connection)[0])

    @method_decorator(require_POST)
    def pause_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Let no automatic sync start, or let them start again (``do`` is resume)."""
        profile = self.profile_of(request, object_id, CHANGE)
        connection = profile.connection
        if profile.setup_step:
            messages.error(request, "Automatic syncs start when the setup is finished. Nothing was changed.")
        elif request.POST.get("do") == "resume":
            resume(profile)
            self.log_change(request, connection, "Automatic syncs resumed.")
            messages.success(request, f"Automatic syncs of {connection} start again.")
        else:
            pause(profile)
            self.log_change(request, connection, "Automatic syncs paused.")
            text = f"No automatic sync of {connection} starts until you resume. You can still sync by hand."
            messages.success(request, text)
        return HttpResponseRedirect(connection_url(connection))

    @method_decorator(require_POST)
    def disconnect_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show what disconnecting means; disconnect when this page is confirmed."""
        connection = self.loaded(request, object_id, START)
        self.demand_change(request, connection)
        status = connection_statuses([connection])[connection.pk]
        if request.POST.get("confirmed") != "yes":
            title = f"Disconnect {connection.name}"
            imported = [(kind_words(kind, plural=number != 1), number) for kind, number in status.imported.items()]
            return render_page(self, request, "syncjobs/disconnect.html", title, connection, imported=imported)
        number = disconnect(connection)
        self.log_change(request, connection, "Disconnected.")
        stays = {0: "", 1: " 1 imported object stays here."}.get(number, f" {number} imported objects stay here.")
        messages.success(request, f"{connection} is disconnected. Its key is deleted.{stays}")
        return HttpResponseRedirect(reverse("admin:connectors_connection_changelist"))


def _status(connection: Connection) -> ConnectionStatus:
    status: ConnectionStatus = vars(connection)["status"]  # set by complete()
    return status

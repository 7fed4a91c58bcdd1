"""The first step of the setup: a draft is filled, tested, and becomes a connection."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.text import get_text_list
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connectors.admin.connections import ConnectionAdmin
from connectors.admin.forms import NewConnectionForm, new_connection_form
from connectors.base import Connector, Probe
from connectors.errors import ConnectorError
from connectors.models import Connection
from syncjobs.admin.buttons import account_of
from syncjobs.models import ConnectionDraft, SyncProfile
from syncjobs.pages.marks import connection_url, render_page, url_of_step
from syncjobs.pages.source.connect import cards_of, fields_of_error, found_in_words, listed_drafts
from syncjobs.pages.source.frame import frame_of_draft
from syncjobs.setup.drafts import begin_draft, drafts_of, keep_entries, store_connection, test_draft

GONE = "This draft does not exist any more: it was thrown away, or nobody changed it for 7 days. Begin again."


class ConnectAdmin(ConnectionAdmin):
    """Adds a connection by way of a draft."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.connect_view)
        return [path("connect/<uuid:uid>/", view, name="connectors_connection_connect"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the providers and the drafts of the account. A POST begins a draft."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        account = account_of(request)
        chosen = self.connector_of(request.POST.get("provider", ""))
        if chosen is not None:
            return HttpResponseRedirect(draft_url(begin_draft(chosen.provider, account).uid))
        context = {
            "frame": frame_of_draft(),
            "cards": cards_of(self.providers),
            "drafts": listed_drafts(drafts_of(account)),
        }
        return render_page(self, request, "syncjobs/source/providers.html", "Connect a source", None, **context)

    @method_decorator([sensitive_post_parameters(), require_http_methods(["GET", "HEAD", "POST"])])
    def connect_view(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        """Show the form of a draft. A POST keeps what was typed; ``do`` says what else: test, drop, or nothing."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        draft = ConnectionDraft.objects.filter(uid=uid, account=account_of(request)).first()
        connector = self.connector_of(draft.provider) if draft is not None else None
        if draft is None or connector is None:
            return self._without_draft(request, uid)
        entered = [name for name in draft.credentials if draft.credentials[name]]
        make = new_connection_form(connector)
        instance = Connection(uid=draft.uid, provider=draft.provider)
        data = request.POST if request.method == "POST" else None
        form = make(data, instance=instance, typed=draft.typed, entered=entered)
        if data is not None:
            if form.has_changed():
                keep_entries(draft, form.typed, form.typed_secrets())
            do = request.POST.get("do", "")
            if do == "keep":
                return HttpResponse(status=204)
            if do == "drop":
                ConnectionDraft.objects.filter(pk=draft.pk).delete()
                messages.success(request, "The draft was thrown away, and the key in it.")
                return HttpResponseRedirect(reverse("admin:connectors_connection_add"))
            answer = self._connected(request, draft, form)
            if answer is not None:
                return answer
        return self._form(request, draft, connector, form)

    def _connected(self, request: HttpRequest, draft: ConnectionDraft, form: NewConnectionForm) -> HttpResponse | None:
        """Test a draft and store its connection. None if something has to be corrected; the form says what."""
        if not form.is_valid():
            return None
        account = account_of(request)
        try:
            tested, probe = test_draft(draft, form.cleaned_data["name"], form.cleaned_data["settings"])
            connection = store_connection(draft, tested, account)
        except ConnectorError as error:
            form.refuse(error)
            return None
        if connection is tested:
            self.log_addition(request, connection, [{"added": {}}])
        self._say_found(request, connection, probe)
        return HttpResponseRedirect(url_of_step(connection, SyncProfile.objects.get(connection=connection).setup_step))

    def _say_found(self, request: HttpRequest, connection: Connection, probe: Probe) -> None:
        messages.success(request, found_in_words(connection, probe))
        for message in probe.messages:
            messages.warning(request, message)
        same = Connection.objects.filter(
            provider=connection.provider, account_id=connection.account_id, disconnected_at=None
        ).exclude(pk=connection.pk)
        if connection.account_id and same:
            names = get_text_list([str(each) for each in same], "and")
            words = f"{names} {'is' if len(same) == 1 else 'are'} already connected to this account."
            messages.warning(request, f"{words} What both select is here twice, except people with an address.")

    def _form(
        self, request: HttpRequest, draft: ConnectionDraft, connector: type[Connector], form: NewConnectionForm
    ) -> HttpResponse:
        errors: Sequence[Any] = fields_of_error(form)
        context = {
            "frame": frame_of_draft(),
            "form": form,
            "key_steps": connector.key_steps,
            "least_right": connector.least_right,
            "draft_url": draft_url(draft.uid),
            "errors": errors,
            "is_kept": bool(draft.typed or draft.credentials),
        }
        return render_page(self, request, "syncjobs/source/connect.html", f"Connect {connector.label}", None, **context)

    def _without_draft(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        """Lead to the connection that a draft has become, or to a new draft, and say so.

        A page that keeps an entry is loaded again at the redirect, and says it then.
        """
        is_said = request.POST.get("do") != "keep"
        connection = Connection.objects.filter(uid=uid).select_related("profile").first()
        if connection is None or not self.has_view_permission(request, connection):
            if is_said:
                messages.error(request, GONE)
            return HttpResponseRedirect(reverse("admin:connectors_connection_add"))
        step = connection.profile.setup_step if hasattr(connection, "profile") else ""
        if is_said:
            messages.info(request, f"{connection} is connected already.")
        return HttpResponseRedirect(url_of_step(connection, step) if step else connection_url(connection))


def draft_url(uid: UUID) -> str:
    return reverse("admin:connectors_connection_connect", args=[uid])

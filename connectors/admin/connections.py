"""The admin pages of a connection: its form and Test connection. ``syncjobs`` extends and registers them."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from unfold.decorators import display

from connectors.admin.forms import ConnectionForm, connection_form, key_form
from connectors.base import Connector
from connectors.connections.key_age import key_reminder, key_with_age
from connectors.connections.probe import probe_connection
from connectors.connections.replacing import NotReplaced, Replaced, replace_key
from connectors.errors import ConnectionConfigError, ConnectorError
from connectors.models import Connection
from connectors.records import ENTITY_WORDS
from connectors.registry import CONNECTORS, provider_label
from oncall.admin.base.aggregate import actor
from oncall.admin.base.unfold import ModelAdmin
from oncall.admin.forms.compared import compared

#: The permission to start a sync also allows Test connection, which sends requests to the source.
START: Final = "syncjobs.start_syncrun"
#: The permission to change a connection, also its key.
CHANGE: Final = "connectors.change_connection"


def pill(text: str, colour: str = "") -> str:
    """Return a coloured label as HTML. colour: success, warning, danger, info or "". The text has the meaning, too."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": colour})


class ReadOnlyAdmin(ModelAdmin[Any]):
    """An admin that shows rows and never changes them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConnectionAdmin(ModelAdmin[Connection]):
    """The pages to change and test a connection. They show no secret and delete nothing."""

    form = ConnectionForm
    search_fields = ("name", "account_label")
    change_form_outer_before_template: Any = "admin/connectors/connection/panel.html"
    warn_unsaved_form = True
    providers: ClassVar[tuple[type[Connector], ...]] = CONNECTORS

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # imported objects refer to it; it can be disconnected

    def has_change_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        """Return whether the user may change the connection. Without an installed connector it is read-only."""
        known = obj is None or any(obj.provider == connector.provider for connector in self.providers)
        return known and super().has_change_permission(request, obj)

    # --- the form -----------------------------------------------------------------------------------------------------

    def connector_of(self, provider: str) -> type[Connector] | None:
        """Return the installed connector of a provider, or None."""
        return next((connector for connector in self.providers if connector.provider == provider), None)

    def get_form(
        self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any
    ) -> "type[forms.ModelForm[Connection]]":
        connector = self.connector_of(obj.provider) if obj is not None else None
        form = connection_form(connector) if connector else forms.modelform_factory(Connection, fields=["name"])
        made: type[forms.ModelForm[Connection]] = compared(form) if change else form
        return made

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        assert obj is None or isinstance(obj, Connection)  # noqa: S101 - the admin of connections
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": ["name", "provider_shown", "settings_shown", "credentials_shown"]})]
        connector = self.connector_of(obj.provider) if obj is not None else None
        plain = [field.name for field in (connector.fields() if connector else ()) if not field.with_key]
        parts = ((None, ["name"]), ("Account", plain))
        return [(title, {"fields": names}) for title, names in parts if names]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        connection = self.get_object(request, object_id)
        extra = {} if connection is None else self.panel(request, connection)
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def panel(self, request: HttpRequest, connection: Connection) -> dict[str, Any]:
        """Return the context of the panel above the form: the state and the actions of the connection."""
        return {
            "title": connection.name,
            "subtitle": None,  # Django's is the name again
            "connection": connection,
            "provider": provider_label(connection.provider),
            "rights": [right_in_words(right) for right in connection.rights],
            "settings_shown": self.settings_shown(connection),
            "key": key_with_age(connection),
            "key_reminder": key_reminder(connection),
        }

    @display(description="Platform")
    def provider_shown(self, connection: Connection) -> str:
        return provider_label(connection.provider)

    @display(description="Account settings")
    def settings_shown(self, connection: Connection) -> str:
        """Return the settings with the words of their fields, in the order of the form."""
        connector = self.connector_of(connection.provider)
        fields = [each for each in (connector.fields() if connector else ()) if connection.settings.get(each.name)]
        named = [(each.label, each.shown(connection.settings[each.name])) for each in fields]
        return format_html_join(", ", "{}: {}", named)

    @display(description="Key")
    def credentials_shown(self, connection: Connection) -> str:
        return f"stored: {key_with_age(connection)}" if connection.credentials else "none stored"

    # --- the key ------------------------------------------------------------------------------------------------------

    def is_bound(self, connection: Connection) -> bool:
        """Return whether objects of the account are linked here, so that a key of another account needs a decision."""
        return True

    @method_decorator([sensitive_post_parameters(), require_http_methods(["GET", "POST"])])
    def key_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the form that replaces the key. A POST tests the new key, and stores it if it works."""
        connection = self.loaded(request, object_id, CHANGE)
        connector = self.connector_of(connection.provider)
        if connector is None or not self.has_change_permission(request, connection):
            raise PermissionDenied
        form = key_form(connector)(request.POST if request.method == "POST" else None, instance=connection)
        if form.is_valid():
            try:
                replaced = replace_key(
                    connection,
                    form.given_secrets(),
                    form.cleaned_data["settings"],
                    by=actor(request),
                    accepted=form.accepted(),
                    is_bound=self.is_bound(connection),
                )
            except NotReplaced as refused:
                form.object_to(refused.objections)
            except ConnectorError as error:
                form.refuse(error)
            else:
                self.log_change(request, connection, "The key was replaced.")
                _say_replaced(request, connection, replaced)
                return HttpResponseRedirect(reverse("admin:connectors_connection_change", args=[connection.pk]))
        context = {"form": form, "key": key_with_age(connection), "may_add": self.has_add_permission(request)}
        return self.page(request, "key", f"Credential of {connection.name}", connection, **context)

    # --- Test connection ----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap, views = self.admin_site.admin_view, (("test", self.test_view), ("key", self.key_view))
        urls = [path(f"<int:object_id>/{n}/", wrap(view), name=f"connectors_connection_{n}") for n, view in views]
        return [*urls, *super().get_urls()]

    def loaded(self, request: HttpRequest, object_id: int, permission: str) -> Connection:
        """Return the connection of a request. Raises PermissionDenied or Http404."""
        if not (request.user.has_perm(permission) and self.has_view_permission(request)):
            raise PermissionDenied
        connection = self.get_queryset(request).filter(pk=object_id).first()
        if not isinstance(connection, Connection):
            raise Http404(f"There is no connection {object_id}.")
        return connection

    @method_decorator(require_POST)
    def test_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Test the connection and return the result: a fragment for htmx, otherwise a page."""
        connection = self.loaded(request, object_id, START)
        context: dict[str, Any] = {}
        try:
            probe = probe_connection(connection)
        except ConnectorError as error:
            context |= {"error": error, "field": self._field_label(connection, error)}
        else:
            found = ({"entity_type": r.entity_type, "granted": r.granted, "detail": r.detail} for r in probe.rights)
            rights = [right_in_words(right) for right in found]
            context |= {"probe": probe, "rights": rights}
        if request.headers.get("HX-Request"):
            context["connection"] = connection
            return TemplateResponse(request, "admin/connectors/connection/test_result.html", context)
        return self.page(request, "test", f"Test of {connection.name}", connection, **context)

    def _field_label(self, connection: Connection, error: ConnectorError) -> tuple[str, str] | None:
        """Return (name, label) of the form field that an error belongs to, or None."""
        name = error.field if isinstance(error, ConnectionConfigError) else None
        connector = self.connector_of(connection.provider)
        fields = connector.fields() if connector and name else ()
        return next(((field.name, field.label) for field in fields if field.name == name), None)

    def page(
        self, request: HttpRequest, template: str, title: str, connection: Connection, **context: Any
    ) -> HttpResponse:
        """Return a page of a connection in the frame of the admin."""
        shell = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "original": connection,
            "connection": connection,
        }
        return TemplateResponse(request, f"admin/connectors/connection/{template}.html", {**shell, **context})


def _say_replaced(request: HttpRequest, connection: Connection, replaced: Replaced) -> None:
    """Say that a key was replaced, and what follows."""
    if replaced.other_account:
        messages.warning(
            request,
            f"The key of {connection.name} is replaced by one of {replaced.other_account}. The next read imports "
            "nothing: it asks whether this account is used from now on.",
        )
        return
    if replaced.is_same:
        messages.warning(
            request,
            f"This is the key that {connection.name} already uses: {connection.account_label} can be read. Do not "
            "revoke it at the source.",
        )
        return
    messages.success(
        request,
        f"The key of {connection.name} is replaced: {connection.account_label} can be read. A run that has begun ends "
        "with the old key. Revoke the old key at the source then.",
    )


def right_in_words(right: dict[str, Any]) -> dict[str, Any]:
    """Return the context of one right: the name of the entity type, an icon and its meaning in words."""
    known = right["entity_type"] in ENTITY_WORDS
    signs = {True: ("check_circle", "can be read", "ok"), False: ("cancel", "may not be read", "bad")}
    icon, words, tone = signs.get(right["granted"], ("help", "could not be determined", "unsure"))
    name = ENTITY_WORDS[right["entity_type"]][1] if known else right["entity_type"]
    return {"name": name, "icon": icon, "words": words, "tone": tone, "detail": right["detail"]}

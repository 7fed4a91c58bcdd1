"""The connection form, built from the connector's list of fields. It accepts secrets and never shows them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from connectors.base import Connector, SettingField
from connectors.errors import ConnectionConfigError
from connectors.models import Connection

if TYPE_CHECKING:
    _Base = forms.ModelForm[Connection]
else:
    _Base = forms.ModelForm


class ConnectionForm(_Base):
    """Name, settings and credentials of one connection. ``connector`` is set by :func:`connection_form`.

    An empty secret keeps the stored one. If a field with ``retargets`` changes, every secret must be entered again, so
    that nobody can send a credential that they do not know to another host.
    """

    connector: ClassVar[type[Connector]]

    class Meta:
        model = Connection
        fields = ["name"]
        widgets = {"name": UnfoldAdminTextInputWidget()}
        help_texts = {"name": "The name of this connection here, for example Acme production."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.retargeted = False
        for field in self.connector.fields():
            self.fields[field.name] = self._field(field)

    def _field(self, field: SettingField) -> forms.Field:
        if field.kind == "secret":
            stored = field.name in self.instance.credentials
            keep = "A value is stored. Leave this empty to keep it. " if stored else ""
            return forms.CharField(
                label=field.label,
                help_text=keep + field.help,
                required=self.instance.pk is None,
                widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
            )
        initial = self.instance.settings.get(field.name, field.initial)
        if field.kind == "choice":
            widget = UnfoldAdminSelectWidget(choices=field.choices)
            return forms.ChoiceField(
                label=field.label, help_text=field.help, initial=initial, choices=field.choices, widget=widget
            )
        return forms.CharField(
            label=field.label,
            help_text=field.help,
            initial=initial,
            required=field.required,
            widget=UnfoldAdminTextInputWidget(),
        )

    def _names(self, *, secret: bool) -> list[str]:
        return [field.name for field in self.connector.fields() if (field.kind == "secret") is secret]

    @sensitive_variables()
    def given_secrets(self) -> dict[str, str]:
        """Return the entered credentials, without empty ones. Call it only on a valid form."""
        return {name: text for name in self._names(secret=True) if (text := self.cleaned_data.get(name))}

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        plain = self._names(secret=False)
        if any(name in self.errors for name in plain):
            return cleaned
        try:
            settings = self.connector.clean({name: cleaned[name] for name in plain})
        except ConnectionConfigError as error:
            self.add_error(error.field if error.field in self.fields else None, str(error))
            return cleaned
        cleaned["settings"] = settings
        self._demand_secrets(self._changed_targets(settings))
        return cleaned

    def _changed_targets(self, settings: Mapping[str, str]) -> list[SettingField]:
        """Return the changed fields that may send the credential to another host; none for a new connection."""
        stored = self.instance.settings
        return [
            field
            for field in self.connector.fields()
            if self.instance.pk and field.kind != "secret" and field.retargets
            if settings.get(field.name) != stored.get(field.name)
        ]

    def _demand_secrets(self, changed: Iterable[SettingField]) -> None:
        names = " and ".join(field.label for field in changed)
        self.retargeted = bool(names)
        given = self.given_secrets()
        for name in self._names(secret=True):
            if name in given or name in self.errors:
                continue
            if name in self.instance.credentials and names:
                self.add_error(name, f"{names} decides where this is sent. Enter it again to confirm the change.")
            elif name not in self.instance.credentials and given:
                self.add_error(name, "Enter this as well: no value is stored.")

    @sensitive_variables()
    def save(self, commit: bool = True) -> Connection:
        """Store settings and sealed credentials. New credentials connect a disconnected connection again."""
        connection = self.instance
        connection.provider = self.connector.provider
        connection.settings = self.cleaned_data["settings"]
        given = self.given_secrets()
        if given:
            connection.enter_credentials(given)
        return super().save(commit)


def connection_form(connector: type[Connector]) -> type[ConnectionForm]:
    """Return the form class of one connector."""
    return type("ConnectionForm", (ConnectionForm,), {"connector": connector})

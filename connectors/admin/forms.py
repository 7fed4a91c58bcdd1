"""The connection form, built from the connector's list of fields. It accepts secrets and never shows them."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.http import QueryDict
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from connectors.base import Connector, SettingField
from connectors.connections.replacing import DOUBTS, Doubt, Objection
from connectors.errors import ConnectionConfigError, ConnectorError
from connectors.models import Connection

if TYPE_CHECKING:
    _Base = forms.ModelForm[Connection]
else:
    _Base = forms.ModelForm


class _SettingsForm(_Base):
    """Settings and credentials of one connection, without its name. ``connector`` is set by the functions below."""

    connector: ClassVar[type[Connector]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.shown():
            self.fields[field.name] = self._field(field)

    def shown(self) -> list[SettingField]:
        """Return the fields of the connector that this form has: all, if a form does not choose."""
        return list(self.connector.fields())

    def _field(self, field: SettingField) -> forms.Field:
        if field.kind == "secret":
            return forms.CharField(
                label=field.label,
                help_text=field.help,
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

    @sensitive_variables()
    def given_secrets(self) -> dict[str, str]:
        """Return the entered credentials. Call it only on a valid form."""
        return {field.name: self.cleaned_data[field.name] for field in self.shown() if field.kind == "secret"}

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        plain = [field.name for field in self.shown() if field.kind != "secret"]
        if any(name in self.errors for name in plain):
            return cleaned
        try:
            cleaned["settings"] = self.connector.clean(
                {**self.instance.settings, **{name: cleaned[name] for name in plain}}
            )
        except ConnectionConfigError as error:
            self.refuse(error)
        return cleaned

    def refuse(self, error: ConnectorError) -> None:
        """Add an error of the connector to its field, or to the form."""
        name = error.field if isinstance(error, ConnectionConfigError) else None
        self.add_error(name if name in self.fields else None, str(error))


class ConnectionForm(_SettingsForm):
    """The form of a connection that exists.

    The credentials and the settings that belong to them are changed with :class:`KeyForm`.
    """

    class Meta:
        model = Connection
        fields = ["name"]
        widgets = {"name": UnfoldAdminTextInputWidget()}
        help_texts = {"name": "The name of this source here, for example Acme production."}
        error_messages = {"name": {"unique": "Another source has this name. Choose another one."}}

    def shown(self) -> list[SettingField]:
        return [field for field in self.connector.fields() if not field.with_key]

    def save(self, commit: bool = True) -> Connection:
        self.instance.settings = self.cleaned_data["settings"]
        return super().save(commit)


class NewConnectionForm(_SettingsForm):
    """The form of a connection that does not exist yet: its name, all settings and all credentials.

    entered: the secrets that were entered before and need not be entered again. typed: field -> text that was typed
    before.
    """

    class Meta(ConnectionForm.Meta):
        pass

    def __init__(self, *args: Any, typed: Mapping[str, str], entered: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name in typed:
                field.initial = self.initial[name] = typed[name]
            if name in entered:
                field.required = False
                field.help_text = f"It is kept encrypted. Leave this empty to use it. {field.help_text}"

    @property
    def typed(self) -> dict[str, str]:
        """What was typed, apart from secrets, valid or not."""
        secret = {field.name for field in self.shown() if field.kind == "secret"}
        return {name: str(self.data.get(name, "")) for name in self.fields if name not in secret and name in self.data}

    @sensitive_variables()
    def typed_secrets(self) -> dict[str, str]:
        """Return the secrets that were typed now."""
        return {f.name: str(self.data.get(f.name, "")).strip() for f in self.shown() if f.kind == "secret"}


class KeyForm(_SettingsForm):
    """The credentials of a stored connection, and the settings that belong to them.

    Every secret must be entered, so that nobody can send a credential that they do not know to another host. A refused
    form has a tick box for each doubt that a person may accept.
    """

    class Meta:
        model = Connection
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.objections: tuple[Objection, ...] = ()

    def shown(self) -> list[SettingField]:
        return [field for field in self.connector.fields() if field.with_key]

    def accepted(self) -> list[Doubt]:
        """Return the doubts whose tick boxes are set. Others that a browser sends are ignored."""
        sent = self.data.getlist("accept") if isinstance(self.data, QueryDict) else []
        return [doubt for doubt in DOUBTS if doubt in sent]

    def object_to(self, objections: Iterable[Objection]) -> None:
        """Show why the key was not taken, on the field of the first secret."""
        self.objections = tuple(objections)
        secret = next(field.name for field in self.shown() if field.kind == "secret")
        for objection in self.objections:
            self.add_error(secret, str(objection))


def connection_form(connector: type[Connector]) -> type[ConnectionForm]:
    """Return the class of the form of a connection of one connector."""
    return type("ConnectionForm", (ConnectionForm,), {"connector": connector})


def new_connection_form(connector: type[Connector]) -> type[NewConnectionForm]:
    """Return the class of the form of a new connection of one connector."""
    return type("NewConnectionForm", (NewConnectionForm,), {"connector": connector})


def key_form(connector: type[Connector]) -> type[KeyForm]:
    """Return the class of the form that replaces a key of one connector."""
    return type("KeyForm", (KeyForm,), {"connector": connector})

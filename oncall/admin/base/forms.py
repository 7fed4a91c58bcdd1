"""Base classes of the forms of accounts, aggregates and their elements.

A form contains the version of the row that it was filled from. If the row has a newer version, or if an operation
refuses the change, the form is shown again with the values as typed and a message that says what to do.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, Unpack

from django import forms
from django.forms import BaseInlineFormSet
from django.http import QueryDict

from oncall.admin.base.directory import Directory
from oncall.admin.base.unfold import ModelForm, ModelFormOptions
from oncall.aggregates import ElementChanges, Kind, Values
from oncall.errors import InvalidDraft, OperationRefused
from oncall.models import ChangeRecord, User
from oncall.models.root import Element, Root
from oncall.rendering.zones import zone_names
from oncall.tables.base import LOCAL, element_key
from oncall.tables.kinds import ROOTS

_LONGEST_VALUE = 60
_MOST_CHANGES = 10

AnyVersioned = TypeVar("AnyVersioned", bound=Root | User)
AnyRoot = TypeVar("AnyRoot", bound=Root)
AnyElement = TypeVar("AnyElement", bound=Element)


class OperationForm(ModelForm[AnyVersioned]):
    """Edits a row that an operation writes.

    kind: the ``model`` of its change records. refused: why the operation has refused these values, or None.
    """

    row_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    kind: ClassVar[str]
    directory: ClassVar[Directory]
    refused: ClassVar[OperationRefused | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.show(self.instance)

    def show(self, row: AnyVersioned) -> None:
        """Sets the initial values of the fields that are no fields of the model."""
        self.initial["row_version"] = row.version

    def clean(self) -> None:
        version = self.cleaned_data.get("row_version")
        if self.instance.pk and version != self.instance.version:
            self.put_back("row_version", [self.instance.version])
            self.report_stale(changes_since(self.kind, self.instance.pk, self.instance.version - (version or 0)))
            return
        super().clean()
        if isinstance(self.refused, InvalidDraft) and self.refused.path in self.fields:
            self.add_error(self.refused.path, self.refused.message)
        elif self.refused is not None:
            self.add_error(None, str(self.refused))

    def put_back(self, name: str, values: Sequence[object]) -> None:
        """Replaces what the browser sent for a field, so that the form is shown with these values."""
        assert isinstance(self.data, QueryDict)  # noqa: S101 - the admin passes the body of the request
        self.data = self.data.copy()
        self.data.setlist(self.add_prefix(name), [str(value) for value in values])

    def report_stale(self, changes: Sequence[str]) -> None:
        self.add_error(
            None,
            f"This has changed while you were editing: {'; '.join(changes) or 'see its history'}. "
            "Nothing was saved, and what you typed is still here. Save again to put it in place of those changes.",
        )


class AggregateForm(OperationForm[AnyRoot]):
    """Edits one aggregate. mirrored: the form fields that a sync may write, too."""

    kind: ClassVar[Kind]
    mirrored: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 3
        for name, field in self.fields.items():
            text = self.initial.get(name)
            if isinstance(field, forms.CharField) and isinstance(text, str) and text != text.strip():
                field.strip = False  # so that a save keeps the spaces that the source has around a text
        for name in self.mirrored if self.instance.origin_label else ():
            if name in self.fields:
                managed = f"Managed at {self.instance.origin_label}."
                self.fields[name].help_text = f"{self.fields[name].help_text} {managed}".strip()

    @property
    def suggested_zones(self) -> list[str]:
        """The time zones that the browser suggests while the user types."""
        return sorted(zone_names()) if "time_zone" in self.fields else []

    def state(self) -> dict[str, object]:
        """Returns the fields of the aggregate's state that this form sets. The form must be valid."""
        roots = ROOTS[self.kind]
        fields = {name: self.cleaned_data[name] for name in roots.fields if name in self.cleaned_data}
        for column in roots.keys:
            if column.row in self.changed_data:
                row = self.cleaned_data[column.row]
                fields[column.key] = f"{LOCAL}{row.pk}" if row else ""
        return fields


def changes_since(kind: str, pk: int, count: int) -> list[str]:
    """Describes the last ``count`` changes of a row, newest first."""
    records = ChangeRecord.objects.filter(model=kind, object_id=pk).select_related("actor").order_by("-pk")
    words = []
    for record in records[: min(max(count, 1), _MOST_CHANGES)]:
        author = record.actor or record.cause
        changes = sorted(record.changes.items())
        words += [f"{path} is now {_value_in_words(after)} (by {author})" for path, (_, after) in changes]
    return words[:_MOST_CHANGES]


def _value_in_words(value: object) -> str:
    if value is None:
        return "gone"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(map(str, value)) or "empty"
    else:
        text = "different" if isinstance(value, dict | list) else f"“{value}”"
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


class ElementForm(ModelForm[AnyElement]):
    """Edits one element of an aggregate."""

    #: A template would call the form class of a formset and create a form.
    do_not_call_in_templates = True
    collection: ClassVar[str]

    def __init__(self, *, directory: Directory, **options: Unpack[ModelFormOptions[AnyElement]]) -> None:
        self.directory = directory
        super().__init__(**options)
        if self.instance.pk:
            self.show(self.instance)

    def show(self, row: AnyElement) -> None:
        """Sets the initial values of the fields that are no fields of the model."""

    def values(self) -> Values:
        """Returns all values of the element as in the aggregate's state. The form must be valid."""
        raise NotImplementedError


def element_changes(formset: "BaseInlineFormSet[Element, Root, ElementForm[Element]]") -> ElementChanges:
    """Returns the changes that a formset of ElementForms contains."""
    put: dict[str, Values] = {}
    remove = {element_key(form.instance) for form in formset.deleted_forms if form.instance.pk}
    for number, form in enumerate(formset.forms):
        if form.has_changed() and form not in formset.deleted_forms:
            key = element_key(form.instance) if form.instance.pk else f"local:+{number}"
            put[key] = form.values()
    return ElementChanges(put, frozenset(remove))

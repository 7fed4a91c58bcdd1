"""Base classes of the forms of accounts, aggregates and their elements.

A form contains the version of the row that it was filled from. If the row has a newer version, or if an operation
refuses the change, the form is shown again with the values as typed and a message that says what to do.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, Unpack

from django import forms
from django.forms import BaseInlineFormSet
from django.http import QueryDict

from oncall.admin.forms.compared import SNAPSHOT_FIELD
from oncall.admin.forms.directory import Directory
from oncall.admin.forms.snapshots import plain, refreshed, signed, unsigned
from oncall.admin.forms.typed import ModelForm, ModelFormOptions
from oncall.aggregates import ElementChanges, Kind, Values
from oncall.errors import InvalidDraft, OperationRefused
from oncall.models import ChangeRecord, User
from oncall.models.root import Element, Root
from oncall.rendering.zones import zone_names
from oncall.tables.base import LOCAL, element_key
from oncall.tables.kinds import ROOTS

ROW_VERSION = "row_version"
REMOVED_KEY = "removed_key"
HIDDEN = (ROW_VERSION, SNAPSHOT_FIELD)
_AS_NEW = 0  # the version of a form whose row was deleted; no row has it
_LONGEST_VALUE = 60
_MOST_CHANGES = 10

AnyVersioned = TypeVar("AnyVersioned", bound=Root | User)
AnyRoot = TypeVar("AnyRoot", bound=Root)
AnyElement = TypeVar("AnyElement", bound=Element)


class OperationForm(ModelForm[AnyVersioned]):
    """Edits a row that an operation writes.

    kind: the ``model`` of its change records. refused: why the operation has refused these values, or None. gone: the
    primary key of the row if it was deleted after the form was opened; then a save creates a new row.
    """

    row_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    snapshot = forms.CharField(required=False, widget=forms.HiddenInput)

    kind: ClassVar[str]
    directory: ClassVar[Directory]
    refused: ClassVar[OperationRefused | None] = None
    gone: ClassVar[int | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.show(self.instance)
            self.initial[SNAPSHOT_FIELD] = signed(self._stored(), self.kind)

    def _stored(self) -> dict[str, Any]:
        """Returns the values that the fields show for the stored row. Fields with an initial value of their own, like
        the leads of a group, are not contained."""
        return {
            name: plain(self.initial[name])
            for name, each in self.fields.items()
            if name in self.initial and name not in HIDDEN and not each.show_hidden_initial
        }

    def show(self, row: AnyVersioned) -> None:
        """Sets the initial values of the fields that are no fields of the model."""
        self.initial["row_version"] = row.version

    def clean(self) -> None:
        version = self.cleaned_data.get("row_version")
        if self.gone is not None and version != _AS_NEW:
            self.put_back("row_version", [_AS_NEW])
            self.add_error(None, gone_in_words(self.kind, self.gone, str(self._meta.model._meta.verbose_name)))
            return
        if self.instance.pk and version != self.instance.version:
            self.put_back("row_version", [self.instance.version])
            self._refresh()
            self.report_stale(changes_since(self.kind, self.instance.pk, self.instance.version - (version or 0)))
            return
        super().clean()
        if isinstance(self.refused, InvalidDraft) and self.refused.path in self.fields:
            self.add_error(self.refused.path, self.refused.message)
        elif self.refused is not None:
            self.add_error(None, str(self.refused))

    def _refresh(self) -> None:
        """Shows the stored values in the fields that the person did not change."""
        stored = self._stored()
        shown = unsigned(self.cleaned_data.get(SNAPSHOT_FIELD, ""), self.kind)
        instead = refreshed(self, shown if isinstance(shown, dict) else stored, stored)
        for name, texts in {**instead, SNAPSHOT_FIELD: [signed(stored, self.kind)]}.items():
            self.put_back(name, texts)

    @property
    def is_gone(self) -> bool:
        return self.gone is not None

    def put_back(self, name: str, values: Sequence[object]) -> None:
        """Replaces what the browser sent for a field, so that the form is shown with these values."""
        assert isinstance(self.data, QueryDict)  # noqa: S101 - the admin passes the body of the request
        self.data = self.data.copy()
        self.data.setlist(self.add_prefix(name), [str(value) for value in values])

    def report_stale(self, changes: Sequence[str]) -> None:
        merged = getattr(self.instance, "merged_into", None)
        became = f"It was merged into {merged}, which a save of this form does not change. " if merged else ""
        self.add_error(
            None,
            f"This has changed while you were editing: {'; '.join(changes) or 'see its history'}. {became}"
            "Nothing was saved, and what you typed is still here; fields that you did not change show the new values. "
            "Save again to put what you typed in place of those changes.",
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


def gone_in_words(kind: str, pk: int, word: str) -> str:
    record = ChangeRecord.objects.filter(model=kind, object_id=pk).select_related("actor").order_by("-pk").first()
    by = f" (by {record.actor or record.cause})" if record is not None and record.action == "delete" else ""
    return (
        f"This {word} was deleted while you were editing{by}. Nothing was saved, and what you typed is still here. "
        f"Save again to create a new {word} with it, which no source manages."
    )


def changes_since(kind: str, pk: int, count: int) -> list[str]:
    """Describes the last ``count`` changes of a row, newest first."""
    records = ChangeRecord.objects.filter(model=kind, object_id=pk).select_related("actor").order_by("-pk")
    words = []
    for record in records[: min(max(count, 1), _MOST_CHANGES)]:
        author = record.actor or record.cause
        changes = sorted(record.changes.items())
        words += [f"{_change_in_words(path, before, after)} (by {author})" for path, (before, after) in changes]
    return list(dict.fromkeys(words))[:_MOST_CHANGES]


def _change_in_words(path: str, before: object, after: object) -> str:
    """Returns what has changed. The forms of elements and cards say more about theirs."""
    name, _, key = path.partition(".")
    if key or isinstance(after, dict):
        verb = "added" if before is None else "removed" if after is None else "changed"
        return f"{name.replace('_', ' ')}: {verb}"
    return f"{path} is now {_value_in_words(after)}"


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
    """Edits one element of an aggregate.

    removed: whether the element is not stored any more, so that a save adds it again. removed_key: its key then.
    """

    removed = False
    removed_key = forms.CharField(required=False, widget=forms.HiddenInput)
    #: A template would call the form class of a formset and create a form.
    do_not_call_in_templates = True
    collection: ClassVar[str]
    #: The column with the id of the person whose label the form shows, so that one query loads all of them.
    person_column: ClassVar[str] = ""

    def __init__(self, *, directory: Directory, **options: Unpack[ModelFormOptions[AnyElement]]) -> None:
        self.directory = directory
        super().__init__(**options)
        for field in self.fields.values():  # in a table, the heading of the column is no label
            if field.label:
                field.widget.attrs.setdefault("aria-label", str(field.label))
        if self.instance.pk:
            self.show(self.instance)

    def show(self, row: AnyElement) -> None:
        """Sets the initial values of the fields that are no fields of the model."""

    def has_changed(self) -> bool:
        return self.removed or super().has_changed()

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

"""Base classes of the on-call admin pages. These pages save only through ``oncall.operations``.

A form contains the version of the row that it was filled from. If the row has a newer version, or if an operation
refuses the change, the form is shown again with the values as typed and a message that says what to do.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import action
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline

from oncall.admin.base.columns import PageOfRows, SourceFilter
from oncall.admin.base.directory import Directory
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.errors import InvalidDraft, OperationRefused
from oncall.models import ChangeRecord
from oncall.operations import Actor, account, deactivate, delete, reactivate, write
from oncall.rendering.zones import zone_names
from oncall.tables.base import LOCAL, element_key
from oncall.tables.kinds import ROOTS

#: Unfold annotates its classes more narrowly than Django's contract, which is what is implemented here.
BaseAdmin: Any = ModelAdmin
BaseInline: Any = TabularInline
_LONGEST_VALUE = 60
_MOST_CHANGES = 10


def actor(request: HttpRequest) -> Actor:
    """Returns the account that is logged in."""
    assert request.user.pk is not None  # noqa: S101 - the admin lets nobody else in
    return account(request.user.pk)


class AggregateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits one aggregate. mirrored: the form fields that a sync may write, too."""

    row_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    kind: ClassVar[Kind]
    mirrored: ClassVar[tuple[str, ...]] = ()
    directory: ClassVar[Directory]
    refused: ClassVar[OperationRefused | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "description" in self.fields:
            self.fields["description"].widget.attrs["rows"] = 3
        if self.instance.pk:
            self.initial["row_version"] = self.instance.version
        for name in self.mirrored if self.instance.origin_label else ():
            if name in self.fields:
                managed = f"Managed at {self.instance.origin_label}."
                self.fields[name].help_text = f"{self.fields[name].help_text} {managed}".strip()

    # Names that the browser suggests while the user types. A form overrides the lists that its fields use.
    @property
    def suggested_people(self) -> list[str]:
        return []

    @property
    def suggested_zones(self) -> list[str]:
        return sorted(zone_names()) if "time_zone" in self.fields else []

    @property
    def suggested_participants(self) -> list[str]:
        return []

    @property
    def suggested_targets(self) -> list[str]:
        return []

    def state(self) -> dict[str, Any]:
        """Returns the fields of the aggregate's state that this form sets. The form must be valid."""
        roots = ROOTS[self.kind]
        fields = {name: self.cleaned_data[name] for name in roots.fields if name in self.cleaned_data}
        for column in roots.keys:
            if column.row in self.changed_data:
                row = self.cleaned_data[column.row]
                fields[column.key] = f"{LOCAL}{row.pk}" if row else ""
        return fields

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk and cleaned.get("row_version") != self.instance.version:
            self._report_stale(cleaned.get("row_version"))
        elif isinstance(self.refused, InvalidDraft) and self.refused.path in self.fields:
            self.add_error(self.refused.path, self.refused.message)
        elif self.refused is not None:
            self.add_error(None, str(self.refused))
        return cleaned

    def _report_stale(self, version: int | None) -> None:
        name = self.add_prefix("row_version")
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # the admin binds its forms to a QueryDict
        data[name] = str(self.instance.version)
        self.data = data
        changes = changes_since(self.kind, self.instance.pk, self.instance.version - (version or 0))
        self.add_error(
            None,
            f"This has changed while you were editing: {'; '.join(changes) or 'see its history'}. "
            "Nothing was saved, and what you typed is still here. Save again to put it in place of those changes.",
        )


def changes_since(kind: Kind, pk: int, count: int) -> list[str]:
    """Describes the last ``count`` changes of a row, newest first."""
    records = ChangeRecord.objects.filter(model=kind, object_id=pk).select_related("actor").order_by("-pk")
    words = []
    for record in records[: min(max(count, 1), _MOST_CHANGES)]:
        by = record.actor or record.cause
        words += [f"{path} is now {_shown(change[1])} (by {by})" for path, change in sorted(record.changes.items())]
    return words[:_MOST_CHANGES]


def _shown(value: Any) -> str:
    if value is None:
        return "gone"
    text = "different" if isinstance(value, dict | list) else f"“{value}”"
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


class ElementForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits one element of an aggregate."""

    #: A template would call the form class of a formset and create a form.
    do_not_call_in_templates = True
    collection: ClassVar[str]

    def __init__(self, *args: Any, directory: Directory, **kwargs: Any) -> None:
        self.directory = directory
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """Returns all values of the element as in the aggregate's state. The form must be valid."""
        raise NotImplementedError


class ElementInline(BaseInline):  # type: ignore[misc]
    """Shows elements in the form of their aggregate; both are saved together."""

    extra = 0
    show_change_link = False
    #: Foreign keys that ``str()`` of a row reads.
    named_by: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.named_by) if self.named_by else rows


def element_changes(formset: Any) -> ElementChanges:
    """Returns the changes that a formset of ElementForms contains."""
    put: dict[str, dict[str, Any]] = {}
    remove = {element_key(form.instance) for form in formset.deleted_forms if form.instance.pk}
    for number, form in enumerate(formset.forms):
        if form.has_changed() and form not in formset.deleted_forms:
            key = element_key(form.instance) if form.instance.pk else f"local:+{number}"
            put[key] = form.values()
    return ElementChanges(put, frozenset(remove))


class RecordedAdmin(BaseAdmin):  # type: ignore[misc]
    """Admin pages whose history consists of the change records."""

    class Media:
        css = {"all": ("oncall/timeline.css",)}

    list_per_page = 50
    show_full_result_count = False
    record_model: ClassVar[str]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageOfRows]:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Sets on the rows of one page the values that its columns show, in a fixed number of queries."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        url = reverse("admin:oncall_changerecord_changelist")
        return HttpResponseRedirect(f"{url}?model__exact={self.record_model}&object_id__exact={object_id}")

    # Django's own log is not written: the change records contain more.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None: ...
    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None: ...
    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None: ...
    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Does nothing: ``save_related`` writes everything at once."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        raise AssertionError("on-call rows are written by the operations")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except OperationRefused as refused:
            # The form is shown again, with the values as typed and the reason.
            request.refused = refused  # type: ignore[attr-defined]
            response = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        context = {"directory": Directory.of(request), "refused": getattr(request, "refused", None)}
        return type(form.__name__, (form,), context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except OperationRefused as refused:
            response = self._refused(request, refused)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            response: HttpResponse = super().changelist_view(request, extra_context)
        except OperationRefused as refused:
            response = self._refused(request, refused)
        return response

    def _refused(self, request: HttpRequest, refused: OperationRefused) -> HttpResponse:
        self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))


class OperatedAdmin(RecordedAdmin):
    """The admin of one kind of aggregate."""

    kind: ClassVar[Kind]
    list_filter: Sequence[Any] = ("active", SourceFilter)
    search_fields: Sequence[str] = ("name",)
    ordering: Sequence[str] = ("name_key", "pk")
    actions: Sequence[Any] = ("deactivate_selected", "reactivate_selected")
    change_form_before_template = "oncall/admin/managed.html"

    @property
    def record_model(self) -> str:  # type: ignore[override]
        return self.kind

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, ElementInline):
            kwargs["form_kwargs"] = {"directory": Directory.of(request)}
        return dict(kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        elements: Mapping[str, ElementChanges] = {
            formset.form.collection: element_changes(formset)
            for formset in formsets
            if issubclass(formset.form, ElementForm)
        }
        draft = Draft(
            form.state(),
            elements,
            id=form.instance.pk if change else None,
            version=form.cleaned_data["row_version"] or 0,
        )
        (written,) = write(self.kind, [draft], by=actor(request))
        form.instance.pk = written.id
        self.save_beside(request, form, formsets)

    def save_beside(self, request: HttpRequest, form: Any, formsets: Iterable[Any]) -> None:
        """Writes fields of the page that are not part of the aggregate's state, in the same transaction."""

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        delete(self.kind, [obj.pk], actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        delete(self.kind, queryset.values_list("pk", flat=True), actor(request))

    @action(description="Deactivate", permissions=["change"])
    def deactivate_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        written = deactivate(self.kind, queryset.values_list("pk", flat=True), actor(request))
        self.message_user(request, f"{len(written)} deactivated. They keep their slots and stay in the history.")

    @action(description="Reactivate", permissions=["change"])
    def reactivate_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        written = reactivate(self.kind, queryset.values_list("pk", flat=True), actor(request))
        self.message_user(request, f"{len(written)} reactivated.")

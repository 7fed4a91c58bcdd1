"""Base classes of the on-call admin pages. These pages save only through ``oncall.operations``."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import SimpleListFilter, action
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import BaseInlineFormSet, ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.bulk import apply_to_each
from oncall.admin.base.columns import PageOfRows, SourceFilter, source
from oncall.admin.base.unfold import ModelAdmin, TabularInline
from oncall.admin.forms.aggregate_forms import (
    HIDDEN,
    REMOVED_KEY,
    ROW_VERSION,
    AggregateForm,
    AnyElement,
    AnyRoot,
    AnyVersioned,
    ElementForm,
    OperationForm,
    element_changes,
)
from oncall.admin.forms.directory import Directory
from oncall.admin.forms.elements import ElementFormSet
from oncall.admin.forms.errors import form_errors
from oncall.admin.forms.fields import RowSelect
from oncall.admin.forms.typed import ModelForm
from oncall.aggregates import Draft, Kind
from oncall.errors import OperationRefused
from oncall.models import ChangeRecord
from oncall.models.root import Element, Root
from oncall.numbers import row_number
from oncall.operations import Actor, WriteResult, account, deactivate, delete, reactivate, write
from oncall.selectors.visible import acts_as_lead, may_view_any, visible_to

Context = dict[str, object]
ElementFormSets = Iterable["BaseInlineFormSet[Element, Root, ElementForm[Element]]"]


def actor(request: HttpRequest) -> Actor:
    """Returns the account that is logged in."""
    assert request.user.pk is not None  # noqa: S101 - the admin lets nobody else in
    return account(request.user.pk)


def gone(request: HttpRequest) -> int | None:
    """Returns the primary key of the row of the form, if it was deleted before the form was sent."""
    return getattr(request, "gone", None)


class ElementInline(TabularInline[AnyElement, AnyRoot]):
    """Shows elements in the form of their aggregate; both are saved together. select_related: foreign keys that
    ``str()`` of a row reads."""

    extra = 0
    formset = ElementFormSet
    show_change_link = False
    template_after = "oncall/admin/element_pages.html"
    select_related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnyElement]:
        rows = super().get_queryset(request)
        return rows.select_related(*self.select_related) if self.select_related else rows

    def get_fields(self, request: HttpRequest, obj: AnyRoot | None = None) -> list[Any]:
        """Returns the fields of a row. A row that can be changed contains the key of its element if it was removed."""
        shown = [name for name in super().get_fields(request, obj) if name != REMOVED_KEY]
        return [*shown, REMOVED_KEY] if self.has_change_permission(request, obj) else shown

    def get_formset(self, request: HttpRequest, obj: AnyRoot | None = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)  # a new class for each request
        formset.may_change = self.has_change_permission(request, obj)
        formset.page_number = request.GET.get(f"{formset.get_default_prefix()}-page", "")
        return formset

    def has_view_permission(self, request: HttpRequest, obj: AnyRoot | None = None) -> bool:
        """Returns whether the elements are shown: a lead sees those of the aggregates that it sees."""
        return super().has_view_permission(request, obj) or acts_as_lead(request.user)


def records_url(model: str, object_id: str | int) -> str:
    """Returns the address of the list of the change records of one row. model: as the records name it."""
    query = urlencode({"model__exact": model, "object_id__exact": object_id})
    return f"{reverse('admin:oncall_changerecord_changelist')}?{query}"


class OperationsAdmin(ModelAdmin[AnyVersioned]):
    """Admin pages that save through the operations. Their history consists of the change records."""

    class Media:
        css = {"all": ("oncall/timeline.css",)}

    list_per_page = 50
    show_full_result_count = False
    actions: tuple[str, ...] = ("delete_selected",)
    record_model: ClassVar[str]

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[PageOfRows]:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[AnyVersioned]) -> None:
        """Sets on the rows of one page the values that its columns show, in a fixed number of queries."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Context | None = None) -> HttpResponse:
        return HttpResponseRedirect(records_url(self.record_model, object_id))

    # Django's own log is not written: the change records contain more.
    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:  # type: ignore[override]
        """Does nothing."""

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> None:  # type: ignore[override]
        """Does nothing."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[AnyVersioned]) -> None:  # type: ignore[override]
        """Does nothing."""

    def construct_change_message(
        self, request: HttpRequest, form: object, formsets: object, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        return []

    def save_model(self, request: HttpRequest, obj: AnyVersioned, form: object, change: bool) -> None:
        """Does nothing: ``save_related`` writes everything at once."""

    def save_formset(self, request: HttpRequest, form: object, formset: object, change: bool) -> None:
        raise AssertionError("on-call rows are written by the operations")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and self._is_gone(request, object_id):
            request.gone, object_id = int(str(object_id)), None  # type: ignore[attr-defined]
        shows_history = may_view_any(request.user, ChangeRecord)
        extra_context = {"show_history": shows_history, **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except OperationRefused as refused:
            # The form is shown again, with the values as typed and the reason.
            request.refused = refused  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _is_gone(self, request: HttpRequest, object_id: str | None) -> bool:
        """Returns whether the row of a form that was sent was deleted, so that the form becomes that of a new row."""
        if object_id is None or ROW_VERSION not in request.POST or not self.has_add_permission(request):
            return False
        number = row_number(object_id)
        return number > 0 and not self.model._default_manager.filter(pk=number).exists()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = RowSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: AnyVersioned | None = None) -> Any:
        """Returns the fields that a person sees. A template adds the hidden ones."""
        return [name for name in super().get_fields(request, obj) if name not in HIDDEN]

    def get_form(
        self, request: HttpRequest, obj: AnyVersioned | None = None, change: bool = False, **kwargs: object
    ) -> type[ModelForm[AnyVersioned]]:
        form: Any = super().get_form(request, obj, change=change, **kwargs)  # a new class for each request
        assert issubclass(form, OperationForm)  # noqa: S101 - the form of each of these admins is one
        form.directory = Directory.of(request)
        form.refused = getattr(request, "refused", None)
        form.gone = gone(request)
        made: type[ModelForm[AnyVersioned]] = form
        return made

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Context | None = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except OperationRefused as refused:
            return self._show_refusal(request, refused)

    @action(description="Delete selected %(verbose_name_plural)s", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[AnyVersioned]) -> HttpResponse | None:
        """Deletes the rows that can be deleted, after Django's page has asked. Django's action deletes all or none."""
        if request.POST.get("post"):
            apply_to_each(request, list(queryset), lambda rows: self.delete_rows(request, rows), "deleted.")
            return None
        request.some_may_stay = True  # type: ignore[attr-defined]
        return delete_selected(self, request, queryset)

    def get_deleted_objects(
        self, objs: "QuerySet[AnyVersioned] | Sequence[AnyVersioned]", request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        found, counts, missing, protected = super().get_deleted_objects(objs, request)
        if protected and hasattr(request, "some_may_stay"):
            text = "Some of these are in use and will stay. The next page names them, with what uses them."
            self.message_user(request, text, messages.WARNING)
            protected = []
        return found, counts, missing, protected

    def delete_rows(self, request: HttpRequest, rows: Sequence[AnyVersioned]) -> int:
        """Deletes all of the rows and returns their number, or raises OperationRefused."""
        raise NotImplementedError

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AnyVersioned]) -> None:
        self.delete_rows(request, list(queryset))

    def _show_refusal(self, request: HttpRequest, refused: OperationRefused) -> HttpResponse:
        self.message_user(request, str(refused), messages.ERROR)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))


class AggregateAdmin(OperationsAdmin[AnyRoot]):
    """The admin of one kind of aggregate."""

    kind: ClassVar[Kind]
    list_filter: ClassVar[tuple[str | type[SimpleListFilter], ...]] = ("active", SourceFilter)
    search_fields: ClassVar[tuple[str, ...]] = ("name",)
    ordering = ("name_key", "pk")
    actions = (*OperationsAdmin.actions, "deactivate_selected", "reactivate_selected")
    change_form_before_template = "oncall/admin/managed.html"

    @property
    def record_model(self) -> str:  # type: ignore[override]
        return self.kind

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnyRoot]:
        """Returns the rows that the account may see. All pages of the admin use only these."""
        return visible_to(request.user, super().get_queryset(request))

    def has_view_permission(self, request: HttpRequest, obj: AnyRoot | None = None) -> bool:
        return super().has_view_permission(request, obj) or acts_as_lead(request.user)

    @display(description="Source", ordering="origin_label")
    def from_source(self, row: AnyRoot) -> SafeString:
        return source(row)

    @display(description="")
    def edit_link(self, row: AnyRoot) -> SafeString:
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        return format_html('<a href="{}" class="rb-link">Edit</a>', url)

    def warnings(self, row: AnyRoot) -> Sequence[str]:
        """Returns sentences that the form shows first. Another app may override this."""
        return ()

    def render_change_form(
        self,
        request: HttpRequest,
        context: Context,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: AnyRoot | None = None,
    ) -> HttpResponse:
        adminform, inlines = context["adminform"], context["inline_admin_formsets"]
        assert isinstance(adminform, AdminForm)  # noqa: S101 - Django passes both
        assert isinstance(inlines, list)  # noqa: S101
        context = {
            **context,
            "warnings": () if obj is None else self.warnings(obj),
            "form_errors": form_errors(adminform.form, inlines),
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_formset_kwargs(
        self, request: HttpRequest, obj: AnyRoot, inline: "InlineModelAdmin[Model, AnyRoot]", prefix: str
    ) -> dict[str, object]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        kwargs["keep_all"] = gone(request) is not None
        return {**kwargs, "form_kwargs": self.element_form_kwargs(request, obj, inline)}

    def element_form_kwargs(
        self, request: HttpRequest, obj: AnyRoot, inline: "InlineModelAdmin[Model, AnyRoot]"
    ) -> dict[str, object]:
        """Returns the keyword arguments for the forms of an inline's elements."""
        return {"directory": Directory.of(request)}

    def save_related(
        self, request: HttpRequest, form: AggregateForm[AnyRoot], formsets: ElementFormSets, change: bool
    ) -> None:
        draft = Draft(
            form.state(),
            {formset.form.collection: element_changes(formset) for formset in formsets},
            id=form.instance.pk if change else None,
            version=form.cleaned_data["row_version"] or 0,
        )
        (written,) = write(self.kind, [draft], by=actor(request))
        form.instance.pk = written.id
        self.save_beside(request, form)

    def save_beside(self, request: HttpRequest, form: AggregateForm[AnyRoot]) -> None:
        """Writes fields of the page that are not part of the aggregate's state, in the same transaction."""

    def delete_model(self, request: HttpRequest, obj: AnyRoot) -> None:
        delete(self.kind, [obj.pk], actor(request))

    def delete_rows(self, request: HttpRequest, rows: Sequence[AnyRoot]) -> int:
        return delete(self.kind, _ids(rows), actor(request))

    @action(description="Deactivate", permissions=["change"])
    def deactivate_selected(self, request: HttpRequest, queryset: QuerySet[AnyRoot]) -> None:
        self._set_active(request, queryset, deactivate, "deactivated. They keep their slots and stay in the history.")

    @action(description="Reactivate", permissions=["change"])
    def reactivate_selected(self, request: HttpRequest, queryset: QuerySet[AnyRoot]) -> None:
        self._set_active(request, queryset, reactivate, "reactivated.")

    def _set_active(
        self,
        request: HttpRequest,
        queryset: QuerySet[AnyRoot],
        operation: Callable[[Kind, Iterable[int], Actor], list[WriteResult]],
        done: str,
    ) -> None:
        by = actor(request)
        apply_to_each(request, list(queryset), lambda rows: len(operation(self.kind, _ids(rows), by)), done)


def _ids(rows: Iterable[Root]) -> list[int]:
    return [row.pk for row in rows]

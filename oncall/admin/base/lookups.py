"""The base class of all admins: what an address filters by, who may act on rows, and what a form compares."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, SEARCH_VAR
from django.db.models import DateField, DateTimeField, Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from oncall.admin.forms.compared import SNAPSHOT_FIELD, compared
from oncall.admin.forms.times import InstantField, InstantWidget
from oncall.models.root import NAME_LENGTH

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:
    from django.contrib import admin

    _Row = TypeVar("_Row")

    class ModelAdmin(admin.ModelAdmin, Generic[_Row]): ...


_AnyModel = TypeVar("_AnyModel", bound=Model)

#: A database refuses a much longer pattern, and a condition with many more words.
_LONGEST_TEXT = NAME_LENGTH  # characters, so that each name can be searched
_MOST_WORDS = 32


class DeclaredLookups(ModelAdmin[_AnyModel]):
    """Allows only the filters that the admin declares: ``list_filter``, ``date_hierarchy`` and ``linked_lookups``.
    An action that names no permission needs that to change rows; Django would let everybody run it who sees the list.

    Django allows each look-up on each column: ``?password__startswith=`` would reveal what the page never shows, and
    ``?title__regex=`` would run a pattern of the user. Such an address gets the status 400, and nothing is queried.

    linked_lookups: look-ups that links of other pages use, although the list shows no filter for them.
    """

    linked_lookups: tuple[str, ...] = ()
    formfield_overrides = {DateTimeField: {"form_class": InstantField, "widget": InstantWidget}}
    change_form_before_template = "oncall/admin/row_version.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Returns a form that notices whether the row has changed since it was opened."""
        form = super().get_form(request, obj, change, **kwargs)
        has_own = SNAPSHOT_FIELD in form.base_fields
        return form if obj is None or not change or has_own else compared(form)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        entries = self.list_filter if request is None else self.get_list_filter(request)
        return lookup in {*self.linked_lookups, *self._parameters(entries)}

    def _parameters(self, entries: Sequence[Any]) -> Iterator[str]:
        """Yields the parameters that Django's filters of these entries put into addresses."""
        for entry in entries:
            if isinstance(entry, type) and issubclass(entry, SimpleListFilter):
                yield str(entry.parameter_name)
                continue
            name = entry[0] if isinstance(entry, tuple | list) else entry
            field: Any = get_fields_from_path(self.model, name)[-1]
            yield f"{name}__isnull"
            if isinstance(field, DateField):
                yield from (f"{name}__gte", f"{name}__lt")
            elif field.is_relation:
                yield f"{name}__{field.target_field.name}__exact"
            else:
                yield from (name, f"{name}__exact")
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day", "gte", "lt"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_change_permission(request):
            return actions
        return {name: action for name, action in actions.items() if hasattr(action[0], "allowed_permissions")}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        for name, values in request.GET.lists():
            if name != SEARCH_VAR and not all(map(_is_short_text, values)):
                raise DisallowedModelAdminLookup(f"The value of {name[:_LONGEST_TEXT]!r} is not allowed")
        columns = request.GET.get(ORDER_VAR, "").split(".")
        if len(columns) > len(self.get_list_display(request)) + 1:
            raise DisallowedModelAdminLookup("The list has fewer columns than it should be sorted by")
        try:
            listed = super().get_changelist_instance(request)
        except (IncorrectLookupParameters, OverflowError) as incorrect:
            if ERROR_FLAG in request.GET:  # Django would answer "Database error" with the status 200
                raise DisallowedModelAdminLookup("A value is not allowed") from incorrect
            text = "This list has no such page or filter value. It is shown without filters."
            self.message_user(request, text, messages.WARNING)
            raise IncorrectLookupParameters from incorrect  # Django redirects to the list without parameters
        listed.title = capfirst(str(self.opts.verbose_name_plural))  # Django's own is "Select run to view"
        return listed

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_AnyModel], search_term: str
    ) -> tuple[QuerySet[_AnyModel], bool]:
        if "\0" in search_term:
            return queryset.none(), False  # the search form of the list says so
        if len(search_term) > _LONGEST_TEXT or len(search_term.split()) > _MOST_WORDS:
            text = f"Nothing was searched: enter at most {_LONGEST_TEXT} characters and {_MOST_WORDS} words."
            self.message_user(request, text, messages.WARNING)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)


def _is_short_text(value: str) -> bool:
    return "\0" not in value and len(value) <= _LONGEST_TEXT

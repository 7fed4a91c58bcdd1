"""The conflict queue: what waits for a person, what happens meanwhile and what can be done now. Read-only."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from connectors.models import Connection
from oncall.admin.base.columns import PageOfRows
from oncall.admin.everybody.site import everybody
from oncall.masking import hide_addresses, may_see_addresses, without_addresses
from oncall.selectors.visible import acts_as_lead, may_view_all
from syncjobs.conflicts.concerned import concerns, sources_of
from syncjobs.conflicts.evidence import names_of_rows, sides_of
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.conflicts.words import LATER, WORDS
from syncjobs.models import Conflict, ConflictRow, ConflictState
from syncjobs.pages.marks import ago, kind_words, render_page, row_url

_COLOURS = {ConflictState.OPEN: "warning", ConflictState.DECIDED: "info", ConflictState.CLOSED: ""}


class StateFilter(admin.SimpleListFilter):
    """Filters by state. The list shows open conflicts unless another state is chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(ConflictState.DECIDED, "Decided"), (ConflictState.CLOSED, "Closed"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "Open",
        }
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        state = self.value()
        return queryset if state == "all" else queryset.filter(state=state or ConflictState.OPEN)


class ConnectionFilter(admin.SimpleListFilter):
    """Filters by connection. A question about equal names is shown for each connection of its rows."""

    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = Connection.objects.order_by("name")
        if not may_view_all(request.user, Conflict):
            shown = visible_conflicts(request.user)
            related = ConflictRow.objects.filter(conflict__in=shown.values("pk")).values("connection")
            rows = rows.filter(Q(pk__in=shown.values("connection")) | Q(pk__in=related))
        return [(str(pk), name) for pk, name in rows.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = self.value()
        if value is None:
            return queryset
        chosen = next((pk for pk, _ in self.lookup_choices if pk == value), None)
        return queryset.none() if chosen is None else Conflict.objects.of_connection(int(chosen)) & queryset


@admin.register(Conflict, site=everybody)
@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    empty_text = "Nothing waits for you."  # see the template ``empty_results.html``
    list_display = ("label_shown", "kind_shown", "object_shown", "sources_shown", "holds_up", "since", "state_shown")
    list_display_links = ("label_shown",)
    list_filter = (StateFilter, "kind", ConnectionFilter)
    list_select_related = ("connection",)
    list_per_page = 50
    search_fields = ("label",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Conflict]":
        return visible_conflicts(request.user).defer("suggestion")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or acts_as_lead(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or acts_as_lead(request.user)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set ``concern`` and ``sources`` on the conflicts of one page."""
        found = concerns(rows, timezone.now(), in_full=False, account=request.user)
        sources = sources_of(rows)
        for conflict in rows:
            vars(conflict).update(concern=found[conflict.pk], sources=sources[conflict.pk])
            if not may_see_addresses(request.user):
                hide_addresses(conflict)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # A label can be an address; a search would find out which addresses exist.
        return self.search_fields if may_see_addresses(request.user) else ()

    @display(description="Object", ordering="label")
    def label_shown(self, conflict: Conflict) -> str:
        return conflict.label or conflict.external_id

    @display(description="Question", ordering="kind")
    def kind_shown(self, conflict: Conflict) -> str:
        return pill(conflict.get_kind_display(), "warning" if conflict.state == ConflictState.OPEN else "")

    @display(description="Kind", ordering="entity_type")
    def object_shown(self, conflict: Conflict) -> str:
        return kind_words(conflict.entity_type, plural=False)

    @display(description="Connection")
    def sources_shown(self, conflict: Any) -> str:
        return ", ".join(conflict.sources)

    @display(description="Holds up")
    def holds_up(self, conflict: Any) -> str:
        first, more = conflict.concern.holds_up[:1], len(conflict.concern.holds_up) - 1
        return "".join(first) + (f" and {more} more" if more > 0 else "")

    @display(description="Since", ordering="opened_at")
    def since(self, conflict: Conflict) -> str:
        return ago(conflict.opened_at)

    @display(description="State", ordering="state")
    def state_shown(self, conflict: Conflict) -> str:
        return pill(conflict.get_state_display(), _COLOURS[ConflictState(conflict.state)])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = visible_conflicts(request.user).select_related("connection", "decided_by")
        try:
            conflict = rows.get(pk=object_id)
        except (Conflict.DoesNotExist, ValueError):
            raise Http404(f"There is no conflict {object_id}.") from None
        meanwhile, now = WORDS[conflict.kind]
        concern = concerns([conflict], timezone.now(), account=request.user)[conflict.pk]
        texts = names_of_rows(conflict) if len(concern.rows) > 1 else {}
        with_addresses = may_see_addresses(request.user)
        if not with_addresses:
            texts = without_addresses(texts)
        sides = sides_of(conflict, with_addresses=with_addresses)
        object_words = kind_words(conflict.entity_type, plural=False)
        context = {
            "conflict": conflict,
            "kind": object_words,
            "sources": sources_of([conflict])[conflict.pk],
            "concern": concern,
            "mark": {"text": conflict.get_state_display(), "type": _COLOURS[ConflictState(conflict.state)]},
            "sides": sides,
            "links": [
                (f"Open {texts.get(key, f'this {object_words}')}", url)
                for key, row_id in concern.rows.items()
                if (url := row_url(request, conflict.entity_type, row_id))
            ],
            "since": ago(conflict.opened_at),
            "meanwhile": meanwhile,
            "now": now,
            "later": LATER,
        }
        return render_page(self, request, "syncjobs/conflict.html", str(conflict), conflict, **context)

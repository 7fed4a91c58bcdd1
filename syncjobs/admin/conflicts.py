"""The conflict queue: what waits for a person, what happens meanwhile and what can be done now. Read-only."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from syncjobs.conflicts.evidence import rows_of, sides_of
from syncjobs.conflicts.words import LATER, WORDS
from syncjobs.models import Conflict, ConflictState
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


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    empty_text = "Nothing waits for you."  # see the template ``empty_results.html``
    list_display = ("label_shown", "kind_shown", "object_shown", "connection", "since", "state_shown")
    list_display_links = ("label_shown",)
    list_filter = (StateFilter, "kind", "connection")
    list_select_related = ("connection",)
    list_per_page = 50
    search_fields = ("label",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Conflict]":
        return Conflict.objects.defer("suggestion")

    @display(description="Object", ordering="label")
    def label_shown(self, conflict: Conflict) -> str:
        return conflict.label or conflict.external_id

    @display(description="Question", ordering="kind")
    def kind_shown(self, conflict: Conflict) -> str:
        return pill(conflict.get_kind_display(), "warning" if conflict.state == ConflictState.OPEN else "")

    @display(description="Kind", ordering="entity_type")
    def object_shown(self, conflict: Conflict) -> str:
        return kind_words(conflict.entity_type, plural=False)

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
        rows = Conflict.objects.select_related("connection", "decided_by")
        conflict = rows.filter(pk=int(object_id)).first() if object_id.isdecimal() else None
        if conflict is None:
            raise Http404(f"There is no conflict {object_id}.")
        meanwhile, now = WORDS[conflict.kind]
        context = {
            "conflict": conflict,
            "kind": kind_words(conflict.entity_type, plural=False),
            "mark": {"text": conflict.get_state_display(), "type": _COLOURS[ConflictState(conflict.state)]},
            "sides": sides_of(conflict),
            "links": [
                (f"Open {words} {kind_words(conflict.entity_type, plural=False)}", url)
                for words, row_id in rows_of(conflict).items()
                if (url := row_url(request, conflict.entity_type, row_id))
            ],
            "since": ago(conflict.opened_at),
            "meanwhile": meanwhile,
            "now": now,
            "later": LATER,
        }
        return render_page(self, request, "syncjobs/conflict.html", str(conflict), conflict, **context)

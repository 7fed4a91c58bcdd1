"""The conflict queue: the list of questions, with those that concern the next shifts first, and the way to each."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from connectors.admin.connections import ReadOnlyAdmin, pill
from oncall.admin.base.columns import first_few
from oncall.admin.everybody.site import everybody
from oncall.masking import hide_addresses, may_see_addresses, without_addresses
from oncall.selectors.visible import acts_as_lead
from syncjobs.admin.bulk_answers import answer_together
from syncjobs.admin.question import COLOURS, QuestionPage, people_view
from syncjobs.admin.question_list import ConnectionFilter, RankedList, StateFilter, ViewFilter, ranking_of
from syncjobs.conflicts.concerned import concerns, sources_of
from syncjobs.conflicts.next_shifts import shift_in_words
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.conflicts.words import sentence
from syncjobs.deciding.rights import may_answer
from syncjobs.deciding.sides import question_of
from syncjobs.deciding.suggesting import suggestions
from syncjobs.models import WAITING_STATES, Conflict, ConflictState
from syncjobs.pages.causes import causes_of
from syncjobs.pages.marks import ago
from syncjobs.planning.decisions.table import find_choice

#: A question that waits longer is marked.
OLD: Final = timedelta(days=14)


@admin.register(Conflict, site=everybody)
@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    empty_text = "Nothing waits for you."  # see the template ``empty_results.html``
    list_display = (
        "sentence_shown",
        "next_shift",
        "groups_shown",
        "suggestion_shown",
        "assignee_shown",
        "since",
        "state_shown",
    )
    list_display_links = ("sentence_shown",)
    list_filter = (ViewFilter, StateFilter, "kind", ConnectionFilter)
    linked_lookups = (
        "rule__id__exact",
        "entity_type__exact",
        "opened_at__lte",
    )  # of a rule; of a kind that a run asked
    list_before_template = "syncjobs/conflict_causes.html"
    list_select_related = ("connection", "assignee")
    list_per_page = 30
    list_max_show_all = 0
    search_fields = ("label",)
    show_full_result_count = False
    actions = (answer_together,)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Conflict]":
        return visible_conflicts(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or acts_as_lead(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or acts_as_lead(request.user)

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return may_answer(request.user)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    # --- the list -----------------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return RankedList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        causes = []
        if self.has_view_permission(request) and request.method == "GET":
            causes = causes_of(visible_conflicts(request.user))
        return super().changelist_view(
            request, {"causes": causes, "may_answer": may_answer(request.user), **(extra_context or {})}
        )

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Set ``concern``, ``sources`` and ``suggested`` on the questions of one page."""
        shown = Conflict.objects.filter(pk__in=[each.pk for each in rows])
        ranking = ranking_of(request, shown)
        found = concerns(rows, timezone.now(), render=False, account=request.user, known=ranking.known)
        sources = sources_of(rows)
        suggested = suggestions([each for each in rows if each.state == ConflictState.OPEN])
        for conflict in rows:
            vars(conflict).update(
                concern=found[conflict.pk], sources=sources[conflict.pk], next_start=ranking.shifts.get(conflict.pk)
            )
            suggestion = suggested.get(conflict.pk)
            choice = find_choice(question_of(conflict), suggestion.choice) if suggestion else None
            reason = suggestion.reason if suggestion else ""
            if not may_see_addresses(request.user):
                hide_addresses(conflict)
                reason = without_addresses(reason)
            vars(conflict)["suggested"] = (choice.label, reason) if choice else None

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # A label can be an address; a search would find out which addresses exist.
        return self.search_fields if may_see_addresses(request.user) else ()

    @display(description="Question", ordering="label")
    def sentence_shown(self, conflict: Any) -> str:
        held = conflict.concern.holds_up
        note = str(conflict.get_kind_display()) + (f" · holds up {held[0]}" if held else "")
        if len(held) > 1:
            note += f" and {len(held) - 1} more"
        text = sentence(conflict, conflict.sources)
        return format_html('<span class="rb-named rb-question">{}<span class="rb-muted">{}</span></span>', text, note)

    @display(description="Next shift concerned")
    def next_shift(self, conflict: Any) -> str:
        start = conflict.next_start
        return "" if start is None else shift_in_words(start, int(timezone.now().timestamp()))

    @display(description="User groups")
    def groups_shown(self, conflict: Any) -> str:
        return first_few(conflict.concern.groups, 2)

    @display(description="Suggestion")
    def suggestion_shown(self, conflict: Any) -> str:
        if conflict.suggested is None:
            return ""
        return format_html('<span title="{1}">{0}</span>', *conflict.suggested)

    @display(description="Assigned to", ordering="assignee__email")
    def assignee_shown(self, conflict: Conflict) -> str:
        return str(conflict.assignee or "")

    @display(description="Since", ordering="opened_at")
    def since(self, conflict: Conflict) -> str:
        is_old = conflict.state in WAITING_STATES and timezone.now() - conflict.opened_at > OLD
        return format_html('<span class="{}">{}</span>', "rb-unsure" if is_old else "", ago(conflict.opened_at))

    @display(description="State", ordering="state")
    def state_shown(self, conflict: Conflict) -> str:
        return pill(conflict.get_state_display(), COLOURS[ConflictState(conflict.state)])

    # --- one question -------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.people_view)
        return [path("<int:pk>/people/", view, name="syncjobs_conflict_people"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return QuestionPage(self, request, object_id).answer()

    def people_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the people and accounts that may be meant by a typed text."""
        return people_view(self, request, pk)

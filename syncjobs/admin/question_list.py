"""The list of questions: its filters, and its order by the next shift concerned."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import InvalidPage
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from connectors.models import Connection
from oncall.admin.base.columns import PageOfRows
from oncall.models import User
from oncall.selectors.visible import may_view_all
from syncjobs.conflicts.ranking import Ranking, in_order, rank
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import WAITING_STATES, Conflict, ConflictRow, ConflictState
from syncjobs.planning.decisions.table import CHOICES

#: The kinds of which many questions can be answered together.
TOGETHER: Final = tuple(kind for kind, choices in CHOICES.items() if any(choice.bulk for choice in choices))
SOON: Final = timedelta(days=7)


class StateFilter(admin.SimpleListFilter):
    """Filters by state. The list shows the questions that wait unless another state is chosen."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        states = [ConflictState.PROPOSED, ConflictState.DECIDED, ConflictState.CLOSED]
        return [*((state.value, str(state.label)) for state in states), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        return _with_default(self, changelist, "Waiting")

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        state = self.value()
        if state == "all":
            return queryset
        return queryset.filter(state=state) if state else queryset.filter(state__in=WAITING_STATES)


class ViewFilter(admin.SimpleListFilter):
    """Filters by what somebody wants to do next."""

    title = "view"
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("soon", "On call in 7 days"), ("mine", "Mine"), ("together", "Can be answered together")]

    def choices(self, changelist: Any) -> Any:
        return _with_default(self, changelist, "All")

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        match self.value():
            case "soon":
                limit = int((timezone.now() + SOON).timestamp())
                shifts = ranking_of(request, queryset).shifts
                return queryset.filter(pk__in=[pk for pk, at in shifts.items() if at is not None and at <= limit])
            case "mine":
                return queryset.filter(assignee=request.user.pk)
            case "together":
                others = Conflict.objects.filter(kind=OuterRef("kind"), state__in=WAITING_STATES)
                same = Q(connection=OuterRef("connection")) | Q(connection=None)
                waiting = queryset.filter(kind__in=TOGETHER, state__in=WAITING_STATES)
                return waiting.filter(Exists(others.filter(same).exclude(pk=OuterRef("pk"))))
        return queryset


def _with_default(chosen: admin.SimpleListFilter, changelist: Any, default: str) -> Any:
    """Yield the choices of a filter whose default has a name of its own."""
    yield {
        "selected": chosen.value() is None,
        "query_string": changelist.get_query_string(remove=[chosen.parameter_name]),
        "display": default,
    }
    for value, title in chosen.lookup_choices:
        yield {
            "selected": chosen.value() == value,
            "query_string": changelist.get_query_string({chosen.parameter_name: value}),
            "display": title,
        }


class ConnectionFilter(admin.SimpleListFilter):
    """Filters by connection. A question about equal names is shown for each connection of its rows."""

    title = "source"
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


class OrderRequest(HttpRequest):
    """Asks for the order of a list, with these filters, without loading the rows of a page."""

    def __init__(self, account: User, filters: str) -> None:
        super().__init__()
        self.user, self.method, self.GET = account, "GET", QueryDict(filters)
        self._messages = self

    def add(self, *message: Any) -> None:
        """Drop a message about the filters: the page of a question does not show them."""


def ranking_of(request: HttpRequest, questions: "QuerySet[Conflict]") -> Ranking:
    """Return the ranking of those of the questions that wait. It is computed once per request.

    A later call for the same request gets the first ranking, so it must be for a part of the same questions.
    """
    known = vars(request)
    if "ranking" not in known:
        waiting = questions.filter(state__in=WAITING_STATES)
        known["ranking"] = rank(waiting, timezone.now(), request.user)
    found: Ranking = known["ranking"]
    return found


class RankedList(PageOfRows):
    """Orders the questions by the next shift that they concern, unless a column was chosen to sort by.

    order: the ids of all questions of the list.
    """

    order: list[int]

    @property
    def views(self) -> list[Any]:
        """The choices of the filter by view."""
        return list(next(each for each in self.filter_specs if isinstance(each, ViewFilter)).choices(self))

    @property
    def is_together(self) -> bool:
        return self.params.get(ViewFilter.parameter_name) == "together"

    def get_results(self, request: HttpRequest) -> None:
        ranked = not self.params.get(ORDER_VAR)
        if ranked:
            self.order = self._order(request)
        elif isinstance(request, OrderRequest):
            self.order = list(self.queryset.values_list("pk", flat=True))
        if isinstance(request, OrderRequest):
            self.result_list, self.result_count = [], len(self.order)
        elif ranked:
            self._take_page(request)
        else:
            super().get_results(request)

    def _order(self, request: HttpRequest) -> list[int]:
        shifts = ranking_of(request, self.queryset).shifts
        is_part = self.params.get(ViewFilter.parameter_name) == "soon"
        has_others = self.params.get(StateFilter.parameter_name) not in (None, *WAITING_STATES)
        all_of_it = self.queryset.order_by().values_list("pk", flat=True) if is_part or has_others else shifts
        return in_order(all_of_it, shifts)

    def _take_page(self, request: HttpRequest) -> None:
        """Set what Django's own method sets, for a list of ids."""
        paginator = self.model_admin.get_paginator(request, self.order, self.list_per_page)  # type: ignore[arg-type]
        self.paginator, self.result_count, self.full_result_count = paginator, len(self.order), None
        self.show_full_result_count, self.show_admin_actions = False, True
        self.multi_page = self.result_count > self.list_per_page
        self.can_show_all = self.result_count <= self.list_max_show_all
        ids = self.order
        if self.multi_page and not (self.show_all and self.can_show_all):
            try:
                ids = list(paginator.page(self.page_num).object_list)
            except InvalidPage:
                raise IncorrectLookupParameters from None
        found = self.queryset.in_bulk(ids)
        self.result_list = [found[pk] for pk in ids if pk in found]
        self.model_admin.complete(request, self.result_list)  # type: ignore[attr-defined]

"""Shared by all on-call lists: the changelist, the source filter, cells, and times in words."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from oncall.models.root import Root
from oncall.rendering.zones import DAY, HOUR, MINUTE, clock


class PageOfRows(ChangeList):
    """Lets the admin load the values of all rows of a page at once, instead of row by row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        admin: Any = self.model_admin
        admin.complete(request, self.result_list)


def is_list(request: HttpRequest) -> bool:
    """Returns whether the request is for a changelist, whose rows need more values than the row of a form."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


def count_of(among: "QuerySet[Any]", owner: str, what: str | Combinable = "pk") -> Coalesce:
    """Returns the number of distinct ``what`` among the rows whose foreign key ``owner`` points to a row.

    It is a subquery: a join would be counted for the whole table, not only for the rows of a page.
    """
    rows = among.filter(**{owner: OuterRef("pk")}).order_by().values(owner)
    return Coalesce(Subquery(rows.annotate(number=Count(what, distinct=True)).values("number")), 0)


class SourceFilter(SimpleListFilter):
    title = "source"
    parameter_name = "source"
    _HERE = "-"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Model]") -> Iterator[tuple[str, str]]:
        labels = model_admin.get_queryset(request).exclude(origin_label="").order_by("origin_label")
        yield self._HERE, "Made here"
        for label in labels.values_list("origin_label", flat=True).distinct():
            yield label, label

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(origin_label="" if value == self._HERE else value)


def source(row: Root) -> SafeString:
    """Returns the badge that says where a row comes from."""
    shown = {"text": row.origin_label, "colour": "source"} if row.origin_label else {"text": "here"}
    return render_to_string("parts/badge.html", shown)


def name_link(url: str, name: str, note: str = "") -> SafeString:
    """Returns the cell with a row's name: a link to its page, and below it a note in small letters."""
    small = format_html('<span class="rb-muted">{}</span>', note) if note else ""
    return format_html('<span class="rb-named"><a href="{}" class="rb-link">{}</a>{}</span>', url, name, small)


def first_few(names: Sequence[str], limit: int = 3, separator: str = ", ") -> str:
    """Returns at most ``limit`` names, like ``Ana, Ben, Cleo and 4 more``."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return separator.join(names[:limit]) + more


def span_in_words(seconds: int) -> str:
    """Returns a length like ``5 h 12 min``, ``3 d 4 h`` or ``12 min``; less than a minute counts as one."""
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // MINUTE
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{max(minutes, 1)} min"


def moment(instant: int, zone: str, now: int) -> str:
    """Returns an instant like ``Tue 09:00 CET``, with the date if it is six days or more from ``now``."""
    at = clock(zone, instant)
    return f"{at:%a %H:%M} {at.tzname()}" if abs(instant - now) < 6 * DAY else dated_moment(instant, zone)


def dated_moment(instant: int, zone: str) -> str:
    """Returns an instant like ``Tue 3 Mar 09:00 CET``."""
    at = clock(zone, instant)
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M} {at.tzname()}"

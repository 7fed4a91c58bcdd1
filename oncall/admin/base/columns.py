"""Shared by all on-call lists: the changelist, the source filter, cells, and times in words."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

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


def count_of(model: type[Model], owner: str, what: Any = "pk") -> Coalesce:
    """Counts the distinct ``what`` of the rows of ``model`` whose foreign key ``owner`` points to a row.

    This is a subquery: a join would be counted for the whole table, not only for the rows of a page.
    """
    rows = model._default_manager.filter(**{owner: OuterRef("pk")}).order_by().values(owner)
    return Coalesce(Subquery(rows.annotate(number=Count(what, distinct=True)).values("number")), 0)


class SourceFilter(SimpleListFilter):
    title = "source"
    parameter_name = "source"
    _HERE = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        labels = model_admin.model._default_manager.exclude(origin_label="").order_by("origin_label")
        yield self._HERE, "Made here"
        for label in labels.values_list("origin_label", flat=True).distinct():
            yield label, label

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(origin_label="" if value == self._HERE else value)


def source(row: Any) -> SafeString:
    """Returns the badge that says where a row comes from."""
    if not row.origin_label:
        return format_html('<span class="rb-badge">{}</span>', "here")
    return format_html('<span class="rb-badge rb-badge-source">{}</span>', row.origin_label)


def named(url: str, name: str, below: str = "") -> SafeString:
    """The cell of a row's name: the way to its page, and in small letters what is to be known beside."""
    small = format_html('<span class="rb-muted">{}</span>', below) if below else ""
    return format_html('<span class="rb-named"><a href="{}" class="rb-link">{}</a>{}</span>', url, name, small)


def some(names: Sequence[str], shown: int = 3) -> str:
    """``Ana, Ben, Cleo and 4 more``."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def span_in_words(seconds: int) -> str:
    """``5 h 12 min``, ``3 d 4 h``, ``12 min``."""
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // MINUTE
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{max(minutes, 1)} min"


def moment(instant: int, zone: str, now: int) -> str:
    """``Tue 09:00 CET``, with the date when it is not within six days of now."""
    at = clock(zone, instant)
    return f"{at:%a %H:%M} {at.tzname()}" if abs(instant - now) < 6 * DAY else dated_moment(instant, zone)


def dated_moment(instant: int, zone: str) -> str:
    """``Tue 3 Mar 09:00 CET``."""
    at = clock(zone, instant)
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M} {at.tzname()}"

"""Parity on the pages of schedules: the chip, the sentence and the filter."""

from collections.abc import Iterator
from typing import Any, Final

from django.contrib.admin import SimpleListFilter
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors.admin.connections import pill
from oncall.admin.schedule.quality import percent
from syncjobs.models import ParityBasis, ParityCheck, ParityJudge
from syncjobs.pages.marks import ago
from syncjobs.parity.checks import current_checks

_CHIP: Final = '<span class="whitespace-nowrap" title="{}">{}</span>'
_JUDGES = {ParityJudge.VENDOR: "the vendor's own rendering", ParityJudge.SIMULATOR: "the simulator's rendering"}


def chip(check: ParityCheck | None) -> SafeString:
    """Return the share of seconds that match the source as a label. It is 100.00 % only when every second matches."""
    if check is None:
        return format_html(_CHIP, "never measured", pill("not compared"))
    if check.equal_seconds is None or not check.total_seconds:
        title = f"{measured_in_words(check)}: {check.note or 'nothing to compare'}"
        return format_html(_CHIP, title, pill("not compared"))
    text = f"{percent(check.equal_seconds, check.total_seconds, decimals=2)} %"
    title = "; ".join(filter(None, (measured_in_words(check), check.note)))
    return format_html(_CHIP, title, pill(text, "danger" if check.differs else "success"))


def measured_in_words(check: ParityCheck) -> str:
    """Return what was compared with and when, such as ``judge: the vendor's own rendering, measured 5 minutes ago``."""
    return f"judge: {_JUDGES[ParityJudge(check.judge)]}, measured {ago(check.measured_at)}"


def different(schedules: "QuerySet[Any]") -> "QuerySet[Any]":
    """Return those of the schedules whose current comparison found other people than the source."""
    checks = ParityCheck.objects.filter(pk__in=current_checks(schedules.order_by().values_list("pk", flat=True)))
    return schedules.filter(pk__in=checks.filter(equal_seconds__lt=F("total_seconds")).values("schedule"))


class ParityFilter(SimpleListFilter):
    """Filters schedules as the chip shows them: equal, different, not compared."""

    title = "parity"
    parameter_name = "parity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        yield from (("equal", "Equal"), ("different", "Different"), ("none", "Not compared"))

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        checks = ParityCheck.objects.filter(pk__in=current_checks(queryset.order_by().values_list("pk", flat=True)))
        differing = checks.filter(equal_seconds__lt=F("total_seconds")).values("schedule")
        # The next days decide whether a schedule is compared. A clock change can only make it different.
        refused = checks.filter(total_seconds=None).exclude(basis=ParityBasis.TRANSITION).values("schedule")
        compared = checks.filter(total_seconds__gt=0).exclude(schedule__in=refused).values("schedule")
        match self.value():
            case "different":
                return different(queryset)
            case "equal":
                return queryset.filter(pk__in=compared).exclude(pk__in=differing)
            case "none":
                return queryset.exclude(pk__in=compared).exclude(pk__in=differing)
        return queryset

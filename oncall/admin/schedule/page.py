"""The page of one schedule: who is on call in the days shown, why, and how well the time is covered and shared."""

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypedDict

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from oncall.admin.base.columns import moment
from oncall.admin.base.page import AggregatePage
from oncall.admin.forms.times import AtForm
from oncall.admin.schedule.bars import Bars, RowTable, drawn_rows, unreachable
from oncall.admin.schedule.quality import (
    OnCallNow,
    Quality,
    RotationOrder,
    now_in_words,
    quality,
    rotations_in_words,
)
from oncall.admin.schedule.range import RANGES, VisibleRange
from oncall.admin.schedule.why import Why, why
from oncall.models import ChangeRecord, Responder, Schedule
from oncall.rendering.final import Rendering, render
from oncall.rendering.spec import INACTIVE, NO_ZONE, InvalidSpec
from oncall.selectors.participants import Names, ScheduleInput, participant_names
from oncall.selectors.schedules import on_call, specs_of, unrenderable
from oncall.selectors.visible import visible_to
from oncall.templatetags.timeline import Row, Timeline

CLOCKS = {"schedule": "Schedule's time", "mine": "My time", "utc": "UTC"}
Fact = tuple[str, SafeString | str]


class Choice(NamedTuple):
    """A link that changes what the page shows."""

    words: str | int
    url: str
    chosen: bool


class ScheduleContext(TypedDict, total=False):
    """What the template shows. reason: why there is no timeline; then what belongs to it is missing, too. inactive:
    says that the schedule is inactive; then there is no timeline either."""

    schedule: Schedule
    facts: list[Fact]
    warnings: Sequence[str]
    inactive: str
    reason: str
    timeline: Timeline
    tables: list[RowTable]
    now: OnCallNow
    rotations: list[RotationOrder]
    quality: Quality
    clock_changes: list[tuple[str, str]]
    visible: VisibleRange
    ranges: list[Choice]
    clocks: list[Choice]
    why: Why | None
    why_at: AtForm
    close_url: str
    earlier: str
    later: str


class SchedulePage(AggregatePage[Schedule]):
    """The page of one schedule. Another app adds what it knows about schedules in a subclass, which overrides
    :meth:`schedules`, :meth:`get_object`, :meth:`facts`, :meth:`warnings`, :meth:`names`, :meth:`rows` and
    :meth:`source_id`."""

    template = "oncall/admin/schedule_page.html"

    # --- what a subclass may override ---------------------------------------------------------------------------------

    def schedules(self, request: HttpRequest) -> QuerySet[Any]:
        """Returns schedules annotated with ``viewer_zone`` and ``changed_at``, the time of the last change."""
        viewer = Responder.objects.filter(account=request.user.pk).values("time_zone")
        records = ChangeRecord.objects.filter(model="schedule", object_id=OuterRef("pk")).order_by("-pk")
        return Schedule.objects.select_related("group").annotate(
            viewer_zone=Subquery(viewer[:1]), changed_at=Subquery(records.values("at")[:1])
        )

    def get_object(self, request: HttpRequest, pk: int) -> Any:
        return get_object_or_404(visible_to(request.user, self.schedules(request)), pk=pk)

    def facts(self, request: HttpRequest, schedule: Schedule) -> list[Fact]:
        """Returns label and text of each fact in the head of the page. The first is the source, if there is one."""
        return []

    def warnings(self, schedule: Schedule) -> Sequence[str]:
        """Returns sentences that the page shows before who is on call."""
        return ()

    def names(self, schedule: Schedule) -> Names:
        """Returns the names of all participants in the rows."""
        return participant_names([schedule.pk])

    def rows(self, schedule: Schedule, loaded: ScheduleInput, rendering: Rendering, bars: Bars) -> tuple[Row, ...]:
        """Returns the rows of the timeline."""
        return drawn_rows(loaded[0], rendering, bars)

    def source_id(self, schedule: Schedule, key: str) -> str:
        """Returns the source's id of the layer or element with this key, or an empty string."""
        return ""

    # --- the page -----------------------------------------------------------------------------------------------------

    def get_context(self, request: HttpRequest, row: Schedule) -> ScheduleContext:
        try:
            timeline = self._timeline(request, row)
        except InvalidSpec as wrong:
            timeline = {"reason": str(wrong)}
        return {"schedule": row, "facts": self.facts(request, row), "warnings": self.warnings(row), **timeline}

    def _timeline(self, request: HttpRequest, schedule: Any) -> ScheduleContext:
        """Returns the timeline and what belongs to it, or the reason why there is none. Raises InvalidSpec."""
        inactive: ScheduleContext = {} if schedule.active else {"inactive": INACTIVE}
        if schedule.zone_state != Schedule.ZoneState.OK:
            return {**inactive, "reason": f"{capfirst(NO_ZONE)}. Choose one in the form."}
        if inactive:
            return inactive
        now, zone = int(time.time()), schedule.time_zone
        visible = VisibleRange.of(request.GET, zone, now, schedule.viewer_zone or "")
        loaded = specs_of([schedule])[0].get(schedule.pk)
        if loaded is None:
            return {"reason": unrenderable(schedule)}
        rendering = render(*loaded, visible.since, visible.until)
        names = self.names(schedule)
        bars = Bars(visible, names, unreachable(names), now)
        timeline = bars.timeline(zone, *self.rows(schedule, loaded, rendering, bars))
        return {
            "timeline": timeline,
            "tables": [RowTable.of(row, visible.zone, now) for row in timeline.rows],
            "now": now_in_words(on_call(*loaded, now), bars),
            "rotations": rotations_in_words(loaded[0], bars),
            "quality": quality(rendering.final, zone, bars),
            "clock_changes": [
                (moment(instant, visible.zone, now), "" if of == visible.zone else of)
                for instant, of in timeline.clock_changes()
            ],
            "visible": visible,
            "ranges": [Choice(days, visible.link(days=days), days == visible.days) for days in RANGES],
            "clocks": [
                Choice(CLOCKS[each], visible.link(clock=each), each == visible.clock) for each in visible.clocks
            ],
            "why": why(loaded, bars, _instant(schedule.changed_at), partial(self.source_id, schedule)),
            "why_at": AtForm(request.GET, visible.zone, now),
            "close_url": visible.link(),
            "earlier": visible.link(shift=-1),
            "later": visible.link(shift=1),
        }


def _instant(moment_: datetime | None) -> int | None:
    return None if moment_ is None else int(moment_.timestamp())

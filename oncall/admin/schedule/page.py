"""The page of one schedule: who is on call in the days shown, why, and how good that is."""

import time
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from oncall.admin.base.columns import moment, source
from oncall.admin.schedule.bars import FINAL, Bars, Names, drawn_rows, table, unreachable
from oncall.admin.schedule.quality import now_in_words, quality, rotations_in_words
from oncall.admin.schedule.range import RANGES, VisibleRange
from oncall.admin.schedule.why import why
from oncall.models import ChangeRecord, Responder, Schedule
from oncall.rendering.codec import layers_from_json, reading_to_text
from oncall.rendering.final import Rendering, render
from oncall.rendering.spec import InvalidSpec
from oncall.rendering.zones import reading
from oncall.selectors.schedules import ScheduleInput, on_call, participant_names, specs_of
from oncall.templatetags.timeline import Row

CLOCKS = {"schedule": "Schedule's time", "mine": "My time", "utc": "UTC"}
Fact = tuple[str, SafeString | str]


class SchedulePage:
    """What another app knows about schedules it adds in a subclass, by :meth:`schedule`, :meth:`facts`,
    :meth:`names`, :meth:`rows` and :meth:`source_id`."""

    def __init__(self, admin: Any) -> None:
        self.admin = admin

    # --- what a subclass may add to -----------------------------------------------------------------------------------

    def schedules(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows with what the page wants to know beside: ``viewer_zone``, and ``changed_at``."""
        viewer = Responder.objects.filter(account=request.user.pk).values("time_zone")
        records = ChangeRecord.objects.filter(model="schedule", object_id=OuterRef("pk")).order_by("-pk")
        return Schedule.objects.select_related("group").annotate(
            viewer_zone=Subquery(viewer[:1]), changed_at=Subquery(records.values("at")[:1])
        )

    def schedule(self, request: HttpRequest, pk: int) -> Any:
        return get_object_or_404(self.schedules(request), pk=pk)

    def facts(self, request: HttpRequest, schedule: Any) -> list[Fact]:
        """(word, what there is to say) for the head of the page; the first is where the schedule comes from."""
        return []

    def names(self, schedule: Any) -> Names:
        """Of everybody whom the rows name."""
        return participant_names([schedule.pk])

    def rows(self, schedule: Any, loaded: ScheduleInput, rendering: Rendering, bars: Bars) -> tuple[Row, ...]:
        return drawn_rows(loaded[0], rendering, bars)

    def source_id(self, schedule: Any, key: str) -> str:
        """What the source calls the layer or element of this key; empty when it is none of its."""
        return ""

    # --- the page -----------------------------------------------------------------------------------------------------

    def view(self, request: HttpRequest, pk: int) -> TemplateResponse:
        schedule = self.schedule(request, pk)
        if not self.admin.has_view_permission(request, schedule):
            raise PermissionDenied
        try:
            drawn = self._drawn(request, schedule)
        except InvalidSpec as wrong:
            drawn = {"reason": str(wrong)}
        context = {
            **self.admin.admin_site.each_context(request),
            "title": schedule.name,
            "opts": self.admin.opts,
            "original": schedule,
            "schedule": schedule,
            "source": source(schedule),
            "facts": self.facts(request, schedule),
            "list_url": reverse("admin:oncall_schedule_changelist"),
            "edit_url": reverse("admin:oncall_schedule_change", args=[pk]),
            "history_url": reverse("admin:oncall_schedule_history", args=[pk]),
            "may_edit": self.admin.has_change_permission(request, schedule),
            **drawn,
        }
        return TemplateResponse(request, "oncall/admin/schedule_page.html", context)

    def _drawn(self, request: HttpRequest, schedule: Any) -> dict[str, Any]:
        """What there is to draw, or why there is nothing. Raises InvalidSpec."""
        if schedule.zone_state != Schedule.ZoneState.OK:
            return {"reason": f"Its time zone is {schedule.get_zone_state_display().lower()}. Say which one it is."}
        now, zone = int(time.time()), schedule.time_zone
        shown = VisibleRange.of(request.GET, zone, now, schedule.viewer_zone or "")
        loaded = specs_of([schedule])[0].get(schedule.pk)
        if loaded is None:
            raise unreadable(schedule)
        rendering = render(*loaded, shown.since, shown.until)
        names = self.names(schedule)
        bars = Bars(shown, names, unreachable(names), now)
        timeline = bars.timeline(zone, *self.rows(schedule, loaded, rendering, bars))
        return {
            "timeline": timeline,
            "tables": [
                {
                    "row": row,
                    "lines": table(row, shown.zone, now),
                    "reasons": any(bar.reason for bar in row.bars),
                    "open": row.label == FINAL or any("mismatch" in bar.style for bar in row.bars),
                }
                for row in timeline.rows
            ],
            "now": now_in_words(on_call(*loaded, now), bars),
            "rotations": rotations_in_words(loaded[0], bars),
            "quality": quality(rendering.final, zone, bars),
            "clock_changes": [
                (moment(instant, shown.zone, now), "" if of == shown.zone else of)
                for instant, of in timeline.clock_changes()
            ],
            "shown": shown,
            "ranges": [(days, shown.link(days=days), days == shown.days) for days in RANGES],
            "clocks": [(CLOCKS[each], shown.link(clock=each), each == shown.clock) for each in shown.clocks],
            **why(loaded, bars, _instant(schedule.changed_at), partial(self.source_id, schedule)),
            "unasked": shown.link(),
            "earlier": shown.link(shift=-1),
            "later": shown.link(shift=1),
            "asked": reading_to_text(reading(shown.zone, now if shown.chosen is None else shown.chosen))[:16],
        }


def _instant(moment_: datetime | None) -> int | None:
    return None if moment_ is None else int(moment_.timestamp())


def unreadable(schedule: Schedule) -> InvalidSpec:
    """Why the stored layers, or what stands beside them, give no spec."""
    try:
        layers_from_json(schedule.layers)
    except InvalidSpec as wrong:
        return wrong
    return InvalidSpec("overrides", "an override or extra shift names a participant that cannot be read")

"""The page of one schedule: who is on call in the coming days, drawn and as a table."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from oncall.admin.listing import moment, source, span_in_words
from oncall.models import Responder, Schedule
from oncall.rendering.codec import layers_from_json, reading_from_text, reading_to_text
from oncall.rendering.final import Span, render
from oncall.rendering.spec import ExtraShift, InvalidSpec, Override, Participant, ScheduleSpec
from oncall.rendering.zones import EARLIEST, LATEST, at, reading, transitions
from oncall.selectors import Name, ScheduleInput, participant_names, specs_of
from oncall.templatetags.timeline import DAY, Bar, Row, Timeline

RANGES = (1, 7, 14, 30)
DEFAULT_DAYS = 14
NOBODY = "nobody"


def name_of(participant: Participant, names: Mapping[Participant, Name]) -> str:
    known = names.get(participant)
    return known.name if known else f"{participant} (not known here)"


def names_in_words(participants: Sequence[Participant], names: Mapping[Participant, Name]) -> str:
    return ", ".join(name_of(participant, names) for participant in participants)


@dataclass(frozen=True, slots=True)
class Shown:
    """The range of the page: instants, and how many days of the zone they are."""

    since: int
    until: int
    days: int
    first: str

    @classmethod
    def of(cls, query: Mapping[str, Any], zone: str, now: int) -> "Shown":
        """``days`` and ``from`` (ISO date) of the address; what makes no sense there is the default."""
        days = next((n for n in RANGES if str(n) == query.get("days")), DEFAULT_DAYS)
        today = reading(zone, now) // DAY * DAY
        try:
            first = reading_from_text(date.fromisoformat(query.get("from", "")).isoformat())
        except ValueError:
            first = today
        if not EARLIEST + DAY < first < LATEST - (days + 1) * DAY:
            first = today
        return cls(at(zone, first), at(zone, first + days * DAY), days, reading_to_text(first)[:10])

    def link(self, *, days: int | None = None, shift: int = 0) -> str:
        first = reading_from_text(self.first) + shift * self.days * DAY
        return f"?days={days or self.days}&from={reading_to_text(first)[:10]}"


class SchedulePage:
    def __init__(self, admin: Any) -> None:
        self.admin = admin

    def view(self, request: HttpRequest, pk: int) -> TemplateResponse:
        schedule = get_object_or_404(Schedule.objects.select_related("group"), pk=pk)
        if not self.admin.has_view_permission(request, schedule):
            raise PermissionDenied
        context = {
            **self.admin.admin_site.each_context(request),
            "title": schedule.name,
            "opts": self.admin.opts,
            "original": schedule,
            "schedule": schedule,
            "source": source(schedule),
            "list_url": reverse("admin:oncall_schedule_changelist"),
            "edit_url": reverse("admin:oncall_schedule_change", args=[pk]),
            "history_url": reverse("admin:oncall_schedule_history", args=[pk]),
            "may_edit": self.admin.has_change_permission(request, schedule),
            **self._drawn(request, schedule),
        }
        return TemplateResponse(request, "oncall/admin/schedule_page.html", context)

    def _drawn(self, request: HttpRequest, schedule: Schedule) -> dict[str, Any]:
        """What there is to draw, or why there is nothing."""
        if schedule.zone_state != Schedule.ZoneState.OK:
            return {"reason": f"Its time zone is {schedule.get_zone_state_display().lower()}. Say which one it is."}
        now, zone = int(time.time()), schedule.time_zone
        shown = Shown.of(request.GET, zone, now)
        loaded = specs_of([schedule]).get(schedule.pk)
        if loaded is None:
            return {"reason": unreadable(schedule)}
        names = participant_names([schedule.pk])
        try:
            timeline = draw(loaded, names, unreachable(names), shown, now)
        except InvalidSpec as why:
            return {"reason": str(why)}
        return {
            "timeline": timeline,
            "tables": [(row, _table(row, zone, now)) for row in timeline.rows],
            "summary": summary(timeline, now),
            "clock_changes": [moment(t, zone, now) for t in transitions(zone, shown.since, shown.until)],
            "shown": shown,
            "ranges": [(days, shown.link(days=days), days == shown.days) for days in RANGES],
            "earlier": shown.link(shift=-1),
            "later": shown.link(shift=1),
        }


def unreadable(schedule: Schedule) -> str:
    """Why the stored layers give no spec."""
    try:
        layers_from_json(schedule.layers)
    except InvalidSpec as wrong:
        return str(wrong)
    return "An override or extra shift names a participant that cannot be read."


def unreachable(names: Mapping[Participant, Name]) -> frozenset[int]:
    """Responders who hold slots but are not active people."""
    ids = {name.responder_id for name in names.values() if name.responder_id is not None}
    rows = Responder.objects.filter(pk__in=ids).exclude(active=True, state=Responder.State.ACTIVE)
    return frozenset(rows.values_list("pk", flat=True))


def draw(
    loaded: ScheduleInput,
    names: Mapping[Participant, Name],
    gone: frozenset[int],
    shown: Shown,
    now: int,
) -> Timeline:
    """Final schedule with its gaps, overrides, each layer alone. Raises InvalidSpec."""
    spec, substitutions = loaded
    rendering = render(spec, substitutions, shown.since, shown.until)
    bars = _Bars(spec.zone, names, gone, now)
    final = Row("Final schedule", (*bars.of(rendering.final), *bars.gaps(rendering.final, shown)))
    exceptions = Row("Overrides and extra shifts", bars.exceptions(spec, shown))
    titles = {layer.key: layer.name or layer.key for layer in spec.layers}
    layers = tuple(
        Row(f"Layer {n}: {titles[key]}", bars.of(spans)) for n, (key, spans) in enumerate(rendering.layers, 1)
    )
    return Timeline(
        spec.zone, shown.since, shown.until, now, (final, *([exceptions] if exceptions.bars else []), *layers)
    )


class _Bars:
    """Makes bars that carry names."""

    def __init__(self, zone: str, names: Mapping[Participant, Name], gone: frozenset[int], now: int) -> None:
        self.zone, self.names, self.gone, self.now = zone, names, gone, now

    def of(self, spans: Iterable[Span]) -> tuple[Bar, ...]:
        return tuple(self._bar(span.start, span.end, span.participants) for span in spans)

    def gaps(self, spans: Sequence[Span], shown: Shown) -> tuple[Bar, ...]:
        edges = [shown.since, *(at for span in spans for at in (span.start, span.end)), shown.until]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return tuple(
            Bar(start, end, NOBODY, "", self._title("Nobody", start, end), ("gap",))
            for start, end in pairs
            if start < end
        )

    def exceptions(self, spec: ScheduleSpec, shown: Shown) -> tuple[Bar, ...]:
        each: tuple[Override | ExtraShift, ...] = (*spec.overrides, *spec.extra_shifts)
        inside = (one for one in each if one.starts_at < shown.until and one.ends_at > shown.since)
        return tuple(self._bar(one.starts_at, one.ends_at, (one.by,), "override") for one in inside)

    def _bar(self, start: int, end: int, who: Sequence[Participant], *style: str) -> Bar:
        people = [each for each in who if each.kind != "vacant"]
        text = names_in_words(people, self.names) or NOBODY
        known = [self.names.get(each) for each in people]
        lost = any(name is None or name.responder_id in self.gone for name in known)
        identity = ",".join(sorted(_identity(each, self.names) for each in people))
        title = self._title(f"{text} (cannot be reached)" if lost else text, start, end)
        return Bar(start, end, text, identity, title, (*style, *(["unreachable"] if lost else [])))

    def _title(self, text: str, start: int, end: int) -> str:
        times = f"{moment(start, self.zone, self.now)} to {moment(end, self.zone, self.now)}"
        return f"{text}: {times}, {span_in_words(end - start)}"


def _identity(participant: Participant, names: Mapping[Participant, Name]) -> str:
    """One person has one colour, whatever key names them."""
    known = names.get(participant)
    return f"responder {known.responder_id}" if known and known.responder_id else str(participant)


def _table(row: Row, zone: str, now: int) -> list[dict[str, Any]]:
    return [
        {
            "start": moment(bar.start, zone, now),
            "end": moment(bar.end, zone, now),
            "length": span_in_words(bar.end - bar.start),
            "who": bar.name,
            "gap": "gap" in bar.style,
            "lost": "unreachable" in bar.style,
        }
        for bar in sorted(row.bars, key=lambda each: (each.start, each.end))
    ]


def summary(timeline: Timeline, now: int) -> dict[str, Any]:
    """Who is on call now, and how much of the range nobody covers."""
    final = timeline.rows[0].bars
    current = next((bar for bar in final if bar.start <= now < bar.end), None)
    uncovered = sum(bar.end - bar.start for bar in final if "gap" in bar.style)
    covered = 100 - uncovered / (timeline.until - timeline.since) * 100
    return {
        "now": current.name if current else "",
        "gap_now": current is not None and "gap" in current.style,
        "until": moment(current.end, timeline.zone, now) if current and current.end < timeline.until else "",
        "rest": span_in_words(current.end - now) if current and current.end < timeline.until else "",
        "covered": f"{covered:.1f}".removesuffix(".0"),
        "uncovered": span_in_words(uncovered) if uncovered else "",
    }

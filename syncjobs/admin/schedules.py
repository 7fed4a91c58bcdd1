"""Schedules with their sync: parity, source and open conflicts."""

import time
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import CharField, Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from oncall.admin.base.columns import SourceFilter, dated_moment
from oncall.admin.schedule.bars import Bars
from oncall.admin.schedule.list import ScheduleAdmin
from oncall.admin.schedule.page import Fact, SchedulePage
from oncall.models import Schedule
from oncall.rendering.codec import instant_from_text, participant_from_text
from oncall.rendering.differences import Difference
from oncall.rendering.final import Rendering, Span
from oncall.selectors.participants import Name, Names, ScheduleInput
from oncall.tables.base import LOCAL
from oncall.templatetags.timeline import Row
from syncjobs.admin.parity_chip import ParityFilter, chip, measured_in_words
from syncjobs.admin.partly_read import PartlyReadAdmin
from syncjobs.models import (
    WAITING_STATES,
    Conflict,
    ConflictRow,
    ExternalLink,
    LinkState,
    Outcome,
    ParityCheck,
    SyncItem,
)
from syncjobs.parity.checks import latest_parity
from syncjobs.planning.values import element_key
from syncjobs.words.unread import UnreadElements, sentences_of, unread_by_schedule


def _number(rows: "QuerySet[Any, Any]") -> Coalesce:
    """Return the number of rows of a subquery whose only value is the same for all rows."""
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


class SyncedSchedulePage(SchedulePage):
    """Adds the source to the page of a schedule. The source is that of the primary link; there is at most one."""

    def schedules(self, request: HttpRequest) -> QuerySet[Any]:
        # Items are found by external id: an item has no link when its object is first planned.
        applied = SyncItem.objects.filter(
            run__connection=OuterRef("connection"),
            entity_type="schedule",
            external_id=OuterRef("external_id"),
            outcome=Outcome.APPLIED,
        ).order_by("-pk")
        conflicts = Conflict.objects.filter(link__schedule=OuterRef("pk"), state__in=WAITING_STATES).order_by()
        links = ExternalLink.objects.filter(schedule=OuterRef(OuterRef("pk")))
        local = Concat(Value(LOCAL), Cast(OuterRef("pk"), CharField()))
        equal_names = ConflictRow.objects.filter(
            Q(key__in=links.values("key")) | Q(key=local),
            conflict__entity_type="schedule",
            conflict__state__in=WAITING_STATES,
        ).order_by()
        rows: QuerySet[Any] = (
            super()
            .schedules(request)
            .annotate(
                source_link=FilteredRelation("links", condition=Q(links__primary=True)),
                link_state=F("source_link__state"),
                external_id=F("source_link__external_id"),
                connection=F("source_link__connection"),
                written_by=Subquery(applied.values("run")[:1]),
                open_conflicts=_number(conflicts.values("state")) + _number(equal_names.values("conflict__state")),
            )
        )
        return rows

    def get_object(self, request: HttpRequest, pk: int) -> Any:
        schedule = super().get_object(request, pk)
        schedule.parity = latest_parity([pk]).get(pk) if schedule.external_id else None
        return schedule

    def facts(self, request: HttpRequest, schedule: Any) -> list[Fact]:
        facts = super().facts(request, schedule)
        if schedule.external_id:
            facts += [("Source", _source(request, schedule)), ("Parity", _parity(schedule))]
        if schedule.open_conflicts:
            url = f"{reverse('admin:syncjobs_conflict_changelist')}?{urlencode({'q': schedule.name})}"
            number = f"{schedule.open_conflicts} open"
            if request.user.has_perm("syncjobs.view_conflict"):
                number = format_html('<a class="rb-link" href="{}">{}</a>', url, number)
            facts.append(("Questions", number))
        return facts

    def warnings(self, schedule: Any) -> list[str]:
        return sentences_of(unread_by_schedule([schedule.pk], since=int(time.time()))[schedule.pk])

    def names(self, schedule: Any) -> Names:
        """Return the names of all participants, also of people who are only in the source's rendering."""
        names = dict(super().names(schedule))
        check: ParityCheck | None = schedule.parity
        if check is None:
            return names
        sides = (each["source"] for each in check.differences)
        own = element_key(schedule.connection, "")
        people = (each for each in map(participant_from_text, chain(*sides)) if each.kind == "person")
        unknown = {each.id.removeprefix(own): each for each in people if each not in names}
        if unknown:
            links = ExternalLink.objects.filter(
                connection=schedule.connection,
                entity_type="responder",
                external_id__in=unknown,
                responder__isnull=False,
            )
            for external_id, row_id, name in links.values_list("external_id", "responder_id", "responder__name"):
                names[unknown[external_id]] = Name(row_id, name)
        return names

    def rows(self, schedule: Any, loaded: ScheduleInput, rendering: Rendering, bars: Bars) -> tuple[Row, ...]:
        """Return the rows of the page, with the source's rendering and the differences first if they were measured."""
        ours, *others = super().rows(schedule, loaded, rendering, bars)
        check: ParityCheck | None = schedule.parity
        if check is None or not check.is_compared:
            return ours, *others
        since = max(int(check.since.timestamp()), bars.visible.since)
        until = min(int(check.until.timestamp()), bars.visible.until)
        if since >= until:
            return ours, *others
        note = measured_in_words(check)
        theirs = bars.final("At the source", _spans(check, since, until), since, until, note=note)
        differences, causes = _differences(check, since, until)
        empty = "There is no difference in the days that were measured."
        return theirs, ours, bars.difference("Difference", differences, causes, note=note, empty=empty), *others

    def source_id(self, schedule: Any, key: str) -> str:
        if not schedule.external_id or key.startswith("local"):
            return ""
        own = element_key(schedule.connection, "")
        return f"id {key.removeprefix(own).removeprefix(f'{schedule.external_id}:')}"


def _source(request: HttpRequest, schedule: Any) -> SafeString:
    """Return the origin, the external id and the last run that wrote the schedule."""
    state = "" if schedule.link_state == LinkState.LINKED else f", {schedule.link_state}"
    text = format_html("{}, id {}{}", schedule.origin_label or "a connection", schedule.external_id, state)
    if schedule.written_by is None:
        return text
    run = f"run {schedule.written_by}"
    if not request.user.has_perm("syncjobs.view_syncrun"):
        return format_html("{}; synced in {}", text, run)
    url = reverse("admin:syncjobs_syncrun_change", args=[schedule.written_by])
    return format_html('{}; synced in <a class="rb-link" href="{}">{}</a>', text, url, run)


def _parity(schedule: Any) -> SafeString:
    check: ParityCheck | None = schedule.parity
    if check is None:
        return format_html("{} {}", chip(check), "The next sync measures it.")
    zone = schedule.time_zone if schedule.zone_state == Schedule.ZoneState.OK else "UTC"
    times = (dated_moment(int(each.timestamp()), zone) for each in (check.since, check.until))
    edited = schedule.changed_at is not None and schedule.changed_at > check.measured_at
    sentences = (
        measured_in_words(check),
        f"over {' to '.join(times)}",
        check.note,
        "the schedule was changed here after that" if edited else "",
    )
    return format_html("{} {}.", chip(check), "; ".join(filter(None, sentences)))


def _spans(check: ParityCheck, since: int, until: int) -> list[Span]:
    """Return the spans of the source's rendering, cut to the range."""
    spans = (
        Span(
            max(instant_from_text(start), since),
            min(instant_from_text(end), until),
            tuple(sorted(map(participant_from_text, who))),
        )
        for start, end, who in check.source_spans
    )
    return [span for span in spans if span.start < span.end]


def _differences(check: ParityCheck, since: int, until: int) -> tuple[list[Difference], list[str]]:
    """Return the differences, cut to the range, and the cause of each."""
    found, causes = [], []
    for each in check.differences:
        start, end = max(instant_from_text(each["start"]), since), min(instant_from_text(each["end"]), until)
        if start < end:
            source, ours = (tuple(map(participant_from_text, each[side])) for side in ("source", "ours"))
            found.append(Difference(start, end, source, ours))
            causes.append(str(each["cause"]))
    return found, causes


admin.site.unregister(Schedule)


@admin.register(Schedule)
class SyncedScheduleAdmin(PartlyReadAdmin[Schedule], ScheduleAdmin):
    list_display = (
        "page_link",
        "on_call_now",
        "next_handoff",
        "parity_shown",
        "from_source",
        "active",
        "edit_link",
    )
    list_filter = ("active", SourceFilter, ParityFilter)
    actions = (*ScheduleAdmin.actions, "sync_selected")
    page_type = SyncedSchedulePage

    def unread(self, row_ids: Collection[int]) -> Mapping[int, Sequence[UnreadElements]]:
        return unread_by_schedule(row_ids, since=int(time.time()))

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        super().complete(request, rows)
        found = latest_parity([row.pk for row in rows])
        for row in rows:
            row.parity = found.get(row.pk)

    @display(description="Parity")
    def parity_shown(self, schedule: Any) -> SafeString | str:
        return chip(schedule.parity) if schedule.parity is not None or schedule.origin_label else "-"

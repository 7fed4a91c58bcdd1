"""Reads PagerDuty's own rendering of schedules, as spans that parity compares with ours."""

from collections.abc import Sequence
from contextlib import suppress

from connectors.errors import RequestRejected
from connectors.network.client import JsonValue
from connectors.providers.pagerduty.client import Client
from connectors.providers.pagerduty.harvest import Harvest
from connectors.providers.pagerduty.schedule_details import is_shift_based, slices
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.providers.pagerduty.wire import Entry, ListedSchedule, Rendered
from connectors.providers.pagerduty.wire_shifts import Computed, ShiftAssignment
from connectors.reading.findings import Findings
from connectors.reading.listing import RECOVERABLE
from connectors.reading.mapping import spans
from connectors.reading.wire import Wire
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from oncall.rendering.spec import person


class _Layered(Wire):
    final_schedule: Rendered = None


class _ShiftBased(Wire):
    final_schedule: Computed = None


def final_schedules(harvest: Harvest) -> dict[str, tuple[Span, ...]]:
    """Returns the final schedules that came with a read, by schedule id."""
    held = {id_: _entries(detail.schedule.final_schedule) for id_, detail in harvest.layered.items()}
    held |= {id_: _assignments(detail.schedule.final_schedule) for id_, detail in harvest.shifts.items()}
    return {id_: spans(entries) for id_, entries in held.items() if entries is not None}


class Renderings:
    """Requests final schedules. The list of schedules, which contains their time zones, is read once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._zones: dict[str, str | None] | None = None

    def rendered(self, ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        """Returns final schedules by schedule id. A schedule is missing if it could not be read.

        since, until: instants; until is exclusive. Fields: ``final_schedule.rendered_schedule_entries`` and, for
        shift-based schedules, ``computed_shift_assignments`` (vendor OpenAPI: Schedule, ScheduleResponse). PagerDuty
        splits entries at overrides and turns, so equal neighbours are joined.
        """
        found: dict[str, tuple[Span, ...]] = {}
        if ids and self._zones is None:
            self._zones = _zones(self._client)
        for id_ in ids:
            try:
                held = _holders(self._client, id_, (self._zones or {}).get(id_), since, until)
            except RECOVERABLE:
                continue  # the caller reports the missing schedule
            if held is not None:
                found[id_] = spans(held)
        return found


def _zones(client: Client) -> dict[str, str | None]:
    zones = {}
    with suppress(*RECOVERABLE):  # rendered instants contain their offset, so they are correct without the zone
        for page in client.schedules():
            for raw in page.items:
                listed = Findings(VENDOR).read(ListedSchedule, raw, "schedule", None, "")
                if listed is not None:
                    zones[listed.id] = listed.time_zone
    return zones


def _holders(client: Client, id_: str, zone: str | None, since: int, until: int) -> list[Held] | None:
    held: list[Held] = []
    shift_based = False
    for start, end in slices(since, until):
        found = None
        if not shift_based:
            try:
                found = _layered(client.schedule(id_, zone, start, end))
            except RequestRejected as error:
                if not is_shift_based(error):
                    raise
                shift_based = True
        if shift_based:
            found = _shifts(client.shift_schedule(id_, start, end))
        if found is None:
            return None
        held += found
    return held


def _layered(raw: JsonValue) -> list[Held] | None:
    answer = Findings(VENDOR).read(_Layered, raw, "schedule", None, "")
    return _entries(answer.final_schedule if answer else None)


def _entries(entries: Sequence[Entry] | None) -> list[Held] | None:
    if entries is None:
        return None
    return [
        (entry.start.instant, entry.end.instant, (person(entry.user.id),))
        for entry in entries
        if entry.user is not None
    ]


def _shifts(raw: JsonValue) -> list[Held] | None:
    answer = Findings(VENDOR).read(_ShiftBased, raw, "schedule", None, "")
    return _assignments(answer.final_schedule if answer else None)


def _assignments(shifts: Sequence[ShiftAssignment] | None) -> list[Held] | None:
    if shifts is None:
        return None
    return [
        (shift.start_time.instant, shift.end_time.instant, (person(id_),))
        for shift in shifts
        if (id_ := shift.member.person_id) is not None
    ]

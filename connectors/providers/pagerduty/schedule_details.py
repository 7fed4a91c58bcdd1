"""Reads schedules with their layers, overrides and shifts in as few requests as possible."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from connectors.base import Progress
from connectors.errors import NotFound, RequestRejected
from connectors.network.client import JsonValue
from connectors.providers.pagerduty import wire, wire_shifts
from connectors.providers.pagerduty.client import SLICE, Client
from connectors.providers.pagerduty.harvest import LayerDetail, RotationDetail, ShiftDetail
from connectors.providers.pagerduty.mapping_layers import is_rendered_in
from connectors.providers.pagerduty.vendor import VENDOR, invalid
from connectors.reading.findings import Elements, Findings
from connectors.reading.listing import RECOVERABLE, Incomplete, all_items
from connectors.reading.pages import Page
from connectors.reading.wire import Identified, Instant, Moment
from connectors.zones.timezones import asked_name, convert
from oncall.rendering.zones import DAY

BEFORE, AFTER = DAY, 90 * DAY
Element = TypeVar("Element", bound=Identified)
_END: Final[TypeAdapter[Moment]] = TypeAdapter(Instant)


class ScheduleDetails:
    """Reads the details of schedules, one instance per read. at: instant of the read.

    window: the instants between which overrides are read, from one day before to 90 days after ``at``. ahead: the
    instants between which final schedules are read, the 90 days after ``at``. moved: ids of schedules that are in the
    list of layer schedules, but are now shift-based.
    """

    def __init__(self, client: Client, findings: Findings, at: int, progress: Progress) -> None:
        self._client = client
        self._findings = findings
        self._at = at
        self._progress = progress
        self._done = 0  # layer and shift-based schedules together, because progress shows one kind
        self.window = (at - BEFORE, at + AFTER)
        self.ahead = (at, at + AFTER)
        self.moved: list[str] = []

    # --- layer schedules ------------------------------------------------------------------------------------------

    def layered(self, listed: Mapping[str, wire.ListedSchedule], pages: int) -> dict[str, LayerDetail]:
        """Returns layer schedules by id, each read in its own time zone, or in the chosen or last known one.

        Restrictions are times of day without an offset, in the zone of the answer. For each zone, either the whole list
        is read (a sweep) or each schedule alone, whichever is fewer requests. pages: the number of pages of the list,
        which is also that of a sweep.
        """
        zones: dict[str | None, list[str]] = {}
        for id_, schedule in listed.items():
            zones.setdefault(asked_name(schedule.time_zone, id_), []).append(id_)
        details: dict[str, LayerDetail] = {}
        total = self._done + len(listed)
        for zone, ids in zones.items():
            swept = self._sweep(zone, set(ids)) if zone is not None and pages < len(ids) else {}
            for id_ in ids:
                found = self._from_sweep(id_, zone, swept.get(id_)) or self._single(id_, zone)
                if found is not None:
                    found = _with_own_zone(found, listed[id_].time_zone)
                    details[id_] = replace(found, overrides=self._overrides(found.schedule))
                self._count(total)
        return details

    def _sweep(self, zone: str, wanted: Set[str]) -> dict[str, JsonValue]:
        """Returns raw schedules by id. The sweep stops when all wanted schedules have come, or at an error."""
        swept: dict[str, JsonValue] = {}
        with suppress(*RECOVERABLE):  # each schedule is then read alone, which reports a lasting error
            for page in self._client.schedules_in_zone(zone, *self.window):
                swept |= {str(item.get("id")): item for item in page.items if isinstance(item, dict)}
                if wanted <= swept.keys():
                    break
        return swept

    def _from_sweep(self, id_: str, zone: str | None, raw: JsonValue) -> LayerDetail | None:
        """Returns a schedule of a sweep. None: it is incomplete or in another zone, and has to be read alone."""
        if not isinstance(raw, dict) or raw.get("schedule_layers") is None or raw.get("overrides_subschedule") is None:
            return None
        findings = Findings(VENDOR)
        detail = self._detail(raw, id_, zone, findings)
        if detail is None or not self._in_zone(detail, zone):
            return None
        self._findings.failed += findings.failed
        return detail

    def _detail(self, raw: JsonValue, id_: str, zone: str | None, findings: Findings) -> LayerDetail | None:
        """Returns a schedule without its overrides, with the zone of the list if its own answer has no zone."""
        schedule = findings.read(wire.Schedule, raw, "schedule", id_, "")
        if schedule is None:
            return None
        if not schedule.time_zone:
            schedule = schedule.model_copy(update={"time_zone": zone})
        layers = findings.read_all(
            wire.Layer, schedule.schedule_layers, "schedule", id_, "schedule_layers", ended=self._ended("end")
        )
        return LayerDetail(schedule, layers, None)

    def _ended(self, key: str) -> Callable[[object], bool]:
        """Returns whether a raw element has ended. key: of its end."""

        def ended(raw: object) -> bool:
            try:
                return bool(isinstance(raw, dict) and _END.validate_python(raw.get(key)).instant <= self._at)
            except ValidationError:
                return False

        return ended

    def _single(self, id_: str, zone: str | None) -> LayerDetail | None:
        try:
            raw = self._client.schedule(id_, zone, *self.window)
        except RequestRejected as error:
            if is_shift_based(error):
                self.moved.append(id_)
                return None
            if zone is not None and convert(zone).zone is None:
                return self._single(id_, None)  # the zone is unknown, so the schedule is stored as inactive anyway
            self._findings.fail("schedule", id_, error)
            return None
        except RECOVERABLE as error:
            self._findings.fail("schedule", id_, error)
            return None
        detail = self._detail(raw, id_, zone, self._findings)
        if detail is not None and not self._in_zone(detail, zone):
            message = f"PagerDuty did not answer in the time zone {zone}, so restrictions cannot be read."
            self._findings.fail("schedule", id_, invalid("other_zone", "schedule_layers", message))
            return None
        return detail

    def _in_zone(self, detail: LayerDetail, requested: str | None) -> bool:
        zone = convert(requested).zone
        if zone is None:
            return True
        # A text that is not sure says nothing: the offsets of the instants do.
        named = convert(detail.schedule.time_zone)
        return (named.zone == zone or not named.is_sure) and is_rendered_in(detail, zone, self._at)

    def _overrides(self, schedule: wire.Schedule) -> Elements[wire.Override] | None:
        """Requests overrides for ranges where the overrides sub-schedule has entries, or for all if it is unknown."""
        entries = schedule.overrides_subschedule
        ranges = [
            (since, until)
            for since, until in slices(*self.window)
            if entries is None or any(e.start.instant < until and e.end.instant > since for e in entries)
        ]
        fetch = partial(self._client.overrides, schedule.id)
        return self._collection(wire.Override, schedule.id, "overrides", fetch, ranges)

    # --- shift-based schedules ------------------------------------------------------------------------------------

    def shift_based(self, ids: Iterable[str]) -> dict[str, ShiftDetail]:
        """Returns shift-based schedules by id. A schedule that fails is reported and missing."""
        details: dict[str, ShiftDetail] = {}
        wanted = list(ids)
        total = self._done + len(wanted)
        for id_ in wanted:
            detail = self._shift_detail(id_)
            if detail is not None:
                details[id_] = detail
            self._count(total)
        return details

    def _count(self, total: int) -> None:
        self._done += 1
        self._progress("schedule", self._done, total)

    def _shift_detail(self, id_: str) -> ShiftDetail | None:
        try:
            raw = self._client.shift_schedule(id_, *self.ahead)
        except RECOVERABLE as error:
            self._findings.fail("schedule", id_, error)
            return None
        schedule = self._findings.read(wire_shifts.ShiftSchedule, raw, "schedule", id_, "")
        if schedule is None:
            return None
        ranges = slices(*self.window)
        return ShiftDetail(
            schedule,
            self._rotations(schedule),
            self._collection(
                wire_shifts.CustomShift,
                id_,
                "custom_shifts",
                _all(self._client.custom_shifts, id_, "custom shifts"),
                ranges,
            ),
            self._collection(
                wire_shifts.OverrideShift,
                id_,
                "overrides",
                _all(self._client.shift_overrides, id_, "overrides"),
                ranges,
            ),
        )

    def _rotations(self, schedule: wire_shifts.ShiftSchedule) -> Elements[RotationDetail]:
        rotations = self._findings.read_all(
            wire_shifts.Rotation, schedule.rotations, "schedule", schedule.id, "rotations"
        )

        def detail(rotation: wire_shifts.Rotation, path: str) -> RotationDetail:
            events = self._findings.read_all(
                wire_shifts.Event,
                rotation.events,
                "schedule",
                schedule.id,
                f"{path}.events",
                ended=self._ended("effective_until"),
            )
            return RotationDetail(rotation.id, path, events)

        return self._findings.map_all(rotations, "schedule", schedule.id, "rotations", detail)

    # --- both -----------------------------------------------------------------------------------------------------

    def _collection(
        self,
        model: type[Element],
        id_: str,
        key: str,
        fetch: Callable[[int, int], JsonValue],
        ranges: Sequence[tuple[int, int]],
    ) -> Elements[Element] | None:
        """Returns all objects of the ranges, each once, or None if they are not reported.

        A note (404) or a failure gives the reason for None.
        """
        word = key.replace("_", " ")
        found: dict[str, JsonValue] = {}
        for since, until in ranges:
            try:
                raw = fetch(since, until)
            except (NotFound, Incomplete) as error:
                message = f"Its {word} could not be read: {error.message}"
                self._findings.note("schedule", id_, f"{key}_not_told", message, key, loss=True)
                return None
            except RECOVERABLE as error:
                self._findings.fail("schedule", id_, error)
                return None
            if not isinstance(raw, list):
                self._findings.fail("schedule", id_, invalid("invalid_value", key, f"Its {word} are not a list."))
                return None
            for item in raw:  # an object in two ranges comes twice
                found.setdefault(json.dumps(item, sort_keys=True), item)
        ended = self._ended("end" if model is wire.Override else "end_time")
        read = self._findings.read_all(model, found.values(), "schedule", id_, key, ended=ended)
        places = {element.id: place for element, place in zip(read, read.places, strict=True)}
        once = {element.id: element for element in read}
        for repeated in sorted({element.id for element in read if element != once[element.id]}):
            message = (
                f"Its {word} have the id {repeated} more than once, with different values; the last one was taken."
            )
            self._findings.note("schedule", id_, "repeated_id", message, key, loss=True)
        return Elements(once.values(), read.unread, places.values())


def slices(since: int, until: int) -> list[tuple[int, int]]:
    """Returns the range as consecutive ranges of at most 90 days. since, until: instants."""
    return [(start, min(start + SLICE, until)) for start in range(since, until, SLICE)]


def is_shift_based(error: RequestRejected) -> bool:
    """Returns whether PagerDuty refused a schedule because it is shift-based (docs: Shift-Based Schedules)."""
    reason = error.reason.casefold()
    return error.status == 400 and ("shift-based" in reason or "/v3/schedules" in reason)


def _all(read: Callable[[str, int, int], Iterable[Page]], id_: str, words: str) -> Callable[[int, int], JsonValue]:
    return lambda since, until: all_items(read(id_, since, until), VENDOR, words, words.replace(" ", "_"))


def _with_own_zone(detail: LayerDetail, zone: str | None) -> LayerDetail:
    """Returns a schedule with its text in the list if that is not sure: the answer has the zone of the request."""
    if zone is None or convert(zone).is_sure:
        return detail
    return replace(detail, schedule=detail.schedule.model_copy(update={"time_zone": zone}))

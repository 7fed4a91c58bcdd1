"""Maps layer schedules (REST API v2) to records. Pure: the current time is an argument."""

from typing import Final

from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.harvest import LayerDetail
from connectors.providers.pagerduty.holders import named, participant, team_ids
from connectors.providers.pagerduty.vendor import invalid, unknown_value
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.overrides import Shown, note_assumed_order, ranked
from connectors.reading.periods import anchor_within_years, read_period
from connectors.reading.wire import has_no_limit
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    MAX_TURN_SECONDS,
    Always,
    ByTime,
    Daily,
    Layer,
    Override,
    Weekly,
    Window,
)
from oncall.rendering.zones import DAY, WEEK, offset_at, reading

#: Later offsets depend on the edition of the time-zone data, which may differ from the vendor's.
_CERTAIN: Final = 365 * DAY


def is_rendered_in(detail: LayerDetail, zone: str, at: int) -> bool:
    """Returns whether an answer was rendered in ``zone``, an IANA name. at: instant of the read.

    Restrictions are times of day without an offset, in the zone of the answer (vendor docs: Schedules, ``time_zone``).
    With restrictions, an answer is therefore correct only if all its instants have that zone's offset: a single one
    proves little, because zones differ for a part of the year. Without restrictions, it is correct in every zone.
    """
    live = [layer for layer in detail.layers if not _is_over(layer, at)]
    if not any(layer.restrictions for layer in live):
        return True
    moments = [moment for layer in live for moment in (layer.rotation_virtual_start, layer.start, layer.end)]
    own = (layer.rendered_schedule_entries for layer in live)
    for entries in (detail.schedule.overrides_subschedule, detail.schedule.final_schedule, *own):
        moments += [moment for entry in entries or () for moment in (entry.start, entry.end)]
    return all(
        moment.offset == offset_at(zone, moment.instant)
        for moment in moments
        if moment is not None and EARLIEST <= moment.instant <= at + _CERTAIN
    )


def schedule(
    detail: LayerDetail, fetched_range: tuple[int, int], at: int, because: tuple[str, ...], findings: Findings
) -> SourceSchedule:
    """Returns the record of a schedule. Layers and overrides that have no form here are reported and counted as unread.

    fetched_range: the instants between which overrides were requested. at: instant of the read; layers that ended
    before it are left out.

    Where layers overlap, the first layer of the answer wins. PagerDuty's support site numbers them the other way round:
    the layer that is shown last takes precedence, and the API sends it first.
    """
    source = detail.schedule
    zone = findings.zone("schedule", source.id, convert(source.time_zone), "time_zone")
    layers = _Layers(source, zone, at, findings)
    made = findings.map_all(detail.layers, "schedule", source.id, "schedule_layers", layers.make)
    if not made and not made.unread:
        findings.note("schedule", source.id, "no_layers", f"{source.label} has no layer that is still in force.")
    exceptions = _overrides(detail, at, findings)
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="stacked",
        layers=tuple(made),
        description=source.description or "",
        group_ids=tuple(team_ids("schedule", source, source.teams, findings)),
        extra_shifts=(),
        overrides=None if exceptions is None else ranked(exceptions, _shown(source)),
        fetched_range=None if exceptions is None else fetched_range,
        unread={**unread_of(layers=made, overrides=exceptions), **layers.partial},
        lists_overlapping=True,
        flavour="layers",
        because=because,
    )


def _is_over(layer: wire.Layer, at: int) -> bool:
    """``start`` is the time of the last save. If a layer was ended by that save, its ``end`` is equal to ``start``."""
    return layer.end is not None and layer.end.instant <= max(at, layer.start.instant)


def _label(layer: wire.Layer) -> str:
    return f"{layer.name} ({layer.id})" if layer.name and layer.name.strip() else layer.id


class _Layers:
    """Maps the layers of one schedule. partial: for each layer that is read only in part, the number of unread
    restrictions."""

    def __init__(self, source: wire.Schedule, zone: ZoneReading, at: int, findings: Findings) -> None:
        self._source = source
        self._zone = zone
        self._at = at
        self._findings = findings
        self.partial: dict[str, int] = {}

    def make(self, layer: wire.Layer, path: str) -> Layer | None:
        """Returns the layer, None if it has no effect any more. Raises UnexpectedResponse for an unusable value."""
        if _is_over(layer, self._at):
            self._note("ended_layer", f"The layer {_label(layer)} has ended and was left out.", path)
            return None
        period = read_period(
            layer.start.instant,
            max(LATEST, layer.start.instant + 1) if layer.end is None else layer.end.instant,
            self._findings,
            "schedule",
            self._source.id,
            code="layer",
            words=f"The layer {_label(layer)}",
            path=f"{path}.end",
        )
        if period is None:
            return None
        if not layer.users:
            self._note("empty_layer", f"The layer {_label(layer)} has no participants.", f"{path}.users")
        return Layer(
            key=layer.id,
            name=layer.name or "",
            windows=self._windows(layer, path),
            turns=self._turns(layer, path),
            participants=tuple(
                participant(holder, str(place), f"{path}.users[{place}].user", self._source, self._findings)
                for place, holder in enumerate(layer.users)
            ),
            starts_at=None if period[0] == EARLIEST else period[0],
            ends_at=None if period[1] == LATEST else period[1],
        )

    def _turns(self, layer: wire.Layer, path: str) -> ByTime:
        length = layer.rotation_turn_length_seconds
        if not 0 < length <= MAX_TURN_SECONDS:
            message = f"A turn of the layer {_label(layer)} lasts {length} seconds."
            raise invalid("invalid_turn", f"{path}.rotation_turn_length_seconds", message)
        anchor = layer.rotation_virtual_start
        # Turns keep the time of day of the schedule's zone. If it is unknown, the local time is used as it was sent.
        known = self._zone.zone is not None and EARLIEST <= anchor.instant < LATEST
        first = reading(self._zone.zone, anchor.instant) if self._zone.zone and known else anchor.reading
        return ByTime(anchor_within_years(first, length * max(len(layer.users), 1)), length)

    def _windows(self, layer: wire.Layer, path: str) -> tuple[Window, ...]:
        """The windows that could be read. Raises UnexpectedResponse when none of several could: without windows, the
        layer would apply at all times."""
        if layer.restrictions is None:
            message = (
                f"PagerDuty did not report the restrictions of the layer {_label(layer)}, so it applies at all times."
            )
            self._note("restrictions_not_told", message, f"{path}.restrictions", loss=True)
        at, id_ = f"{path}.restrictions", self._source.id
        limits = {place: raw for place, raw in enumerate(layer.restrictions or ()) if not has_no_limit(raw)}
        if layer.restrictions and not limits:
            message = f"The layer {_label(layer)} has a restriction without any period. The layer applies at all times."
            self._note("empty_restriction", message, at)
        raw = Elements(limits.values(), 0, limits)
        read = self._findings.read_all(wire.Restriction, raw, "schedule", id_, at)
        windows: Elements[Window] = self._findings.map_all(read, "schedule", id_, at, _window)
        if windows.unread and not windows:
            message = f"No restriction of the layer {_label(layer)} can be read, so it is not known when it applies."
            raise invalid("invalid_window", at, message)
        if windows.unread:
            self.partial[f"layers.{layer.id}"] = windows.unread
        return tuple(sorted(set(windows), key=_window_order)) or (Always(),)

    def _note(self, code: str, message: str, path: str, *, loss: bool = False) -> None:
        self._findings.note("schedule", self._source.id, code, message, path, loss=loss)


def _window(restriction: wire.Restriction, path: str) -> Window:
    weekly = restriction.type == "weekly_restriction"
    if not 0 < restriction.duration_seconds <= (WEEK if weekly else DAY):
        raise invalid(
            "invalid_window", f"{path}.duration_seconds", f"A restriction lasts {restriction.duration_seconds} seconds."
        )
    if not weekly:
        return Daily(restriction.start_time_of_day, restriction.duration_seconds)
    weekday = restriction.start_day_of_week
    if weekday is None or not 1 <= weekday <= 7:
        raise unknown_value(
            f"{path}.start_day_of_week", f"The day {weekday!r} is not a number from 1 (Monday) to 7 (Sunday)."
        )
    return Weekly(weekday, restriction.start_time_of_day, restriction.duration_seconds)


def _window_order(window: Window) -> str:
    """The order of windows has no meaning, so they are sorted. The vendor's order is then no change."""
    return repr(window)


def _overrides(detail: LayerDetail, at: int, findings: Findings) -> Elements[Override] | None:
    source = detail.schedule

    def make(override: wire.Override, path: str) -> Override | None:
        if override.user.id is None:
            raise invalid("missing_field", f"{path}.user", f"The override {override.id} names nobody.")
        period = read_period(
            override.start.instant,
            override.end.instant,
            findings,
            "schedule",
            source.id,
            code="override",
            words=f"The override {override.id}",
            path=f"{path}.end",
        )
        if period is None:
            return None
        by = participant(override.user, override.id, f"{path}.user", source, findings)
        return Override(override.id, *period, by)

    if detail.overrides is None:
        return None
    made = findings.map_all(
        detail.overrides, "schedule", source.id, "overrides", make, ended=lambda override: override.end.instant <= at
    )
    note_assumed_order(made, _shown(source), findings, source.id, source.label)
    return made


def _shown(source: wire.Schedule) -> Shown:
    """Whose override runs when, where the answer shows it."""
    entries = source.overrides_subschedule or ()
    return [(e.start.instant, e.end.instant, who) for e in entries if (who := named(e.user)) is not None]

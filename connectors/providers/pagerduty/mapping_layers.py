"""Maps layer schedules (REST API v2) to records. Pure: the current time is an argument."""

from collections.abc import Sequence

from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.vendor import invalid, unknown_value
from connectors.reading.findings import Findings
from connectors.reading.overrides import ranked
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import Always, ByTime, Daily, Layer, Override, Weekly, Window, person
from oncall.rendering.validation import MAX_TURN_SECONDS
from oncall.rendering.zones import DAY, WEEK, offset_at, reading


def is_rendered_in(schedule: wire.Schedule, zone: str, at: int) -> bool:
    """Returns whether an answer was rendered in ``zone``, an IANA name. at: instant of the read.

    Restrictions are times of day without an offset, in the zone of the answer (vendor docs: Schedules, ``time_zone``).
    A layer with restrictions is therefore correct only if its instants have that zone's offset. A layer without
    restrictions is correct in every zone.
    """
    return all(
        layer.rotation_virtual_start.offset == offset_at(zone, layer.rotation_virtual_start.instant)
        for layer in schedule.schedule_layers
        if layer.restrictions and not _is_over(layer, at)
    )


def schedule(
    source: wire.Schedule,
    overrides: Sequence[wire.Override] | None,
    fetched_range: tuple[int, int],
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """Returns the record of a schedule. Raises UnexpectedResponse for a value that makes the schedule unusable.

    overrides: None means not reported. fetched_range: the instants between which overrides were requested. at: instant
    of the read; layers that ended before it are left out.

    Where layers overlap, the first layer of the answer wins. PagerDuty's support site numbers them the other way round:
    the layer that is shown last takes precedence, and the API sends it first.
    """
    zone = findings.zone("schedule", source.id, convert(source.time_zone), "time_zone")
    layers = []
    for index, layer in enumerate(source.schedule_layers):
        path = f"schedule_layers[{index}]"
        if _is_over(layer, at):
            message = f"The layer {_label(layer)} has ended and was left out."
            findings.note("schedule", source.id, "ended_layer", message, path)
            continue
        if not layer.users:
            message = f"The layer {_label(layer)} has no participants."
            findings.note("schedule", source.id, "empty_layer", message, f"{path}.users")
        if layer.restrictions is None:
            message = (
                f"PagerDuty did not report the restrictions of the layer {_label(layer)}, so it applies at all times."
            )
            findings.note("schedule", source.id, "restrictions_not_told", message, f"{path}.restrictions", loss=True)
        layers.append(_layer(layer, zone, path))
    if not layers:
        findings.note("schedule", source.id, "no_layers", f"{source.label} has no layer that is still in force.")
    exceptions = None if overrides is None else findings.mapped("schedule", source.id, lambda: _overrides(overrides))
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="stacked",
        layers=tuple(layers),
        description=source.description or "",
        group_ids=tuple(sorted({team.id for team in source.teams})),
        extra_shifts=(),
        overrides=exceptions,
        fetched_range=None if exceptions is None else fetched_range,
        lists_overlapping=True,
        flavour="layers",
        because=because,
    )


def _is_over(layer: wire.Layer, at: int) -> bool:
    """``start`` is the time of the last save. If a layer was ended by that save, its ``end`` is equal to ``start``."""
    return layer.end is not None and layer.end.instant <= max(at, layer.start.instant)


def _label(layer: wire.Layer) -> str:
    return f"{layer.name} ({layer.id})" if layer.name else layer.id


def _layer(layer: wire.Layer, zone: ZoneReading, path: str) -> Layer:
    if not 0 < layer.rotation_turn_length_seconds <= MAX_TURN_SECONDS:
        message = f"A turn of the layer {_label(layer)} lasts {layer.rotation_turn_length_seconds} seconds."
        raise invalid("invalid_turn", f"{path}.rotation_turn_length_seconds", message)
    anchor = layer.rotation_virtual_start
    # Turns keep the time of day of the schedule's zone. If the zone is unknown, the local time is used as it was sent.
    first_turn = anchor.reading if zone.zone is None else reading(zone.zone, anchor.instant)
    windows: set[Window] = {_window(r, f"{path}.restrictions[{i}]") for i, r in enumerate(layer.restrictions or ())}
    return Layer(
        key=layer.id,
        name=layer.name or "",
        windows=tuple(sorted(windows, key=_window_order)) or (Always(),),
        turns=ByTime(anchor=first_turn, length=layer.rotation_turn_length_seconds),
        participants=tuple(person(slot.user.id) for slot in layer.users),
        starts_at=layer.start.instant,
        ends_at=None if layer.end is None else layer.end.instant,
    )


def _window(restriction: wire.Restriction, path: str) -> Daily | Weekly:
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


def _overrides(overrides: Sequence[wire.Override]) -> tuple[Override, ...]:
    return ranked(_override(override, index) for index, override in enumerate(overrides))


def _override(override: wire.Override, index: int) -> Override:
    if override.end.instant <= override.start.instant:
        raise invalid("invalid_period", f"overrides[{index}].end", f"The override {override.id} ends before it starts.")
    return Override(override.id, override.start.instant, override.end.instant, person(override.user.id))

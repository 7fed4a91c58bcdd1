"""Layer schedules (REST API v2): what PagerDuty sent -> records. Pure; the clock comes in as an argument."""

from collections.abc import Sequence

from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.vendor import invalid, unknown_value
from connectors.reading.findings import Findings
from connectors.reading.overrides import ranked
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import Always, ByTime, Daily, Layer, Override, Weekly, Window, person
from oncall.rendering.validation import MAX_TURN_SECONDS
from oncall.rendering.zones import DAY, offset_at, reading

WEEK = 7 * DAY


def is_read_in(schedule: wire.Schedule, zone: str, at: int) -> bool:
    """Whether an answer was rendered in the zone asked for.

    Restrictions are bare times of day in the zone of the answer (vendor docs: Schedules, ``time_zone``), so a layer
    with restrictions is right only when its instants carry that zone's offset. Layers without any read well anywhere.
    """
    return all(
        layer.rotation_virtual_start.offset == offset_at(zone, layer.rotation_virtual_start.instant)
        for layer in schedule.schedule_layers
        if layer.restrictions and not _is_over(layer, at)
    )


def schedule(
    source: wire.Schedule,
    overrides: Sequence[wire.Override] | None,
    asked: tuple[int, int],
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """``overrides``: those met in the instants ``asked``, None = not told. ``at``: instant of the read; layers that
    ended by then are history. Raises UnexpectedResponse for a value that makes the schedule unusable.

    The first layer sent wins where layers meet (PagerDuty's support site numbers them the other way round: the layer
    shown last takes precedence, and the API sends it first).
    """
    zone = findings.zone("schedule", source.id, convert(source.time_zone), "time_zone")
    layers = []
    for index, layer in enumerate(source.schedule_layers):
        path = f"schedule_layers[{index}]"
        if _is_over(layer, at):
            message = f"The layer {_shown(layer)} has ended and was left out."
            findings.note("schedule", source.id, "ended_layer", message, path)
            continue
        if not layer.users:
            message = f"The layer {_shown(layer)} has nobody in it."
            findings.note("schedule", source.id, "empty_layer", message, f"{path}.users")
        if layer.restrictions is None:
            message = f"The answer does not tell restrictions of the layer {_shown(layer)}; it counts at all times."
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
        fetched_range=None if exceptions is None else asked,
        flavour="layers",
        because=because,
    )


def _is_over(layer: wire.Layer, at: int) -> bool:
    """``start`` is the time of the last save; a layer that was ended at once has an ``end`` equal to it."""
    return layer.end is not None and layer.end.instant <= max(at, layer.start.instant)


def _shown(layer: wire.Layer) -> str:
    return f"{layer.name} ({layer.id})" if layer.name else layer.id


def _layer(layer: wire.Layer, zone: ZoneReading, path: str) -> Layer:
    if not 0 < layer.rotation_turn_length_seconds <= MAX_TURN_SECONDS:
        message = f"A turn of the layer {_shown(layer)} lasts {layer.rotation_turn_length_seconds} seconds."
        raise invalid("invalid_turn", f"{path}.rotation_turn_length_seconds", message)
    anchor = layer.rotation_virtual_start
    # Turns keep the time of day of the schedule's zone; while that is unknown, the reading as sent is what there is.
    shown = anchor.reading if zone.zone is None else reading(zone.zone, anchor.instant)
    windows: set[Window] = {_window(r, f"{path}.restrictions[{i}]") for i, r in enumerate(layer.restrictions or ())}
    return Layer(
        key=layer.id,
        name=layer.name or "",
        windows=tuple(sorted(windows, key=_window_order)) or (Always(),),
        turns=ByTime(anchor=shown, length=layer.rotation_turn_length_seconds),
        participants=tuple(person(slot.user.id) for slot in layer.users),
        starts_at=layer.start.instant,
        ends_at=None if layer.end is None else layer.end.instant,
    )


def _window(restriction: wire.Restriction, path: str) -> Daily | Weekly:
    weekly = restriction.type == "weekly_restriction"
    if not 0 < restriction.duration_seconds <= (WEEK if weekly else DAY):
        raise invalid("invalid_window", f"{path}.duration_seconds", f"It lasts {restriction.duration_seconds} seconds.")
    if not weekly:
        return Daily(restriction.start_time_of_day, restriction.duration_seconds)
    weekday = restriction.start_day_of_week
    if weekday is None or not 1 <= weekday <= 7:
        raise unknown_value(f"{path}.start_day_of_week", f"The day {weekday!r} is none of 1 (Monday) to 7 (Sunday).")
    return Weekly(weekday, restriction.start_time_of_day, restriction.duration_seconds)


def _window_order(window: Window) -> str:
    """Windows are a union: one order, whatever the vendor's was."""
    return repr(window)


def _overrides(overrides: Sequence[wire.Override]) -> tuple[Override, ...]:
    return ranked(_override(override, index) for index, override in enumerate(overrides))


def _override(override: wire.Override, index: int) -> Override:
    if override.end.instant <= override.start.instant:
        raise invalid("invalid_period", f"overrides[{index}].end", f"The override {override.id} ends before it starts.")
    return Override(override.id, override.start.instant, override.end.instant, person(override.user.id))

"""Which schedules can be rendered: every refusal names the place, and costs no more than reading the schedule once."""

from collections.abc import Iterator

from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    InvalidSpec,
    Layer,
    NotRendered,
    Recurring,
    ScheduleSpec,
    Turns,
    Weekly,
    Window,
)
from oncall.rendering.windows import WEEK
from oncall.rendering.zones import DAY, EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST, check_zone

MAX_LAYERS = MAX_PARTICIPANTS = 10_000
MAX_TURN_MONTHS = 1_200
MAX_TURN_SECONDS = 36_525 * DAY  # a hundred years, either way


def validate(spec: ScheduleSpec, *, for_rendering: bool = False) -> None:
    """Raises InvalidSpec with the path of the first thing that makes no sense.

    for_rendering: also raises NotRendered for what is valid but belongs to a later release.
    """
    if len(spec.layers) > MAX_LAYERS:
        raise InvalidSpec("layers", f"{len(spec.layers)} layers; the most is {MAX_LAYERS}")
    _check_zone("zone", spec.zone)
    for index, layer in enumerate(spec.layers):
        _check_layer(f"layers[{index}]", layer)
    for index, shift in enumerate(spec.extra_shifts):
        check_range(f"extra_shifts[{index}]", shift.starts_at, shift.ends_at)
    for index, override in enumerate(spec.overrides):
        check_range(f"overrides[{index}]", override.starts_at, override.ends_at)
    if for_rendering:
        refuse_unrendered(spec)


def refuse_unrendered(spec: ScheduleSpec) -> None:
    """Raises NotRendered for what this release stores, compares and shows, but cannot render."""
    if spec.composition != "stacked":
        raise NotRendered("composition", "a schedule whose layers all count")
    for index, layer in enumerate(spec.layers):
        if type(layer.turns) is ByOccurrence:
            raise NotRendered(f"layers[{index}].turns", "turns by occurrence")
        if layer.clip != "cut":
            raise NotRendered(f"layers[{index}].clip", "a clip that drops whole occurrences")
        if layer.window_edge != "membership":
            raise NotRendered(f"layers[{index}].window_edge", "a window that opens by the instant of its boundary")
        for window in layer.windows:
            if type(window) is Recurring:
                raise NotRendered(f"layers[{index}].windows", "a recurring window")


def check_range(path: str, starts_at: int | None, ends_at: int | None) -> None:
    """Raises InvalidSpec when an end lies before its start or an instant outside the known years; None is open."""
    for name, instant in (("starts_at", starts_at), ("ends_at", ends_at)):
        if instant is not None and not EARLIEST <= instant <= LATEST:
            raise InvalidSpec(f"{path}.{name}", f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        raise InvalidSpec(f"{path}.ends_at", "lies before starts_at")


def _check_zone(path: str, zone: str) -> None:
    try:
        check_zone(zone)
    except InvalidSpec as unknown:
        raise InvalidSpec(path, unknown.message) from None


def _check_layer(path: str, layer: Layer) -> None:
    if layer.zone is not None:
        _check_zone(f"{path}.zone", layer.zone)
    check_range(path, layer.starts_at, layer.ends_at)
    if len(layer.participants) > MAX_PARTICIPANTS:
        raise InvalidSpec(f"{path}.participants", f"{len(layer.participants)}; the most is {MAX_PARTICIPANTS}")
    if not layer.windows:
        raise InvalidSpec(f"{path}.windows", "are missing; a layer that is always open says Always")
    for index, window in enumerate(layer.windows):
        for field, message in _window_faults(window):
            raise InvalidSpec(f"{path}.windows[{index}].{field}", message)
    for field, message in _turn_faults(layer.turns):
        raise InvalidSpec(f"{path}.turns.{field}", message)
    if isinstance(layer.turns, ByOccurrence) and len(layer.windows) != 1:
        raise InvalidSpec(f"{path}.windows", "turns by occurrence need exactly one window")


def _window_faults(window: Window) -> Iterator[tuple[str, str]]:
    match window:
        case Always():
            return
        case Recurring():
            if window.duration <= 0:
                yield "duration", "must be positive"
            if window.rule.interval <= 0:
                yield "rule.interval", "must be positive"
            return
        case Daily():
            longest, limit = DAY, "a day"
        case Weekly():  # pragma: no branch - mypy proves these are all
            longest, limit = WEEK + DAY - 1, "less than eight days"
            if not 1 <= window.weekday <= 7:
                yield "weekday", f"{window.weekday} is none of 1 (Monday) to 7 (Sunday)"
    if not 0 <= window.start < DAY:
        yield "start", f"{window.start} is no second of a day"
    if not 0 < window.duration <= longest:
        yield "duration", f"{window.duration} seconds; a window lasts more than nothing and at most {limit}"


def _turn_faults(turns: Turns) -> Iterator[tuple[str, str]]:
    match turns:
        case ByTime():
            if turns.length <= 0:
                yield "length", f"{turns.length}; a turn lasts more than nothing"
            if turns.length > (MAX_TURN_SECONDS if turns.unit == "seconds" else MAX_TURN_MONTHS):
                yield "length", "a turn lasts at most a hundred years"
            if turns.unit == "months" and turns.clock == "elapsed":
                yield "clock", "months are counted on the wall clock"
            if not EARLIEST <= turns.anchor <= LATEST:
                yield "anchor", f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        case ByOccurrence():
            if turns.shifts_per_participant <= 0:
                yield "shifts_per_participant", "must be positive"

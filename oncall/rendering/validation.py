"""Checks whether a schedule can be rendered. Each error has the path of the field; a check reads the schedule once."""

from collections.abc import Iterator

from oncall.rendering.intervals import TOO_MANY_PLACES
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import (
    EARLIEST,
    FIRST_YEAR,
    LAST_YEAR,
    LATEST,
    MAX_DATES,
    MAX_LAYERS,
    MAX_OCCURRENCE,
    MAX_PARTICIPANTS,
    MAX_PIECES,
    MAX_PLACES,
    MAX_TURN_MONTHS,
    MAX_TURN_SECONDS,
    OUTSIDE,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    InvalidSpec,
    Layer,
    Recurring,
    Rule,
    ScheduleSpec,
    Turns,
    Weekly,
    Window,
)
from oncall.rendering.zones import DAY, WEEK, check_zone


def validate(spec: ScheduleSpec) -> None:
    """Raises InvalidSpec with the path of the first invalid field."""
    if len(spec.layers) > MAX_LAYERS:
        raise InvalidSpec("layers", f"has {len(spec.layers)} layers; the most is {MAX_LAYERS}")
    _check_zone("zone", spec.zone)
    for index, layer in enumerate(spec.layers):
        _check_layer(f"layers[{index}]", layer)
    for index, shift in enumerate(spec.extra_shifts):
        check_range(f"extra_shifts[{index}]", shift.starts_at, shift.ends_at)
    for index, override in enumerate(spec.overrides):
        check_range(f"overrides[{index}]", override.starts_at, override.ends_at)


def check_amount(spec: ScheduleSpec, since: int, until: int) -> None:
    """Raises InvalidSpec if ``[since, until)`` is not a valid range or has more handoffs than :data:`MAX_PIECES`."""
    if not EARLIEST <= since <= until <= LATEST:
        raise InvalidSpec("since", f"{since} to {until} is not a range in the years {FIRST_YEAR} to {LAST_YEAR}")
    pieces = 0
    for index, layer in enumerate(spec.layers):
        start = since if layer.starts_at is None else max(since, layer.starts_at)
        end = until if layer.ends_at is None else min(until, layer.ends_at)
        if start >= end or not layer.participants:
            continue
        turns, order = layer.turns, layer.participants
        if type(turns) is ByTime and turns.unit == "seconds" and order.count(order[0]) < len(order):
            pieces += (end - start) // turns.length
        openings = len(layer.windows) * ((end - start) // DAY + 1)
        pieces += openings
        if type(turns) is Everyone and openings * len(order) > MAX_PLACES:
            raise InvalidSpec(f"layers[{index}]", TOO_MANY_PLACES)
        if pieces > MAX_PIECES:
            where = f"layers[{index}]"
            raise InvalidSpec(where, f"more than {MAX_PIECES} handoffs in this range; request a shorter range")


def check_range(path: str, starts_at: int | None, ends_at: int | None) -> None:
    """Raises InvalidSpec if the end is before the start or an instant is outside the supported years.

    starts_at, ends_at: instants, None = no limit.
    """
    for field, instant in (("starts_at", starts_at), ("ends_at", ends_at)):
        if instant is not None and not EARLIEST <= instant <= LATEST:
            raise InvalidSpec(f"{path}.{field}", f"is {OUTSIDE}")
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        raise InvalidSpec(f"{path}.ends_at", "is before starts_at")


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
        raise InvalidSpec(
            f"{path}.participants", f"has {len(layer.participants)} participants; the most is {MAX_PARTICIPANTS}"
        )
    if not layer.windows:
        raise InvalidSpec(f"{path}.windows", "is empty; a layer that is always open needs the window Always")
    for index, window in enumerate(layer.windows):
        for field, message in window_faults(window):
            raise InvalidSpec(f"{path}.windows[{index}].{field}", message)
    for field, message in _turn_faults(layer.turns):
        raise InvalidSpec(f"{path}.turns.{field}", message)
    if type(layer.turns) is ByOccurrence and [type(window) for window in layer.windows] != [Recurring]:
        raise InvalidSpec(f"{path}.windows", "must be one recurring window, because the layer has turns by occurrence")
    if layer.window_edge == "membership" and any(
        type(window) is Recurring and (window.late or window.first_at is not None) for window in layer.windows
    ):
        raise InvalidSpec(f"{path}.window_edge", "must be boundary, because an occurrence starts at an instant")
    if layer.clip == "drop" and any(type(window) is Always for window in layer.windows):
        raise InvalidSpec(f"{path}.clip", "cannot be drop, because a window that is always open has no occurrences")


def window_faults(window: Window) -> Iterator[tuple[str, str]]:
    """Yields (field, error message) for each invalid field. The caller reports the first one."""
    match window:
        case Always():
            return
        case Recurring():
            yield from _recurrence_faults(window)
            return
        case Daily():
            longest, limit = DAY, "a day"
        case Weekly():  # pragma: no branch - mypy proves these are all
            longest, limit = WEEK + DAY - 1, "one second less than eight days"
            if not 1 <= window.weekday <= 7:
                yield "weekday", f"is {window.weekday}; it must be 1 (Monday) to 7 (Sunday)"
    if not 0 <= window.start < DAY:
        yield "start", f"is {window.start}; it must be a second of a day, 0 to {DAY - 1}"
    if not 0 < window.duration <= longest:
        yield "duration", f"is {window.duration} seconds; it must be more than 0 and at most {limit}"


def _recurrence_faults(window: Recurring) -> Iterator[tuple[str, str]]:
    if not 0 < window.duration <= MAX_OCCURRENCE:
        yield "duration", f"is {window.duration} seconds; it must be more than 0 and at most a year"
    for name, times in (
        ("first", (window.first,)),
        ("excluded", window.excluded),
        ("added", window.added),
        ("first_at", () if window.first_at is None else (window.first_at,)),
        ("late", window.late),
    ):
        if len(times) > MAX_DATES:
            yield name, f"has {len(times)} dates; the most is {MAX_DATES}"
        if any(not EARLIEST <= time < LATEST for time in times):
            yield name, f"has a date {OUTSIDE}"
    if window.first_at is not None and not abs(window.first_at - window.first) < DAY:  # as every UTC offset
        yield "first_at", "must be less than a day from first, because no clock shows first at this instant"
    if list(window.late) != sorted(set(window.late)):
        yield "late", "must be in order, each instant once"
    for name, message in _rule_faults(window.rule):
        yield f"rule.{name}", message
    if not window.late and pattern(window).is_empty:
        yield "rule", "never occurs"


def _rule_faults(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.interval <= 0:
        yield "interval", "must be positive"
    if rule.count is not None and rule.count <= 0:
        yield "count", "must be positive"
    if not 1 <= rule.week_start <= 7 or any(not 1 <= weekday <= 7 for _, weekday in rule.by_day):
        yield "by_day", "has a weekday that is not 1 (Monday) to 7 (Sunday)"
    most = {"MONTHLY": 5, "YEARLY": 53 if not rule.by_month else 5}.get(rule.frequency, 0)
    if any(abs(ordinal) > most for ordinal, _ in rule.by_day):
        yield "by_day", f"has an ordinal that is too large for a {rule.frequency.lower()} rule"
    if rule.by_month_day and rule.frequency == "WEEKLY":
        yield "by_month_day", "must be empty, because the rule is weekly"
    if any(day != -1 and not 1 <= day <= 31 for day in rule.by_month_day):
        yield "by_month_day", "has a day of the month that is neither 1 to 31 nor -1"
    if any(not 1 <= month <= 12 for month in rule.by_month):
        yield "by_month", "has a month that is not 1 to 12"


def _turn_faults(turns: Turns) -> Iterator[tuple[str, str]]:
    match turns:
        case ByTime():
            if turns.length <= 0:
                yield "length", f"is {turns.length}; it must be more than 0"
            if turns.length > (MAX_TURN_SECONDS if turns.unit == "seconds" else MAX_TURN_MONTHS):
                yield "length", "must be at most a hundred years"
            if turns.unit == "months" and turns.clock == "elapsed":
                yield "clock", "must be wall, because the unit is months"
            if not EARLIEST <= turns.anchor <= LATEST:
                yield "anchor", f"is {OUTSIDE}"
        case ByOccurrence():
            if turns.shifts_per_participant <= 0:
                yield "shifts_per_participant", "must be positive"

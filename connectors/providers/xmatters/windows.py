"""Maps the first occurrence and the recurrence of a shift to a window in local time. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.vendor import invalid, unknown_value
from connectors.reading.findings import Elements, Findings
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import EARLIEST, LATEST, MAX_OCCURRENCE, Always, Frequency, Recurring, Rule
from oncall.rendering.validation import window_faults
from oncall.rendering.zones import DAY, at, furthest_reading, reading

_WEEKDAYS: Final = {"MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6, "SU": 7}
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_ORDINALS: Final = {"FIRST": 1, "SECOND": 2, "THIRD": 3, "FOURTH": 4, "LAST": -1}
#: A week starts on Sunday, because every list of the reference starts with SU (unverified).
_SUNDAY: Final = 7
_ALL_DAYS: Final = tuple(_WEEKDAYS)


def on_holidays_only(shift: wire.Shift) -> bool:
    """Returns whether the shift runs on the holidays of a site, which no endpoint reports."""
    return shift.recurrence is not None and shift.recurrence.frequency == "HOLIDAY"


def window(shift: wire.Shift, zone: str, findings: Findings) -> Always | Recurring:
    """Returns the window of a shift. Raises UnexpectedResponse for impossible times and a recurrence that never occurs.

    The window of a shift with :func:`limits` is always open.

    Start and end are those of the first occurrence. From its local date on, the recurrence repeats its local time of
    day and its length in local time (recorded: 17:00 before and after a clock change). A shift that is always on has no
    times (vendor reference, "Shift object").
    """
    recurrence = shift.recurrence
    if shift.start is None and shift.end is None and recurrence is None:
        return Always()
    for name, value in (("start", shift.start), ("end", shift.end), ("recurrence", recurrence)):
        if value is None:
            raise invalid("missing_field", name, f"The times of {shift.label} have no {name}.")
    assert shift.start is not None and shift.end is not None and recurrence is not None  # noqa: S101
    if not EARLIEST <= shift.start.instant < LATEST:
        raise invalid("invalid_value", "start", f"{shift.label} starts before 1900 or after 2200.")
    if limits(shift) != (None, None):
        return Always()
    first, last = reading(zone, shift.start.instant), reading(zone, min(shift.end.instant, LATEST))
    made = Recurring(
        _rule(shift, recurrence, zone, first, findings),
        first,
        # A shift that ends in the second pass of a repeated hour may have no length in local time.
        last - first if last > first else min(shift.end.instant, LATEST) - shift.start.instant,
        first_at=None if at(zone, first) == shift.start.instant else shift.start.instant,
    )
    for field, message in window_faults(made):
        raise invalid("invalid_recurrence", "recurrence", f"{shift.label} cannot recur: {field} {message}.")
    return made


def limits(shift: wire.Shift) -> tuple[int | None, int | None]:
    """Returns the instants [since, until) of a shift that happens once and lasts longer than a year, with None for an
    end after 2200. Any other shift has no limits, because its window has them."""
    once = shift.recurrence is not None and shift.recurrence.frequency == "ONCE"
    if not once or shift.start is None or shift.end is None:
        return None, None
    if shift.end.instant - shift.start.instant <= MAX_OCCURRENCE - DAY:
        return None, None
    return shift.start.instant, None if shift.end.instant > LATEST else shift.end.instant


def without(
    made: Always | Recurring, shift: wire.Shift, exclusions: Sequence[wire.Exclusion], zone: str, findings: Findings
) -> Always | Recurring:
    """Returns the window without the deleted occurrences. A note names an exclusion that matches no occurrence."""
    excluded: set[int] = set()
    places = exclusions.places if isinstance(exclusions, Elements) else range(len(exclusions))
    for place, exclusion in zip(places, exclusions, strict=True):
        instant = min(max(exclusion.start_date.instant, EARLIEST), LATEST)
        near = reading(zone, instant)
        starts = () if isinstance(made, Always) else pattern(made).starts(near - DAY, near + DAY + 1)
        # In a repeated hour, an occurrence has one reading but may be named by the instant of either pass.
        found = [
            start
            for start in starts
            if instant == exclusion.start_date.instant and (start == near or at(zone, start) == instant)
        ]
        excluded.update(found)
        if not found:
            message = f"A deleted occurrence of {shift.label} matches no occurrence of its recurrence."
            findings.note("schedule", shift.id, "exclusion_without_occurrence", message, f"exclusions[{place}]")
    if isinstance(made, Always) or not excluded:
        return made
    return replace(made, excluded=tuple(sorted(excluded)))


def _rule(shift: wire.Shift, recurrence: wire.Recurrence, zone: str, first: int, findings: Findings) -> Rule:
    frequency = recurrence.frequency
    if frequency == "ONCE":
        return Rule("DAILY", count=1)
    interval = 1 if recurrence.repeat_every is None else recurrence.repeat_every
    count, until = _end(shift, recurrence.end, zone)
    months = tuple(sorted({_MONTHS[month] for month in recurrence.months or ()}))
    if frequency in ("EVERY_WEEKDAY", "EVERY_WEEKEND_DAY"):
        days = _ALL_DAYS[:5] if frequency == "EVERY_WEEKDAY" else _ALL_DAYS[5:]
        if interval != 1:
            message = f"{shift.label} repeats every {interval} {frequency.lower()}. The interval is ignored."
            findings.note("schedule", shift.id, "interval_ignored", message, "recurrence.repeatEvery")
        return Rule("WEEKLY", 1, _each(days), (), months, _SUNDAY, count, until)
    if frequency == "DAILY":
        if recurrence.on_days and set(recurrence.on_days) != set(_ALL_DAYS):
            message = (
                f"{shift.label} recurs daily, but contains days of the week. It is imported as every day. Compare it."
            )
            findings.note("schedule", shift.id, "days_ignored", message, "recurrence.onDays")
        return Rule("DAILY", interval, (), (), months, _SUNDAY, count, until)
    if frequency == "WEEKLY":
        if not recurrence.on_days:
            message = f"{shift.label} recurs weekly on no day. xMatters was seen to send this for every day."
            findings.note("schedule", shift.id, "no_days", message, "recurrence.onDays")
        return Rule("WEEKLY", interval, _each(recurrence.on_days or _ALL_DAYS), (), months, _SUNDAY, count, until)
    by_day, by_month_day = _days_of_month(shift, recurrence)
    if frequency == "YEARLY" and not months and (by_day or by_month_day):
        months = (_month_of(first),)
    name: Frequency = "YEARLY" if frequency == "YEARLY" else "MONTHLY"
    return Rule(name, interval, by_day, by_month_day, months, _SUNDAY, count, until)


def _days_of_month(
    shift: wire.Shift, recurrence: wire.Recurrence
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Returns days by weekday and days by number. Both are empty if the start's own day of the month is used."""
    on = recurrence.on
    if recurrence.frequency in ("DATE_OF_MONTH", "DAY_OF_WEEK"):
        on = "DATE_OF_MONTH" if recurrence.frequency == "DATE_OF_MONTH" else "DAY_OF_WEEK"
    if on == "DAY_OF_WEEK":
        if recurrence.day_of_week is None or recurrence.day_of_week_classifier is None:
            raise invalid("missing_field", "recurrence.dayOfWeek", f"{shift.label} recurs on an unknown weekday.")
        return ((_ORDINALS[recurrence.day_of_week_classifier], _WEEKDAYS[recurrence.day_of_week]),), ()
    if recurrence.date_of_month is None:
        if on is not None:
            raise invalid("missing_field", "recurrence.dateOfMonth", f"{shift.label} recurs on an unknown day.")
        return (), ()
    if recurrence.date_of_month == "LAST":
        return (), (-1,)
    if recurrence.date_of_month.isascii() and recurrence.date_of_month.isdigit() and len(recurrence.date_of_month) <= 2:
        return (), (int(recurrence.date_of_month),)
    message = f"{shift.label} recurs on the day {recurrence.date_of_month[:40]!r} of the month."
    raise unknown_value("recurrence.dateOfMonth", message)


def _end(shift: wire.Shift, end: wire.RecurrenceEnd | None, zone: str) -> tuple[int | None, int | None]:
    """Returns count and until of a rule."""
    if end is None or end.end_by == "NEVER" or (end.end_by is None and end.date is None and not end.repetitions):
        return None, None
    if end.end_by == "REPETITIONS" and end.repetitions is not None:
        return end.repetitions, None
    if end.end_by == "DATE" and end.date is not None:
        return None, furthest_reading(zone, min(max(end.date.instant, EARLIEST), LATEST - DAY))
    raise invalid("missing_field", "recurrence.end", f"{shift.label} ends at an unknown time.")


def _each(days: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted({(0, _WEEKDAYS[day]) for day in days}))


def _month_of(shown: int) -> int:
    return datetime.fromtimestamp(shown, UTC).month

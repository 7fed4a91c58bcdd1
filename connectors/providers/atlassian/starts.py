"""Checks rotations that start in 1970: does the vendor's timeline agree with the start as sent or as repaired?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors.providers.atlassian import wire
from connectors.providers.atlassian.mapping_rotations import repaired_start, schedule
from connectors.reading.findings import Elements, Findings
from connectors.reading.wire import Moment
from connectors.records import SourceSchedule
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import InvalidSpec, Substitution
from oncall.rendering.zones import DAY

_AHEAD: Final = 14 * DAY
#: Fetches the vendor's own rendering. Arguments: schedule ids, since, until.
Rendered = Callable[[Sequence[str], int, int], Mapping[str, tuple[Span, ...]]]


def check_starts(
    rendered: Rendered,
    source: wire.Schedule,
    rotations: Elements[wire.Rotation],
    record: SourceSchedule,
    substitutions: Sequence[Substitution],
    at: int,
    findings: Findings,
) -> None:
    """Add a note that says which start the timeline of the next 14 days agrees with.

    record: made from ``source`` and its ``rotations``, with every start as sent. Needs one call, or none if both starts
    give the same shifts. A schedule that is known only in part is not checked.
    """
    repaired = with_repaired_starts(rotations)
    if repaired is None or record.unread:
        return
    discarded = Findings(findings.vendor)
    repaired_record = schedule(source, repaired, None, at, (), discarded)
    if repaired_record.unread:
        return  # the repaired start is impossible: it is after the end
    as_sent = _fortnight(record, substitutions, at)
    as_repaired = _fortnight(replace(repaired_record, overrides=record.overrides), substitutions, at)
    if as_sent is None or as_sent == as_repaired:
        return
    theirs = rendered([source.id], at, at + _AHEAD).get(source.id)
    message = f"For the starts in 1970, the timeline of the next 14 days {_verdict(theirs, as_sent, as_repaired)}."
    findings.note("schedule", source.id, "start_compared", message, "rotations")


def with_repaired_starts(rotations: Elements[wire.Rotation]) -> Elements[wire.Rotation] | None:
    """Return the rotations with each start in 1970 repaired, or None if there is no such start."""
    made = []
    for rotation in rotations:
        instant = repaired_start(rotation.start_date)
        changed = {} if instant is None else {"start_date": Moment(instant, 0)}
        made.append(rotation.model_copy(update=changed))
    return None if made == list(rotations) else Elements(made)


def _fortnight(source: SourceSchedule, substitutions: Sequence[Substitution], at: int) -> tuple[Span, ...] | None:
    """Render the next 14 days. None if the schedule cannot be rendered; the pages report that."""
    spec = source.spec()
    try:
        return None if spec is None else render_final(spec, substitutions, at, at + _AHEAD)
    except InvalidSpec:
        return None


def _verdict(theirs: tuple[Span, ...] | None, as_sent: tuple[Span, ...], as_repaired: tuple[Span, ...] | None) -> str:
    if theirs is None:
        return "could not be read, so it is unknown which start is right"
    if theirs == as_sent:
        return "agrees with the start as sent"
    return "agrees with the repaired start" if theirs == as_repaired else "agrees with neither start"

"""Compares our rendering of a schedule with that of the source, second by second. Pure; ``checks`` stores results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from connectors.records import Snapshot, SourceSchedule
from oncall.rendering.coverage import filled
from oncall.rendering.differences import Comparison, compare
from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import Range, Who
from oncall.rendering.spec import NO_ZONE, InvalidSpec, Participant, ScheduleSpec, Substitution, person
from oncall.rendering.zones import DAY, transitions
from syncjobs.parity.causes import Cause, Causes
from syncjobs.words.values import counts_in_words

#: How many seconds before and after a clock change are compared.
_AROUND = 3 * DAY
#: How many seconds ahead clock changes are searched. A year contains the next change in each direction.
_AHEAD = 366 * DAY

ScheduleInput = tuple[ScheduleSpec, tuple[Substitution, ...]]

NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
NOT_REPORTED = "the source did not report its own rendering"


@dataclass(frozen=True, slots=True)
class ExplainedDifference:
    """Different people are on call at the source and here in ``[start, end)``, because of ``cause``."""

    start: int
    end: int
    source: Who
    ours: Who
    cause: Cause


@dataclass(frozen=True, slots=True)
class Measurement:
    """The comparison of one schedule in ``[since, until)``; None if it was not compared, then ``note`` says why.

    Otherwise ``note`` says which elements were missing from the comparison because they could not be read.

    source: the spans of the source in the range. unresolved: people of both sides without a row here.
    """

    since: int
    until: int
    source: tuple[Span, ...]
    comparison: Comparison | None = None
    differences: tuple[ExplainedDifference, ...] = ()
    unresolved: tuple[Participant, ...] = ()
    note: str = ""

    @property
    def differs(self) -> bool:
        """Return whether differences were found."""
        return bool(self.differences)


def measure(
    schedule: ScheduleInput | None,
    source: Sequence[Span] | None,
    since: int,
    until: int,
    *,
    is_known: Callable[[Participant], bool],
    incomplete: bool,
    unread: Mapping[str, int] = NOTHING,
    reason: str = NOT_REPORTED,
    missing: str = NO_ZONE,
) -> Measurement:
    """Compare one schedule in ``[since, until)`` with the spans of the source.

    schedule: None if it cannot be compared, for the reason ``missing``. source: spans with the participants of the
    schedule; None if they were not reported, for the given reason. is_known: returns whether a participant has a row
    here. incomplete: whether the source did not report the whole schedule. unread: number of elements that could not be
    read, by collection.
    """
    if source is None:
        return Measurement(since, until, (), note=missing if schedule is None else reason)
    theirs = tuple(Span(start, end, who) for start, end, who in filled(source, since, until) if who)
    if schedule is None:
        return Measurement(since, until, theirs, note=missing)
    try:
        ours = render_final(*schedule, since, until)
    except InvalidSpec as error:
        return Measurement(since, until, theirs, note=str(error))
    comparison = compare(theirs, ours, since, until)
    people = {p for span in (*theirs, *ours) for p in span.participants if p.kind == "person"}
    unresolved = tuple(sorted(p for p in people if not is_known(p)))
    causes = Causes(
        *schedule,
        theirs,
        since,
        until,
        unresolved=frozenset(unresolved),
        unread=bool(unread),
        incomplete=incomplete,
    )
    return Measurement(
        since,
        until,
        theirs,
        comparison,
        tuple(
            ExplainedDifference(d.start, d.end, d.before, d.after, causes.first_of(d)) for d in comparison.differences
        ),
        unresolved,
        f"compared without {counts_in_words(unread)} that could not be read" if unread else "",
    )


def unread_elements(
    schedule: ScheduleInput | None, own: Mapping[str, int], absences: Mapping[Participant, int]
) -> Mapping[str, int]:
    """Return the unread elements on which a schedule rests, by collection: its own, and substitutions of its people.

    absences: number of unread substitutions, by person.
    """
    holders: set[Participant] = set()
    if schedule is not None and absences:
        spec = schedule[0]
        holders = {who for layer in spec.layers for who in layer.participants}
        holders |= {each.by for each in spec.overrides} | {each.by for each in spec.extra_shifts}
    substitutions = sum(number for who, number in absences.items() if who in holders)
    return {**own, "substitutions": substitutions} if substitutions else own


def measure_read(
    snapshot: Snapshot, since: int | None, until: int | None, *, dated: bool
) -> list[tuple[SourceSchedule, Measurement]]:
    """Compare the schedules of a read with the rendering in the same read, without any row. They are sorted by id.

    since, until: None for the start or end of the source's rendering. dated: whether the instant of the read is known.
    Then nothing before it is compared, because the source renders the past with former settings.
    """
    substitutions = tuple(each for user in snapshot.users for each in user.substitutions or ())
    people = {user.external_id for user in snapshot.users}
    absences = {person(u.external_id): u.unread["substitutions"] for u in snapshot.users if "substitutions" in u.unread}
    incomplete = {n.external_id for n in snapshot.notes if n.entity_type == "schedule" and n.loss}
    measured = []
    for schedule in sorted(snapshot.schedules, key=lambda each: each.external_id):
        theirs = snapshot.rendered.get(schedule.external_id)
        first, last = (
            (theirs[0].start, theirs[-1].end) if theirs else snapshot.rendered_range or (snapshot.fetched_at,) * 2
        )
        begin = max([first, *([snapshot.fetched_at] if dated else []), *([] if since is None else [since])])
        end = max(begin, last if until is None else min(last, until))
        spec = schedule.spec()
        loaded = None if spec is None else (spec, substitutions)
        result = measure(
            loaded,
            theirs if begin < end else None,
            begin,
            end,
            is_known=lambda who: who.id in people,
            incomplete=schedule.external_id in incomplete,
            unread=unread_elements(loaded, schedule.unread, absences),
        )
        measured.append((schedule, result))
    return measured


def transition_ranges(schedule: ScheduleInput, now: int) -> tuple[Range, ...]:
    """Return the days around the next two clock changes of each zone of a schedule.

    They start at ``now`` or later. Overlapping ranges are joined.
    """
    spec = schedule[0]
    ranges: list[Range] = []
    zones = {spec.zone, *(layer.zone for layer in spec.layers if layer.zone is not None)}
    for change in sorted({at for zone in zones for at in transitions(zone, now, now + _AHEAD)[:2]}):
        since, until = max(change - _AROUND, now), change + _AROUND
        if ranges and since <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], until)
        else:
            ranges.append((since, until))
    return tuple(ranges)


def percent(equal: int, total: int) -> str:
    """Return the share in percent. It is rounded down, so 100.00 % means that every second is equal."""
    hundredths = equal * 10_000 // total if total else 10_000
    return f"{hundredths // 100}.{hundredths % 100:02} %"

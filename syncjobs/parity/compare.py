"""Parity: our rendering of a schedule against the source's own, second by second. Pure; storing is parity_checks.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.records import Snapshot, SourceSchedule
from oncall.rendering.coverage import filled
from oncall.rendering.differences import Comparison, compare
from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import Range, Who
from oncall.rendering.spec import NO_ZONE, InvalidSpec, Participant, ScheduleSpec, Substitution
from oncall.rendering.zones import DAY, transitions
from syncjobs.parity.causes import Cause, Causes

#: How far on both sides of a clock change its days are looked at.
_AROUND = 3 * DAY
#: Clock changes further away than this are not looked for: the next one of each half of the year lies within.
_AHEAD = 366 * DAY

Schedule = tuple[ScheduleSpec, tuple[Substitution, ...]]

NOT_TOLD = "the source did not tell its own rendering"


@dataclass(frozen=True, slots=True)
class Explained:
    """In the instants ``[start, end)`` the source and we have different people on call; cause: the first that fits."""

    start: int
    end: int
    source: Who
    ours: Who
    cause: Cause


@dataclass(frozen=True, slots=True)
class Measured:
    """One schedule over ``[since, until)``. comparison None: ``note`` says why nothing was compared.

    source: the source's spans, cut to the range. unresolved: persons of either side that no row is known for.
    """

    since: int
    until: int
    source: tuple[Span, ...]
    comparison: Comparison | None = None
    differences: tuple[Explained, ...] = ()
    unresolved: tuple[Participant, ...] = ()
    note: str = ""

    @property
    def differs(self) -> bool:
        return bool(self.differences)


def measure(
    schedule: Schedule | None,
    source: Sequence[Span] | None,
    since: int,
    until: int,
    *,
    is_known: Callable[[Participant], bool],
    untold: bool,
    because: str = NOT_TOLD,
) -> Measured:
    """schedule: what is here, None = its zone is not settled. source: the source's own spans, with the participants
    that the schedule uses, None = not told, ``because`` of something. untold: the source did not tell all that the
    schedule consists of."""
    if source is None:
        return Measured(since, until, (), note=NO_ZONE if schedule is None else because)
    told = tuple(Span(start, end, who) for start, end, who in filled(source, since, until) if who)
    if schedule is None:
        return Measured(since, until, told, note=NO_ZONE)
    try:
        ours = render_final(*schedule, since, until)
    except InvalidSpec as error:
        return Measured(since, until, told, note=str(error))
    comparison = compare(told, ours, since, until)
    people = {p for span in (*told, *ours) for p in span.participants if p.kind == "person"}
    unresolved = tuple(sorted(p for p in people if not is_known(p)))
    causes = Causes(*schedule, told, since, until, unresolved=frozenset(unresolved), untold=untold)
    return Measured(
        since,
        until,
        told,
        comparison,
        tuple(Explained(d.start, d.end, d.before, d.after, causes.first_of(d)) for d in comparison.differences),
        unresolved,
    )


def measure_read(
    snapshot: Snapshot, since: int | None, until: int | None, *, dated: bool
) -> list[tuple[SourceSchedule, Measured]]:
    """What a read would import against the rendering that came with it, without any row; by id.

    Where ``since`` or ``until`` is None, the range ends where the source's rendering does: an answer that was not asked
    for here does not say how far it would have gone. dated: the read's clock is that of its answers; what they tell of
    the time before is not compared, because a source knows what a schedule used to be.
    """
    substitutions = tuple(each for user in snapshot.users for each in user.substitutions or ())
    people = {user.external_id for user in snapshot.users}
    untold = {n.external_id for n in snapshot.notes if n.entity_type == "schedule" and n.loss}
    measured = []
    for schedule in sorted(snapshot.schedules, key=lambda one: one.external_id):
        told = snapshot.rendered.get(schedule.external_id)
        first, last = (told[0].start, told[-1].end) if told else snapshot.rendered_range or (snapshot.fetched_at,) * 2
        begin = max([first, *([snapshot.fetched_at] if dated else []), *([] if since is None else [since])])
        end = max(begin, last if until is None else min(last, until))
        spec = schedule.spec()
        result = measure(
            None if spec is None else (spec, substitutions),
            told if begin < end else None,
            begin,
            end,
            is_known=lambda who: who.id in people,
            untold=schedule.external_id in untold,
        )
        measured.append((schedule, result))
    return measured


def transition_ranges(schedule: Schedule, now: int) -> tuple[Range, ...]:
    """The days around the next two clock changes of each zone of a schedule, from ``now`` on; overlapping ones made
    one."""
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
    """Rounded down: 100.00 % is said only when every second is equal."""
    hundredths = equal * 10_000 // total if total else 10_000
    return f"{hundredths // 100}.{hundredths % 100:02} %"

"""Maps the timelines of shifts and groups to escalation policies, and maps services. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.harvest import GroupShifts
from connectors.providers.xmatters.mapping_shifts import Seat, shift_name
from connectors.providers.xmatters.windows import on_holidays_only
from connectors.reading.findings import Elements, Findings
from connectors.records import SourcePolicy, SourceService
from oncall.escalation.policy import Level, Policy, Target


def shift_policy(
    shift: wire.Shift, group: wire.Group, seats: Elements[Seat], because: tuple[str, ...], findings: Findings
) -> SourcePolicy:
    """Returns the policy of a shift. seats: in order of their positions.

    The delay of a seat runs *before* the seat (vendor reference, "Shift member"), so each seat with a delay starts a
    level. Seats are paged through the shift's schedule, never directly, because that would page people outside of the
    shift. Who is on call is decided when the walk starts.

    An inactive member, or an absent one without a replacement, is ignored together with the delay after that member,
    while a delay before stays (help, "Escalate alerts within a shift"). The seat directly before a delay therefore is a
    level of its own: a level with nobody is skipped with its wait. The wait before a repetition belongs to the shift,
    not to a seat (repeatEscalation), and stays; this is an open question.
    """
    name = shift_name(shift, group)
    steps: list[list[Seat | None]] = []
    timeline = () if on_holidays_only(shift) else _timeline(seats)
    for seat, following in zip(timeline, (*timeline[1:], None), strict=False):
        is_known = seat is not None and not seat.delay and seat.delay is not None
        if not steps or not is_known or None in steps[-1] or (following is not None and following.delay != 0):
            steps.append([])
        steps[-1].append(seat)
    pause, count = _rounds(shift, findings)
    waits = [*(None if after[0] is None else after[0].delay for _, after in pairwise(steps)), pause]
    levels = tuple(
        Level(wait, "everyone", (_target(shift.id, name, step),)) for wait, step in zip(waits, steps, strict=False)
    )
    if not levels:
        message = f"{name} notifies nobody who is known."
        findings.note("escalation_policy", shift.id, "no_levels", message, "members")
    if shift.notify_end_of_escalation is not None and shift.notify_end_of_escalation.notify_enabled:
        message = f"{name} sends a notification when its timeline ends. A policy here has no such notification."
        findings.note("escalation_policy", shift.id, "tells_end", message, "notifyEndOfEscalation")
    return SourcePolicy(
        external_id=shift.id,
        name=name,
        policy=Policy(
            initial_wait=(timeline[0].delay or 0) if timeline and timeline[0] is not None else 0,
            levels=levels,
            repeat_count=count if levels else 0,
            after_last="nothing",
            unstaffed_level="skip_within_round",
            resolved="start",
        ),
        description=shift.description or "",
        group_id=group.id,
        part_of_id=group.id,
        enabled=group.status != "INACTIVE",
        because=because,
    )


def group_policy(group: wire.Group, shifts: GroupShifts, because: tuple[str, ...], findings: Findings) -> SourcePolicy:
    """Returns the policy of an on-call group. An alert starts the timelines of all its shifts at the same time.

    While no shift is active, the message waits for the next shift (community answers of the vendor).
    """
    targets = tuple(
        Target("escalation_policy", shift.id, label=shift_name(shift, group))
        for shift in sorted(shifts.all, key=lambda shift: shift.id)
    )
    unknown = Target("unresolved", group.id, label=f"a shift of {group.label}", unresolved_kind="shift")
    targets += (unknown,) * shifts.without_id
    if not targets:
        message = f"{group.label} is an on-call group without shifts. An alert to it notifies nobody."
        findings.note("escalation_policy", group.id, "no_shifts", message, "shifts")
    if group.status == "INACTIVE":
        message = f"{group.label} is inactive at xMatters, so it pages nobody. Its schedules are inactive."
        findings.note("escalation_policy", group.id, "switched_off", message, "status")
    return SourcePolicy(
        external_id=group.id,
        name=group.label,
        policy=Policy(
            initial_wait=0,
            levels=(Level(None, "everyone", targets),) if targets else (),
            repeat_count=0,
            after_last="nothing",
            unstaffed_level="wait",
            resolved="start",
        ),
        description=group.description or "",
        group_id=group.id,
        enabled=group.status != "INACTIVE",
        because=because,
    )


def _timeline(seats: Elements[Seat]) -> tuple[Seat | None, ...]:
    """Returns the seats, with None in the place of each member that could not be read: behind the member before it."""
    known = {place: number for number, place in enumerate(seats.places)}
    missing = [place for place in range(len(seats) + seats.unread) if place not in known]
    placed: list[tuple[int, int, Seat | None]] = [(number, -1, seat) for number, seat in enumerate(seats)]
    placed += [(max((known[p] for p in known if p < place), default=-1), place, None) for place in missing]
    return tuple(seat for _, _, seat in sorted(placed, key=lambda each: each[:2]))


def _target(shift_id: str, name: str, seats: Sequence[Seat | None]) -> Target:
    """Returns the target of a level: the layers of its seats. notify: the escalation type of the first seat."""
    known = [seat for seat in seats if seat is not None]
    if not known:
        return Target("unresolved", shift_id, label=f"a member of {name}", unresolved_kind="shift_member")
    keys = tuple(seat.key for seat in known)
    return Target("schedule", shift_id, label=name, layers=keys, notify=known[0].escalation_type.lower())


def _rounds(shift: wire.Shift, findings: Findings) -> tuple[int | None, int | None]:
    """Returns the minutes from the last level to the next round and the number of further rounds.

    The minutes are None if there is no further round. The number is None if it was not reported.
    """
    repeat = shift.repeat_escalation
    if repeat is None or not repeat.repeat_enabled:
        return None, 0
    path = "repeatEscalation"
    if repeat.repetitions is None:
        message = f"xMatters did not report how often {shift.label} repeats."
        findings.note("escalation_policy", shift.id, "repeats_not_told", message, f"{path}.repetitions", loss=True)
    seconds = repeat.wait_in_seconds if repeat.delay is None else repeat.delay * 60
    if seconds is None:
        message = f"xMatters did not report how long {shift.label} waits before it repeats."
        findings.note("escalation_policy", shift.id, "pause_not_told", message, f"{path}.delay", loss=True)
        return None, repeat.repetitions
    if seconds % 60:
        message = f"{shift.label} repeats after {seconds} seconds. This was rounded up to whole minutes."
        findings.note("escalation_policy", shift.id, "rounded_wait", message, f"{path}.waitInSeconds")
    return (-(-seconds // 60) if repeat.repetitions != 0 else None), repeat.repetitions


# --- services ---------------------------------------------------------------------------------------------------------


def service(
    source: wire.Service, groups: Mapping[str, wire.Group], because: tuple[str, ...], findings: Findings
) -> SourceService:
    """Returns the record of a service. Its alerts go to the group that owns it. groups: visible groups by id."""
    owner = None if source.owned_by is None else source.owned_by.id
    group = None if owner is None else groups.get(owner)
    is_paged = group is not None and group.group_type == "ON_CALL"
    if not is_paged:
        message = f"Who is paged for {source.label} is unknown, because no visible on-call group owns it."
        findings.note("service", source.id, "policy_not_told", message, "ownedBy", loss=True)
    return SourceService(
        external_id=source.id,
        name=source.label,
        description=source.description or "",
        policy_id=owner if is_paged else None,
        group_id=owner,
        policy_unreported=owner is not None and group is None,
        because=because,
    )


def group_as_service(group: wire.Group, because: tuple[str, ...]) -> SourceService:
    """Returns an on-call group as a service, for an account without services."""
    return SourceService(group.id, group.label, group.description or "", group.id, group.id, because=because)

"""Timelines of shifts and groups -> escalation policies, and services: what xMatters sent -> records. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.mapping_shifts import Seat, shift_name
from connectors.providers.xmatters.windows import on_holidays_only
from connectors.reading.findings import Findings
from connectors.records import SourcePolicy, SourceService
from oncall.escalation.policy import Level, Policy, Target


def shift_policy(
    shift: wire.Shift, group: wire.Group, places: Sequence[Seat], because: tuple[str, ...], findings: Findings
) -> SourcePolicy:
    """``places``: the seats, in order. A level begins with every seat that has a delay; seats are paged through the
    shift's schedule, never directly: that would page outside of the shift.

    The delay of a seat runs *before* it (vendor reference, "Shift member"). Whoever is absent is passed over together
    with the delay after them, a delay before them stays (help, "Temporary absences"): a level without anybody is
    skipped. The wait before a repetition is the shift's, not that of a seat (repeatEscalation), and stays: an open
    question. Who is on call is settled when the walk starts.
    """
    name = shift_name(shift, group)
    steps: list[list[Seat]] = []
    for seat in () if on_holidays_only(shift) else places:
        if not steps or seat.delay:
            steps.append([])
        steps[-1].append(seat)
    pause, count = _rounds(shift, findings)
    waits = [*(after[0].delay for _, after in pairwise(steps)), pause]
    levels = tuple(
        Level(wait, "everyone", (_step(shift.id, name, step),)) for wait, step in zip(waits, steps, strict=False)
    )
    if not levels:
        message = f"{name} notifies nobody that could be told."
        findings.note("escalation_policy", shift.id, "no_levels", message, "members")
    if shift.notify_end_of_escalation is not None and shift.notify_end_of_escalation.notify_enabled:
        message = f"{name} tells somebody when its timeline ends; that is not part of a policy here."
        findings.note("escalation_policy", shift.id, "tells_end", message, "notifyEndOfEscalation")
    return SourcePolicy(
        external_id=shift.id,
        name=name,
        policy=Policy(
            initial_wait=steps[0][0].delay if steps else 0,
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


def group_policy(
    group: wire.Group, shifts: Iterable[wire.Shift], because: tuple[str, ...], findings: Findings
) -> SourcePolicy:
    """What alerting an on-call group does: the timelines of all of its shifts run beside each other from the alert on;
    while none is active, the message waits for the next one (community answers of the vendor)."""
    targets = tuple(
        Target("escalation_policy", shift.id, label=shift_name(shift, group))
        for shift in sorted(shifts, key=lambda shift: shift.id)
    )
    if not targets:
        message = f"{group.label} is an on-call group without shifts: alerting it notifies nobody."
        findings.note("escalation_policy", group.id, "no_shifts", message, "shifts")
    if group.status == "INACTIVE":
        message = f"{group.label} is inactive at xMatters: nobody is paged by it. Its schedules are inactive."
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


def _step(shift_id: str, name: str, places: Sequence[Seat]) -> Target:
    """Everyone of one step, by the layers of their seats. notify: why the escalation goes on to them."""
    return Target(
        "schedule",
        shift_id,
        label=name,
        layers=tuple(seat.key for seat in places),
        notify=places[0].escalation_type.lower(),
    )


def _rounds(shift: wire.Shift, findings: Findings) -> tuple[int | None, int | None]:
    """(minutes from the last step to the next round, None without one; extra rounds, None = not told)."""
    told = shift.repeat_escalation
    if told is None or not told.repeat_enabled:
        return None, 0
    path = "repeatEscalation"
    if told.repetitions is None:
        message = f"The answer does not tell how often {shift.label} repeats."
        findings.note("escalation_policy", shift.id, "repeats_not_told", message, f"{path}.repetitions", loss=True)
    seconds = told.wait_in_seconds if told.delay is None else told.delay * 60
    if seconds is None:
        message = f"The answer does not tell how long {shift.label} waits before it repeats."
        findings.note("escalation_policy", shift.id, "pause_not_told", message, f"{path}.delay", loss=True)
        return None, told.repetitions
    if seconds % 60:
        message = f"{shift.label} repeats after {seconds} seconds, rounded up to whole minutes."
        findings.note("escalation_policy", shift.id, "rounded_wait", message, f"{path}.waitInSeconds")
    return (-(-seconds // 60) if told.repetitions != 0 else None), told.repetitions


# --- services ---------------------------------------------------------------------------------------------------------


def service(
    source: wire.Service, groups: Mapping[str, wire.Group], because: tuple[str, ...], findings: Findings
) -> SourceService:
    """``groups``: those that can be seen, by id. An alert on a service goes to the group that owns it."""
    owner = None if source.owned_by is None else source.owned_by.id
    group = None if owner is None else groups.get(owner)
    is_paged = group is not None and group.group_type == "ON_CALL"
    if not is_paged:
        message = f"Nothing tells who is paged for {source.label}: no on-call group that can be seen owns it."
        findings.note("service", source.id, "policy_not_told", message, "ownedBy", loss=True)
    return SourceService(
        external_id=source.id,
        name=source.label,
        description=source.description or "",
        policy_id=owner if is_paged else None,
        group_id=owner,
        policy_untold=owner is not None and group is None,
        because=because,
    )


def group_as_service(group: wire.Group, because: tuple[str, ...]) -> SourceService:
    """In an account without services the on-call groups are what is alerted."""
    return SourceService(group.id, group.label, group.description or "", group.id, group.id, because=because)

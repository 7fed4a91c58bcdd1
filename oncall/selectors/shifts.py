"""Reads the coming shifts of one responder in all schedules."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import Q

from oncall.models import ExtraShift, GroupMember, Override, Reference, Schedule, Substitution
from oncall.rendering.final import render_final
from oncall.rendering.spec import InvalidSpec, Participant
from oncall.selectors.participants import one_key
from oncall.selectors.schedules import specs_of


class Shift(NamedTuple):
    """A time in which a responder is on call without a break. start, end: instants."""

    start: int
    end: int
    schedule: str


def shifts_of(responder_id: int, since: int, until: int) -> list[Shift]:
    """Returns the shifts of a responder in the range, the earliest first, in 6 queries.

    They are those of the responder, of the active groups with the responder as a member, and of the people whom the
    responder replaces. At most 500 active schedules are read. Schedules that cannot be rendered are left out.
    """
    membership = GroupMember.objects.filter(responder=responder_id, group__active=True)
    groups = list(membership.values_list("group", flat=True))
    running = Q(ends_at__gt=datetime.fromtimestamp(since, UTC))
    replaced = Substitution.objects.filter(running, by=responder_id).values("responder")
    in_layers = Q(responder=responder_id) | Q(responder__in=replaced) | Q(user_group__in=groups)
    uses = Reference.objects.filter(in_layers, owner_schedule__isnull=False)
    in_elements = running & (Q(by=responder_id) | Q(by__in=replaced))
    schedules = Schedule.objects.filter(
        Q(pk__in=uses.values("owner_schedule"))
        | Q(pk__in=Override.objects.filter(in_elements).values("schedule"))
        | Q(pk__in=ExtraShift.objects.filter(in_elements).values("schedule")),
        active=True,
    )
    loaded = list(schedules.order_by("name_key", "pk")[:500])
    specs, _ = specs_of(loaded, since=since)
    keys = uses.filter(user_group__in=groups).values_list("key", flat=True).distinct()
    mine = {one_key(responder_id), *(Participant("group", key) for key in keys)}
    found: list[Shift] = []
    for schedule in loaded:
        if schedule.pk not in specs:
            continue
        try:
            spans = render_final(*specs[schedule.pk], since, until)
        except InvalidSpec:
            continue  # the page of the schedule says what is wrong with it
        shift: Shift | None = None
        for span in spans:
            if mine.isdisjoint(span.participants):
                continue
            if shift is not None and shift.end == span.start:
                shift = shift._replace(end=span.end)
                found[-1] = shift
            else:
                shift = Shift(span.start, span.end, schedule.name)
                found.append(shift)
    return sorted(found)

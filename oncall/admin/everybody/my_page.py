"""What *My page* shows: the next shifts, the ways to be reached and the groups led of the account that is logged in."""

import time
from typing import Any, Final

from django.http import HttpRequest

from oncall.admin.base.columns import dated_moment, span_in_words
from oncall.models import Responder, UserGroup
from oncall.rendering.zones import DAY, zone_names
from oncall.selectors.responders import REACHABLE_WORDS, reachable
from oncall.selectors.shifts import Shift, shifts_of
from oncall.selectors.visible import acts_as_lead

DAYS: Final = 28
MOST_SHIFTS: Final = 10


def my_page(request: HttpRequest) -> dict[str, Any]:
    """Returns the context of the page. responder: None if the account is linked to nobody who can be on call."""
    responder = Responder.objects.filter(account=request.user.pk).first()
    led = UserGroup.objects.filter(leads__account=request.user.pk).order_by("name_key", "pk")
    page = {"responder": responder, "led": led, "acts_as_lead": acts_as_lead(request.user), "days": DAYS}
    if responder is None:
        return page
    now = int(time.time())
    zone = responder.time_zone if responder.time_zone in zone_names() else "UTC"
    until = now + DAYS * DAY
    shifts = shifts_of(responder.pk, now, until)
    return {
        **page,
        "unreachable": "" if reachable([responder.pk]) else REACHABLE_WORDS,
        "zone": zone,
        "shifts": [_in_words(shift, zone, now, until) for shift in shifts[:MOST_SHIFTS]],
        "more": max(len(shifts) - MOST_SHIFTS, 0),
        "methods": responder.contact_methods.order_by("channel", "pk"),
        "rules": responder.notification_rules.select_related("contact_method").order_by("urgency", "delay", "pk"),
    }


def _in_words(shift: Shift, zone: str, now: int, until: int) -> dict[str, str | bool]:
    cut = shift.end == until  # it ends later than the range
    return {
        "schedule": shift.schedule,
        "now": shift.start <= now,
        "start": "now" if shift.start <= now else dated_moment(shift.start, zone),
        "end": f"later than {dated_moment(until, zone)}" if cut else dated_moment(shift.end, zone),
        "length": "" if cut else span_in_words(shift.end - max(shift.start, now)),
    }

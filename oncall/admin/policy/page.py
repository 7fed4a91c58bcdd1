"""The page of one escalation policy: who would be paged at which minute if an alert came at a chosen instant."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from oncall.admin.base.columns import dated_moment, source
from oncall.admin.policy.ladder import Ladder, Words
from oncall.admin.schedule.range import instant_of_query
from oncall.escalation.codec import InvalidPolicy
from oncall.escalation.walk import MOST_MINUTES, Notice, WalkTooLong, notices, walk
from oncall.models import EscalationPolicy, Responder, Service
from oncall.rendering.codec import reading_to_text
from oncall.rendering.zones import reading, zone_names
from oncall.selectors.policies import walkable

MOST_SERVICES = 20
MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class WalkQuery:
    """What the page is asked to simulate. at: an instant. zones: the clocks to choose from. acknowledged: the minute in
    which somebody acknowledges, None: nobody does."""

    at: int
    zone: str
    zones: tuple[str, ...]
    acknowledged: int | None

    @classmethod
    def of(cls, query: Mapping[str, Any], now: int, zones: tuple[str, ...]) -> "WalkQuery":
        """``at``, ``zone`` and ``ack`` of the address; what makes no sense there is the default: now, the first zone,
        no acknowledgement."""
        zone = next((each for each in zones if each == query.get("zone")), zones[0])
        at = instant_of_query(query.get("at", ""), zone)
        minute = query.get("ack", "")
        acknowledged = int(minute) if minute.isascii() and minute.isdigit() and len(minute) < 7 else None
        return cls(now if at is None else at, zone, zones, acknowledged)

    @property
    def reading(self) -> str:
        return reading_to_text(reading(self.zone, self.at))[:16]

    @property
    def last_minute(self) -> int:
        return MOST_MINUTES


class EscalationPage:
    def __init__(self, admin: Any) -> None:
        self.admin = admin

    def policies(self) -> QuerySet[EscalationPolicy]:
        return EscalationPolicy.objects.select_related("group", "part_of").annotate(watching=Count("services"))

    def view(self, request: HttpRequest, pk: int) -> TemplateResponse:
        policy: Any = get_object_or_404(self.policies(), pk=pk)
        if not self.admin.has_view_permission(request, policy):
            raise PermissionDenied
        services = Service.objects.filter(policy=policy).order_by("name_key", "pk")
        context = {
            **self.admin.admin_site.each_context(request),
            "title": policy.name,
            "opts": self.admin.opts,
            "original": policy,
            "policy": policy,
            "source": source(policy),
            "services": services[:MOST_SERVICES],
            "more_services": max(policy.watching - MOST_SERVICES, 0),
            "list_url": reverse("admin:oncall_escalationpolicy_changelist"),
            "edit_url": reverse("admin:oncall_escalationpolicy_change", args=[pk]),
            "history_url": reverse("admin:oncall_escalationpolicy_history", args=[pk]),
            "may_edit": self.admin.has_change_permission(request, policy),
            **self._walked(request, policy),
        }
        return TemplateResponse(request, "oncall/admin/escalation_page.html", context)

    def _walked(self, request: HttpRequest, policy: EscalationPolicy) -> dict[str, Any]:
        """The ladder, or why there is none."""
        now = int(time.time())
        # Which clocks there are is known when the schedules are; an instant of the address needs one only as a reading.
        near = instant_of_query(request.GET.get("at", ""), "UTC")
        try:
            found = walkable(policy, (now if near is None else near) - 86_400)
        except InvalidPolicy as wrong:
            return {"reason": str(wrong)}
        mine = Responder.objects.filter(account=request.user.pk).values_list("time_zone", flat=True).first() or ""
        own = (mine,) if mine in zone_names() else ()
        asked = WalkQuery.of(request.GET, now, tuple(dict.fromkeys((*own, *found.zones, "UTC"))))
        try:
            course = walk(found.policy, found.context, asked.at, asked.acknowledged)
        except WalkTooLong as why:
            return {"reason": f"The walk is too long: {why}.", "asked": asked}
        words = Words(found, asked.at, asked.zone)
        lines = notices(course)
        return {
            "asked": asked,
            "past": asked.at < now,
            "at": dated_moment(asked.at, asked.zone),
            "ladder": Ladder.of(course, found.policy, words, policy.name),
            "lines": [_line(each, words) for each in lines[:MOST_LINES]],
            "more_lines": max(len(lines) - MOST_LINES, 0),
        }


def _line(notice: Notice, words: Words) -> dict[str, str]:
    """A line of the table."""
    names = sorted(words.name(who) for who in notice.people)
    path = [words.policy_name(key) for key in notice.path]
    again = [f"round {notice.round}"] if notice.round > 1 else []
    return {
        "minute": f"T+{notice.minute}",
        "clock": words.clock(notice.minute),
        "who": (" or " if notice.one_of else ", ").join(names),
        "because": " › ".join([*path, f"level {notice.level}", *again]),
    }

"""The page of one escalation policy: who is paged at which minute if an alert comes at a chosen instant."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from oncall.admin.base.columns import dated_moment
from oncall.admin.base.page import AggregatePage
from oncall.admin.forms.times import AtForm
from oncall.admin.policy.ladder import INACTIVE_WORDS, Ladder, LadderBuilder
from oncall.escalation.codec import InvalidPolicy
from oncall.escalation.policy import MOST_MINUTES
from oncall.escalation.walk import Notice, WalkTooLong, notices, walk
from oncall.models import EscalationPolicy, Responder, Service
from oncall.rendering.zones import DAY, zone_names
from oncall.selectors.policies import Walkable, walkable
from oncall.selectors.visible import Viewer, may_view_any, named_beside, visible_ids, visible_to
from oncall.tables.kinds import ROOTS

MOST_SERVICES = 20
MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class WalkQuery:
    """The alert to simulate. form: the field of its instant. at: its instant. zone: the time zone of the page. zones:
    the zones to choose from. acknowledged: the minute in which somebody acknowledges it, None if nobody does."""

    form: AtForm
    at: int
    zone: str
    zones: tuple[str, ...]
    acknowledged: int | None

    @classmethod
    def of(cls, query: Mapping[str, str], now: int, zones: tuple[str, ...]) -> "WalkQuery":
        """Returns the alert of a query with ``at``, ``zone`` and ``ack``. A value that cannot be read counts as
        missing; the form shows why ``at`` cannot be read. The defaults are now, the first zone, and no
        acknowledgement."""
        zone = next((each for each in zones if each == query.get("zone")), zones[0])
        form = AtForm(query, zone, now)
        at = form.instant
        minute = query.get("ack", "")
        acknowledged = int(minute) if minute.isascii() and minute.isdigit() and len(minute) < 7 else None
        return cls(form, now if at is None else at, zone, zones, acknowledged)

    @property
    def last_minute(self) -> int:
        return MOST_MINUTES


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A line of the table: who is paged when, and why."""

    minute: str
    clock: str
    who: str
    because: str


class PolicyContext(TypedDict, total=False):
    """What the template shows. inactive: says that the policy is inactive; then there is no walk. reason: why there is
    no walk; then what belongs to it is missing, too. query: missing if the levels cannot be read. past: whether the
    alert comes before now."""

    policy: EscalationPolicy
    services: QuerySet[Service]
    may_open_services: bool
    more_services: int
    inactive: str
    reason: str
    warnings: Sequence[str]
    query: WalkQuery
    past: bool
    at: str
    ladder: Ladder
    lines: list[NoticeLine]
    more_lines: int


class EscalationPage(AggregatePage[EscalationPolicy]):
    """The page of one policy. Another app may override :meth:`warnings` in a subclass."""

    template = "oncall/admin/escalation_page.html"

    def warnings(self, policy: EscalationPolicy, found: Walkable, at: int) -> Sequence[str]:
        """Returns sentences that the page shows before the walk of an alert at the instant ``at``."""
        return ()

    def get_object(self, request: HttpRequest, pk: int) -> EscalationPolicy:
        policies = EscalationPolicy.objects.select_related("group", "part_of")
        return get_object_or_404(visible_to(request.user, policies), pk=pk)

    def get_context(self, request: HttpRequest, row: EscalationPolicy) -> PolicyContext:
        using = Service.objects.filter(policy=row).order_by("name_key", "pk")
        services = named_beside(request.user, EscalationPolicy, using)
        return {
            "policy": row,
            "services": services[:MOST_SERVICES],
            "may_open_services": may_view_any(request.user, Service),
            "more_services": max(services.count() - MOST_SERVICES, 0),
            **self._walk(request, row),
        }

    def _walk(self, request: HttpRequest, policy: EscalationPolicy) -> PolicyContext:
        """Returns the walk of the policy, or the reason why there is none."""
        if not policy.active:
            return {"inactive": INACTIVE_WORDS["escalation_policy"]}
        now = int(time.time())
        # The zones to choose from are those of the policy's schedules, which are read for about the time of the alert.
        near = AtForm(request.GET, "UTC", now).instant
        try:
            found = walkable(policy, (now if near is None else near) - DAY)
        except InvalidPolicy as wrong:
            return {"reason": str(wrong)}
        mine = Responder.objects.filter(account=request.user.pk).values_list("time_zone", flat=True).first() or ""
        own = (mine,) if mine in zone_names() else ()
        query = WalkQuery.of(request.GET, now, tuple(dict.fromkeys((*own, *found.zones, "UTC"))))
        try:
            course = walk(found.policy, found.context, query.at, query.acknowledged)
        except WalkTooLong as why:
            return {"reason": f"The walk is too long: {why}.", "query": query}
        builder = LadderBuilder(found, query.at, query.zone, _visible_rows(request.user, found))
        lines = notices(course)
        return {
            "query": query,
            "warnings": self.warnings(policy, found, query.at),
            "past": query.at < now,
            "at": dated_moment(query.at, query.zone),
            "ladder": Ladder.of(course, found.policy, builder, policy.name),
            "lines": [_line(each, builder) for each in lines[:MOST_LINES]],
            "more_lines": max(len(lines) - MOST_LINES, 0),
        }


def _visible_rows(account: Viewer, found: Walkable) -> Mapping[str, frozenset[int]]:
    """Returns the ids of the rows of a walk that the account may open, by kind."""
    ids = {kind: {row.pk for (each, _), row in found.rows.items() if each == kind} for kind in ROOTS}
    return {kind: visible_ids(account, ROOTS[kind].rows, each) for kind, each in ids.items()}


def _line(notice: Notice, builder: LadderBuilder) -> NoticeLine:
    names = sorted(builder.name(who) for who in notice.people)
    return NoticeLine(
        f"T+{notice.minute}",
        builder.clock(notice.minute),
        (" or " if notice.one_of else ", ").join(names),
        builder.because(notice),
    )

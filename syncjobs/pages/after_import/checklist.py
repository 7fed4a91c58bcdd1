"""What is left to do after an import, each with its figure. A step is done when its figure is right, not by a tick."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.text import capfirst

from connectors.models import Connection
from connectors.registry import provider_label
from oncall.escalation.walk import WalkTooLong, notices, walk
from oncall.models import EscalationPolicy, Responder
from oncall.selectors.policies import Walkable, walkables
from oncall.selectors.responders import REACHABLE
from syncjobs.models import WAITING_STATES, Conflict, ExternalLink, LinkState, SyncProfile
from syncjobs.pages.status import schedule_equality

#: At most so many policies are simulated for one page.
MOST_POLICIES: Final = 200
#: The condition of links for services without an owner here.
WITHOUT_OWNER: Final = Q(service__group__isnull=True) | Q(service__policy__isnull=True)
_SEES_POLICIES: Final = "oncall.view_escalationpolicy"
_MAPPING, _SCHEDULES, _POLICIES, _SERVICES, _NOTIFICATIONS = _TITLES = (
    "Verify the user mapping",
    "Review schedules and time zones",
    "Test escalation policies",
    "Update service ownership",
    "Configure notifications",
)


@dataclass(frozen=True, slots=True)
class Link:
    """text, url: of a page where the figure can be changed. right: the permission that the page needs."""

    text: str
    url: str
    right: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to do. figure: the present state in one or two sentences. is_coming: Rotabridge cannot do it yet."""

    title: str
    figure: str
    is_done: bool
    links: tuple[Link, ...] = ()
    is_coming: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """Numbers of linked people: all, those with an account, and those who are active and cannot be reached."""

    total: int
    with_account: int
    unreachable: int


def checklist(profile: SyncProfile, at: int) -> tuple[Check, ...]:
    """Return the steps of the source of a profile. Makes about twenty queries, whatever the number of objects.

    No step is done as long as nothing here follows the source. at: the instant at which policies are simulated.
    """
    connection = profile.connection
    if not ExternalLink.objects.filter(connection=connection, state=LinkState.LINKED).exists():
        figure = f"Nothing here follows {connection}: it was not imported yet, or it was disconnected."
        return (*(Check(title, figure, is_done=False) for title in _TITLES), _alerts(connection))
    asked = _questions(connection)
    people = _people(connection)
    return (
        _mapping(profile, people, asked.get("responder", 0)),
        _schedules(connection, asked.get("schedule", 0)),
        _policies(connection, at),
        _services(profile),
        _notifications(profile, people),
        _alerts(connection),
    )


def linked(connection: Connection, kind: str) -> Q:
    """Return the condition for links of a kind that follow the source and have a row."""
    return Q(connection=connection, entity_type=kind, state=LinkState.LINKED, **{f"{kind}__isnull": False})


def _questions(connection: Connection) -> dict[str, int]:
    """Return the number of questions that wait, by the kind of object that they are about."""
    waiting = Conflict.objects.filter(
        Q(connection=connection) | Q(rows__connection=connection), state__in=WAITING_STATES
    )
    return dict(waiting.order_by().values_list("entity_type").annotate(number=Count("pk", distinct=True)))


def _people(connection: Connection) -> People:
    links = ExternalLink.objects.filter(linked(connection, "responder"))
    can_be_reached = Responder.objects.filter(REACHABLE, pk=OuterRef("responder"))
    counted = links.aggregate(
        total=Count("pk"),
        with_account=Count("pk", filter=Q(responder__account__isnull=False)),
        unreachable=Count("pk", filter=Q(responder__active=True) & ~Q(Exists(can_be_reached))),
    )
    return People(**counted)


def _mapping(profile: SyncProfile, people: People, questions: int) -> Check:
    without = people.total - people.with_account
    figure = (
        f"{_number(people.total, 'person', 'people')}: {people.with_account} with an account, {without} without. "
        f"{_number(questions, 'question about people waits', 'questions about people wait')}."
    )
    links = (
        Link("See the table", _page(profile, "people"), "oncall.view_responder"),
        _questions_link(profile.connection, questions),
    )
    return Check(_MAPPING, figure, is_done=questions == 0, links=_given(links))


def _schedules(connection: Connection, questions: int) -> Check:
    links = ExternalLink.objects.filter(linked(connection, "schedule"))
    counted = links.aggregate(
        total=Count("pk"), without_zone=Count("pk", filter=~Q(schedule__zone_state="ok") | Q(schedule__time_zone=""))
    )
    equality = schedule_equality(links.values("schedule")).get(connection.pk, {})
    equal, different = sum(equality.values()), len(equality) - sum(equality.values())
    total, without_zone = counted["total"], counted["without_zone"]
    not_compared = total - len(equality)
    figure = f"{_number(total, 'schedule', 'schedules')}: {equal} the same as at the source, {different} different"
    figure += f", {not_compared} not compared" if not_compared else ""
    zones = f"{_number(without_zone, 'schedule has', 'schedules have')} no known time zone. " if without_zone else ""
    asks = f"{_number(questions, 'question about schedules waits', 'questions about schedules wait')}."
    query = f"?source={_quoted(connection.origin_label)}"
    url = reverse("admin:oncall_schedule_changelist")
    found = (
        Link("See what differs", f"{url}{query}&parity=different", "oncall.view_schedule") if different else None,
        Link("Review schedules", f"{url}{query}", "oncall.view_schedule"),
        _questions_link(connection, questions),
    )
    is_done = not (different or without_zone or questions)
    return Check(_SCHEDULES, f"{figure}. {zones}{asks}", is_done, _given(found))


def _policies(connection: Connection, at: int) -> Check:
    links = ExternalLink.objects.filter(linked(connection, "escalation_policy"), escalation_policy__active=True)
    total = links.count()
    policies = EscalationPolicy.objects.filter(pk__in=links.values("escalation_policy")).order_by("name_key", "pk")
    simulated = list(policies[:MOST_POLICIES])
    silent = silent_policies(simulated, at)
    simulated_words = f"the first {MOST_POLICIES} of {total} policies" if total > MOST_POLICIES else f"{total} policies"
    if silent or not total:
        verb = "reaches" if len(silent) == 1 else "reach"
        figure = f"{len(silent)} of {simulated_words} {verb} nobody if an alert comes now."
    elif total == 1:
        figure = "The only policy reaches somebody if an alert comes now."
    else:
        figure = f"{capfirst(simulated_words)} reach somebody if an alert comes now."
    shown = [
        Link(f"Simulate {policy.name}", reverse("admin:oncall_escalationpolicy_page", args=[policy.pk]), _SEES_POLICIES)
        for policy in silent[:3]
    ]
    every = f"{reverse('admin:oncall_escalationpolicy_changelist')}?source={_quoted(connection.origin_label)}"
    links_shown = (*shown, Link("Choose a policy to simulate", every, _SEES_POLICIES))
    return Check(_POLICIES, figure, is_done=not silent, links=links_shown)


def silent_policies(policies: Iterable[EscalationPolicy], at: int) -> list[EscalationPolicy]:
    """Return the policies that page nobody who can be reached, for an alert at the instant ``at``."""
    policies = list(policies)
    found = walkables(policies, at)
    return [policy for policy in policies if policy.pk not in found or not _pages_somebody(found[policy.pk], at)]


def _pages_somebody(found: Walkable, at: int) -> bool:
    try:
        return bool(notices(walk(found.policy, found.context, at)))
    except WalkTooLong:
        return True  # somebody is paged again and again


def _services(profile: SyncProfile) -> Check:
    links = ExternalLink.objects.filter(linked(profile.connection, "service"), service__active=True)
    counted = links.aggregate(total=Count("pk"), without=Count("pk", filter=WITHOUT_OWNER))
    total, without = counted["total"], counted["without"]
    figure = f"{_number(total, 'service', 'services')}: {without} without a user group or an escalation policy."
    url = _page(profile, "services") + ("?show=without" if without else "")
    links_shown = (Link("Assign groups and policies", url, "oncall.view_service"),)
    return Check(_SERVICES, figure, is_done=without == 0, links=links_shown)


def _notifications(profile: SyncProfile, people: People) -> Check:
    figure = f"{people.unreachable} of {_number(people.total, 'person', 'people')} cannot be reached in any way."
    url = _page(profile, "people") + ("?show=unreachable" if people.unreachable else "")
    links = (Link("See who", url, "oncall.view_responder"),)
    return Check(_NOTIFICATIONS, figure, is_done=people.unreachable == 0, links=links)


def _alerts(connection: Connection) -> Check:
    vendor = provider_label(connection.provider)
    figure = f"Rotabridge does not receive alerts yet: they still go to {vendor}, which pages people."
    return Check("Route alerts", figure, is_done=False, is_coming=True)


def _page(profile: SyncProfile, name: str) -> str:
    return reverse(f"admin:syncjobs_syncprofile_{name}", args=[profile.pk])


def _questions_link(connection: Connection, number: int) -> Link | None:
    if not number:
        return None
    url = f"{reverse('admin:syncjobs_conflict_changelist')}?connection={connection.pk}"
    return Link("Answer the question" if number == 1 else "Answer the questions", url, "syncjobs.view_conflict")


def _given(links: Iterable[Link | None]) -> tuple[Link, ...]:
    return tuple(link for link in links if link is not None)


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _quoted(text: str) -> str:
    return quote(text, safe="")

"""The services of a source with their owners here and at the source, and the assignment of many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from oncall.aggregates import Draft, fold
from oncall.models import EscalationPolicy, Service, UserGroup
from oncall.models.root import KEY_LENGTH, NAME_LENGTH
from oncall.operations import Actor, write
from oncall.tables.base import LOCAL
from syncjobs.models import ExternalLink, SyncProfile
from syncjobs.pages.after_import.checklist import WITHOUT_OWNER, linked
from syncjobs.words.names import Names

PER_PAGE: Final = 50
#: So many names are suggested; every other name can be typed.
MOST_NAMES: Final = 500
SHOWN: Final = {"": "All services", "without": "Without a group or a policy"}


class UnknownName(ValueError):
    """No active object, or more than one, has the name that was typed. The message says which."""


@dataclass(frozen=True, slots=True)
class Line:
    """A service: its owners here, and those that the source reports."""

    service: Service
    group_there: str
    policy_there: str


@dataclass(frozen=True, slots=True)
class ServicesPage:
    """show: the filter. page: of the links. groups, policies: suggested names."""

    show: str
    page: "Page[ExternalLink]"
    lines: tuple[Line, ...]
    groups: tuple[str, ...]
    policies: tuple[str, ...]


def services_page(profile: SyncProfile, show: str, number: str | None) -> ServicesPage:
    """Return one page of the services of a source. Makes at most seven queries, whatever their number."""
    links = _links(profile)
    if show == "without":
        links = links.filter(WITHOUT_OWNER)
    else:
        show = ""
    page = Paginator(links, PER_PAGE).get_page(number)
    names = Names()
    for link in page:
        _there(link, names)  # requests the names
    names.load()
    lines = tuple(Line(link.service, *_there(link, names)) for link in page if link.service is not None)
    groups, policies = (_names(rows) for rows in (UserGroup.objects.all(), EscalationPolicy.objects.all()))
    return ServicesPage(show, page, lines, groups, policies)


def chosen_services(profile: SyncProfile, versions: Mapping[int, int]) -> list[Service]:
    """Return those of the services that belong to the source, with the versions that their form has shown."""
    services = Service.objects.filter(pk__in=_links(profile).filter(service__in=versions).values("service")).order_by(
        "name_key", "pk"
    )
    chosen = list(services)
    for service in chosen:
        service.version = versions[service.pk]
    return chosen


def assign(services: Sequence[Service], owners: Mapping[str, int], by: Actor) -> int:
    """Write the owners of services, and return how many changed. Raises StaleRows and InvalidDraft, as ``write``.

    owners: the row id of the new ``group`` and ``policy``. A service that has them already keeps the key of the source.
    """
    drafts = [
        Draft(
            {f"{name}_key": f"{LOCAL}{pk}" for name, pk in owners.items() if getattr(service, f"{name}_id") != pk},
            id=service.pk,
            version=service.version,
        )
        for service in services
    ]
    results = write("service", drafts, by=by)
    return sum(result.version != draft.version for result, draft in zip(results, drafts, strict=True))


def find_owners(group: str, policy: str) -> dict[str, int]:
    """Return the row ids of typed names, ``{"group": id, "policy": id}``, without empty ones. Raises UnknownName."""
    typed: tuple[tuple[str, str, QuerySet[Any], str], ...] = (
        ("group", group, UserGroup.objects.all(), "user group"),
        ("policy", policy, EscalationPolicy.objects.all(), "escalation policy"),
    )
    return {field: _find(rows, name, word) for field, name, rows, word in typed if name}


def _links(profile: SyncProfile) -> "QuerySet[ExternalLink]":
    links = ExternalLink.objects.filter(linked(profile.connection, "service"), service__active=True)
    return links.select_related("service__group", "service__policy").order_by("service__name_key", "pk")


def _there(link: ExternalLink, names: Names) -> tuple[str, str]:
    """Return the names of the group and of the policy that the source reports; empty if it reports none."""
    fields = link.base.get("fields", {})
    group, policy = fields.get("group_key"), fields.get("policy_key")
    return names("user_group", group) if group else "", names("escalation_policy", policy) if policy else ""


def _names(rows: "QuerySet[Any]") -> tuple[str, ...]:
    return tuple(rows.filter(active=True).order_by("name_key", "pk").values_list("name", flat=True)[:MOST_NAMES])


def _find(rows: "QuerySet[Any]", name: str, word: str) -> int:
    ids = list(rows.filter(active=True, name_key=fold(name)[:KEY_LENGTH]).values_list("pk", flat=True)[:2])
    if len(ids) == 1:
        return int(ids[0])
    number = "No active" if not ids else "More than one active"
    raise UnknownName(f"{number} {word} has the name “{name[:NAME_LENGTH]}”. No service was changed.")

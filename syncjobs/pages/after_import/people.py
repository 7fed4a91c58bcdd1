"""The people of a source beside their accounts here: who is who, who can log in, and who can be reached."""

from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from oncall.models import Responder
from oncall.selectors.responders import REACHABLE
from syncjobs.models import WAITING_STATES, Conflict, ConflictKind, ExternalLink, Invitation, SyncProfile
from syncjobs.pages.after_import.checklist import linked
from syncjobs.pages.run.items import login_words

PER_PAGE: Final = 50
#: Value of ``show`` -> its words.
SHOWN: Final = {"": "Everybody", "unmapped": "Without an account", "unreachable": "Cannot be reached"}


@dataclass(frozen=True, slots=True)
class Line:
    """A person. source: the name and the address that the source reports. question: the id of an open question."""

    name: str
    row_id: int
    account: str
    login: str
    source: str
    external_id: str
    is_reachable: bool
    is_active: bool
    question: int | None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """show: the filter. page: of the links. lines: its people."""

    show: str
    page: "Page[Any]"
    lines: tuple[Line, ...]


def people_page(profile: SyncProfile, show: str, number: str | None) -> PeoplePage:
    """Return one page of the people of a source. Makes two queries. An unknown filter shows everybody."""
    links = _links(profile)
    can_be_reached = Responder.objects.filter(REACHABLE, pk=OuterRef("responder"))
    match show:
        case "unmapped":
            links = links.filter(responder__account__isnull=True)
        case "unreachable":
            links = links.filter(Q(responder__active=True) & ~Q(Exists(can_be_reached)))
        case _:
            show = ""
    page = Paginator(links.annotate(is_reachable=Exists(can_be_reached)), PER_PAGE).get_page(number)
    return PeoplePage(show, page, tuple(_line(link) for link in page))


def _links(profile: SyncProfile) -> "QuerySet[ExternalLink]":
    questions = Conflict.objects.filter(
        connection=OuterRef("connection"),
        external_id=OuterRef("external_id"),
        kind__in=[ConflictKind.USER_NOT_FOUND, ConflictKind.AMBIGUOUS],
        state__in=WAITING_STATES,
    )
    invitations = Invitation.objects.filter(
        connection=OuterRef("connection"), external_id=OuterRef("external_id")
    ).order_by("-pk")
    return (
        ExternalLink.objects.filter(linked(profile.connection, "responder"))
        .select_related("responder__account")
        .annotate(
            question=Subquery(questions.order_by("pk").values("pk")[:1]),
            invitation=Subquery(invitations.values("state")[:1]),
        )
        .order_by("responder__name_key", "pk")
    )


def _line(link: ExternalLink) -> Line:
    person, annotated = link.responder, vars(link)
    assert person is not None  # noqa: S101 - the links are filtered
    fields = link.base.get("fields", {})
    reported = [str(fields.get(name) or "") for name in ("name", "email")]
    return Line(
        name=person.name,
        row_id=person.pk,
        account=str(person.account) if person.account else "",
        login=login_words(person.account is not None, annotated["invitation"]),
        source=", ".join(filter(None, reported)),
        external_id=link.external_id,
        is_reachable=annotated["is_reachable"],
        is_active=person.active,
        question=annotated["question"],
    )

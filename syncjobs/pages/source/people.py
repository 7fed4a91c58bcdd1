"""The people of a source in buckets: matched, to invite, left without an account, and those who are not decided yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse

from oncall.masking import without_addresses
from syncjobs.models import (
    PRESENT_STATES,
    WAITING_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
    SyncItem,
    SyncProfile,
    SyncRun,
)
from syncjobs.planning.decisions.rules import INVITE

PER_PAGE: Final = 50
Bucket = Literal["undecided", "matched", "invite", "leave"]
BUCKETS: Final[tuple[Bucket, ...]] = get_args(Bucket)
_WORDS: Final[Mapping[Bucket, tuple[str, str]]] = {
    "undecided": (
        "Not decided",
        "They hold a turn, a target or a membership, and have no account here. Invite them, say who they are here, or "
        "leave them without an account: then they keep every turn.",
    ),
    "matched": ("Matched", "They have an account here, found by their address or chosen by somebody."),
    "invite": ("To invite", "They get a mail with a link to an account here."),
    "leave": ("Stay without an account", "They keep every turn and get no account."),
}
_WAITING: Final = Q(state__in=WAITING_STATES)
_DECIDED: Final = Q(state=ConflictState.DECIDED)
_IN: Final[Mapping[Bucket, Q]] = {
    "undecided": _WAITING,
    "matched": _DECIDED & Q(choice="map"),
    "invite": _DECIDED & Q(choice=INVITE),
    "leave": _DECIDED & ~Q(choice__in=["map", INVITE]),
}


@dataclass(frozen=True, slots=True)
class BucketShown:
    """A bucket with its number of people."""

    name: Bucket
    words: str
    count: int
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class PersonShown:
    """A person. question: the id of the question about the person; None if nothing is asked. answer: how it is decided.

    url: of the page of the question, empty if there is none.
    """

    name: str
    email: str
    question: int | None = None
    answer: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class PeopleShown:
    """One page of one bucket. earlier, later: addresses of the pages beside it."""

    bucket: Bucket
    words: str
    sentence: str
    buckets: tuple[BucketShown, ...]
    people: tuple[PersonShown, ...]
    text: str
    total: int
    first: int
    last: int
    earlier: str
    later: str

    @property
    def undecided(self) -> int:
        return next(each.count for each in self.buckets if each.name == "undecided")


def questions_in(
    profile: SyncProfile, bucket: Bucket, text: str = "", *, with_addresses: bool = True
) -> "QuerySet[Conflict]":
    """Return the questions about people of a source that are in a bucket.

    text: a part of the name or address. with_addresses: False does not search in addresses, because the search would
    find out which addresses exist.
    """
    found = _questions(profile).filter(_IN[bucket])
    if text and with_addresses:
        found = found.filter(Q(label__icontains=text) | Q(evidence__email__icontains=text))
    elif text:
        found = found.filter(label__icontains=text).exclude(label__contains="@")
    return found.order_by("label", "pk")


def undecided_people(profile: SyncProfile) -> int:
    """Return how many people of a source wait for a decision."""
    return questions_in(profile, "undecided").count()


def people_page(
    profile: SyncProfile, plan: SyncRun | None, query: Mapping[str, str], url: str, *, with_addresses: bool
) -> PeopleShown:
    """Return one page of people. Makes at most six queries, whatever the number of people.

    plan: the plan of the setup, which says who is matched as long as nothing is imported; None afterwards. query:
    ``bucket``, ``q`` and ``page``.
    """
    numbers = _questions(profile).aggregate(**{str(name): Count("pk", filter=_IN[name]) for name in BUCKETS})
    accounts = _matched(profile, plan)
    numbers["matched"] += accounts.count()
    bucket: Bucket = next((each for each in BUCKETS if each == query.get("bucket")), "undecided")
    if "bucket" not in query:
        bucket = next((each for each in BUCKETS if numbers[each]), "matched")
    text = query.get("q", "").strip()[:200]
    asked = questions_in(profile, bucket, text, with_addresses=with_addresses)
    rows: Any = asked
    if bucket == "matched":  # those whom somebody has mapped come first
        rows = _Both(asked, _rows_matched(accounts, text, with_addresses=with_addresses))
    page: Page[Any] = Paginator(rows, PER_PAGE).get_page(query.get("page"))
    people = [_person(each) for each in page.object_list]
    if not with_addresses:
        people = [_without_address(each) for each in people]
    return PeopleShown(
        bucket,
        *_WORDS[bucket],
        tuple(
            BucketShown(name, _WORDS[name][0], numbers[name], f"{url}?bucket={name}", name == bucket)
            for name in BUCKETS
        ),
        tuple(people),
        text,
        page.paginator.count,
        page.start_index(),
        page.end_index(),
        _url_of(url, bucket, text, page.previous_page_number()) if page.has_previous() else "",
        _url_of(url, bucket, text, page.next_page_number()) if page.has_next() else "",
    )


def _questions(profile: SyncProfile) -> "QuerySet[Conflict]":
    return Conflict.objects.filter(
        connection=profile.connection_id, kind=ConflictKind.USER_NOT_FOUND, state__in=PRESENT_STATES
    )


class _Both:
    """The rows of two queries, one after the other, for a paginator."""

    def __init__(self, first: "QuerySet[Any]", second: "QuerySet[Any]") -> None:
        self._first, self._second = first, second
        self._of_first = first.count()

    def count(self) -> int:
        return self._of_first + self._second.count()

    def __getitem__(self, rows: slice) -> list[Any]:
        """Return a slice with a start and a stop that are not negative."""
        start, stop = (max(0, end - self._of_first) for end in (rows.start, rows.stop))
        return [*self._first[rows], *(self._second[start:stop] if stop else ())]


def _matched(profile: SyncProfile, plan: SyncRun | None) -> "QuerySet[Any]":
    """Return the items or the links of people who have an account, or get one with the plan.

    Those whom somebody has mapped are left out: they are matched by their question.
    """
    mapped = questions_in(profile, "matched").order_by().values("external_id")
    if plan is not None:
        # An id is a number, and null is none.
        items = SyncItem.objects.filter(run=plan, entity_type="responder", changes__account__gt=0)
        return items.exclude(external_id__in=mapped).annotate(name=F("label"))
    links = ExternalLink.objects.filter(
        connection=profile.connection_id, entity_type="responder", responder__account__isnull=False
    )
    links = links.exclude(external_id__in=mapped)
    return links.defer("base").annotate(name=F("responder__name"), email=F("responder__email"))


def _rows_matched(rows: "QuerySet[Any]", text: str, *, with_addresses: bool) -> "QuerySet[Any]":
    if text:
        rows = rows.filter(name__icontains=text)
        rows = rows if with_addresses else rows.exclude(name__contains="@")
    return rows.order_by("name", "pk")


def _person(row: Any) -> PersonShown:
    if isinstance(row, Conflict):
        email = str(row.evidence.get("email") or "")
        answer = {"map": f"is {row.arguments.get('to', '')}", INVITE: "is invited"}.get(row.choice, "")
        url = reverse("admin:syncjobs_conflict_change", args=[row.pk])
        return PersonShown(row.label, email, row.pk, answer if row.state == ConflictState.DECIDED else "", url)
    if isinstance(row, SyncItem):
        _, email = row.changes.get("fields", {}).get("email", (None, ""))
        return PersonShown(row.name, str(email or ""))  # type: ignore[attr-defined] # annotated
    return PersonShown(row.name, row.email)


def _without_address(person: PersonShown) -> PersonShown:
    name, answer = without_addresses(person.name), without_addresses(person.answer)
    return PersonShown(name, "", person.question, answer, person.url)


def _url_of(url: str, bucket: str, text: str, number: int) -> str:
    given: Sequence[tuple[str, Any]] = [("bucket", bucket), ("q", text), ("page", number)]
    return f"{url}?{urlencode([(name, value) for name, value in given if value])}"

"""Groups the questions that wait by their cause: their kind and source. People without an account are in buckets."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value

from oncall.models import GroupMember, Reference
from syncjobs.models import WAITING_STATES, Conflict, ConflictKind, ConflictState, ExternalLink, LinkState
from syncjobs.planning.decisions.table import CHOICES

#: Why somebody without an account cannot be invited: the codes of the evidence.
_NO_ADDRESS: Final = ("no_email", "not_comparable")
#: In the place of a kind: the people who have an account.
_MATCHED: Final = "matched"


@dataclass(frozen=True, slots=True)
class Cause:
    """The questions of one kind and source that wait. text: what they are. buckets: of people without an account, in
    words. query: the filters of the list that show them. together: whether they can be answered as one.
    """

    text: str
    buckets: str
    query: str
    together: bool


def causes_of(questions: "QuerySet[Conflict]") -> list[Cause]:
    """Return the causes of at least two questions, the most frequent first. Makes one query."""
    waiting, of_people = Q(state__in=WAITING_STATES), Q(kind=ConflictKind.USER_NOT_FOUND)
    addressless = Q(evidence__why__in=_NO_ADDRESS)
    left = of_people & (Q(state=ConflictState.DECIDED, choice="leave") | waiting & addressless)
    asked = (
        questions.order_by()
        .filter(waiting | of_people & Q(state=ConflictState.DECIDED))
        .values_list("kind", "connection", "connection__name")
        .annotate(
            number=Count("pk", filter=waiting),
            invitable=Count("pk", filter=of_people & waiting & ~addressless),
            left=Count("pk", filter=left),
        )
    )
    counted = list(asked.union(_matched()))
    matched = {connection: number for kind, connection, _, number, *_ in counted if kind == _MATCHED}
    causes = []
    for kind, connection, name, number, invitable, left_alone in sorted(counted, key=_most_first):
        if kind == _MATCHED:
            continue
        is_of_people = kind == ConflictKind.USER_NOT_FOUND
        if number < 2 and not (is_of_people and number):
            continue
        words = ConflictKind(kind).label if not is_of_people else "people without an account"
        query = {"kind__exact": kind, **({"connection": connection} if connection else {})}
        buckets = ""
        if is_of_people:
            buckets = f"{matched.get(connection, 0)} matched · {invitable} can be invited"
            buckets += f" · {left_alone} stay without an account"
        together = any(choice.bulk for choice in CHOICES.get(kind, ()))
        causes.append(Cause(f"{name or 'Several sources'}: {number} × {words}", buckets, urlencode(query), together))
    return causes


def _most_first(counted: tuple[Any, ...]) -> tuple[int, str]:
    return -counted[3], counted[0]


def _matched() -> "QuerySet[Any, Any]":
    """Return the number of people of each connection who hold something and have an account, as rows of the causes."""
    own = {"responder": OuterRef("responder")}
    holds = Q(Exists(Reference.objects.filter(**own))) | Q(Exists(GroupMember.objects.filter(**own)))
    linked = ExternalLink.objects.filter(
        holds, entity_type="responder", state=LinkState.LINKED, responder__account__isnull=False
    )
    by_connection = linked.order_by().values_list(Value(_MATCHED), "connection", "connection__name")
    return by_connection.annotate(number=Count("pk"), invitable=Value(0), left=Value(0))

"""Decides who is reachable. Policies, pages, lists and filters all use this definition."""

from typing import Any, Final

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from oncall.models import ContactMethod, Responder
from oncall.selectors.ids import Ids, batches

#: The definition in words, for pages.
REACHABLE_WORDS: Final = (
    "A person can be reached who is active here, whom the source does not report as inactive, and who has a contact "
    "method that is enabled and has a valid address."
)
_Channel = ContactMethod.Channel
#: An e-mail address or a phone number is valid if it has a canonical form. The vendor alone knows the addresses of
#: other channels.
_WITHOUT_FORM = (_Channel.PUSH, _Channel.OTHER)
_VALID = Q(channel__in=_WITHOUT_FORM) | ~Q(canonical="")
_METHODS = ContactMethod.objects.filter(_VALID, responder=OuterRef("pk"), enabled=True)
#: The condition of a query for responders who are active here, and whom no source reports as inactive.
PRESENT: Final = Q(active=True) & ~Q(state__in=[Responder.State.INACTIVE, Responder.State.DELETED])
#: The condition of a query for responders.
REACHABLE: Final = PRESENT & Q(Exists(_METHODS))


def is_valid_method(method: ContactMethod) -> bool:
    """Returns whether the address of a contact method that is not stored yet is valid."""
    method.set_derived_columns()
    return method.channel in _WITHOUT_FORM or bool(method.canonical)


def with_reachability(rows: "QuerySet[Responder]") -> "QuerySet[Any]":
    """Returns the responders with the column ``is_reachable``."""
    return rows.annotate(
        is_reachable=Case(When(REACHABLE, then=Value(True)), default=Value(False), output_field=BooleanField())
    )


def reachable(ids: Ids) -> frozenset[int]:
    """Returns the responders among ``ids`` who are reachable; a query per 500 ids."""
    return _found(REACHABLE, ids)


def present(ids: Ids) -> frozenset[int]:
    """Returns the responders among ``ids`` who are active, whatever is known of their addresses; as reachable."""
    return _found(PRESENT, ids)


def _found(condition: Q, ids: Ids) -> frozenset[int]:
    found: set[int] = set()
    for batch in batches(ids):
        found |= set(Responder.objects.filter(condition, pk__in=batch).values_list("pk", flat=True))
    return frozenset(found)

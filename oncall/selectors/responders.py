"""Reads which responders are reachable."""

from collections.abc import Iterable

from oncall.models import Responder


def reachable(ids: Iterable[int]) -> frozenset[int]:
    """Returns the responders among ``ids`` who are active here and at the source."""
    rows = Responder.objects.filter(pk__in=set(ids), active=True, state=Responder.State.ACTIVE)
    return frozenset(rows.values_list("pk", flat=True))

"""Splits primary keys into batches that a statement can contain."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Model, QuerySet

from oncall.tables.base import chunks

#: Primary keys, or a queryset whose only column contains them.
Ids = Iterable[int] | QuerySet[Model, Any]


def batches(ids: Ids) -> Iterator[Iterable[int]]:
    """Yields lists that are short enough for a statement. A queryset is yielded itself: the database joins it."""
    return iter([ids]) if isinstance(ids, QuerySet) else chunks(sorted(set(ids)))

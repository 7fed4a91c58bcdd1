"""Applies an operation to many rows: rows that it refuses are named with the reason, and the others are done."""

from collections.abc import Callable, Sequence
from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from oncall.admin.base.columns import first_few
from oncall.admin.forms.aggregate_forms import AnyVersioned
from oncall.errors import InvalidDraft, OperationRefused, RowsInUse, StaleRows
from oncall.tables.base import chunks

#: Applies the operation to rows and returns how many it changed. It changes all of them or raises OperationRefused.
Apply = Callable[[Sequence[AnyVersioned]], int]
_MOST_REASONS: Final = 20


def apply_to_each(request: HttpRequest, rows: Sequence[AnyVersioned], apply: Apply[AnyVersioned], done: str) -> None:
    """Applies an operation to the rows, and tells the user how many it changed and why it refused the others.

    Rows are done together. If one is refused, each is done alone, in its own transaction. done: the message after the
    number of rows.
    """
    count, reasons, waiting = 0, list[str](), list(chunks(rows))
    for some in waiting:
        try:
            with transaction.atomic():
                count += apply(some)
        except OperationRefused as refused:
            if len(some) == 1:
                reasons.append(_reason(some[0], refused))
            else:
                waiting += ([row] for row in some)
    if count or not reasons:
        messages.success(request, f"{count} {done}")
    if reasons:
        kept = f"{len(reasons)} {'stays as it is' if len(reasons) == 1 else 'stay as they are'}."
        messages.error(request, f"{kept} {first_few(reasons, _MOST_REASONS, ' ')}")


def _reason(row: AnyVersioned, refused: OperationRefused) -> str:
    match refused:
        case RowsInUse():
            return str(refused)
        case StaleRows():
            return f"{row} has changed meanwhile."
        case InvalidDraft():
            return f"{row}: {refused.message}."
    return f"{row}: {refused}"

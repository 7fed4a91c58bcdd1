"""The errors of operations. If an operation raises one, it has written nothing."""

from collections.abc import Iterable


class OperationRefused(Exception):
    """Base class of the errors of operations."""


class InvalidDraft(OperationRefused):
    """A value of a draft is invalid.

    path: its field, for example ``layers[0].windows[1].start`` or ``overrides.<key>.ends_at``. position: the
    position of the draft, counted from 0; None outside a list of drafts.
    """

    def __init__(self, path: str, message: str, position: int | None = None) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
        self.position = position


class StaleRows(OperationRefused):
    """Rows were changed or deleted after the drafts were made. ids: the ids of these rows."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(sorted(ids))
        super().__init__(f"{len(self.ids)} rows have changed since they were read: {self.ids}. Read them again.")


class RowsInUse(OperationRefused):
    """Other rows refer to the rows. The message is a sentence for people."""


class NotAllowed(OperationRefused):
    """The actor may not do this. The message is a sentence for people."""

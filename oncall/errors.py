"""Why an operation refused. Nothing was written when one of these is raised."""

from collections.abc import Iterable


class OperationRefused(Exception):
    """Base of the refusals."""


class InvalidDraft(OperationRefused):
    """A wanted value makes no sense. path: the field, ``layers[0].windows[1].start``, ``overrides.<key>.ends_at``.

    position: which of the drafts, counted from 0; None outside a list of drafts.
    """

    def __init__(self, path: str, message: str, position: int | None = None) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
        self.position = position


class StaleRows(OperationRefused):
    """Rows that changed, or went, since the drafts were made. ids: theirs."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = tuple(sorted(ids))
        super().__init__(f"{len(self.ids)} rows have changed since they were read: {self.ids}. Read them again.")


class RowsInUse(OperationRefused):
    """Rows that others depend on, in a sentence for people."""

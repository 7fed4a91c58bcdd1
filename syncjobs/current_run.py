"""The run on which this thread works. Each log record names it, so that the records of one run can be found."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

#: The id of the run; None outside of runs.
CURRENT_RUN: Final[ContextVar[int | None]] = ContextVar("current_run", default=None)


@contextmanager
def working_on(run_id: int) -> Iterator[None]:
    """Within this block, log records name the run."""
    before = CURRENT_RUN.set(run_id)
    try:
        yield
    finally:
        CURRENT_RUN.reset(before)

"""Signals of runs. They let rooms above this one go on when a run has written something or has ended."""

from typing import Final

from django.dispatch import Signal

#: A run has applied its items. Arguments: run; fenced: opens a transaction of the run, raises FenceLost.
items_written: Final = Signal()
#: A run is no longer worked on, and schedules have to be read again because of decisions during the run. Argument: run.
reads_awaited: Final = Signal()
#: A connection is in quarantine, or for another reason than before. Sent in the transaction that ends the run that
#: failed, once for each reason. Arguments: connection; reason, a sentence; since.
quarantined: Final = Signal()

"""Times that a clock that was ahead has stored: that of a machine, or of the command ``tick --at``.

Without this module what waits for such a time would wait until it comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Model

from syncjobs.invitations.sending import LONGEST_WAIT
from syncjobs.models import (
    COOL_DOWN,
    USABLE_INVITATION,
    VALID_FOR,
    Invitation,
    InvitationState,
    Notice,
    NoticeState,
    RunState,
    SyncProfile,
    SyncRun,
)
from syncjobs.runs.claim import LEASE
from syncjobs.runs.claim import LONGEST_WAIT as LONGEST_WAIT_OF_RUN
from syncjobs.runs.durable.quarantine import LONGEST
from syncjobs.runs.notify import NOTIFY_AGAIN

_NOW: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Waited:
    """A time for which something waits. longest: how far ahead it is at most. instead: how far ahead it is set to."""

    model: type[Model]
    column: str
    longest: timedelta
    instead: timedelta
    rows: Mapping[str, Any]


#: All of them, but the slots of profiles, which go back with the clock (:mod:`syncjobs.slots.starting`).
WAITED: Final = (
    Waited(SyncRun, "lease_expires_at", LEASE, LEASE, {"state": RunState.RUNNING}),
    Waited(SyncRun, "notified_at", _NOW, -NOTIFY_AGAIN, {"state": RunState.QUEUED}),
    Waited(SyncRun, "due_at", timedelta(seconds=LONGEST_WAIT_OF_RUN), _NOW, {"state": RunState.WAITING}),
    Waited(SyncProfile, "next_try_at", LONGEST, _NOW, {}),
    Waited(Notice, "next_try", LONGEST_WAIT, _NOW, {"state": NoticeState.QUEUED}),
    Waited(Invitation, "next_try", COOL_DOWN, _NOW, {"state": InvitationState.QUEUED}),
    Waited(Invitation, "expires_at", VALID_FOR, VALID_FOR, {"state__in": USABLE_INVITATION}),
)
#: A worker and the database may differ by this much without a fault.
_TOLERANCE: Final = timedelta(minutes=1)


def bring_back(now: datetime) -> int:
    """Set the times that are further ahead than they can be to what they are at most. Return their number.

    now: the clock of the database. Makes a statement for each entry of the table.
    """
    number = 0
    for each in WAITED:
        rows = each.model._default_manager.filter(**each.rows)
        ahead = rows.filter(**{f"{each.column}__gt": now + each.longest + _TOLERANCE})
        number += ahead.update(**{each.column: now + each.instead})
    return number

"""Connections whose runs fail again and again. Their automatic runs wait longer and longer, until one succeeds.

A run that a person starts is always allowed. A run that reads the source ends the quarantine, and so does another key.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from syncjobs.models import RunState, SyncProfile, SyncRun
from syncjobs.runs.signals import quarantined

#: How many runs fail in succession until the quarantine begins.
FAILURES: Final = 3
#: The time until the next try doubles from the shortest to the longest.
SHORTEST, LONGEST = timedelta(hours=1), timedelta(hours=24)
#: States of a run that has read the source.
_READ: Final = frozenset({RunState.SUCCEEDED, RunState.PARTIAL, RunState.AWAITING_REVIEW, RunState.HELD})


def quarantine_of(profile: SyncProfile) -> dict[str, Any] | None:
    """Return ``{since, reason, tries, next_try}`` of a connection in quarantine, else None. Makes no query.

    since, next_try: ISO 8601. tries: how many runs failed in succession.
    """
    if not is_quarantined(profile):
        return None
    since, next_try = profile.quarantined_at, profile.next_try_at
    return {
        "since": since and since.isoformat(),
        "reason": profile.quarantine_reason,
        "tries": profile.failures,
        "next_try": next_try and next_try.isoformat(),
    }


def is_quarantined(profile: SyncProfile) -> bool:
    """Return whether a connection is in quarantine. Another key ends it."""
    entered = profile.connection.credentials_since
    return profile.quarantined_at is not None and not (entered and entered > profile.quarantined_at)


def may_run_by_itself(profile: SyncProfile, at: datetime) -> bool:
    """Return whether an automatic run may start at an instant."""
    return not is_quarantined(profile) or profile.next_try_at is None or profile.next_try_at <= at


def note_failure(run: SyncRun, code: str, reason: str) -> None:
    """Count a run that failed. Call it in the transaction that ends the run.

    A run that a person started during the quarantine does not delay the next automatic try.
    """
    now = timezone.now()
    profile = SyncProfile.objects.select_for_update(of=("self",)).select_related("connection").get(pk=run.profile_id)
    before, was_quarantined = profile.quarantine_code, is_quarantined(profile)
    if profile.connection.disconnected_at is not None:
        return
    if profile.quarantined_at is not None and not was_quarantined:  # with a key that was replaced
        _lift(profile)
    if not was_quarantined or run.slot is not None:
        profile.failures += 1
    if profile.failures >= FAILURES:
        profile.quarantined_at = profile.quarantined_at or now
        profile.quarantine_code, profile.quarantine_reason = code[:40], reason
        if not was_quarantined or run.slot is not None:
            profile.next_try_at = now + min(LONGEST, SHORTEST * 2 ** min(profile.failures - FAILURES, 10))
    profile.save(update_fields=_COLUMNS)
    if profile.quarantined_at is not None and (not was_quarantined or code[:40] != before):
        quarantined.send(sender=SyncProfile, connection=profile.connection, reason=reason, since=profile.quarantined_at)


def note_end(run: SyncRun) -> None:
    """End the quarantine after a run that has read the source. Makes a statement only if runs failed before."""
    profile = run.profile
    if run.state in _READ and profile.failures:
        _lift(profile)
        profile.save(update_fields=_COLUMNS)


_COLUMNS: Final = ["failures", "quarantined_at", "quarantine_code", "quarantine_reason", "next_try_at"]


def _lift(profile: SyncProfile) -> None:
    profile.failures, profile.quarantined_at, profile.next_try_at = 0, None, None
    profile.quarantine_code = profile.quarantine_reason = ""

"""Connections whose runs fail again and again. Their automatic runs wait longer and longer, until one succeeds.

A run that a person starts is always allowed. A run that reads the source ends the quarantine, and so does another key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from oncall.rendering.codec import instant_to_text
from syncjobs.models import SyncProfile, SyncRun

#: How many runs fail in succession until the quarantine begins.
FAILURES: Final = 3
#: The time until the next try doubles from the shortest to the longest.
SHORTEST, LONGEST = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine of a connection. tries: how many runs failed in succession. next_try: of an automatic run."""

    since: datetime
    reason: str
    tries: int
    next_try: datetime

    @classmethod
    def of(cls, profile: SyncProfile) -> "Quarantine | None":
        """Return the quarantine of a connection, None if it is in none. Makes no query but for the connection."""
        since, next_try = profile.quarantined_at, profile.next_try_at
        if since is None or next_try is None or _has_new_key(profile, since):
            return None
        return cls(since, profile.quarantine_reason, profile.failures, next_try)


def quarantine_of(profile: SyncProfile) -> dict[str, Any] | None:
    """Return ``{since, reason, tries, next_try}`` of a connection in quarantine, else None. Instants are ISO 8601."""
    found = Quarantine.of(profile)
    if found is None:
        return None
    times = {
        name: instant_to_text(int(moment.timestamp()))
        for name, moment in (("since", found.since), ("next_try", found.next_try))
    }
    return {"reason": found.reason, "tries": found.tries, **times}


def _has_new_key(profile: SyncProfile, since: datetime) -> bool:
    entered = profile.connection.credentials_since
    return entered is not None and entered > since


def may_run_by_itself(profile: SyncProfile, at: datetime) -> bool:
    """Return whether an automatic run may start at an instant."""
    found = Quarantine.of(profile)
    return found is None or found.next_try <= at


def note_failure(run: SyncRun, code: str, reason: str, at: datetime | None = None) -> None:
    """Count a run that failed. Call it in the transaction that ends the run.

    A run that a person started during the quarantine does not delay the next automatic try. at: the clock of retries;
    None: the present.
    """
    now = timezone.now()
    profile = SyncProfile.objects.select_for_update(of=("self",)).select_related("connection").get(pk=run.profile_id)
    was_quarantined = Quarantine.of(profile) is not None
    if profile.connection.disconnected_at is not None or profile.connection.refused_account:
        return  # a person has stopped it
    entered = profile.connection.credentials_since
    if entered is not None and run.started_at is not None and entered > run.started_at:
        _lift(profile)  # the key was replaced in mid-run, so this says nothing about the present one
        profile.save(update_fields=_COLUMNS)
        return
    if profile.quarantined_at is not None and not was_quarantined:  # with a key that was replaced
        _lift(profile)
    if not was_quarantined or run.slot is not None:
        profile.failures += 1
    if profile.failures >= FAILURES:
        profile.quarantined_at = profile.quarantined_at or now
        profile.quarantine_code, profile.quarantine_reason = code[:40], reason
        if not was_quarantined or run.slot is not None:
            profile.next_try_at = (at or now) + min(LONGEST, SHORTEST * 2 ** min(profile.failures - FAILURES, 10))
    profile.save(update_fields=_COLUMNS)


def note_end(run: SyncRun) -> None:
    """End the quarantine after a run that has read the source. Call it in the transaction that ends the run.

    Makes a statement only if runs failed before.
    """
    profile = run.profile
    if profile.failures:
        _lift(profile)
        profile.save(update_fields=_COLUMNS)


_COLUMNS: Final = ["failures", "quarantined_at", "quarantine_code", "quarantine_reason", "next_try_at"]


def _lift(profile: SyncProfile) -> None:
    profile.failures, profile.quarantined_at, profile.next_try_at = 0, None, None
    profile.quarantine_code = profile.quarantine_reason = ""

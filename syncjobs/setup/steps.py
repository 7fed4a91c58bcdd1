"""The steps of the setup of a connection, and what ends it."""

from typing import Any, Final

from django.utils import timezone

from syncjobs.models import SyncProfile

CONNECT: Final = "connect"
SELECT: Final = "select"
PEOPLE: Final = "people"
RULES: Final = "rules"
REVIEW: Final = "review"
RUN: Final = "run"
#: step -> word, in their order. The first one is made before there is a connection, and the last one is a run.
STEPS: Final = {
    CONNECT: "Connect",
    SELECT: "Select",
    PEOPLE: "People",
    RULES: "Rules",
    REVIEW: "Review",
    RUN: "Run",
}
_ORDER: Final = tuple(STEPS)


def is_after(step: str, other: str) -> bool:
    """Return whether a step comes after another one."""
    return _ORDER.index(step) > _ORDER.index(other)


def advance(profile: SyncProfile, step: str) -> None:
    """Store that the setup has reached a step. It never goes back, so that a person may go back and forth.

    Nothing happens if the setup is over.
    """
    if profile.setup_step and is_after(step, profile.setup_step):
        profile.setup_step = step
        SyncProfile.objects.filter(pk=profile.pk).exclude(setup_step="").update(setup_step=step)


def finish(profile: SyncProfile) -> None:
    """End the setup: automatic syncs start from now on, and their grid begins now.

    Nothing happens if the setup is over, so that a tab that was left open resumes no syncs that were paused later.
    """
    now = timezone.now()
    columns: dict[str, Any] = {"setup_step": "", "paused_at": None}
    if profile.every_since is not None:
        columns |= {"every_since": now, "slots_until": now}
    SyncProfile.objects.filter(pk=profile.pk).exclude(setup_step="").update(**columns)


def pause(profile: SyncProfile) -> None:
    """Let no automatic sync start until :func:`resume`. A sync that somebody starts is not affected."""
    SyncProfile.objects.filter(pk=profile.pk, paused_at=None).update(paused_at=timezone.now())


def resume(profile: SyncProfile) -> None:
    """Let automatic syncs start again. A slot that was missed meanwhile is caught up once."""
    SyncProfile.objects.filter(pk=profile.pk).update(paused_at=None)

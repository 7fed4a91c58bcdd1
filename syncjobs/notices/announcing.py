"""Stores which mails about a run are to be sent: once for each state in which a run ends or waits."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from oncall.models import EscalationPolicy, GroupLead, Schedule, User
from oncall.tables.base import chunks, local_id
from syncjobs.models import ACTIVE, Notice, NoticeKind, RunKind, RunState, SyncRun
from syncjobs.planning.impact.values import Change, Impact, Subject, Uncovered

#: The runs of one tick.
PIECE: Final = 200
#: The permission of those who get the mails about runs that are held, failed or waiting.
ADMINISTERS: Final = "syncjobs.change_syncprofile"
_SYNCS: Final = (RunKind.PLAN, RunKind.APPLY)
_WRITTEN: Final = (RunState.SUCCEEDED, RunState.PARTIAL)


def announce(now: datetime) -> int:
    """Store the mails about the runs that ended or wait for a person. Return their number.

    Each run is announced in one transaction, so that no mail is stored twice, and none is lost.
    """
    stored = 0
    waiting = SyncRun.objects.filter(announced=False).exclude(state__in=ACTIVE)
    for pk in list(waiting.order_by("pk").values_list("pk", flat=True)[:PIECE]):
        with transaction.atomic():
            if waiting.filter(pk=pk).update(announced=True):
                run = SyncRun.objects.select_related("connection", "profile").get(pk=pk)
                notices = [*_to_administrators(run, now), *_to_leads(run, now)]
                stored += len(Notice.objects.bulk_create(notices, ignore_conflicts=True))
    return stored


# --- administrators ---------------------------------------------------------------------------------------------------


def problem_of(run: SyncRun) -> NoticeKind | None:
    """Return why an administrator has to look at a run; None if none has to.

    Whoever sets a source up looks at its first plan. Pages say that the setup is not finished.
    """
    if run.kind not in _SYNCS:
        return None
    match run.state:
        case RunState.HELD:
            return NoticeKind.HELD
        case RunState.FAILED:
            return NoticeKind.FAILED
        case RunState.AWAITING_REVIEW if not run.profile.setup_step:
            return NoticeKind.WAITING
        case RunState.PARTIAL if any(counts.get("held") for counts in run.counts.values()):
            return NoticeKind.HELD
    return None


def administrators() -> "QuerySet[User]":
    """Return the active accounts with the permission to change the rules of connections."""
    app, name = ADMINISTERS.split(".")
    permission = Permission.objects.filter(content_type__app_label=app, codename=name)
    has = Q(is_superuser=True) | Q(groups__permissions__in=permission) | Q(user_permissions__in=permission)
    return User.objects.filter(has, is_active=True).order_by("pk").distinct()


def _to_administrators(run: SyncRun, now: datetime) -> Iterator[Notice]:
    """Yield a mail to each administrator, unless the same reason was announced and no run has been better since."""
    kind = problem_of(run)
    if kind is None:
        return
    key = _key(run, kind)
    accounts = administrators()
    if kind != NoticeKind.HELD:  # who started the run looks at its page
        accounts = accounts.exclude(pk__in=[run.requested_by_id] if run.requested_by_id else [])
    known = set(Notice.objects.filter(key=key).values_list("account", flat=True))
    for account in accounts:
        if account.pk not in known:
            yield _notice(kind, account.pk, run, key, now)


def _key(run: SyncRun, kind: NoticeKind) -> str:
    """Return what is the same for all runs with one reason, until a run is better.

    That a connection is in quarantine, so that its automatic syncs wait, is a reason of its own.
    """
    earlier = SyncRun.objects.filter(connection=run.connection_id, pk__lt=run.pk, kind__in=_SYNCS)
    if kind == NoticeKind.FAILED:
        better = earlier.filter(planned_at__isnull=False).exclude(state=RunState.FAILED)
    else:
        better = earlier.filter(state=RunState.SUCCEEDED)
    last = better.aggregate(last=Max("pk"))["last"] or 0
    reason = re.sub(r"\d+", "#", run.reason)
    if kind == NoticeKind.FAILED and run.profile.quarantined_at is not None:
        reason += " quarantine"
    digest = hashlib.sha256(reason.encode()).hexdigest()[:16]
    return f"{kind}:{run.connection_id}:{last}:{digest}"


def _notice(kind: NoticeKind, account: int, run: SyncRun, key: str, now: datetime) -> Notice:
    return Notice(kind=kind, account_id=account, run=run, key=key, created_at=now, next_try=now)


# --- leads ------------------------------------------------------------------------------------------------------------


def _to_leads(run: SyncRun, now: datetime) -> Iterator[Notice]:
    """Yield a mail to each lead of a group for which the run changed who is on call."""
    if run.state not in _WRITTEN or run.impact is None:
        return
    groups = set(groups_of(subjects_of(Impact.from_json(run.impact))).values())
    if groups:
        leads = GroupLead.objects.filter(group__in=groups, account__is_active=True)
        for account in leads.order_by("account").values_list("account", flat=True).distinct():
            yield _notice(NoticeKind.DIGEST, account, run, f"{NoticeKind.DIGEST}:{run.pk}", now)


def subjects_of(impact: Impact) -> set[Subject]:
    """Return the schedules and policies that an impact names."""
    listed: tuple[Change | Uncovered, ...] = (*impact.now, *impact.next_24h, *impact.uncovered)
    return {each.subject for each in listed}


def groups_of(subjects: set[Subject]) -> dict[Subject, int]:
    """Return the ids of the user groups that own schedules and policies. Makes a query for each kind, per 500 rows."""
    found: dict[Subject, int] = {}
    for kind, rows in (("schedule", Schedule.objects), ("escalation_policy", EscalationPolicy.objects)):
        ids = {pk: each for each in subjects if each.kind == kind and (pk := local_id(each.key)) is not None}
        for piece in chunks(sorted(ids)):
            owned = rows.filter(~Q(group=None), pk__in=piece).values_list("pk", "group")
            found |= {ids[pk]: group for pk, group in owned}
    return found

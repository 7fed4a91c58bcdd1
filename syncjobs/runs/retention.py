"""Takes addresses out of what is old, and deletes what is kept no longer. Each tick does a limited piece of it.

Only links that are not followed any more lose values: the base of the others is needed to compare both sides.
"""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from oncall.masking import without_addresses
from oncall.operations.retention import delete_change_records, thin_change_records
from syncjobs.models import (
    ACTIVE,
    DRAFT_KEPT,
    OPEN_INVITATION,
    OPEN_PLAN,
    Conflict,
    ConflictState,
    ConnectionDraft,
    ExternalLink,
    Invitation,
    LinkState,
    SyncItem,
    SyncRun,
)

#: The most rows of a table that one tick changes.
PIECE: Final = 500
#: The key of the checkpoint with the last item of a run whose addresses are hidden.
_THINNED: Final = "thinned_item"


def retain() -> dict[str, int]:
    """Do one piece of the work that is due; return the number of rows by kind of work. A limit of 0 days is none."""
    now = timezone.now()
    done = {}
    for word, days, work in (
        ("items thinned", settings.PERSONAL_DATA_DAYS, _thin_items),
        ("questions thinned", settings.PERSONAL_DATA_DAYS, _thin_questions),
        ("invitations deleted", settings.PERSONAL_DATA_DAYS, _delete_invitations),
        ("links thinned", settings.PERSONAL_DATA_DAYS, _thin_links),
        ("change records thinned", settings.PERSONAL_DATA_DAYS, lambda before: thin_change_records(before, PIECE)),
        ("items deleted", settings.ITEM_DAYS, _delete_items),
        ("runs deleted", settings.RUN_DAYS, _delete_run),
        ("drafts deleted", DRAFT_KEPT.days, _delete_drafts),
        ("change records deleted", settings.CHANGE_RECORD_DAYS, lambda before: delete_change_records(before, PIECE)),
    ):
        if days:
            done[word] = work(now - timedelta(days=days))
    return done


def _delete_drafts(before: datetime) -> int:
    """Delete the drafts of connections that nobody finished, with the keys in them."""
    old = list(ConnectionDraft.objects.filter(changed_at__lt=before).values_list("pk", flat=True)[:PIECE])
    return ConnectionDraft.objects.filter(pk__in=old, changed_at__lt=before).delete()[0] if old else 0


@transaction.atomic
def _thin_items(before: datetime) -> int:
    """Hide the addresses in items of people of the oldest run that has any, and in the sentences of the run."""
    over = Q(finished_at__lt=before) & ~Q(state__in=[*ACTIVE, *OPEN_PLAN])
    expired = Q(state__in=OPEN_PLAN, plan_expires_at__lt=before)
    run = SyncRun.objects.filter(over | expired, personal=True).order_by("pk").first()
    if run is None:
        return 0
    people = SyncItem.objects.filter(run=run, entity_type="responder", pk__gt=run.checkpoint.get(_THINNED, 0))
    items = list(people.order_by("pk").only("label", "reason", "changes")[:PIECE])
    for item in items:
        for column in ("label", "reason", "changes"):
            setattr(item, column, without_addresses(getattr(item, column)))
    if items:
        SyncItem.objects.bulk_update(items, ["label", "reason", "changes"], batch_size=100)
        run.checkpoint = {**run.checkpoint, _THINNED: items[-1].pk}
    if len(items) < PIECE:
        run.personal = False
        run.reason, run.notes = without_addresses(run.reason), without_addresses(run.notes)
    run.save(update_fields=["checkpoint", "personal", "reason", "notes"])
    return len(items)


def is_thinned(run: SyncRun, item: SyncItem) -> bool:
    """Return whether the addresses in an item were hidden, so that its values are not the former ones any more."""
    is_over = not run.personal or item.pk <= run.checkpoint.get(_THINNED, 0)
    return item.entity_type == "responder" and is_over


@transaction.atomic
def _thin_questions(before: datetime) -> int:
    """Empty old closed questions about people. Their subject, label and evidence can be addresses."""
    closed = Conflict.objects.filter(state=ConflictState.CLOSED, entity_type="responder", closed_at__lt=before)
    questions = list(closed.exclude(evidence={}).order_by("pk").only("label", "subject_key", "evidence")[:PIECE])
    for question in questions:
        question.label, question.evidence = without_addresses(question.label), {}
        question.subject_key = f"thinned:{question.pk}"
    if questions:
        Conflict.objects.bulk_update(questions, ["label", "subject_key", "evidence"], batch_size=100)
    return len(questions)


@transaction.atomic
def _delete_invitations(before: datetime) -> int:
    """Delete invitations that ended before. The change records of accounts that came from them stay."""
    ended = Invitation.objects.filter(ended_at__lt=before).exclude(state__in=OPEN_INVITATION).order_by("pk")
    ids = list(ended.values_list("pk", flat=True)[:PIECE])
    return Invitation.objects.filter(pk__in=ids).delete()[0] if ids else 0


@transaction.atomic
def _thin_links(before: datetime) -> int:
    """Remove addresses from the bases of people whose links are not followed. A new comparison then starts there."""
    unfollowed = ExternalLink.objects.filter(entity_type="responder", synced_version__gt=0, since__lt=before)
    due = unfollowed.exclude(state=LinkState.LINKED).order_by("since", "pk").select_for_update()
    links = list(due.only("base", "version")[:PIECE])
    for link in links:
        fields = {path: value for path, value in link.base.get("fields", {}).items() if path != "email"}
        elements = {name: e for name, e in link.base.get("elements", {}).items() if name != "contact_methods"}
        link.base = {"fields": fields, "elements": elements} if link.base else {}
        link.synced_version, link.source_hash, link.version = 0, "", link.version + 1
    if links:
        columns = ["base", "synced_version", "source_hash", "version"]
        ExternalLink.objects.bulk_update(links, columns, batch_size=100)
    return len(links)


def _disposable(before: datetime) -> "QuerySet[SyncRun]":
    """Return runs that ended before, have no open plan, and to which no run refers. The newest of each
    kind and state stays."""
    runs = SyncRun.objects.filter(finished_at__lt=before).exclude(state__in=[*ACTIVE, *OPEN_PLAN])
    later = SyncRun.objects.filter(connection=OuterRef("connection"), pk__gt=OuterRef("pk"))
    same = later.filter(state=OuterRef("state"), kind=OuterRef("kind"))
    referring = SyncRun.objects.filter(Q(of_run=OuterRef("pk")) | Q(superseded_by=OuterRef("pk")))
    return runs.filter(Exists(same)).exclude(Exists(referring))


@transaction.atomic
def _delete_items(before: datetime) -> int:
    due = SyncItem.objects.filter(run__in=_disposable(before)).order_by("pk")
    ids = list(due.values_list("pk", flat=True)[:PIECE])
    return SyncItem.objects.filter(pk__in=ids).delete()[0] if ids else 0


@transaction.atomic
def _delete_run(before: datetime) -> int:
    """Delete the oldest run that may be deleted, once few enough of its items are left."""
    run = _disposable(before).order_by("pk").only("pk").first()
    if run is None:
        return 0
    ids = list(SyncItem.objects.filter(run=run.pk).values_list("pk", flat=True)[:PIECE])
    if ids:
        SyncItem.objects.filter(pk__in=ids).delete()
    if len(ids) == PIECE:
        return 0  # the next tick goes on
    return SyncRun.objects.filter(pk=run.pk).delete()[1].get("syncjobs.SyncRun", 0)

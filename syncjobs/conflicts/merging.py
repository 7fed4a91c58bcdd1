"""Merge two rows so that it lasts: with their links, so that later syncs of either source keep the result."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from oncall.aggregates import Kind
from oncall.operations import Actor, WriteResult, lock_for_merge, merge
from oncall.rendering.codec import instant_to_text
from oncall.tables.kinds import ROOTS
from syncjobs.models import PRESENT_STATES, Conflict, ConflictState, ExternalLink, LinkState
from syncjobs.planning.canonical import have_same_meaning

#: Why the link of the row whose values were not kept is ignored.
MERGED: Final = "merged"
#: A version that no row has: the row of such a link is compared with the source again.
_EDITED: Final = 0


@transaction.atomic
def merge_rows(kind: Kind, loser_id: int, into_id: int, *, by: Actor, values: int | None = None) -> list[WriteResult]:
    """Merge the row ``loser_id`` into ``into_id``; return the results of both rows, the loser first.

    values: the row whose fields are kept, ``into_id`` unless given. Raises InvalidDraft or NotAllowed, as
    :func:`oncall.operations.merge`; nothing is written then.

    In a kind whose rows are united (``Roots.united``), every link goes on writing its own elements, and the link that
    wrote the kept fields goes on writing them. If there was none, the oldest linked one takes over; where its source
    has other values, the kept ones are pinned, so that only a decision replaces them. In another kind, the links of the
    row whose values are kept go on; the others are ignored, and stay with their elements at the inactive row. A link
    that is ignored already keeps its reason.
    """
    versions = lock_for_merge(kind, loser_id, into_id, by)
    results = merge(kind, loser_id, into_id, by, values=values)
    links = _lock_links(kind, loser_id, into_id)
    kept = [link for link in links if link.row_id == (values or into_id)]
    others = [link for link in links if link not in kept]
    questions = _open_questions(kind, links)
    asked = {(question.connection_id, question.external_id) for question in questions}
    for link in links:
        is_untouched = link.synced_version == versions[link.row_id or 0]
        is_settled = is_untouched and (link.connection_id, link.external_id) not in asked
        link.synced_version = results[1].version if is_settled else _EDITED
        link.version += 1
    now = timezone.now()
    if ROOTS[kind].united:
        _unite(kind, kept, others, into_id, now)
    else:
        _choose(kind, kept, others, loser_id, into_id, now)
        _close(questions, others, now)
    # No statement may give a row two primary links, not even between two of its rows.
    ExternalLink.objects.filter(pk__in=[link.pk for link in links]).update(primary=False)
    columns = [kind, "primary", "state", "ignored_reason", "since", "version", "synced_version", "pins"]
    ExternalLink.objects.bulk_update(links, columns)
    return results


def _lock_links(kind: Kind, *row_ids: int) -> list[ExternalLink]:
    links = ExternalLink.objects.select_for_update(of=("self",)).filter(**{f"{kind}__in": row_ids})
    return list(links.select_related("connection__profile").order_by("pk"))


def _unite(
    kind: Kind, kept: Sequence[ExternalLink], others: Sequence[ExternalLink], into_id: int, now: datetime
) -> None:
    """Point all links to one row, and choose the one that writes its fields."""
    writer = _writer(kept, others)
    if writer is not None and not (writer.primary and writer in kept):
        _pin_differences(kind, writer, into_id, now)
    for link in (*kept, *others):
        setattr(link, f"{kind}_id", into_id)
        link.primary = link is writer


def _writer(kept: Sequence[ExternalLink], others: Sequence[ExternalLink]) -> ExternalLink | None:
    """Return the link that writes the fields: the one that wrote the kept ones if it is linked, else the oldest one."""
    order = [
        *(link for link in kept if link.primary and link.state == LinkState.LINKED),
        *(link for link in (*kept, *others) if link.state == LinkState.LINKED),
        *(link for link in (*kept, *others) if link.primary),
    ]
    return order[0] if order else None


def _pin_differences(kind: Kind, link: ExternalLink, row_id: int, now: datetime) -> None:
    """Pin the fields that differ from the source's last known values, or whose value there was never agreed on.

    The base stays: it already is the source's last known value. So the next sync keeps these fields and asks only when
    the source changes them.
    """
    base, row = link.base.get("fields", {}), ROOTS[kind].rows.get(pk=row_id)
    at = instant_to_text(int(now.timestamp()))
    for path, value in ROOTS[kind].read(row).items():
        if path in base:
            differs = not have_same_meaning(kind, path, value, base[path], at)
        else:
            differs = value not in (None, "", [], {})
        if differs and _may_be_written(kind, link, path):
            link.pins = {path: "ask", **link.pins}


def _may_be_written(kind: Kind, link: ExternalLink, path: str) -> bool:
    """Return whether the source writes the field or a question is asked about it. If not, a pin would change that."""
    profile = getattr(link.connection, "profile", None)
    return profile is None or profile.ownership.get(f"{kind}.{path}") != "local"


def _choose(
    kind: Kind,
    kept: Iterable[ExternalLink],
    others: Iterable[ExternalLink],
    loser_id: int,
    into_id: int,
    now: datetime,
) -> None:
    """Point the links of the kept values to the row, and ignore the others, which stay at the inactive row."""
    for link in kept:
        setattr(link, f"{kind}_id", into_id)
    for link in others:
        setattr(link, f"{kind}_id", loser_id)
        link.synced_version = _EDITED
        if link.state == LinkState.IGNORED:
            continue
        link.state, link.ignored_reason, link.since = LinkState.IGNORED, MERGED, now


def _open_questions(kind: Kind, links: Iterable[ExternalLink]) -> list[Conflict]:
    """Return the open questions about fields or elements of these objects, as opposed to those about objects."""
    objects = Q(pk__in=())
    for link in links:
        objects |= Q(connection_id=link.connection_id, external_id=link.external_id)
    return list(Conflict.objects.filter(objects, entity_type=kind, state__in=PRESENT_STATES).exclude(paths=[]))


def _close(questions: Iterable[Conflict], links: Iterable[ExternalLink], now: datetime) -> None:
    """Close the questions about objects that write nothing any more, because no sync compares them."""
    objects = {(link.connection_id, link.external_id) for link in links}
    gone = [question.pk for question in questions if (question.connection_id, question.external_id) in objects]
    if gone:
        Conflict.objects.filter(pk__in=gone).update(state=ConflictState.CLOSED, closed_at=now)

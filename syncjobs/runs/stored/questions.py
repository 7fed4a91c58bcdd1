"""Store the questions of a plan. Only differences are written: a plan with the same questions writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.models.root import NAME_LENGTH
from oncall.tables.base import chunks, source_of
from syncjobs.invitations.answering import answer_with_invitations
from syncjobs.models import (
    PRESENT_STATES,
    ROW_COLUMNS,
    WAITING_STATES,
    ApplyLock,
    Awaits,
    Conflict,
    ConflictKind,
    ConflictRow,
    ConflictState,
    ExternalLink,
    SyncRun,
)
from syncjobs.planning.conflicts import NAME_COLLISIONS, SourceDraft, evidence_hash, name_collision
from syncjobs.planning.decisions.rules import rule_for
from syncjobs.planning.values import ConflictDraft, LinkView, OpenConflict, Picture, Plan, Rules

_Links = Mapping[Kind, Mapping[str, LinkView]]
#: The columns that another plan with the same question may change.
_REFRESHED: Final = ("external_id", "link", "label", "paths", "evidence", "evidence_hash")


def store_conflicts(run: SyncRun, plan: Plan, picture: Picture, rules: Rules, at: datetime) -> int:
    """Open, refresh and close conflicts so that they match the plan. Return how many were opened.

    A question that was decided is not opened again. If its evidence changed, it is closed and a new one is opened, also
    if a decision was only proposed, because the proposal is not about the new evidence.

    Another connection may open the same question about rows of both at the same time: then there is one question.
    """
    before = {(conflict.kind, conflict.subject): conflict for conflict in picture.conflicts}
    new, moved, settled = [], [], list(plan.settled)
    for (kind, subject), draft in {(draft.kind, draft.subject): draft for draft in plan.conflicts}.items():
        known = before.get((kind, subject))
        if known is not None and not _differs(known, draft, picture.links):  # of most questions, no row is made
            continue
        row = _conflict(run, draft, picture.links, rules, at)
        if known is None:
            new.append((draft, row))
        elif (known.decided or known.proposed) and known.evidence_hash != row.evidence_hash:
            settled.append(known.id)
            new.append((draft, row))
        else:
            row.pk = known.id
            moved.append(row)
    if not (new or moved or settled):
        return 0
    with transaction.atomic():
        if any(draft.shared for draft, _ in new):
            new = [
                (draft, _conflict(run, draft, picture.links, rules, at)) for draft in _united(new, before.values(), at)
            ]
        # Two plans change questions in the same order, and open new ones afterwards, so that neither waits for ever.
        decided: dict[int, str] = {}
        for piece in chunks(sorted([*settled, *(row.pk for row in moved)])):
            locked = Conflict.objects.select_for_update().filter(pk__in=piece).order_by("pk")
            states = locked.values_list("pk", "state", "evidence_hash")
            decided |= {pk: evidence for pk, state, evidence in states if state == ConflictState.DECIDED}
        # A decision that came first keeps its evidence: the next plan opens a new question about the other evidence.
        moved = [row for row in moved if decided.get(row.pk, row.evidence_hash) == row.evidence_hash]
        for piece in chunks(settled):
            present = Conflict.objects.filter(pk__in=piece, state__in=PRESENT_STATES)
            present.update(state=ConflictState.CLOSED, closed_at=at)
        Conflict.objects.bulk_update(moved, _REFRESHED, batch_size=100)
        own = [row for draft, row in new if not draft.shared]
        answer_with_invitations(own)
        Conflict.objects.bulk_create(own)
        already = _open_shared([(draft, row) for draft, row in new if draft.shared])
        return sum(row.state in WAITING_STATES for _, row in new) - already


def _united(
    new: Sequence[tuple[ConflictDraft, Conflict]], known: Iterable[OpenConflict], at: datetime
) -> list[ConflictDraft]:
    """Return the new questions. One that another plan opened meanwhile about some of the same rows becomes a part.

    known: the questions that were open when the plan was made. Plans that open questions about names wait for each
    other.
    """
    ApplyLock.objects.bulk_create([ApplyLock(entity_type=kind) for kind in NAME_COLLISIONS], ignore_conflicts=True)
    list(ApplyLock.objects.select_for_update().filter(entity_type__in=NAME_COLLISIONS).order_by("pk").values_list("pk"))
    known_ids = {conflict.id for conflict in known}
    drafts = []
    for draft, _ in new:
        meanwhile: dict[int, Conflict] = {}
        for piece in chunks(draft.keys) if draft.shared else ():
            about = Conflict.objects.filter(connection=None, kind=draft.kind, state__in=WAITING_STATES)
            meanwhile |= {other.pk: other for other in about.filter(rows__key__in=piece) if other.pk not in known_ids}
        others = [other for other in meanwhile.values() if other.evidence["name"] == draft.evidence["name"]]
        if others:
            keys = {*draft.keys, *(key for other in others for key in other.evidence["rows"])}
            draft = name_collision(draft.entity_type, draft.evidence["name"], draft.label, keys)
            parts = [other.pk for other in others if other.subject_key != draft.subject]
            Conflict.objects.filter(pk__in=parts).update(state=ConflictState.CLOSED, closed_at=at)
        drafts.append(draft)
    return drafts


def ask_about_account(connection: Connection, draft: SourceDraft, at: datetime) -> int:
    """Open the question about the account of a key, unless it waits already. Return its id. Call it when fenced.

    A decision about an account ends with such a read: a refused account is not read, so another key was entered.
    """
    present = Conflict.objects.select_for_update(of=("self",)).filter(
        connection=connection, kind=ConflictKind.ACCOUNT_CHANGED, state__in=PRESENT_STATES
    )
    for question in present:
        if question.state in WAITING_STATES and question.evidence_hash == evidence_hash(draft):
            return question.pk
        Conflict.objects.filter(pk=question.pk).update(state=ConflictState.CLOSED, closed_at=at)
    return Conflict.objects.create(
        connection=connection,
        kind=draft.kind,
        subject_key=draft.subject,
        label=draft.label[:NAME_LENGTH],
        evidence=dict(draft.evidence),
        evidence_hash=evidence_hash(draft),
        opened_at=at,
    ).pk


def link_conflicts(run: SyncRun) -> None:
    """Set the link of conflicts about objects that had no link when they were planned.

    A decision that waited for the plan of one object is carried out then.
    """
    link = ExternalLink.objects.filter(
        connection=OuterRef("connection"), entity_type=OuterRef("entity_type"), external_id=OuterRef("external_id")
    )
    with_row = link.filter(reduce(or_, (Q(**{f"{kind}__isnull": False}) for kind in ROW_COLUMNS)))
    is_unlinked = Q(link=None) & Q(Exists(link))
    # A decision about several people waits for the others, too. The next plan closes its question.
    waits = Q(awaits=Awaits.PLAN, state=ConflictState.DECIDED) & ~Q(kind=ConflictKind.AMBIGUOUS) & Q(Exists(with_row))
    present = Conflict.objects.filter(connection=run.connection, state__in=PRESENT_STATES)
    present.filter(is_unlinked | waits).update(
        link=Coalesce("link", Subquery(link.values("pk")[:1])),
        awaits=Case(When(waits, then=Value("")), default="awaits"),
    )


def _open_shared(new: Iterable[tuple[ConflictDraft, Conflict]]) -> int:
    """Open the questions that belong to no single connection. Return how many of them were open already."""
    drafts: dict[tuple[str, str], tuple[ConflictDraft, Conflict]] = {}
    drafts |= {(draft.kind, draft.subject): (draft, row) for draft, row in new}
    if not drafts:
        return 0
    already = _open_ids(drafts).keys()
    missing = [row for identity, (_, row) in sorted(drafts.items()) if identity not in already]
    Conflict.objects.bulk_create(missing, ignore_conflicts=True)
    ConflictRow.objects.bulk_create(
        [
            ConflictRow(conflict_id=pk, key=key, connection_id=int(source) if source.isdecimal() else None)
            for identity, pk in _open_ids(drafts).items()
            for key in drafts[identity][0].keys
            for source in [source_of(key)]
        ],
        ignore_conflicts=True,
    )
    return len(already)


def _open_ids(drafts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the ids of the present questions that belong to no single connection, by kind and subject."""
    wanted = set(drafts)
    found: dict[tuple[str, str], int] = {}
    for piece in chunks(sorted({subject for _, subject in wanted})):
        rows = Conflict.objects.filter(connection=None, state__in=PRESENT_STATES, subject_key__in=piece)
        found |= {(kind, subject): pk for pk, kind, subject in rows.values_list("pk", "kind", "subject_key")}
    return {identity: pk for identity, pk in found.items() if identity in wanted}


def _conflict(run: SyncRun, draft: ConflictDraft, links: _Links, rules: Rules, at: datetime) -> Conflict:
    """Return the question of a draft. It is decided if a rule answers it."""
    rule = rule_for(rules.remembered, draft.kind, draft.entity_type, draft.evidence)
    return Conflict(
        connection_id=None if draft.shared else run.connection_id,
        link_id=_link_id(draft, links),
        kind=draft.kind,
        subject_key=draft.subject,
        entity_type=draft.entity_type,
        external_id=draft.external_id,
        label=draft.label[:NAME_LENGTH],
        paths=list(draft.paths),
        evidence=dict(draft.evidence),
        evidence_hash=evidence_hash(draft),
        opened_at=at,
        state=ConflictState.OPEN if rule is None else ConflictState.DECIDED,
        choice="" if rule is None else rule.choice,
        arguments={} if rule is None else dict(rule.arguments),
        rule_id=None if rule is None else rule.id,
        decided_at=None if rule is None else at,
    )


def _link_id(draft: ConflictDraft, links: _Links) -> int | None:
    link = None if draft.shared else links[entity_type_of(draft.entity_type)].get(draft.external_id)
    return link.id if link else None


def _differs(known: OpenConflict, draft: ConflictDraft, links: _Links) -> bool:
    """Return whether something that is stored differs. The evidence and its paths are compared by their hash."""
    return (known.external_id, known.link_id, known.label, known.evidence_hash, known.why) != (
        draft.external_id,
        _link_id(draft, links),
        draft.label[:NAME_LENGTH],
        evidence_hash(draft),
        draft.evidence.get("why", ""),
    )

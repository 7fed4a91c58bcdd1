"""Loads what a decision is made from: the question, and both sides of it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from connectors.models import Connection
from connectors.records import entity_type_of
from oncall.aggregates import Kind, State, fold
from oncall.emails import canonical_email
from oncall.models import EscalationPolicy, Reference, Responder, User
from oncall.operations.keys import references_to
from oncall.rendering.codec import instant_to_text
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.concerned import keys_of, rows_of
from syncjobs.conflicts.planned import PlannedObject, is_name_planned, planned_objects
from syncjobs.models import (
    OPEN_INVITATION,
    PRESENT_STATES,
    Conflict,
    ConflictKind,
    ExternalLink,
    Invitation,
    LinkState,
)
from syncjobs.planning.conflicts import NAMES_ROWS
from syncjobs.planning.decisions.values import AccountSide, LinkSide, Question, RowSide, Sides, SourceSide
from syncjobs.planning.values import Base, element_key


def question_of(conflict: Conflict) -> Question:
    """Return a stored question as it is decided."""
    return Question(
        kind=conflict.kind,
        entity_type=entity_type_of(conflict.entity_type) if conflict.entity_type else None,
        external_id=conflict.external_id,
        label=conflict.label,
        connection_id=conflict.connection_id,
        paths=tuple(conflict.paths),
        evidence=conflict.evidence,
        keys=keys_of(conflict) if conflict.kind in NAMES_ROWS else (),
    )


def load_sides(question: Question, at: datetime | None = None) -> Sides:
    """Return both sides as they are now. Accounts and people that an argument names are loaded when they are needed.

    at: the instant of the decision, for an answer that holds only for a time.
    """
    common = Sides(
        account=_account,
        person=lambda row_id: load_rows("responder", [row_id]).get(row_id),
        source=_source(question.connection_id),
        at="" if at is None else instant_to_text(int(at.timestamp()) // 60 * 60),
    )
    kind = question.entity_type
    if kind is None:
        return common
    links = ExternalLink.objects.filter(
        connection=question.connection_id, entity_type=kind, external_id=question.external_id
    )
    link = links.first() if question.connection_id and question.external_id else None
    row_ids = rows_of(kind, question.keys)
    own = [] if link is None or link.row_id is None else [link.row_id]
    planned = planned_objects(kind, set(question.keys or _own_key(question, link)) - row_ids.keys())
    matched = next((each.row_id for each in planned.values() if each.row_id and not question.keys), None)
    found = load_rows(kind, [*row_ids.values(), *own, *filter(None, [matched])])
    rows = {key: found[row_id] for key, row_id in row_ids.items() if row_id in found}
    return replace(
        common,
        link=None if link is None else _link_side(link),
        row=found.get(link.row_id or 0) if link is not None else None,
        matched=found.get(matched or 0),
        rows=rows | _planned_rows(kind, {key: each for key, each in planned.items() if each.creates}, rows),
        united=ROOTS[kind].united,
        is_taken=lambda name, row: _is_taken(kind, name, row),
        invited=lambda email: _invited(question, link.row_id if link else None, email),
        domains=lambda: _domains(question.connection_id),
    )


def _own_key(question: Question, link: ExternalLink | None) -> list[str]:
    """Return the key of the object of a question that has no link yet."""
    if link is not None or question.connection_id is None or not question.external_id:
        return []
    return [element_key(question.connection_id, question.external_id)]


def _planned_rows(
    kind: Kind, planned: Mapping[str, PlannedObject], stored: Mapping[str, RowSide]
) -> dict[str, RowSide]:
    """Return rows that plans create, by key. stored: the other rows of the question, by key."""
    rows = {key: RowSide(State(each.fields), key=key) for key, each in planned.items()}
    refs = {key: row.ref for key, row in {**stored, **rows}.items()}
    return {
        key: replace(row, refers_to=frozenset(refs[used] for used in _used_keys(kind, row) if used in refs))
        for key, row in rows.items()
    }


def _used_keys(kind: Kind, row: RowSide) -> set[str]:
    """Return the keys of the rows of the same kind that a planned row uses, or of which it is a part."""
    values, table = row.state.fields, ROOTS[kind]
    used = {use.key for use in table.find_keys(values) if use.kind == kind}
    return used | {str(values[column.key]) for column in table.keys if column.kind == kind and values.get(column.key)}


def _source(connection_id: int | None) -> SourceSide | None:
    connection = Connection.objects.filter(pk=connection_id).first() if connection_id is not None else None
    if connection is None:
        return None
    return SourceSide(connection.name, connection.account_id, connection.account_label)


def load_rows(kind: Kind, ids: Iterable[int]) -> dict[int, RowSide]:
    """Return rows with their links, by id."""
    wanted = sorted(set(ids))
    states = load_states(kind, wanted)
    links: dict[int, list[LinkSide]] = {}
    for link in ExternalLink.objects.filter(**{f"{kind}__in": wanted}).order_by("pk"):
        links.setdefault(link.row_id or 0, []).append(_link_side(link))
    accounts = dict(Responder.objects.filter(pk__in=wanted).values_list("pk", "account")) if kind == "responder" else {}
    uses = _uses(wanted) if kind == "escalation_policy" else {}
    merged = set(ROOTS[kind].rows.filter(pk__in=wanted, merged_into__isnull=False).values_list("pk", flat=True))
    return {
        pk: RowSide(
            state,
            tuple(links.get(pk, ())),
            accounts.get(pk),
            sum(rows.filter(**{column.row: pk}).count() for rows, column in references_to(kind)),
            pk in merged,
            frozenset(map(str, uses.get(pk, ()))),
        )
        for pk, state in states.items()
    }


def _uses(policies: Iterable[int]) -> dict[int, set[int]]:
    """Return the policies that these policies page, or of which they are a part."""
    pages = Reference.objects.filter(owner_policy__in=policies, escalation_policy__isnull=False)
    parts = EscalationPolicy.objects.filter(pk__in=policies, part_of__isnull=False)
    found: dict[int, set[int]] = {}
    for user, used in [
        *pages.values_list("owner_policy", "escalation_policy"),
        *parts.values_list("pk", "part_of"),
    ]:
        found.setdefault(user or 0, set()).add(used or 0)
    return found


def _link_side(link: ExternalLink) -> LinkSide:
    return LinkSide(
        link.pk,
        link.connection_id,
        link.external_id,
        link.version,
        link.state,
        link.primary,
        Base.from_json(link.base),
        link.pins,
    )


def _account(email: str) -> AccountSide | None:
    canonical = canonical_email(email)
    account = User.objects.filter(email_canonical=canonical).first() if canonical else None
    if account is None:
        return None
    row_id = Responder.objects.filter(account=account).values_list("pk", flat=True).first()
    row = load_rows("responder", [row_id])[row_id] if row_id is not None else None
    privileged = account.is_staff or account.is_superuser
    return AccountSide(account.pk, account.email, account.is_active, privileged, row)


def _is_taken(kind: Kind, name: str, row: RowSide) -> bool:
    named = ROOTS[kind].rows.filter(name_key=fold(name)).exclude(pk=row.state.id or 0)
    is_here = any(other.active and other.merged_into_id is None for other in named)
    return is_here or is_name_planned(kind, fold(name), row.key)


def _invited(question: Question, row_id: int | None, email: str) -> str | None:
    """Return the name of another person who has an open invitation of this address, or None."""
    invitation = Invitation.objects.filter(email=email, state__in=OPEN_INVITATION).first()
    if invitation is None or not invitation.external_id:
        return None
    key = (invitation.connection_id, invitation.external_id)
    if key == (question.connection_id, question.external_id):
        return None
    links = ExternalLink.objects.filter(connection=key[0], entity_type="responder", external_id=key[1])
    other = links.values_list("responder", flat=True).first()
    return None if other is not None and other == row_id else invitation.name or invitation.external_id


def _domains(connection: int | None) -> frozenset[str]:
    """Return the domains of the addresses of a source: of imported people, and of those who are only planned."""
    links = ExternalLink.objects.filter(connection=connection, entity_type="responder").exclude(state=LinkState.IGNORED)
    emails = set(links.values_list("responder__email_canonical", flat=True))
    planned = Conflict.objects.filter(
        connection=connection, kind=ConflictKind.USER_NOT_FOUND, state__in=PRESENT_STATES
    ).values_list("evidence", flat=True)
    emails |= {canonical_email(str(evidence.get("email") or "")) or "" for evidence in planned}
    return frozenset(email.partition("@")[2] for email in emails if email)

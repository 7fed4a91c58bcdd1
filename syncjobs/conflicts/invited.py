"""Finds the last invitation of people: of those of questions, and of people here."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from oncall.emails import canonical_email
from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictKind, ExternalLink, Invitation


def last_invitations(conflicts: Sequence[Conflict]) -> dict[int, Invitation]:
    """Return the last invitation of each person who was not found and was invited, by the id of the question.

    An invitation is that of the person, or of the address at the source. Makes two queries per 500 questions.
    """
    asked = [each for each in conflicts if each.kind == ConflictKind.USER_NOT_FOUND]
    emails = {each.pk: canonical_email(str(each.evidence.get("email") or "")) or "" for each in asked}
    by_person: dict[tuple[int | None, str], Invitation] = {}
    by_email: dict[str, Invitation] = {}
    for piece in chunks(sorted({each.external_id for each in asked})):
        for invitation in _ordered().filter(external_id__in=piece):
            by_person[invitation.connection_id, invitation.external_id] = invitation
    for piece in chunks(sorted(set(emails.values()) - {""})):
        for invitation in _ordered().filter(email__in=piece):
            by_email[invitation.email] = invitation
    found = {}
    for each in asked:
        candidates = (by_person.get((each.connection_id, each.external_id)), by_email.get(emails[each.pk]))
        newest = max((found for found in candidates if found), key=lambda invitation: invitation.pk, default=None)
        if newest is not None:
            found[each.pk] = newest
    return found


def invitations_of_rows(row_ids: Iterable[int]) -> dict[int, Invitation]:
    """Return the last invitation of each person here who was invited, by the id of the row: two queries per 500."""
    rows: dict[tuple[int, str], int] = {}
    for piece in chunks(sorted(set(row_ids))):
        links = ExternalLink.objects.filter(responder__in=piece, entity_type="responder")
        rows |= {
            (connection, external_id): row or 0
            for connection, external_id, row in links.values_list("connection", "external_id", "responder")
        }
    found: dict[int, Invitation] = {}
    for names in chunks(sorted({external_id for _, external_id in rows})):
        for invitation in _ordered().filter(external_id__in=names):
            row = rows.get((invitation.connection_id, invitation.external_id))
            if row is not None:
                found[row] = invitation
    return found


def _ordered() -> "QuerySet[Invitation]":
    return Invitation.objects.select_related("proposed_by", "approved_by").order_by("pk")

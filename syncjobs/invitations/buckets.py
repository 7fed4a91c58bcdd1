"""Sorts the people of a source by what they need to get an account here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from connectors.models import Connection
from oncall.emails import canonical_email
from syncjobs.conflicts.concerned import concerns
from syncjobs.conflicts.invited import last_invitations
from syncjobs.models import (
    PRESENT_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
    Invitation,
    InvitationState,
    LinkState,
)

#: matched: has an account. invitable: has an address and waits for an answer, also after a mail that could not be sent.
#: left: has no usable address, or was left without an account. The others are states of invitations.
BUCKETS: Final = ("matched", "invitable", "left", "proposed", "sent", "accepted", "expired", "revoked")
_PENDING: Final = {
    InvitationState.PROPOSED: "proposed",
    InvitationState.QUEUED: "sent",
    InvitationState.SENT: "sent",
    InvitationState.ACCEPTED: "accepted",
}
_OVER: Final = {InvitationState.EXPIRED: "expired", InvitationState.REVOKED: "revoked"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who holds a turn, target or membership, or an address that was invited. holds_up: in words."""

    email: str
    name: str
    external_id: str | None
    holds_up: tuple[str, ...]


def buckets_of(connection: Connection) -> dict[str, list[Person]]:
    """Return the people of a source by bucket, those who are on call soon first.

    Everybody without an account who holds something is in exactly one bucket. Who has an account is in ``matched``, and
    in ``accepted``, too, if the account comes from an invitation.
    """
    subjects, accounts = _subjects(connection)
    found = concerns(subjects, timezone.now())
    invited = last_invitations(subjects)
    buckets: dict[str, list[Person]] = {name: [] for name in BUCKETS}
    for subject in sorted(subjects, key=lambda each: _order(found[each.pk].holds_up, each.label)):
        concern, invitation = found[subject.pk], invited.get(subject.pk)
        if not (concern.holds_up or concern.groups or subject.state):
            continue
        email = invitation.email if invitation is not None else str(subject.evidence.get("email") or "")
        person = Person(email, subject.label, subject.external_id, concern.holds_up)
        if accounts.get(subject.external_id):
            buckets["matched"].append(person)
            if invitation is not None and invitation.state == InvitationState.ACCEPTED:
                buckets["accepted"].append(person)
        else:
            buckets[_bucket(subject, invitation)].append(person)
    for invitation in Invitation.objects.filter(connection=connection, external_id="").order_by("pk"):
        name = _PENDING.get(InvitationState(invitation.state)) or _OVER.get(InvitationState(invitation.state))
        if name is not None and not any(each.email == invitation.email for each in buckets[name]):
            buckets[name].append(Person(invitation.email, invitation.name, None, ()))
    return buckets


def _subjects(connection: Connection) -> tuple[list[Conflict], dict[str, bool]]:
    """Return a question for each person of a source, and who of them has an account, by external id.

    The questions of people who have none are not stored: their state is empty, and their ids are negative.
    """
    asked = Conflict.objects.filter(
        connection=connection, kind=ConflictKind.USER_NOT_FOUND, state__in=PRESENT_STATES
    ).order_by("pk")
    by_id = {question.external_id: question for question in asked}
    accounts = {}
    links = ExternalLink.objects.filter(connection=connection, entity_type="responder", responder__isnull=False)
    columns = ("pk", "external_id", "state", "responder__name", "responder__email", "responder__account")
    for pk, external_id, state, name, email, account in links.order_by("pk").values_list(*columns):
        accounts[external_id] = account is not None
        if external_id not in by_id:
            by_id[external_id] = Conflict(
                pk=-pk,
                connection=connection,
                kind=ConflictKind.USER_NOT_FOUND,
                entity_type="responder",
                external_id=external_id,
                label=name,
                evidence={"email": "" if state == LinkState.IGNORED else email},
                state="",
            )
    return list(by_id.values()), accounts


def _bucket(subject: Conflict, invitation: Invitation | None) -> str:
    """Return the bucket of a person who has no account."""
    state = InvitationState(invitation.state) if invitation is not None else None
    if state in _PENDING:
        return _PENDING[state]
    if subject.state == ConflictState.DECIDED:
        return "left"
    if state in _OVER:
        return _OVER[state]
    return "invitable" if canonical_email(str(subject.evidence.get("email") or "")) else "left"


def _order(holds_up: Sequence[str], label: str) -> tuple[int, str]:
    soon = "on call now" in " ".join(holds_up), "next shift" in " ".join(holds_up)
    return (0 if soon[0] else 1 if soon[1] else 2), label

"""Proposes, approves, sends again and ends invitations. Questions that an invitation answers follow its state.

Conflicts are locked before invitations.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from oncall.models import User
from syncjobs.models import (
    COOL_DOWN,
    OPEN_INVITATION,
    UNDECIDED,
    Conflict,
    ConflictKind,
    ConflictState,
    Invitation,
    InvitationState,
)
from syncjobs.planning.decisions.rules import INVITE
from syncjobs.planning.decisions.values import Invitee, Refused


def propose(connection: int, invitee: Invitee, by: User | None) -> Invitation:
    """Store the wish that somebody is invited. An invitation of the person that is open stays as it is."""
    return _open(connection, invitee, InvitationState.PROPOSED, by)


def approve(connection: int, invitee: Invitee, by: User | None) -> Invitation:
    """Let somebody be invited. The mail is sent by the outbox, and never twice within the cool-down.

    by: None for the shell. Call it within a transaction.
    """
    person = Q(connection=connection, external_id=invitee.external_id) if invitee.external_id else Q(pk=None)
    elsewhere = Invitation.objects.filter(person, state__in=OPEN_INVITATION).exclude(email=invitee.email)
    elsewhere.update(state=InvitationState.REVOKED, ended_at=timezone.now(), next_try=None, token_hash="")
    invitation = _open(connection, invitee, InvitationState.QUEUED, by)
    if invitation.state == InvitationState.PROPOSED:
        invitation.state, invitation.approved_by, invitation.from_shell = InvitationState.QUEUED, by, by is None
        invitation.next_try = _may_be_sent(invitee.email)
        invitation.save()
    return invitation


def _open(connection: int, invitee: Invitee, state: InvitationState, by: User | None) -> Invitation:
    """Return the open invitation of an address; it is created with this state if there is none."""
    approved = state == InvitationState.QUEUED
    new = Invitation(
        connection_id=connection,
        external_id=invitee.external_id,
        name=invitee.name,
        email=invitee.email,
        state=state,
        proposed_by=None if approved else by,
        approved_by=by if approved else None,
        from_shell=approved and by is None,
        created_at=timezone.now(),
        next_try=_may_be_sent(invitee.email) if approved else None,
    )
    Invitation.objects.bulk_create([new], ignore_conflicts=True)  # two people may invite somebody at once
    found = Invitation.objects.select_for_update(of=("self",)).filter(email=invitee.email, state__in=OPEN_INVITATION)
    invitation = found.first()
    if invitation is None:  # the person has an open invitation with another address
        raise Refused("stale_question", f"{invitee.name} was invited with another address meanwhile. Look again.")
    if not invitation.external_id and invitee.external_id and invitation.connection_id == connection:
        invitation.external_id, invitation.name = invitee.external_id, invitee.name
        invitation.save(update_fields=["external_id", "name"])
    return invitation


def _may_be_sent(email: str) -> datetime:
    """Return when the next mail to an address may be sent."""
    last = Invitation.objects.filter(email=email, sent_at__isnull=False).order_by("-sent_at").first()
    now = timezone.now()
    return now if last is None or last.sent_at is None else max(now, last.sent_at + COOL_DOWN)


def send_again(invitation: Invitation) -> None:
    """Queue another mail, whose link replaces that of the last one. Raises Refused within the cool-down."""
    with transaction.atomic():
        present = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
        if present.state != InvitationState.SENT or present.sent_at is None:
            raise Refused("invalid_argument", f"The invitation of {present} is {present.get_state_display().lower()}.")
        wait = present.sent_at + COOL_DOWN - timezone.now()
        if wait > timedelta(0):
            hours = int(wait.total_seconds() // 3600) + 1
            raise Refused(
                "invalid_argument",
                f"A mail to {present} was sent less than {COOL_DOWN // timedelta(hours=1)} hours ago. "
                f"Nothing was sent. Try again in {hours} hour{'' if hours == 1 else 's'}.",
            )
        present.state, present.tries, present.next_try = InvitationState.QUEUED, 0, timezone.now()
        present.last_error = ""
        present.save()


def end(invitation: Invitation, state: InvitationState, error: str = "", *, only: Q | None = None) -> bool:
    """End an open invitation, so that its questions are open again. Return whether it was open.

    only: another condition that the invitation must satisfy.
    """
    with transaction.atomic():
        questions = lock_questions(invitation.email)
        ended = Invitation.objects.filter(only or Q(), pk=invitation.pk, state__in=OPEN_INVITATION).update(
            state=state, ended_at=timezone.now(), next_try=None, token_hash="", last_error=error
        )
        if ended:
            reopen(questions)
    return bool(ended)


def lock_questions(email: str) -> list[Conflict]:
    """Lock and return the questions that are answered with an invitation of an address, or for which it is proposed."""
    answered = Conflict.objects.select_for_update(of=("self",)).filter(
        kind=ConflictKind.USER_NOT_FOUND,
        state__in=[ConflictState.PROPOSED, ConflictState.DECIDED],
        choice=INVITE,
        arguments__email=email,
    )
    return list(answered.order_by("pk"))


def reopen(questions: list[Conflict]) -> None:
    """Open questions again whose invitation ended. What became of it is shown with the question."""
    Conflict.objects.filter(pk__in=[question.pk for question in questions]).update(**UNDECIDED)


def withdraw_proposals(connection: int | None, external_id: str) -> None:
    """End the proposals to invite a person, because the question got another answer."""
    proposed = Invitation.objects.filter(
        connection=connection, external_id=external_id, state=InvitationState.PROPOSED
    ).exclude(external_id="")
    proposed.update(state=InvitationState.REVOKED, ended_at=timezone.now())

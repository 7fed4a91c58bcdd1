"""Invites people by their address, also those of whom no question waits, and revokes and repeats invitations."""

from dataclasses import dataclass

from django.db import transaction

from connectors.models import Connection
from oncall.emails import canonical_email
from oncall.models import User
from oncall.selectors.visible import acts_as_lead
from syncjobs.deciding.decide import Decision, confirm, decide, decline
from syncjobs.deciding.rights import demand_right, may_approve_invitations
from syncjobs.deciding.sides import load_sides, question_of
from syncjobs.invitations.issuing import approve, end, propose, send_again
from syncjobs.models import (
    OPEN_INVITATION,
    PRESENT_STATES,
    WAITING_STATES,
    Conflict,
    ConflictKind,
    ConflictState,
    ExternalLink,
    Invitation,
    InvitationState,
    LinkState,
)
from syncjobs.planning.decisions.people import NO_ADDRESS, invitable_address
from syncjobs.planning.decisions.rules import INVITE
from syncjobs.planning.decisions.table import demand_choice
from syncjobs.planning.decisions.values import Invitee, Refused


@dataclass(frozen=True, slots=True)
class Invited:
    """invitation: as it is now. repeated: whether somebody had invited the address before, so that nothing changed."""

    invitation: Invitation
    repeated: bool = False


def invite_address(connection: Connection, text: str, by: User | None, *, only_propose: bool = False) -> Invited:
    """Invite the person of a source with this address, or nobody but the address. Raises Refused.

    Who may not approve invitations proposes it. A question about the person is answered by it.
    """
    email = canonical_email(text)
    if email is None:
        raise Refused("invalid_argument", NO_ADDRESS.format(text))
    present = Invitation.objects.filter(email=email, state__in=OPEN_INVITATION).first()
    is_own = present is not None and present.connection_id == connection.pk
    if present is not None and is_own and (only_propose or present.state != InvitationState.PROPOSED):
        return Invited(present, repeated=True)
    question = _question(connection, email)
    if question.state == ConflictState.PROPOSED and question.choice == INVITE and not only_propose:
        confirm(question, by)
    elif question.state in WAITING_STATES:
        decide(question, Decision(INVITE, {"email": email}, by, propose=only_propose))
    else:
        _without_question(question, email, by, only_propose=only_propose)
    return Invited(Invitation.objects.filter(email=email, state__in=OPEN_INVITATION).get())


def _question(connection: Connection, email: str) -> Conflict:
    """Return the question about the person with an address. If there is none, it is made and not stored."""
    asked = Conflict.objects.select_related("connection").filter(
        connection=connection,
        kind=ConflictKind.USER_NOT_FOUND,
        state__in=PRESENT_STATES,
        # Only these are loaded, because a list of addresses may be as long as that of the questions. The canonical form
        # differs from that of the source in case, around the address, and in the domain.
        evidence__email__icontains=f"{email.partition('@')[0]}@",
    )
    waiting = [each for each in asked.order_by("pk") if canonical_email(str(each.evidence.get("email") or "")) == email]
    if len(waiting) > 1:
        names = ", ".join(each.label for each in waiting)
        raise Refused("invalid_argument", f"Several people of {connection} have the address {email}: {names}.")
    if waiting:
        return waiting[0]
    links = ExternalLink.objects.filter(
        connection=connection, entity_type="responder", responder__email_canonical=email
    ).exclude(state=LinkState.IGNORED)
    link = links.select_related("responder").order_by("pk").first()
    return Conflict(
        connection=connection,
        kind=ConflictKind.USER_NOT_FOUND,
        entity_type="responder",
        external_id=link.external_id if link is not None else "",
        label=link.responder.name if link is not None and link.responder is not None else "",
        evidence={"email": email},
        state="",
    )


def _without_question(question: Conflict, email: str, by: User | None, *, only_propose: bool) -> None:
    """Invite an address of which no question waits. question: with the person, if the source has one."""
    connection = question.connection
    assert connection is not None  # noqa: S101 - a question about a person is one of a connection
    decides = may_approve_invitations(by) and not only_propose
    if by is not None and not decides:
        if question.external_id:
            demand_right(question, demand_choice(question_of(question), INVITE), by)
        elif not (may_approve_invitations(by) or acts_as_lead(by)):
            raise Refused("not_allowed", "Your account may not invite anybody. Ask an administrator.")
    if decides:
        sides = load_sides(question_of(question))
        if sides.row is not None and sides.row.account_id is not None:
            raise Refused("invalid_argument", f"{sides.row.name} ({email}) has an account already.")
        invitable_address(email, sides, sides.row)
        if not question.external_id and sides.account(email) is not None:
            raise Refused("invalid_argument", f"{email} has an account already, and {connection} has no such person.")
    invitee = Invitee(email, question.label, question.external_id)
    with transaction.atomic():
        (approve if decides else propose)(connection.pk, invitee, by)


def approve_proposal(invitation: Invitation, by: User | None) -> None:
    """Let a proposed invitation be sent. Raises Refused."""
    if not may_approve_invitations(by):
        raise Refused("not_allowed", "Only who may add and change accounts may invite somebody. Ask an administrator.")
    if invitation.state != InvitationState.PROPOSED:
        state = invitation.get_state_display().lower()
        raise Refused("already_decided", f"The invitation of {invitation} is no proposal. It is {state}.")
    question = _proposal_of(invitation)
    if question is not None:
        confirm(question, by)
        return
    invite_address(invitation.connection, invitation.email, by)


def revoke(invitation: Invitation, by: User | None) -> None:
    """End an open invitation, so that its link has no effect. Raises Refused.

    Who proposed it may withdraw the proposal.
    """
    is_own = invitation.state == InvitationState.PROPOSED and by is not None and invitation.proposed_by_id == by.pk
    if not may_approve_invitations(by) and not is_own:
        raise Refused("not_allowed", "Only an administrator may revoke an invitation that somebody else proposed.")
    question = _proposal_of(invitation)
    if question is not None and not is_own:
        decline(question, by)
        return
    if not end(invitation, InvitationState.REVOKED):
        state = Invitation.objects.get(pk=invitation.pk).get_state_display().lower()
        raise Refused("already_decided", f"The invitation of {invitation} is over already. It is {state}.")


def resend(invitation: Invitation, by: User | None) -> None:
    """Send another mail. An invitation that is over is made again. Raises Refused."""
    if not may_approve_invitations(by):
        raise Refused("not_allowed", "Only who may add and change accounts may send an invitation again.")
    if invitation.state in (InvitationState.EXPIRED, InvitationState.REVOKED, InvitationState.FAILED):
        invite_address(invitation.connection, invitation.email, by)
    else:
        send_again(invitation)


def _proposal_of(invitation: Invitation) -> Conflict | None:
    """Return the question whose proposed answer is this invitation."""
    if invitation.state != InvitationState.PROPOSED or not invitation.external_id:
        return None
    return Conflict.objects.filter(
        connection=invitation.connection,
        kind=ConflictKind.USER_NOT_FOUND,
        external_id=invitation.external_id,
        state=ConflictState.PROPOSED,
        choice=INVITE,
    ).first()

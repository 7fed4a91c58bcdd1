"""Says in words what became of an invitation."""

from datetime import datetime

from syncjobs.models import Invitation, InvitationState


def invitation_in_words(invitation: Invitation) -> str:
    """Return the state of an invitation as one sentence. Its accounts are loaded."""
    email = invitation.email
    match invitation.state:
        case InvitationState.PROPOSED:
            who = invitation.proposed_by or "Somebody"
            return f"{who} proposed to invite {email}; an administrator approves or revokes it."
        case InvitationState.QUEUED:
            failed = f" The last of {invitation.tries} attempts failed: {invitation.last_error}"
            error = failed if invitation.last_error else ""
            return f"The mail to {email} waits to be sent, {_when(invitation.next_try)} or later.{error}"
        case InvitationState.SENT:
            return f"{email} was invited {_when(invitation.sent_at)}; the link is valid until " + (
                f"{invitation.expires_at:%d %b %Y %H:%M} UTC." if invitation.expires_at else "it is used."
            )
        case InvitationState.ACCEPTED:
            return f"{email} accepted the invitation {_when(invitation.ended_at)}."
        case InvitationState.EXPIRED:
            return f"{email} was invited {_when(invitation.sent_at)} and did not accept; the link expired."
        case InvitationState.FAILED:
            return f"The mail to {email} could not be sent. {invitation.last_error}".strip()
    return f"The invitation of {email} was revoked {_when(invitation.ended_at)}. {invitation.last_error}".strip()


def _when(at: datetime | None) -> str:
    return f"on {at:%d %b %Y at %H:%M} UTC" if at is not None else "soon"

"""Answers new questions about people with invitations: by a rule, or because the address was invited before."""

from collections.abc import Sequence

from oncall.emails import canonical_email
from oncall.tables.base import chunks
from syncjobs.invitations.issuing import approve
from syncjobs.models import OPEN_INVITATION, Conflict, ConflictKind, ConflictState, Invitation, InvitationState, Rule
from syncjobs.planning.decisions.rules import INVITE
from syncjobs.planning.decisions.values import Invitee


def answer_with_invitations(new: Sequence[Conflict]) -> None:
    """Set the answers of new questions, which are not stored yet. Call it within a transaction.

    Who is invited by a rule gets an invitation. An open invitation of nobody but an address is that of the person who
    has the address.
    """
    asked = [each for each in new if each.kind == ConflictKind.USER_NOT_FOUND]
    emails = {id(each): canonical_email(str(each.evidence.get("email") or "")) or "" for each in asked}
    invited: dict[str, Invitation] = {}
    for piece in chunks(sorted(set(emails.values()) - {""})):
        found = Invitation.objects.filter(email__in=piece, external_id="", state__in=OPEN_INVITATION)
        invited |= {invitation.email: invitation for invitation in found}
    rules = Rule.objects.select_related("made_by").in_bulk({each.rule_id for each in asked if each.choice == INVITE})
    for question in asked:
        email = emails[id(question)]
        rule, invitation = rules.get(question.rule_id or 0), invited.pop(email, None)
        if rule is not None and question.connection_id is not None:
            invitee = Invitee(email, question.label, question.external_id)
            approve(question.connection_id, invitee, rule.made_by)
            question.arguments = {"email": email}
        elif invitation is not None and question.state == ConflictState.OPEN:
            is_proposal = invitation.state == InvitationState.PROPOSED
            question.state = ConflictState.PROPOSED if is_proposal else ConflictState.DECIDED
            question.choice, question.arguments = INVITE, {"email": email}
            question.proposed_by, question.decided_by = invitation.proposed_by, invitation.approved_by
            question.decided_at = None if is_proposal else question.opened_at
            if invitation.connection_id == question.connection_id:
                invitation.external_id, invitation.name = question.external_id, question.label
                invitation.save(update_fields=["external_id", "name"])

"""Accepts an invitation: the account of the address is linked to the person; a new account is made if there is none."""

from typing import Final

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from oncall.errors import InvalidDraft, NotAllowed, StaleRows
from oncall.models import Responder, User
from oncall.operations import Actor, create_account, link_account, lock_versions
from syncjobs.invitations.issuing import end, lock_questions, reopen
from syncjobs.invitations.outbox import hash_of
from syncjobs.models import USABLE_INVITATION, Conflict, ExternalLink, Invitation, InvitationState

_VOID: Final = "The account that approved it may not link this account any more."


class InvitationNotValid(Exception):
    """The link is unknown, used or too old, or the invitation cannot be accepted any more. Nothing was written."""


@sensitive_variables("token")
def find_invitation(token: str) -> Invitation | None:
    """Return the invitation that the token accepts, if it can be accepted now."""
    usable = Invitation.objects.filter(
        token_hash=hash_of(token), state__in=USABLE_INVITATION, expires_at__gt=timezone.now()
    )
    invitation = usable.select_related("connection", "approved_by").first()
    if invitation is None or invitation.is_void:
        return None
    account, person = account_of(invitation), person_of(invitation)
    if account is not None and (not account.is_active or account.is_staff or account.is_superuser):
        return None
    if person is not None and person.account_id not in (None, account and account.pk):
        return None
    linked = Responder.objects.filter(account=account).first() if account is not None else None
    return invitation if linked is None or linked == person else None


def account_of(invitation: Invitation) -> User | None:
    """Return the account with the address of an invitation."""
    return User.objects.filter(email_canonical=invitation.email).first()


def person_of(invitation: Invitation) -> Responder | None:
    """Return the person of an invitation, if already imported."""
    if not invitation.external_id:
        return None
    links = ExternalLink.objects.filter(
        connection=invitation.connection_id, entity_type="responder", external_id=invitation.external_id
    )
    link = links.select_related("responder").first()
    return link.responder if link is not None else None


@sensitive_variables("token", "password")
def accept(token: str, password: str = "") -> User:
    """Use up the invitation of a token, and return its account.

    password: of the new account, which the caller has checked; empty if the account exists and is logged in.

    Raises InvitationNotValid. The rules for accounts are those of ``oncall.operations``, for the account that approved.
    """
    invitation = find_invitation(token)
    if invitation is None:
        raise InvitationNotValid
    try:
        with transaction.atomic():
            return _accept(invitation, token, password)
    except NotAllowed as refused:
        end(invitation, InvitationState.REVOKED, _VOID)
        raise InvitationNotValid from refused
    except (InvalidDraft, StaleRows) as moved:
        raise InvitationNotValid from moved


@sensitive_variables("token", "password")
def _accept(invitation: Invitation, token: str, password: str) -> User:
    # Rows are locked before questions, and questions before invitations, as a decision does it.
    person = person_of(invitation)
    if person is not None:
        lock_versions("responder", [person.pk])
        person.refresh_from_db()
    questions = lock_questions(invitation.email)
    used = Invitation.objects.filter(
        pk=invitation.pk, token_hash=hash_of(token), state__in=USABLE_INVITATION, expires_at__gt=timezone.now()
    )
    if find_invitation(token) is None or not used.update(
        state=InvitationState.ACCEPTED, ended_at=timezone.now(), next_try=None, token_hash="", last_error=""
    ):
        raise InvitationNotValid
    by = Actor(invitation.approved_by_id, f"invitation:{invitation.pk}")
    account = account_of(invitation)
    if account is None and password:
        account = create_account(invitation.email, password, by=by, name=_name(person, invitation))
    if account is None:
        raise InvitationNotValid
    if person is not None:
        link_account(person.pk, account.pk, by)
        reopen([each for each in questions if _is_of_another(each, person)])
    return account


def _name(person: Responder | None, invitation: Invitation) -> str:
    return (person.name if person is not None else invitation.name)[: User._meta.get_field("name").max_length]


def _is_of_another(question: Conflict, person: Responder) -> bool:
    """Return whether a question is about somebody else, who has the same address."""
    links = ExternalLink.objects.filter(
        connection=question.connection_id, entity_type="responder", external_id=question.external_id
    )
    return links.exclude(responder=person).exclude(responder=None).exists()

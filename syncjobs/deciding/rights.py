"""Who may answer which question."""

from typing import Final, Literal

from django.utils import timezone

from oncall.models import GroupLead, User
from oncall.operations import may_manage
from oncall.operations.authority import ADD_ACCOUNT, CHANGE_ACCOUNT
from oncall.selectors.visible import Viewer, acts_as_lead
from syncjobs.conflicts.concerned import Concern, concerns
from syncjobs.models import Conflict
from syncjobs.planning.decisions.values import Choice, Outcome, Refused

ANSWER: Final = "syncjobs.answer_conflict"
REMEMBER: Final = "syncjobs.add_rule"


def may_answer(account: Viewer) -> bool:
    """Return whether the account may answer questions at all, if only some of them."""
    return acts_as_lead(account) or (isinstance(account, User) and account.has_perm(ANSWER))


def demand_right(
    conflict: Conflict, choice: Choice, by: User | None, concern: Concern | None = None
) -> Literal["decide", "propose"]:
    """Return whether the account decides, or only proposes. by: None for the shell, which has every right.

    concern: what the question concerns, if it is known. Otherwise it is computed.

    Raises Refused with the code ``not_allowed``.
    """
    if by is None:
        return "decide"
    if by.is_active and by.has_perm(ANSWER):
        return "decide"
    if choice.lead == "nothing" or not acts_as_lead(by):
        words = f"Your account may not answer this question with “{choice.label}”. Ask an administrator."
        raise Refused("not_allowed", words)
    groups = (concern or concerns([conflict], timezone.now())[conflict.pk]).group_ids
    led = set(GroupLead.objects.filter(account=by).values_list("group", flat=True))
    if not groups or not set(groups) <= led:
        also = "also " if led.intersection(groups) else ""
        raise Refused("not_allowed", f"The question {also}concerns groups that you do not lead. Ask an administrator.")
    return choice.lead


def demand_rights_of_outcome(outcome: Outcome, by: User | None) -> None:
    """Raises Refused if the outcome links an account, invites, or is remembered, and the account may not do that.

    Whom somebody becomes gets the pages of that person, so linking an account needs all rights of the account, whether
    a row changes now or with an import.
    """
    if by is None:
        return
    if outcome.accounts and not by.has_perm(CHANGE_ACCOUNT):
        raise Refused("not_allowed", "Only who may change accounts may link a person to one. Ask an administrator.")
    for account in User.objects.filter(pk__in=outcome.accounts):
        if not may_manage(by, account):
            raise Refused("not_allowed", f"{account} has rights that you do not have. Ask an administrator.")
    if outcome.invitations and not may_approve_invitations(by):
        raise Refused("not_allowed", "Only who may add and change accounts may invite somebody. Ask an administrator.")
    if outcome.rule is not None and not by.has_perm(REMEMBER):
        raise Refused("not_allowed", "Only an administrator may let an answer be remembered.")


def may_approve_invitations(by: User | None) -> bool:
    """Return whether an account may let invitations be sent: what it approves makes accounts."""
    return by is None or (by.is_active and by.has_perms([ANSWER, ADD_ACCOUNT, CHANGE_ACCOUNT]))

"""The mail of an invitation, as text and as HTML. It has no picture, and its only link leads to ``PUBLIC_BASE_URL``."""

import re
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from syncjobs.models import VALID_FOR, Invitation

_LONGEST_NAME: Final = 100
#: What a mail program makes a link of, or shows as markup. Names come from vendors and are not trusted.
_LIKE_A_LINK: Final = re.compile(r"[/<>@\\]|\w\.\w\w|:\S")


def mail_of(invitation: Invitation, token: str) -> EmailMultiAlternatives:
    """Return the mail with the link of a token."""
    by = invitation.approved_by
    context = {
        "name": plain_name(invitation.name),
        "inviter": (plain_name(by.name) or by.email) if by else "",
        "inviter_email": by.email if by else "",
        "source": plain_name(invitation.connection.name),
        "is_person": bool(invitation.external_id),
        "link": settings.PUBLIC_BASE_URL + reverse("invitation", args=[token]),
        "site": settings.PUBLIC_BASE_URL,
        "until": timezone.now() + VALID_FOR,
    }
    mail = EmailMultiAlternatives(
        subject="You are invited to Rotabridge",
        body=render_to_string("syncjobs/invitation_mail.txt", context),
        to=[invitation.email],
    )
    mail.attach_alternative(render_to_string("syncjobs/invitation_mail.html", context), "text/html")
    return mail


def plain_name(text: str) -> str:
    """Return a name on one line that no mail program shows as a link; empty if the text looks like one."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_LONGEST_NAME]
    return "" if _LIKE_A_LINK.search(name) else name

"""The page that accepts an invitation. It needs no login: the link of the mail is the proof.

GET shows, POST accepts. The token moves from the address to the session, so that no page reveals it to others.
"""

from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from oncall.admin.everybody.passwords import ResetPasswordForm
from oncall.admin.everybody.site import everybody
from oncall.models import User
from oncall.operations.logins import demand_not_throttled
from syncjobs.invitations.accepting import InvitationNotValid, accept, account_of, find_invitation
from syncjobs.models import Invitation

_TOKEN: Final = "invitation_token"  # noqa: S105 - a key of the session
_LONGEST_TOKEN: Final = 100


@never_cache
@sensitive_post_parameters()
@sensitive_variables("token")
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the token of the mail's link in the session, and lead to the page without it."""
    if request.method == "POST":
        return _accept_page(request, token[:_LONGEST_TOKEN])
    request.session[_TOKEN] = token[:_LONGEST_TOKEN]
    return _private(redirect("invitation_accept"))


@never_cache
@sensitive_post_parameters()
def accept_page(request: HttpRequest) -> HttpResponse:
    """Show the invitation whose link was opened. A POST accepts it."""
    return _accept_page(request, request.session.get(_TOKEN, ""))


@sensitive_variables("token", "form")
def _accept_page(request: HttpRequest, token: str) -> HttpResponse:
    invitation = find_invitation(token) if token else None
    if token:
        try:
            demand_not_throttled(request, token, is_known=invitation is not None)
        except ValidationError as throttled:
            return _page(request, status=429, wait=" ".join(throttled.messages))
    if invitation is None:
        return _not_valid(request)
    account, present = account_of(invitation), request.user if request.user.is_authenticated else None
    if present is not None and present != account:
        return _page(request, invitation=invitation, present=present)
    if account is not None and present is None:
        login_page = f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': reverse('invitation_accept')})}"
        request.session[_TOKEN] = token
        return (
            HttpResponseRedirect(login_page)
            if request.method == "POST"
            else _page(request, invitation=invitation, login_page=login_page)
        )
    form = None
    if account is None:
        new = User(email=invitation.email, name=invitation.name)
        form = ResetPasswordForm(new, request.POST if request.method == "POST" else None)
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return _page(request, invitation=invitation, form=form, account=account)
    try:
        accepted = accept(token, form.cleaned_data["new_password1"] if form is not None else "")
    except InvitationNotValid:
        return _not_valid(request)
    request.session.pop(_TOKEN, None)
    if form is not None:
        login(request, accepted, settings.AUTHENTICATION_BACKENDS[0])
    messages.success(request, "You accepted the invitation. This page shows your next shifts.")
    return _private(redirect(f"{everybody.name}:index"))


def _not_valid(request: HttpRequest) -> HttpResponse:
    """Answer alike for a link that is unknown, used, too old or revoked."""
    request.session.pop(_TOKEN, None)
    return _page(request, status=404)


def _page(
    request: HttpRequest, *, invitation: Invitation | None = None, status: int = 200, **context: object
) -> HttpResponse:
    title = "Accept the invitation" if invitation is not None else "This invitation is not valid any more"
    frame = {**everybody.each_context(request), "title": title, "invitation": invitation, **context}
    return _private(TemplateResponse(request, "syncjobs/invitation.html", frame, status=status))


def _private(response: HttpResponse) -> HttpResponse:
    # The path of the address is sent to nobody. "no-referrer" would hide the origin from our own check of forms, too.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


urls: Final[list[URLPattern]] = [
    path("invitation/<str:token>/", open_invitation, name="invitation"),
    path("invitation/", accept_page, name="invitation_accept"),
]

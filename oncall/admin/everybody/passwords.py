"""The forms with which people set their own passwords. The operations write them, and record that they changed."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.http import HttpRequest
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from oncall.emails import canonical_email
from oncall.models import User
from oncall.operations import account, set_password
from oncall.operations.logins import client_address, may_mail_link


class _OperationSetsPassword:
    """Saves the new password of ``user`` by an operation. The user is the actor."""

    user: User
    cleaned_data: dict[str, Any]

    def save(self, commit: bool = True) -> User:
        set_password(self.user.pk, self.cleaned_data["new_password1"], account(self.user.pk))
        self.user.refresh_from_db(fields=["password"])  # the session stays valid only with the new hash
        return self.user


class OwnPasswordForm(_OperationSetsPassword, AdminOwnPasswordChangeForm):
    """Changes the password of the person who is logged in."""


def change_own_password(site: AdminSite, request: HttpRequest, extra_context: dict[str, Any] | None) -> Any:
    """The page of a site on which the person who is logged in changes the password."""
    request.current_app = site.name
    done = reverse("admin:password_change_done", current_app=site.name)
    context = {**site.each_context(request), **(extra_context or {})}
    view = PasswordChangeView.as_view(form_class=OwnPasswordForm, success_url=done, extra_context=context)
    return view(request)


class ResetPasswordForm(_OperationSetsPassword, SetPasswordForm):  # type: ignore[type-arg]
    """Sets a new password by the link of a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget({"autocomplete": "new-password"})


class ResetPasswordView(PasswordResetConfirmView):
    """Takes the new password. The link of an account that was deactivated meanwhile is not valid."""

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None


class RequestResetForm(PasswordResetForm):
    """Sends a link to the account with an address. The page says the same if there is no such account."""

    email = forms.EmailField(
        max_length=254, widget=UnfoldAdminEmailInputWidget({"autocomplete": "email", "autofocus": True})
    )

    def get_users(self, email: str) -> Iterator[User]:
        """Yields the active account with this address. An account without a password gets no link."""
        for user in User.objects.filter(email_canonical=canonical_email(email) or "", is_active=True):
            if user.has_usable_password():
                yield user

    def save(self, **options: Any) -> None:  # type: ignore[override]
        """Sends the mail, unless too many were requested. Its link leads to ``PUBLIC_BASE_URL``, whatever host the
        request names."""
        if not may_mail_link(self.cleaned_data["email"], client_address(options.get("request"))):
            return
        public = urlsplit(settings.PUBLIC_BASE_URL)
        super().save(**{**options, "domain_override": public.netloc, "use_https": public.scheme == "https"})

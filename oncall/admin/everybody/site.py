"""The pages for everybody with an active account, under ``/``. The admin under ``/admin/`` is for staff."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME, views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.forms import AuthenticationForm as StaffAuthenticationForm
from unfold.sites import UnfoldAdminSite

from oncall.admin.everybody.my_page import my_page
from oncall.admin.everybody.passwords import (
    RequestResetForm,
    ResetPasswordForm,
    ResetPasswordView,
    change_own_password,
)

_TEMPLATES = "oncall/everybody"


class StaffLoginForm(StaffAuthenticationForm):
    """Lets in staff only. The message does not reveal which accounts exist."""

    whom = "staff"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text = f"No {self.whom} account has this e-mail address and password. Capital letters count in the password."
        self.error_messages = {**self.error_messages, "invalid_login": text}


class LoginForm(StaffLoginForm):
    """Lets in every active account, not only staff."""

    whom = "active"

    def confirm_login_allowed(self, user: Any) -> None:
        AuthenticationForm.confirm_login_allowed(self, user)


class EverybodySite(UnfoldAdminSite):
    """A second admin site, in the same frame. Other apps register their pages for everybody with it."""

    settings_name = "UNFOLD_EVERYBODY"
    index_title = "My page"
    index_template = f"{_TEMPLATES}/my_page.html"
    login_form = LoginForm

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Leads to the first page of this site, unless the address names another page of ours."""
        answer: HttpResponse = super().login(request, extra_context)
        default, named = reverse(settings.LOGIN_REDIRECT_URL), request.GET.get(REDIRECT_FIELD_NAME)
        if answer.headers.get("Location") == default and request.POST.get(REDIRECT_FIELD_NAME, named) != default:
            return redirect(f"{self.name}:index")
        return answer

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        # The tag ``url`` would find the page of this site, because both have the same names.
        context = {"administration_url": reverse("admin:index"), **my_page(request)}
        page: TemplateResponse = super().index(request, {**(extra_context or {}), **context})
        return page

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return change_own_password(self, request, extra_context)

    # --- password reset, for both sites -------------------------------------------------------------------------------

    def reset_urls(self) -> list[URLPattern]:
        """Returns the addresses of the password reset. They have Django's names, which its views and mails use."""
        return [
            path("password_reset/", self._request_reset, name="admin_password_reset"),
            path("password_reset/sent/", self._reset_sent, name="password_reset_done"),
            path("password_reset/<uidb64>/<token>/", self._reset_password, name="password_reset_confirm"),
            path("password_reset/done/", self._reset_done, name="password_reset_complete"),
        ]

    def _request_reset(self, request: HttpRequest) -> HttpResponseBase:
        return views.PasswordResetView.as_view(
            form_class=RequestResetForm,
            template_name=f"{_TEMPLATES}/request_reset.html",
            email_template_name=f"{_TEMPLATES}/reset_mail.txt",
            subject_template_name=f"{_TEMPLATES}/reset_subject.txt",
            extra_context=self.each_context(request),
        )(request)

    def _reset_sent(self, request: HttpRequest) -> HttpResponseBase:
        template = f"{_TEMPLATES}/reset_sent.html"
        return views.PasswordResetDoneView.as_view(template_name=template, extra_context=self.each_context(request))(
            request
        )

    def _reset_password(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponseBase:
        view = ResetPasswordView.as_view(
            form_class=ResetPasswordForm,
            template_name=f"{_TEMPLATES}/reset_password.html",
            extra_context=self.each_context(request),
        )
        return view(request, uidb64=uidb64, token=token)

    def _reset_done(self, request: HttpRequest) -> HttpResponseBase:
        template = f"{_TEMPLATES}/reset_done.html"
        context = self.each_context(request)
        return views.PasswordResetCompleteView.as_view(template_name=template, extra_context=context)(request)


everybody = EverybodySite(name="everybody")
admin.site.login_form = StaffLoginForm


def frame(request: HttpRequest) -> dict[str, Any]:
    """Returns the context of the frame of a page of both sites: for staff the admin's, else that of this site."""
    site = admin.site if getattr(request.user, "is_staff", False) else everybody
    request.current_app = site.name
    return site.each_context(request)

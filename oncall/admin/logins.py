"""The pages of one's own logins: where an account is logged in, and the password again before one sets a secret."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.widgets import UnfoldAdminPasswordWidget

from oncall.admin.everybody.site import frame
from oncall.operations.sessions import GetResponse, confirm, end_login, end_other_logins, is_confirmed, logins


class PasswordForm(forms.Form):
    """The password of the account that is logged in. It is checked like a login, with the same limits."""

    password = forms.CharField(
        strip=False, label="Your password", widget=UnfoldAdminPasswordWidget({"autocomplete": "current-password"})
    )

    def __init__(self, request: HttpRequest, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.request = request

    @sensitive_variables()
    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        account = authenticate(self.request, username=self.request.user.get_username(), password=password)
        if account is None or account.pk != self.request.user.pk:
            raise ValidationError("This is not your password.")
        return password


class ConfirmationMiddleware:
    """Lets a page of CONFIRMED_PAGES or CONFIRMED_FORMS set a secret only if the password was entered recently."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: object, kwargs: object
    ) -> HttpResponse | None:
        assert request.resolver_match is not None  # noqa: S101 - Django resolves the address before it calls this
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        names = settings.CONFIRMED_PAGES if reads else settings.CONFIRMED_FORMS
        name = request.resolver_match.view_name
        if name not in names or not request.user.is_authenticated or is_confirmed(request):
            return None
        if not reads:
            messages.warning(request, "Nothing was saved. Enter your password first, and then the change again.")
        return redirect(f"{reverse('account_confirm')}?{urlencode({'next': request.get_full_path()})}")


@never_cache
@sensitive_post_parameters()
@login_required
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Takes the password, and leads to the address ``next`` of this site."""
    form = PasswordForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        confirm(request)
        return HttpResponseRedirect(_next(request))  # redirect() would take a word for the name of a view
    context = {**frame(request), "title": "Enter your password again", "form": form}
    return TemplateResponse(request, "oncall/admin/confirm.html", {**context, "minutes": settings.CONFIRM_MINUTES})


@never_cache
@login_required
def logins_page(request: HttpRequest) -> HttpResponse:
    """Shows where the account is logged in. A POST ends the login ``name``, or without it all others."""
    if request.method == "POST":
        name = request.POST.get("name")
        if name is None:
            end_other_logins(request)
            messages.success(request, "You are logged out everywhere else.")
        elif end_login(request, name):
            messages.success(request, "That login was ended.")
        else:
            messages.info(request, "That login was over already.")
        return redirect("account_logins")
    context = {**frame(request), "title": "Where I am logged in", "logins": logins(request)}
    return TemplateResponse(request, "oncall/admin/logins.html", context)


def _next(request: HttpRequest) -> str:
    address = request.GET.get("next", "")
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if own else reverse("account_logins")

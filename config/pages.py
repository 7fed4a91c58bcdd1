"""The pages of errors: inside the frame of the site, with a sentence and a way on."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import reverse

from config.htmx import is_from_htmx, let_reload
from oncall.admin.everybody.site import frame

#: status -> (title, what happened and what to do)
WORDS: Final = {
    HTTPStatus.BAD_REQUEST: ("This request cannot be read", "Its address or its form has a value that is not allowed."),
    HTTPStatus.FORBIDDEN: (
        "You may not open this page",
        "Your account lacks a right that this page needs, or nobody may do this. An administrator can grant rights.",
    ),
    HTTPStatus.NOT_FOUND: (
        "This page does not exist",
        "The address is wrong, or what it showed was deleted.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This address belongs to a button",
        "It shows nothing when it is opened. Nothing was done.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong here",
        "The error is in the log of this site. What you sent last may not be saved: look before you send it again.",
    ),
}
_FORM_EXPIRED: Final = (
    "This form has expired",
    "Nothing was saved. You have logged in or out since it was opened, or your browser blocks cookies. "
    "Go back, load the page again, and send the form again.",
)
_LOGIN_ENDED: Final = "Your login has ended, so what you sent last was not saved. Log in, and send it again."
_LOADED_AGAIN: Final = (
    "You have logged in or out since this page was opened, so it was loaded again. Your last entry was not kept."
)


def error_page(
    request: HttpRequest, status: HTTPStatus, words: tuple[str, str] | None = None, detail: str = ""
) -> HttpResponse:
    """Return the page of a status. detail: a sentence about this request. It is in the frame of the account's site."""
    user = getattr(request, "user", None)
    if user is None or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # The database may be the cause of the error. A frame for nobody needs no query.
        user = request.user = AnonymousUser()
    title, says = words or WORDS[status]
    context = {
        **frame(request),
        "frame": "admin/base_site.html" if user.is_authenticated else "unfold/layouts/unauthenticated.html",
        "title": title,
        "says": says,
        "detail": detail,
        "status": status.value,
    }
    return HttpResponse(render_to_string("error.html", context, request), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, HTTPStatus.FORBIDDEN, detail=_sentence(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, HTTPStatus.NOT_FOUND, detail=_sentence(exception))


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form without a valid CSRF token. Django logs the reason.

    A form that htmx sends is loaded again, because htmx would not show the page.
    """
    if is_from_htmx(request):
        messages.warning(request, _LOADED_AGAIN)
        return let_reload(HttpResponse(status=HTTPStatus.FORBIDDEN))
    return error_page(request, HTTPStatus.FORBIDDEN, _FORM_EXPIRED)


def say_that_login_ended(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that lets the login say that a form was not saved, if it leads there because nobody is logged in."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "POST" and not request.user.is_authenticated:
            leads_to, _, query = response.headers.get("Location", "").partition("?")
            if leads_to in (reverse("admin:login"), reverse("everybody:login")) and REDIRECT_FIELD_NAME in query:
                messages.warning(request, _LOGIN_ENDED)
        return response

    return respond


def _sentence(exception: Exception) -> str:
    """Return the text that a view raised with the exception. The resolver raises data instead."""
    given = exception.args[0] if exception.args else ""
    return given if isinstance(given, str) else ""


class MethodPages:
    """Middleware that gives the answer 405, which views return without content, a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        page = error_page(request, HTTPStatus.METHOD_NOT_ALLOWED)
        page.headers["Allow"] = response.headers["Allow"]
        return page

"""Answers to htmx, which asks for parts of pages."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse


def is_from_htmx(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def let_reload(response: HttpResponse) -> HttpResponse:
    """Return the answer, at which htmx loads the whole page again instead of showing it."""
    response.headers["HX-Refresh"] = "true"
    return response


def reload_at_redirects(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that lets htmx load the page again where the answer is a redirect.

    htmx would follow the redirect, and put the page that it leads to, such as the login, inside the page that is shown.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not is_from_htmx(request) or not 300 <= response.status_code < 400:
            return response
        reload = let_reload(HttpResponse(status=HTTPStatus.NO_CONTENT))
        reload.cookies = response.cookies  # of messages and of the session
        return reload

    return respond

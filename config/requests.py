"""Refuses requests whose parameters no page of the site can have sent."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from django.core.exceptions import BadRequest
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse, QueryDict

from config.pages import not_found

_ID: Final = r"[0-9]{1,18}"
#: Parameters of Django's admin, which it puts into queries as they are: the form of their values.
_RESERVED: Final[Mapping[str, re.Pattern[str]]] = {
    "_selected_action": re.compile(_ID),
    "_to_field": re.compile(r"\w+", re.ASCII),
}


class ReservedParameters:
    """Middleware that answers 400 to a NUL in a query or form, and to an impossible parameter of Django's admin.

    The number of a page that does not exist gets 404: the search of the theme expects that it does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> None:
        """Raises BadRequest."""
        for given in (request.GET, request.POST):
            for name, value in _pairs(given):
                if name in _RESERVED and not _RESERVED[name].fullmatch(value):
                    raise BadRequest(f"The parameter {name} has a value that no page sends.")
                if "\0" in value:
                    raise BadRequest(f"The parameter {name} contains a NUL character.")

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return not_found(request, exception) if isinstance(exception, InvalidPage) else None


def _pairs(given: QueryDict) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, values in given.lists() for value in values)

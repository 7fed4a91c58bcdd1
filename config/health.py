"""Two addresses for monitors: whether the process answers, and whether the whole installation works.

They need no login, no allowed host and no HTTPS, because monitors call a process by its address inside the network.
They name parts and times only.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from syncjobs.models import Part
from syncjobs.pages.missing_parts import missing_sentences

OK: Final = "ok"
#: What is not known while the database cannot be read.
UNKNOWN: Final = "unknown, because the database cannot be read"


def health(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that answers ``/healthz`` and ``/readyz``. It comes before all that may refuse or redirect."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = _ANSWERS.get(request.path_info)
        if answer is None:
            return get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = answer()
        response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def healthz() -> HttpResponse:
    """The process works. Reads nothing, so that an outage of the database restarts no site."""
    return HttpResponse(OK, content_type="text/plain")


def readyz() -> HttpResponse:
    """The state of each part: "ok" or a sentence. The status is 503 if one of them is missing."""
    parts = states()
    ready = all(state == OK for state in parts.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"ready": ready, "parts": parts}, status=status)


def states() -> dict[str, str]:
    """Return the state of the database, the migrations, the broker, beat and each worker."""
    unknown = {"migrations": UNKNOWN} | {part.value: UNKNOWN for part in Part}
    try:
        migrations = _migrations()
    except Error as error:
        return {"database": f"{type(error).__name__}: the database cannot be read.", **unknown}
    try:
        missing: Mapping[Part, str] = missing_sentences()
    except Error:  # a migration that is not applied may be that of this table
        return {"database": OK, **unknown, "migrations": migrations}
    return {"database": OK, "migrations": migrations} | {part.value: missing.get(part, OK) for part in Part}


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    number = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return f"{number} not applied. Run `manage.py migrate`." if number else OK


_ANSWERS: Final[Mapping[str, Callable[[], HttpResponse]]] = {"/healthz": healthz, "/readyz": readyz}

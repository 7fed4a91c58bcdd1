"""The numbers in the sidebar. Each page loads them after itself, so that no page costs more for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from oncall.models import Responder, Schedule
from oncall.selectors.responders import REACHABLE
from syncjobs.admin.parity_chip import different
from syncjobs.models import OPEN_PLAN, WAITING_STATES, Conflict, Invitation, InvitationState, SyncRun

#: Name of the badge -> the model whose rows it counts, and which of them.
COUNTED: Final[Mapping[str, tuple[type[Any], Callable[["QuerySet[Any]"], "QuerySet[Any]"]]]] = {
    "questions": (Conflict, lambda rows: rows.filter(state__in=WAITING_STATES)),
    "runs": (SyncRun, lambda rows: rows.filter(state__in=OPEN_PLAN)),
    "different": (Schedule, different),
    "unreachable": (Responder, lambda rows: rows.filter(active=True).exclude(REACHABLE)),
    "invitations": (Invitation, lambda rows: rows.filter(state=InvitationState.PROPOSED)),
}


@require_GET
def badges_page(request: HttpRequest) -> HttpResponse:
    """Return the badges with a number that is not zero, for htmx. Counts only what the account may see."""
    numbers = {}
    for name, (model, chosen) in COUNTED.items():
        pages = admin.site.get_model_admin(model)
        if pages.has_view_permission(request):
            numbers[name] = chosen(pages.get_queryset(request).order_by()).count()
    return render(request, "admin/badges.html", {"numbers": {name: n for name, n in numbers.items() if n}})

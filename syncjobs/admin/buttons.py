"""Start runs from a page, and show why a run did not start."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html

from connectors.records import EntityKey
from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.pages.marks import run_url
from syncjobs.runs.start import start


def account_of(request: HttpRequest) -> User:
    """Return the account that is logged in."""
    assert isinstance(request.user, User)  # noqa: S101 - the admin admits accounts only
    return request.user


def sync_and_show(
    request: HttpRequest, profile: SyncProfile, only: Sequence[EntityKey] = (), *, started: str = ""
) -> HttpResponseRedirect:
    """Start a sync, or its plan if the rules demand a review, and redirect to its page.

    only: limits the sync to these objects and what they refer to. started: what is said if the run starts.
    """
    if not profile.review_first:
        return start_and_show(request, profile, RunKind.APPLY, only, started=started)
    messages.info(request, "“Review first” is on: the plan waits for your review before anything is written.")
    return start_and_show(request, profile, RunKind.PLAN, only, started=started)


def start_and_show(
    request: HttpRequest, profile: SyncProfile, kind: RunKind, only: Sequence[EntityKey] = (), *, started: str = ""
) -> HttpResponseRedirect:
    """Start a run and redirect to its page, or to the page of the run that is already active."""
    try:
        run = start(profile, kind, by=account_of(request), only=only)
        if started:
            messages.success(request, started)
    except RunAlreadyActive as active:
        run = active.run
        refuse(request, str(active), run)
    return HttpResponseRedirect(run_url(run))


def refuse(request: HttpRequest, reason: str, run: SyncRun | None) -> None:
    """Add an error message, with a link to the run that is the reason if there is one."""
    if run is None:
        messages.error(request, reason)
    else:
        link = '{} <a class="rb-link" href="{}">Open run {}</a>'
        messages.error(request, format_html(link, reason, run_url(run), run.pk))

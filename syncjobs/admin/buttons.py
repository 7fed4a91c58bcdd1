"""Start runs from a page, and show why a run did not start."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html

from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.pages.marks import run_url
from syncjobs.runs.start import start


def account_of(request: HttpRequest) -> User:
    """Return the account that is logged in."""
    assert isinstance(request.user, User)  # noqa: S101 - the admin admits accounts only
    return request.user


def start_and_show(request: HttpRequest, profile: SyncProfile, kind: RunKind) -> HttpResponseRedirect:
    """Start a run and redirect to its page, or to the page of the run that is already active."""
    try:
        run = start(profile, kind, by=account_of(request))
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

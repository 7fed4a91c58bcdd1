"""Starting runs from a page, and saying why one did not start."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import start


def account_of(request: HttpRequest) -> User:
    """Whoever is logged in."""
    assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
    return request.user


def run_url(run: SyncRun) -> str:
    return reverse("admin:syncjobs_syncrun_change", args=[run.pk])


def start_and_show(request: HttpRequest, profile: SyncProfile, kind: RunKind) -> HttpResponseRedirect:
    """Start a run and go to its page; one that is in the way is shown instead."""
    try:
        run = start(profile, kind, by=account_of(request))
    except RunAlreadyActive as active:
        run = active.run
        refuse(request, str(active), run)
    return HttpResponseRedirect(run_url(run))


def refuse(request: HttpRequest, why: str, run: SyncRun | None) -> None:
    """A message with a link to the run that matters instead."""
    if run is None:
        messages.error(request, why)
    else:
        link = '{} <a class="rb-link" href="{}">Open run {}</a>'
        messages.error(request, format_html(link, why, run_url(run), run.pk))

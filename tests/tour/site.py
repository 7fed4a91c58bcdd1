"""What a person does on the pages of the site during the tour, by the sentence of docs/tour.md. See player.py."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse

from oncall.models import Service, User
from oncall.operations import Actor, create_account
from oncall.rendering.codec import instant_to_text
from syncjobs.models import ExternalLink, RunState, SyncRun

_EDITOR: Final = "editor@example.com"


def _browser() -> Client:
    setup_test_environment()  # answers know what their templates have shown
    return Client(SERVER_NAME="localhost")


def _of_administrator() -> Client:
    """Returns a browser in which an administrator is logged in."""
    if not User.objects.filter(email=_EDITOR).exists():
        by = Actor(None, "tour")
        create_account(email=_EDITOR, name="Editor", password=None, is_staff=True, is_superuser=True, by=by)
    browser = _browser()
    browser.force_login(User.objects.get(email=_EDITOR))
    return browser


def rename_service() -> None:
    """Open the page of a service, change its name, and save everything that the page has."""
    browser, row = _of_administrator(), Service.objects.get(name="Backbone")
    address = reverse("admin:oncall_service_change", args=[row.pk])
    form = browser.get(address).context["adminform"].form
    given: dict[str, Any] = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    answer = browser.post(
        address, {name: value for name, value in given.items() if value is not None} | {"name": "Core network"}
    )
    assert answer.status_code == 302, answer.context["errors"]


def accept_invitation() -> None:
    """Open the link of the newest mail, choose a password, and print what the page says then."""
    mails = Path(settings.EMAIL_FILE_PATH)
    newest = max(mails.iterdir(), key=lambda path: path.stat().st_mtime_ns).read_text()
    assert "To: emil.novak@example.com" in newest
    address = re.findall(r"/invitation/[\w-]+/", newest)[0]
    browser = _browser()
    browser.get(address, follow=True)
    secret = "a quite unusual sentence"
    landed = browser.post("/invitation/", {"new_password1": secret, "new_password2": secret}, follow=True)
    sys.stdout.write(f"{landed.context['title']}: {landed.context['responder'].name}\n")


def pass_an_hour() -> None:
    """Let what was missing at the source have been missing for an hour."""
    for link in ExternalLink.objects.filter(missing_count__gt=0):
        at = datetime.fromisoformat(link.first_missing["at"]) - timedelta(hours=1)
        link.first_missing["at"] = instant_to_text(int(at.astimezone(UTC).timestamp()))
        link.save(update_fields=["first_missing"])


def end_lease() -> None:
    """Let three minutes pass since the last sign of a worker."""
    changed = SyncRun.objects.filter(state=RunState.RUNNING).update(lease_expires_at=Now() - timedelta(seconds=1))
    assert changed == 1


SENTENCES: Final[dict[str, Callable[[], None]]] = {
    "rename the service Backbone to Core network, and save": rename_service,
    "open the link in the mail, and choose a password": accept_invitation,
    "an hour passes": pass_an_hour,
    "three minutes pass without a sign of the worker": end_lease,
}

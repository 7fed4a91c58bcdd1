"""An action of a list changes rows only for accounts that may change them, also if it is sent without being shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from oncall.admin.base.lookups import DeclaredLookups
from oncall.models import User
from oncall.operations import create_account
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.admin.matrix import SITES
from tests.syncjobs.conftest import BY

pytestmark = pytest.mark.django_db


def viewer_of(model: type[Model]) -> User:
    """Returns a staff account that may view the rows of a model, and nothing else."""
    label = model._meta.label_lower
    account = create_account(f"{User.objects.count()}@example.com", is_staff=True, by=BY)
    app, name = label.split(".")
    account.user_permissions.set(Permission.objects.filter(content_type__app_label=app, codename=f"view_{name}"))
    return User.objects.get(pk=account.pk)


def offered_to_viewers() -> tuple[int, list[str]]:
    """Returns how many actions there are, and those that are offered to accounts that may only view rows."""
    total, offered = 0, []
    for site in SITES.values():
        for model, pages in site._registry.items():
            request = RequestFactory().get("/")
            request.user = viewer_of(model)
            total += len({*(pages.actions or ()), *dict(site.actions)})
            offered += [f"{model._meta.label} {name}" for name in pages.get_actions(request)]
    return total, offered


def test_no_action_is_offered_to_an_account_that_may_only_view(record_property: Callable[[str, object], None]) -> None:
    total, offered = offered_to_viewers()
    assert offered == []
    assert total > 20
    record_property("counts", f"{total} actions of lists")


def test_the_walk_finds_an_action_without_a_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(DeclaredLookups, "get_actions")
    assert "django_celery_beat.PeriodicTask disable_tasks" in offered_to_viewers()[1]


@pytest.mark.parametrize("action", admin.site._registry[PeriodicTask].actions or ())
def test_the_tasks_of_the_site_are_not_stopped_or_run_by_who_may_only_view_them(action: str) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    enabled = action != "enable_tasks"
    task = PeriodicTask.objects.create(name="nightly", task="nothing", interval=every, enabled=enabled)

    def send(client: Client) -> Any:
        given = {"action": action, "_selected_action": [task.pk]}
        return client.post(reverse("admin:django_celery_beat_periodictask_changelist"), given, follow=True)

    answer = send(staff("view_periodictask"))
    assert PeriodicTask.objects.get(pk=task.pk).enabled == enabled
    assert not any("task" in str(message) for message in answer.context["messages"])

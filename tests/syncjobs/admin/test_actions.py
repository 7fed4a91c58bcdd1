"""An action of a list changes rows only for accounts that may change them, also if it is sent without being shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import RequestFactory

from oncall.admin.base.lookups import DeclaredLookups
from oncall.models import User
from oncall.operations import create_account
from syncjobs.models import Rule
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
    def careless(pages: Any, request: Any, rows: Any) -> None:
        """An action as packages have it."""

    monkeypatch.setattr(type(admin.site._registry[Rule]), "actions", (careless,))
    assert offered_to_viewers()[1] == []
    monkeypatch.delattr(DeclaredLookups, "get_actions")
    assert "syncjobs.Rule careless" in offered_to_viewers()[1]

"""Fixtures: an administrator who is logged in, and the forms of the admin as a browser sends them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from oncall.aggregates import Kind
from oncall.models import User
from scripts.attack.forms import Form, problems
from tests.oncall.conftest import REACHABLE


@pytest.fixture
def administrator(db: None, django_user_model: type[User]) -> User:
    return User.objects.create_superuser("root@example.com", "a long password")


@pytest.fixture
def make(make: Callable[..., int]) -> Callable[..., int]:
    """``make`` of all tests; here people can be reached unless other contact methods are given."""

    def make_row(kind: Kind, elements: Mapping[str, Any] | None = None, **fields: Any) -> int:
        usual = REACHABLE if kind == "responder" else {}
        return make(kind, {**usual, **(elements or {})}, **fields)

    return make_row


@pytest.fixture
def browser(administrator: User, client: Client) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def form(browser: Client) -> Callable[..., Form]:
    """Returns a function: ``form("schedule", pk)`` opens a schedule's form, ``form("schedule")`` an empty form."""

    def open_form(model: str, pk: int | None = None) -> Form:
        name = f"admin:oncall_{model}_{'add' if pk is None else 'change'}"
        return Form(browser, reverse(name, args=[] if pk is None else [pk]))

    return open_form


@pytest.fixture(name="problems")
def _problems() -> Callable[[Any], list[str]]:
    return problems

"""Errors are answered with pages of the site: a sentence and a way on, for staff inside the frame of the admin."""

import re
from http import HTTPStatus
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection as database
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

from config.pages import WORDS
from config.urls import handler400, handler403, handler404, handler500  # noqa: F401
from config.urls import urlpatterns as site
from oncall.models import User
from oncall.operations import Actor, create_account

HOSTILE = "<canary>"


def fail(error: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


def refuse(request: HttpRequest) -> HttpResponse:
    return HttpResponseNotAllowed(["POST"])


urlpatterns = [
    path("fail/400/", fail(SuspiciousOperation(HOSTILE))),
    path("fail/403/", fail(PermissionDenied(f"{HOSTILE} is theirs."))),
    path("fail/404/", fail(Http404(f"{HOSTILE} is gone."))),
    path("fail/405/", refuse),
    path("fail/500/", fail(RuntimeError(HOSTILE))),
    *site,
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
EACH = pytest.mark.parametrize("status", list(WORDS))


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def colleague(visitor: Client) -> Client:
    account = create_account("eve@example.com", "long-enough-1", is_staff=True, by=Actor(None, "test"))
    visitor.force_login(User.objects.get(pk=account.pk))
    return visitor


def text(response: HttpResponse, status: HTTPStatus, title: str) -> str:
    page = response.content.decode()
    assert response.status_code == status
    assert f'<h2 class="rb-title">{title}</h2>' in page
    assert 'href="/">Go to the first page</a>' in page
    assert HOSTILE not in page
    return page


@EACH
def test_each_error_has_a_page_for_a_visitor(visitor: Client, status: HTTPStatus) -> None:
    page = text(visitor.get(f"/fail/{status.value}/"), status, WORDS[status][0])
    assert "nav-sidebar" not in page
    assert (">Log in</a>" in page) == (status != HTTPStatus.INTERNAL_SERVER_ERROR)


@EACH
def test_each_error_has_a_page_in_the_frame_for_staff(colleague: Client, status: HTTPStatus) -> None:
    page = text(colleague.get(f"/fail/{status.value}/"), status, WORDS[status][0])
    assert ("nav-sidebar" in page) == (status != HTTPStatus.INTERNAL_SERVER_ERROR)
    assert ">Log in</a>" not in page


@pytest.mark.parametrize(("status", "sentence"), [(403, "is theirs."), (404, "is gone.")])
def test_the_sentence_of_a_view_is_on_the_page_as_text(colleague: Client, status: int, sentence: str) -> None:
    assert f"&lt;canary&gt; {sentence}" in colleague.get(f"/fail/{status}/").content.decode()


def test_the_page_of_a_fault_needs_no_query(visitor: Client) -> None:
    with CaptureQueriesContext(database) as queries:
        visitor.get("/fail/500/")
    assert len(queries) == 0


def test_an_unknown_address_has_the_page(colleague: Client) -> None:
    for url in ("/unknown/", "/admin/unknown/", "/admin/oncall/unknown/1/"):
        page = text(colleague.get(url), HTTPStatus.NOT_FOUND, WORDS[HTTPStatus.NOT_FOUND][0])
        assert "tried" not in page


def test_a_form_without_a_token_is_explained() -> None:
    strict = Client(enforce_csrf_checks=True)
    page = text(strict.post(reverse("admin:login")), HTTPStatus.FORBIDDEN, "This form has expired")
    assert "Nothing was saved." in page


def test_a_wrong_method_keeps_the_list_of_the_right_ones(colleague: Client) -> None:
    assert colleague.get("/fail/405/").headers["Allow"] == "POST"
    page = text(
        colleague.get(reverse("admin:logout")), HTTPStatus.METHOD_NOT_ALLOWED, "This address belongs to a button"
    )
    assert re.search("<title>.*This address belongs to a button", page)


@pytest.mark.parametrize("login", ["/login/", "/admin/login/"])
def test_a_form_that_is_sent_after_the_login_has_ended_is_said_to_be_lost(login: str) -> None:
    client = Client()
    address = "/admin/connectors/connection/add/" if "admin" in login else "/syncjobs/conflict/1/change/"
    assert "was not saved" not in client.get(address, follow=True).content.decode()
    answer = client.post(address, {"name": "typed"}, follow=True)
    assert answer.redirect_chain[0][0].startswith(login)
    assert "Your login has ended, so what you sent last was not saved." in answer.content.decode()
    assert "was not saved" not in client.post(login, {"username": "eve@example.com", "password": "x"}).content.decode()

"""The Content-Security-Policy: every response has it, and it lets no inline script run."""

import pytest
from django.test import Client

from config.policy import POLICY


def allowed(directive: str) -> list[str]:
    """Returns the sources of one directive of the policy."""
    each = dict(part.split(" ", 1) for part in POLICY.split("; "))
    return each[directive].split()


def test_scripts_come_from_this_site_alone_and_none_is_inline() -> None:
    assert allowed("script-src") == ["'self'", "'unsafe-eval'"]
    assert allowed("default-src") == allowed("base-uri") == allowed("frame-ancestors") == ["'none'"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path,status",
    [
        ("/admin/login/", 200),
        ("/admin/", 302),
        ("/nowhere/", 302),
        ("/admin/oncall/user/1/change/", 302),
        ("/static/oncall/rotabridge.css", 200),
    ],
)
def test_every_kind_of_response_has_the_policy(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    answer.close()  # the file, in the case of a static one
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (status, POLICY)


@pytest.mark.django_db
def test_a_page_that_does_not_exist_has_the_policy(admin_client: Client) -> None:
    answer = admin_client.get("/nowhere/")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (404, POLICY)


@pytest.mark.django_db
def test_a_refused_form_has_the_policy() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {})
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (403, POLICY)


@pytest.mark.django_db
def test_a_failing_page_has_the_policy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("django.contrib.auth.views.LoginView.dispatch", fail)
    client.raise_request_exception = False
    answer = client.get("/admin/login/")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (500, POLICY)

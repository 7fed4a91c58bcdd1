"""Attempts to log in: what waits, for how long, who is not locked out, and what the log contains."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client, RequestFactory

from oncall.models import LoginAttempt, User
from oncall.operations.logins import OF_ACCOUNT, OF_ACCOUNT_FROM_ADDRESS, OF_ADDRESS, client_address
from tests.threads import start_thread

RIGHT, WRONG = "the right password", "a wrong password"
REFUSED = re.compile(r"There were too many failed logins\. Try again in (\d+) minutes?\.")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-02T09:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def root(db: None, clock: time_machine.Traveller, django_user_model: type[User]) -> User:
    return User.objects.create_superuser("root@example.com", RIGHT)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were compared with a stored one."""
    compared: list[str] = []
    original = User.check_password

    def check_password(account: User, password: str) -> bool:
        compared.append(password)
        return original(account, password)

    monkeypatch.setattr(User, "check_password", check_password)
    return compared


def attempt(password: str, address: str = "192.0.2.1", account: str = "root@example.com", **meta: Any) -> Any:
    fields = {"username": account, "password": password}
    return Client().post("/admin/login/?next=/admin/", fields, REMOTE_ADDR=address, **meta)


def wait(answer: Any) -> int | None:
    """The minutes that the page names, None if it refuses nothing."""
    found = REFUSED.search(answer.content.decode())
    return int(found[1]) if found else None


def test_200_wrong_passwords_from_50_addresses_check_20(root: User, checked: list[str]) -> None:
    answers = [attempt(f"{WRONG} {n}", f"198.51.100.{n % 50}") for n in range(200)]
    assert len(checked) == OF_ACCOUNT == 20
    assert [wait(answer) for answer in answers] == [None] * 20 + [15] * 180
    assert wait(attempt(RIGHT, "203.0.113.9")) == 15
    assert len(checked) == 20


def test_the_owner_still_logs_in_from_a_known_address_during_an_attack(root: User) -> None:
    assert attempt(RIGHT, "203.0.113.9").status_code == 302
    for n in range(200):
        attempt(WRONG, f"198.51.100.{n % 50}")
    assert attempt(RIGHT, "203.0.113.9").status_code == 302


def test_a_known_address_has_the_limit_of_one_account(root: User) -> None:
    assert attempt(RIGHT).status_code == 302
    assert [wait(attempt(WRONG)) for _ in range(6)] == [None] * OF_ACCOUNT_FROM_ADDRESS + [15]
    assert wait(attempt(RIGHT)) == 15


def test_one_address_cannot_try_many_accounts(root: User, checked: list[str]) -> None:
    answers = [attempt(WRONG, account=f"person{n}@example.com") for n in range(40)]
    assert [wait(answer) for answer in answers] == [None] * OF_ADDRESS + [15] * 10
    assert attempt(RIGHT, "192.0.2.2").status_code == 302


def test_an_attempt_that_is_refused_does_not_prolong_the_wait(root: User, clock: time_machine.Traveller) -> None:
    for _ in range(5):
        attempt(WRONG)
    for minutes in (15, 10, 5, 1):
        clock.move_to(f"2026-03-02T09:{15 - minutes:02}:00Z")
        assert wait(attempt(RIGHT)) == minutes
    clock.move_to("2026-03-02T09:15:01Z")
    assert attempt(RIGHT).status_code == 302


def test_a_login_clears_the_failures_before_it(root: User) -> None:
    for _ in range(3):
        for _ in range(4):
            attempt(WRONG)
        assert attempt(RIGHT).status_code == 302


@pytest.mark.parametrize("typed", ["ROOT@example.com", " root@example.com", "root@EXAMPLE.com"])
def test_another_spelling_of_an_account_is_the_same_account(root: User, typed: str) -> None:
    for _ in range(5):
        attempt(WRONG)
    assert wait(attempt(RIGHT, account=typed)) == 15


def test_an_ipv6_network_is_one_address(root: User) -> None:
    answers = [attempt(WRONG, f"2001:db8::{n:x}") for n in range(6)]
    assert [wait(answer) for answer in answers] == [None] * 5 + [15]
    assert wait(attempt(WRONG, "2001:db8:0:1::1")) is None


def test_the_table_contains_neither_addresses_nor_names_and_old_attempts_go(
    root: User, clock: time_machine.Traveller
) -> None:
    attempt(WRONG)
    attempt(RIGHT, "203.0.113.9")
    stored = str(list(LoginAttempt.objects.values()))
    assert LoginAttempt.objects.count() == 2
    assert not re.search(r"example|192\.0|203\.0|password", stored)
    clock.move_to("2026-03-03T09:00:00Z")
    attempt(WRONG)
    assert (
        LoginAttempt.objects.filter(succeeded=False).count() == LoginAttempt.objects.filter(succeeded=True).count() == 1
    )
    clock.move_to("2026-05-03T09:00:00Z")
    attempt(WRONG)
    assert list(LoginAttempt.objects.values_list("succeeded", flat=True)) == [False]


def test_an_inactive_account_fails_as_an_unknown_one_does(root: User) -> None:
    User.objects.filter(pk=root.pk).update(is_active=False)
    pages = [attempt(RIGHT).content.decode(), attempt(RIGHT, account="nobody@example.com").content.decode()]
    assert all("account has this e-mail address and password" in page for page in pages)


def test_the_log_names_accounts_by_number_and_no_text_that_was_typed(
    root: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "oncall.operations.logins"):
        attempt(WRONG)
        attempt("x", account="hunter2-in-the-wrong-field")
        attempt(RIGHT)
        for _ in range(6):
            attempt(WRONG)
    lines = [record.getMessage() for record in caplog.records if record.name == "oncall.operations.logins"]
    number = f"account {root.pk}"
    assert lines[:3] == [
        f"Login of {number} from 192.0.2.1 failed.",
        "Login of an unknown account from 192.0.2.1 failed.",
        f"Login of {number} from 192.0.2.1.",
    ]
    assert lines[-1] == f"Login of {number} from 192.0.2.1 refused after too many failures."
    assert not re.search(r"example\.com|password|hunter2", "\n".join(lines))


@pytest.mark.parametrize(
    "trusted,remote,forwarded,wanted",
    [
        (False, "192.0.2.1", "203.0.113.7", "192.0.2.1"),
        (True, "192.0.2.1", "203.0.113.7", "203.0.113.7"),
        (True, "192.0.2.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (True, "192.0.2.1", "", "192.0.2.1"),
        (True, "192.0.2.1", "<script>", ""),
        (False, "", "", ""),
        (False, "::ffff:192.0.2.1", "", "192.0.2.1"),
    ],
)
def test_the_address_is_that_of_the_client_behind_a_trusted_proxy(
    settings: Any, trusted: bool, remote: str, forwarded: str, wanted: str
) -> None:
    settings.TRUST_PROXY = trusted
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == wanted
    assert client_address(None) == ""


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_time_do_not_exceed_the_limit(checked: list[str]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite database in memory has one connection")
    User.objects.create_superuser("root@example.com", RIGHT)
    ends = [start_thread(lambda n=n: attempt(f"{WRONG} {n}")) for n in range(12)]  # type: ignore[misc]
    for end in ends:
        end()
    assert len(checked) <= OF_ACCOUNT_FROM_ADDRESS

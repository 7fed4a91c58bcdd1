"""Counts attempts to log in, and mails with a link for a new password.

After too many failures, an account or an address waits before the next attempt. After too many mails, none is sent.
"""

import ipaddress
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from oncall.emails import canonical_email
from oncall.models import LoginAttempt, User

#: How long a failure counts.
WINDOW: Final = timedelta(minutes=15)
#: Failures within WINDOW after which the next attempt waits.
OF_ACCOUNT_FROM_ADDRESS: Final = 5
OF_ACCOUNT: Final = 20
OF_ADDRESS: Final = 30
#: Requests of a link for a new password within WINDOW, after which no mail is sent.
MAILS_OF_ACCOUNT: Final = 3
MAILS_OF_ADDRESS: Final = 20
#: How long an address is known after a login. There, only failures of the same account from the same address count, so
#: that nobody is locked out by the attempts of others.
KNOWN: Final = timedelta(days=30)

logger = logging.getLogger(__name__)


class ThrottledBackend(ModelBackend):
    """Checks a password unless there were too many failures. Every form that authenticates is throttled by it."""

    @sensitive_variables()
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **named: Any
    ) -> User | None:
        """Returns the account. Raises ValidationError, which a form shows, with the time that is left to wait."""
        name = named.get(User.USERNAME_FIELD) if username is None else username
        if name is None or password is None:
            return None
        address = client_address(request)
        attempt, wait = _begin(name, address)
        if wait:
            logger.warning("Login of %s from %s refused after too many failures.", _account_of(name), _shown(address))
            raise ValidationError(_sentence(wait), code="throttled")
        account = super().authenticate(request, name, password)
        if account is None:
            logger.warning("Login of %s from %s failed.", _account_of(name), _shown(address))
            return None
        assert isinstance(account, User)  # noqa: S101 - AUTH_USER_MODEL
        _succeed(attempt)
        return account


def may_mail_link(email: str, address: str) -> bool:
    """Counts the request of a link for a new password; returns whether a mail may be sent.

    A request counts whether or not there is such an account. address: of the network.
    """
    now = timezone.now()
    attempt = _store(f"link {canonical_email(email) or email.casefold()}", f"link {_network(address)}", now)
    of_account, of_address = {"account": attempt.account}, {"address": attempt.address}
    wait = _longest_wait(attempt, [(of_account, MAILS_OF_ACCOUNT), (of_address, MAILS_OF_ADDRESS)], now)
    if wait:
        attempt.delete()
        logger.warning("A link for a new password, requested from %s, was not sent: too many.", _shown(address))
    return not wait


@sensitive_variables()
def demand_not_throttled(request: HttpRequest, secret: str, *, is_known: bool) -> None:
    """Counts the use of a link with a secret that is not known as a failed login of the client's address.

    Raises ValidationError, with the time that is left to wait, after too many failures of the address.
    """
    attempt, wait = _begin(secret, client_address(request))
    if wait:
        logger.warning("A link was refused to %s after too many failures.", _shown(client_address(request)))
        raise ValidationError(_sentence(wait), code="throttled")
    if is_known:
        attempt.delete()


def client_address(request: HttpRequest | None) -> str:
    """Returns the network address of the client, empty if it is unknown.

    Behind a trusted proxy it is the last address of X-Forwarded-For, which the proxy itself added.
    """
    if request is None:
        return ""
    given = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        given = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or given
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def log_login(sender: object, request: HttpRequest | None, user: User, **named: Any) -> None:
    """Logs a login. It receives the signal ``user_logged_in``."""
    logger.info("Login of account %s from %s.", user.pk, _shown(client_address(request)))


def _begin(name: str, address: str) -> tuple[LoginAttempt, timedelta]:
    """Returns a new attempt, which counts as a failure until it succeeds, and how long it must wait.

    It is stored before the others are counted, so that attempts at the same time see each other.
    """
    now = timezone.now()
    attempt = _store(canonical_email(name) or name.casefold(), _network(address), now)
    wait = _wait(attempt, now)
    if wait:
        attempt.delete()  # waiting does not begin again with every attempt
    return attempt, wait


def _store(account: str, address: str, now: datetime) -> LoginAttempt:
    LoginAttempt.objects.filter(Q(at__lt=now - WINDOW, succeeded=False) | Q(at__lt=now - KNOWN)).delete()
    return LoginAttempt.objects.create(account=_hash(account), address=_hash(address), at=now)


def _wait(attempt: LoginAttempt, now: datetime) -> timedelta:
    here = {"account": attempt.account, "address": attempt.address}
    limits: list[tuple[dict[str, str], int]] = [(here, OF_ACCOUNT_FROM_ADDRESS)]
    if not LoginAttempt.objects.filter(**here, succeeded=True).exists():
        limits += [({"account": attempt.account}, OF_ACCOUNT), ({"address": attempt.address}, OF_ADDRESS)]
    return _longest_wait(attempt, limits, now)


def _longest_wait(attempt: LoginAttempt, limits: Sequence[tuple[dict[str, str], int]], now: datetime) -> timedelta:
    failures = LoginAttempt.objects.filter(succeeded=False, at__gte=now - WINDOW).exclude(pk=attempt.pk)
    waits = [timedelta(0)]
    for of, most in limits:
        oldest = failures.filter(**of).order_by("-at", "-pk").values_list("at", flat=True)[most - 1 : most]
        waits += [at + WINDOW - now for at in oldest]
    return max(waits)


def _succeed(attempt: LoginAttempt) -> None:
    here = LoginAttempt.objects.filter(account=attempt.account, address=attempt.address)
    here.exclude(pk=attempt.pk).delete()
    here.filter(pk=attempt.pk).update(succeeded=True)


def _network(address: str) -> str:
    """Returns the address, or the network of one IPv6 connection, within which an attacker has every address."""
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _hash(text: str) -> str:
    return salted_hmac("oncall.login", text, algorithm="sha256").hexdigest()


def _account_of(name: str) -> str:
    """Returns the account in words, without what was typed: people type passwords into the wrong field."""
    found = User.objects.filter(email_canonical=canonical_email(name) or "").values_list("pk", flat=True).first()
    return "an unknown account" if found is None else f"account {found}"


def _shown(address: str) -> str:
    return address or "an unknown address"


def _sentence(wait: timedelta) -> str:
    minutes = max(1, ceil(wait.total_seconds() / 60))
    return f"There were too many failed logins. Try again in {minutes} minute{'' if minutes == 1 else 's'}."

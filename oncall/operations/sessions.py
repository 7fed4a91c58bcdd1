"""Sessions: which account each belongs to, when a login ends, and when its password was last confirmed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall.models import Session, User
from oncall.operations.logins import client_address

GetResponse = Callable[[HttpRequest], HttpResponse]

_LOGIN: Final = "login"
_SEEN_EVERY: Final = 60
_BROWSER_CHARS: Final = 200


class SessionStore(DatabaseStore):
    """Django's sessions in the database, each with the account that is logged in."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)  # noqa: S101 - get_model_class
        row.account_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row


@dataclass(frozen=True, slots=True)
class Login:
    """A session that is logged in. name: identifies it for its account, and does not reveal its key."""

    name: str
    begun_at: datetime
    seen_at: datetime
    browser: str
    address: str
    is_this: bool


def begin_login(sender: object, request: HttpRequest, user: User, **named: Any) -> None:
    """Notes the beginning of a login, and deletes expired sessions. It receives the signal ``user_logged_in``."""
    SessionStore.clear_expired()
    now = timezone.now()
    request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    request.session[_LOGIN] = {
        "begun": now.timestamp(),
        "seen": now.timestamp(),
        "confirmed": now.timestamp(),
        "browser": request.META.get("HTTP_USER_AGENT", "")[:_BROWSER_CHARS],
        "address": client_address(request),
    }


def limit_sessions(get_response: GetResponse) -> GetResponse:
    """Ends a login that was not used for SESSION_IDLE_MINUTES. The time of the last use is stored once a minute."""

    def middleware(request: HttpRequest) -> HttpResponse:
        login, now = request.session.get(_LOGIN), timezone.now().timestamp()
        if login is not None and now - login["seen"] > settings.SESSION_IDLE_MINUTES * 60:
            logout(request)
            messages.info(request, f"You were logged out after {settings.SESSION_IDLE_MINUTES} minutes without use.")
        elif login is not None and now - login["seen"] >= _SEEN_EVERY:
            request.session[_LOGIN] = {**login, "seen": now}
        return get_response(request)

    return middleware


def is_confirmed(request: HttpRequest) -> bool:
    """Returns whether the password was entered within the last CONFIRM_MINUTES."""
    login = request.session.get(_LOGIN)
    limit = settings.CONFIRM_MINUTES * 60
    return login is not None and timezone.now().timestamp() - login["confirmed"] <= limit


def confirm(request: HttpRequest) -> None:
    """Notes that the password was entered now. The session gets a new key, as at a login."""
    request.session.cycle_key()
    request.session[_LOGIN] = {**request.session[_LOGIN], "confirmed": timezone.now().timestamp()}


def logins(request: HttpRequest) -> list[Login]:
    """Returns the sessions of the account that is logged in, the one used last first."""
    found = []
    for row, login in _stored(request):
        begun_at, seen_at = (datetime.fromtimestamp(login[key], UTC) for key in ("begun", "seen"))
        is_this = row.session_key == request.session.session_key
        found.append(Login(_name(row), begun_at, seen_at, login["browser"], login["address"], is_this))
    return sorted(found, key=lambda each: (each.is_this, each.seen_at), reverse=True)


def end_login(request: HttpRequest, name: str) -> bool:
    """Ends another session of the account that is logged in. Returns whether there was one of this name."""
    ended = [row for row, _ in _stored(request) if constant_time_compare(_name(row), name)]
    return bool(Session.objects.filter(pk__in=[row.pk for row in ended]).delete()[0])


def end_other_logins(request: HttpRequest) -> None:
    """Ends all sessions of the account but this one."""
    Session.objects.filter(account_id=request.user.pk).exclude(pk=request.session.session_key).delete()


def _stored(request: HttpRequest) -> Iterator[tuple[Session, dict[str, Any]]]:
    idle = timezone.now().timestamp() - settings.SESSION_IDLE_MINUTES * 60
    for row in Session.objects.filter(account_id=request.user.pk, expire_date__gt=timezone.now()):
        login = row.get_decoded().get(_LOGIN)
        if login is not None and login["seen"] >= idle:
            yield row, login


def _name(row: Session) -> str:
    return salted_hmac("oncall.session", row.session_key, algorithm="sha256").hexdigest()[:32]

"""The age of the key of a connection, in words."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from connectors.models import Connection


def key_in_words(connection: Connection) -> str:
    """Return when the key was entered, such as ``key of 12 Mar 2026``."""
    if not connection.credentials:
        return "no key"
    since = connection.credentials_since
    return f"key of {since.day} {since:%b %Y}" if since is not None else "key of unknown age"


def key_days(connection: Connection, at: datetime | None = None) -> int | None:
    """Return the age of the key in whole days; None if there is none, or its age was not recorded."""
    if not connection.credentials or connection.credentials_since is None:
        return None
    return max(0, ((at or timezone.now()) - connection.credentials_since).days)


def key_with_age(connection: Connection, at: datetime | None = None) -> str:
    """Return when the key was entered and its age, such as ``key of 12 Mar 2026, 262 days old``."""
    days = key_days(connection, at)
    if days is None:
        return key_in_words(connection)
    return f"{key_in_words(connection)}, {days} day{'' if days == 1 else 's'} old"


def key_is_old(connection: Connection, at: datetime | None = None) -> bool:
    """Return whether the key is older than KEY_REMINDER_DAYS. A key of unknown age is not."""
    days = key_days(connection, at)
    return bool(settings.KEY_REMINDER_DAYS) and days is not None and days >= settings.KEY_REMINDER_DAYS


def key_reminder(connection: Connection, at: datetime | None = None) -> str:
    """Return the sentence that asks to replace an old key; empty if the key is not old."""
    if not key_is_old(connection, at):
        return ""
    days, most = key_days(connection, at), settings.KEY_REMINDER_DAYS
    return f"The key is {days} days old. It is time to replace it: the limit is {most} days (KEY_REMINDER_DAYS)."

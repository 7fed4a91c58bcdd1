"""System checks: the limits of logins have an effect."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning


@register(Tags.security)
def limits_of_logins_are_positive(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report limits with which nobody could use the site. An Error stops commands, workers and the web process."""
    limits = {
        "SESSION_HOURS": settings.SESSION_COOKIE_AGE,
        "SESSION_IDLE_MINUTES": settings.SESSION_IDLE_MINUTES,
        "CONFIRM_MINUTES": settings.CONFIRM_MINUTES,
    }
    hint = "Remove it from the environment to use the default."
    wrong = [name for name, limit in limits.items() if limit <= 0]
    return [Error(f"{name} must be greater than 0.", hint=hint, id="oncall.E001") for name in wrong]


@register(Tags.security, deploy=True)
def limits_of_logins_are_short(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report for ``check --deploy`` limits that are so long that a browser left alone stays open for others."""
    limits = (
        ("SESSION_HOURS", settings.SESSION_COOKIE_AGE > 24 * 3600, "A login lasts longer than a day."),
        ("SESSION_IDLE_MINUTES", settings.SESSION_IDLE_MINUTES > 120, "A login lasts two hours without use."),
        ("CONFIRM_MINUTES", settings.CONFIRM_MINUTES > 60, "A password serves longer than an hour to set secrets."),
    )
    return [
        CheckWarning(text, hint=f"Lower {name}.", id=f"oncall.W00{number}")
        for number, (name, is_long, text) in enumerate(limits, 1)
        if is_long
    ]

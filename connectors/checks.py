"""System checks: required settings are set, and a production process never uses a simulator."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from connectors.credentials import check_keys
from connectors.private_files import is_open


def simulator_settings() -> tuple[str, ...]:
    """Return the names of the settings that are set and lead connections to a simulator."""
    return tuple(name for name in ("CONNECTOR_ORIGINS", "EGRESS_ALLOW") if getattr(settings, name))


def _refusals() -> list[CheckMessage]:
    return [
        Error(
            f"{name} is set: connections would reach a simulator or a private address instead of the vendor.",
            hint=f"Remove {name} from the environment. Only `make demo` and tests set it, with DEBUG on.",
            id="connectors.E001",
        )
        for name in simulator_settings()
    ]


@register(Tags.security)
def no_simulator_outside_debug(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report simulators at every start. An Error stops commands, workers and the web process."""
    return [] if settings.DEBUG else _refusals()


@register(Tags.security, deploy=True)
def no_simulator_in_deployment(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report simulators for ``check --deploy`` if DEBUG is on. Without DEBUG the other check reports them."""
    return _refusals() if settings.DEBUG else []


@register(Tags.security)
def credential_keys_are_usable(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report missing or invalid keys at the start. Without keys no credential can be stored or read."""
    try:
        check_keys()
    except ImproperlyConfigured as wrong:
        return [Error(str(wrong), id="connectors.E002")]
    return []


@register(Tags.security)
def secret_key_is_set(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report a missing SECRET_KEY at the start. Django reports it only at the first use, for example a login."""
    try:
        settings.SECRET_KEY  # noqa: B018 - reading an empty one raises
    except ImproperlyConfigured:
        hint = "Run `make setup` to write a .env with generated keys, or set it in the environment."
        return [Error("SECRET_KEY is not set.", hint=hint, id="connectors.E003")]
    return []


@register(Tags.security)
def private_files_are_private(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report files with personal data or secrets on which others have rights, or had until this process started."""
    still = [
        checks.Warning(
            f"Others than the owner have rights on {path}, which contains personal data and secrets.",
            hint=f"Run `chmod go= {path}` as its owner, or move it to a file system that has owners.",
            id="connectors.W001",
        )
        for path in filter(is_open, settings.PRIVATE_PATHS)
    ]
    before = [
        checks.Warning(
            f"Others than the owner could use {path}, which contains personal data and secrets, until now.",
            hint="Its rights are corrected. If people you do not trust have an account on this machine, make new keys.",
            id="connectors.W002",
        )
        for path in settings.CLOSED_PATHS
    ]
    return [*still, *before]

"""The notice on every admin page while connections reach a simulator."""

from django.http import HttpRequest

from connectors.checks import simulator_settings


def environment(request: HttpRequest) -> tuple[str, str] | None:
    """Unfold ``ENVIRONMENT`` callback: (text, colour) of the label in the page header, None for no label."""
    return ("Connected to a simulator", "warning") if simulator_settings() else None

"""The cards of the first page, one for each connection with its status; the parts that are missing; pages of rules."""

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest

from connectors.connections.key_age import key_reminder
from connectors.models import Connection
from connectors.registry import provider_label
from oncall.selectors.visible import Viewer
from syncjobs.models import Rule
from syncjobs.pages.marks import ago, kind_words, next_link, rule_url, state_mark
from syncjobs.pages.missing_parts import missing_sentences
from syncjobs.pages.status import ConnectionStatus, connection_statuses

register = template.Library()


@register.simple_tag(takes_context=True)
def source_cards(context: template.Context) -> list[dict[str, Any]]:
    """Return one card per connection; none without the right to view connections. Makes seven queries."""
    request: HttpRequest = context["request"]
    if not request.user.has_perm("connectors.view_connection"):
        return []
    statuses = connection_statuses(Connection.objects.order_by("name"))
    return [_card(status, request.user) for status in statuses.values()]


@register.filter
def page_of_rule(rule: Rule) -> str:
    return rule_url(rule)


@register.simple_tag
def missing_parts() -> list[str]:
    """Return what is missing for runs to begin: the broker, beat or a worker. Makes one query."""
    return list(missing_sentences().values())


@register.simple_tag
def sample_data() -> dict[str, str] | None:
    """Return ``{"providers": labels}`` of simulators that connections reach, empty if there are none; None where
    simulators are not allowed."""
    if not settings.DEBUG:
        return None
    return {"providers": " and ".join(provider_label(name) for name in settings.CONNECTOR_ORIGINS)}


def _card(status: ConnectionStatus, viewer: Viewer) -> dict[str, Any]:
    run, synced = status.run, status.synced
    return {
        "connection": status.connection,
        "provider": provider_label(status.connection.provider),
        "mark": state_mark(run) if run else {"text": "no run yet", "type": ""},
        "run": run,
        "key_reminder": key_reminder(status.connection),
        "synced": ago(synced.finished_at) if synced and synced.finished_at else "",
        "conflicts": status.conflicts,
        "imported": [(kind_words(kind, plural=number != 1), number) for kind, number in status.imported.items()],
        "equal": status.equal,
        "compared": status.compared,
        "next": next_link(status, viewer),
    }

"""The cards of the first page, one for each connection with its status; the parts that are missing; pages of rules."""

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import get_text_list

from connectors.connections.key_age import key_reminder
from connectors.models import Connection
from connectors.registry import provider_label
from oncall.models import Responder
from oncall.selectors.responders import REACHABLE
from oncall.selectors.visible import Viewer, may_view_all
from syncjobs.models import Rule
from syncjobs.pages.marks import ago, kind_words, next_link, rule_url, state_mark
from syncjobs.pages.missing_parts import missing_sentences
from syncjobs.pages.source.connect import DraftShown, listed_drafts
from syncjobs.pages.status import ConnectionStatus, connection_statuses
from syncjobs.setup.drafts import drafts_of

register = template.Library()


@register.simple_tag(takes_context=True)
def source_cards(context: template.Context) -> list[dict[str, Any]]:
    """Return one card per connection; none without the right to view connections. Makes seven queries."""
    request: HttpRequest = context["request"]
    if not request.user.has_perm("connectors.view_connection"):
        return []
    statuses = connection_statuses(Connection.objects.order_by("name"))
    return [_card(status, request.user) for status in statuses.values()]


@register.simple_tag(takes_context=True)
def unfinished_drafts(context: template.Context) -> tuple[DraftShown, ...]:
    """Return the drafts that the account may continue. Makes one query; none without the right to add connections."""
    user = context["request"].user
    return listed_drafts(drafts_of(user)) if user.has_perm("connectors.add_connection") else ()


@register.simple_tag(takes_context=True)
def unreachable(context: template.Context) -> dict[str, Any]:
    """Return the number of active people who cannot be reached, and the list of them. Makes one query.

    None are counted without the right to view all people.
    """
    if not may_view_all(context["request"].user, Responder):
        return {"number": 0, "url": ""}
    return {
        "number": Responder.objects.filter(active=True).exclude(REACHABLE).count(),
        "url": f"{reverse('admin:oncall_responder_changelist')}?active__exact=1&reachable=no",
    }


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
    return {"providers": get_text_list([provider_label(name) for name in settings.CONNECTOR_ORIGINS], "and")}


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

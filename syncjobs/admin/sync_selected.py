"""Syncs only the selected rows of a list, each with its own source."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from connectors.models import Connection
from connectors.records import EntityKey, EntityType
from syncjobs.admin.buttons import sync_and_show
from syncjobs.models import ExternalLink, LinkState, SyncProfile


def links_to_sync(kind: EntityType, rows: Sequence[int]) -> "QuerySet[ExternalLink]":
    """Return the links by which rows of a kind follow a source that is connected."""
    links = ExternalLink.objects.filter(entity_type=kind, state=LinkState.LINKED, **{f"{kind}__in": rows})
    return links.filter(connection__disconnected_at=None)


def sync_selected(request: HttpRequest, kind: EntityType, queryset: "QuerySet[Any]") -> HttpResponse | None:
    """Start one run per connection, which reads these objects and what they refer to. Show the page of the last run."""
    rows = list(queryset.values_list("pk", flat=True))
    only: dict[Connection, list[EntityKey]] = defaultdict(list)
    followed = set()
    for link in links_to_sync(kind, rows).select_related("connection").order_by("connection", "external_id"):
        followed.add(link.row_id)
        only[link.connection].append((kind, link.external_id))
    if others := len(rows) - len(followed):
        messages.info(request, f"{others} of the selected rows follow no source. They were not synced.")
    page: HttpResponse | None = None
    for connection, keys in only.items():
        started = f"{connection}: a run of {len(keys)} of the selected objects was started."
        page = sync_and_show(request, SyncProfile.objects.get(connection=connection), keys, started=started)
    return page

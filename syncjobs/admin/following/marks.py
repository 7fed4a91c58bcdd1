"""Marks and a filter for lists of on-call rows: changed here, not following, missing or gone at the source."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors.admin.connections import pill
from oncall.aggregates import Kind
from oncall.tables.kinds import ROOTS
from syncjobs.models import ExternalLink, LinkState
from syncjobs.planning.missing.unlisted import PROVED

#: Mark -> its label, its colour, and the sentence that explains it.
MARKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "changed": ("changed here", "info", "It was edited here after the last sync that wrote it."),
    "former": ("not following", "", "It was imported, and follows no source any more."),
    "missing": ("missing 1 of 2", "warning", "The last complete read did not find it; a second one proves it."),
    "gone": ("gone at the source", "warning", "It is proved that it is gone. An approval or an answer is waited for."),
}


def marks_of(kind: Kind, rows: Sequence[Any]) -> dict[int, list[str]]:
    """Return the marks of each row by its id, in the order of MARKS. Makes one query."""
    versions = {row.pk: row.version for row in rows}
    links: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    columns = (f"{kind}_id", "state", "synced_version", "missing_count")
    found = ExternalLink.objects.filter(**{f"{kind}_id__in": list(versions)}).values_list(*columns)
    for row_id, state, synced, missing in found:
        links[row_id].append((state, synced, missing))
    return {pk: list(_marks(version, links[pk])) for pk, version in versions.items()}


def _marks(version: int, links: Sequence[tuple[str, int, int]]) -> Iterator[str]:
    linked = [(synced, missing) for state, synced, missing in links if state == LinkState.LINKED]
    if linked and all(synced != version for synced, _ in linked):  # the last sync that wrote it knows its version
        yield "changed"
    if links and not linked:
        yield "former"
    if any(missing == 1 for _, missing in linked):
        yield "missing"
    if any(missing >= PROVED for _, missing in linked):
        yield "gone"


def mark_of(name: str) -> SafeString:
    """Return a mark as a label with its explanation."""
    label, colour, sentence = MARKS[name]
    return format_html('<span title="{}">{}</span>', sentence, pill(label, colour))


class FollowingFilter(SimpleListFilter):
    """Filters rows as the marks show them."""

    title = "source and edits"
    parameter_name = "following"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        yield from ((name, label.capitalize()) for name, (label, _, _) in MARKS.items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        kind = next(kind for kind, root in ROOTS.items() if root.rows.model is queryset.model)
        links = ExternalLink.objects.filter(**{kind: OuterRef("pk")})
        linked = links.filter(state=LinkState.LINKED)
        match self.value():
            case "changed":
                return queryset.filter(Exists(linked), ~Exists(linked.filter(synced_version=OuterRef("version"))))
            case "former":
                return queryset.filter(Exists(links), ~Exists(linked))
            case "missing":
                return queryset.filter(Exists(linked.filter(missing_count=1)))
            case "gone":
                return queryset.filter(Exists(linked.filter(missing_count__gte=PROVED)))
        return queryset

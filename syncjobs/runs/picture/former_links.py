"""Loads the links that take over rows whose primary link no longer follows its source."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from oncall.aggregates import Kind
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState
from syncjobs.planning.plan import Proposals
from syncjobs.planning.primary import RowLink, primary_link
from syncjobs.planning.values import Base, LinkView


def load_former_links(
    connection_id: int, links: Mapping[Kind, Mapping[str, LinkView]], proposals: Proposals
) -> dict[Kind, dict[int, int | None]]:
    """Return the links of this connection that become primary, by kind, each with the former primary link of its row.

    Makes one query for each kind with a secondary link of this connection.
    """
    found: dict[Kind, dict[int, int | None]] = {}
    for kind, views in links.items():
        if all(view.primary or view.state == "ignored" for view in views.values()):
            continue
        secondary = ExternalLink.objects.filter(connection_id=connection_id, primary=False, entity_type=kind)
        attached = {view.id for view in links[kind].values() if view.external_id in proposals[kind]}
        rows = secondary.exclude(state=LinkState.IGNORED).filter(**{f"{kind}__isnull": False}).values(f"{kind}_id")
        siblings: dict[int, list[RowLink]] = defaultdict(list)
        for pk, row_id, state, primary in ExternalLink.objects.filter(**{f"{kind}__in": rows}).values_list(
            "pk", f"{kind}_id", "state", "primary"
        ):
            live = state == LinkState.LINKED or (pk in attached and state != LinkState.IGNORED)
            siblings[row_id].append(RowLink(pk, live, primary))
        own = {view.id for view in links[kind].values()}
        for row_links in siblings.values():
            new = primary_link(row_links)
            if new in own and all(link.id != new for link in row_links if link.primary):
                found.setdefault(kind, {})[new] = next((link.id for link in row_links if link.primary), None)
    return found


def load_former_bases(kind: Kind, row_ids: Iterable[int]) -> dict[int, tuple[int, Base]]:
    """Return by row the primary links that no longer follow their source, with their bases."""
    found: dict[int, tuple[int, Base]] = {}
    for piece in chunks(sorted(row_ids)):
        former = ExternalLink.objects.filter(primary=True, **{f"{kind}_id__in": piece}).exclude(state=LinkState.LINKED)
        rows = former.values_list(f"{kind}_id", "pk", "base")
        found |= {row_id: (pk, Base.from_json(base)) for row_id, pk, base in rows}
    return found


def load_bases(link_ids: Iterable[int]) -> dict[int, Base]:
    """Return the bases of links."""
    found: dict[int, Base] = {}
    for piece in chunks(sorted(set(link_ids))):
        rows = ExternalLink.objects.filter(pk__in=piece).values_list("pk", "base")
        found |= {pk: Base.from_json(base) for pk, base in rows}
    return found

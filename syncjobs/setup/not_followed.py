"""What does not follow the source of a connection: detached, ignored, pinned, or new at the source, not selected."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from connectors.closure import SELECTABLE, Node, Selection, close
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, EntityKey
from oncall.models import User
from oncall.operations import record
from oncall.tables.base import chunks
from syncjobs.conflicts.audit import actor_of
from syncjobs.deciding.stored_rules import store_rule
from syncjobs.models import ROW_COLUMNS, ExternalLink, LinkState, Rule, SyncProfile
from syncjobs.planning.decisions.rules import IGNORE_NEW
from syncjobs.planning.decisions.values import RuleDraft
from syncjobs.setup.erasing import ERASED
from syncjobs.setup.inventory import value_of
from syncjobs.setup.rules import save_rules

Part = Literal["detached", "ignored", "pinned", "new"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
#: How change records name a link, and a connection.
LINK: Final = "link"
CONNECTION: Final = "connection"
_OF_LINKS: Final[Mapping[str, Q]] = {
    "all": Q(),
    "pinned": ~Q(pins={}),
    **{state.value: Q(state=state) for state in LinkState},
}


@dataclass(frozen=True, slots=True)
class Followed:
    """An object of one part, with the words of its row here.

    reason: why it is ignored. since: when the link got its state; null for a new object. pins: path -> local | ask.
    missing: how many complete reads in a row did not find it.
    """

    key: EntityKey
    label: str
    row_id: int | None = None
    link_id: int | None = None
    state: str = ""
    reason: str = ""
    since: datetime | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    is_selectable: bool = False
    missing: int = 0

    @property
    def is_final(self) -> bool:
        """Whether nobody can release it: the person was erased on request."""
        return self.state == LinkState.IGNORED and self.reason == ERASED

    @property
    def value(self) -> str:
        """The value of the tick box."""
        return value_of(self.key)


def links_of(connection: Connection, part: str) -> "QuerySet[ExternalLink]":
    """Return the links of one part, of one state, or all of them.

    They have ``label``: the name of the row, else that at the source, else the id.
    """
    names = (F(f"{kind}__name") for kind in ROW_COLUMNS)
    label = Coalesce(*(NullIf(name, Value("")) for name in (*names, F("source_label"))), F("external_id"))
    links = ExternalLink.objects.filter(_OF_LINKS[part], connection=connection).defer("base")
    return links.annotate(label=label).order_by("entity_type", "label", "pk")


def followed_key(link: ExternalLink) -> EntityKey:
    """Return the kind and the id of the object of a link."""
    return next((kind, link.external_id) for kind in ENTITY_TYPES if kind == link.entity_type)


def followed(link: Any) -> Followed:
    """Return a link of :func:`links_of` as an object of its part."""
    kind = link.entity_type
    return Followed(
        key=(kind, link.external_id),
        label=link.label,
        row_id=link.row_id,
        link_id=link.pk,
        state=link.state,
        reason=link.ignored_reason,
        since=link.since,
        pins=link.pins,
        is_selectable=kind in SELECTABLE,
        missing=link.missing_count,
    )


def counts_of(connection: Connection) -> dict[str, int]:
    """Return the number of links of each part that has links. Makes three queries."""
    links = ExternalLink.objects.filter(connection=connection)
    return {part: links.filter(_OF_LINKS[part]).count() for part in PARTS if part in _OF_LINKS}


def new_objects(profile: SyncProfile, nodes: Sequence[Node]) -> list[Followed]:
    """Return the objects of an inventory that a person can choose, and that are neither selected, linked nor ignored.

    Makes two queries.
    """
    selection = Selection.from_json(profile.selection)
    if selection.everything:
        return []
    connection = profile.connection
    known = set(close(nodes, selection))
    links = ExternalLink.objects.filter(connection=connection).values_list("entity_type", "external_id")
    known.update((kind, external_id) for name, external_id in links for kind in ENTITY_TYPES if kind == name)
    ignored = set(Rule.objects.in_force(connection.pk).filter(kind=IGNORE_NEW).values_list("pattern", flat=True))
    found = [
        Followed(node.key, node.name.strip() or node.external_id, is_selectable=True)
        for node in nodes
        if node.entity_type in SELECTABLE and node.key not in known and value_of(node.key) not in ignored
    ]
    return sorted(found, key=lambda each: (SELECTABLE.index(each.key[0]), each.label.casefold(), each.key[1]))


@transaction.atomic
def release(
    connection: Connection, keys: Collection[EntityKey], by: User | None, *, paths: Collection[str] = ()
) -> list[EntityKey]:
    """Release ignored links and pins, so that the next sync links or compares these objects again.

    paths: the pins to release; empty means all pins of a link, and the link itself if it is ignored. The link of a
    person who was erased on request stays ignored. Return the keys of the links that changed. Each has a change record.
    """
    released: list[EntityKey] = []
    for link in _locked(connection, keys):
        before = {"state": link.state, **{f"pins.{path}": owner for path, owner in link.pins.items()}}
        kept = {path: owner for path, owner in link.pins.items() if paths and path not in paths}
        is_ignored = link.state == LinkState.IGNORED and link.ignored_reason != ERASED and not paths
        if kept == link.pins and not is_ignored:
            continue
        label, row_id = str(link), link.row_id
        if is_ignored and row_id is None:
            # Its row was deleted here. Without the link, the object is like one that is read for the first time.
            after: dict[str, Any] = {"state": None}
            pk = link.pk
            link.delete()
        else:
            pk = link.pk
            if is_ignored:
                link.state, link.ignored_reason, link.since = LinkState.DETACHED, "", timezone.now()
            link.pins, link.source_hash, link.version = kept, "", link.version + 1
            link.save(update_fields=["state", "ignored_reason", "since", "pins", "source_hash", "version"])
            after = {"state": link.state, **{f"pins.{path}": owner for path, owner in kept.items()}}
        changes = {name: [value, after.get(name)] for name, value in before.items() if value != after.get(name)}
        record(LINK, pk, f"{label} of {connection.name}", "update", actor_of(by), changes)
        released.append(followed_key(link))
    return released


@transaction.atomic
def add_to_selection(profile: SyncProfile, keys: Collection[EntityKey], by: User | None) -> list[EntityKey]:
    """Add objects to the selection; the next sync imports them. Return those that were not selected before."""
    locked = SyncProfile.objects.select_for_update().get(pk=profile.pk)
    selection = Selection.from_json(locked.selection)
    added = sorted(key for key in set(keys) - selection.chosen if key[0] in SELECTABLE)
    if selection.everything or not added:
        return []
    save_rules(locked, {"selection": Selection(False, selection.chosen.union(added)).to_json()})
    profile.selection = locked.selection
    changes = {f"selection.{value_of(key)}": [False, True] for key in added}
    record(CONNECTION, profile.connection_id, profile.connection.name, "update", actor_of(by), changes)
    return added


@transaction.atomic
def ignore_new(connection: Connection, keys: Iterable[EntityKey], by: User | None) -> list[EntityKey]:
    """Remember that these new objects are not shown any more. Return those that were not ignored before."""
    patterns = {value_of(key): key for key in keys if key[0] in SELECTABLE}
    ignored = Rule.objects.in_force(connection.pk).filter(kind=IGNORE_NEW, pattern__in=patterns)
    for known in ignored.values_list("pattern", flat=True):
        del patterns[known]
    for pattern in sorted(patterns):
        store_rule(RuleDraft(pattern, "ignore"), IGNORE_NEW, connection, by)
    return list(patterns.values())


def may_release(by: User | None) -> bool:
    """Return whether an account may release links and pins, and change the selection. None is the shell."""
    return by is None or by.has_perm("syncjobs.change_syncprofile")


def may_ignore(by: User | None) -> bool:
    """Return whether an account may make the rule that ignores a new object."""
    return by is None or by.has_perms(["syncjobs.change_syncprofile", "syncjobs.add_rule"])


def _locked(connection: Connection, keys: Collection[EntityKey]) -> list[ExternalLink]:
    found: list[ExternalLink] = []
    for kind in ENTITY_TYPES:
        for ids in chunks(sorted(external_id for of, external_id in keys if of == kind)):
            links = ExternalLink.objects.select_for_update(of=("self",)).defer("base")
            found += links.filter(connection=connection, entity_type=kind, external_id__in=ids).order_by("pk")
    return found

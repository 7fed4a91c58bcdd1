"""The items of a run on its page: filters, counts, pages, and each change in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, When
from django.http import QueryDict

from connectors.closure import SELECTABLE
from connectors.records import ENTITY_TYPES
from oncall.masking import hide_addresses, without_addresses
from oncall.models import User
from oncall.models.root import NAME_LENGTH
from oncall.rendering.codec import instant_to_text
from syncjobs.models import (
    HELD_ITEMS,
    UNTICKED_ITEMS,
    ExternalLink,
    Invitation,
    InvitationState,
    Outcome,
    SyncItem,
    SyncRun,
)
from syncjobs.words.names import Names
from syncjobs.words.values import INDENT, NameOf, element_line, field_lines, field_word

PER_PAGE: Final = 50

#: action -> (sign and word, colour of the label)
ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "create": ("+ create", "success"),
    "update": ("~ update", "info"),
    "match": ("= match", "info"),
    "settle": ("= already equal", ""),
    "conflict": ("! conflict", "warning"),
    "skip": ("skip", ""),
    "missing": ("? missing", "warning"),
    "detach": ("− detach", "warning"),
    "merge": ("→ merge", "info"),
    "restore": ("↶ undo", "info"),
    "delete": ("− delete", "warning"),
    "deactivate": ("− make inactive", "warning"),
    "reopen": ("? ask again", "info"),
    "revoke": ("− revoke", "warning"),
    "forget": ("− forget", "warning"),
    "held": ("! held", "warning"),
    "failed": ("× failed", "danger"),
}
#: Items with removals that nobody has approved.
UNAPPROVED: Final = HELD_ITEMS & Q(held_ticked=False)
#: Outcome -> what is here now, and what to do.
KEPT: Final[Mapping[str, str]] = {
    "failed": "It is here as it was before this run. Remove the cause, then retry it.",
    "stale": "It changed since the plan was made, so it is here as it was. Plan again, or retry it.",
    "deferred": "It is here as it was before this run. A later plan offers it again.",
    "skipped": "It is here as it was before this run.",
}
#: Outcomes after which the object of an item can be synced again, alone.
RETRIED: Final = ("failed", "stale", "deferred")
OUTCOME_COLOURS: Final = {"applied": "success", "failed": "danger", "stale": "warning", "deferred": "warning"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter. value: its name in the address. words: its label. count: how many items it shows."""

    value: str
    words: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """The filters of the page. An unknown value matches no item."""

    kind: str = ""
    action: str = ""
    outcome: str = ""
    text: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> "Filter":
        """Return the filters of a query string or of a form."""
        return cls(query.get("kind", ""), query.get("action", ""), query.get("outcome", ""), query.get("q", "").strip())

    def items(self, run: SyncRun) -> "QuerySet[SyncItem]":
        """Return the items of a run that match."""
        items = SyncItem.objects.filter(run=run)
        if self.kind:
            items = items.filter(entity_type=self.kind)
        if self.action:
            items = items.filter(action=self.action)
        if self.outcome:
            items = items.filter(outcome="" if self.outcome == "open" else self.outcome)
        if len(self.text) > NAME_LENGTH:  # longer than each label; a database refuses a much longer pattern
            items = items.none()
        elif self.text:
            items = items.filter(label__icontains=self.text)
        return items

    def matches(self, kind: str, action: str, outcome: str) -> bool:
        """Return whether items of a kind, an action and an outcome match, whatever their text."""
        chosen = ((self.kind, kind), (self.action, action), (self.outcome, outcome or "open"))
        return all(wanted in ("", value) for wanted, value in chosen)


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """One page of items and its filters.

    people: by item id, whether a person has an account or an invitation. total, unticked, unapproved: counts of all
    items of the run. An unapproved item holds back removals. wrote: whether an item was applied or skipped.
    """

    page: "Page[SyncItem]"
    people: Mapping[int, str]
    filter: Filter
    kinds: tuple[Choice, ...]
    actions: tuple[Choice, ...]
    outcomes: tuple[Choice, ...]
    total: int
    unticked: int
    unapproved: int
    holds: bool
    wrote: bool

    @property
    def ticks(self) -> str:
        return ticks_in_words(self.unticked, self.unapproved)


def items_page(run: SyncRun, query: QueryDict, kind_words: Callable[[str], str], *, with_addresses: bool) -> ItemsPage:
    """Return one page of items. Makes three queries, whatever the number of items; with a text, one more.

    with_addresses: False hides the addresses of people.
    """
    chosen = Filter.read(query)
    chosen_items = chosen.items(run)
    if chosen.text and not with_addresses:  # a filter would find out which addresses exist
        chosen_items = chosen_items.exclude(label__contains="@")
    counted = list(
        SyncItem.objects.filter(run=run)
        .order_by()
        .values_list("entity_type", "action", "outcome")
        .annotate(
            number=Count("id"),
            unticked=Count("id", filter=UNTICKED_ITEMS),
            unapproved=Count("id", filter=UNAPPROVED),
            held=Count("id", filter=HELD_ITEMS),
        )
    )
    order = Case(*(When(entity_type=kind, then=place) for place, kind in enumerate(ENTITY_TYPES)), default=9)
    pages = Paginator(chosen_items.order_by(order, "id"), PER_PAGE)
    if not chosen.text:
        pages.count = sum(row[3] for row in counted if chosen.matches(*row[:3]))
    page = pages.get_page(query.get("page"))
    people = add_created_rows(run, list(page))
    for item in () if with_addresses else page.object_list:
        hide_addresses(item)
    return ItemsPage(
        page=page,
        people=people if with_addresses else {},
        filter=chosen,
        kinds=_choices(((row[0], row[3]) for row in counted), chosen.kind, kind_words),
        actions=_choices(((row[1], row[3]) for row in counted), chosen.action, action_words),
        outcomes=_choices(((row[2] or "open", row[3]) for row in counted), chosen.outcome, outcome_words),
        total=sum(row[3] for row in counted),
        unticked=sum(row[4] for row in counted),
        unapproved=sum(row[5] for row in counted),
        holds=any(row[6] for row in counted),
        wrote=any(row[2] in (Outcome.APPLIED, Outcome.SKIPPED) for row in counted),
    )


def ticks_in_words(unticked: int, unapproved: int) -> str:
    """Say how many items are left out, and of how many the removals are not approved."""
    left = f"{unticked} item{'' if unticked == 1 else 's'} left out" if unticked else "All items are ticked"
    removals = f"; the removals of {unapproved} item{'' if unapproved == 1 else 's'} are not approved"
    return left + removals if unapproved else left


def action_words(action: str) -> str:
    return ACTIONS.get(action, (action, ""))[0]


def outcome_words(outcome: str) -> str:
    return "not yet" if outcome == "open" else outcome


def _choices(counted: Iterable[tuple[str, int]], chosen: str, words: Callable[[str], str]) -> tuple[Choice, ...]:
    numbers: dict[str, int] = {}
    for value, number in counted:
        numbers[value] = numbers.get(value, 0) + number
    return tuple(Choice(value, words(value), number, value == chosen) for value, number in numbers.items())


def is_synced_alone(item: SyncItem) -> bool:
    """Return whether the object of an item can be synced alone. People come with the objects that name them."""
    is_connected = item.run.connection.disconnected_at is None
    return item.entity_type in SELECTABLE and item.external_id != "" and is_connected


def add_created_rows(run: SyncRun, items: Sequence[SyncItem]) -> Mapping[int, str]:
    """Set ``row_id`` of items whose row was created after planning, and return how people can log in, by item id.

    Both are found through the links, in one query.
    """
    wanted = {item.external_id for item in items if item.row_id is None or item.entity_type == "responder"}
    invitations = Invitation.objects.filter(
        connection=OuterRef("connection"), external_id=OuterRef("external_id")
    ).order_by("-pk")
    links = ExternalLink.objects.filter(connection_id=run.connection_id, external_id__in=wanted).annotate(
        invitation=Subquery(invitations.values("state")[:1])
    )
    columns = ("entity_type", "external_id", "responder__account", "invitation", *ENTITY_TYPES)
    found = {(link[0], link[1]): link[2:] for link in links.values_list(*columns)}
    people = {}
    for item in items:
        account, invitation, *rows = found.get((item.entity_type, item.external_id), (None, None))
        if item.row_id is None:
            item.row_id = next((pk for pk in rows if pk is not None), None)
        if item.entity_type == "responder" and rows:
            people[item.pk] = login_words(account is not None, invitation)
    return people


def login_words(has_account: bool, invitation: str | None) -> str:
    """Say whether a person can log in. invitation: the state of the last invitation, or None."""
    if has_account:
        return "has an account"
    return f"invitation {InvitationState(invitation).label.lower()}" if invitation else "no account, not invited"


# --- what changes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a value. other: the other side has no such line. deeper: it belongs to the line above."""

    text: str
    other: bool
    deeper: bool


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """The lines of one field before and after the change."""

    word: str
    old: tuple[Line, ...]
    new: tuple[Line, ...]


def summary(item: SyncItem) -> str:
    """Return what an item changes in a few words, such as ``name, levels; members +2 −1``."""
    fields = [field_word(path).lower() for path in item.changes.get("fields", {})]
    parts = [", ".join(fields)] if fields and item.action != "create" else []
    for collection, changes in {**item.changes.get("elements", {}), **item.changes.get("held", {})}.items():
        added = sum(1 for old, _ in changes.values() if old is None)
        removed = sum(1 for _, new in changes.values() if new is None)
        counts = (("+", added), ("−", removed), ("~", len(changes) - added - removed))
        signs = " ".join(f"{sign}{number}" for sign, number in counts if number)
        parts.append(f"{field_word(collection).lower()} {signs}")
    return "; ".join(parts)


def change_rows(item: SyncItem, *, with_addresses: bool) -> tuple[ChangeRow, ...]:
    """Return every field and collection that an item changes, with names instead of keys.

    with_addresses: False hides the addresses, also in the item.
    """
    if not with_addresses:
        hide_addresses(item)
    names = Names(item.run, with_addresses=with_addresses)
    return rows_of_changes(item.changes, names, item.run.created_at, with_addresses=with_addresses)


def rows_of_changes(
    changes: Mapping[str, Any], names: Names, at: datetime, *, with_addresses: bool
) -> tuple[ChangeRow, ...]:
    """Return the rows of changes as an item stores them. at: the instant from which shifts are shown."""
    now = instant_to_text(int(at.timestamp()))
    _rows(changes, names, now)  # collects the keys
    names.load()
    rows = _rows(changes, names, now)
    account = changes.get("account")
    if account is not None:
        linked = User.objects.filter(pk=account).first()
        rows.append(_row("Account", (), (f"is linked to {linked}" if linked else "the account was deleted",)))
    shown = tuple(row for row in rows if row.old or row.new)
    return shown if with_addresses else without_addresses(shown)


def _rows(stored: Mapping[str, Any], name_of: NameOf, now: str) -> list[ChangeRow]:
    rows = []
    for path, (old, new) in stored.get("fields", {}).items():
        before, after = (field_lines(path, value, name_of, now) for value in (old, new))
        rows.append(_row(field_word(path), before, after))
    for change_key, addition in (("elements", ""), ("held", ", waiting for approval")):
        for collection, changes in stored.get(change_key, {}).items():
            old, new = (
                [element_line(collection, change[side], name_of) for change in changes.values() if change[side]]
                for side in (0, 1)
            )
            rows.append(_row(field_word(collection) + addition, old, new))
    return rows


def _row(word: str, old: Sequence[str], new: Sequence[str]) -> ChangeRow:
    return ChangeRow(
        word,
        tuple(Line(line.strip(), line not in new, line.startswith(INDENT)) for line in old),
        tuple(Line(line.strip(), line not in old, line.startswith(INDENT)) for line in new),
    )

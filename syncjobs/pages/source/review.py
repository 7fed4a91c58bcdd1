"""What the review of a setup shows: all choices, and what the plan does."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count
from django.urls import reverse

from connectors.closure import Selection
from connectors.records import ENTITY_TYPES
from oncall.masking import hide_addresses, without_addresses
from syncjobs.models import (
    PRESENT_STATES,
    WAITING_STATES,
    Conflict,
    ConflictKind,
    SyncItem,
    SyncProfile,
    SyncRun,
)
from syncjobs.pages.impact import ImpactShown, impact_of_run
from syncjobs.pages.marks import kind_words, page_of
from syncjobs.pages.run.items import ACTIONS, summary
from syncjobs.pages.run.progress import ListRead, grouped_notes, incomplete_lists
from syncjobs.pages.source.people import BucketShown
from syncjobs.setup.profile_form import GUARD
from syncjobs.slots.every import stored_in_words
from syncjobs.words.names import Names

#: How many items of a kind are listed. The page of the plan lists all.
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice of an earlier step, with the address where it is changed."""

    word: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An item of the plan. url: of what it changes, old and new."""

    label: str
    action: str
    colour: str
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class KindShown:
    """The items of one kind. counts: such as ``12 to create``. more: how many are not listed."""

    words: str
    total: int
    counts: str
    items: tuple[ItemShown, ...]
    more: int


@dataclass(frozen=True, slots=True)
class QuestionsShown:
    """The questions of one kind that come with the import, and how many of them are decided."""

    words: str
    waiting: int
    decided: int
    url: str


@dataclass(frozen=True, slots=True)
class Review:
    """The whole page."""

    choices: tuple[Chosen, ...]
    kinds: tuple[KindShown, ...]
    unchanged: int
    calls: int
    impact: ImpactShown | None
    questions: tuple[QuestionsShown, ...]
    notes: tuple[dict[str, Any], ...]
    incomplete: tuple[ListRead, ...]
    reasons: tuple[str, ...]


def review_of(profile: SyncProfile, run: SyncRun, people: Iterable[BucketShown], *, with_addresses: bool) -> Review:
    """Return the review of a plan. The number of queries does not depend on its size.

    profile: with its connection. people: the buckets with their numbers.
    """
    names = Names(run, with_addresses=with_addresses)
    grouped_notes(run, names)  # requests the names
    names.load()
    notes, incomplete = grouped_notes(run, names), incomplete_lists(run)
    return Review(
        choices_of(profile, people),
        _kinds(run, with_addresses=with_addresses),
        sum(int(counts.get("unchanged") or 0) for counts in run.counts.values()),
        run.calls,
        impact_of_run(run, names, with_addresses=with_addresses),
        _questions(profile),
        tuple(notes if with_addresses else without_addresses(notes)),
        tuple(incomplete if with_addresses else without_addresses(incomplete)),
        tuple(run.guard.get("reasons", ())),
    )


def choices_of(profile: SyncProfile, people: Iterable[BucketShown]) -> tuple[Chosen, ...]:
    """Return what was chosen, in words. Makes no query."""
    connection = profile.connection
    rules, select = page_of(connection, "rules"), page_of(connection, "import")
    contact = "imported" if profile.contact_details else "not requested"
    automatic = stored_in_words(profile.every)
    share, count = (profile.guard.get(name, GUARD[name]) for name in ("share", "count"))
    own = len(profile.ownership)
    found = [
        Chosen("Account", connection.account_label or connection.name, page_of(connection, "change")),
        Chosen("Selection", selection_in_words(profile), select),
        Chosen("People", people_in_words(people), page_of(connection, "people")),
        Chosen("Local changes", profile.get_strategy_display(), rules),
        Chosen("Contact details", contact, rules),
        Chosen("Automatic sync", "off" if automatic == "off" else f"{automatic}, after the first import", rules),
        Chosen("Review first", "on" if profile.review_first else "off", rules),
        Chosen("Removals wait", f"if they are more than {share} % of a kind and at least {count}", rules),
    ]
    if own:
        found.append(Chosen("Fields with their own rule", str(own), rules))
    return tuple(found)


def selection_in_words(profile: SyncProfile) -> str:
    """Return the selection in words, such as ``2 services and 1 schedule, with what they need``."""
    selection = Selection.from_json(profile.selection)
    if selection.everything:
        return "everything that the key may read"
    numbers = {kind: sum(1 for each, _ in selection.chosen if each == kind) for kind in ENTITY_TYPES}
    parts = [f"{number} {kind_words(kind, plural=number != 1)}" for kind, number in numbers.items() if number]
    return f"{' and '.join(parts)}, with what they need"


def people_in_words(buckets: Iterable[BucketShown]) -> str:
    """Return the numbers of people by bucket, without those that are empty."""
    return ", ".join(f"{each.count} {each.words.lower()}" for each in buckets if each.count) or "nobody to decide about"


def _kinds(run: SyncRun, *, with_addresses: bool) -> tuple[KindShown, ...]:
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    items = SyncItem.objects.filter(run=run)
    rows = items.order_by().values_list("entity_type", "action").annotate(number=Count("pk"))
    for kind, action, number in rows:
        counted[kind][action] = number
    found = []
    for kind in ENTITY_TYPES:
        if kind not in counted:
            continue
        listed = list(items.filter(entity_type=kind).order_by("label", "pk")[:MOST])
        for item in () if with_addresses else listed:
            hide_addresses(item)
        total = sum(counted[kind].values())
        counts = ", ".join(f"{number} {_action(action)}" for action, number in sorted(counted[kind].items()))
        shown = tuple(_item(run, each) for each in listed)
        found.append(KindShown(kind_words(kind), total, counts, shown, total - len(shown)))
    return tuple(found)


def _item(run: SyncRun, item: SyncItem) -> ItemShown:
    word, colour = ACTIONS.get(item.action, (item.action, ""))
    return ItemShown(
        item.label, word, colour, summary(item), reverse("admin:syncjobs_syncrun_item", args=[run.pk, item.pk])
    )


def _action(action: str) -> str:
    """Return what is done, after a number: ``to create``. Other items say what they are."""
    words = ACTIONS.get(action, (action, ""))[0].lstrip("+~=!?−→↶× ")
    return f"to {words}" if action in ("create", "update", "match", "detach", "deactivate") else words


def _questions(profile: SyncProfile) -> tuple[QuestionsShown, ...]:
    asked = Conflict.objects.of_connection(profile.connection_id).filter(state__in=PRESENT_STATES)
    numbers: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for kind, state, number in asked.order_by().values_list("kind", "state").annotate(number=Count("pk")):
        numbers[kind][state not in WAITING_STATES] += number
    url = f"{reverse('admin:syncjobs_conflict_changelist')}?connection={profile.connection_id}"
    return tuple(
        QuestionsShown(str(ConflictKind(kind).label), waiting, decided, f"{url}&kind__exact={kind}")
        for kind, (waiting, decided) in sorted(numbers.items())
    )

"""One read in as few calls as possible: lists, closure, details, people; then the mapping.

A read of a selection fetches only the lists that its closure needs. An object that a kept object refers to is fetched
when the reference is known.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final, TypeVar

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection, close
from connectors.network.client import JsonValue
from connectors.providers.atlassian import wire
from connectors.providers.atlassian.harvest import Forwarding, Harvest
from connectors.providers.atlassian.mapping import MAPPING_VERSION, records
from connectors.providers.atlassian.mapping_policies import default_rule
from connectors.providers.atlassian.starts import check_starts
from connectors.reading.findings import Elements, Vendor
from connectors.reading.listing import Listing, all_items
from connectors.reading.mapping import with_contents
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.pages import Page
from connectors.reading.source_read import SourceRead
from connectors.reading.wire import Wire
from connectors.records import Account, Completeness, EntityKey, EntityType, Snapshot, SourceUser
from oncall.rendering.final import Span
from oncall.rendering.spec import Substitution

N = TypeVar("N", bound=wire.MainObject)
E = TypeVar("E", bound=Wire)

_FORWARDING: Final = "forwarding-rules"
_NO_ROUTING: Final = "Not all teams and their routing could be read."


class AtlassianRead(SourceRead, ABC):
    """One read of an account. The abstract methods make the requests of one provider."""

    vendor: ClassVar[Vendor]
    override_model: ClassVar[type[wire.Override]]
    rule_model: ClassVar[type[wire.EscalationRule]] = wire.EscalationRule
    #: Kinds that have a list, in the order in which they are read.
    lists: ClassVar[tuple[EntityType, ...]]

    def __init__(self, at: int, progress: Progress) -> None:
        super().__init__(self.vendor, at, progress)
        self._harvest = Harvest()
        self._listed: set[EntityType] = set()
        self._requested: set[EntityKey] = set()

    def inventory(self) -> list[Node]:
        """Return nodes for all objects but people. Raises the first error if nothing can be listed."""
        self._list(*self.lists)
        self._raise_if_nothing_was_read()
        nodes, harvest = self._harvest.nodes(), self._harvest
        told = {node.key: () for node in nodes if node.external_id in {**harvest.rotations, **harvest.rules}}
        return with_contents(nodes, records(harvest, told, (), self._person, self._at, self._findings))

    def snapshot(self, selection: Selection) -> Snapshot:
        """Return the snapshot; the caller adds the number of calls.

        Raises ConnectorError if nothing can be read, and for an error that ends any read (a refused key).
        """
        account = self._begin(selection)
        if selection.everything:
            self._list(*self.lists)
            self._raise_if_nothing_was_read()
        self._harvest.forwarding = self._forwarding()
        kept = self._read_closure(selection)
        self._raise_if_nothing_was_read()
        self._record_reach(selection, kept, self._harvest.nodes())
        people = self._read_people(selection, list(self._harvest.references(kept)))
        made = records(self._harvest, kept, people, self._person, self._at, self._findings)
        substitutions = [each for user in made.users for each in user.substitutions or ()]
        for schedule in made.schedules:
            listed = self._harvest.schedules[schedule.external_id]
            rotations = self._harvest.rotations[schedule.external_id]
            check_starts(self._rendered, listed, rotations, schedule, substitutions, self._at, self._findings)
        completeness = self._final_completeness()
        if not self._routing_is_known() and completeness.get("escalation_policy", Completeness(True)).listing:
            completeness["escalation_policy"] = Completeness(False, _NO_ROUTING)
        return replace(self._snapshot(account, made), completeness=completeness, mapping_version=MAPPING_VERSION)

    # --- requests of one provider ---------------------------------------------------------------------------------

    @abstractmethod
    def _begin(self, selection: Selection) -> Account:
        """Read what has to be read before the lists. Return the account whose data this is."""

    @abstractmethod
    def _list_kind(self, kind: EntityType) -> None:
        """Read all objects of one kind into the harvest."""

    def _find(self, kind: EntityType, ids: Sequence[str], teams: Sequence[str]) -> None:
        """Read some objects of one kind into the harvest, in the fewest calls. teams: their likely owners."""
        self._list(kind)

    def _find_owned(self, teams: Sequence[str]) -> None:
        """Read the objects that these teams own into the harvest."""
        self._list(*(kind for kind in self.lists if kind != "user_group"))

    @abstractmethod
    def _members(self, team: wire.MainObject) -> Elements[wire.Member] | None:
        """Return the members of a team, None if not reported."""

    @abstractmethod
    def _routing_rules(self, team_id: str) -> JsonValue: ...

    @abstractmethod
    def _single(self, listed: wire.Schedule) -> wire.Schedule | None:
        """Read one schedule that the list shows without rotations. None if it cannot be read; rotations None if only
        they were not reported."""

    @abstractmethod
    def _overrides(self, schedule_id: str) -> JsonValue: ...

    @abstractmethod
    def _forwarding_rules(self) -> Iterator[Page]: ...

    @abstractmethod
    def _rendered(self, ids: Sequence[str], since: int, until: int) -> Mapping[str, tuple[Span, ...]]:
        """Return the vendor's own rendering by schedule id."""

    @abstractmethod
    def _read_people(self, selection: Selection, referenced: list[str]) -> list[str]:
        """Read people. Return the ids to import. referenced: people whom a kept object refers to."""

    @abstractmethod
    def _person(
        self, id_: str, substitutions: Elements[Substitution] | None, because: tuple[str, ...]
    ) -> SourceUser | None: ...

    @abstractmethod
    def _final_completeness(self) -> dict[EntityType, Completeness]:
        """Return the completeness of each list, known after the whole read. May add notes."""

    # --- lists -----------------------------------------------------------------------------------------------------

    def _list(self, *kinds: EntityType) -> None:
        """Read the lists of these kinds, each once per read."""
        for kind in kinds:
            if kind not in self._listed:
                self._listed.add(kind)
                self._list_kind(kind)

    def _read_list(
        self,
        pages: Iterator[Page],
        model: type[N],
        entity_type: EntityType,
        key: str,
        wanted: Collection[str] | None = None,
    ) -> dict[str, N]:
        """Read a whole list, or pages until all ``wanted`` ids have come. A failure is reported in the findings."""
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress)
        if wanted is None:
            listing.read()
        while wanted is not None and not listing.finished and any(id_ not in listing.objects for id_ in wanted):
            listing.read(1)
        self._record_completeness(listing, entity_type)
        return listing.objects

    def _record_completeness(self, listing: Listing[N], entity_type: EntityType) -> None:
        """Note the completeness of a list. A list is as good as whole when all wanted ids came."""
        expected = self._is_expected_refusal(listing, entity_type)
        if listing.error is not None and not expected:
            self._findings.fail(entity_type, None, listing.error)
        self._record_listing(listing, expected)
        state = self._completeness.get(entity_type, Completeness(True))
        if state.listing and (listing.finished or listing.error is not None):
            self._completeness[entity_type] = listing.completeness
            self._note_incomplete(listing, entity_type)

    def _is_expected_refusal(self, listing: Listing[N], entity_type: EntityType) -> bool:
        """Return whether the error of a list means that the account has no such objects. If so, add a note."""
        return False

    def _routing_is_known(self) -> bool:
        """Return whether the routing of every team was read. It is an escalation policy of its own."""
        teams = self._completeness.get("user_group", Completeness(True))
        read = self._harvest.teams
        unreadable = any(f.entity_type == "user_group" and f.external_id not in read for f in self._findings.failed)
        routing = self._harvest.routing.values()
        known = all(rules is not None and (default_rule(rules) or not rules.unread) for rules in routing)
        return teams.listing and not unreadable and known

    def _forwarding(self) -> Forwarding | None:
        """Return the forwarding rules, None if not reported. An unreadable rule is of the person whom it is from."""
        sent = read_optional_list(
            lambda: all_items(self._forwarding_rules(), self._findings.vendor, "forwarding rules", _FORWARDING),
            wire.SentRule,
            self._findings,
            "responder",
            None,
            words="Forwarding rules",
            code="forwarding_not_told",
            path=_FORWARDING,
        )
        if sent is None:
            return None
        by_person: dict[str | None, dict[int, object]] = {}
        for place, rule in zip(sent.places, sent, strict=True):
            by_person.setdefault(rule.from_user.id, {})[place] = rule.raw
        rules = {
            id_: self._read_elements(wire.ForwardingRule, Elements(raw.values(), 0, raw), "responder", id_, _FORWARDING)
            for id_, raw in by_person.items()
        }
        unowned = rules.pop(None, Elements[wire.ForwardingRule]())
        return Forwarding({id_: found for id_, found in rules.items() if id_ is not None}, sent.unread + unowned.unread)

    def _read_elements(
        self, model: type[E], raw: Iterable[object], entity_type: EntityType, id_: str | None, path: str
    ) -> Elements[E]:
        """Read the elements of an object. An unreadable element that has ended is ignored."""
        return self._findings.read_all(
            model, raw, entity_type, id_, path, ended=lambda each: wire.has_ended(each, self._at)
        )

    def _add_schedule(self, schedule: wire.Schedule) -> None:
        """Add a schedule to the harvest, with the rotations that are readable."""
        self._harvest.schedules[schedule.id] = schedule
        self._harvest.rotations[schedule.id] = self._read_elements(
            wire.Rotation, schedule.rotations or (), "schedule", schedule.id, "rotations"
        )

    def _add_escalation(self, escalation: wire.Escalation) -> None:
        """Add an escalation to the harvest, with the rules that are readable."""
        self._harvest.escalations[escalation.id] = escalation
        self._harvest.rules[escalation.id] = self._findings.read_all(
            self.rule_model, escalation.rules or (), "escalation_policy", escalation.id, "rules"
        )

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_closure(self, selection: Selection) -> Kept:
        """Read the details of the kept objects and return what is kept.

        Details are the members of a team, the routing of a team that something pages, and the overrides of a schedule.
        They may refer to more objects, so this repeats until there is nothing new.
        """
        harvest = self._harvest
        chosen_teams = [id_ for kind, id_ in sorted(selection.chosen) if kind == "user_group"]
        if chosen_teams and not selection.everything:
            self._find_owned(chosen_teams)
        while True:
            requested = not selection.everything and self._request_missing(selection, close(harvest.nodes(), selection))
            kept = close(harvest.nodes(), selection)
            teams = [id_ for kind, id_ in kept if kind == "user_group" and id_ in harvest.teams]
            schedules = [id_ for kind, id_ in kept if kind == "schedule" and id_ in harvest.schedules]
            for id_ in teams:
                if id_ not in harvest.members:
                    harvest.members[id_] = self._members(harvest.teams[id_])
                    self._progress("user_group", len(harvest.members), len(teams))
            paged = {*teams} if selection.everything else {*chosen_teams, *harvest.paged_teams(kept)}
            unread = [id_ for id_ in teams if id_ in paged and id_ not in harvest.routing]
            for id_ in unread:
                harvest.routing[id_] = self._collection(
                    wire.RoutingRule, "user_group", id_, "routing-rules", self._routing_rules
                )
            unread_schedules = [id_ for id_ in schedules if id_ not in harvest.overrides]
            for id_ in unread_schedules:
                self._read_schedule(harvest.schedules[id_])
                self._progress("schedule", len(harvest.overrides), len(schedules))
            if not requested and not unread and not unread_schedules:
                return kept

    def _request_missing(self, selection: Selection, kept: Kept) -> bool:
        """Request the wanted objects that are still missing, each once. Return whether there were any."""
        wanted = dict.fromkeys((*sorted(selection.chosen), *kept))
        teams = [id_ for kind, id_ in wanted if kind == "user_group"]
        before = len(self._requested)
        for kind in self.lists:
            ids = [
                id_
                for key in wanted
                if key[0] == kind and (id_ := key[1]) not in self._harvest.objects(kind) and key not in self._requested
            ]
            if kind == "escalation_policy":  # the policy of a team's routing has the team's id
                ids = [id_ for id_ in ids if id_ not in teams]
            if ids:
                self._requested.update((kind, id_) for id_ in ids)
                self._find(kind, ids, teams)
        return len(self._requested) > before

    def _read_schedule(self, listed: wire.Schedule) -> None:
        """Read the rotations, if the list shows none, and the overrides of a schedule.

        A list shows no rotations if there are none, but also if they were not expanded; only the single schedule shows
        which. A schedule that cannot be read on its own is left out.
        """
        if not listed.rotations:
            single = self._single(listed)
            if single is None:
                del self._harvest.schedules[listed.id]
                self._requested.add(("schedule", listed.id))
                return
            self._add_schedule(single)
            if single.rotations is None:
                self._harvest.rotations[listed.id] = Elements((), unread=1)
        self._harvest.overrides[listed.id] = self._collection(
            self.override_model, "schedule", listed.id, "overrides", self._overrides
        )

    def _collection(
        self, model: type[E], entity_type: EntityType, id_: str, key: str, fetch: Callable[[str], JsonValue]
    ) -> Elements[E] | None:
        """Read a collection of one object. None if not reported."""
        return read_optional_list(
            lambda: fetch(id_),
            model,
            self._findings,
            entity_type,
            id_,
            words=f"Its {key.replace('-', ' ')}",
            code=f"{key.replace('-', '_')}_not_told",
            path=key,
            ended=lambda each: wire.has_ended(each, self._at),
        )

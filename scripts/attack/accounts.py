"""Accounts that change: parts of the simulated vendors' accounts, read once by the product's own connectors.

Accounts of two vendors share people by e-mail address, and names of groups and schedules.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import Final

from connectors.base import Rim
from connectors.closure import Node, Selection, close
from connectors.network.addresses import parse_allow
from connectors.network.egress import LiveTransport
from connectors.reading.texts import short_key
from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    EntityKey,
    FailedEntity,
    Reach,
    Record,
    Snapshot,
    SourcePolicy,
    SourceSchedule,
    SourceTeam,
    SourceUser,
    entity_type_of,
)
from connectors.redaction import Secret
from connectors.registry import connector_class
from connectors.simulator import jsm, opsgenie, pagerduty, xmatters
from connectors.simulator.serve import demo_account
from oncall.rendering.spec import Participant
from oncall.tables.escalation import ROW_OF_TARGET
from oncall.tables.schedules import ROW_OF_PARTICIPANT

NOW: Final = 1_795_176_000  # 2026-11-20T12:00:00Z, the time of every read
PROVIDERS: Final = ("pagerduty", "opsgenie", "jsm", "xmatters")
_VENDORS = {"pagerduty": pagerduty, "opsgenie": opsgenie, "jsm": jsm, "xmatters": xmatters}
#: Numbers of objects, without people, that a sampled account starts from, and the most objects of an account.
CHOSEN: Final = (2, 4)
MOST: Final = 30


@cache
def read_simulator(provider: str) -> Snapshot:
    """Return the simulated account of a vendor, without the vendor's renderings, which edits would not change."""
    vendor, cls = _VENDORS[provider], connector_class(provider)
    given, secrets = demo_account(provider)
    settings = cls.clean(given)
    with vendor.Simulator(vendor.build_world(NOW)) as server:
        allow = parse_allow([server.origin.removeprefix("http://")])
        transport = LiveTransport(server.origin, hosts=dict.fromkeys(cls.hosts(settings), server.origin), allow=allow)
        rim = Rim(transport, now=lambda: NOW, sleep=time.sleep)
        connector = cls(settings, {name: Secret(text) for name, text in secrets.items()}, rim)
        snapshot = connector.fetch(Selection(), contact_details=True)
    return replace(snapshot, rendered={}, rendered_range=None, notes=(), calls=1)


def key_of(record: Record) -> EntityKey:
    kinds = (SourceUser, SourceTeam, SourceSchedule, SourcePolicy)
    kind = next((kind for kind, cls in zip(ENTITY_TYPES, kinds, strict=False) if isinstance(record, cls)), "service")
    return entity_type_of(kind), record.external_id


def references(record: Record) -> Iterator[EntityKey]:
    """Yield the keys that a record refers to, the owning group included."""
    match record:
        case SourceUser():
            for absence in record.substitutions or ():
                yield from _participants(absence.replacement)
        case SourceTeam():
            yield from (("responder", member.person_id) for member in record.members or ())
        case SourceSchedule():
            yield from (("user_group", group) for group in record.group_ids)
            for layer in record.layers:
                yield from _participants(*layer.participants)
            for shift in (*(record.extra_shifts or ()), *(record.overrides or ())):
                yield from _participants(shift.by)
        case SourcePolicy():
            for level in record.policy.levels:
                for target in level.targets:
                    if kind := ROW_OF_TARGET.get(target.kind):
                        yield entity_type_of(kind), target.key
            yield from (("user_group", id_) for id_ in [record.group_id] if id_)
            yield from (("escalation_policy", id_) for id_ in [record.part_of_id] if id_)
        case _:
            yield from (("escalation_policy", id_) for id_ in [record.policy_id] if id_)
            yield from (("user_group", id_) for id_ in [record.group_id] if id_)


def _participants(*participants: Participant) -> Iterator[EntityKey]:
    for each in participants:
        if kind := ROW_OF_PARTICIPANT.get(each.kind):
            yield entity_type_of(kind), each.id


def _owners(record: Record) -> tuple[str, ...]:
    groups = getattr(record, "group_ids", None) or [getattr(record, "group_id", None)]
    return tuple(group for group in groups if group)


@dataclass
class Fault:
    """What goes wrong in the next read.

    incomplete: kinds whose list breaks off. unreadable: objects that come, but cannot be read. without_members: groups
    whose members are not reported. error: the read ends with an error, before or after its first pages.
    """

    incomplete: frozenset[str] = frozenset()
    unreadable: frozenset[EntityKey] = frozenset()
    without_members: frozenset[str] = frozenset()
    error: str = ""

    def __bool__(self) -> bool:
        return self != Fault()


@dataclass
class SourceAccount:
    """An account at a vendor. records: the present objects by key. touched: addresses of people who were edited."""

    provider: str
    template: Snapshot
    records: dict[EntityKey, Record] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def of_kind(self, *kinds: str) -> list[Record]:
        return [record for (kind, _), record in sorted(self.records.items()) if kind in kinds]

    def closure(self, selection: Selection) -> set[EntityKey]:
        """Return the keys of the objects that the selection brings."""
        return {key for key in close(self._nodes(), selection) if key in self.records}

    def _nodes(self) -> list[Node]:
        return [
            Node(kind, id_, record.name, tuple(dict.fromkeys(references(record))), _owners(record))
            for (kind, id_), record in self.records.items()
        ]

    def read(self, selection: Selection, fault: Fault) -> Snapshot:
        """Return what a connector returns for the present account."""
        kept = close(self._nodes(), selection)
        # A list that breaks off hides every second object of its kind.
        listed: list[EntityKey] = []
        for kind in ENTITY_TYPES:
            keys = [key for key in self.records if key[0] == kind and key in kept]
            listed += keys[::2] if kind in fault.incomplete else keys
        read = [self._reported(self.records[key], fault) for key in listed if key not in fault.unreadable]
        reach = None
        if not selection.everything:
            wanted = {*selection.chosen, *kept} - {*listed}
            reach = Reach(
                kept=frozenset(kept) | selection.chosen,
                unresolved=tuple(sorted(key for key in wanted if key[0] != "responder")),
                owned=any(kind == "user_group" for kind, _ in selection.chosen),
            )
        return replace(
            self.template,
            users=tuple(each for each in read if isinstance(each, SourceUser)),
            teams=tuple(each for each in read if isinstance(each, SourceTeam)),
            schedules=tuple(each for each in read if isinstance(each, SourceSchedule)),
            policies=tuple(each for each in read if isinstance(each, SourcePolicy)),
            services=tuple(each for each in read if key_of(each)[0] == "service"),
            failed=tuple(
                FailedEntity(kind, short_key(id_), "unreadable", "", "It could not be read.")
                for kind, id_ in sorted(fault.unreadable)
                if (kind, id_) in kept
            ),
            completeness={
                kind: Completeness(False, "The list broke off.") if kind in fault.incomplete else state
                for kind, state in self.template.completeness.items()
            },
            reach=reach,
        )

    @staticmethod
    def _reported(record: Record, fault: Fault) -> Record:
        if isinstance(record, SourceTeam) and record.external_id in fault.without_members:
            return replace(record, members=None)
        return record


def sample(provider: str, random: Random, label: str) -> SourceAccount:
    """Return a small part of the vendor's simulated account: some objects, and all that they refer to.

    label: of the account, so that two connections to one vendor have different accounts.
    """
    whole = read_simulator(provider)
    account = SourceAccount(provider, replace(whole, account=Account(label, label)))
    account.records = {key_of(each): each for kind in ENTITY_TYPES for each in whole.records(kind)}
    others = sorted(key for key in account.records if key[0] != "responder")
    chosen: set[EntityKey] = set()
    for _ in range(random.randint(*CHOSEN)):
        more = chosen | {random.choice(others)}
        if not chosen or len(account.closure(Selection(False, frozenset(more)))) <= MOST:
            chosen = more
    kept = account.closure(Selection(False, frozenset(chosen)))
    account.records = {key: record for key, record in account.records.items() if key in kept}
    return account

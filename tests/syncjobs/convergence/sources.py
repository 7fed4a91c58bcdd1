"""Two sources that can be changed at random, and what a read of them gives: to the product, and to the oracle."""

from dataclasses import dataclass, field, replace
from typing import Any

from connectors.closure import Selection
from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    Reach,
    Snapshot,
    SourceContactMethod,
    SourceService,
)
from tests.syncjobs.conftest import NOW, Source, Sync, user
from tests.syncjobs.convergence.values import Reading, Record

Id = tuple[str, str]  # kind, external id


@dataclass
class Place:
    """One source. objects: what is there. gone: how it answers for what is not. unchosen: what is not selected.

    incomplete: kinds whose list came without its end, and the ids that were on it.
    """

    sync: Sync
    number: int
    objects: dict[Id, Record] = field(default_factory=dict)
    gone: dict[Id, str] = field(default_factory=dict)
    unchosen: set[Id] = field(default_factory=set)
    incomplete: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sync.source = Wire(self)

    def listed(self) -> dict[Id, Record]:
        return {
            key: record
            for key, record in self.objects.items()
            if key not in self.unchosen and (key[0] not in self.incomplete or key[1] in self.incomplete[key[0]])
        }

    def reading(self, at: int, known: set[Id], followed: set[Id]) -> Reading:
        """Return what a read learns. known: the ids that have a link. followed: those whose link follows the source."""
        records = {key: replace(record) for key, record in self.listed().items()}
        unlisted: dict[Id, str] = {}
        contradicted = {
            key[0] for key in followed - records.keys() - self.unchosen
            if self.gone.get(key) == "found" and key[0] not in self.incomplete
        }  # fmt: skip
        for key in known - records.keys():
            if key in self.unchosen:
                unlisted[key] = "not_chosen"
            elif key[0] in self.incomplete or key[0] in contradicted or self.gone[key] == "unknown":
                unlisted[key] = "not_reached"
            else:
                unlisted[key] = self.gone[key]
        return Reading(self.number, at, records, unlisted, frozenset(ENTITY_TYPES) - self.incomplete.keys())

    def select(self, unchosen: set[Id]) -> None:
        self.unchosen = unchosen
        chosen = frozenset((kind, id_) for kind, id_ in {*self.objects, *self.gone} - unchosen)
        selection = Selection(not unchosen, chosen if unchosen else frozenset())  # type: ignore[arg-type]
        self.sync.rules(selection=selection.to_json())


class Wire(Source):
    """A place as a connector reads it."""

    at = NOW

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def __getattribute__(self, name: str) -> Any:
        if name == "snapshot":
            return super().__getattribute__("_built")()
        if name == "answers":
            return super().__getattribute__("_place").gone
        if name == "reach":
            place = super().__getattribute__("_place")
            return Reach(frozenset({*place.objects, *place.gone} - place.unchosen))
        return super().__getattribute__(name)

    def _built(self) -> Snapshot:
        place = self._place
        listed = sorted(place.listed().items())
        return Snapshot(
            provider="pagerduty",
            account=Account("acme", "acme.pagerduty.com", "us"),
            fetched_at=self.at,
            users=tuple(_user(key[1], record) for key, record in listed if key[0] == "responder"),
            teams=(),
            schedules=(),
            policies=(),
            services=tuple(
                SourceService(key[1], record.fields["name"], record.fields["description"])
                for key, record in listed
                if key[0] == "service"
            ),
            completeness={
                kind: Completeness(kind not in place.incomplete, reason="cut" if kind in place.incomplete else "")
                for kind in ENTITY_TYPES
            },
            mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
        )


def _user(id_: str, record: Record) -> Any:
    methods = tuple(
        SourceContactMethod(key, "email", f"{key.lower()}@example.com", label, True)
        for key, label in sorted(record.elements.items())
    )
    fields = record.fields
    return user(id_, fields["name"], title=fields["title"], email=record.address, contact_methods=methods)

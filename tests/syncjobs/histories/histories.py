"""Random histories of a source: what exists there, and what each read shows of it, with faults.

Written from the notes about faults; it imports no planning code. The history alone knows the truth: which objects were
deleted, when, and which reads were complete.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, Literal

from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    EntityKey,
    EntityType,
    FailedEntity,
    Found,
    MappingNote,
    Reach,
    Snapshot,
    SourceMember,
    SourceService,
    SourceTeam,
)
from oncall.escalation.policy import Target
from oncall.rendering.spec import VACANT, Override
from tests.syncjobs.conftest import NOW, layer, policy, schedule, user

HOUR: Final = 3_600
MINUTE: Final = 60
#: A read after less than this is no further sighting.
BETWEEN: Final = HOUR
#: A deletion has arrived after so many complete reads.
READS: Final = 3
PREFIX: Final[Mapping[EntityType, str]] = {
    "responder": "U",
    "user_group": "T",
    "schedule": "S",
    "escalation_policy": "P",
    "service": "V",
}


@dataclass
class View:
    """What one read shows. answers: to requests by id; an object without an answer gets the true one."""

    shown: dict[EntityType, dict[str, Any]]
    answers: dict[EntityKey, Found] = field(default_factory=dict)
    incomplete: dict[EntityType, str] = field(default_factory=dict)
    account: str = "acme"
    failed: list[FailedEntity] = field(default_factory=list)
    notes: list[MappingNote] = field(default_factory=list)
    kept: frozenset[EntityKey] | None = None

    def hide(self, kind: EntityType, ids: list[str], answer: Found) -> None:
        for id_ in ids:
            del self.shown[kind][id_]
            self.answers[kind, id_] = answer

    def snapshot(self, at: int) -> Snapshot:
        parts = {kind: tuple(self.shown[kind].values()) for kind in ENTITY_TYPES}
        return Snapshot(
            provider="pagerduty",
            account=Account(self.account, f"{self.account}.pagerduty.com", "us"),
            fetched_at=at,
            users=parts["responder"],
            teams=parts["user_group"],
            schedules=parts["schedule"],
            policies=parts["escalation_policy"],
            services=parts["service"],
            completeness={k: Completeness(k not in self.incomplete, self.incomplete.get(k, "")) for k in ENTITY_TYPES},
            mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
            failed=tuple(self.failed),
            notes=tuple(self.notes),
            reach=None if self.kept is None else Reach(self.kept),
        )


#: What a person here does before a read: nothing, an edit of a row or its deletion, between plan and apply.
Here = Literal["", "edited", "deleted", "during", "reviewed", "stopped"]


@dataclass(frozen=True)
class Step:
    """One read. kind: of the fault, empty for a complete read. existing: the keys that the source has in truth.

    deleted: all keys that the source had and has no more, with those that live on under another id. here: what happens
    on this side, to the object ``target``.
    """

    at: int
    kind: str
    snapshot: Snapshot
    answers: Mapping[EntityKey, Found]
    existing: frozenset[EntityKey]
    deleted: frozenset[EntityKey]
    here: Here = ""
    target: EntityKey | None = None

    @property
    def is_complete(self) -> bool:
        return not self.kind

    def lists(self, key: EntityKey) -> bool:
        return any(record.external_id == key[1] for record in self.snapshot.records(key[0]))


class World:
    """What the source has: the names of its objects by kind and id. Records are made from the names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names: dict[EntityType, dict[str, str]] = {
            kind: {f"{PREFIX[kind]}{n}": f"{PREFIX[kind].lower()} name {n}" for n in range(random.randint(1, 8))}
            for kind in ENTITY_TYPES
        }
        self.former: dict[EntityKey, Any] = {}
        self.shape: dict[str, int] = {}
        self.states: dict[str, str] = {}

    def keys(self) -> frozenset[EntityKey]:
        return frozenset((kind, id_) for kind in ENTITY_TYPES for id_ in self.names[kind])

    def view(self) -> View:
        return View({kind: {id_: self._record(kind, id_) for id_ in self.names[kind]} for kind in ENTITY_TYPES})

    def _existing(self, kind: EntityType, *numbers: int) -> list[str]:
        return [id_ for n in numbers if (id_ := f"{PREFIX[kind]}{n}") in self.names[kind]]

    def _record(self, kind: EntityType, id_: str) -> Any:
        """Return a record, which refers only to what exists: vendors take what is deleted out of the others."""
        name, number = self.names[kind][id_], int(id_[1:])
        if kind == "responder":
            mail = name.replace(" ", ".")
            return user(id_, name, email=f"{mail}@example.com", state=self.states.get(id_, "active"))
        if kind == "user_group":
            people = self._existing("responder", number, number + 1)
            return SourceTeam(id_, name, members=tuple(SourceMember(one, "responder") for one in people))
        if kind == "schedule":
            people = self._existing("responder", number, number + 1, number + 2)
            made = schedule(id_, name, *([layer(*people)] if people else []))
            return replace(made, flavour="v3", composition="concurrent") if self.shape.get(id_) else made
        if kind == "escalation_policy":
            targets = [Target("schedule", one) for one in self._existing("schedule", number)]
            targets += [Target("responder", one) for one in self._existing("responder", number + 2)]
            return policy(id_, name, *targets)
        return SourceService(id_, name, policy_id=next(iter(self._existing("escalation_policy", number)), None))

    def any_of(self, kind: EntityType | None = None) -> EntityKey | None:
        keys = sorted(key for key in self.keys() if kind in (None, key[0]))
        return self.random.choice(keys) if keys else None


Apply = Callable[[World, View], None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault. entries: of the fault list. reads: how many reads in a row it may last, on the same objects.

    is_complete: whether the read is complete all the same, so that deletions arrive with it. is_quick: whether all its
    reads are within an hour. here: as Step.
    """

    entries: tuple[str, ...]
    apply: Apply
    reads: int = 1
    is_complete: bool = False
    is_quick: bool = False
    here: Here = ""


def _kind(world: World) -> EntityType:
    return world.random.choice(ENTITY_TYPES)


def _some(world: World, view: View, kind: EntityType, share: float) -> list[str]:
    ids = sorted(view.shown[kind])
    return world.random.sample(ids, max(min(len(ids), 1), round(len(ids) * share)))


def _empty(answer: Found) -> Apply:
    def apply(world: World, view: View) -> None:
        kind = _kind(world)
        view.hide(kind, list(view.shown[kind]), answer)

    return apply


def _lacking(share: float, answer: Found) -> Apply:
    def apply(world: World, view: View) -> None:
        kind = _kind(world)
        view.hide(kind, _some(world, view, kind, share), answer)

    return apply


def _empty_account(world: World, view: View) -> None:
    for kind in ENTITY_TYPES:
        view.hide(kind, list(view.shown[kind]), "not_found")


def _refused(reason: str, share: float) -> Apply:
    """A list that ends early, or is refused from the beginning: the read knows that it is not complete."""

    def apply(world: World, view: View) -> None:
        kind = _kind(world)
        for id_ in _some(world, view, kind, share):
            del view.shown[kind][id_]
        view.incomplete[kind] = reason

    return apply


def _other_account(world: World, view: View) -> None:
    view.account = "globex"
    for kind in ENTITY_TYPES:
        records = [replace(record, external_id=f"{id_}0") for id_, record in view.shown[kind].items()]
        view.hide(kind, list(view.shown[kind]), "not_found")
        view.shown[kind] = {record.external_id: record for record in records}


def _unreadable(world: World, view: View) -> None:
    kind = _kind(world)
    for id_ in _some(world, view, kind, 0.3):
        del view.shown[kind][id_]
        view.failed.append(FailedEntity(kind, id_, "bad", "x", "It could not be read."))


def _hidden_family(world: World, view: View) -> None:
    """Schedules move from one API family to the other, which the key may not read yet."""
    for id_ in _some(world, view, "schedule", 0.5):
        world.shape[id_] = 1
        del view.shown["schedule"][id_]
    view.incomplete["schedule"] = "The new family of schedules is refused."
    view.notes.append(MappingNote("schedule", None, "refused", "refused", hides=True))


def _moved_family(world: World, view: View) -> None:
    for id_ in _some(world, view, "schedule", 0.5):
        world.shape[id_] = 1 - world.shape.get(id_, 0)
    view.shown["schedule"] = world.view().shown["schedule"]


def _other_selection(world: World, view: View) -> None:
    gone = {key for key in sorted(world.keys()) if world.random.random() < 0.3}
    view.kept = frozenset(world.keys() - gone)
    for kind, id_ in gone:
        del view.shown[kind][id_]


def _renamed(world: World, view: View) -> None:
    for key in (world.any_of() for _ in range(2)):
        if key is not None:
            world.names[key[0]][key[1]] += " b"
    view.shown = world.view().shown


def _swapped(world: World, view: View) -> None:
    kind = _kind(world)
    ids = _some(world, view, kind, 1)[:2]
    if len(ids) == 2:
        names = world.names[kind]
        names[ids[0]], names[ids[1]] = names[ids[1]], names[ids[0]]
    view.shown = world.view().shown


def _inactive(world: World, view: View) -> None:
    for id_ in _some(world, view, "responder", 0.2):
        world.states[id_] = "inactive"
    view.shown = world.view().shown


def _reordered(world: World, view: View) -> None:
    for kind in ENTITY_TYPES:
        records = list(view.shown[kind].items())
        world.random.shuffle(records)
        view.shown[kind] = dict(records)


def _vacated(world: World, view: View) -> None:
    for id_, record in view.shown["schedule"].items():
        gap = Override(f"O{id_}", NOW - HOUR, NOW + 400 * HOUR, VACANT)
        view.shown["schedule"][id_] = replace(record, overrides=(gap,))


def _old_list(world: World, view: View) -> None:
    """The list still has what was deleted."""
    for (kind, id_), record in sorted(world.former.items()):
        if world.random.random() < 0.5:
            view.shown[kind][id_] = record


def _nothing(world: World, view: View) -> None:
    """Nothing happens at the source; the fault is here."""


#: Each kind of history, by name.
FAULTS: Final[Mapping[str, Fault]] = {
    "a kind is empty, but its objects are found by id": Fault(("F41",), _empty("found"), 4),
    "a kind is empty, and its objects are hidden": Fault(("F41",), _empty("not_visible"), 3),
    "a kind is empty, and unknown by id": Fault(("F41", "F18"), _empty("not_found"), 4),
    "the whole account is empty": Fault(("F41",), _empty_account, 4),
    "half a list, found by id": Fault(("F42", "F31"), _lacking(0.5, "found"), 4),
    "half a list, hidden": Fault(("F42",), _lacking(0.5, "not_visible"), 4),
    "half a list, without an answer by id": Fault(("F42",), _lacking(0.5, "unknown"), 4),
    "a fifth of a list, found by id": Fault(("F42", "F29"), _lacking(0.19, "found"), 4),
    "a list alternates": Fault(("F42", "F51"), _lacking(0.5, "not_found")),
    "objects are unknown for some minutes": Fault(("F51",), _lacking(0.2, "not_found"), 4, is_quick=True),
    "an object is unknown once": Fault(("F06", "F10", "F51"), _lacking(0.1, "not_found")),
    "a list is old": Fault(("F51",), _old_list, 2),
    "a list is cut": Fault(("F19", "F28", "F30", "F31"), _refused("A page is missing.", 0.5), 4),
    "a kind is refused": Fault(("F03", "F04", "F07", "F15"), _refused("The key may not read it.", 1), 4),
    "the key belongs to another account": Fault(("F43",), _other_account, 3),
    "objects cannot be read": Fault(("F16", "F32", "F34"), _unreadable, 3),
    "a family of schedules is hidden": Fault(("F52",), _hidden_family, 2),
    "schedules move to the other family": Fault(("F52",), _moved_family, is_complete=True),
    "the selection changes": Fault(("F62",), _other_selection, 2),
    "objects get another name or address": Fault(("F44", "F47"), _renamed, is_complete=True),
    "objects swap their names": Fault(("F46", "F61"), _swapped, is_complete=True),
    "people are inactive": Fault(("F48",), _inactive, is_complete=True),
    "everything has another order": Fault(("F49", "F50"), _reordered, is_complete=True),
    "nobody is on call": Fault(("F48",), _vacated, is_complete=True),
    "a row is edited here": Fault(("F53", "F54", "F55", "F57"), _nothing, is_complete=True, here="edited"),
    "a row is deleted here": Fault(("F56", "F60"), _nothing, is_complete=True, here="deleted"),
    "a row is edited during the run": Fault(("F58", "F59"), _nothing, is_complete=True, here="during"),
    "a plan is reviewed later": Fault(("F64",), _nothing, is_complete=True, here="reviewed"),
    "the run is cancelled": Fault(("F63",), _nothing, here="stopped"),
}
#: Objects that are deleted and made again under a new id are true changes of the source, not faults of a read.
MADE_AGAIN: Final = "F45"


def history(seed: int, faults: Mapping[str, Fault] = FAULTS, length: int = 9) -> Iterator[Step]:
    """Yield the reads of one history. The first and the last ones are complete; faults never follow at once."""
    random = Random(seed)
    world, deleted = World(random), set[EntityKey]()
    at, left, start, fault = NOW, 0, 0, ""
    for number in range(length + READS + 1):
        is_over = number >= length
        if number and not is_over and random.random() < 0.35:
            _delete(world, deleted)
        lasts = left > 0 and not is_over
        if lasts:
            left -= 1
        elif fault or not number or is_over or random.random() < 0.3:
            fault = ""
        else:
            fault = random.choice(list(faults))
            left = random.randrange(faults[fault].reads)
            start = number
        kind = faults.get(fault)
        target = world.any_of()
        view = world.view()
        if kind is not None:
            world.random = Random(seed * 1_000 + start)
            kind.apply(world, view)
            world.random = random
        if is_over:
            at += 2 * HOUR
        elif lasts and kind is not None and kind.is_quick:
            at += 10 * MINUTE
        else:
            at += random.choice([10 * MINUTE, 50 * MINUTE, HOUR, 2 * HOUR, 26 * HOUR])
        keys = world.keys()
        truth: dict[EntityKey, Found] = dict.fromkeys(keys, "found")
        answers = {**dict.fromkeys(deleted, "not_found"), **truth, **view.answers}
        is_complete = kind is None or kind.is_complete
        here = "" if kind is None else kind.here
        yield Step(
            at,
            "" if is_complete else fault,
            view.snapshot(at),
            answers,
            keys,
            frozenset(deleted),
            here,
            target,
        )


def _delete(world: World, deleted: set[EntityKey]) -> None:
    """Delete an object for good; sometimes it is made again under another id."""
    key = world.any_of()
    if key is None:
        return
    kind, id_ = key
    world.former[key] = world.view().shown[kind][id_]
    name = world.names[kind].pop(id_)
    deleted.add(key)
    if world.random.random() < 0.25:
        world.names[kind][f"{PREFIX[kind]}{90 + len(deleted)}"] = name


@dataclass
class Judge:
    """Compares what is inactive here with the truth. wrong: rows that are inactive though their objects exist.

    late: deletions that have not arrived after READS complete reads. arrived: those that have.
    """

    wrong: list[tuple[int, EntityKey]] = field(default_factory=list)
    late: list[EntityKey] = field(default_factory=list)
    arrived: int = 0
    _complete: dict[EntityKey, list[int]] = field(default_factory=dict)
    _known: set[EntityKey] = field(default_factory=set)

    def look(
        self, number: int, step: Step, inactive: set[EntityKey], followed: set[EntityKey], questions: set[EntityKey]
    ) -> None:
        """Look at the state after a read.

        inactive: objects whose row is inactive. followed: whose link follows the source. questions: about which a
        person is asked, or whose removal waits for approval.
        """
        self.wrong += [(number, key) for key in sorted(inactive & step.existing)]
        for key in sorted(step.deleted & (followed | inactive | questions)):
            if step.lists(key):  # an old list: it has to be found missing anew
                self._complete.pop(key, None)
                self._known.discard(key)
                continue
            if key in self._known:
                continue
            if key in inactive or key in questions:
                self._known.add(key)
                self.arrived += 1
                continue
            reads = self._complete.setdefault(key, [])
            if step.is_complete and (not reads or step.at - reads[-1] >= BETWEEN):
                reads.append(step.at)
            if len(reads) >= READS:
                self._known.add(key)
                self.late.append(key)

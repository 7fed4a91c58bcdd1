"""What a schedule is, in values: the one rendering model for every vendor.

Times are integers. An *instant* is whole seconds since 1970-01-01T00:00:00Z. A *reading* is what a wall clock shows,
counted as if it were UTC: the reading 2026-03-01 09:00 is ``calendar.timegm((2026, 3, 1, 9, 0, 0))`` whatever the zone.
Ranges are half-open. Nothing here reads a clock or a zone database.
"""

from dataclasses import dataclass
from typing import Literal

ParticipantKind = Literal["person", "group", "group_routing", "policy", "vacant"]


@dataclass(frozen=True, slots=True, order=True)
class Participant:
    """Who holds a turn. ``group`` means all its members; ``vacant`` is the vendor's own "nobody".

    ``id`` is opaque text: an external id in records, a reference key in the database, empty when vacant.
    """

    kind: ParticipantKind
    id: str = ""

    def __str__(self) -> str:
        """The bare id for a person, ``kind:id`` for anything else, ``vacant`` for nobody."""
        if self.kind == "vacant":
            return "vacant"
        return self.id if self.kind == "person" else f"{self.kind}:{self.id}"


VACANT = Participant("vacant")


def person(id: str) -> Participant:  # noqa: A002 - the field's own name
    return Participant("person", id)


# --- when -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Always:
    """Open at every instant."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Opens each local day at ``start`` (seconds after local midnight) for ``duration`` wall-clock seconds."""

    start: int
    duration: int


@dataclass(frozen=True, slots=True)
class Weekly:
    """Opens each week on ``weekday`` (1 = Monday .. 7 = Sunday) at ``start`` for ``duration`` wall-clock seconds."""

    weekday: int
    start: int
    duration: int


Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The supported part of an iCalendar recurrence rule.

    by_day: (ordinal, weekday 1..7) pairs, ordinal 0 = every such weekday. by_month_day: 1..31 or -1 (the last day).
    until: a reading, inclusive. count and until bind the rule before exclusion.
    """

    frequency: Frequency
    interval: int = 1
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    week_start: int = 1
    count: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Recurring:
    """Occurrences of ``rule`` from the reading ``first`` on, each ``duration`` wall-clock seconds long.

    excluded and added are readings. An occurrence's index is its position among all starts in order, with ``added``.
    """

    rule: Rule
    first: int
    duration: int
    excluded: tuple[int, ...] = ()
    added: tuple[int, ...] = ()


Window = Always | Daily | Weekly | Recurring

# --- whose turn -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByTime:
    """Participants take turns of fixed length, derived from the anchor by formula for any instant.

    anchor: a reading when ``clock`` is wall, an instant when it is elapsed. length: seconds or months per turn.
    """

    anchor: int
    length: int
    unit: Literal["seconds", "months"] = "seconds"
    clock: Literal["wall", "elapsed"] = "wall"


@dataclass(frozen=True, slots=True)
class ByOccurrence:
    """Each participant takes ``shifts_per_participant`` occurrences of the layer's only window in a row.

    The window is a Recurring one, and each of its occurrences one unbroken shift.
    """

    shifts_per_participant: int = 1


@dataclass(frozen=True, slots=True)
class Everyone:
    """All participants at once."""


Turns = ByTime | ByOccurrence | Everyone

# --- the schedule -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """*When* (a union of windows) x *who* (participants taking turns), clipped to ``[starts_at, ends_at)`` instants.

    zone: IANA name, None = the schedule's. The switches say what a vendor does where vendors differ:
    ``excluded_occurrence_uses_turn``; ``clip`` cuts shifts or drops whole occurrences; ``window_edge`` decides by
    membership of the reading or by the boundary's instant.
    """

    key: str
    name: str
    windows: tuple[Window, ...]
    turns: Turns
    participants: tuple[Participant, ...]
    zone: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    excluded_occurrence_uses_turn: bool = True
    clip: Literal["cut", "drop"] = "cut"
    window_edge: Literal["membership", "boundary"] = "membership"


@dataclass(frozen=True, slots=True)
class ExtraShift:
    """One shift beside the layers; it adds to the result."""

    key: str
    starts_at: int
    ends_at: int
    by: Participant


@dataclass(frozen=True, slots=True)
class Override:
    """Who stands in during ``[starts_at, ends_at)``.

    sources: keys of the layers and extra shifts it looks at, None = all. replaces: one participant, None = everyone.
    covers_gaps: also takes time in which nobody was on call. rank: the highest wins where overrides overlap.
    """

    key: str
    starts_at: int
    ends_at: int
    by: Participant
    sources: frozenset[str] | None = None
    replaces: Participant | None = None
    covers_gaps: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Substitution:
    """``replacement`` (or nobody) stands in for ``person`` during ``[starts_at, ends_at)``.

    groups: only in schedules that belong to one of these groups, None = everywhere.
    """

    key: str
    person: Participant
    replacement: Participant
    starts_at: int
    ends_at: int
    groups: frozenset[str] | None = None


Composition = Literal["stacked", "concurrent"]


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """A whole schedule. ``stacked``: the first layer with a participant wins; ``concurrent``: all layers count.

    zone: IANA name. groups: opaque ids of the groups it belongs to (for substitutions limited to groups).
    """

    zone: str
    composition: Composition
    layers: tuple[Layer, ...]
    extra_shifts: tuple[ExtraShift, ...] = ()
    overrides: tuple[Override, ...] = ()
    groups: tuple[str, ...] = ()


class InvalidSpec(ValueError):
    """A schedule that cannot be rendered. ``path`` names where, e.g. ``layers[0].turns.length``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

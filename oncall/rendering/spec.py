"""The values that describe a schedule, and their limits: one rendering model for all vendors.

Times are integers. An *instant* is whole seconds since 1970-01-01T00:00:00Z. A *reading* is what a wall clock shows,
counted as if it were UTC: the reading 2026-03-01 09:00 is ``calendar.timegm((2026, 3, 1, 9, 0, 0))`` whatever the zone.
Ranges are half-open. This module reads neither a clock nor a zone database.
"""

from calendar import timegm
from dataclasses import dataclass
from typing import Final, Literal

ParticipantKind = Literal["person", "group", "group_routing", "policy", "unknown", "vacant"]


@dataclass(frozen=True, slots=True, order=True)
class Participant:
    """The holder of a turn. ``group`` means all members of a group. ``vacant`` is an empty place in the vendor's order.

    ``unknown`` is a holder that the vendor names by a type or without an id that this product does not know. It keeps
    its turn, and nobody known is on call then.

    id: opaque text. In records it is an external id, in the database a reference key. It is empty when vacant.
    """

    kind: ParticipantKind
    id: str = ""

    def __str__(self) -> str:
        """Returns the id of a person, ``vacant``, or ``kind:id`` for all other kinds."""
        if self.kind == "vacant":
            return "vacant"
        return self.id if self.kind == "person" else f"{self.kind}:{self.id}"


#: No person. In an override or a substitution it means that no one takes over.
VACANT = Participant("vacant")


def person(id: str) -> Participant:  # noqa: A002 - the name of the field
    """Returns the participant of kind ``person`` with this id."""
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

    by_day: (ordinal, weekday 1..7) pairs; the ordinal 0 means every weekday of this kind. by_month_day: 1..31, or -1
    for the last day. until: a reading, inclusive. count and until limit the rule before dates are excluded.
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

    excluded, added: readings. The index of an occurrence is its position among all starts, added ones included.

    A reading that a clock shows twice means the first pass. A start in the second pass is therefore an instant.
    first_at: that of the start at ``first``. late: those of further added starts, in order.
    """

    rule: Rule
    first: int
    duration: int
    excluded: tuple[int, ...] = ()
    added: tuple[int, ...] = ()
    first_at: int | None = None
    late: tuple[int, ...] = ()


Window = Always | Daily | Weekly | Recurring

# --- whose turn -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByTime:
    """Participants take turns of a fixed length. A formula gives the turn at any instant from the anchor.

    anchor: a reading when ``clock`` is wall, an instant when it is elapsed. length: seconds or months per turn.
    """

    anchor: int
    length: int
    unit: Literal["seconds", "months"] = "seconds"
    clock: Literal["wall", "elapsed"] = "wall"


@dataclass(frozen=True, slots=True)
class ByOccurrence:
    """Each participant takes ``shifts_per_participant`` occurrences of the layer's only window in a row.

    The window is a Recurring window. Each of its occurrences is one shift without interruption.
    """

    shifts_per_participant: int = 1


@dataclass(frozen=True, slots=True)
class Everyone:
    """All participants are on call at the same time."""


Turns = ByTime | ByOccurrence | Everyone

# --- the schedule -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """Windows (when the layer is open) and participants who take turns (who is on call then).

    starts_at, ends_at: instants that limit the layer (its clip), None = no limit. zone: IANA name, None = the zone of
    the schedule. The last three fields are switches, because vendors behave differently. excluded_occurrence_uses_turn:
    an excluded occurrence counts in the order of turns. clip: ``cut`` shortens shifts at the limits, ``drop`` removes
    occurrences that are not completely inside them. window_edge: ``membership`` compares the reading with the window,
    ``boundary`` converts the window's start and end to instants.
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
    """One shift in addition to the layers. ``by`` is on call together with the layers' people."""

    key: str
    starts_at: int
    ends_at: int
    by: Participant


@dataclass(frozen=True, slots=True)
class Override:
    """``by`` replaces participants in ``[starts_at, ends_at)``.

    sources: the keys of the layers and extra shifts that the override applies to, None = all. replaces: the participant
    who is replaced, None = everyone. covers_gaps: ``by`` is also on call when no one else is. rank: where overrides
    overlap, the highest rank wins.
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
    """``replacement`` (no one if vacant) replaces ``person`` in ``[starts_at, ends_at)``.

    groups: the substitution applies only to schedules that belong to one of these groups, None = all schedules.
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
    """A schedule.

    zone: IANA name. composition: ``stacked``: the first layer with a participant wins; ``concurrent``: all layers
    count. groups: opaque ids of the groups that the schedule belongs to, for substitutions that are limited to groups.
    """

    zone: str
    composition: Composition
    layers: tuple[Layer, ...]
    extra_shifts: tuple[ExtraShift, ...] = ()
    overrides: tuple[Override, ...] = ()
    groups: tuple[str, ...] = ()


# --- limits -----------------------------------------------------------------------------------------------------------
# Writers, mappings and pages use these, so that what is stored can be shown. docs/rendering.md gives the reasons.

_DAY: Final = 86_400
#: The first and the last calendar year.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
#: The first instant, and the instant at which the last year ends. Readings of layers have the same limits.
EARLIEST: Final = timegm((FIRST_YEAR, 1, 1, 0, 0, 0))
LATEST: Final = timegm((LAST_YEAR + 1, 1, 1, 0, 0, 0))
#: The instant of a reading between these two is between EARLIEST and LATEST in every time zone.
EARLIEST_READING: Final = EARLIEST + _DAY
LATEST_READING: Final = LATEST - _DAY
#: For messages about a date that cannot be rendered: "is …".
OUTSIDE: Final = f"outside the years {FIRST_YEAR} to {LAST_YEAR}"

#: Layers of a schedule, participants of a layer, and dates that a window adds or excludes.
MAX_LAYERS: Final = 10_000
MAX_PARTICIPANTS: Final = 10_000
MAX_DATES: Final = 10_000
#: The longest turn is a hundred years.
MAX_TURN_MONTHS: Final = 1_200
MAX_TURN_SECONDS: Final = 36_525 * _DAY
#: The longest occurrence of a recurring window. It limits how many occurrences can overlap.
MAX_OCCURRENCE: Final = 366 * _DAY
#: Handoffs and openings of all layers in one rendering.
MAX_PIECES: Final = 250_000
#: Participants of all shifts together in one rendering.
MAX_PLACES: Final = 5_000_000

# --- errors -----------------------------------------------------------------------------------------------------------

#: Why a schedule cannot be rendered, for people: its zone is unknown or ambiguous, or its stored content is invalid.
NO_ZONE = "its time zone is not settled"
UNREADABLE = "it is stored in a form that cannot be read"
#: Why nobody is on call, on all pages and in all commands.
INACTIVE = "This schedule is inactive: nobody is on call."


class InvalidSpec(ValueError):
    """A schedule that cannot be rendered. path: the invalid field, e.g. ``layers[0].turns.length``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

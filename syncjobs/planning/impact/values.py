"""What a plan or a decision changes about who is on call: now, in the next 24 hours, and which hours become uncovered.

A *subject* is a schedule, with who is on call, or an escalation policy, with whom it reaches first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast

from oncall.rendering.codec import instant_from_text, instant_to_text, participant_to_text
from oncall.rendering.differences import compare, impact
from oncall.rendering.final import Span
from oncall.rendering.intervals import Who
from oncall.rendering.zones import DAY, HOUR

#: Changes are listed that begin within this many seconds.
NEXT: Final = DAY
#: Uncovered hours are searched within this many seconds.
COVERED: Final = 7 * DAY


class Subject(NamedTuple):
    """key: of the row, ``local:<row id>``; of an object that a plan creates, ``<connection>:<external id>``."""

    kind: Literal["schedule", "escalation_policy"]
    key: str


@dataclass(frozen=True, slots=True)
class Change:
    """Other people are on call from ``at`` (an instant) on. before, after: participants as text, sorted."""

    subject: Subject
    at: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """In ``[since, until)`` (instants) somebody was on call before, and nobody is after."""

    subject: Subject
    since: int
    until: int

    @property
    def hours(self) -> float:
        return round((self.until - self.since) / HOUR, 2)


@dataclass(frozen=True, slots=True)
class Impact:
    """What changes from the instant ``at`` on. Only what differs is listed, in the order of subjects and time.

    now: at this instant. next_24h: the changes that begin later, within NEXT. uncovered: of schedules, within COVERED.
    """

    at: int
    now: tuple[Change, ...] = ()
    next_24h: tuple[Change, ...] = ()
    uncovered: tuple[Uncovered, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.now or self.next_24h or self.uncovered)

    def to_json(self) -> dict[str, Any]:
        return {
            "at": instant_to_text(self.at),
            "now": [[*each.subject, list(each.before), list(each.after)] for each in self.now],
            "next_24h": [
                [*each.subject, list(each.before), list(each.after), instant_to_text(each.at)] for each in self.next_24h
            ],
            "uncovered": [
                [*each.subject, instant_to_text(each.since), instant_to_text(each.until)] for each in self.uncovered
            ],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Impact":
        at = instant_from_text(stored["at"])
        return cls(
            at,
            tuple(_change(each, at) for each in stored["now"]),
            tuple(_change(each, instant_from_text(each[4])) for each in stored["next_24h"]),
            tuple(
                Uncovered(_subject(each), instant_from_text(each[2]), instant_from_text(each[3]))
                for each in stored["uncovered"]
            ),
        )


def _change(stored: Sequence[Any], at: int) -> Change:
    return Change(_subject(stored), at, tuple(stored[2]), tuple(stored[3]))


def _subject(stored: Sequence[Any]) -> Subject:
    return Subject(cast(Literal["schedule", "escalation_policy"], stored[0]), stored[1])


Spans = Sequence[Span]


def impact_of(before: Mapping[Subject, Spans], after: Mapping[Subject, Spans], at: int) -> Impact:
    """Return what differs from ``at`` on. A subject that is missing on one side has nobody on call there.

    before, after: the spans of schedules for at least COVERED, those of policies for at least NEXT. Equal participants
    are the same person on both sides.
    """
    now: list[Change] = []
    following: list[Change] = []
    uncovered: list[Uncovered] = []
    for subject in sorted({*before, *after}):
        was, will = before.get(subject, ()), after.get(subject, ())
        for each in compare(was, will, at, at + NEXT).differences:
            change = Change(subject, each.start, _texts(each.before), _texts(each.after))
            (now if each.start == at else following).append(change)
        if subject.kind == "schedule":
            ranges = impact(was, will, at, at + COVERED).newly_uncovered
            uncovered += (Uncovered(subject, since, until) for since, until in ranges)
    return Impact(at, tuple(now), tuple(following), tuple(uncovered))


def _texts(who: Who) -> tuple[str, ...]:
    return tuple(map(participant_to_text, who))

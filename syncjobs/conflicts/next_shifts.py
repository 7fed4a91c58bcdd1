"""Says when the next shift of a schedule, or of a person in a schedule, begins."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from oncall.models import Schedule
from oncall.rendering.codec import instant_to_text
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import InvalidSpec
from oncall.selectors.schedules import specs_of
from oncall.tables.base import chunks
from syncjobs.words.values import when

#: Shifts are searched in this many days.
DAYS: Final = 14


class NextShifts:
    """The next shifts of schedules, from an instant on. Makes four queries per 500 schedules.

    render: False leaves out the shifts; then there are no queries, and the texts are only the names.
    """

    def __init__(self, schedules: Collection[Schedule], at: int, *, render: bool = True) -> None:
        self._at = at
        self._spans: dict[int, tuple[Span, ...]] = {}
        self._people: dict[object, int | None] = {}
        for piece in chunks(schedule for schedule in schedules if render and schedule.active):
            specs, names = specs_of(piece, since=at)
            self._people |= {participant: name.responder_id for participant, name in names.items()}
            for pk, (spec, substitutions) in specs.items():
                try:
                    self._spans[pk] = render_final(spec, substitutions, at, at + DAYS * 86_400)
                except InvalidSpec:
                    self._spans[pk] = ()  # the page of the schedule says what is wrong with it

    def of_schedules(self) -> dict[int, int]:
        """Return the instant of the next shift of each schedule that has one."""
        return {pk: spans[0].start for pk, spans in self._spans.items() if spans}

    def of_people(self) -> dict[int, int]:
        """Return the instant of the next shift of each person who has one, in any of the schedules."""
        starts: dict[int, int] = {}
        for spans in self._spans.values():
            for span in spans:
                for participant in span.participants:
                    person = self._people.get(participant)
                    if person is not None:
                        starts[person] = min(span.start, starts.get(person, span.start))
        return starts

    def in_words(self, wanted: Iterable[tuple[int, int | None]], names: Mapping[int, str]) -> tuple[str, ...]:
        """Return a text for each schedule, that with the next shift first.

        wanted: schedules, with the person whose shift counts; None: the shift of anybody. names: of the schedules.
        """
        starts: dict[int, int | None] = {}
        for schedule, person in wanted:
            found = [each for each in (self._start(schedule, person), starts.get(schedule)) if each is not None]
            starts[schedule] = min(found, default=None)
        order = sorted(starts, key=lambda pk: (starts[pk] is None, starts[pk] or 0, names[pk], pk))
        return tuple(f"schedule {names[pk]}{self._shift_in_words(starts[pk])}" for pk in order)

    def _start(self, schedule: int, person: int | None) -> int | None:
        for span in self._spans.get(schedule, ()):
            if person is None or any(self._people.get(each) == person for each in span.participants):
                return span.start
        return None

    def _shift_in_words(self, start: int | None) -> str:
        if start is None:
            return ""
        return f": {'' if start <= self._at else 'next shift '}{shift_in_words(start, self._at)}"


def shift_in_words(start: int, at: int) -> str:
    """Return ``on call now``, or the instant of the next shift."""
    return "on call now" if start <= at else when(instant_to_text(start))

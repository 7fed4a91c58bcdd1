"""Shows results of comparisons in commands: as rows of a table or as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from oncall.holders import unknown_holder
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import Participant
from oncall.rendering.zones import HOUR
from oncall.tables.schedules import ROW_OF_PARTICIPANT
from syncjobs.parity.causes import Cause
from syncjobs.parity.checks import ScheduleParity
from syncjobs.parity.compare import Measurement, percent
from syncjobs.planning.values import element_key
from syncjobs.words.names import Names

HEAD: Final = ("schedule", "equal", "from", "until", "uncovered there", "uncovered here", "")


@dataclass(frozen=True, slots=True)
class Line:
    """The result of one schedule. prefix: of keys, before the ids of the source. names: of participants."""

    external_id: str
    name: str
    measured: Measurement
    prefix: str = ""
    names: Mapping[Participant, str] = field(default_factory=dict)

    def people(self, who: Iterable[Participant]) -> list[str]:
        """Return the participants with the ids of the source."""
        return sorted(self._id(each) for each in who)

    def people_in_words(self, who: Iterable[Participant]) -> str:
        """Return the names of the participants, or the ids of the source if they have no name here."""
        return ", ".join(sorted(self._name(each) for each in who)) or "nobody"

    def _name(self, participant: Participant) -> str:
        if participant.kind == "unknown":
            return unknown_holder(f":{participant.id.removeprefix(self.prefix)}")
        return self.names.get(participant) or self._id(participant)

    def _id(self, participant: Participant) -> str:
        return str(Participant(participant.kind, participant.id.removeprefix(self.prefix)))


def lines_of(connection_id: int, results: Iterable[ScheduleParity]) -> list[Line]:
    """Return the results of one connection with the names in each first difference; at most three queries."""
    results = list(results)
    names_by_key = Names()
    firsts = [result.measured.differences[0] for result in results if result.measured.differs]
    people = {who for first in firsts for who in (*first.source, *first.ours)}
    keys = {who: (ROW_OF_PARTICIPANT[who.kind], who.id) for who in people if who.kind in ROW_OF_PARTICIPANT}
    for kind, key in keys.values():
        names_by_key.find(kind, key)
    names_by_key.load()
    names = {who: name for who, (kind, key) in keys.items() if (name := names_by_key.find(kind, key))}
    prefix = element_key(connection_id, "")
    return [Line(result.external_id, result.name, result.measured, prefix, names) for result in results]


#: Cause of a difference -> the sentence that says it.
REASONS: Final[Mapping[Cause, str]] = {
    "unread element": "An element of the schedule could not be read from the source.",
    "unresolved person": "A person of the source is not known here.",
    "unsupported element": "The source has an element that cannot be shown exactly here; the run lists it.",
    "clock change": "The clock changes near this time.",
    "override": "An override is not the same on both sides.",
    "window": "The hours of a layer are not the same on both sides.",
    "turn": "The turn is not the same on both sides.",
    "substitution": "A substitution is not the same on both sides.",
    "unexplained": "No cause was found.",
}


def difference_in_words(line: Line) -> str:
    """Return the first difference of a schedule and its reason; empty if nothing differs."""
    if not line.measured.differs:
        return ""
    first = line.measured.differences[0]
    there, here = (line.people_in_words(who) for who in (first.source, first.ours))
    since = instant_to_text(first.start)
    return f"{line.name} differs from {since} on: there {there}, here {here}. {REASONS[first.cause]}"


def row_of(line: Line) -> tuple[str, ...]:
    """Return the cells of a result, in the order of :data:`HEAD`."""
    measured, compared = line.measured, line.measured.comparison
    days = (instant_to_text(measured.since), instant_to_text(measured.until))
    if compared is None:
        return (line.name, "not compared", *days, "", "", measured.note)
    notes = []
    if measured.differs:
        first = measured.differences[0]
        there, here = (line.people_in_words(who) for who in (first.source, first.ours))
        notes.append(f"from {instant_to_text(first.start)}: there {there}, here {here} ({first.cause})")
    notes += filter(None, [measured.note])
    hours = [f"{seconds / HOUR:.1f} h" for seconds in (compared.uncovered_before, compared.uncovered_after)]
    return (line.name, percent(compared.equal, compared.total), *days, *hours, "; ".join(notes))


def as_json(line: Line) -> dict[str, Any]:
    """Return a result as a JSON document."""
    measured, compared = line.measured, line.measured.comparison
    return {
        "external_id": line.external_id,
        "name": line.name,
        "since": instant_to_text(measured.since),
        "until": instant_to_text(measured.until),
        "equal": compared.equal if compared else None,
        "total": compared.total if compared else None,
        "uncovered_source": compared.uncovered_before if compared else None,
        "uncovered_ours": compared.uncovered_after if compared else None,
        "unresolved": line.people(measured.unresolved),
        "differences": [
            {
                "start": instant_to_text(d.start),
                "end": instant_to_text(d.end),
                "source": line.people(d.source),
                "ours": line.people(d.ours),
                "cause": d.cause,
            }
            for d in measured.differences
        ],
        "note": measured.note,
    }

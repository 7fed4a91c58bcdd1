"""Renders who is on call in some schedules, and whom some policies reach first, as the database has it now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from oncall.escalation.first import first_spans
from oncall.models import EscalationPolicy, Responder, Schedule
from oncall.rendering.codec import participant_from_text, participant_to_text
from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import Range
from oncall.rendering.spec import InvalidSpec, Participant
from oncall.selectors.participants import Names
from oncall.selectors.policies import walkables
from oncall.selectors.schedules import specs_of
from oncall.tables.base import chunks, local_id
from syncjobs.planning.impact.values import COVERED, NEXT
from syncjobs.planning.missing.last_person import Place
from syncjobs.runs.impact.staff import staff_of_levels, staff_of_schedules
from syncjobs.runs.impact.touched import Subjects

#: The kind and the id of a schedule or policy.
SubjectRow = tuple[Literal["schedule", "escalation_policy"], int]
_MODELS: Final[Mapping[str, type[Schedule] | type[EscalationPolicy]]] = {
    "schedule": Schedule,
    "escalation_policy": EscalationPolicy,
}


@dataclass(slots=True)
class Picture:
    """Who is on call from an instant on.

    spans: of schedules for COVERED, of policies for NEXT. In a schedule that cannot be rendered nobody is on call.
    people: the ids of responders by participant. names: of responders. merged: the rows into which subjects were
    merged. staff: when somebody is in each place, for COVERED; empty unless it was requested.
    """

    spans: dict[SubjectRow, tuple[Span, ...]] = field(default_factory=dict)
    people: dict[Participant, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    merged: dict[SubjectRow, int] = field(default_factory=dict)
    staff: dict[Place, Sequence[Range]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        spans = [[*row, [[start, end, _texts(who)] for start, end, who in own]] for row, own in self.spans.items()]
        return {
            "spans": spans,
            "people": [[participant_to_text(who), pk] for who, pk in self.people.items()],
            "names": [[pk, name] for pk, name in self.names.items()],
            "merged": [[*row, into] for row, into in self.merged.items()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Picture":
        return cls(
            {
                (kind, pk): tuple(Span(start, end, tuple(map(participant_from_text, who))) for start, end, who in spans)
                for kind, pk, spans in data["spans"]
            },
            {participant_from_text(who): pk for who, pk in data["people"]},
            dict(data["names"]),
            {(kind, pk): into for kind, pk, into in data["merged"]},
        )

    def _add_people(self, names: Names) -> None:
        for participant, name in names.items():
            if name.responder_id is not None:
                self.people[participant] = name.responder_id
                self.names[name.responder_id] = name.name

    def _add_merged(
        self, kind: Literal["schedule", "escalation_policy"], rows: Iterable[Schedule | EscalationPolicy]
    ) -> None:
        self.merged |= {(kind, row.pk): row.merged_into_id for row in rows if row.merged_into_id is not None}


def _texts(who: Iterable[Participant]) -> list[str]:
    return [participant_to_text(each) for each in who]


def take(subjects: Subjects, at: int, *, with_staff: bool = False) -> Picture:
    """Render the schedules and policies. Makes four queries per 500 schedules, and about a dozen per 500 policies.

    with_staff: whether to find when somebody is in each place, which makes up to four queries more.
    """
    picture = Picture()
    for piece in chunks(sorted(subjects.schedules)):
        schedules = list(Schedule.objects.filter(pk__in=piece).order_by("pk"))
        loaded, names = specs_of(schedules, since=at)
        picture._add_people(names)
        picture._add_merged("schedule", schedules)
        for pk, (spec, substitutions) in loaded.items():
            try:
                picture.spans["schedule", pk] = render_final(spec, substitutions, at, at + COVERED)
            except InvalidSpec:
                picture.spans["schedule", pk] = ()  # the page of the schedule says what is wrong with it
        if with_staff:
            spans = {pk: picture.spans.get(("schedule", pk), ()) for pk in piece}
            picture.staff |= staff_of_schedules(spans, lambda who: responder_of(who, picture))
    for piece in chunks(sorted(subjects.policies)):
        policies = list(EscalationPolicy.objects.filter(pk__in=piece).order_by("pk"))
        picture._add_merged("escalation_policy", policies)
        walks = walkables(policies, at)
        # They have the names of all in common, which are added once.
        for own in {id(each.names): each.names for each in walks.values()}.values():
            picture._add_people(own)
        for pk, each in walks.items():
            picture.spans["escalation_policy", pk] = first_spans(each.policy, each.context, at, at + NEXT)
        if with_staff:
            picture.staff |= staff_of_levels(walks, at)
    return picture


def merged_people(people: Iterable[int]) -> dict[int, int]:
    """Return the responders among these that were merged, with the responder that each of them became."""
    found: dict[int, int] = {}
    new = set(people)
    while new:
        step: dict[int, int] = {}
        for piece in chunks(sorted(new)):
            merged = Responder.objects.filter(pk__in=piece, merged_into__isnull=False)
            step |= {pk: into for pk, into in merged.values_list("pk", "merged_into") if into is not None}
        found |= step
        new = set(step.values()) - found.keys()
    return {pk: _end(pk, found) for pk in found}


def _end(pk: int, steps: Mapping[int, int]) -> int:
    while pk in steps:
        pk = steps[pk]
    return pk


def responder_of(who: Participant, picture: Picture) -> int | None:
    """Return the responder that a participant is; None for a participant without a row, and for groups and policies."""
    if who.kind != "person":
        return None
    own = local_id(who.id)
    return picture.people.get(who) if own is None else own

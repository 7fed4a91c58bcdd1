"""Finds the rows of participants. A person is one participant, whatever keys name the person.

A responder with several imported keys, and a key ``local:<pk>`` of forms, is the participant :func:`one_key` in
everything that selectors return. So rendering, counting and walking never see one person as two.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce

from oncall.models import ExtraShift, Override, Reference, Substitution
from oncall.rendering.codec import participant_from_text
from oncall.rendering.spec import Participant, ParticipantKind, ScheduleSpec, person
from oncall.rendering.spec import Substitution as SubstitutionValue
from oncall.selectors.ids import Ids, batches
from oncall.tables.base import LOCAL
from oncall.tables.schedules import ROW_OF_PARTICIPANT

#: A schedule and the substitutions of its people.
ScheduleInput = tuple[ScheduleSpec, tuple[SubstitutionValue, ...]]


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a participant. responder_id: None for a group or policy. active: whether its row is active."""

    responder_id: int | None
    name: str
    active: bool = True


#: By participant. A person is found under every key that a schedule has for the person, and under :func:`one_key`.
Names = Mapping[Participant, Name]


class Mention(NamedTuple):
    """A participant that a schedule mentions, and the columns of its row.

    kind: the Reference kind of ``key``, or ``text`` if ``key`` is a participant as text.
    """

    kind: str
    key: str
    responder_id: int | None
    name: str | None
    active: bool | None


_ROWS = ("responder", "user_group", "escalation_policy")
#: The columns of Mention in a Reference.
COLUMNS: tuple[str | Coalesce, ...] = (
    *("kind", "key", "responder_id"),
    *(Coalesce(*(f"{row}__{name}" for row in _ROWS)) for name in ("name", "active")),
)
#: The kinds of participants whose keys are References of this kind.
_PARTICIPANT_KINDS: Mapping[str, tuple[ParticipantKind, ...]] = {
    row: tuple(kind for kind, of in ROW_OF_PARTICIPANT.items() if of == row) for row in ROW_OF_PARTICIPANT.values()
}


def one_key(responder_id: int) -> Participant:
    """Returns the one participant that a responder is."""
    return person(f"{LOCAL}{responder_id}")


def people_of(mentions: Iterable[Mention]) -> dict[Participant, Participant]:
    """Returns for each mentioned person whose row is known the one participant that the person is."""
    return {
        participant_from_text(each.key) if each.kind == "text" else person(each.key): one_key(each.responder_id)
        for each in mentions
        if each.responder_id is not None
    }


def renamed(loaded: ScheduleInput, names: Mapping[Participant, Participant]) -> ScheduleInput:
    """Returns a schedule with other participants. names: the new participants by the old ones; others are kept."""
    if not names:
        return loaded
    spec, substitutions = loaded

    def new(who: Participant) -> Participant:
        return names.get(who, who)

    return replace(
        spec,
        layers=tuple(replace(each, participants=tuple(map(new, each.participants))) for each in spec.layers),
        extra_shifts=tuple(replace(each, by=new(each.by)) for each in spec.extra_shifts),
        overrides=tuple(
            replace(each, by=new(each.by), replaces=each.replaces and new(each.replaces)) for each in spec.overrides
        ),
    ), tuple(replace(each, person=new(each.person), replacement=new(each.replacement)) for each in substitutions)


def participant_names(schedule_ids: Ids) -> dict[Participant, Name]:
    """Returns the names of the participants of schedules, their overrides and substitutions; a query per 500 ids.

    Participants without a row here are not in the result. See :data:`Names`.
    """
    names: dict[Participant, Name] = {}
    for batch in batches(schedule_ids):
        names |= names_of(map(Mention._make, _mentions(batch)))
    return names


def names_of(mentions: Iterable[Mention]) -> dict[Participant, Name]:
    """Returns the names of the mentioned participants, see :data:`Names`."""
    names: dict[Participant, Name] = {}
    for kind, key, responder_id, name, active in mentions:
        if name is None:
            continue
        found = Name(responder_id, name, bool(active))
        if responder_id is not None:
            names[one_key(responder_id)] = found
        if kind == "text":
            names[participant_from_text(key)] = found
        for word in _PARTICIPANT_KINDS.get(kind, ()):
            names[Participant(word, key)] = found
    return names


def mentions_in(row: ExtraShift | Override | Substitution) -> Iterator[Mention]:
    """Yields the mention of who is on call by an element, then that of the person who is replaced.

    ``by`` must be loaded. The second mention has no name: where that person is on call, a layer mentions the name.
    """
    by = row.by
    yield Mention("text", row.by_key, row.by_id, *((by.name, by.active) if by else (None, None)))
    if isinstance(row, Override) and row.replaces:
        yield Mention("text", row.replaces, row.replaced_id, None, None)


def _mentions(batch: Iterable[int]) -> QuerySet[Reference, tuple[str, str, int | None, str | None, bool | None]]:
    """Returns a query for the columns of Mention of all participants in these schedules."""
    references = Reference.objects.filter(owner_schedule__in=batch)
    shifts = ExtraShift.objects.filter(schedule__in=batch)
    overrides = Override.objects.filter(schedule__in=batch)
    of_their_people = (
        Q(responder__in=references.values("responder"))
        | Q(responder__in=shifts.values("by"))
        | Q(responder__in=overrides.values("by"))
    )
    replacements = (shifts, overrides, Substitution.objects.filter(of_their_people))
    return references.values_list(*COLUMNS).union(
        *(
            rows.filter(by__isnull=False).values_list(Value("text"), "by_key", "by_id", "by__name", "by__active")
            for rows in replacements
        )
    )

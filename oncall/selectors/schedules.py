"""Reads schedules for rendering, in a number of queries that does not depend on the number of schedules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple, TypeVar

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce

from oncall.models import ExtraShift, Override, Reference, Schedule, Substitution
from oncall.rendering import spec as values
from oncall.rendering.codec import layers_from_json, participant_from_text
from oncall.rendering.coverage import HORIZON, next_change
from oncall.selectors.ids import Ids, batches
from oncall.tables.base import PERSON, element_key, source_of
from oncall.tables.schedules import ROW_OF_PARTICIPANT

ScheduleInput = tuple[values.ScheduleSpec, tuple[values.Substitution, ...]]
Shift = TypeVar("Shift", ExtraShift, Override, Substitution)


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a participant. responder_id: None for a group or policy."""

    responder_id: int | None
    name: str


class _Mention(NamedTuple):
    """A participant that a schedule mentions, and the name of its row.

    kind: the Reference kind of ``key``, or ``text`` if ``key`` is a participant as text.
    """

    kind: str
    key: str
    responder_id: int | None
    name: str | None


def specs(schedule_ids: Ids, *, since: int | None = None) -> dict[int, ScheduleInput]:
    """Returns the spec of each schedule and the substitutions of its people, in at most 5 queries per 500 ids.

    since: leaves out overrides, extra shifts and substitutions that end at or before this instant. Schedules whose time
    zone is not known or whose layers cannot be read are not in the result. Participants have keys; see
    :func:`participant_names`.
    """
    loaded: dict[int, ScheduleInput] = {}
    for batch in batches(schedule_ids):
        loaded |= _specs(Schedule.objects.filter(pk__in=batch), batch, since)[0]
    return loaded


def specs_of(
    schedules: Sequence[Schedule], *, since: int | None = None
) -> tuple[dict[int, ScheduleInput], dict[values.Participant, Name]]:
    """Returns the result of :func:`specs` for at most 500 schedules, and the names of their participants; 4 queries."""
    loaded, mentions = _specs(schedules, [schedule.pk for schedule in schedules], since)
    return loaded, _names(mentions)


def _specs(
    schedules: Iterable[Schedule], batch: Iterable[int], since: int | None
) -> tuple[dict[int, ScheduleInput], Iterable[_Mention]]:
    """Returns the specs, and the names in them. batch: the ids of the schedules."""
    shifts = _by_owner(ExtraShift.objects.filter(schedule__in=batch), since, "schedule_id")
    overrides = _by_owner(Override.objects.filter(schedule__in=batch), since, "schedule_id")
    rows = Reference.objects.filter(owner_schedule__in=batch).values_list("owner_schedule_id", *_COLUMNS).distinct()
    references = [(owner, _Mention(*columns)) for owner, *columns in rows]
    keys = _keys_of_people(references, shifts, overrides)
    responders = {responder for pairs in keys.values() for responder, _ in pairs}
    substitutions = _by_owner(Substitution.objects.filter(responder__in=responders), since, "responder_id")
    loaded: dict[int, ScheduleInput] = {}
    for schedule in schedules:
        if schedule.zone_state != Schedule.ZoneState.OK:
            continue
        with suppress(values.InvalidSpec):
            people = sorted(keys[schedule.pk])
            loaded[schedule.pk] = (
                _spec(schedule, shifts[schedule.pk], overrides[schedule.pk]),
                tuple(
                    substitution_value(row, key)
                    for responder, key in people
                    for row in substitutions[responder]
                    if applies(row, key)
                ),
            )
    rows_by: Iterable[ExtraShift | Override | Substitution]
    rows_by = chain(*shifts.values(), *overrides.values(), *substitutions.values())
    replacements = (_Mention("text", row.by_key, row.by_id, row.by.name if row.by else None) for row in rows_by)
    return loaded, chain((mention for _, mention in references), replacements)


def _by_owner(rows: QuerySet[Shift], since: int | None, owner_id: str) -> dict[int, list[Shift]]:
    if since is not None:
        rows = rows.filter(ends_at__gt=datetime.fromtimestamp(since, UTC))
    by_owner: dict[int, list[Shift]] = defaultdict(list)
    for row in rows.select_related("by").order_by("pk"):
        by_owner[getattr(row, owner_id)].append(row)
    return by_owner


def _keys_of_people(
    references: Iterable[tuple[int, _Mention]], *elements: Mapping[int, Sequence[ExtraShift | Override]]
) -> dict[int, set[tuple[int, str]]]:
    """Returns (responder, key) of the people in each schedule. A responder may have several keys."""
    keys: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for schedule, mention in references:
        if mention.responder_id is not None:
            keys[schedule].add((mention.responder_id, mention.key))
    for by_schedule in elements:
        for schedule, rows in by_schedule.items():
            keys[schedule] |= {(row.by_id, row.by_key.removeprefix(PERSON)) for row in rows if row.by_id is not None}
    return keys


def _spec(schedule: Schedule, shifts: list[ExtraShift], overrides: list[Override]) -> values.ScheduleSpec:
    return values.ScheduleSpec(
        zone=schedule.time_zone,
        composition="concurrent" if schedule.composition == Schedule.Composition.CONCURRENT else "stacked",
        layers=layers_from_json(schedule.layers),
        extra_shifts=tuple(
            values.ExtraShift(
                element_key(row), _instant(row.starts_at), _instant(row.ends_at), participant_from_text(row.by_key)
            )
            for row in shifts
        ),
        overrides=tuple(
            values.Override(
                key=element_key(row),
                starts_at=_instant(row.starts_at),
                ends_at=_instant(row.ends_at),
                by=participant_from_text(row.by_key),
                sources=None if row.sources is None else frozenset(row.sources),
                replaces=participant_from_text(row.replaces) if row.replaces else None,
                covers_gaps=row.covers_gaps,
                rank=row.rank,
            )
            for row in overrides
        ),
        groups=tuple(schedule.group_keys),
    )


def applies(row: Substitution, key: str) -> bool:
    """Whether a substitution applies to its person under this key.

    An imported substitution applies to keys of its source, a substitution made here to all keys.
    """
    return row.source_key is None or source_of(row.source_key) == source_of(key)


def substitution_value(row: Substitution, key: str) -> values.Substitution:
    """Returns the substitution of its person under this key as a value."""
    return values.Substitution(
        key=element_key(row),
        person=values.person(key),
        replacement=participant_from_text(row.by_key),
        starts_at=_instant(row.starts_at),
        ends_at=_instant(row.ends_at),
        groups=None if row.scope is None else frozenset(row.scope),
    )


def _instant(at: datetime) -> int:
    return int(at.timestamp())


#: The kinds of participants whose keys are References of this kind.
_PARTICIPANT_KINDS: Mapping[str, tuple[values.ParticipantKind, ...]] = {
    row: tuple(kind for kind, of in ROW_OF_PARTICIPANT.items() if of == row) for row in ROW_OF_PARTICIPANT.values()
}


def participant_names(schedule_ids: Ids) -> dict[values.Participant, Name]:
    """Returns the names of the participants of schedules, their overrides and substitutions; a query per 500 ids.

    Participants without a row here are not in the result.
    """
    names: dict[values.Participant, Name] = {}
    for batch in batches(schedule_ids):
        names |= _names(map(_Mention._make, _mentions(batch)))
    return names


def _names(mentions: Iterable[_Mention]) -> dict[values.Participant, Name]:
    names: dict[values.Participant, Name] = {}
    for kind, key, responder_id, name in mentions:
        if name is None:
            continue
        if kind == "text":
            names[participant_from_text(key)] = Name(responder_id, name)
        for word in _PARTICIPANT_KINDS.get(kind, ()):
            names[values.Participant(word, key)] = Name(responder_id, name)
    return names


#: The columns of _Mention in a Reference.
_COLUMNS = ("kind", "key", "responder_id", Coalesce("responder__name", "user_group__name", "escalation_policy__name"))


def _mentions(batch: Iterable[int]) -> QuerySet[Reference, tuple[str, str, int | None, str | None]]:
    """Returns a query for the columns of _Mention of all participants in these schedules."""
    references = Reference.objects.filter(owner_schedule__in=batch)
    shifts = ExtraShift.objects.filter(schedule__in=batch)
    overrides = Override.objects.filter(schedule__in=batch)
    of_their_people = (
        Q(responder__in=references.values("responder"))
        | Q(responder__in=shifts.values("by"))
        | Q(responder__in=overrides.values("by"))
    )
    replacements = (shifts, overrides, Substitution.objects.filter(of_their_people))
    return references.values_list(*_COLUMNS).union(
        *(
            rows.filter(by__isnull=False).values_list(Value("text"), "by_key", "by_id", "by__name")
            for rows in replacements
        )
    )


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call in a schedule now and after the next change.

    until: the instant of the next change, None = none within HORIZON. following: who is on call from then on. reason:
    why the schedule cannot be rendered; empty if it can.
    """

    now: tuple[values.Participant, ...] = ()
    until: int | None = None
    following: tuple[values.Participant, ...] = ()
    reason: str = ""


def on_call(spec: values.ScheduleSpec, substitutions: Sequence[values.Substitution], instant: int) -> OnCall:
    """Returns who is on call at ``instant``, until when, and who follows."""
    try:
        found = next_change(spec, substitutions, instant, HORIZON)
    except values.InvalidSpec as why:
        return OnCall(reason=str(why))
    return OnCall(found.now, found.at, found.following)

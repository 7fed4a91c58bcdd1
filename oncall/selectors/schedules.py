"""Reads across tables, each in a number of queries that does not depend on the number of rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from oncall.aggregates import Kind, State
from oncall.models import ExtraShift, Override, Reference, Schedule, Substitution
from oncall.rendering import spec as values
from oncall.rendering.codec import layers_from_json, participant_from_text
from oncall.rendering.coverage import HORIZON, next_change
from oncall.tables.base import PERSON, chunks, element_key, source_of
from oncall.tables.kinds import ROOTS
from oncall.tables.schedules import ROW_OF_PARTICIPANT

#: Primary keys: a list of them, or a query for them (then the rows are found by a join, however many there are).
Ids = Iterable[int] | QuerySet[Any, Any]
ScheduleInput = tuple[values.ScheduleSpec, tuple[values.Substitution, ...]]


def _batches(ids: Ids) -> Iterator[Any]:
    """What may stand after ``in``: the query itself, or lists short enough for a statement."""
    return iter([ids]) if isinstance(ids, QuerySet) else iter(chunks(sorted(set(ids))))


def load_states(kind: Kind, ids: Ids) -> dict[int, State]:
    """Aggregates with all their elements, in the form that drafts have: one query per table (and 500 ids)."""
    roots = ROOTS[kind]
    states: dict[int, State] = {}
    for batch in _batches(ids):
        elements: dict[str, dict[int, dict[str, Any]]] = {}
        for name, table in roots.elements.items():
            by_owner: dict[int, dict[str, Any]] = defaultdict(dict)
            for row in table.rows.filter(**{f"{table.owner}__in": batch}).order_by("pk"):
                by_owner[getattr(row, table.owner_id)][element_key(row)] = table.read(row)
            elements[name] = by_owner
        for row in roots.rows.filter(pk__in=batch):
            own = {name: by_owner.get(row.pk, {}) for name, by_owner in elements.items()}
            states[row.pk] = State(roots.read(row), own, row.pk, row.version)
    return states


# --- schedules to render ----------------------------------------------------------------------------------------------


def specs(schedule_ids: Ids, *, since: int | None = None) -> dict[int, ScheduleInput]:
    """What rendering takes, per schedule: its spec, and the substitutions of the people in it. At most 5 queries per
    500 ids. Participants are keys, see :func:`participant_names`.

    since: leave out overrides, extra shifts and substitutions that ended by this instant. Not in the answer: schedules
    whose time zone is not settled, and those stored in a form that cannot be read.
    """
    loaded: dict[int, ScheduleInput] = {}
    for batch in _batches(schedule_ids):
        loaded |= _specs(Schedule.objects.filter(pk__in=batch), batch, since)[0]
    return loaded


def specs_of(
    schedules: Sequence[Schedule], *, since: int | None = None
) -> tuple[dict[int, ScheduleInput], dict[values.Participant, "Name"]]:
    """As :func:`specs`, of schedules already read: one page of them, at most 500; 4 queries. And the names of the
    participants of these specs, as :func:`participant_names` gives them."""
    loaded, named = _specs(schedules, [schedule.pk for schedule in schedules], since)
    return loaded, _names(named)


def _specs(
    schedules: Iterable[Schedule], batch: Any, since: int | None
) -> tuple[dict[int, ScheduleInput], Iterable[tuple[Any, ...]]]:
    """The specs, and what names there are in them: rows as :func:`_named` has them."""
    shifts = _by_owner(ExtraShift.objects.filter(schedule__in=batch), since, "schedule_id")
    overrides = _by_owner(Override.objects.filter(schedule__in=batch), since, "schedule_id")
    named = list(
        Reference.objects.filter(owner_schedule__in=batch).values_list("owner_schedule_id", *_NAMED).distinct()
    )
    keys = _keys_of_people(named, shifts, overrides)
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
                    substitution_of(row, key)
                    for responder, key in people
                    for row in substitutions[responder]
                    if concerns(row, key)
                ),
            )
    elements = chain.from_iterable(chain(shifts.values(), overrides.values(), substitutions.values()))
    stand_ins = (("text", row.by_key, row.by_id, row.by_name) for row in elements)
    return loaded, chain((each[1:] for each in named), stand_ins)


def _by_owner(rows: QuerySet[Any, Any], since: int | None, owner_id: str) -> dict[int, list[Any]]:
    if since is not None:
        rows = rows.filter(ends_at__gt=datetime.fromtimestamp(since, UTC))
    by_owner: dict[int, list[Any]] = defaultdict(list)
    for row in rows.annotate(by_name=F("by__name")).order_by("pk"):
        by_owner[getattr(row, owner_id)].append(row)
    return by_owner


def _keys_of_people(
    named: Iterable[tuple[Any, ...]], *elements: Mapping[int, list[Any]]
) -> dict[int, set[tuple[int, str]]]:
    """Schedule -> (responder, key by which the schedule names them); one person may have several keys."""
    keys: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for schedule, _, key, responder, _ in named:
        if responder is not None:
            keys[schedule].add((responder, key))
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


def concerns(row: Substitution, key: str) -> bool:
    """Whether a substitution is meant for its person under this key: one that a source keeps is meant for what that
    source schedules, one made here for all."""
    return row.source_key is None or source_of(row.source_key) == source_of(key)


def substitution_of(row: Substitution, key: str) -> values.Substitution:
    """The substitution as a value, of its person by this key."""
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


@dataclass(frozen=True, slots=True)
class Name:
    """How a participant is shown. responder_id: None for a group or policy."""

    responder_id: int | None
    name: str


#: What a Reference of this kind may be called by participants.
_PARTICIPANT_KINDS: Mapping[str, tuple[values.ParticipantKind, ...]] = {
    row: tuple(kind for kind, of in ROW_OF_PARTICIPANT.items() if of == row) for row in ROW_OF_PARTICIPANT.values()
}


def participant_names(schedule_ids: Ids) -> dict[values.Participant, Name]:
    """The names behind the participants of these schedules, their overrides and substitutions; one query per 500 ids.
    A participant that no row is known for is not in the answer."""
    names: dict[values.Participant, Name] = {}
    for batch in _batches(schedule_ids):
        names |= _names(_named(batch))
    return names


def _names(named: Iterable[tuple[Any, ...]]) -> dict[values.Participant, Name]:
    names: dict[values.Participant, Name] = {}
    for kind, key, responder_id, name in named:
        if name is None:
            continue
        if kind == "text":
            names[participant_from_text(key)] = Name(responder_id, name)
        for word in _PARTICIPANT_KINDS.get(kind, ()):
            names[values.Participant(word, key)] = Name(responder_id, name)
    return names


#: Reference kind, key, responder and name.
_NAMED = ("kind", "key", "responder_id", Coalesce("responder__name", "user_group__name", "escalation_policy__name"))


def _named(batch: Any) -> QuerySet[Any, Any]:
    """(Reference kind or ``text``, key or participant as text, responder, name) of all that the schedules name."""
    named = Reference.objects.filter(owner_schedule__in=batch)
    shifts = ExtraShift.objects.filter(schedule__in=batch)
    overrides = Override.objects.filter(schedule__in=batch)
    in_them = (
        Q(responder__in=named.values("responder"))
        | Q(responder__in=shifts.values("by"))
        | Q(responder__in=overrides.values("by"))
    )
    stand_ins = (rows.filter(by__isnull=False) for rows in (shifts, overrides, Substitution.objects.filter(in_them)))
    return named.values_list(*_NAMED).union(
        *(rows.values_list(Value("text"), "by_key", "by_id", "by__name") for rows in stand_ins)
    )


# --- on call now ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call in one schedule, and what comes then.

    until: the instant of the next change, None = none within 60 days. following: who is on call from then. reason: why
    it cannot be told; empty when it can.
    """

    now: tuple[values.Participant, ...] = ()
    until: int | None = None
    following: tuple[values.Participant, ...] = ()
    reason: str = ""


def on_call(spec: values.ScheduleSpec, substitutions: Sequence[values.Substitution], instant: int) -> OnCall:
    """Who is on call at ``instant`` in one schedule of :func:`specs`, until when, and who then."""
    try:
        found = next_change(spec, substitutions, instant, HORIZON)
    except values.InvalidSpec as why:
        return OnCall(reason=str(why))
    return OnCall(found.now, found.at, found.following)

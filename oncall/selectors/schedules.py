"""Reads schedules for rendering, in a number of queries that does not depend on the number of schedules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TypeVar

from django.db.models import QuerySet

from oncall.models import ExtraShift, Override, Reference, Schedule, Substitution
from oncall.rendering import spec as values
from oncall.rendering.codec import layers_from_json, participant_from_text
from oncall.rendering.coverage import HORIZON, next_change
from oncall.selectors.ids import Ids, batches
from oncall.selectors.participants import (
    COLUMNS,
    Mention,
    Name,
    ScheduleInput,
    mentions_in,
    names_of,
    one_key,
    people_of,
    renamed,
)
from oncall.tables.base import PERSON, element_key, source_of

Shift = TypeVar("Shift", ExtraShift, Override, Substitution)


def specs(schedule_ids: Ids, *, since: int | None = None) -> dict[int, ScheduleInput]:
    """Returns the spec of each schedule and the substitutions of its people, in at most 5 queries per 500 ids.

    since: leaves out overrides, extra shifts and substitutions that end at or before this instant. Schedules whose time
    zone is not known or whose layers cannot be read are not in the result; :func:`unrenderable` says why. Nobody is on
    call in an inactive schedule: its spec is empty. A person has one key, see
    :func:`~oncall.selectors.participants.one_key`.
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
    return loaded, names_of(mentions)


def _specs(
    schedules: Iterable[Schedule], batch: Iterable[int], since: int | None
) -> tuple[dict[int, ScheduleInput], list[Mention]]:
    """Returns the specs, and the participants that they mention. batch: the ids of the schedules."""
    shifts = _by_owner(ExtraShift.objects.filter(schedule__in=batch), since, "schedule_id")
    overrides = _by_owner(Override.objects.filter(schedule__in=batch), since, "schedule_id")
    rows = Reference.objects.filter(owner_schedule__in=batch).values_list("owner_schedule_id", *COLUMNS).distinct()
    references = [(owner, Mention(*columns)) for owner, *columns in rows]
    keys = _keys_of_people(references, shifts, overrides)
    responders = {responder for by_responder in keys.values() for responder in by_responder}
    substitutions = _by_owner(Substitution.objects.filter(responder__in=responders), since, "responder_id")
    elements: Iterable[ExtraShift | Override | Substitution]
    elements = chain(*shifts.values(), *overrides.values(), *substitutions.values())
    mentions = [mention for _, mention in references]
    mentions += (mention for row in elements for mention in mentions_in(row))
    people = people_of(mentions)
    loaded: dict[int, ScheduleInput] = {}
    for schedule in schedules:
        if schedule.zone_state != Schedule.ZoneState.OK:
            continue
        if not schedule.active:
            loaded[schedule.pk] = values.ScheduleSpec(schedule.time_zone, "concurrent", ()), ()
            continue
        with suppress(values.InvalidSpec):
            spec = _spec(schedule, shifts[schedule.pk], overrides[schedule.pk])
            absences = (
                substitution_value(row)
                for responder, names in sorted(keys[schedule.pk].items())
                for row in substitutions[responder]
                if applies(row, names)
            )
            loaded[schedule.pk] = renamed((spec, tuple(absences)), people)
    return loaded, mentions


def _by_owner(rows: QuerySet[Shift], since: int | None, owner_id: str) -> dict[int, list[Shift]]:
    if since is not None:
        rows = rows.filter(ends_at__gt=datetime.fromtimestamp(since, UTC))
    by_owner: dict[int, list[Shift]] = defaultdict(list)
    for row in rows.select_related("by").order_by("pk"):
        by_owner[getattr(row, owner_id)].append(row)
    return by_owner


def _keys_of_people(
    references: Iterable[tuple[int, Mention]], *elements: Mapping[int, Sequence[ExtraShift | Override]]
) -> dict[int, dict[int, set[str]]]:
    """Returns, for each schedule, the people in it (by responder) with their keys."""
    keys: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for schedule, mention in references:
        if mention.responder_id is not None:
            keys[schedule][mention.responder_id].add(mention.key)
    for by_schedule in elements:
        for schedule, rows in by_schedule.items():
            for row in rows:
                if row.by_id is not None:
                    keys[schedule][row.by_id].add(row.by_key.removeprefix(PERSON))
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


def applies(row: Substitution, keys: Iterable[str]) -> bool:
    """Whether a substitution applies where its person has these keys.

    An imported substitution applies where one of the keys is of its source, a substitution made here everywhere.
    """
    return row.source_key is None or source_of(row.source_key) in map(source_of, keys)


def substitution_value(row: Substitution) -> values.Substitution:
    """Returns the substitution of its one participant as a value."""
    return values.Substitution(
        key=element_key(row),
        person=one_key(row.responder_id),
        replacement=participant_from_text(row.by_key) if row.by_id is None else one_key(row.by_id),
        starts_at=_instant(row.starts_at),
        ends_at=_instant(row.ends_at),
        groups=None if row.scope is None else frozenset(row.scope),
    )


def _instant(at: datetime) -> int:
    return int(at.timestamp())


def unrenderable(schedule: Schedule) -> str:
    """Returns why :func:`specs` leaves out a schedule."""
    if schedule.zone_state != Schedule.ZoneState.OK:
        return values.NO_ZONE
    try:
        layers_from_json(schedule.layers)
    except values.InvalidSpec as wrong:
        return str(wrong)
    return "overrides: an override or extra shift names a participant that cannot be read"


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

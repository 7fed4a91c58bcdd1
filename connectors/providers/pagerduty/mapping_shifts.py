"""Maps shift-based schedules (``/v3/schedules``) to records. Pure: the current time is an argument.

Everyone in a rotation or a custom shift is on call at the same time. An override replaces one member of one of them and
covers no gap (vendor docs: REST API "Shift-Based Schedules").
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from connectors.providers.pagerduty import wire_shifts as wire
from connectors.providers.pagerduty.empty_turns import empty_turns
from connectors.providers.pagerduty.harvest import RotationDetail, ShiftDetail
from connectors.providers.pagerduty.holders import member, team_ids
from connectors.providers.pagerduty.recurrence import recurring
from connectors.providers.pagerduty.vendor import invalid, unknown_value
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.overrides import Shown, note_assumed_order, ranked
from connectors.reading.periods import read_period
from connectors.reading.wire import Moment
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    VACANT,
    ByOccurrence,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    Participant,
    Turns,
    person,
)
from oncall.rendering.zones import DAY, reading

#: How long an override of an empty turn is followed from its start: it becomes one override per empty turn.
_FOLLOWED: Final = 400 * DAY


def schedule(
    detail: ShiftDetail, fetched_range: tuple[int, int], at: int, because: tuple[str, ...], findings: Findings
) -> SourceSchedule:
    """Returns the record of a schedule. Events, custom shifts and overrides that have no form here are reported and
    counted as unread.

    fetched_range: the instants between which shifts and overrides were requested. at: instant of the read; events that
    ended before it are left out.
    """
    source = detail.schedule
    zone = findings.zone("schedule", source.id, convert(source.time_zone), "time_zone")
    mapping = _Shifts(source, zone, at, findings)
    layers = mapping.layers(detail.rotations)
    if not layers and not layers.unread:
        findings.note("schedule", source.id, "no_layers", f"{source.label} has no event that is still in force.")
    extra = None
    if detail.shifts is not None:
        extra = findings.map_all(
            detail.shifts, "schedule", source.id, "custom_shifts", mapping.extra_shift, ended=mapping.has_ended
        )
    exceptions = None
    if detail.overrides is not None:
        exceptions = mapping.overrides(detail.overrides, layers, extra)
        note_assumed_order(exceptions, _shown(source), findings, source.id, source.label)
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="concurrent",
        layers=tuple(sorted(layers, key=lambda layer: layer.key)),
        description=source.description or "",
        group_ids=tuple(team_ids("schedule", source, source.teams, findings)),
        extra_shifts=None if extra is None else tuple(sorted(extra, key=lambda shift: (shift.starts_at, shift.key))),
        overrides=None if exceptions is None else ranked(exceptions, _shown(source)),
        fetched_range=None if extra is None and exceptions is None else fetched_range,
        unread=unread_of(layers=layers, extra_shifts=extra, overrides=exceptions),
        lists_overlapping=True,
        flavour="shift-based",
        because=because,
    )


def _shown(source: wire.ShiftSchedule) -> Shown:
    """Whose override runs when, where the answer shows it."""
    return [
        (shift.start_time.instant, shift.end_time.instant, person(id_))
        for shift in source.final_schedule or ()
        if shift.source is not None and shift.source.override_id is not None
        if (id_ := shift.member.person_id) is not None
    ]


class _Shifts:
    """Maps the parts of one schedule."""

    def __init__(self, source: wire.ShiftSchedule, zone: ZoneReading, at: int, findings: Findings) -> None:
        self._source = source
        self._zone = zone
        self._at = at
        self._findings = findings
        self._unread_rotations = 0
        self._partly: set[str] = set()  # rotations with an event that could not be read

    def layers(self, rotations: Elements[RotationDetail]) -> Elements[Layer]:
        """Returns the layers of all events. unread: the number of events and rotations that could not be read."""
        layers: list[Layer] = []
        unread = self._unread_rotations = rotations.unread
        for rotation in rotations:
            make = partial(self._layer, rotation.id)
            made = self._findings.map_all(rotation.events, "schedule", self._source.id, f"{rotation.path}.events", make)
            layers += made
            unread += made.unread
            if made.unread:
                self._partly.add(rotation.id)
        return Elements(layers, unread)

    def _layer(self, rotation_id: str, event: wire.Event, path: str) -> Layer | None:
        """Returns the layer of an event, None if it has no effect any more. The event recurs at the local times of its
        own zone, not in UTC (vendor docs: the guide's example)."""
        name = f"The event {event.name or event.id}"
        if event.effective_until is not None and event.effective_until.instant <= self._at:
            self._note("ended_layer", f"{name} has ended and was left out.", path)
            return None
        own = convert(event.start_time.time_zone)
        if own.zone is None:
            raise unknown_value(f"{path}.start_time.time_zone", own.note)
        shift = self._period(event.start_time.date_time, event.end_time.date_time, "event", name, f"{path}.end_time")
        clip = self._period(event.effective_since, event.effective_until, "layer", name, f"{path}.effective_until")
        if shift is None or clip is None:
            return None
        length = reading(own.zone, shift[1]) - reading(own.zone, shift[0])
        return Layer(
            key=f"{rotation_id}/{event.id}",
            name=event.name or "",
            windows=(
                recurring(
                    event.recurrence,
                    shift[0],
                    length if length > 0 else shift[1] - shift[0],  # it ends in the second pass of a repeated hour
                    own.zone,
                    f"{path}.recurrence",
                    lambda code, words: self._note(f"event_{code}", f"{name} {words}", f"{path}.recurrence"),
                ),
            ),
            turns=self._turns(event, path),
            participants=self._members(event, path),
            zone=None if own.zone == self._zone.zone else own.zone,
            starts_at=None if clip[0] == EARLIEST else clip[0],
            ends_at=None if clip[1] == LATEST else clip[1],
            window_edge="boundary",
        )

    def _turns(self, event: wire.Event, path: str) -> Turns:
        strategy = event.assignment_strategy
        if strategy.type == "every_member_assignment_strategy":
            return Everyone()
        if strategy.shifts_per_member is None:
            message = f"PagerDuty did not report how many shifts in a row {event.name or event.id} gives; 1 is used."
            self._note("shifts_not_told", message, f"{path}.assignment_strategy", loss=True)
        return ByOccurrence(strategy.shifts_per_member or 1)

    def _members(self, event: wire.Event, path: str) -> tuple[Participant, ...]:
        """The members in order; of an event for everyone sorted, because their order means nothing there."""
        strategy = event.assignment_strategy
        if not strategy.members:
            message = f"The event {event.name or event.id} has no members, so it puts nobody on call."
            self._note("no_members", message, f"{path}.assignment_strategy.members")
        members = [
            self._member(sent, str(place), f"{path}.assignment_strategy.members[{place}]")
            for place, sent in enumerate(strategy.members)
        ]
        if strategy.type == "rotating_member_assignment_strategy":
            return tuple(members)
        if VACANT in members:
            message = f"The event {event.name or event.id} is for everyone, and its empty member puts nobody on call."
            self._note("empty_member", message, f"{path}.assignment_strategy.members")
        return tuple(sorted(members))

    def has_ended(self, element: wire.CustomShift | wire.OverrideShift) -> bool:
        return element.end_time.instant <= self._at

    def extra_shift(self, shift: wire.CustomShift, path: str) -> ExtraShift | None:
        name = f"The custom shift {shift.id}"
        period = self._period(shift.start_time, shift.end_time, "custom_shift", name, f"{path}.end_time")
        if period is None:
            return None
        at = f"{path}.assignments[0].member"
        by = self._holder(shift.assignments[0].member, shift.id, at)
        if by == VACANT:
            self._note("empty_member", f"{name} has the empty member, so it puts nobody on call.", at)
        return ExtraShift(shift.id, *period, by)

    def overrides(
        self, sent: Elements[wire.OverrideShift], layers: Sequence[Layer], extra: Elements[ExtraShift] | None
    ) -> Elements[Override]:
        """Returns the overrides. An override of an empty turn becomes one override for each of these turns."""

        def make(override: wire.OverrideShift, path: str) -> tuple[Override, ...]:
            name = f"The override {override.id}"
            period = self._period(override.start_time, override.end_time, "override", name, f"{path}.end_time")
            if period is None:
                return ()
            replaces = self._holder(override.overridden_member, override.id, f"{path}.overridden_member")
            by = self._holder(override.overriding_member, override.id, f"{path}.overriding_member")
            sources = self._sources(override, layers, extra, path)
            if not sources:
                return ()
            made = Override(override.id, *period, by, frozenset(sources), replaces, covers_gaps=False)
            return self._filling(made, layers, path) if replaces == VACANT else (made,)

        made = self._findings.map_all(sent, "schedule", self._source.id, "overrides", make, ended=self.has_ended)
        return Elements((override for each in made for override in each), made.unread)

    def _sources(
        self, override: wire.OverrideShift, layers: Sequence[Layer], extra: Elements[ExtraShift] | None, path: str
    ) -> list[str]:
        """The keys of what an override applies to. Empty, with a note: it applies to nothing that is in force."""
        rotation, shift = override.rotation_id, override.custom_shift_id
        if rotation is not None:
            source, is_unread = f"the rotation {rotation}", rotation in self._partly or self._unread_rotations > 0
            found = [layer.key for layer in layers if layer.key.startswith(f"{rotation}/")]
        elif shift is not None:
            source, is_unread = f"the custom shift {shift}", extra is not None and bool(extra.unread)
            found = [shift] if extra is None or any(each.key == shift for each in extra) else []
        else:
            raise unknown_value(path, f"The override {override.id} names neither a rotation nor a custom shift.")
        if not found and is_unread:
            raise invalid("unread_source", path, f"The override {override.id} is for {source}, which cannot be read.")
        if not found:
            message = (
                f"The override {override.id} is for {source}, which has nothing that is in force. It was left out."
            )
            self._note("override_without_effect", message, path)
        return found

    def _filling(self, override: Override, layers: Sequence[Layer], path: str) -> tuple[Override, ...]:
        """The overrides that fill the empty turns of their sources, or the empty custom shift.

        PagerDuty's schema allows this, but says nothing of its effect.
        """
        of_rotation = [layer for layer in layers if layer.key in (override.sources or ())]
        turns = [(override.starts_at, override.ends_at)]
        if of_rotation:
            until = min(override.ends_at, override.starts_at + _FOLLOWED)
            turns = empty_turns(of_rotation, self._zone.zone or "Etc/UTC", override.starts_at, until)
        if turns:
            message = (
                f"The override {override.key} replaces the empty member. It is assumed that it fills the empty turn."
            )
            self._note("empty_turn_filled", message, path)
        else:
            message = f"The override {override.key} replaces the empty member, but no turn is empty. It was left out."
            self._note("override_without_effect", message, path)
        return tuple(
            replace(
                override,
                key=f"{override.key}#{n}" if n > 1 else override.key,
                starts_at=start,
                ends_at=end,
                covers_gaps=True,
            )
            for n, (start, end) in enumerate(turns, start=1)
        )

    def _member(self, sent: wire.ShiftMember, place: str, path: str) -> Participant:
        return member(sent, place, path, self._source, self._findings)

    def _holder(self, sent: wire.ShiftMember, place: str, path: str) -> Participant:
        """The one holder of a shift or override. Raises UnexpectedResponse when the answer names nobody."""
        if sent.type in ("user_member", None) and sent.person_id is None:
            raise invalid("missing_field", f"{path}.user_id", "A member of the type user has no usable user id.")
        return self._member(sent, place, path)

    def _period(
        self, start: Moment | None, end: Moment | None, code: str, words: str, path: str
    ) -> tuple[int, int] | None:
        """As of :func:`read_period`; None means without a limit."""
        since = EARLIEST if start is None else start.instant
        until = max(LATEST, since + 1) if end is None else end.instant
        return read_period(since, until, self._findings, "schedule", self._source.id, code=code, words=words, path=path)

    def _note(self, code: str, message: str, path: str, *, loss: bool = False) -> None:
        self._findings.note("schedule", self._source.id, code, message, path, loss=loss)

"""Converts schedules to the plain values of the referee, and compares both timelines."""

from calendar import timegm
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import Span, render
from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    Layer,
    Participant,
    Recurring,
    ScheduleSpec,
    Substitution,
    Turns,
    Weekly,
    Window,
    person,
)
from tests.oncall.rendering.referee import timeline

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
ANN, BEN, CAT, DAN, EVE, FAY = (person(name) for name in ("ann", "ben", "cat", "dan", "eve", "fay"))


def when(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Returns an instant if the arguments are in UTC, or a reading if they are what a wall clock shows."""
    return timegm((year, month, day, hour, minute, second))


def clock_time(hour: int, minute: int = 0) -> int:
    return hour * HOUR + minute * MINUTE


def layer(
    key: str,
    *participants: Participant,
    turns: Turns | None = None,
    windows: tuple[Window, ...] = (Always(),),
    zone: str | None = None,
    starts_at: int | None = None,
    ends_at: int | None = None,
    **switches: Any,
) -> Layer:
    """Returns a layer. By default it has weekly turns since Monday 2026-01-05 09:00."""
    turns = turns or ByTime(when(2026, 1, 5, 9), WEEK)
    return Layer(key, f"Layer {key}", windows, turns, participants, zone, starts_at, ends_at, **switches)


def stack(zone: str, *layers: Layer, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(zone, "stacked", layers, **more)


def together(zone: str, *layers: Layer, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(zone, "concurrent", layers, **more)


def name(participant: Participant) -> str | None:
    return None if participant.kind == "vacant" else f"{participant.kind}:{participant.id}"


def names(who: tuple[Participant, ...]) -> tuple[str, ...]:
    return tuple(f"{each.kind}:{each.id}" for each in who)


def _plain_window(window: Window) -> dict[str, Any]:
    match window:
        case Daily(start, duration):
            return {"type": "daily", "start": start, "duration": duration}
        case Weekly(weekday, start, duration):
            return {"type": "weekly", "weekday": weekday, "start": start, "duration": duration}
        case Recurring():
            return {"type": "recurring", **asdict(window)}
    return {"type": "always"}


def _plain_turns(turns: Turns) -> dict[str, Any]:
    if isinstance(turns, Everyone):
        return {"type": "everyone"}
    if isinstance(turns, ByOccurrence):
        return {"type": "by_occurrence", "shifts_per_participant": turns.shifts_per_participant}
    assert isinstance(turns, ByTime)
    return {
        "type": "by_time",
        "anchor": turns.anchor,
        "length": turns.length,
        "unit": turns.unit,
        "clock": turns.clock,
    }


def plain(spec: ScheduleSpec) -> dict[str, Any]:
    return {
        "zone": spec.zone,
        "composition": spec.composition,
        "groups": list(spec.groups),
        "layers": [
            {
                "key": each.key,
                "zone": each.zone or spec.zone,
                "windows": [_plain_window(window) for window in each.windows],
                "turns": _plain_turns(each.turns),
                "participants": [name(participant) for participant in each.participants],
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "excluded_occurrence_uses_turn": each.excluded_occurrence_uses_turn,
                "clip": each.clip,
                "window_edge": each.window_edge,
            }
            for each in spec.layers
        ],
        "extra_shifts": [
            {"key": each.key, "starts_at": each.starts_at, "ends_at": each.ends_at, "by": name(each.by)}
            for each in spec.extra_shifts
        ],
        "overrides": [
            {
                "key": each.key,
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "by": name(each.by),
                "sources": each.sources,
                "replaces": "everyone" if each.replaces is None else name(each.replaces),
                "covers_gaps": each.covers_gaps,
                "rank": each.rank,
            }
            for each in spec.overrides
        ],
    }


def plain_substitutions(substitutions: Sequence[Substitution]) -> list[dict[str, Any]]:
    return [
        {
            "key": each.key,
            "person": name(each.person),
            "replacement": name(each.replacement),
            "starts_at": each.starts_at,
            "ends_at": each.ends_at,
            "groups": each.groups,
        }
        for each in substitutions
    ]


def shown_at(spans: Sequence[Span], instant: int) -> tuple[Participant, ...]:
    for span in spans:
        if span.start <= instant < span.end:
            return span.participants
    return ()


def minutes_of(spans: Sequence[Span]) -> dict[int, tuple[str, ...]]:
    """Returns who is on call by minute. The edges of the spans are whole minutes. Minutes with nobody are left out."""
    return {minute: names(span.participants) for span in spans for minute in range(span.start, span.end, MINUTE)}


def assert_well_formed(spans: Sequence[Span], since: int, until: int) -> None:
    """Fails unless spans are sorted, disjoint, in the range, not empty, not vacant, and merged where equal."""
    end, who = since, None
    for span in spans:
        assert end <= span.start < span.end <= until
        assert span.participants == tuple(sorted(set(span.participants)))
        assert span.participants
        assert all(each.kind != "vacant" for each in span.participants)
        assert (span.start, span.participants) != (end, who)
        end, who = span.end, span.participants


def assert_agrees(
    spec: ScheduleSpec,
    since: int,
    until: int,
    substitutions: Sequence[Substitution] = (),
    sampled: Sequence[int] = (),
) -> tuple[Span, ...]:
    """Compares the renderer, the referee and ``on_call_at`` for a schedule. Returns the final schedule.

    ``on_call_at`` is called for the seconds around every edge of a span and for those in ``sampled``.
    """
    rendering = render(spec, substitutions, since, until)
    for spans in (rendering.final, *(spans for _, spans in rendering.layers)):
        assert_well_formed(spans, since, until)
    verdict = timeline(plain(spec), plain_substitutions(substitutions), since, until)
    ours = minutes_of(rendering.final)
    different = [minute for minute, who in verdict.items() if ours.get(minute, ()) != who]
    assert not different, f"{len(different)} minutes differ, the first at {different[0]}: {spec}"
    edges = {each for span in rendering.final for each in (span.start, span.end)}
    for instant in {*edges, *(edge - 1 for edge in edges), *sampled}:
        if since <= instant < until:
            assert on_call_at(spec, substitutions, instant) == shown_at(rendering.final, instant), instant
    return rendering.final

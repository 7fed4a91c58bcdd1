"""What a draft accepts can be shown: it is stored, read, rendered and explained for every range of pages."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall.admin.schedule.range import RANGES, VisibleRange
from oncall.aggregates import Draft, ElementChanges
from oncall.errors import InvalidDraft
from oncall.escalation.context import WalkContext
from oncall.operations import Actor, check, write
from oncall.rendering.answers import on_call_at
from oncall.rendering.codec import layer_from_json, layer_to_json, layers_from_json
from oncall.rendering.coverage import HORIZON, fairness, loads, next_change
from oncall.rendering.differences import compare, impact
from oncall.rendering.explaining import explain, reexecute
from oncall.rendering.final import render
from oncall.rendering.rotations import rotations
from oncall.rendering.spec import EARLIEST, LATEST, MAX_OCCURRENCE, MAX_TURN_SECONDS, InvalidSpec
from oncall.rendering.zones import DAY
from oncall.selectors.schedules import specs
from tests.oncall.conftest import weekly_layers

ZONES = ("Etc/UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "America/Boa_Vista", "Africa/Monrovia")
INSIDE = (
    "1900-01-02T00:00:00", "1900-06-01T00:00:00", "1970-01-01T00:00:00", "2026-03-29T02:30:00", "2026-10-25T02:30:00",
    "2026-06-01T00:00:01", "2199-12-31T23:59:59", "2200-12-30T00:00:00",
)  # fmt: skip
OUTSIDE = (
    "0001-01-01T00:00:00", "0999-12-31T23:59:59", "1899-12-31T23:59:59", "1900-01-01T00:00:00", "2200-12-31T23:59:59",
    "2201-01-01T00:00:00", "3026-06-01T00:00:00", "9999-12-31T23:59:59",
)  # fmt: skip
OFFSETS = ("Z", "Z", "+14:00", "-12:00", "+23:59", "-23:59", "+05:45")
LENGTHS = (1, 60, DAY - 1, DAY, 7 * DAY, MAX_OCCURRENCE, MAX_TURN_SECONDS)
NOWS = tuple(
    int(datetime(year, month, day, tzinfo=UTC).timestamp())
    for year, month, day in ((1, 1, 1), (1900, 1, 2), (1970, 1, 1), (2026, 3, 29), (2200, 12, 30), (9999, 12, 31))
)

#: Most values are valid, so that most drafts are accepted.
readings = st.sampled_from(INSIDE * 6 + OUTSIDE)
lengths = st.sampled_from(LENGTHS * 3 + (0, 10**12))
seconds = st.sampled_from((0, 1, 60, DAY - 1) * 3 + (DAY,))
instants = st.builds(str.__add__, readings, st.sampled_from(OFFSETS))
numbers = st.sampled_from((1, 2, 7, 53, 10**6))
people = st.sampled_from(("person:3:PANA", "person:3:PBEN", "group:3:G", "unknown:robot:1", "vacant"))
stand_ins = st.sampled_from(("person:3:PBEN", "person:3:PANA", "vacant"))
rules = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")),
        "interval": numbers,
        "by_day": st.lists(st.tuples(st.sampled_from((0, 1, -1, 5)), st.integers(1, 7)).map(list), max_size=2),
        "by_month_day": st.lists(st.sampled_from((1, 29, 31, -1)), max_size=2),
        "by_month": st.lists(st.integers(1, 12), max_size=2),
        "week_start": st.integers(1, 7),
        "count": st.none() | numbers,
        "until": st.none() | readings,
    }
)
recurring = st.fixed_dictionaries(
    {
        "type": st.just("recurring"),
        "rule": rules,
        "first": readings,
        "duration": st.sampled_from((1, 60, DAY, 8 * DAY, MAX_OCCURRENCE, 0)),
        "excluded": st.lists(readings, max_size=2),
        "added": st.lists(readings, max_size=2),
    },
    optional={"first_at": instants, "late": st.lists(instants, max_size=2)},
)
windows = st.one_of(
    st.just({"type": "always"}),
    st.builds(lambda start, duration: {"type": "daily", "start": start, "duration": duration}, seconds, seconds),
    st.builds(
        lambda day, start, duration: {"type": "weekly", "weekday": day, "start": start, "duration": duration},
        st.integers(1, 7), seconds, seconds,
    ),
    recurring,
)  # fmt: skip
turns = st.one_of(
    st.just({"type": "everyone"}),
    st.builds(lambda number: {"type": "by_occurrence", "shifts_per_participant": number}, numbers),
    st.builds(
        lambda anchor, length: {
            "type": "by_time", "anchor": anchor, "length": length, "unit": "seconds", "clock": "wall",
        },
        readings, lengths,
    ),
    st.builds(
        lambda anchor, length: {
            "type": "by_time", "anchor": anchor, "length": length, "unit": "seconds", "clock": "elapsed",
        },
        instants, lengths,
    ),
    st.builds(
        lambda anchor, length: {
            "type": "by_time", "anchor": anchor, "length": length, "unit": "months", "clock": "wall",
        },
        readings, numbers,
    ),
)  # fmt: skip


@st.composite
def layers(draw: st.DrawFn, key: str) -> dict[str, Any]:
    whose = draw(turns)
    starts_at, ends_at = sorted(draw(st.lists(instants, min_size=2, max_size=2)))
    limits = ((None, None), (starts_at, None), (None, ends_at), (starts_at, ends_at))
    clip = dict(zip(("starts_at", "ends_at"), draw(st.sampled_from(limits)), strict=True))
    when = draw(recurring if whose["type"] == "by_occurrence" else windows)
    return {
        "key": key, "name": key, "windows": [when], "turns": whose,
        "participants": draw(st.lists(people, max_size=3)), "zone": draw(st.none() | st.sampled_from(ZONES)),
        **clip,
        "clip": draw(st.sampled_from(("cut", "drop"))),
        "window_edge": draw(st.sampled_from(("membership", "boundary"))),
    }  # fmt: skip


@st.composite
def spans(draw: st.DrawFn, /, **more: Any) -> dict[str, Any]:
    starts_at, ends_at = sorted(draw(st.lists(instants, min_size=2, max_size=2)))
    values = {"starts_at": starts_at, "ends_at": ends_at, "by_key": draw(stand_ins)}
    return values | {name: draw(each) for name, each in more.items()}


overrides = spans(
    sources=st.sampled_from((None, None, ["a"], ["a", "3:X"], [], [["a"]])),
    replaces=st.sampled_from(("", "person:3:PANA")),
    covers_gaps=st.booleans(),
    rank=st.sampled_from((0, 1, -(2**31), 2**31 - 1)),
)
substitutions = spans(scope=st.sampled_from((None, None, ["3:G"], [], [["3:G"]])))


def accepted(kind: Any, fields: dict[str, Any], name: str = "", values: dict[str, Any] | None = None) -> bool:
    try:
        check(kind, fields, {name: {"3:X": values}} if values else {})
    except InvalidDraft:
        return False
    return True


def schedule(zone: str, composition: str, *stored: dict[str, Any]) -> dict[str, Any]:
    layers = {"format": 1, "layers": list(stored)}
    return {"name": "Extreme", "time_zone": zone, "composition": composition, "layers": layers, "group_keys": ["3:G"]}


def show(spec: Any, away: Any) -> None:
    """Calls what the pages call, for ranges that they choose."""
    for now in NOWS:
        for days in (str(RANGES[0]), str(RANGES[-1])):
            first = datetime.fromtimestamp(now, UTC).date().isoformat()
            visible = VisibleRange.of({"days": days, "from": first, "at": f"{first}T00:00:00"}, spec.zone, NOWS[3])
            for instant in {EARLIEST, visible.since, visible.until - 1, visible.chosen or visible.since}:
                assert reexecute(spec, explain(spec, away, instant)) == on_call_at(spec, away, instant)
                rotations(spec, instant)
            try:
                show_range(spec, away, visible)
            except InvalidSpec as refused:  # turns of a second in a month
                assert refused.message.endswith("request a shorter range")
    context = WalkContext(schedules={"s": (spec, away)})
    for instant in (EARLIEST, NOWS[3], LATEST):
        for mode in ("current", "next", "previous"):
            context.on_call("s", instant, mode, None)


def show_range(spec: Any, away: Any, visible: VisibleRange) -> None:
    rendering = render(spec, away, visible.since, visible.until)
    shares = loads(rendering.final, spec.zone, visible.since, visible.until)
    assert 0 <= fairness(shares).balance <= 100
    assert not compare(rendering.final, rendering.final, visible.since, visible.until).differences
    assert not impact(rendering.final, (), visible.since, visible.until).now_after
    next_change(spec, away, visible.since, HORIZON)


@pytest.mark.django_db
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_draft_accepts_is_stored_and_shown(data: st.DataObject) -> None:
    fields = schedule(data.draw(st.sampled_from(ZONES)), data.draw(st.sampled_from(("stacked", "concurrent"))))
    for key in ("a", "b"):
        layer = data.draw(layers(key))
        more = {**fields, "layers": {"format": 1, "layers": [*fields["layers"]["layers"], layer]}}
        fields = more if accepted("schedule", more) else fields
    elements: dict[str, dict[str, Any]] = {}
    for kind, name, drawn, owner in (
        ("schedule", "overrides", overrides, fields),
        ("schedule", "extra_shifts", spans(), fields),
        ("responder", "substitutions", substitutions, {"name": "Ana"}),
    ):
        values = data.draw(drawn)
        elements[name] = {"3:X": values} if accepted(kind, owner, name, values) else {}
    with transaction.atomic():
        by, away = Actor(None, "test"), {"substitutions": ElementChanges(put=elements.pop("substitutions"))}
        (ana,) = write("responder", [Draft(fields={"name": "Ana"}, elements=away)], by=by)
        changes = {name: ElementChanges(put=put) for name, put in elements.items()}
        (stored,) = write("schedule", [Draft(fields=fields, elements=changes)], by=by, resolve={
            ("responder", "3:PANA"): ana.id,
        })  # fmt: skip
        show(*specs([stored.id])[stored.id])
        transaction.set_rollback(True)


LAYER = weekly_layers("person:3:PANA")["layers"][0]
SPAN = {"starts_at": "2026-03-02T08:00:00Z", "ends_at": "2026-03-02T16:00:00Z", "by_key": "vacant"}
WINDOW = {"type": "daily", "start": 0, "duration": 60}
RULE = {
    "frequency": "DAILY", "interval": 1, "by_day": [], "by_month_day": [], "by_month": [], "week_start": 1,
    "count": None, "until": None,
}  # fmt: skip
RECURRING = {
    "type": "recurring", "rule": RULE, "first": "2026-01-01T00:00:00", "duration": 60, "excluded": [], "added": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"turns": LAYER["turns"] | {"length": 1.5}},
        {"turns": LAYER["turns"] | {"length": "60"}},
        {"turns": LAYER["turns"] | {"unit": "weeks"}},
        {"turns": LAYER["turns"] | {"clock": "sun"}},
        {"turns": LAYER["turns"] | {"anchor": "0001-01-01T00:00:00"}},
        {"turns": LAYER["turns"] | {"anchor": "9999-12-31T23:59:59"}},
        {"turns": {"type": "by_occurrence", "shifts_per_participant": True}, "windows": [RECURRING]},
        {"windows": [WINDOW | {"start": 0.5}]},
        {"windows": [{"type": "weekly", "weekday": None, "start": 0, "duration": 60}]},
        {"windows": [RECURRING | {"rule": RULE | {"frequency": "HOURLY"}}]},
        {"windows": [RECURRING | {"rule": RULE | {"interval": "2"}}]},
        {"windows": [RECURRING | {"rule": RULE | {"by_day": [[0, 1.0]]}}]},
        {"windows": [RECURRING | {"rule": RULE | {"until": "0001-01-01T00:00:00"}}]},
        {"clip": "hide"},
        {"window_edge": "soft"},
        {"starts_at": "1899-12-31T23:59:59Z"},
        {"ends_at": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_layer_that_cannot_be_rendered_is_refused(changes: dict[str, Any]) -> None:
    assert accepted("schedule", schedule("Etc/UTC", "stacked", LAYER))
    assert accepted("schedule", schedule("Etc/UTC", "stacked", LAYER | {"windows": [WINDOW, RECURRING]}))
    assert not accepted("schedule", schedule("Etc/UTC", "stacked", LAYER | changes))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {at: text}) for name in ("overrides", "extra_shifts", "substitutions") for at, text in (
            ("starts_at", "0001-01-01T00:00:00Z"), ("starts_at", "0001-01-01T00:00:00+14:00"),
            ("ends_at", "9999-12-31T23:59:59-12:00"), ("ends_at", "3026-03-02T08:00:00Z"),
            ("ends_at", "2026-03-02T08:00:00Z"),
        )),
        *(("overrides", {"sources": wrong}) for wrong in ("a", [["a"]], [1], {"a": 1})),
        *(("substitutions", {"scope": wrong}) for wrong in ("a", [["a"]], [1], 7)),
    ],
)  # fmt: skip
def test_a_span_that_cannot_be_rendered_is_refused(name: str, changes: dict[str, Any]) -> None:
    kind = "responder" if name == "substitutions" else "schedule"
    assert accepted(kind, {"name": "A", "time_zone": "Etc/UTC"}, name, SPAN)
    assert not accepted(kind, {"name": "A", "time_zone": "Etc/UTC"}, name, SPAN | changes)


def test_an_until_of_the_first_year_is_stored_if_other_dates_occur() -> None:
    window = RECURRING | {"rule": RULE | {"until": "0001-01-01T00:00:00"}, "added": ["2026-01-02T00:00:00"]}
    (layer,) = layers_from_json(schedule("Etc/UTC", "stacked", LAYER | {"windows": [window]})["layers"])
    assert layer_from_json(layer_to_json(layer)) == layer

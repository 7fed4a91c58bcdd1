"""Tests the stored form: conversion in both directions, and errors that say where it cannot be read."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.rendering.codec import (
    FORMAT,
    instant_from_text,
    instant_to_text,
    layer_from_json,
    layer_to_json,
    layers_from_json,
    layers_to_json,
    participant_from_text,
    participant_to_text,
    reading_from_text,
    reading_to_text,
)
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    VACANT,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    InvalidSpec,
    Layer,
    Participant,
    Recurring,
    Rule,
    Weekly,
    person,
)
from tests.oncall.rendering.comparison import ANN, BEN, DAY, HOUR, layer, when

times = st.integers(EARLIEST, LATEST)
counts = st.integers(1, 10**6)
participants = st.one_of(
    st.just(VACANT),
    st.builds(Participant, st.sampled_from(["person", "group", "group_routing", "policy"]), st.text(min_size=1)),
)
rules = st.builds(
    Rule,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    counts,
    st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 7))).map(tuple),
    st.lists(st.integers(-1, 31)).map(tuple),
    st.lists(st.integers(1, 12)).map(tuple),
    st.integers(1, 7),
    st.none() | counts,
    st.none() | times,
)
windows = st.one_of(
    st.just(Always()),
    st.builds(Daily, counts, counts),
    st.builds(Weekly, st.integers(1, 7), counts, counts),
    st.builds(
        Recurring,
        rules,
        times,
        counts,
        st.lists(times).map(tuple),
        st.lists(times).map(tuple),
        st.none() | times,
        st.lists(times).map(tuple),
    ),
)
turns = st.one_of(
    st.builds(ByTime, times, counts, st.sampled_from(["seconds", "months"]), st.sampled_from(["wall", "elapsed"])),
    st.builds(ByOccurrence, counts),
    st.just(Everyone()),
)
layers = st.builds(
    Layer,
    key=st.text(),
    name=st.text(),
    windows=st.lists(windows).map(tuple),
    turns=turns,
    participants=st.lists(participants).map(tuple),
    zone=st.none() | st.text(),
    starts_at=st.none() | times,
    ends_at=st.none() | times,
    excluded_occurrence_uses_turn=st.booleans(),
    clip=st.sampled_from(["cut", "drop"]),
    window_edge=st.sampled_from(["membership", "boundary"]),
)


@given(several=st.lists(layers, max_size=3).map(tuple))
@settings(max_examples=60, deadline=None)
def test_layers_come_back_equal_from_json_text(several: tuple[Layer, ...]) -> None:
    text = json.dumps(layers_to_json(several))
    assert layers_from_json(json.loads(text)) == several


@given(time=times)
def test_instants_and_readings_come_back_from_text(time: int) -> None:
    assert instant_from_text(instant_to_text(time)) == time
    assert reading_from_text(reading_to_text(time)) == time


def test_the_stored_form_can_be_read_by_a_person_and_leaves_defaults_out() -> None:
    stored = layer_to_json(layer("a", ANN, VACANT, Participant("group", "ops"), starts_at=when(2026, 1, 2, 3, 4, 5)))
    assert stored == {
        "key": "a",
        "name": "Layer a",
        "windows": [{"type": "always"}],
        "turns": {
            "type": "by_time",
            "anchor": "2026-01-05T09:00:00",
            "length": 604_800,
            "unit": "seconds",
            "clock": "wall",
        },
        "participants": ["person:ann", "vacant", "group:ops"],
        "zone": None,
        "starts_at": "2026-01-02T03:04:05Z",
        "ends_at": None,
    }
    dropping = layer_to_json(replace(layer("a"), clip="drop"))
    assert dropping["clip"] == "drop"
    elapsed = layer_to_json(layer("a", turns=ByTime(when(2026, 1, 5, 9), DAY, clock="elapsed")))
    assert elapsed["turns"]["anchor"] == "2026-01-05T09:00:00Z"


@pytest.mark.parametrize("participant", [person("P:1"), person(""), Participant("group_routing", "g"), VACANT])
def test_a_participant_comes_back_from_text(participant: Participant) -> None:
    assert participant_from_text(participant_to_text(participant)) == participant


@pytest.mark.parametrize(
    ("participant", "shown"), [(BEN, "ben"), (Participant("policy", "p"), "policy:p"), (VACANT, "vacant")]
)
def test_a_participant_shows_itself(participant: Participant, shown: str) -> None:
    assert str(participant) == shown


ANCHOR_WITH_OFFSET = {
    "type": "by_time", "anchor": "2026-01-01T00:00:00Z", "length": 1, "unit": "seconds", "clock": "wall",
}  # fmt: skip
STORED = layer_to_json(layer("a", ANN, windows=(Recurring(Rule("DAILY"), when(2026, 1, 1), HOUR),)))


@pytest.mark.parametrize(
    ("changed", "path", "message"),
    [
        ({"participants": ["robot:1"]}, "participant", "unknown kind 'robot'"),
        ({"windows": [{"type": "hourly"}]}, "windows", "unknown type 'hourly'"),
        ({"turns": {"type": "by_mood"}}, "turns", "unknown type 'by_mood'"),
        ({"windows": [{"type": "daily", "start": 0}]}, "layer 'Layer a'", "duration is missing"),
        ({"windows": None}, "layer 'Layer a'", "not iterable"),
        ({"starts_at": "yesterday"}, "layer 'Layer a'", "yesterday"),
        ({"starts_at": "2026-01-01T00:00:00"}, "layer 'Layer a'", "it has no offset"),
        (
            {
                "turns": {
                    "type": "by_time",
                    "anchor": "2026-01-01T00:00:00Z",
                    "length": 1,
                    "unit": "seconds",
                    "clock": "wall",
                }
            },
            "layer 'Layer a'",
            "it has an offset",
        ),
    ],
)
def test_it_refuses_unreadable_values_and_says_where(changed: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as refused:
        layer_from_json(STORED | changed)
    assert refused.value.path == path


def test_the_error_names_the_missing_field() -> None:
    with pytest.raises(InvalidSpec, match=r"layer '\?': key is missing"):
        layer_from_json({})


def test_it_refuses_a_form_of_another_version() -> None:
    with pytest.raises(InvalidSpec, match=f"stored in format 99; this version reads format {FORMAT}"):
        layers_from_json({"format": 99, "layers": []})

"""Builders of on-call rows. They write through the operations."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from oncall.aggregates import Draft, ElementChanges, Kind

if TYPE_CHECKING:  # the operations need a configured Django, which the tests of pure code do without
    from oncall.operations import Actor

MakeRow = Callable[..., int]


def weekly_layers(*participants: str, key: str = "L1") -> dict[str, Any]:
    """Returns a layer that is always open and hands over each Monday at 09:00."""
    layer = {
        "key": key,
        "name": "Weekly",
        "windows": [{"type": "always"}],
        "turns": {
            "type": "by_time",
            "anchor": "2026-03-02T09:00:00",
            "length": 604_800,
            "unit": "seconds",
            "clock": "wall",
        },
        "participants": list(participants),
        "zone": None,
        "starts_at": None,
        "ends_at": None,
    }
    return {"format": 1, "layers": [layer]}


def one_level(*targets: tuple[str, str]) -> dict[str, Any]:
    level = {
        "wait": 5,
        "distribution": "everyone",
        "targets": [{"kind": kind, "key": key} for kind, key in targets],
    }
    return {"format": 1, "levels": [level]}


#: Elements of a responder who can be reached.
REACHABLE = {"contact_methods": {"local:+": {"channel": "email", "address": "person@example.com"}}}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "responder": {"name": "Ana Kowalski", "email": "ana@example.com", "time_zone": "Europe/Berlin"},
    "user_group": {"name": "Payments"},
    "schedule": {"name": "Payments primary", "time_zone": "Europe/Berlin"},
    "escalation_policy": {"name": "Payments"},
    "service": {"name": "Checkout"},
}


@pytest.fixture
def tester() -> "Actor":
    from oncall.operations import Actor

    return Actor(None, "test")


@pytest.fixture
def make(db: None, tester: "Actor") -> MakeRow:
    """``make(kind, elements={collection: {key: values}}, **fields)`` creates a row and gives its primary key."""
    from oncall.operations import write

    def make_row(kind: Kind, elements: Mapping[str, Mapping[str, Any]] | None = None, **fields: Any) -> int:
        changes = {name: ElementChanges(put=put) for name, put in (elements or {}).items()}
        draft = Draft({**DEFAULTS[kind], **fields}, changes)
        return write(kind, [draft], by=tester)[0].id

    return make_row


@pytest.fixture(name="weekly_layers")
def _weekly_layers() -> Callable[..., dict[str, Any]]:
    return weekly_layers


@pytest.fixture(name="one_level")
def _one_level() -> Callable[..., dict[str, Any]]:
    return one_level

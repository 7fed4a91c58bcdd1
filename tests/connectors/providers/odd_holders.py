"""Odd holders in a simulated account of Opsgenie or JSM Operations, whose simulators share a model."""

from collections.abc import Callable
from typing import Any

from connectors.base import Connector
from connectors.reading.texts import short_key
from connectors.records import Snapshot
from connectors.simulator.atlassian.model import Override, Restriction, Team
from tests.connectors.conformance.entries import NOW
from tests.connectors.providers.comparing import differing

DAY = 86_400
Read = Callable[[Any], Snapshot]


def odd_holders_aliases_and_restrictions(simulator: Any, read: Read, connector: Callable[[Any], Connector]) -> None:
    """Our rendering equals the simulator's, and every odd value has a note."""
    state = simulator.state
    schedule = next(one for one in state.sorted_schedules() if one.enabled and len(one.rotations[0].participants) > 1)
    rotation, (user, *_) = schedule.rotations[0], state.present_users()
    with state.editing():
        rotation.participants[1:1] = [("group", "First responders")]
        rotation.restriction = Restriction([])
        overrides = schedule.overrides
        overrides.append(Override("Swap with Bo", NOW + DAY, NOW + DAY + 3600, ("user", user.id)))
        overrides.append(Override("x" * 400, NOW + 2 * DAY, NOW + 2 * DAY + 3600, ("group", "First responders")))
        state.teams["a team"] = Team("a team", "  ")
    snapshot = read(simulator)
    assert snapshot.failed == ()
    assert {(team.external_id, team.name) for team in snapshot.teams} >= {("a team", "a team")}
    codes = [note.code for note in snapshot.notes if note.external_id == schedule.id]
    assert codes.count("unknown_holder") == 2
    assert "empty_restriction" in codes
    (found,) = [one for one in snapshot.schedules if one.external_id == schedule.id]
    assert {"Swap with Bo", short_key("x" * 400)} <= {one.key for one in found.overrides or ()}
    theirs = connector(simulator).rendered({found.external_id: ()}, NOW, NOW + 30 * DAY)
    assert differing([found], snapshot.users, theirs, NOW, NOW + 30 * DAY) == []
    assert "unknown:group:First responders" in {
        str(who) for span in theirs[found.external_id] for who in span.participants
    }


def holder_without_an_id(simulator: Any, read: Read) -> None:
    """The holder keeps the place in the order, and nothing counts as unread."""
    state = simulator.state
    schedule = next(one for one in state.sorted_schedules() if one.enabled and len(one.rotations[0].participants) > 1)
    with state.editing():
        schedule.rotations[0].participants[1:1] = [("user", "")]
    snapshot = read(simulator)
    (found,) = [one for one in snapshot.schedules if one.external_id == schedule.id]
    (layer,) = [one for one in found.layers if one.key == schedule.rotations[0].id]
    assert [str(who) for who in layer.participants][1] == "unknown:user:1"
    assert (snapshot.failed, found.unread) == ((), {})

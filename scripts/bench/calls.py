"""H: the calls of a read of PagerDuty, compared with the fewest calls that its API allows for the imported data.

The simulated vendor answers in this process, without a socket. No time is measured. The fewest calls are computed here
from the account alone: pages of 100 objects (vendor docs, "Pagination"), members team by team, layers zone by zone or
schedule by schedule, overrides where there are any; of teams and people the first pages, and the others one by one.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from connectors.base import Rim
from connectors.closure import Selection
from connectors.network.exchange import Request, Response
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.redaction import Secret
from connectors.simulator import exchange as simulated
from connectors.simulator.pagerduty import DEMO_KEY, Simulator, State, build_world
from connectors.simulator.pagerduty.model import Override
from connectors.simulator.server import Server
from scripts.bench.accounts import FETCHED_AT
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target
from scripts.bench.schedules import DAY, HOUR

H1 = Target("H1", "PagerDuty, everything: calls against the fewest possible", "x", 1.05, 1.0)
H2 = Target("H2", "PagerDuty, 5 schedules: calls against the fewest possible", "x", 1.2, 1.0)
PAGE = 100
SELECTED = 5


def measure(effort: Effort) -> Iterator[Figure]:
    state = world(effort.objects)
    fewest = fewest_for_everything(state)
    calls = calls_of(state, Selection())
    yield Figure(H1, calls / fewest, detail=f"{calls} calls; {fewest} needed")
    if not effort.quick:
        chosen = [schedule.id for schedule in state.layer_schedules()][:SELECTED]
        fewest = fewest_for_schedules(state, chosen)
        calls = calls_of(state, Selection(everything=False, chosen=frozenset(("schedule", id_) for id_ in chosen)))
        yield Figure(H2, calls / fewest, detail=f"{calls} calls; {fewest} needed")


def world(objects: int) -> State:
    """Return a simulated account of about this number of objects. Every fifth schedule has an override."""
    state = build_world(FETCHED_AT, objects)
    for number, schedule in enumerate(state.layer_schedules()):
        if number % 5 == 0:
            start = FETCHED_AT + number % 60 * DAY
            schedule.overrides.append(Override(f"O{number}", start, start + 8 * HOUR, schedule.layers[0].users[0]))
    return state


class InProcess:
    """A transport that calls the simulator directly."""

    def __init__(self, simulator: Server) -> None:
        self._vendor = simulator.vendor

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        query = parse_qs(urlencode(request.query), keep_blank_values=True)
        lower = {name.lower(): value for name, value in headers.items()}
        sent = b"" if request.body is None else json.dumps(request.body).encode()
        answer = self._vendor.answer(simulated.Request(request.method, request.path, query, lower, body=sent))
        body = b"" if answer.payload is None else json.dumps(answer.payload).encode()
        kind = {"content-type": answer.content_type}
        return Response(answer.status, {**kind, **{k.lower(): v for k, v in answer.headers.items()}}, body)


def calls_of(state: State, selection: Selection) -> int:
    """Read the account. Raises AssertionError when a part of it could not be read."""
    transport = InProcess(Simulator(state, now=lambda: FETCHED_AT))
    rim: Any = Rim(transport, now=lambda: float(FETCHED_AT), sleep=lambda seconds: None)
    settings = PagerDuty.clean({"subdomain": "acme", "region": "us", "auth": "token"})
    snapshot = PagerDuty(settings, {"api_key": Secret(DEMO_KEY)}, rim).fetch(selection, contact_details=True)
    if snapshot.failed or not snapshot.schedules:
        raise AssertionError(f"The simulated account must be readable: {snapshot.failed[:3]}")
    return snapshot.calls


def _pages(objects: int) -> int:
    return max(1, math.ceil(objects / PAGE))


def fewest_for_everything(state: State) -> int:
    """Return the fewest calls of a full read: six lists, members, layers and overrides.

    The list of shift-based schedules is one call, because there are none.
    """
    schedules = state.layer_schedules()
    listings = (state.users, state.teams, schedules, state.policies, state.services)
    zones = Counter(schedule.time_zone for schedule in schedules)
    layers = sum(min(count, _pages(len(schedules))) for count in zones.values())
    members = sum(_pages(len(team.members)) for team in state.teams.values())
    overrides = sum(1 for schedule in schedules if schedule.overrides)
    return sum(map(_pages, map(len, listings))) + 1 + layers + members + overrides


def fewest_for_schedules(state: State, chosen: Collection[str]) -> int:
    """Return the fewest calls for some schedules, their overrides, teams, members and people."""
    schedules = [each for each in state.layer_schedules() if each.id in chosen]
    teams = {team for schedule in schedules for team in schedule.team_ids}
    people = {user for schedule in schedules for layer in schedule.layers for user in layer.users}
    people |= {user for team in teams for user, _ in state.teams[team].members}
    listed = [each.id for each in state.layer_schedules()]
    zones: dict[str, set[str]] = {}
    for schedule in schedules:
        zones.setdefault(schedule.time_zone, set()).add(schedule.id)
    layers = sum(_fewest(wanted, listed) for wanted in zones.values())
    overrides = sum(1 for schedule in schedules if schedule.overrides)
    members = sum(_pages(len(state.teams[team].members)) for team in teams)
    return layers + overrides + members + _fewest(teams, state.teams) + _fewest(people, state.users)


def _fewest(wanted: Collection[str], listed: Iterable[str]) -> int:
    """Return the fewest calls: some pages of the list, and one call for each object that is not on them."""
    ids = list(listed)
    return min(pages + len(set(wanted) - set(ids[: pages * PAGE])) for pages in range(_pages(len(ids)) + 1))

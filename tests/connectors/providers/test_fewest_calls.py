"""Calls of whole and of selective reads, against the fewest the APIs allow; the judge here: simulator.

The fewest are worked out from the account's data and from what the vendors document, not from how we read.
"""

import math
from collections.abc import Collection
from functools import partial
from typing import Any

import pytest

from connectors.base import Rim
from connectors.closure import Selection
from connectors.providers.jsm.connector import JsmOperations
from connectors.providers.opsgenie.connector import Opsgenie
from connectors.redaction import Secret
from connectors.simulator import jsm, opsgenie
from scripts.bench.calls import InProcess
from tests.connectors.providers.reaching import Reach, chosen_team, everything, reached

NOW = 1_772_323_200
SIZE = 2_680  # 2,000 people, 80 teams, 200 each of schedules, escalations and services
KINDS = {"schedule": "schedule", "escalation": "escalation_policy", "service": "service", "team": "user_group"}


def sized(count: int, page: int) -> int:
    """Pages of a list; an empty one takes a call to say so."""
    return max(1, math.ceil(count / page))


def fewest_opsgenie(state: Any, reach: Reach, *, contacts: bool) -> int:
    """Vendor docs: pages of 100 people or services, every other list whole in one answer. A team's members, a team's
    routing, a schedule's overrides and a person's contacts have calls of their own."""
    people = len(state.users) if reach.everything else len(reach.users)
    calls = 1 + 1  # account, forwarding rules
    calls += 1 if reach.everything or reach.whole or reach.schedules else 0
    calls += 1 if reach.everything or reach.whole or reach.escalations else 0
    calls += len(reach.teams) + (1 if reach.everything else 0)  # each answer is complete; the list shows which exist
    calls += len(reach.routed) + len(reach.schedules)
    if reach.everything or reach.whole:
        calls += sized(len(state.services), 100)
    elif reach.services:  # read from the start on, as far as the last of them
        names = sorted(one.name.casefold() for one in state.services.values())
        calls += max(names.index(state.services[id_].name.casefold()) for id_ in reach.services) // 100 + 1
    if reach.everything:
        return calls + sized(people, 100) + (people if contacts else 0)
    return calls + (people if contacts else min(people, sized(len(state.users), 100)))


def fewest_jsm(state: Any, reach: Reach, chosen: Collection[str] = ()) -> int:
    """Pages of 50, as in the vendor's examples; escalations are listed by team only; the list of teams is one answer.
    Accounts are requested by id, as many as an address of 8,000 characters takes (RFC 9110, 4.1).

    chosen: escalations that were chosen themselves.
    """
    ids_at_once = 8_000 // len("&accountId=712020%3A01234567-0123-0123-0123-0123456789ab")
    calls = 1 + sized(len(state.forwardings), 50)  # the site
    calls += 1 if reach.teams or reach.everything else 0
    calls += sum(sized(len(state.teams[id_].members), 50) for id_ in reach.teams)
    calls += sum(sized(len(state.teams[id_].routing_rules), 50) for id_ in reach.routed)
    all_of_them = sized(len(state.schedules), 50)
    calls += all_of_them if reach.everything or reach.whole else min(len(reach.schedules), all_of_them)
    calls += sum(sized(len(state.schedules[id_].overrides), 50) for id_ in reach.schedules)
    requested = {state.escalations[id_].team_id for id_ in reach.escalations}
    # The team of a chosen escalation is unknown: the teams are read in the order of their list until all are found.
    order = [team.id for team in state.sorted_teams()]
    searched = max((order.index(state.escalations[id_].team_id) + 1 for id_ in chosen), default=0)
    calls += len(state.teams) if reach.everything else len(requested | set(order[:searched]))
    return calls + math.ceil(len(reach.users) / ids_at_once)


def rim(server: Any) -> Rim:
    return Rim(InProcess(server), now=lambda: float(NOW), sleep=lambda seconds: None)


def read_opsgenie(state: Any, selection: Selection, *, contacts: bool) -> Any:
    server = opsgenie.Simulator(state, now=lambda: float(NOW))
    secrets = {"api_key": Secret(opsgenie.DEMO_KEY)}
    return Opsgenie(Opsgenie.clean({}), secrets, rim(server)).fetch(selection, contact_details=contacts)


def read_jsm(state: Any, selection: Selection) -> Any:
    server = jsm.Simulator(state, now=lambda: float(NOW))
    secrets = {name: Secret(text) for name, text in jsm.DEMO_CREDENTIALS.items()}
    settings = JsmOperations.clean(jsm.DEMO_SETTINGS)
    return JsmOperations(settings, secrets, rim(server)).fetch(selection, contact_details=False)


def some(state: Any, kind: str, count: int) -> tuple[Selection, Reach]:
    """``count`` objects of one kind, spread over the account."""
    shelf = {"schedule": state.schedules, "escalation": state.escalations}.get(kind, state.services)
    ids = list(shelf)[:: max(1, len(shelf) // count)][:count]
    selection = Selection(False, frozenset((KINDS[kind], id_) for id_ in ids))  # type: ignore[misc]
    return selection, reached(state, [(kind, id_) for id_ in ids])


def one_team(state: Any) -> tuple[Selection, Reach]:
    team_id = list(state.teams)[7]
    return Selection(False, frozenset({("user_group", team_id)})), chosen_team(state, team_id)


def same_objects(snapshot: Any, reach: Reach) -> None:
    """The formula counts what was imported, nothing else."""
    assert snapshot.failed == ()
    assert {one.external_id for one in snapshot.schedules} == reach.schedules
    assert {one.external_id for one in snapshot.teams} == reach.teams
    assert {one.external_id for one in snapshot.policies} == reach.escalations | reach.routed
    if not reach.everything:
        assert {one.external_id for one in snapshot.users} == reach.users


CHOICES = [
    ("schedule", 1), ("schedule", 2), ("schedule", 5), ("schedule", 20), ("schedule", 100), ("schedule", 200),
    ("escalation", 1), ("escalation", 5), ("escalation", 50), ("service", 1), ("service", 5), ("service", 200),
    ("team", 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def genie() -> Any:
    return opsgenie.build_world(NOW, SIZE)


@pytest.fixture(scope="module")
def site() -> Any:
    return jsm.build_world(NOW, SIZE)


@pytest.mark.parametrize("contacts", [False, True])
def test_all_of_opsgenie_in_the_fewest_calls(genie: Any, contacts: bool) -> None:
    snapshot = read_opsgenie(genie, Selection(), contacts=contacts)
    same_objects(snapshot, everything(genie))
    assert snapshot.calls == fewest_opsgenie(genie, everything(genie), contacts=contacts)


@pytest.mark.parametrize("contacts", [False, True])
@pytest.mark.parametrize(("kind", "count"), CHOICES)
def test_some_of_opsgenie_in_the_fewest_calls(genie: Any, kind: str, count: int, contacts: bool) -> None:
    selection, reach = one_team(genie) if kind == "team" else some(genie, kind, count)
    snapshot = read_opsgenie(genie, selection, contacts=contacts)
    same_objects(snapshot, reach)
    assert snapshot.calls == fewest_opsgenie(genie, reach, contacts=contacts)


def test_all_of_jsm_in_the_fewest_calls(site: Any) -> None:
    snapshot = read_jsm(site, Selection())
    same_objects(snapshot, everything(site))
    assert snapshot.calls <= 1.05 * fewest_jsm(site, everything(site))


@pytest.mark.parametrize(("kind", "count"), [one for one in CHOICES if one[0] != "service"])
def test_some_of_jsm_in_the_fewest_calls(site: Any, kind: str, count: int) -> None:
    selection, reach = one_team(site) if kind == "team" else some(site, kind, count)
    snapshot = read_jsm(site, selection)
    same_objects(snapshot, reach)
    chosen = {id_ for found, id_ in selection.chosen if found == "escalation_policy"}
    assert snapshot.calls <= 1.05 * fewest_jsm(site, reach, chosen)


@pytest.mark.parametrize("kind", ["schedule", "escalation", "service"])
def test_each_object_of_the_demo_accounts_comes_with_what_it_reaches(kind: str) -> None:
    """Teams in turns, routing that leads on, forwarding, hidden and deleted people: what the large accounts lack."""
    genie, site = opsgenie.build_world(NOW), jsm.build_world(NOW)
    for state, read in ((genie, partial(read_opsgenie, genie, contacts=True)), (site, partial(read_jsm, site))):
        shelf = {"schedule": state.schedules, "escalation": state.escalations}.get(kind, state.services)
        for id_ in shelf if state is genie or kind != "service" else ():
            reach = reached(state, [(kind, id_)])
            snapshot = read(Selection(False, frozenset({(KINDS[kind], id_)})))  # type: ignore[arg-type]
            assert {one.external_id for one in snapshot.schedules} == reach.schedules
            assert {one.external_id for one in snapshot.teams} == reach.teams
            assert {one.external_id for one in snapshot.users} == reach.users

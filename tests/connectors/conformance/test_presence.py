"""Presence by proof: whatever goes wrong on the way, no object of the source counts as left out or gone."""

import random
from collections.abc import Iterator
from typing import Final

import pytest

from connectors.closure import Selection
from connectors.errors import ConnectorError
from connectors.network.exchange import Transport
from connectors.presence import Presences, State
from connectors.records import ENTITY_TYPES, EntityKey, EntityType, Snapshot
from connectors.simulator.server import Server
from tests.connectors.conformance.direct import FAULTS, Direct, Faulty
from tests.connectors.conformance.entries import Endpoint, Provider
from tests.connectors.conformance.scenes import Changed, SmallPages, connector, refuse

#: What may be said of an object that was read before, by fault. An empty list is an answer, and so is a 404 by id.
ALLOWED: Final[dict[str, set[State]]] = {
    "404": {"listed", "not_reached", "unreadable", "not_found"},
    "empty": {"listed", "not_reached", "unreadable", "not_found", "absent", "not_chosen"},
}
_OTHERWISE: Final[set[State]] = {"listed", "not_reached", "unreadable"}
#: Cases of a sample; a thorough run takes them all.
SAMPLE: Final = 60


def read(provider: Provider, transport: Transport, selection: Selection) -> Snapshot:
    return connector(provider, transport).fetch(selection, contact_details=True)


def selections(whole: Snapshot) -> Iterator[tuple[str, Selection]]:
    """Everything, and one object of each kind that can be chosen and leads somewhere."""
    yield "everything", Selection()
    for kind in ("service", "user_group", "schedule", "escalation_policy"):
        found = whole.records(kind)  # type: ignore[arg-type]
        if found:
            chosen = found[len(found) // 2].external_id
            yield kind, Selection(everything=False, chosen=frozenset({(kind, chosen)}))  # type: ignore[arg-type]


def _none_here(provider: Provider, endpoint: Endpoint) -> set[State]:
    """A list whose refusal means that the account has no such objects."""
    return {"absent" for listing in provider.listings if listing.path == endpoint.path and listing.without}


@pytest.mark.slow
def test_a_fault_on_the_way_leaves_nothing_out(provider: Provider, thorough: bool, pytestconfig: pytest.Config) -> None:
    server: Server = provider.simulator(size=40)
    whole = read(provider, Direct(server), Selection())
    ways = {name: (selection, read(provider, Direct(server), selection)) for name, selection in selections(whole)}
    cases = [(endpoint, fault, name) for endpoint in provider.endpoints for fault in FAULTS for name in ways]
    if not thorough:
        cases = random.Random(pytestconfig.getoption("randomly_seed", 0)).sample(cases, min(SAMPLE, len(cases)))
    wrong: list[str] = []
    struck = 0
    for endpoint, fault, name in cases:
        selection, good = ways[name]
        faulty = Faulty(Direct(server), provider, endpoint, fault)
        try:
            snapshot = read(provider, faulty, selection)
        except ConnectorError:
            continue  # nothing was read, so nothing is concluded
        struck += bool(faulty.hits)
        presences = Presences(snapshot)
        for kind in ENTITY_TYPES:
            for record in good.records(kind):
                presence = presences.of(kind, record.external_id)
                allowed = ALLOWED.get(fault, _OTHERWISE) | _none_here(provider, endpoint)
                if presence.state not in allowed and getattr(record, "listed", True):
                    wrong.append(f"{endpoint.path} {fault} {name}: {kind} {record.external_id} is {presence}")
    print(f"{provider}: {len(cases)} cases of presence, {struck} with a spoiled answer")  # noqa: T201 - shown by -s
    assert struck > len(cases) // 10  # of a sample, xMatters has few that are read at all
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def test_a_list_of_a_read_without_a_fault_is_incomplete_by_design_only(provider: Provider) -> None:
    server: Server = provider.simulator(size=40)
    whole = read(provider, Direct(server), Selection())
    pages = SmallPages(Direct(server), provider.page_size, lambda request: 1)
    for name, selection in selections(whole):
        snapshot = read(provider, pages, selection)
        lists = {kind: state for kind, state in snapshot.completeness.items() if not state.listing}
        assert all(state.by_design and state.reason for state in lists.values()), (name, lists)


#: The objects that a provider may request by their id, with the end of the endpoint's path.
BY_ID: Final[dict[str, tuple[tuple[EntityType, str], ...]]] = {
    "pagerduty": (("responder", "/users/{id}"),),
    "opsgenie": (("responder", "/v2/users/{id}"), ("user_group", "/v2/teams/{id}")),
    "jsm": (("responder", "/rest/api/3/user"), ("schedule", "/v1/schedules/{id}")),
    "xmatters": (("responder", "/people/{id}"),),
}


def test_an_object_that_the_source_does_not_know_by_its_id_is_not_found(provider: Provider) -> None:
    server: Server = provider.simulator(size=40)
    whole = read(provider, Direct(server), Selection())
    refuse(provider, server)
    for kind, path in BY_ID[str(provider)]:
        (endpoint,) = (each for each in provider.endpoints if each.path.endswith(path) and each.method == "GET")
        found: set[EntityKey] = set()
        for _, selection in selections(whole):
            faulty = Faulty(Direct(server), provider, endpoint, "404")
            thrifty = Changed(faulty, provider, lambda each, body: provider.thrifty(each.path, body))
            snapshot = read(provider, SmallPages(thrifty, provider.page_size, lambda request: 1), selection)
            found |= {key for key in snapshot.not_found if key[0] == kind}
            assert {Presences(snapshot).of(*key).state for key in snapshot.not_found} <= {"listed", "not_found"}
        assert found, path

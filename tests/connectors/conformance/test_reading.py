"""Lists that come in pages, late, in halves or not at all; the order in which things come."""

import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from connectors.network.exchange import Request
from connectors.recordings.recording import ReplayTransport
from connectors.recordings.replay import document as replayed
from connectors.records import ENTITY_TYPES, Snapshot
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import NOW, Endpoint, Listing, Provider
from tests.connectors.conformance.scenes import Acme, Changed, SmallPages, Watch, live, read, records
from tests.connectors.conformance.table import PROVIDERS


def listings(*, paged: bool) -> list[Any]:
    return [
        pytest.param(one, each, id=f"{one}-{each.path}")
        for one in PROVIDERS
        for each in one.listings
        if paged is not bool(each.whole)
    ]


def unworried(snapshot: Snapshot) -> Snapshot:
    """Without what a read may differ in from another one of the same: the number of calls."""
    return replace(snapshot, calls=0)


def count(provider: Provider, server: Server, listing: Listing) -> int:
    """Return how often a list was requested. For a list that exists per object, return the highest number."""
    requested = Counter((method, path) for method, path, *_ in server.requests)
    times = (number for one, number in requested.items() if provider.listing(*one) is listing)
    return max(times, default=0)


def small_pages(provider: Provider, server: Server) -> SmallPages:
    """Every list in three pages or more."""

    def size(request: Request) -> int:
        listing = provider.listing(request.method, request.path)
        return 100 if listing is None else 20 if listing.kind == "responder" else 1

    return SmallPages(live(provider, server), provider.page_size, size)


@pytest.mark.parametrize(("provider", "listing"), listings(paged=True))
def test_a_list_of_three_pages_is_read_to_its_end(
    provider: Provider, listing: Listing, small: Server, whole: Snapshot
) -> None:
    paged = read(provider, small_pages(provider, small))
    assert count(provider, small, listing) >= 3
    assert unworried(paged) == unworried(whole)


@pytest.mark.parametrize(("provider", "listing"), listings(paged=False))
def test_a_list_that_is_declared_whole_is_requested_once(provider: Provider, listing: Listing, small: Server) -> None:
    read(provider, small_pages(provider, small))
    assert count(provider, small, listing) == 1


def test_a_throttled_read_waits_for_the_reported_time(provider: Provider, small: Server, whole: Snapshot) -> None:
    for headers, seconds in (provider.throttled, 7.0), ({**provider.throttled, "Retry-After": "50"}, 50.0):
        for listing in provider.listings:
            small.faults.add(listing.everywhere, "status", status=429, headers=headers)
        slept: list[float] = []
        assert unworried(read(provider, live(provider, small), sleep=slept.append)) == unworried(whole)
        assert slept == [seconds] * len(provider.listings)


def test_a_read_that_stumbles_gives_the_same(provider: Provider, small: Server, whole: Snapshot) -> None:
    for listing in provider.listings:
        small.faults.add(listing.everywhere, "empty")
        small.faults.add(listing.everywhere, "status", status=503, body="html", count=2)
        small.faults.add(listing.everywhere, "cut")
    slept: list[float] = []
    stumbled = read(provider, live(provider, small), sleep=slept.append)
    assert unworried(stumbled) == unworried(whole)
    assert stumbled.calls == whole.calls + len(slept)
    assert len(slept) == 4 * len(provider.listings)


def test_an_empty_account_is_complete_and_has_nothing(provider: Provider) -> None:
    with provider.simulator(size=20) as server:
        provider.empty(server.state)
        snapshot = read(provider, live(provider, server))
    assert records(snapshot) == {kind: {} for kind in ENTITY_TYPES}
    assert snapshot.failed == ()
    complete = {kind for kind, reported in snapshot.completeness.items() if reported.listing}
    assert complete == provider.listed
    assert all(reported.reason for kind, reported in snapshot.completeness.items() if kind not in complete)


@pytest.mark.parametrize(("provider", "listing"), listings(paged=True))
def test_a_list_that_stops_in_the_middle_is_incomplete(
    provider: Provider, listing: Listing, small: Server, whole: Snapshot
) -> None:
    small.faults.add(listing.everywhere, "status", status=500, after=1, count=None)
    # Of lists that there are for each of something, the first one is read to its end.
    one_by_one = "{id}" in listing.path
    stopped = read(provider, live(provider, small) if one_by_one else small_pages(provider, small))
    assert_incomplete(stopped, whole, listing)
    ids = records(whole)[listing.kind].keys()
    assert set() < records(stopped)[listing.kind].keys() <= ids


@pytest.mark.parametrize("fault", ["truncated", "html", "mistyped", "empty", "loop"])
@pytest.mark.parametrize(("provider", "listing"), [*listings(paged=False), *listings(paged=True)])
def test_a_list_that_goes_wrong_is_incomplete(
    provider: Provider, listing: Listing, fault: Any, small: Server, whole: Snapshot
) -> None:
    if fault == "loop" and listing.whole:
        pytest.skip(f"There is no next page: {listing.whole}")
    small.faults.add(listing.everywhere, fault, count=None)
    assert_incomplete(read(provider, live(provider, small)), whole, listing)


def assert_incomplete(halved: Snapshot, whole: Snapshot, listing: Listing) -> None:
    """It says so of its own kind and of what is found through it, names the list, and everything else is there."""
    assert listing.names(halved.failed)
    for kind in ENTITY_TYPES:
        if kind == listing.kind or kind in listing.carries:
            assert not halved.completeness[kind].listing
        else:
            assert halved.completeness[kind] == whole.completeness[kind]
            assert bool(halved.records(kind)) == bool(whole.records(kind))


def test_the_order_of_lists_means_nothing(provider: Provider, rich: Acme) -> None:
    paths = {listing.path for listing in provider.listings}
    chance = random.Random(7)

    def shuffled(endpoint: Endpoint, body: Any) -> None:
        if endpoint.path in paths:
            chance.shuffle(body[endpoint.key])

    other = read(provider, Changed(ReplayTransport(rich.recording), provider, shuffled))
    assert records(other) == records(rich.snapshot)
    assert set(other.notes) == set(rich.snapshot.notes)
    assert (other.completeness, other.rendered) == (rich.snapshot.completeness, rich.snapshot.rendered)


def test_a_second_read_is_equal(provider: Provider, small: Server, whole: Snapshot) -> None:
    assert read(provider, live(provider, small)) == whole


def test_a_replay_gives_the_document_of_the_read(provider: Provider, rich: Acme) -> None:
    transport = ReplayTransport(rich.recording)
    again = read(provider, Watch(transport))
    assert transport.unmatched_requests == []
    assert again == rich.snapshot
    week = NOW, NOW + 14 * 86_400
    assert json.dumps(replayed(again, *week)) == json.dumps(replayed(rich.snapshot, *week))

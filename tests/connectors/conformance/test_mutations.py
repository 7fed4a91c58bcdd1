"""For any input, a read returns records or raises an error that says what to do."""

import json
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from connectors.base import Connector
from connectors.closure import Selection
from connectors.errors import ConnectorError
from connectors.network.exchange import Request, Response
from connectors.recordings.recording import Recording, ReplayTransport
from connectors.recordings.replay import document
from connectors.records import Snapshot
from tests.connectors.conformance.entries import NOW, Endpoint, Provider
from tests.connectors.conformance.mutator import mutated
from tests.connectors.conformance.scenes import DAY, WEEK, Acme, connector

#: Spoiled answers per endpoint in a thorough search and in a sample of it; how many of them in every way of reading, if
#: that many reads fetch the endpoint.
EACH, SAMPLE, EACH_WAY, READS_EACH_WAY = 1_000, 100, 50, 150
#: So many reads in a row without a spoiled answer: there is nothing left to do.
IDLE = 20


def ways(provider: Provider, rich: Acme) -> tuple[Callable[[Connector], object], ...]:
    """Return all calls of a connector. The calls that use most of the answers come first."""
    schedules = {one.external_id: one.group_ids for one in rich.snapshot.schedules}
    kind = provider.kinds[-1]
    chosen = frozenset((kind, one.external_id) for one in rich.snapshot.records(kind))
    return (
        lambda reader: reader.fetch(Selection(), contact_details=True),
        lambda reader: reader.rendered(schedules, NOW, NOW + WEEK),
        lambda reader: reader.fetch(Selection(everything=False, chosen=chosen), contact_details=True),
        lambda reader: reader.probe(),
        lambda reader: reader.inventory(),
    )


@dataclass
class Spoiler:
    """Answers from recordings, and spoils answers until each endpoint has had enough. spoiled: paths of those of the
    present read. Most of the time would go into looking up and writing again what stays as it is: every answer is
    looked up once, and goes through as the bytes it is."""

    provider: Provider
    recordings: Sequence[Recording]
    each: int
    changed: Counter[Endpoint] = field(default_factory=Counter)
    this_way: Counter[Endpoint] = field(default_factory=Counter)
    spoiled: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)
    present: int = 0
    late: bool = False
    known: dict[tuple[int, str], tuple[Response, Endpoint | None]] = field(default_factory=dict)

    def begin(self, seed: str, read: int) -> None:
        """The next read: from the recording where more is left to be spoiled, at first from each in turn."""
        left = [0] * len(self.recordings)
        for number, endpoint in {(number, endpoint) for (number, _), (_, endpoint) in self.known.items()}:
            left[number] += 0 if endpoint is None else max(self.each - self.changed[endpoint], 0)
        turn = read % len(left)
        self.present = turn if read < IDLE or not any(left) else left.index(max(left))
        self.chance, self.spoiled, self.late = random.Random(seed), [], read > READS_EACH_WAY

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        response, endpoint = self._recorded(request, deadline)
        if endpoint is None or not self._spoils(endpoint):
            return response
        self.changed[endpoint] += 1
        self.this_way[endpoint] += 1
        self.spoiled.append(request.path)
        return replace(response, body=json.dumps(mutated(json.loads(response.body), self.chance)).encode())

    def _recorded(self, request: Request, deadline: float) -> tuple[Response, Endpoint | None]:
        """The answer, and the endpoint of one that can be spoiled. A question that spoiled answers led to is answered
        as another one at the same address was."""
        key = self.present, f"{request.method} {request.host} {request.target} {request.body}"
        if key not in self.known:
            recording = self.recordings[self.present]
            response = ReplayTransport(recording).exchange(request, headers={}, deadline=deadline)
            others = (one for one in recording.exchanges if (one.method, one.path) == (request.method, request.path))
            if response.status == 404 and (other := next(others, None)) is not None:
                response = Response(other.status, other.headers, other.body)
            good = 200 <= response.status < 300
            self.known[key] = response, self.provider.endpoint(request.method, request.path) if good else None
        return self.known[key]

    def _spoils(self, endpoint: Endpoint) -> bool:
        # Some lists are not changed. Otherwise hardly anything would be read one by one.
        enough = self.changed[endpoint] >= self.each and (self.late or self.this_way[endpoint] >= EACH_WAY)
        return not enough and self.chance.random() >= 0.08


def unexpected(provider: Provider, rich: Acme, spoiler: Spoiler, seed: str) -> Iterator[str]:
    """Reads again and again, each time with other answers spoiled, and yields what should not have happened."""
    for number, way in enumerate(ways(provider, rich)):
        spoiler.this_way.clear()
        read, idle = 0, 0
        while idle < IDLE:
            read += 1
            spoiler.begin(f"{seed}{provider} {number} {read}", read)
            try:
                got = way(connector(provider, spoiler))
                if isinstance(got, Snapshot):
                    document(got, NOW, NOW + DAY)
            except ConnectorError as error:
                if not (error.message and error.hint):
                    yield f"{number}, read {read}, {spoiler.spoiled}: {error!r} does not say what to do"
            except Exception:  # noqa: BLE001 - what this test is for
                yield f"{number}, read {read}, {spoiler.spoiled}: {traceback.format_exc(limit=-4)}"
            idle = 0 if spoiler.spoiled else idle + 1


@pytest.mark.slow
def test_no_answer_ends_in_an_unhandled_error(
    provider: Provider, rich: Acme, thorough: bool, pytestconfig: pytest.Config
) -> None:
    """A sample takes other answers with every seed of pytest-randomly, which prints the seed."""
    spoiler = Spoiler(provider, (rich.thrifty, rich.small), EACH if thorough else SAMPLE)
    seed = "" if thorough else f"{pytestconfig.getoption('randomly_seed', 0)} "
    wrong = list(unexpected(provider, rich, spoiler, seed))
    assert not wrong, f"{len(wrong)} times:\n" + "\n".join(wrong[:5])
    assert [one.path for one in provider.endpoints if spoiler.changed[one] < spoiler.each] == []

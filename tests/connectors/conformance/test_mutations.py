"""Whatever a vendor sends, a read ends in records or in an error that tells a person what to do."""

import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.base import Connector
from connectors.closure import Selection
from connectors.errors import ConnectorError
from connectors.recording import ReplayTransport
from connectors.records import Snapshot
from connectors.replay import document
from tests.connectors.conformance.entries import NOW, Provider
from tests.connectors.conformance.mutator import mutated
from tests.connectors.conformance.scenes import DAY, WEEK, Acme, Changed, connector

#: Spoiled answers per endpoint, and at least so many of each in every way of asking.
EACH, EACH_WAY = 1_000, 50
#: So many reads in a row without a spoiled answer: there is nothing left to do.
IDLE = 20


def ways(rich: Acme) -> tuple[Callable[[Connector], object], ...]:
    """All that is asked of a connector."""
    schedules = [one.external_id for one in rich.snapshot.schedules]
    services = frozenset(("service", one.external_id) for one in rich.snapshot.services)
    return (
        lambda reader: reader.fetch(Selection(), contact_details=True),
        lambda reader: reader.fetch(Selection(everything=False, chosen=services), contact_details=True),
        lambda reader: reader.rendered(schedules, NOW, NOW + WEEK),
        lambda reader: reader.probe(),
        lambda reader: reader.inventory(),
    )


@dataclass
class Spoiler:
    """Spoils answers until each endpoint has had enough. spoiled: paths of the answers spoiled in the present read."""

    changed: Counter[str] = field(default_factory=Counter)
    this_way: Counter[str] = field(default_factory=Counter)
    spoiled: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)

    def __call__(self, path: str, body: Any) -> Any:
        # Some lists stay whole, or hardly anything would be asked for one by one.
        enough = self.changed[path] >= EACH and self.this_way[path] >= EACH_WAY
        if enough or self.chance.random() < 0.15:
            return body
        self.changed[path] += 1
        self.this_way[path] += 1
        self.spoiled.append(path)
        return mutated(body, self.chance)


def unexpected(provider: Provider, rich: Acme, spoiler: Spoiler) -> Iterator[str]:
    """Reads again and again, each time with other answers spoiled, and tells what should not have happened."""
    for number, way in enumerate(ways(rich)):
        spoiler.this_way.clear()
        read, idle = 0, 0
        while idle < IDLE:
            read += 1
            spoiler.chance, spoiler.spoiled = random.Random(f"{provider} {number} {read}"), []
            behind = ReplayTransport(rich.thrifty if read % 3 else rich.small)
            try:
                got = way(connector(provider, Changed(behind, provider, spoiler)))
                if isinstance(got, Snapshot):
                    document(got, NOW, NOW + DAY)
            except ConnectorError as error:
                if not (error.message and error.hint):
                    yield f"{number}, read {read}, {spoiler.spoiled}: {error!r} tells nobody what to do"
            except Exception:  # noqa: BLE001 - what this test is for
                yield f"{number}, read {read}, {spoiler.spoiled}: {traceback.format_exc(limit=-4)}"
            idle = 0 if spoiler.spoiled else idle + 1


@pytest.mark.slow
def test_no_answer_ends_in_an_unhandled_error(provider: Provider, rich: Acme) -> None:
    spoiler = Spoiler()
    told = list(unexpected(provider, rich, spoiler))
    assert not told, f"{len(told)} times:\n" + "\n".join(told[:5])
    assert [one.path for one in provider.endpoints if spoiler.changed[one.path] < EACH] == []

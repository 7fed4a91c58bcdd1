"""One element that cannot be read costs only itself: its siblings come, its object is known in part and named."""

import copy
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from connectors.closure import Selection
from connectors.network.exchange import Request, Response
from connectors.records import Snapshot
from tests.connectors.conformance.direct import Direct
from tests.connectors.conformance.element_lists import LISTS, ElementList
from tests.connectors.conformance.entries import NOW, Endpoint, Provider
from tests.connectors.conformance.scenes import DAY, connector, named, records
from tests.connectors.conformance.table import PROVIDERS

#: Place of an element in a list of five -> days from now at which its period begins; it lasts two days.
PLACES: Final[Mapping[str, int]] = {"first": -1, "past": -40, "middle": 10, "future": 60, "last": 20}
_TIMELESS: Final = ("first", "middle", "last")
_KEYS: Final[Mapping[str, str]] = {
    "contact_methods": "external_id",
    "notification_rules": "external_id",
    "members": "person_id",
    "overrides": "key",
    "extra_shifts": "key",
    "substitutions": "key",
    "layers": "key",
}
#: How a value may be spoiled; the last two replace the whole element.
WAYS: Final = ("missing", "null", "number", "list", "object", "text", "element null", "element text")
_VALUES: Final[Mapping[str, Any]] = {"null": None, "number": 0.5, "list": [], "object": {}, "text": ""}
#: Cases of a sample per list; a thorough run takes them all.
SAMPLE: Final = 6


def _at(element: Any, place: str) -> tuple[Any, str]:
    """What holds a dotted place, and the last name of it."""
    *path, name = place.split(".")
    for each in path:
        element = element[each]
    return element, name


@dataclass
class Spoiled:
    """Makes every list of the kind five elements long, and spoils one. place, way: None = none of them."""

    transport: Direct
    provider: Provider
    elements: ElementList
    place: str | None = None
    way: str | None = None

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        endpoint = self.provider.endpoint(request.method, request.path)
        if endpoint is not endpoint_of(self.provider, self.elements) or response.status >= 300:
            return response
        body = json.loads(response.body)
        objects = endpoint.objects(body)
        for found in [each.get(self.elements.at) or [] for each in objects] if self.elements.at else [objects]:
            if found:
                found[:] = self._five(found[0])
        if isinstance(body, dict) and "total" in body:
            body["total"] = len(objects)
        return replace(response, body=json.dumps(body).encode())

    def _five(self, template: Any) -> Iterator[Any]:
        for place, days in PLACES.items():
            element = copy.deepcopy(template)
            holder, name = _at(element, self.elements.id)
            holder[name] = f"{holder[name]}-{place}"
            if self.elements.start:
                for where, instant in (
                    (self.elements.start, NOW + days * DAY),
                    (self.elements.end, NOW + (days + 2) * DAY),
                ):
                    element[where] = datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield self._spoil(element) if place == self.place else element

    def _spoil(self, element: Any) -> Any:
        if self.way in ("element null", "element text"):
            return None if self.way == "element null" else "text"
        holder, name = _at(element, self.elements.needs)
        if self.way == "missing":
            del holder[name]
        else:
            holder[name] = copy.deepcopy(_VALUES[str(self.way)])
        return element


def endpoint_of(provider: Provider, elements: ElementList) -> Endpoint:
    exact = [each for each in provider.endpoints if each.path == elements.path]
    return exact[0] if exact else next(each for each in provider.endpoints if each.path.endswith(elements.path))


def read(transport: Spoiled) -> Snapshot:
    return connector(transport.provider, transport).fetch(Selection(), contact_details=True)


def by_key(record: Any, name: str) -> dict[str, Any]:
    return {getattr(each, _KEYS[name]): each for each in getattr(record, name) or ()}


def faults(elements: ElementList, good: Snapshot, bad: Snapshot, place: str, way: str) -> Iterator[str]:
    """What is wrong about a read with one spoiled element, compared with one without."""
    name = elements.name
    words = {each[:2] for each in named(bad) - named(good)}
    costs_nothing = place == "past" and not way.startswith("element")
    for external_id, before in records(good)[elements.kind].items():
        expected = by_key(before, name)
        if not any(key.endswith("-middle") or "-middle" in key for key in expected):
            continue
        after = records(bad)[elements.kind].get(external_id)
        if after is None:
            yield f"{external_id} is missing"
            continue
        found = by_key(after, name)
        siblings = {key: each for key, each in expected.items() if f"-{place}" not in key}
        if {key: found.get(key) for key in siblings} != siblings:
            yield f"{external_id} lost or changed siblings: {sorted(siblings.keys() - found.keys())}"
        spoiled = {key: each for key, each in expected.items() if key not in siblings}
        unread = after.unread.get(name, 0)  # type: ignore[union-attr]
        is_named = (elements.kind, external_id) in words or (elements.kind, None) in words
        if costs_nothing and (unread or any(each.external_id == external_id for each in bad.failed)):
            yield f"{external_id}: an element that has ended is counted or failed"
        if not costs_nothing and spoiled and not spoiled.keys() <= found.keys() and not (unread and is_named):
            yield f"{external_id} lost {sorted(spoiled)}: unread {unread}, named {is_named}"
        if not costs_nothing and {key: found[key] for key in spoiled if key in found} != spoiled and not is_named:
            yield f"{external_id}: {sorted(spoiled)} changed without a word"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("provider", "elements"),
    [pytest.param(one, each, id=f"{one}-{each}") for one in PROVIDERS for each in LISTS[str(one)]],
)
def test_one_unreadable_element_costs_only_itself(
    provider: Provider, elements: ElementList, thorough: bool, pytestconfig: pytest.Config
) -> None:
    direct = Direct(provider.simulator())
    good = read(Spoiled(direct, provider, elements))
    assert any(
        "-middle" in key for each in records(good)[elements.kind].values() for key in by_key(each, elements.name)
    )
    cases = [(place, way) for place in (PLACES if elements.start else _TIMELESS) for way in WAYS]
    if not thorough:
        cases = random.Random(pytestconfig.getoption("randomly_seed", 0)).sample(cases, SAMPLE)
    wrong = [
        f"{place} {way}: {fault}"
        for place, way in cases
        for fault in faults(elements, good, read(Spoiled(direct, provider, elements, place, way)), place, way)
    ]
    print(f"{provider} {elements}: {len(cases)} spoiled elements")  # noqa: T201 - shown by -s
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def test_every_provider_has_its_lists() -> None:
    assert LISTS.keys() == {str(provider) for provider in PROVIDERS}

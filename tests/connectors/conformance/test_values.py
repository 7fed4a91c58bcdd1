"""Unknown words, missing fields and null values."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from connectors.errors import ConnectorError
from connectors.ledger import paths
from connectors.network.exchange import Transport
from connectors.recordings.recording import Recording, ReplayTransport
from connectors.records import ENTITY_TYPES
from tests.connectors.conformance.entries import Endpoint, Provider, Word
from tests.connectors.conformance.scenes import Acme, Changed, named, read, records
from tests.connectors.conformance.table import PROVIDERS

STRANGE = "never-heard-of"


def holders(value: Any, at: str) -> list[tuple[dict[str, Any], str]]:
    """Where ``rules[].delay`` is: the objects that hold the last key, as far as they do, and that key."""
    first, _, rest = at.partition(".")
    key = first.removesuffix("[]")
    if not isinstance(value, dict) or key not in value:
        return []
    if not rest and not first.endswith("[]"):
        return [(value, key)]
    inside = value[key] if first.endswith("[]") else [value[key]]
    if not rest or not isinstance(inside, list):
        return []
    return [found for one in inside for found in holders(one, rest)]


def prefixes(path: str) -> list[str]:
    """``a[].b.c`` -> ``a``, ``a[].b``, ``a[].b.c``: every key on the way."""
    parts = path.split(".")
    return [".".join(parts[: i + 1]).removesuffix("[]") for i in range(len(parts))]


def changed(provider: Provider, recording: Recording, path: str, change: Callable[[Any], None]) -> Changed:
    """Return the recording with every object of one endpoint changed."""

    def each(endpoint: Endpoint, body: Any) -> None:
        if endpoint.path == path:
            for one in endpoint.objects(body):
                change(one)

    return Changed(ReplayTransport(recording), provider, each)


@pytest.mark.parametrize(
    ("provider", "word"),
    [pytest.param(one, word, id=f"{one}-{word.path}-{word.at}") for one in PROVIDERS for word in one.words],
)
def test_an_unknown_word_is_named_and_costs_nothing_else(provider: Provider, word: Word, rich: Acme) -> None:
    used = []

    def strange(one: Any) -> None:
        for holder, key in holders(one, word.at):
            if not used and isinstance(holder[key], str):
                used.append(holder[key])
                holder[key] = STRANGE

    before = rich.snapshot
    after = read(provider, changed(provider, rich.recording, word.path, strange))
    assert used, "nothing in this account has such a word"
    new = named(after) - named(before)
    assert any(STRANGE in message for _, _, message in new)
    ids = {(kind, id_) for kind, id_, _ in new}
    for kind in ENTITY_TYPES:
        was, now = records(before)[kind], records(after)[kind]
        if kind in provider.listed:  # what is not listed comes along with what refers to it, or does not
            assert {id_ for id_ in was if (kind, id_) not in ids} <= now.keys()
        assert now.keys() <= was.keys()


def fields(provider: Provider, recording: Recording) -> dict[tuple[str, str], None]:
    """Return (path of the endpoint, field) of every field that a read of the recording receives, at any depth."""
    found: dict[tuple[str, str], None] = {}

    def look(endpoint: Endpoint, body: Any) -> None:
        for one in endpoint.objects(body):
            found.update({(endpoint.path, prefix): None for leaf in paths(one) for prefix in prefixes(leaf) if prefix})

    read(provider, Changed(ReplayTransport(recording), provider, look))
    return found


def without(one: Any, at: str) -> None:
    for holder, key in holders(one, at):
        del holder[key]


def nulled(one: Any, at: str) -> None:
    for holder, key in holders(one, at):
        holder[key] = None


def content(provider: Provider, transport: Transport) -> Any:
    """Records, what is complete and which objects failed: all but the words about it."""
    try:
        snapshot = read(provider, transport)
    except ConnectorError as error:
        return {}, {}, {("everything", type(error).__name__)}
    failed = {(one.entity_type, one.external_id) for one in snapshot.failed}
    complete = {kind: reported.listing for kind, reported in snapshot.completeness.items()}
    return records(snapshot), complete, failed


@pytest.mark.slow
def test_null_is_absence_and_only_what_is_required_is_missed(provider: Provider, rich: Acme) -> None:
    required, differing = set(), set()
    done: set[tuple[str, str]] = set()
    for recording in (rich.thrifty, rich.small):
        reported = content(provider, ReplayTransport(recording))
        ids = {kind: found.keys() for kind, found in reported[0].items() if kind in provider.listed}
        for path, field in fields(provider, recording).keys() - done:
            done.add((path, field))
            absent = content(provider, changed(provider, recording, path, partial(without, at=field)))
            null = content(provider, changed(provider, recording, path, partial(nulled, at=field)))
            if null != absent:
                differing.add(f"{path}: {field}")
            if absent[2] - reported[2] or not all(ids[kind] <= absent[0][kind].keys() for kind in ids):
                required.add(field.rpartition(".")[2])
    assert len(done) > 50
    assert differing == set()
    assert required == provider.required

"""Values that no browser sends, and what sends them."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from django.test import Client

from tests.syncjobs.site.undoing import undone

#: What is written in the place of an id, a number, a name, a date or a choice.
VALUES: Final = (
    "9" * 5_000, "9" * 4_000, str(2**63), str(-(2**63) - 1), "-1", "0", "²", "٣", "1e9", "nan", "x", "\0", "a\0b", "",
    " ", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "'", "%", "../..", "[]", "{}", "None", "1,2",
    "10000-01-01", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30", "local:9999999999999999999", "a" * 10_000,
)  # fmt: skip


#: Which share of the requests is sent without --thorough, chosen by seed.
SHARE: Final = 0.15


class Tampering:
    """Sends requests and notes those that are answered with 500. Each is undone.

    places: how many requests there are; sent: how many of them were sent.
    """

    def __init__(self, client: Client, *, thorough: bool) -> None:
        self.client, self.thorough = client, thorough
        self.places = self.sent = 0
        self.faults: list[str] = []
        self.seed = random.randrange(1_000_000)
        self._chance = random.Random(self.seed)
        self._turn = 0

    def values(self) -> Sequence[str]:
        """Return the values to try in one place: all, or the one whose turn it is."""
        if self.thorough:
            return VALUES
        self._turn += 1
        return [VALUES[self._turn % len(VALUES)]]

    def send(self, method: str, url: str, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.places += 1
        if not self.thorough and self._chance.random() > SHARE:
            return
        self.sent += 1
        with undone(self.client):
            response = getattr(self.client, method)(url, data, **options)
            if response.status_code >= 500:
                given = {name: value[:40] for name, value in (data or {}).items() if isinstance(value, str)}
                error = response.exc_info[1] if response.exc_info else response.status_code
                self.faults.append(f"{method} {url[:90]} {given}: {error!r:.160}")


def report(tampering: Tampering, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not tampering.faults, "\n".join([f"seed {tampering.seed}", *tampering.faults])
    counts = f"{tampering.sent} of {tampering.places} requests, {len(VALUES)} values, seed {tampering.seed}"
    with capsys.disabled():
        print(f"\ntampered {what}: {counts}")  # noqa: T201 - counts

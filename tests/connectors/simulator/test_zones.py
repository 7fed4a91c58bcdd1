"""The simulators' clocks run by the same tables as the product's, whatever the machine has."""

import pytest

from connectors.simulator import zones as simulated
from oncall.rendering import zones

YEAR = 365 * 86_400


@pytest.mark.parametrize("since", [0, 20 * YEAR, 40 * YEAR, 56 * YEAR, 57 * YEAR + YEAR // 2])
def test_every_zone_has_the_same_offset_here_and_there(since: int) -> None:
    names = sorted(zones.zone_names())
    differing = [name for name in names if simulated.offset_at(name, since) != zones.offset_at(name, since)]
    assert differing == []


def test_only_zones_are_zones() -> None:
    assert all(simulated.is_zone(name) for name in zones.zone_names())
    assert not any(simulated.is_zone(name) for name in ("", " ", "Europe", "../UTC", "Europe/Nowhere"))

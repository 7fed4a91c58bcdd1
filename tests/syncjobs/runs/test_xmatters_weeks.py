"""The simulated xMatters read again over weeks: rotations and absences move on by themselves, no sync finds an item."""

from typing import Any

import pytest

import connectors.simulator.xmatters as simulated
from connectors.base import Rim
from connectors.models import Connection
from connectors.network.egress import LiveTransport, parse_allow
from connectors.providers.xmatters.connector import XMatters
from oncall.models import Schedule
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start

pytestmark = pytest.mark.django_db

HOUR, DAY = 3600, 86_400
NOW = 1_772_323_200  # 2026-03-01T00:00:00Z


class Weeks:
    """One connection; the vendor and the reader look at the same clock."""

    def __init__(self, simulator: Any, state: Any) -> None:
        self.simulator, self.state = simulator, state
        self.connection = Connection(
            name="acme",
            provider="xmatters",
            settings=XMatters.clean({"base_url": "https://acme.xmatters.com", "username": simulated.DEMO_USER}),
        )
        self.connection.seal_credentials({"password": simulated.DEMO_PASSWORD})
        self.connection.save()
        self.profile = SyncProfile.objects.create(connection=self.connection)

    def sync(self, now: float) -> SyncRun:
        def opened(connection: Connection, **more: Any) -> XMatters:
            origin = self.simulator.origin
            transport = LiveTransport(origin, allow=parse_allow([origin.removeprefix("http://")]))
            rim = Rim(transport, now=lambda: now, sleep=lambda seconds: None)
            return XMatters(connection.settings, connection.secrets(), rim)

        run = drive(start(self.profile, RunKind.APPLY, by=None, notify=False).pk, opener=opened)
        assert run is not None
        return run


def test_nine_weeks_of_syncs_find_nothing_to_do_but_what_was_edited() -> None:
    clock = [float(NOW)]
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: clock[0]) as simulator:
        weeks = Weeks(simulator, state)
        assert weeks.sync(clock[0]).state == RunState.SUCCEEDED
        stored = {row.pk: (row.version, row.layers) for row in Schedule.objects.all()}
        assert len(stored) > 12
        for later in (3 * DAY + 5 * HOUR, 12 * DAY, 27 * DAY + 20 * HOUR, 29 * DAY, 41 * DAY, 63 * DAY + HOUR):
            clock[0] = float(NOW + later)
            run = weeks.sync(clock[0])
            assert [(item.label, item.action, item.changes) for item in run.items.all()] == []
        assert {row.pk: (row.version, row.layers) for row in Schedule.objects.all()} == stored
        shift = next(iter(state.shifts.values()))
        shift.description = "Mind the gap"
        run = weeks.sync(clock[0])
        assert {(item.entity_type, item.external_id) for item in run.items.all()} == {
            ("schedule", shift.id),
            ("escalation_policy", shift.id),
        }

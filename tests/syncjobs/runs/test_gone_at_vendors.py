"""A deletion at each simulated vendor, of each kind, walks the whole way: plainly, edited here, and in a selection."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import time_machine

from connectors.closure import Selection
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, EntityType, entity_type_of
from connectors.registry import connector_class
from connectors.simulator import jsm, opsgenie, pagerduty, xmatters
from connectors.simulator.serve import demo_account
from oncall.models import Reference
from oncall.tables.kinds import ROOTS
from syncjobs.models import Conflict, ExternalLink, LinkState, RunKind, RunState, SyncItem, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, start
from tests.syncjobs.conftest import edit

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

VENDORS: Mapping[str, Any] = {"pagerduty": pagerduty, "opsgenie": opsgenie, "jsm": jsm, "xmatters": xmatters}
#: The kinds that a vendor's connector reads, and how the simulator deletes an object of each.
Delete = Callable[[Any, str], None]


def _drop_policy(simulator: Any, id_: str) -> None:
    """Delete a policy with the services that use it."""
    with simulator.state.editing() as state:
        for service in [one.id for one in state.services.values() if one.policy_id == id_]:
            del state.services[service]
        del state.policies[id_]


def _drop_schedule(simulator: Any, id_: str) -> None:
    """Delete a schedule with the policies and the services that use it."""
    with simulator.state.editing() as state:
        policies = {policy.id for policy in state.policies_of_schedule(id_)}
        for service in [one.id for one in state.services.values() if one.policy_id in policies]:
            del state.services[service]
        for policy in policies:
            del state.policies[policy]
    simulator.edits.delete_schedule(id_)


def _edit(method: str) -> Delete:
    return lambda simulator, id_: getattr(simulator.edits, method)(id_)


def _of(kind: str) -> Delete:
    return lambda simulator, id_: simulator.edits.delete(kind, id_)


def _drop_team(simulator: Any, id_: str) -> None:
    """Delete a team with its escalations, and take its schedules away from it.

    A team that is mentioned and not listed would be one that the account may not see.
    """
    with simulator.state.editing() as state:
        for schedule in state.schedules.values():
            schedule.team_id = None if schedule.team_id == id_ else schedule.team_id
        for escalation in [one.id for one in state.escalations.values() if one.team_id == id_]:
            del state.escalations[escalation]
    simulator.edits.delete("team", id_)


ATLASSIAN: Mapping[EntityType, Delete] = {
    "responder": _edit("delete_user"),
    "user_group": _of("team"),
    "schedule": _of("schedule"),
    "escalation_policy": _of("escalation"),
}
DELETIONS: Mapping[str, Mapping[EntityType, Delete]] = {
    "pagerduty": {
        "responder": _edit("delete_user"),
        "user_group": _edit("delete_team"),
        "schedule": _drop_schedule,
        "escalation_policy": _drop_policy,
        "service": _edit("delete_service"),
    },
    "opsgenie": {**ATLASSIAN, "service": _of("service")},
    # It lists no people: they are known from references only. Its services cannot be listed.
    "jsm": {
        "user_group": _drop_team,
        "schedule": _of("schedule"),
        "escalation_policy": _of("escalation"),
    },
    "xmatters": {
        "responder": _of("person"),
        "user_group": _of("group"),
        "schedule": _of("shift"),
        "escalation_policy": _of("shift"),
        "service": _of("service"),
    },
}
CASES = ("plain", "edited", "selected")


def test_every_vendor_and_kind_has_an_entry() -> None:
    assert set(DELETIONS) == set(VENDORS)
    assert {kind for kinds in DELETIONS.values() for kind in kinds} == set(ENTITY_TYPES)


@dataclass
class Vendor:
    """An imported account of a simulated vendor, and the clock of both."""

    simulator: Any
    profile: SyncProfile
    clock: Any

    def sync(self) -> SyncRun:
        self.profile.refresh_from_db()
        run = drive(start(self.profile, RunKind.APPLY, by=None, notify=False).pk)
        assert run is not None
        return run

    def approved(self, kind: EntityType, external_id: str) -> SyncItem:
        """Plan, approve what is held of one object, and return its item after it was applied."""
        plan = drive(start(self.profile, RunKind.PLAN, by=None, notify=False).pk)
        assert plan is not None
        items = plan.items.filter(entity_type=kind, external_id=external_id)
        assert items.filter(held=True).update(held_ticked=True) == 1
        approve(plan, by=None, notify=False)
        assert drive(plan.pk) is not None
        return items.get()


@pytest.fixture
def connected(settings: Any) -> Iterator[Callable[[str], Vendor]]:
    running: list[Any] = []
    with time_machine.travel(time.time() // 60 * 60) as clock:

        def connect(name: str) -> Vendor:
            server = VENDORS[name].Simulator(VENDORS[name].build_world(time.time()))
            running.append(server)
            server.__enter__()
            settings.CONNECTOR_ORIGINS = {name: server.origin}
            settings.EGRESS_ALLOW = [server.origin.removeprefix("http://")]
            given, secrets = demo_account(name)
            connection = Connection(name=name, provider=name, settings=connector_class(name).clean(given))
            connection.seal_credentials(secrets)
            connection.save()
            vendor = Vendor(server, SyncProfile.objects.create(connection=connection), clock)
            run = vendor.sync()
            assert run.state in (RunState.SUCCEEDED, RunState.PARTIAL), run.reason
            return vendor

        try:
            yield connect
        finally:
            for server in running:
                server.__exit__(None, None, None)


def _candidates(kind: EntityType) -> Iterator[ExternalLink]:
    """Yield the links of active rows. Of people, those who hold nothing that keeps its mention of a deleted person."""
    links = ExternalLink.objects.filter(entity_type=kind, state=LinkState.LINKED, **{f"{kind}__active": True})
    if kind == "responder":
        held = Reference.objects.exclude(responder=None).values("responder")
        holders = links.exclude(responder__in=held).exclude(responder__standing_in_substitutions__isnull=False)
        links = holders if holders.exists() else links
    yield from links.order_by("pk")


def _delete_one(vendor: Vendor, kind: EntityType, delete: Delete) -> ExternalLink:
    for link in _candidates(kind):
        try:
            delete(vendor.simulator, link.external_id)
        except (KeyError, LookupError, ValueError):
            continue
        return link
    raise AssertionError(f"No {kind} can be deleted")


@pytest.mark.parametrize("name", VENDORS)
def test_a_deletion_at_a_vendor_walks_the_whole_way(
    connected: Callable[[str], Vendor],
    name: str,
    thorough: bool,
    record_property: Callable[[str, object], None],
) -> None:
    # People cannot be selected: they come with what refers to them.
    cases = [(kind, case) for kind in DELETIONS[name] for case in CASES if (kind, case) != ("responder", "selected")]
    if not thorough:
        cases = Random(f"{name} {time.time() // 86_400:.0f}").sample(cases, 1)
    vendor = connected(name)
    found = []
    for kind, case in cases:
        if not vendor.profile.selection["everything"]:
            vendor.profile.selection = Selection().to_json()
            vendor.profile.save()
            vendor.sync()
        link = _delete_one(vendor, kind, DELETIONS[name][kind])
        row = ROOTS[kind].rows.get(pk=link.row_id)
        if case == "edited":
            edit(kind, row, **{"title" if kind == "responder" else "description": "ours"})
        if case == "selected":
            keys = ExternalLink.objects.filter(state=LinkState.LINKED).values_list("entity_type", "external_id")
            chosen = frozenset((entity_type_of(name_), id_) for name_, id_ in keys if name_ != "responder")
            vendor.profile.selection = Selection(False, chosen).to_json()
            vendor.profile.save()
        states = []
        for _ in range(2):
            run = vendor.sync()
            item = run.items.filter(entity_type=kind, external_id=link.external_id).first()
            states.append("nothing" if item is None else f"{item.action} {item.outcome}")
            vendor.clock.shift(2 * 3_600)
        if item is not None and item.outcome == "deferred":  # the guard holds who would leave a place empty
            item = vendor.approved(kind, link.external_id)
            states.append(f"{item.action} {item.outcome}")
        link.refresh_from_db()
        row.refresh_from_db()
        asked = Conflict.objects.filter(kind="gone", external_id=link.external_id).exists()
        found.append(f"{name} {kind} {case}: {', '.join(states)}")
        assert states[0] == "missing skipped", (found, run.state, run.reason, run.completeness.get(kind))
        if case == "edited":
            assert (asked, row.active, link.state) == (True, True, LinkState.LINKED), found
        else:
            assert (asked, row.active, link.state) == (False, False, LinkState.GONE), found
    record_property("counts", "; ".join(found))

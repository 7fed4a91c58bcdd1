"""Rules of the sync that random sequences meet too seldom, each as a small case. Mutants of these rules name them."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.records import ENTITY_TYPES, Reach
from oncall.aggregates import Draft
from oncall.models import Responder, Service
from oncall.operations import write
from syncjobs.models import Conflict, RunState
from tests.syncjobs.conftest import BY, Sync, edit, user, world
from tests.syncjobs.runs.test_gone import later

pytestmark = pytest.mark.django_db


def local_ana(**fields: Any) -> None:
    values = {"name": "Ana", "email": "ana@example.com", **fields}
    write("responder", [Draft(values)], by=BY)


def ana() -> Responder:
    return Responder.objects.get(email="ana@example.com", merged_into=None)


def change_ana(sync: Sync, **changes: Any) -> None:
    sync.source.change(users=(user("U1", changes.pop("name", "Ana"), **changes), *world().users[1:]))


def two_sources() -> tuple[Sync, Sync]:
    """Two sources that Ana follows. The first one is primary."""
    both = Sync("first"), Sync("second")
    for each in both:
        each.run()
    return both


def lose_ana(sync: Sync) -> None:
    sync.source.change(users=world().users[1:])
    sync.source.answers["responder", "U1"] = "not_found"


def test_a_blank_is_filled_at_the_first_contact(sync: Sync) -> None:
    local_ana()
    change_ana(sync, title="Chief")
    sync.run()
    assert ana().title == "Chief"


def test_a_first_difference_of_a_quiet_field_is_not_asked(sync: Sync) -> None:
    local_ana(name="Anna")
    sync.run()
    assert (ana().name, Conflict.objects.filter(kind="both_edited").count()) == ("Anna", 0)


def test_only_the_last_live_link_makes_a_row_inactive(sync: Sync) -> None:
    first, _ = two_sources()
    lose_ana(first)
    for _ in range(2):
        first.run()
        later(first)
    assert ana().active


def test_what_is_attached_again_is_reviewed(sync: Sync) -> None:
    sync.rules(strategy="source")
    sync.run()
    others = frozenset((kind, one.external_id) for kind in ENTITY_TYPES for one in sync.source.snapshot.records(kind))
    others -= {("service", "V1")}
    sync.rules(selection=Selection(False, others).to_json())
    sync.source.change(services=())
    sync.source.reach = Reach(others)
    sync.run()
    edit("service", Service.objects.get(), description="ours")
    sync.rules(selection=Selection().to_json())
    sync.source.change(services=world().services)
    assert (sync.run().state, Service.objects.get().description) == (RunState.AWAITING_REVIEW, "ours")


def test_what_is_owned_here_is_never_written(sync: Sync) -> None:
    sync.rules(ownership={"responder.title": "local"}, strategy="source")
    change_ana(sync, title="One")
    sync.run()
    change_ana(sync, title="Two")
    sync.run()
    assert (ana().title, Conflict.objects.filter(kind="both_edited").count()) == ("One", 0)


def test_a_field_of_the_profile_comes_before_the_strategy(sync: Sync) -> None:
    sync.rules(ownership={"responder.title": "ask"}, strategy="source")
    change_ana(sync, title="One")
    sync.run()
    edit("responder", ana(), title="ours")
    change_ana(sync, title="Two")
    sync.run()
    assert (ana().title, Conflict.objects.filter(kind="both_edited").count()) == ("ours", 1)


def test_the_oldest_live_link_takes_over(sync: Sync) -> None:
    first, second = two_sources()
    change_ana(second, title="of the second")
    second.run()
    assert ana().title == ""
    lose_ana(first)
    for _ in range(2):
        first.run()
        later(first)
    second.run()
    assert ana().title == "of the second"


def test_a_return_ends_the_count(sync: Sync) -> None:
    sync.run()
    lose_ana(sync)
    sync.run()
    sync.source.change(users=world().users)
    later(sync)
    sync.run()
    lose_ana(sync)
    later(sync)
    sync.run()
    assert ana().active


def test_elements_belong_to_one_link(sync: Sync) -> None:
    first, second = two_sources()
    keys = set(ana().contact_methods.values_list("source_key", flat=True))
    assert {key.partition(":")[0] for key in keys} == {str(first.connection.pk), str(second.connection.pk)}
    first.rules(strategy="source")
    change_ana(first, title="again")
    first.run()
    assert set(ana().contact_methods.values_list("source_key", flat=True)) == keys


def test_a_contradicted_list_proves_nothing(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=world().users[2:])
    sync.source.answers |= {("responder", "U1"): "not_found", ("responder", "U2"): "found"}
    for _ in range(2):
        sync.run()
        later(sync)
    assert ana().active

"""What a read knows of an object: only what it followed to its end counts as left out, only a whole list as absent."""

from dataclasses import replace

import pytest

from connectors.presence import Presences
from connectors.records import (
    Account,
    Completeness,
    EntityKey,
    FailedEntity,
    MappingNote,
    Reach,
    Snapshot,
    SourceService,
    SourceTeam,
    SourceUser,
)
from connectors.zones.timezones import convert

WHOLE = {kind: Completeness(True) for kind in ("responder", "user_group", "schedule", "escalation_policy", "service")}
READ = Snapshot(
    "example",
    Account(None, "example"),
    0,
    users=(
        SourceUser("U1", "Ana", None, "active", convert(None)),
        SourceUser("U2", "Bo", None, "unknown", convert(None), listed=False),
    ),
    teams=(SourceTeam("T1", "Team"),),
    services=(SourceService("V1", "Checkout"),),
    completeness=WHOLE,  # type: ignore[arg-type]
)
KEPT: frozenset[EntityKey] = frozenset({("service", "V1"), ("user_group", "T1"), ("responder", "U1")})


def state(snapshot: Snapshot, key: EntityKey) -> str:
    return Presences(snapshot).of(*key).state


def test_a_read_of_everything() -> None:
    cut = replace(READ, completeness={**READ.completeness, "schedule": Completeness(False, "It was cut.")})
    failed = FailedEntity("schedule", "S1", "missing_field", "", "S1 could not be read.")
    assert state(READ, ("service", "V1")) == "listed"
    assert state(READ, ("service", "V2")) == "absent"
    assert state(READ, ("responder", "U2")) == "absent"  # only referred to
    assert state(replace(READ, failed=(failed,)), ("schedule", "S1")) == "unreadable"
    assert state(replace(READ, not_found=frozenset({("service", "V2")})), ("service", "V2")) == "not_found"
    assert Presences(cut).of("schedule", "S1")[:2] == ("not_reached", "It was cut.")
    assert state(replace(READ, completeness={}), ("schedule", "S1")) == "not_reached"


def test_a_selection_that_was_followed_to_its_end() -> None:
    chosen = replace(READ, reach=Reach(KEPT), completeness={})
    assert state(chosen, ("service", "V1")) == "listed"
    assert state(chosen, ("service", "V2")) == "not_chosen"
    assert state(chosen, ("schedule", "S1")) == "not_chosen"
    whole = replace(READ, reach=Reach(KEPT | {("schedule", "S1")}))
    assert state(whole, ("schedule", "S1")) == "absent"


LOST = FailedEntity("escalation_policy", "P1", "unavailable", "", "P1 could not be read.")
HIDING = MappingNote("user_group", "T1", "members_not_told", "Its members could not be read.", loss=True, hides=True)


@pytest.mark.parametrize(
    ("broken", "unreached", "left"),
    [
        (
            replace(READ, reach=Reach(KEPT, unresolved=(("service", "V1"),))),
            ("responder", "user_group", "schedule", "escalation_policy", "service"),
            (),
        ),
        (
            replace(READ, reach=Reach(KEPT | {("escalation_policy", "P1")}), failed=(LOST,)),
            ("responder", "user_group", "schedule", "escalation_policy"),
            ("service",),
        ),
        (replace(READ, reach=Reach(KEPT), failed=(LOST,)), (), ("responder", "schedule", "escalation_policy")),
        (replace(READ, reach=Reach(KEPT), notes=(HIDING,)), ("responder", "schedule", "service"), ()),
        (replace(READ, reach=Reach(KEPT), notes=(replace(HIDING, hides=False),)), (), ("responder", "schedule")),
        (
            replace(READ, reach=Reach(KEPT), notes=(replace(HIDING, entity_type="responder", external_id=None),)),
            ("responder",),
            ("schedule", "user_group"),
        ),
        (
            replace(
                READ,
                reach=Reach(KEPT, owned=True),
                completeness={**READ.completeness, "service": Completeness(False, "It was cut.")},
            ),
            ("responder", "user_group", "schedule", "escalation_policy"),
            (),
        ),
    ],
)
def test_what_breaks_the_way_hides_what_it_may_lead_to(
    broken: Snapshot, unreached: tuple[str, ...], left: tuple[str, ...]
) -> None:
    presences = Presences(broken)
    for kind in unreached:
        presence = presences.of(kind, "X")  # type: ignore[arg-type]
        assert (presence.state, bool(presence.reason)) == ("not_reached", True), kind
    for kind in left:
        assert presences.of(kind, "X").state == "not_chosen", kind  # type: ignore[arg-type]

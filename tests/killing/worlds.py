"""Two connections whose sources share people by address and a group by name, and what changes in them."""

from dataclasses import dataclass, replace
from typing import Any

from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    Snapshot,
    SourceMember,
    SourceNotificationRule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from oncall.escalation.policy import Target
from oncall.rendering.spec import ExtraShift, Override, Participant, Substitution, person
from tests.syncjobs.conftest import NOW, Sync, layer, policy, schedule, user

HOUR = 3_600
DAY = 24 * HOUR


def _person(id_: str, name: str, *, away: tuple[Substitution, ...] = (), **more: Any) -> SourceUser:
    rule = SourceNotificationRule(f"N{id_}", "high", 5, f"C{id_}")
    return user(id_, name, notification_rules=(rule,), substitutions=away, **more)


def _away(key: str, who: str, by: str, *groups: str) -> Substitution:
    return Substitution(
        key, person(who), person(by), NOW + 10 * DAY, NOW + 20 * DAY, groups=frozenset(groups) if groups else None
    )


def _override(key: str, by: str, day: int) -> Override:
    return Override(key, NOW + day * DAY, NOW + day * DAY + 8 * HOUR, person(by))


def _members(*people: str) -> tuple[SourceMember, ...]:
    return tuple(SourceMember(one, "responder") for one in people)


def _snapshot(account: str, **parts: Any) -> Snapshot:
    return Snapshot(
        provider="pagerduty",
        account=Account(account, f"{account}.pagerduty.com", "us"),
        fetched_at=NOW,
        completeness={kind: Completeness(True) for kind in ENTITY_TYPES},
        mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
        **parts,
    )


def first_source() -> Snapshot:
    """Ana, Bo, Cy and Dee, two groups, two schedules, two policies and a service."""
    return _snapshot(
        "acme",
        users=(
            _person("U1", "Ana", away=(_away("W1", "U1", "U2", "T1"),)),
            _person("U2", "Bo"),
            _person("U3", "Cy", title="Engineer"),
            _person("U4", "Dee"),
        ),
        teams=(
            SourceTeam("T1", "Platform", members=_members("U1", "U2")),
            SourceTeam("T2", "Payments", members=_members("U2", "U3", "U4")),
        ),
        schedules=(
            schedule(
                "S1",
                "Primary",
                layer("U1", "U2", "U1"),
                group_ids=("T1",),
                overrides=(_override("O1", "U3", 2), _override("O2", "U4", 4)),
                extra_shifts=(ExtraShift("E1", NOW + DAY, NOW + DAY + HOUR, person("U2")),),
            ),
            schedule("S2", "Groups in turn", replace(layer("U3"), participants=(Participant("group", "T2"),))),
        ),
        policies=(
            policy("P1", "Platform pages", Target("schedule", "S1"), Target("responder", "U3"), group_id="T1"),
            policy(
                "P2", "Payments pages", Target("user_group", "T2"), Target("escalation_policy", "P1"), part_of_id="P1"
            ),
        ),
        services=(SourceService("V1", "Checkout", policy_id="P1", group_id="T1"),),
    )


def second_source() -> Snapshot:
    """Ana and Bo again, and Eve; a group with the name of one of the first source."""
    return _snapshot(
        "globex",
        users=(
            _person("X1", "Ana"),
            _person("X2", "Bo", away=(_away("W9", "X2", "X5"),)),
            _person("X5", "Eve"),
        ),
        teams=(SourceTeam("Y1", "Platform", members=_members("X1", "X5")),),
        schedules=(
            schedule("Z1", "Nights", layer("X1", "X2", "X5"), group_ids=("Y1",), overrides=(_override("O8", "X5", 3),)),
        ),
        policies=(policy("Q1", "Night pages", Target("schedule", "Z1"), Target("user_group", "Y1"), group_id="Y1"),),
        services=(SourceService("W1", "Billing", policy_id="Q1", group_id="Y1"),),
    )


def first_source_later() -> Snapshot:
    """A new person and a new policy, other titles and members, an override and a substitution less."""
    before = first_source()
    ana, bo, cy, dee = before.users
    platform, payments = before.teams
    primary, groups = before.schedules
    return replace(
        before,
        users=(
            replace(ana, title="Lead", substitutions=()),
            bo,
            replace(cy, title="Senior engineer"),
            dee,
            _person("U6", "Fay"),
        ),
        teams=(
            replace(platform, members=_members("U2", "U6"), description="Runs the platform"),
            replace(payments, members=_members("U2", "U3", "U4", "U1")),
        ),
        schedules=(
            replace(
                primary, layers=(layer("U1", "U6"),), overrides=(_override("O2", "U6", 4), _override("O3", "U1", 6))
            ),
            groups,
        ),
        policies=(*before.policies, policy("P3", "New pages", Target("responder", "U6"), group_id="T2")),
        services=(replace(before.services[0], policy_id="P3", description="Takes money"),),
    )


def second_source_later() -> Snapshot:
    """Fay, whom the first source has too, and a new group; a member and an override less."""
    before = second_source()
    return replace(
        before,
        users=(*before.users, _person("X6", "Fay"), _person("X7", "Gus")),
        teams=(
            replace(before.teams[0], members=_members("X1", "X6")),
            SourceTeam("Y2", "Storage", members=_members("X6", "X7")),
        ),
        schedules=(replace(before.schedules[0], layers=(layer("X1", "X7"),), overrides=()),),
        services=(
            replace(before.services[0], group_id="Y2"),
            SourceService("W2", "Backups", policy_id="Q1", group_id="Y2"),
        ),
    )


@dataclass
class TwoSources:
    """The two connections. They stay usable when the rows of the database are restored."""

    first: Sync
    second: Sync

    @property
    def both(self) -> tuple[Sync, Sync]:
        return self.first, self.second

    def set_first_state(self) -> None:
        self.first.source.snapshot, self.second.source.snapshot = first_source(), second_source()

    def set_later_state(self) -> None:
        self.first.source.snapshot, self.second.source.snapshot = first_source_later(), second_source_later()


def connect_two_sources() -> TwoSources:
    """Store two connections, each with its source in its first state."""
    found = []
    for name in ("acme first", "acme second"):
        sync = Sync()
        sync.connection.name = name
        sync.connection.save(update_fields=["name"])
        found.append(sync)
    world = TwoSources(*found)
    world.set_first_state()
    return world

"""One PagerDuty account in memory: lookups, sorted lists and cached renderings, behind one lock."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connectors.simulator.account import Account, sorted_by_name
from connectors.simulator.pagerduty.model import (
    ApiKey,
    EscalationPolicy,
    EscalationRule,
    Schedule,
    Service,
    ShiftSchedule,
    Team,
    User,
)
from connectors.simulator.pagerduty.walk import Walked, walk, walk_whole
from connectors.simulator.world import Identifiers

DEMO_KEY = "demo-acme-key-not-a-secret"
"""The key of the demo account. It opens only this simulator."""
USER_KEY = "demo-acme-user-key-not-a-secret"
"""The key of a user of this account. Requests without a zone are rendered in the user's time zone."""
OTHER_ACCOUNT_KEY = "demo-globex-key-not-a-secret"
"""A key whose answers contain the subdomain ``globex``."""
CANARY = "canary-never-store-this"
"""Part of every value that a reader must not store: calendar URLs, push addresses, integration keys."""

_CACHE_SIZE = 8192
Cached = TypeVar("Cached")


@dataclass
class State(Account):
    """The data of one account. Computed values are cached until the next edit.

    lists_render: whether the list of schedules renders entries when a range is requested; the real one has not always
    done it (api-schema #430). largest_page: the most objects of a page; a larger limit is lowered to it.
    """

    subdomain: str
    time_zone: str
    keys: dict[str, ApiKey]
    ids: Identifiers
    users: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    schedules: dict[str, Schedule | ShiftSchedule] = field(default_factory=dict)
    policies: dict[str, EscalationPolicy] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    lists_render: bool = True
    largest_page: int | None = None
    abilities: list[str] = field(default_factory=lambda: ["teams", "read_only_users", "urgencies", "sso"])

    def __post_init__(self) -> None:
        super().__post_init__()
        self._cache: dict[Hashable, Any] = {}
        self._cache_version = 0

    def cached(self, key: Hashable, make: Callable[[], Cached]) -> Cached:
        """Return the value of ``make()``, which is called once between two edits."""
        if self._cache_version != self.version or len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
            self._cache_version = self.version
        if key not in self._cache:
            self._cache[key] = make()
        value: Cached = self._cache[key]
        return value

    # Lists, in the order of a GET.

    def present_users(self) -> Sequence[User]:
        return self.cached(
            "users", lambda: sorted_by_name(user for user in self.users.values() if user.deleted_at is None)
        )

    def sorted_teams(self) -> Sequence[Team]:
        return self.cached("teams", lambda: sorted_by_name(self.teams.values()))

    def layer_schedules(self) -> Sequence[Schedule]:
        return self.cached(
            "v2", lambda: sorted_by_name(one for one in self.schedules.values() if isinstance(one, Schedule))
        )

    def shift_schedules(self) -> Sequence[ShiftSchedule]:
        return self.cached(
            "v3", lambda: sorted_by_name(one for one in self.schedules.values() if isinstance(one, ShiftSchedule))
        )

    def sorted_policies(self) -> Sequence[EscalationPolicy]:
        return self.cached("policies", lambda: sorted_by_name(self.policies.values()))

    def sorted_services(self) -> Sequence[Service]:
        return self.cached("services", lambda: sorted_by_name(self.services.values()))

    # Relations.

    def team_ids_of_user(self, user_id: str) -> Sequence[str]:
        return self.cached("teams of users", self._teams_of_users).get(user_id, ())

    def policies_of_schedule(self, schedule_id: str) -> Sequence[EscalationPolicy]:
        return self.cached("policies of targets", self._policies_of_targets).get(("schedule", schedule_id), ())

    def policies_of_user(self, user_id: str) -> Sequence[EscalationPolicy]:
        return self.cached("policies of targets", self._policies_of_targets).get(("user", user_id), ())

    def services_of_policy(self, policy_id: str) -> Sequence[Service]:
        return self.cached("services of policies", self._services_of_policies).get(policy_id, ())

    def _teams_of_users(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for team in self.sorted_teams():
            for user_id, _ in team.members:
                found.setdefault(user_id, []).append(team.id)
        return found

    def _policies_of_targets(self) -> dict[tuple[str, str], list[EscalationPolicy]]:
        found: dict[tuple[str, str], list[EscalationPolicy]] = {}
        for policy in self.sorted_policies():
            for target in dict.fromkeys(target for rule in policy.rules for target in rule.targets):
                found.setdefault(target, []).append(policy)
        return found

    def _services_of_policies(self) -> dict[str, list[Service]]:
        found: dict[str, list[Service]] = {}
        for service in self.sorted_services():
            found.setdefault(service.policy_id, []).append(service)
        return found

    # Rendering.

    def walked(self, schedule: Schedule, since: int, until: int, *, whole: bool = False) -> Walked:
        """Return the cached result of walk(), or of walk_whole() when ``whole``."""
        render = walk_whole if whole else walk
        return self.cached((schedule.id, since, until, whole), lambda: render(schedule, since, until))

    def rules(self) -> Iterator[tuple[EscalationPolicy, int, EscalationRule]]:
        """Yield every (policy, level from 1, rule) in the order of a list."""
        for policy in self.sorted_policies():
            for level, rule in enumerate(policy.rules, start=1):
                yield policy, level, rule


def schedule_users(schedule: Schedule | ShiftSchedule) -> list[str]:
    """Return the ids of all people of a schedule, each once, in order of appearance."""
    if isinstance(schedule, Schedule):
        return list(dict.fromkeys(user for layer in reversed(schedule.layers) for user in layer.users))
    members = [member for rotation in schedule.rotations for event in rotation.events for member in event.members]
    members += [custom.member for custom in schedule.custom_shifts]
    return list(dict.fromkeys(member for member in members if member is not None))

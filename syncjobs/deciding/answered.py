"""Records in the run of an answer what it did apart from rows and links, so that it can be undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from syncjobs.models import Rule, SyncRun


@dataclass(slots=True)
class Answered:
    """What an answer did apart from rows and links.

    rule: the id of the rule that it made; made_at: when, as ISO text; before: the values of the rule that it replaced,
    None if there was none; closes: the ids of the other questions that the rule answered. invitations: their ids.
    account: column of the connection -> [old, new].
    """

    rule: int | None = None
    made_at: str = ""
    before: Mapping[str, Any] | None = None
    closes: list[int] = field(default_factory=list)
    invitations: list[int] = field(default_factory=list)
    account: Mapping[str, list[str]] = field(default_factory=dict)

    def add_rule(self, rule: Rule, before: Mapping[str, Any] | None, closes: Iterable[int]) -> None:
        self.rule, self.made_at, self.before, self.closes = rule.pk, rule.made_at.isoformat(), before, list(closes)

    def record(self, run: SyncRun) -> None:
        """Store it with the run, unless there is nothing."""
        stored = {
            "rule": {"id": self.rule, "made_at": self.made_at, "before": self.before} if self.rule else None,
            "closes": self.closes,
            "invitations": self.invitations,
            "account": self.account,
        }
        found = {name: value for name, value in stored.items() if value}
        if found:
            run.scope = {**run.scope, **found}
            run.save(update_fields=["scope"])

    @classmethod
    def of_run(cls, run: SyncRun) -> Self:
        """Return what is stored with a run."""
        rule = run.scope.get("rule") or {}
        return cls(
            rule.get("id"),
            rule.get("made_at", ""),
            rule.get("before"),
            run.scope.get("closes", []),
            run.scope.get("invitations", []),
            run.scope.get("account", {}),
        )

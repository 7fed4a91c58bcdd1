"""Describes the walk of an escalation policy in words: the levels by minute, and whom each level pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType

from django.urls import reverse

from oncall.admin.base.columns import moment
from oncall.admin.forms.directory import KIND_WORDS
from oncall.admin.policy.levels import option_words
from oncall.admin.schedule.bars import name_of
from oncall.escalation.policy import Policy, Target
from oncall.escalation.walk import Branch, Notice, Page, Paged, Problem, Step, Walk
from oncall.rendering.spec import INACTIVE, Participant
from oncall.rendering.zones import MINUTE
from oncall.selectors.policies import Row, Walkable
from oncall.tables.escalation import ROW_OF_TARGET
from oncall.tables.schedules import ROW_OF_PARTICIPANT

MOST_ROUNDS = 10
_OUTCOMES = {
    "paged": "",
    "acknowledged": "Acknowledged by then: nobody is paged.",
    "unknown": "No known person; the wait continues.",
    "waited": "No one is reachable; the wait continues.",
    "skipped": "No one is reachable; the next level starts at once.",
}
_ENDINGS = {
    "nothing": "Nothing more happens.",
    "closed": "The alert is closed.",
    "rounds_unknown": "It is unknown whether the policy repeats.",
    "wait_unknown": "It is unknown how long this level waits, so the walk stops here.",
}
#: Why nobody is paged by an inactive target, or by an inactive policy itself.
INACTIVE_WORDS = {
    "schedule": INACTIVE,
    "user_group": "This group is inactive: nobody is paged.",
    "escalation_policy": "This policy is inactive: nobody is paged.",
}
_PAGES = {
    "responder": "oncall_responder_change",
    "schedule": "oncall_schedule_page",
    "user_group": "oncall_usergroup_change",
    "escalation_policy": "oncall_escalationpolicy_page",
}


@dataclass(frozen=True, slots=True)
class Who:
    """One person in words. reached: whether the person is paged."""

    name: str
    note: str
    reached: bool


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target of a level. who: the people it means at that minute. problems: why these are unknown. resolved:
    whether the target has a row. policies: the policies that it starts. alone: whether the target is a person who is
    paged without a replacement."""

    kind: str
    name: str
    url: str
    special: tuple[str, ...]
    who: tuple[Who, ...]
    joined: str
    problems: tuple[str, ...]
    resolved: bool
    withheld: bool
    alone: bool
    policies: tuple["Ladder", ...]


@dataclass(frozen=True, slots=True)
class Rung:
    minute: int
    clock: str
    level: int
    one_of: bool
    lines: tuple[TargetLine, ...]
    says: str
    wait: int | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The walk of one policy. first: the rungs of the first round. later: (round, rungs) of the following rounds on the
    page. plain: whether the policy runs once and then nothing happens. deserted: whether no level has a reachable
    person."""

    name: str
    url: str
    first: tuple[Rung, ...]
    later: tuple[tuple[int, tuple[Rung, ...]], ...]
    more_rounds: int
    repeats: str
    ending: str
    end_minute: int
    end_clock: str
    plain: bool
    deserted: bool

    @classmethod
    def of(cls, walk: Walk, policy: Policy, builder: "LadderBuilder", name: str, url: str = "") -> "Ladder":
        grouped = groupby(walk.steps, key=lambda step: step.round)
        rounds = [(number, tuple(builder.rung(step) for step in steps)) for number, steps in grouped]
        return cls(
            name, url, rounds[0][1] if rounds else (), tuple(rounds[1:MOST_ROUNDS]), max(len(rounds) - MOST_ROUNDS, 0),
            _repeats(policy.repeat_count), _ENDINGS[walk.ending.kind], walk.ending.minute,
            builder.clock(walk.ending.minute), policy.repeat_count == 0 and walk.ending.kind == "nothing",
            all(step.outcome in ("skipped", "waited") for step in walk.steps),
        )  # fmt: skip


def _repeats(count: int | None) -> str:
    if count is None:
        return "It is unknown how often the policy repeats."
    return f"Repeats {count} time{'' if count == 1 else 's'}." if count else "Does not repeat."


def _kind_word(target: Target) -> str:
    """Returns what kind of target it is; empty for a person."""
    if target.kind == "unresolved":
        return target.unresolved_kind.replace("_", " ")
    if target.kind == "responder":
        return ""
    return "routing of" if target.kind == "group_routing" else KIND_WORDS[target.kind]


class LadderBuilder:
    """Builds the ladder of a walk. found: the policy and the rows that it refers to. at: the alert's instant. zone:
    the time zone of the page. linked: the ids of the rows that become links, by kind."""

    def __init__(
        self, found: Walkable, at: int, zone: str, linked: Mapping[str, frozenset[int]] = MappingProxyType({})
    ) -> None:
        self.found, self.at, self.zone, self.linked = found, at, zone, linked

    def clock(self, minute: int) -> str:
        return moment(self.at + minute * MINUTE, self.zone, self.at)

    def name(self, who: Participant) -> str:
        row = self.found.rows.get((ROW_OF_PARTICIPANT.get(who.kind, ""), who.id))
        return row.name if row else name_of(who, self.found.names)

    def policy_name(self, key: str) -> str:
        return self.name(Participant("policy", key))

    def because(self, notice: Notice) -> str:
        """Returns the level that pages, after the policies around it."""
        path = [self.policy_name(key) for key in notice.path]
        again = [f"round {notice.round}"] if notice.round > 1 else []
        return " › ".join([*path, f"level {notice.level}", *again])

    def rung(self, step: Step) -> Rung:
        return Rung(
            step.minute, self.clock(step.minute), step.level, step.one_of, tuple(map(self._line, step.pages)),
            _OUTCOMES[step.outcome], step.wait,
        )  # fmt: skip

    def _line(self, page: Page) -> TargetLine:
        target, row = page.target, self._row(page.target)
        policies = tuple(map(self._branch, page.branches))
        who = tuple(self._who(each) for each in page.people)
        problems = tuple(self._problems(page, row))
        alone = target.kind == "responder" and row is not None and page.people[0].instead_of is None
        return TargetLine(
            _kind_word(target), row.name if row else target.label or target.key,
            self._url(ROW_OF_TARGET.get(target.kind), row), tuple(option_words(replace(target, notify=""))), who,
            " or " if page.one_of else ", ", problems, row is not None, page.withheld, alone, policies,
        )  # fmt: skip

    def _branch(self, branch: Branch) -> "Ladder":
        policy, row = self.found.context.policies[branch.key], self.found.rows.get(("escalation_policy", branch.key))
        return Ladder.of(branch.walk, policy, self, self.policy_name(branch.key), self._url("escalation_policy", row))

    def _row(self, target: Target) -> Row | None:
        kind = ROW_OF_TARGET.get(target.kind)
        return self.found.rows.get((kind, target.key)) if kind else None

    def _url(self, kind: str | None, row: Row | None) -> str:
        if kind is None or row is None or row.pk not in self.linked.get(kind, ()):
            return ""
        return reverse(f"admin:{_PAGES[kind]}", args=[row.pk])

    def _who(self, paged: Paged) -> Who:
        notes = {"unreachable": ["cannot be reached"], "away": ["away without a replacement"]}.get(paged.state, [])
        if paged.instead_of is not None:
            notes.append(f"replaces {self.name(paged.instead_of)}")
        if paged.through is not None:
            notes.append(f"in {self.name(paged.through)}")
        return Who(self.name(paged.person), "; ".join(notes), paged.state == "reachable")

    def _problems(self, page: Page, row: Row | None) -> Iterator[str]:
        if row is not None and not row.active and page.target.kind in INACTIVE_WORDS:
            yield INACTIVE_WORDS[page.target.kind]
        for problem in page.problems:
            yield self._problem(problem, page.target)
        nobody = not (page.people or page.branches or page.problems or page.withheld)
        if nobody and (row is None or row.active):
            yield "Nobody is on call here at this time."

    def _problem(self, problem: Problem, target: Target) -> str:
        match problem.kind:
            case "unresolved":
                return "It is not known here: import it, or replace it in the form. Who is paged cannot be determined."
            case "routing":
                return "The group's routing depends on the alert, so who is paged cannot be determined."
            case "cycle":
                back = " → ".join(self.policy_name(key) if key else "this policy" for key in problem.path)
                return f"This policy starts inside itself, so the walk stops here: {back}."
        if target.mode != "current" and problem.what is None:
            return f"Who is {target.mode} on call is unknown: no handoff within 60 days, or it cannot be rendered."
        if problem.what is not None and problem.what.kind == "unknown":
            return f"On call is {self.name(problem.what)}, so who is paged cannot be determined."
        what = "It" if problem.what is None else self.name(problem.what)
        return f"{what} is not known here or cannot be read, so who is paged cannot be determined."

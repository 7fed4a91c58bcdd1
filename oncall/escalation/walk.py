"""Walks a policy: who is paged at which minute after an alert, and why. Defined in docs/escalation.md.

Minutes count from the alert. The walk is first computed as if nobody acknowledges or closes the alert. Then
:func:`_with_response` removes the pages that an acknowledgement or a close prevents. So neither moves a level in time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple, Protocol

from oncall.escalation.policy import MOST_MINUTES, MOST_STEPS, Level, Mode, Policy, Target
from oncall.rendering.spec import VACANT, Participant
from oncall.rendering.zones import MINUTE

MOST_NESTED, MOST_AGAIN = 50, 3  # policies inside each other, starts of one policy inside each other

Outcome = Literal["paged", "acknowledged", "unknown", "waited", "skipped"]
MemberSet = Literal["all", "leads", "others"]


class WalkTooLong(ValueError):
    """A walk has more than MOST_STEPS levels, MOST_MINUTES minutes or MOST_NESTED policies inside each other."""


class Context(Protocol):
    """Answers the questions of a walk. Keys are those of targets and participants. None always means: unknown."""

    def policy(self, key: str) -> Policy | None: ...

    def routing(self, group: str) -> str | None:
        """Returns the key of the policy to which the group's routing sends an alert that matches no special rule."""

    def on_call(
        self, schedule: str, instant: int, mode: Mode, layers: tuple[str, ...] | None
    ) -> tuple[Participant, ...] | None:
        """Returns participants of any kind but vacant, after substitutions."""

    def members(self, group: str, which: MemberSet) -> tuple[Participant, ...] | None: ...

    def replacement(self, person: Participant, instant: int, group: str | None) -> Participant:
        """Returns who is paged for a person who is a target or a member of ``group``: the person, or a substitute.

        Vacant means nobody.
        """

    def is_reachable(self, person: Participant) -> bool: ...


@dataclass(frozen=True, slots=True)
class Paged:
    """A person of a page.

    state: ``away`` means that nobody replaces the person. instead_of: the person whom this person replaces. through:
    the group in the schedule to which the person belongs.
    """

    person: Participant
    state: Literal["reachable", "unreachable", "away"]
    instead_of: Participant | None = None
    through: Participant | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a page is incomplete.

    ``unresolved``: the target has no counterpart here. ``unknown``: its key has no row here, or the row cannot be
    read; if ``what`` is a participant of kind ``unknown``, the source names the holder in a way that is unknown here.
    ``routing``: only the alert decides. ``cycle``: a policy would start inside itself at the same instant or too often;
    path: the keys of the policies from its last start on.
    """

    kind: Literal["unresolved", "unknown", "routing", "cycle"]
    what: Participant | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """A policy that starts here and runs beside the policy whose target it is."""

    key: str
    walk: "Walk"


@dataclass(frozen=True, slots=True)
class Page:
    """The result of a target of a level.

    one_of: only one of the people is paged, by chance. withheld: nobody is paged, because the alert is acknowledged.
    """

    target: Target
    people: tuple[Paged, ...] = ()
    branches: tuple[Branch, ...] = ()
    problems: tuple[Problem, ...] = ()
    one_of: bool = False
    withheld: bool = False

    @property
    def staffed(self) -> bool:
        """Whether somebody is reachable, now or later in a policy that starts here."""
        return any(each.state == "reachable" for each in self.people) or any(
            page.staffed for branch in self.branches for step in branch.walk.steps for page in step.pages
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A level of a round (both counted from 1) at ``minute``.

    outcome: ``paged``: somebody reachable is paged. ``acknowledged``: somebody would be paged if the alert were not
    acknowledged. ``unknown``: nobody reachable is known, but a target could not be resolved; the wait runs. ``waited``
    or ``skipped``: nobody is reachable. one_of: only one of the pages happens; the targets take turns. wait: minutes
    until the next level, None if the wait is unknown, no level follows or the level is skipped.
    """

    minute: int
    round: int
    level: int
    outcome: Outcome
    pages: tuple[Page, ...]
    one_of: bool
    wait: int | None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the walk ends at ``minute``.

    ``nothing``: the policy is finished. ``closed``: this policy, another policy or a person closed the alert.
    ``rounds_unknown``, ``wait_unknown``: the number of rounds or the length of a wait is unknown.
    """

    kind: Literal["nothing", "closed", "rounds_unknown", "wait_unknown"]
    minute: int


@dataclass(frozen=True, slots=True)
class Walk:
    steps: tuple[Step, ...]
    ending: Ending


class Notice(NamedTuple):
    """A message to people at ``minute``.

    path: keys of the policies around the level, the innermost last; empty for the policy itself. one_of: at most one of
    the people is paged.
    """

    minute: int
    path: tuple[str, ...]
    round: int
    level: int
    people: tuple[Participant, ...]
    one_of: bool


def walk(
    policy: Policy, context: Context, at: int, acknowledged_at: int | None = None, closed_at: int | None = None
) -> Walk:
    """Returns the walk for an alert that arrives at the instant ``at``. Raises WalkTooLong.

    acknowledged_at, closed_at: minutes after the alert; pages of that minute are prevented.
    """
    return _with_response(_Walker(context, at).walk(policy, 0, (("", policy, 0),)), acknowledged_at, closed_at)


def notices(walk: Walk) -> tuple[Notice, ...]:
    """Returns the notices of all reachable people who are paged, of all policies, sorted by minute."""
    return tuple(sorted(_notices(walk, (), False), key=lambda each: each.minute))


def _notices(walk: Walk, path: tuple[str, ...], perhaps: bool) -> Iterator[Notice]:
    """Yields the notices of a walk. perhaps: the walk may not happen, because its target takes turns with others."""
    for step in walk.steps:
        pages = [page for page in step.pages if not page.withheld]
        drawn = [page for page in pages if step.one_of or page.one_of]
        certain = [page for page in pages if page not in drawn]
        for together in [certain, drawn] if step.one_of else [certain, *([page] for page in drawn)]:
            who = {each.person for page in together for each in page.people if each.state == "reachable"}
            if who:
                one_of = perhaps or together is not certain
                yield Notice(step.minute, path, step.round, step.level, tuple(sorted(who)), one_of)
        for branch in (branch for page in pages for branch in page.branches):
            yield from _notices(branch.walk, (*path, branch.key), perhaps or step.one_of)


# --- acknowledging and closing ----------------------------------------------------------------------------------------


def _with_response(walk: Walk, acknowledged_at: int | None, closed_at: int | None) -> Walk:
    """Returns the walk without the pages that the acknowledgement and the close prevent.

    When a policy closes the alert, all policies beside it end after that minute.
    """
    if acknowledged_at is not None:
        walk = _acknowledged(walk, acknowledged_at)
    own = min(_closings(walk), default=None)
    if closed_at is not None and (own is None or closed_at <= own):
        return _closed(walk, closed_at, closed_at)
    return walk if own is None else _closed(walk, own + 1, own)


def _acknowledged(walk: Walk, minute: int) -> Walk:
    return replace(walk, steps=tuple(_acknowledged_step(step, minute) for step in walk.steps))


def _acknowledged_step(step: Step, minute: int) -> Step:
    pages = tuple(_acknowledged_page(page, step.minute, minute) for page in step.pages)
    prevented = step.outcome == "paged" and all(
        now.withheld for before, now in zip(step.pages, pages, strict=True) if before.staffed
    )
    return replace(step, pages=pages, outcome="acknowledged" if prevented else step.outcome)


def _acknowledged_page(page: Page, due: int, minute: int) -> Page:
    if due >= minute and page.target.condition == "not_acked":
        return replace(page, withheld=True, branches=())
    branches = (replace(branch, walk=_acknowledged(branch.walk, minute)) for branch in page.branches)
    return replace(page, branches=tuple(branches))


def _closings(walk: Walk) -> Iterator[int]:
    if walk.ending.kind == "closed":
        yield walk.ending.minute
    certain = (step for step in walk.steps if not step.one_of)
    for branch in (branch for step in certain for page in step.pages for branch in page.branches):
        yield from _closings(branch.walk)


def _closed(walk: Walk, before: int, minute: int) -> Walk:
    """Returns the steps before the minute ``before``; the alert is closed at ``minute``."""
    steps = tuple(
        replace(step, pages=tuple(_closed_page(page, before, minute) for page in step.pages))
        for step in walk.steps
        if step.minute < before
    )
    ends = len(steps) < len(walk.steps) or walk.ending.minute >= minute
    return Walk(steps, Ending("closed", minute) if ends else walk.ending)


def _closed_page(page: Page, before: int, minute: int) -> Page:
    branches = (replace(branch, walk=_closed(branch.walk, before, minute)) for branch in page.branches)
    return replace(page, branches=tuple(branches))


# --- without an acknowledgement or a close ----------------------------------------------------------------------------

Path = tuple[tuple[str, Policy, int], ...]  # the int: the minute in which it starts


class _Found(NamedTuple):
    people: tuple[Paged, ...] = ()
    branches: tuple[Branch, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Walker:
    """Walks a policy and its branches, which share one limit of steps."""

    def __init__(self, context: Context, at: int) -> None:
        self.context, self.at, self.left = context, at, MOST_STEPS

    def walk(self, policy: Policy, start: int, path: Path) -> Walk:
        """Returns the walk of a policy that starts at the minute ``start``. path: the policies around it and itself."""
        if len(path) > MOST_NESTED:
            raise WalkTooLong(f"more than {MOST_NESTED} policies are inside each other")
        steps: list[Step] = []
        minute = start + policy.initial_wait
        last = (1 + (policy.repeat_count or 0), len(policy.levels))
        for number in range(1, last[0] + 1) if policy.levels else ():
            for position, level in enumerate(policy.levels, 1):
                step = self._step(policy, level, (minute, number, position), start, path)
                steps.append(step)
                if step.outcome == "skipped":
                    continue
                if level.wait is None and (number, position) != last:
                    return Walk(tuple(steps), Ending("wait_unknown", minute))
                minute += level.wait or 0
        if policy.repeat_count is None and policy.levels:
            return Walk(tuple(steps), Ending("rounds_unknown", minute))
        closes = policy.after_last == "close" and policy.levels
        return Walk(tuple(steps), Ending("closed" if closes else "nothing", minute))

    def _step(self, policy: Policy, level: Level, place: tuple[int, int, int], start: int, path: Path) -> Step:
        minute, number, position = place
        self.left -= 1
        if self.left < 0:
            raise WalkTooLong(f"it has more than {MOST_STEPS} levels")
        if minute > MOST_MINUTES:
            raise WalkTooLong(f"it takes more than {MOST_MINUTES} minutes")
        instant = self.at + (start if policy.resolved == "start" else minute) * MINUTE
        pages = tuple(self._page(target, instant, minute, path) for target in level.targets)
        outcome: Outcome
        if any(page.staffed for page in pages):
            outcome = "paged"
        elif any(_is_incomplete(page) for page in pages):
            outcome = "unknown"
        else:
            outcome = "skipped" if _is_skipped(policy, number, position) else "waited"
        one_of = level.distribution == "round_robin" and len(pages) > 1
        wait = None if outcome == "skipped" else level.wait
        return Step(minute, number, position, outcome, pages, one_of, wait)

    def _page(self, target: Target, instant: int, minute: int, path: Path) -> Page:
        people, branches, problems = self._found(target, instant, minute, path)
        return Page(target, people, branches, problems, one_of=target.members == "random" and len(people) > 1)

    def _found(self, target: Target, instant: int, minute: int, path: Path) -> _Found:
        match target.kind:
            case "responder":
                return _Found((self._paged(Participant("person", target.key), instant),))
            case "schedule":
                return self._on_call(target, instant, minute, path)
            case "user_group":
                which: MemberSet = "all" if target.members == "random" else target.members
                return self._members(target.key, which, instant, None)
            case "group_routing":
                return self._routing(target.key, minute, path)
            case "escalation_policy":
                return self._policy(target.key, minute, path)
        return _Found(problems=(Problem("unresolved"),))

    def _on_call(self, target: Target, instant: int, minute: int, path: Path) -> _Found:
        participants = self.context.on_call(target.key, instant, target.mode, target.layers)
        if participants is None:
            return _Found(problems=(Problem("unknown"),))
        found = [self._participant(participant, instant, minute, path) for participant in participants]
        return _Found(
            tuple(chain.from_iterable(each.people for each in found)),
            tuple(chain.from_iterable(each.branches for each in found)),
            tuple(chain.from_iterable(each.problems for each in found)),
        )

    def _participant(self, participant: Participant, instant: int, minute: int, path: Path) -> _Found:
        """Returns whom a participant of a schedule pages. The schedule has already applied substitutions of people."""
        match participant.kind:
            case "person":
                return _Found((Paged(participant, self._state(participant)),))
            case "group":
                return self._members(participant.id, "all", instant, participant)
            case "group_routing":
                return self._routing(participant.id, minute, path)
            case "policy":
                return self._policy(participant.id, minute, path)
        return _Found(problems=(Problem("unknown", participant),))

    def _members(self, group: str, which: MemberSet, instant: int, through: Participant | None) -> _Found:
        members = self.context.members(group, which)
        if members is None:
            return _Found(problems=(Problem("unknown", Participant("group", group)),))
        return _Found(tuple(replace(self._paged(each, instant, group), through=through) for each in members))

    def _paged(self, person: Participant, instant: int, group: str | None = None) -> Paged:
        paged = self.context.replacement(person, instant, group)
        if paged == VACANT:
            return Paged(person, "away")
        return Paged(paged, self._state(paged), None if paged == person else person)

    def _state(self, person: Participant) -> Literal["reachable", "unreachable"]:
        return "reachable" if self.context.is_reachable(person) else "unreachable"

    def _routing(self, group: str, minute: int, path: Path) -> _Found:
        key = self.context.routing(group)
        if key is None:
            return _Found(problems=(Problem("routing", Participant("group_routing", group)),))
        return self._policy(key, minute, path)

    def _policy(self, key: str, minute: int, path: Path) -> _Found:
        policy = self.context.policy(key)
        if policy is None:
            return _Found(problems=(Problem("unknown", Participant("policy", key)),))
        # Compare values: equal policies have equal walks, even if their keys differ. Later, others may be on call.
        starts = [(place, begun) for place, (_, outer, begun) in enumerate(path) if outer == policy]
        if len(starts) == MOST_AGAIN or any(begun == minute for _, begun in starts):
            keys = (*(each for each, *_ in path[starts[-1][0] :]), key)
            return _Found(problems=(Problem("cycle", Participant("policy", key), keys),))
        return _Found((), (Branch(key, self.walk(policy, minute, (*path, (key, policy, minute)))),))


def _is_skipped(policy: Policy, number: int, position: int) -> bool:
    """Whether a level in which nobody is reachable takes no time.

    The wait after a round's last level is the pause before the next round.
    """
    if policy.unstaffed_level != "skip_within_round":
        return policy.unstaffed_level == "skip"
    return position < len(policy.levels) or number > (policy.repeat_count or 0)


def _is_incomplete(page: Page) -> bool:
    """Whether the page may reach more people than are known."""
    return any(problem.kind != "cycle" for problem in page.problems) or any(
        _is_incomplete(inner) for branch in page.branches for step in branch.walk.steps for inner in step.pages
    )

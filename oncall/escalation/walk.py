"""The walk: who is paged at which minute after an alert, and why. Defined in docs/escalation.md.

Minutes count from the alert. First the whole course is foreseen as if nobody did anything; then :func:`answered` takes
out what an acknowledgement or a close prevents. So neither of them moves a level in time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple, Protocol

from oncall.escalation.policy import Level, Policy, Target
from oncall.rendering.spec import VACANT, Participant
from oncall.rendering.zones import MINUTE

MOST_STEPS = 2_000
MOST_MINUTES = 366 * 1_440
MOST_NESTED = 50

Outcome = Literal["paged", "acknowledged", "not_told", "waited", "skipped"]
Members = Literal["all", "leads", "others"]


class WalkTooLong(ValueError):
    """A walk of more than MOST_STEPS levels, MOST_MINUTES minutes or MOST_NESTED policies inside each other."""


class Context(Protocol):
    """What the walk asks about the world. Keys are those of targets and participants; None always means: not known."""

    def policy(self, key: str) -> Policy | None: ...

    def routing(self, group: str) -> str | None:
        """The key of the policy that a group's routing leads to when nothing about the alert decides otherwise."""

    def on_call(
        self, schedule: str, instant: int, mode: Literal["current", "next", "previous"], layers: tuple[str, ...] | None
    ) -> tuple[Participant, ...] | None:
        """Participants of any kind but vacant, substitutions applied."""

    def members(self, group: str, which: Members) -> tuple[Participant, ...] | None: ...

    def stand_in(self, person: Participant, instant: int, group: str | None) -> Participant:
        """Who is paged instead of a person who is a target or a member of ``group``; vacant for nobody."""

    def is_reachable(self, person: Participant) -> bool: ...


@dataclass(frozen=True, slots=True)
class Paged:
    """One person of a page. instead_of: whom they stand in for. through: the group in a schedule that they come from.
    ``away``: a substitution by nobody."""

    person: Participant
    state: Literal["reachable", "unreachable", "away"]
    instead_of: Participant | None = None
    through: Participant | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What cannot be told of a page: the source's target has no counterpart (``unresolved``), what it names is not
    known here or cannot be read (``not_known``), or the alert decides (``routing``). ``cycle``: a policy that leads
    back into itself is cut here; path: its keys, from its first place to the repeated one."""

    kind: Literal["unresolved", "not_known", "routing", "cycle"]
    what: Participant | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A policy that begins here and runs beside the one that named it."""

    key: str
    walk: "Walk"


@dataclass(frozen=True, slots=True)
class Page:
    """What a level does about one target. one_of: one of the people, by chance. withheld: the alert is acknowledged."""

    target: Target
    people: tuple[Paged, ...] = ()
    parts: tuple[Part, ...] = ()
    problems: tuple[Problem, ...] = ()
    one_of: bool = False
    withheld: bool = False

    @property
    def staffed(self) -> bool:
        """Whether somebody reachable is there, now or later in a policy that begins here."""
        return any(each.state == "reachable" for each in self.people) or any(
            page.staffed for part in self.parts for step in part.walk.steps for page in step.pages
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One level of one round (both from 1) at ``minute``. one_of: one of the pages, in turn. wait: minutes until the
    next level, None where that is not known, does not come, or the level is skipped.

    outcome: ``paged`` somebody reachable; ``acknowledged``: they would have been; ``not_told``: nobody who is known,
    but a target cannot be told, so its time runs; ``waited`` or ``skipped``: nobody reachable.
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
    """Why nothing follows from ``minute`` on: ``nothing`` is left to do; ``closed``: the alert is, by this policy or
    otherwise; it is not known how many rounds there are, or how long a wait is."""

    kind: Literal["nothing", "closed", "rounds_not_known", "wait_not_known"]
    minute: int


@dataclass(frozen=True, slots=True)
class Walk:
    steps: tuple[Step, ...]
    ending: Ending


class Notice(NamedTuple):
    """At ``minute`` somebody may be paged: all of ``people``, or ``one_of`` them. path: keys of the policies, the
    innermost last, that lead there; empty for the policy itself."""

    minute: int
    path: tuple[str, ...]
    round: int
    level: int
    people: tuple[Participant, ...]
    one_of: bool


def walk(
    policy: Policy, context: Context, at: int, acknowledged_at: int | None = None, closed_at: int | None = None
) -> Walk:
    """The course of an alert that arrives at the instant ``at``.

    acknowledged_at, closed_at: minutes after it; what is due in that minute is prevented. Raises WalkTooLong.
    """
    return answered(_Foreseeing(context, at).walk(policy, 0, (("", policy),)), acknowledged_at, closed_at)


def notices(walk: Walk) -> tuple[Notice, ...]:
    """Everybody reachable who is paged, by minute; parallel policies in between each other."""
    return tuple(sorted(_notices(walk, (), False), key=lambda each: each.minute))


def _notices(walk: Walk, path: tuple[str, ...], perhaps: bool) -> Iterator[Notice]:
    """perhaps: the whole walk is one of several candidates."""
    for step in walk.steps:
        pages = [page for page in step.pages if not page.withheld]
        drawn = [page for page in pages if step.one_of or page.one_of]
        certain = [page for page in pages if page not in drawn]
        for together in [certain, drawn] if step.one_of else [certain, *([page] for page in drawn)]:
            who = {each.person for page in together for each in page.people if each.state == "reachable"}
            if who:
                one_of = perhaps or together is not certain
                yield Notice(step.minute, path, step.round, step.level, tuple(sorted(who)), one_of)
        for part in (part for page in pages for part in page.parts):
            yield from _notices(part.walk, (*path, part.key), perhaps or step.one_of)


# --- what somebody does about the alert -------------------------------------------------------------------------------


def answered(walk: Walk, acknowledged_at: int | None, closed_at: int | None) -> Walk:
    """The foreseen walk without what the acknowledgement and the close prevent; a policy that closes the alert ends
    all that run beside it, after that minute."""
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
        return replace(page, withheld=True, parts=())
    return replace(page, parts=tuple(replace(part, walk=_acknowledged(part.walk, minute)) for part in page.parts))


def _closings(walk: Walk) -> Iterator[int]:
    if walk.ending.kind == "closed":
        yield walk.ending.minute
    certain = (step for step in walk.steps if not step.one_of)
    for part in (part for step in certain for page in step.pages for part in page.parts):
        yield from _closings(part.walk)


def _closed(walk: Walk, before: int, minute: int) -> Walk:
    """Only what is due before the minute ``before``; the alert is closed at ``minute``."""
    steps = tuple(
        replace(step, pages=tuple(_closed_page(page, before, minute) for page in step.pages))
        for step in walk.steps
        if step.minute < before
    )
    ends = len(steps) < len(walk.steps) or walk.ending.minute >= minute
    return Walk(steps, Ending("closed", minute) if ends else walk.ending)


def _closed_page(page: Page, before: int, minute: int) -> Page:
    return replace(page, parts=tuple(replace(part, walk=_closed(part.walk, before, minute)) for part in page.parts))


# --- what is foreseen -------------------------------------------------------------------------------------------------

Path = tuple[tuple[str, Policy], ...]


class _Found(NamedTuple):
    people: tuple[Paged, ...] = ()
    parts: tuple[Part, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Foreseeing:
    """Counts the steps of a walk and of all that run beside it."""

    def __init__(self, context: Context, at: int) -> None:
        self.context, self.at, self.left = context, at, MOST_STEPS

    def walk(self, policy: Policy, start: int, path: Path) -> Walk:
        """The course of a policy that begins at the minute ``start``. path: the policies around it, and itself."""
        if len(path) > MOST_NESTED:
            raise WalkTooLong(f"more than {MOST_NESTED} policies inside each other")
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
                    return Walk(tuple(steps), Ending("wait_not_known", minute))
                minute += level.wait or 0
        if policy.repeat_count is None and policy.levels:
            return Walk(tuple(steps), Ending("rounds_not_known", minute))
        closes = policy.after_last == "close" and policy.levels
        return Walk(tuple(steps), Ending("closed" if closes else "nothing", minute))

    def _step(self, policy: Policy, level: Level, place: tuple[int, int, int], start: int, path: Path) -> Step:
        minute, number, position = place
        self.left -= 1
        if self.left < 0:
            raise WalkTooLong(f"more than {MOST_STEPS} levels are gone through")
        if minute > MOST_MINUTES:
            raise WalkTooLong(f"it goes on for more than {MOST_MINUTES} minutes")
        looked_up = self.at + (start if policy.resolved == "start" else minute) * MINUTE
        pages = tuple(self._page(target, looked_up, minute, path) for target in level.targets)
        outcome: Outcome
        if any(page.staffed for page in pages):
            outcome = "paged"
        elif any(_is_untold(page) for page in pages):
            outcome = "not_told"
        else:
            outcome = "skipped" if _is_passed_on(policy, number, position) else "waited"
        one_of = level.distribution == "round_robin" and len(pages) > 1
        wait = None if outcome == "skipped" else level.wait
        return Step(minute, number, position, outcome, pages, one_of, wait)

    def _page(self, target: Target, instant: int, minute: int, path: Path) -> Page:
        people, parts, problems = self._found(target, instant, minute, path)
        return Page(target, people, parts, problems, one_of=target.members == "random" and len(people) > 1)

    def _found(self, target: Target, instant: int, minute: int, path: Path) -> _Found:
        match target.kind:
            case "responder":
                return _Found((self._paged(Participant("person", target.key), instant),))
            case "schedule":
                return self._on_call(target, instant, minute, path)
            case "user_group":
                which: Members = "all" if target.members == "random" else target.members
                return self._members(target.key, which, instant, None)
            case "group_routing":
                return self._routed(target.key, minute, path)
            case "escalation_policy":
                return self._policy(target.key, minute, path)
        return _Found(problems=(Problem("unresolved"),))

    def _on_call(self, target: Target, instant: int, minute: int, path: Path) -> _Found:
        participants = self.context.on_call(target.key, instant, target.mode, target.layers)
        if participants is None:
            return _Found(problems=(Problem("not_known"),))
        found = [self._participant(one, instant, minute, path) for one in participants]
        return _Found(
            tuple(chain.from_iterable(each.people for each in found)),
            tuple(chain.from_iterable(each.parts for each in found)),
            tuple(chain.from_iterable(each.problems for each in found)),
        )

    def _participant(self, one: Participant, instant: int, minute: int, path: Path) -> _Found:
        """Of a schedule, which has applied the substitutions of people already."""
        match one.kind:
            case "person":
                return _Found((Paged(one, self._state(one)),))
            case "group":
                return self._members(one.id, "all", instant, one)
            case "group_routing":
                return self._routed(one.id, minute, path)
        return self._policy(one.id, minute, path)

    def _members(self, group: str, which: Members, instant: int, through: Participant | None) -> _Found:
        members = self.context.members(group, which)
        if members is None:
            return _Found(problems=(Problem("not_known", Participant("group", group)),))
        return _Found(tuple(replace(self._paged(each, instant, group), through=through) for each in members))

    def _paged(self, person: Participant, instant: int, group: str | None = None) -> Paged:
        by = self.context.stand_in(person, instant, group)
        if by == VACANT:
            return Paged(person, "away")
        return Paged(by, self._state(by), None if by == person else person)

    def _state(self, person: Participant) -> Literal["reachable", "unreachable"]:
        return "reachable" if self.context.is_reachable(person) else "unreachable"

    def _routed(self, group: str, minute: int, path: Path) -> _Found:
        key = self.context.routing(group)
        if key is None:
            return _Found(problems=(Problem("routing", Participant("group_routing", group)),))
        return self._policy(key, minute, path)

    def _policy(self, key: str, minute: int, path: Path) -> _Found:
        policy = self.context.policy(key)
        if policy is None:
            return _Found(problems=(Problem("not_known", Participant("policy", key)),))
        # By value: equal policies lead to equal ones, whatever keys they go by.
        around = next((place for place, (_, one) in enumerate(path) if one == policy), None)
        if around is not None:
            keys = (*(each for each, _ in path[around:]), key)
            return _Found(problems=(Problem("cycle", Participant("policy", key), keys),))
        return _Found((), (Part(key, self.walk(policy, minute, (*path, (key, policy)))),))


def _is_passed_on(policy: Policy, number: int, position: int) -> bool:
    """Whether a level with nobody takes no time. The wait after a round's last level is the pause before the next."""
    if policy.unstaffed_level != "skip_within_round":
        return policy.unstaffed_level == "skip"
    return position < len(policy.levels) or number > (policy.repeat_count or 0)


def _is_untold(page: Page) -> bool:
    """Whether somebody may be there whom nobody can name."""
    return any(problem.kind != "cycle" for problem in page.problems) or any(
        _is_untold(inner) for part in page.parts for step in part.walk.steps for inner in step.pages
    )

"""Says whom a policy reaches first, at each instant at which an alert may arrive."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain
from typing import Final

from oncall.escalation.context import WalkContext, with_layers
from oncall.escalation.policy import Level, Policy
from oncall.escalation.walk import Notice, Walk, WalkTooLong, notices, walk
from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import NO_HOLDER, Held, Who, merged
from oncall.rendering.spec import InvalidSpec
from oncall.rendering.zones import DAY, MINUTE

#: Who is paged later than this many seconds after the alert is not the first whom the policy reaches.
REACH: Final = DAY


def first_reached(policy: Policy, context: WalkContext, at: int) -> Who:
    """Returns the people of the first minute in which somebody reachable is paged, sorted; nobody if there is none.

    at: the instant of the alert. People of whom only one is paged are all in the result. If the walk is too long,
    nobody is known.
    """
    try:
        return _first(walk(policy, context, at))[1]
    except WalkTooLong:
        return NO_HOLDER


def first_spans(policy: Policy, context: WalkContext, since: int, until: int) -> tuple[Span, ...]:
    """Returns whom the policy reaches first for alerts in ``[since, until)``, as spans of a final schedule.

    The result of a walk stays the same until one of its schedules or substitutions changes at the instant of one of its
    levels. So only these instants are walked.
    """
    edges = _edges(policy, context, since, until + REACH)
    held: list[Held] = []
    at = since
    while at < until:
        try:
            found = walk(policy, context, at)
        except WalkTooLong:
            return ()
        last, who = _first(found)
        # A policy may look up who is on call at its start, so the minute 0 always counts.
        minutes = {0, *(minute for minute in _minutes(found) if minute <= last)}
        following = min(_next(edges, at + minute * MINUTE, until + REACH) - minute * MINUTE for minute in minutes)
        end = min(following, until)
        if who:
            held.append((at, end, who))
        at = end
    return tuple(map(Span._make, merged(held)))


def _first(found: Walk) -> tuple[int, Who]:
    """Returns the first minute with somebody reachable and these people; the end of REACH and nobody if none is."""
    paged = [notice for notice in notices(found) if notice.minute * MINUTE <= REACH]
    if not paged:
        return REACH // MINUTE, NO_HOLDER
    first = paged[0].minute
    return first, _people(notice for notice in paged if notice.minute == first)


def _people(paged: Iterator[Notice]) -> Who:
    return tuple(sorted({who for notice in paged for who in notice.people}))


def _minutes(found: Walk) -> Iterator[int]:
    """Yields the minutes of all levels, also of policies that start inside."""
    for step in found.steps:
        yield step.minute
        for branch in (branch for page in step.pages for branch in page.branches):
            yield from _minutes(branch.walk)


def _next(edges: list[int], instant: int, end: int) -> int:
    """Returns the first edge after an instant; ``end`` if there is none."""
    place = bisect_right(edges, instant)
    return edges[place] if place < len(edges) else end


def _edges(policy: Policy, context: WalkContext, since: int, until: int) -> list[int]:
    """Returns the instants at which the answers of a context may change, in order."""
    found: set[int] = set()
    for key, layers in _schedules(policy, context):
        if key not in context.schedules:
            continue
        spec, substitutions = context.schedules[key]
        try:
            limited = spec if layers is None else with_layers(spec, layers)
            spans = render_final(limited, substitutions, since, until)
        except InvalidSpec:  # the walk reports it as unknown, at every instant
            continue
        found.update(chain.from_iterable(span[:2] for span in spans))
    for substitution in chain.from_iterable(context.substitutions.values()):
        found |= {substitution.starts_at, substitution.ends_at}
    return sorted(found)


def _schedules(policy: Policy, context: WalkContext) -> set[tuple[str, tuple[str, ...] | None]]:
    """Returns the schedules of all targets of a context, each with the layers that count."""
    levels: list[Level] = [*policy.levels, *chain.from_iterable(each.levels for each in context.policies.values())]
    targets = chain.from_iterable(level.targets for level in levels)
    return {(target.key, target.layers) for target in targets if target.kind == "schedule"}

"""Asks the database at many instants who is on call, and judges an impact by the answers before and after a change.

It renders no ranges: each instant of each schedule and policy is answered by itself.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from oncall.escalation.codec import InvalidPolicy
from oncall.escalation.walk import notices, walk
from oncall.models import EscalationPolicy, Responder, Schedule
from oncall.rendering.answers import on_call_at
from oncall.rendering.codec import participant_to_text
from oncall.rendering.spec import Participant
from oncall.selectors.policies import Walkable, walkable
from oncall.selectors.schedules import specs
from syncjobs.models import ExternalLink
from syncjobs.planning.impact.values import COVERED, NEXT, Impact, Subject

STEP, LONG_STEP = 1_800, 6 * 3_600
Who = tuple[str, ...]


@dataclass
class Answers:
    """The answers of the database. people: names of responders by id. merged: where rows were merged into."""

    at: int
    who: dict[tuple[str, int], dict[int, Who]] = field(default_factory=dict)
    people: dict[int, str] = field(default_factory=dict)
    merged: dict[tuple[str, int], int] = field(default_factory=dict)


def ask(at: int) -> Answers:
    """Ask for every schedule for COVERED from ``at`` on, and for every policy for NEXT."""
    found = Answers(at)
    day = range(at, at + NEXT, STEP)
    week = (*day, *range(at + NEXT, at + COVERED, LONG_STEP))
    for row in Schedule.objects.all():
        loaded = specs([row.pk]).get(row.pk)
        found.who["schedule", row.pk] = {t: () if loaded is None else _texts(on_call_at(*loaded, t)) for t in week}
        if row.merged_into_id:
            found.merged["schedule", row.pk] = row.merged_into_id
    for policy in EscalationPolicy.objects.all():
        with suppress(InvalidPolicy):
            read = walkable(policy, at)
            found.who["escalation_policy", policy.pk] = {t: _first(read, t) for t in day}
        if policy.merged_into_id:
            found.merged["escalation_policy", policy.pk] = policy.merged_into_id
    found.people = dict(Responder.objects.values_list("pk", "name"))
    return found


def _texts(who: tuple[Participant, ...]) -> Who:
    return tuple(map(participant_to_text, who))


def _first(read: Walkable, t: int) -> Who:
    paged = [each for each in notices(walk(read.policy, read.context, t)) if each.minute <= 1_440]
    first = {who for each in paged if each.minute == paged[0].minute for who in each.people}
    return _texts(tuple(sorted(first)))


def judge(impact: Impact, before: Answers, after: Answers) -> int:
    """Raise AssertionError if the impact is not what the database says. Return how many answers differ."""
    same = _Same(before, after)
    listed: dict[tuple[str, int], list[tuple[int, Who, Who]]] = {}
    for change in (*impact.now, *impact.next_24h):
        listed.setdefault(same.row(change.subject), []).append(
            (change.at, same.people(change.before), same.people(change.after))
        )
    uncovered: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for each in impact.uncovered:
        uncovered.setdefault(same.row(each.subject), []).append((each.since, each.until))
    differing = 0
    rows = before.who.keys() | after.who.keys()
    assert listed.keys() <= rows
    for row in rows:
        was, will = before.who.get(row, {}), after.who.get(same.root(row), {})
        for t in sorted(was.keys() | will.keys()):
            old, new = same.people(was.get(t, ())), same.people(will.get(t, ()))
            differing += old != new
            if t < impact.at + NEXT:
                _judge_instant(row, t, old, new, listed.get(row, []))
            if row[0] == "schedule":
                is_uncovered = any(since <= t < until for since, until in uncovered.get(row, []))
                assert is_uncovered == bool(old and not new), (row, t, old, new)
    for changes in listed.values():
        assert all(old != new for _, old, new in changes)
        assert len({at for at, *_ in changes}) == len(changes)
    return differing


def _judge_instant(row: Any, t: int, old: Who, new: Who, changes: list[tuple[int, Who, Who]]) -> None:
    """A difference is the last one that began; and one that begins at this instant is one."""
    began = [each for each in changes if each[0] <= t]
    if old != new:
        assert began, (row, t, old, new)
        assert max(began)[1:] == (old, new), (row, t, old, new, changes)
    assert all(each[1:] == (old, new) for each in changes if each[0] == t), (row, t, old, new, changes)


class _Same:
    """Gives people one name on both sides: that of their row after the change."""

    def __init__(self, before: Answers, after: Answers) -> None:
        self._before, self._after = before, after
        self._links = {(link.entity_type, link.key): link for link in ExternalLink.objects.exclude(responder=None)} | {
            (link.entity_type, link.key): link for link in ExternalLink.objects.filter(responder=None)
        }
        self._into = dict(Responder.objects.exclude(merged_into=None).values_list("pk", "merged_into"))

    def row(self, subject: Subject) -> tuple[str, int]:
        if subject.key.startswith("local:"):
            return subject.kind, int(subject.key.removeprefix("local:"))
        return subject.kind, self._links[subject.kind, subject.key].row_id or 0

    def root(self, row: tuple[str, int]) -> tuple[str, int]:
        while row in self._after.merged and row not in self._before.merged:
            row = row[0], self._after.merged[row]
        return row

    def people(self, who: Who) -> Who:
        return tuple(sorted({self._person(each) for each in who}))

    def _person(self, text: str) -> str:
        kind, _, key = text.partition(":")
        if kind != "person":
            return text
        if key.startswith("local:"):
            pk = int(key.removeprefix("local:"))
        elif link := self._links.get(("responder", key)):
            pk = link.row_id or 0
        else:
            return text
        while pk in self._into and self._names(pk) == self._names(self._into[pk]):
            pk = self._into[pk]
        return f"person:local:{pk}"

    def _names(self, pk: int) -> str:
        names: Mapping[int, str] = self._after.people if pk in self._after.people else self._before.people
        return self._before.people.get(pk, names.get(pk, ""))

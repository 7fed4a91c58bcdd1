"""Which override applies to whom, and when: the strongest one for each source and participant in each part of a range.

A source is a layer or an extra shift. Overrides that apply to the same sources and replace the same participant form a
class. Each class becomes one list of disjoint spans, in which its strongest override counts. So the cost depends on how
many overrides there are, and not on how many of them run at the same time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain

from oncall.rendering.intervals import Held, Spans, Who, intersect, joined, outside, over, together, within
from oncall.rendering.layers import alone
from oncall.rendering.spec import LATEST, Override, Participant

#: Spans with the position of an override in :attr:`Overriding.ranked`; the first is the strongest.
Ranked = Spans[int]
#: Sources, and who is on call in each before overrides. Time without participants has no span.
Sources = Iterable[tuple[str, Sequence[Held]]]
#: For the key of a source, and None for all sources: which override counts when the source is empty.
Fillers = Mapping[str | None, Ranked]


def by_rank(overrides: Iterable[Override]) -> list[Override]:
    """Returns the overrides, the strongest first: by rank, then the latest start, then the greatest key."""
    return sorted(overrides, key=lambda override: (override.rank, override.starts_at, override.key), reverse=True)


class Overriding:
    """The overrides of a range.

    ranked: those that apply to a source, the strongest first. special: the keys of the sources that an override names.
    All other sources have the same overrides.
    """

    def __init__(self, overrides: Iterable[Override], keys: frozenset[str], since: int, until: int) -> None:
        """keys: of all sources."""
        self._since, self._until = since, until
        self.ranked: list[Override] = []
        self._replacing: dict[tuple[str | None, Participant | None], Ranked] = defaultdict(list)
        self._covering: dict[tuple[frozenset[str] | None, bool], Ranked] = defaultdict(list)
        for override in by_rank(overrides):
            start, end = max(override.starts_at, since), min(override.ends_at, until)
            sources = None if override.sources is None else override.sources & keys
            if start >= end or sources == frozenset():
                continue
            if sources == keys:
                sources = None
            span = (start, end, len(self.ranked))
            self.ranked.append(override)
            for source in sources or (None,):
                self._replacing[source, override.replaces].append(span)
            if override.covers_gaps:
                self._covering[sources, override.replaces is None].append(span)
        self.special = frozenset(source for source, _ in self._replacing if source is not None)
        self._people = frozenset(person for _, person in self._replacing if person is not None)
        self._counting: dict[tuple[str | None, Participant | None], Ranked] = {}

    def strongest(self) -> Ranked:
        """Returns which override is the strongest of all."""
        return _strongest(set(chain.from_iterable(self._replacing.values())))

    def fillers(self, sources: Sources | None) -> Fillers:
        """Returns which override fills which empty source.

        An override that replaces one certain person fills a source only when all sources that it applies to are empty.
        sources: all sources; None if each source is rendered alone.
        """
        own: dict[str | None, list[Held]] = defaultdict(list)
        for key, held in sources or ():
            own[key] += held
            own[None] += held
        found: dict[str | None, Ranked] = defaultdict(list)
        for (named, replaces_everyone), spans in self._covering.items():
            strongest = _strongest(spans)
            if sources is not None and not replaces_everyone:
                staffed = joined(each[:2] for key in named or (None,) for each in own[key] if each[2])
                strongest = intersect(outside(staffed, self._since, self._until), strongest)
            for source in named or (None,):
                found[source] += strongest
        return {source: _strongest(each) for source, each in found.items()}

    def replaced(self, key: str | None, who: Who, start: int, end: int) -> list[Held]:
        """Returns who is on call in a source in which ``who`` is on call in ``[start, end)`` before overrides."""
        everyone = self._of(key, None, start, end)
        people = self._people.intersection(who) if self._people else ()
        single = {each: found for each in people if (found := self._of(key, each, start, end))}
        if not everyone and not single:
            return [(start, end, who)]
        rest = tuple(each for each in who if each not in single)
        result = over(self.people(_strongest(everyone)), [(start, end, rest)]) if rest else []
        for each, found in single.items():
            result += over(self.people(_strongest([*everyone, *found])), [(start, end, (each,))])
        return together(result) if single else result

    def filled(self, fillers: Fillers, key: str | None, start: int, end: int) -> list[Held]:
        """Returns who fills an empty source in ``[start, end)``. fillers: of :meth:`fillers`."""
        found = (span for each in {None, key} & fillers.keys() for span in within(fillers[each], start, end))
        return self.people(_strongest(found))

    def decided(
        self, fillers: Fillers, key: str, who: Who, instant: int
    ) -> list[tuple[Participant | None, Override | None]]:
        """Returns which override replaces whom in a source at one instant.

        The result has a pair (participant, override) for each participant of ``who``; the override is None if the
        participant is not replaced. If ``who`` is empty, the result is one pair (None, override that fills the source),
        or it is empty.
        """
        everyone = self._of(key, None, instant, instant + 1)
        if who:
            own = ((each, self._of(key, each, instant, instant + 1) if each in self._people else []) for each in who)
            return [(each, self._first([*everyone, *replacing])) for each, replacing in own]
        filling = self._first(
            span for each in (None, key) for span in within(fillers.get(each, []), instant, instant + 1)
        )
        return [(None, filling)] if filling else []

    def _first(self, spans: Iterable[tuple[int, int, int]]) -> Override | None:
        rank = min((rank for _, _, rank in spans), default=None)
        return None if rank is None else self.ranked[rank]

    def people(self, spans: Ranked) -> list[Held]:
        """Returns who is on call by these overrides; :data:`NO_HOLDER` by a vacant one."""
        return [(start, end, alone(self.ranked[rank].by)) for start, end, rank in spans]

    def _of(self, key: str | None, person: Participant | None, start: int, end: int) -> Ranked:
        """Returns the strongest overrides of the classes that replace this person (None: everyone) in the source."""
        return [
            span
            for each in {(None, person), (key, person)} & self._replacing.keys()
            for span in within(self._class(each), start, end)
        ]

    def _class(self, key: tuple[str | None, Participant | None]) -> Ranked:
        if key not in self._counting:
            self._counting[key] = _strongest(self._replacing[key])
        return self._counting[key]


def _strongest(spans: Iterable[tuple[int, int, int]]) -> Ranked:
    """Returns disjoint spans with the strongest override of each instant, in order."""
    result: Ranked = []
    running: list[tuple[int, int]] = []  # a heap of (rank, end); ended ones are removed when they come to its top
    reached = 0
    for start, end, rank in [*sorted(spans), (LATEST, LATEST, 0)]:
        while running and reached < start:
            strongest, ends = running[0]
            if ends <= reached:
                heappop(running)
                continue
            result.append((reached, min(ends, start), strongest))
            reached = min(ends, start)
        reached = start
        heappush(running, (rank, end))
    return result

"""Parity: our rendering of an imported schedule against the source's own, second by second."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connectors.base import Connector
from connectors.models import Connection
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import InvalidSpec, Participant
from oncall.selectors import specs
from syncjobs.models import ExternalLink, LinkState
from syncjobs.planning.values import element_key

Who = frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """Instants [start, end) in which different people are on call."""

    start: int
    end: int
    source: Who
    ours: Who


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of a window: equal of total, and uncovered on each side. differences are merged and in order."""

    equal: int
    total: int
    uncovered_source: int
    uncovered_ours: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class ScheduleParity:
    """One schedule's result. comparison None: ``note`` says why nothing could be compared."""

    external_id: str
    name: str
    comparison: Comparison | None
    note: str = ""


def compare(source: Sequence[Span], ours: Sequence[Span], since: int, until: int) -> Comparison:
    """Cut [since, until) at every boundary of both; a piece is equal when the same people are on call."""
    cuts = {since, until}
    for span in (*source, *ours):
        cuts |= {min(max(span.start, since), until), min(max(span.end, since), until)}
    edges = sorted(cuts)
    theirs, here = _walker(source), _walker(ours)
    equal = uncovered_source = uncovered_ours = 0
    differences: list[Difference] = []
    for start, end in pairwise(edges):
        there, local = theirs(start), here(start)
        seconds = end - start
        uncovered_source += seconds * (not there)
        uncovered_ours += seconds * (not local)
        if there == local:
            equal += seconds
        elif (
            differences
            and differences[-1].end == start
            and (differences[-1].source, differences[-1].ours)
            == (
                there,
                local,
            )
        ):
            differences[-1] = Difference(differences[-1].start, end, there, local)
        else:
            differences.append(Difference(start, end, there, local))
    return Comparison(equal, until - since, uncovered_source, uncovered_ours, tuple(differences))


class _walker:  # noqa: N801 - used as a function
    """Who is on call at ever later instants."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._rest = list(reversed(list(spans)))

    def __call__(self, instant: int) -> Who:
        while self._rest and self._rest[-1].end <= instant:
            self._rest.pop()
        if not self._rest or self._rest[-1].start > instant:
            return frozenset()
        return frozenset(str(participant) for participant in self._rest[-1].participants)


def measure(connection: Connection, connector: Connector, since: int, until: int) -> list[ScheduleParity]:
    """Compare every imported schedule of a connection over [since, until). Asks the source for its rendering."""
    links = list(
        ExternalLink.objects.filter(
            connection=connection, entity_type="schedule", state=LinkState.LINKED, schedule__isnull=False
        )
        .order_by("schedule__name")
        .values_list("external_id", "schedule_id", "schedule__name")
    )
    stored = specs([row_id for _, row_id, _ in links])
    rendered = connector.rendered([external_id for external_id, _, _ in links], since, until)
    results = []
    for external_id, row_id, name in links:
        if row_id not in stored:
            results.append(ScheduleParity(external_id, name, None, "its time zone is not settled"))
            continue
        if external_id not in rendered:
            results.append(ScheduleParity(external_id, name, None, "the source does not render it"))
            continue
        spec, substitutions = stored[row_id]
        try:
            ours = render_final(spec, substitutions, since, until)
        except InvalidSpec as error:
            results.append(ScheduleParity(external_id, name, None, str(error)))
            continue
        own = [_with_external_ids(connection.pk, span) for span in ours]
        results.append(ScheduleParity(external_id, name, compare(rendered[external_id], own, since, until)))
    return results


def _with_external_ids(connection_id: int, span: Span) -> Span:
    prefix = element_key(connection_id, "")
    people = tuple(
        Participant(p.kind, p.id.removeprefix(prefix)) if p.id.startswith(prefix) else p for p in span.participants
    )
    return Span(span.start, span.end, people)

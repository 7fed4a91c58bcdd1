"""When anybody is on call, and how the time is shared: answers from the spans of a rendered schedule."""

from collections.abc import Iterator, Sequence

from oncall.rendering.final import Span
from oncall.rendering.intervals import NOBODY, Held, Range


def filled(spans: Sequence[Span], since: int, until: int) -> Iterator[Held]:
    """The spans (in order, disjoint) cut to ``[since, until)``, with :data:`NOBODY` in between; gapless."""
    reached = since
    for span in spans:
        start, end = max(span.start, reached), min(span.end, until)
        if start >= end:
            continue
        if reached < start:
            yield reached, start, NOBODY
        yield start, end, span.participants
        reached = end
    if reached < until:
        yield reached, until, NOBODY


def gaps(spans: Sequence[Span], since: int, until: int) -> tuple[Range, ...]:
    """The parts of ``[since, until)`` in which nobody is on call, in order and apart."""
    return tuple((start, end) for start, end, who in filled(spans, since, until) if not who)


def covered(spans: Sequence[Span], since: int, until: int) -> int:
    """The seconds of ``[since, until)`` in which somebody is on call."""
    return sum(end - start for start, end, who in filled(spans, since, until) if who)

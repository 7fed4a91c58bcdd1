"""Decides which of two overlapping overrides wins. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from connectors.reading.findings import Findings
from oncall.rendering.spec import Override, Participant

#: The vendor's own rendering of overrides: (start, end, who is on call because of an override).
Shown = Sequence[tuple[int, int, Participant]]


def ranked(overrides: Iterable[Override], shown: Shown = ()) -> tuple[Override, ...]:
    """The overrides with their rank, sorted by start. Of two that overlap, the one that the vendor shows wins.

    Where it shows neither, the later in the vendor's list wins: no vendor documents the order of its list, or reports
    when an override was made (docs/providers). The rank counts only overlapping overrides, so that an old override that
    leaves the window does not change another.
    """
    left = list(overrides)
    below: dict[str, set[str]] = {override.key: set() for override in left}
    for first, second in _rivals(left) if shown else ():
        winner = _winner(first, second, shown)
        if winner is not None:
            below[winner.key].add((second if winner is first else first).key)
    done: list[Override] = []
    while left:
        waiting = {override.key for override in left}
        place = next((i for i, override in enumerate(left) if not below[override.key] & waiting), 0)
        override = left.pop(place)
        ranks = [o.rank for o in done if _overlap(o, override)]
        done.append(replace(override, rank=max(ranks) + 1 if ranks else 0))
    return tuple(sorted(done, key=lambda o: (o.starts_at, o.key)))


def note_assumed_order(
    overrides: Iterable[Override], shown: Shown, findings: Findings, schedule_id: str, label: str
) -> None:
    """Adds a note when two overrides by different people overlap and the vendor does not show which of them wins."""
    assumed = [(a, b) for a, b in _rivals(overrides) if _winner(a, b, shown) is None]
    if assumed:
        first, second = assumed[0]
        more = f" (and {len(assumed) - 1} more pairs)" if len(assumed) > 1 else ""
        message = (
            f"The overrides {first.key} and {second.key} of {label} overlap{more}, and {findings.vendor.label} does "
            "not show which of them wins; the later in its list was taken."
        )
        findings.note("schedule", schedule_id, "override_order_assumed", message, "overrides")


def _overlap(a: Override, b: Override) -> bool:
    return a.starts_at < b.ends_at and b.starts_at < a.ends_at


def _rivals(overrides: Iterable[Override]) -> Iterator[tuple[Override, Override]]:
    """The pairs that overlap and put different people into the same place."""
    for a, b in combinations(overrides, 2):
        apart = a.sources is not None and b.sources is not None and a.sources.isdisjoint(b.sources)
        if (
            _overlap(a, b)
            and a.by != b.by
            and not apart
            and (a.replaces == b.replaces or None in (a.replaces, b.replaces))
        ):
            yield a, b


def _winner(a: Override, b: Override, shown: Shown) -> Override | None:
    start, end = max(a.starts_at, b.starts_at), min(a.ends_at, b.ends_at)
    for since, until, who in shown:
        if since < end and until > start and who in (a.by, b.by):
            return a if who == a.by else b
    return None

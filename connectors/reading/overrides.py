"""Decides which of two overlapping overrides wins when the vendor sends only a list. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from oncall.rendering.spec import Override


def ranked(overrides: Iterable[Override]) -> tuple[Override, ...]:
    """The overrides with their rank, sorted by start. Of two that overlap, the later in the vendor's list wins.

    No vendor documents the order of its list, or reports when an override was made (docs/providers). The rank counts
    only overlapping overrides, so that an old override that leaves the window does not change another.
    """
    done: list[Override] = []
    for override in overrides:
        below = [o.rank for o in done if o.starts_at < override.ends_at and override.starts_at < o.ends_at]
        done.append(replace(override, rank=max(below) + 1 if below else 0))
    return tuple(sorted(done, key=lambda o: (o.starts_at, o.key)))

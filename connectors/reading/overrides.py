"""Which of two overlapping overrides wins where the vendor sends no more than a list. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from oncall.rendering.spec import Override


def ranked(overrides: Iterable[Override]) -> tuple[Override, ...]:
    """Of overlapping overrides the later in the vendor's list wins (no vendor documents its order, or tells when an
    override was made: docs/providers).

    Counted among overlapping ones only, so that an old override leaving the window changes no other.
    """
    done: list[Override] = []
    for override in overrides:
        below = [o.rank for o in done if o.starts_at < override.ends_at and override.starts_at < o.ends_at]
        done.append(replace(override, rank=max(below) + 1 if below else 0))
    return tuple(sorted(done, key=lambda o: (o.starts_at, o.key)))

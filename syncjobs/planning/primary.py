"""Decides which link of a row writes its single-valued fields. Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class RowLink(NamedTuple):
    """A link of a row. live: whether the row follows this link. primary: as it is stored."""

    id: int
    live: bool
    primary: bool


def primary_link(links: Iterable[RowLink]) -> int | None:
    """Return the id of the link that writes: the live primary link, or else the oldest live link. None: none is live.

    The stored primary link of a row changes only with an item of a plan, so this function says what a plan has to do.
    """
    live = [link for link in links if link.live]
    primary = [link.id for link in live if link.primary]
    return min(primary or (link.id for link in live), default=None)

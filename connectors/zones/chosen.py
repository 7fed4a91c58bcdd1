"""The zones for time-zone strings of a vendor that are no names of zones: chosen by people, or the last known ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_CHOSEN: Final[ContextVar[Mapping[str, str]]] = ContextVar("chosen zones", default=MappingProxyType({}))
_KEPT: Final[ContextVar[Callable[[str], str | None]]] = ContextVar("kept zones", default=lambda schedule: None)


@contextmanager
def chosen_zones(zones: Mapping[str, str], kept: Callable[[str], str | None] = lambda schedule: None) -> Iterator[None]:
    """Let strings mean the zones that were chosen for them.

    zones: canonical IANA name by string, as it was sent. kept: returns the last known zone of a schedule, given by its
    id at the source, or None.
    """
    tokens = _CHOSEN.set(zones), _KEPT.set(kept)
    try:
        yield
    finally:
        _CHOSEN.reset(tokens[0])
        _KEPT.reset(tokens[1])


def kept_zone(schedule: str) -> str | None:
    """Return the last known zone of a schedule, given by its id at the source, or None."""
    return _KEPT.get()(schedule)


def chosen_zone(raw: str) -> str | None:
    """Return the IANA name that was chosen for a string, or None."""
    return _CHOSEN.get().get(raw)

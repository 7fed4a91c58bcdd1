"""The zones that people have chosen for time-zone strings of a vendor that are no names of zones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_CHOSEN: Final[ContextVar[Mapping[str, str]]] = ContextVar("chosen zones", default=MappingProxyType({}))


@contextmanager
def chosen_zones(zones: Mapping[str, str]) -> Iterator[None]:
    """Let strings mean the zones that were chosen for them. zones: canonical IANA name by string, as it was sent."""
    token = _CHOSEN.set(zones)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def chosen_zone(raw: str) -> str | None:
    """Return the IANA name that was chosen for a string, or None."""
    return _CHOSEN.get().get(raw)

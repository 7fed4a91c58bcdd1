"""Query parameters that all simulated vendors read alike, each refusing in its own words."""

from abc import ABC, abstractmethod

from connectors.simulator.exchange import Request
from connectors.simulator.zones import parse_instant


class Parameters(ABC):
    """Base of a request that is understood, a dataclass."""

    __slots__ = ()
    request: Request

    @abstractmethod
    def wrong(self, name: str, message: str) -> Exception:
        """The refusal of a parameter; ``message`` goes on after its name."""

    @property
    def expanded(self) -> list[str]:
        """Values of ``expand``, which may be repeated or separated by commas."""
        return [word for text in self.request.many("expand") for word in text.split(",") if word]

    def number(self, name: str, usual: int, least: int, most: int | None = None) -> int:
        """``usual`` when it is not given."""
        text = self.request.one(name)
        if text is None:
            return usual
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise self.wrong(name, f"must be a number {allowed}")
        return int(text)

    def instant(self, name: str, zone: str = "Etc/UTC") -> float | None:
        """An ISO date-time, None when it is not given; a "+" that was not encoded arrives as a blank."""
        text = self.request.one(name)
        if text is None:
            return None
        try:
            return parse_instant(text.replace(" ", "+"), zone)
        except (ValueError, OverflowError):
            raise self.wrong(name, "must be an ISO 8601 date-time") from None

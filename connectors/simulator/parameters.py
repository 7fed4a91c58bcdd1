"""Query parameters that all simulated vendors read in the same way. Each vendor refuses them in its own words."""

from abc import ABC, abstractmethod

from connectors.simulator.exchange import Request
from connectors.simulator.zones import parse_instant


class Parameters(ABC):
    """Base of the dataclass that reads the parameters of one request."""

    __slots__ = ()
    request: Request

    @abstractmethod
    def wrong(self, name: str, message: str) -> Exception:
        """Return the exception that refuses a parameter. ``message`` continues a sentence that starts with its name."""

    @property
    def expanded(self) -> list[str]:
        """The values of ``expand``. The parameter may be repeated, and commas separate values."""
        return [word for text in self.request.many("expand") for word in text.split(",") if word]

    def number(self, name: str, usual: int, least: int, most: int | None = None) -> int:
        """Return the number from ``least`` to ``most`` (None = no upper limit), or ``usual`` without the parameter."""
        text = self.request.one(name)
        if text is None:
            return usual
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise self.wrong(name, f"must be a number {allowed}")
        return int(text)

    def instant(self, name: str, zone: str = "Etc/UTC") -> float | None:
        """Return UTC seconds since 1970 of an ISO date-time, or None without the parameter.

        A "+" that the client did not encode arrives as a blank and is read as "+".
        """
        text = self.request.one(name)
        if text is None:
            return None
        try:
            return parse_instant(text.replace(" ", "+"), zone)
        except (ValueError, OverflowError):
            raise self.wrong(name, "must be an ISO 8601 date-time") from None

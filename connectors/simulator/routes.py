"""Routes of a simulated vendor: a path, the right it needs and the function that answers it."""

import re
from collections.abc import Callable

from connectors.simulator.exchange import Answer

View = Callable[..., Answer]
Route = tuple[re.Pattern[str], str, View]
"""Pattern of the path, right, function."""


def path_pattern(path: str) -> re.Pattern[str]:
    """The pattern of a path; each ``{id}`` matches one segment and becomes an argument of the function."""
    return re.compile(path.replace("{id}", "([^/]+)"))


def route(path: str, right: str, view: View) -> Route:
    """A route that needs a right of the caller."""
    return path_pattern(path), right, view

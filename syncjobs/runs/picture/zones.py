"""Loads the last known time zones of schedules, for those whose source sends a text that is no zone any more."""

from collections.abc import Callable
from functools import cache

from syncjobs.models import ExternalLink, LinkState


def kept_zones(connection_id: int) -> Callable[[str], str | None]:
    """Return a function that returns the last known zone at the source of a schedule, given by its id there, or None.

    The zones are loaded in one query when one is needed.
    """

    @cache
    def load() -> dict[str, str]:
        links = ExternalLink.objects.filter(connection_id=connection_id, entity_type="schedule")
        known = links.exclude(state=LinkState.IGNORED).filter(base__fields__zone_state="ok")
        return dict(known.values_list("external_id", "base__fields__time_zone"))

    return lambda schedule: load().get(schedule)

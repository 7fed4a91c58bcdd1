"""Opsgenie's own rendering of schedules (their timeline), as spans to hold ours against."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import ValidationError

from connectors.http import JsonValue
from connectors.listing import RECOVERABLE
from connectors.providers.opsgenie.client import Client
from connectors.providers.opsgenie.mapping_rotations import participant
from connectors.providers.opsgenie.wire import Period, Reference, Timeline, User
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held, merged, together
from oncall.rendering.zones import DAY

#: Days asked of one call; 31 were seen answered.
_MOST_DAYS: Final = 31


def rendered(client: Client, ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
    """Final timelines in ``[since, until)``, whole seconds; a schedule that is not told in full is absent.

    Everyone of every rotation is on call at once. Periods are split at turns, restrictions, overrides and at the
    instant of the request, so equal neighbours are joined.
    """
    people = _People(client)
    found: dict[str, tuple[Span, ...]] = {}
    for id_ in ids:
        try:
            held = _one(client, people, id_, since, until)
        except (*RECOVERABLE, ValidationError):
            continue  # the caller sees it missing and says so
        if held is not None:
            found[id_] = tuple(Span(*span) for span in merged(together(held)))
    return found


def _one(client: Client, people: "_People", id_: str, since: int, until: int) -> list[Held] | None:
    """A window begins at the local midnight before the instant asked for and tells where it ends: there the next one
    goes on, whatever the zone."""
    held: list[Held] = []
    cursor = since
    while cursor < until:
        days = min(-((cursor - until) // DAY) + 1, _MOST_DAYS)
        timeline = Timeline.model_validate(client.timeline(id_, cursor, days))
        start, end = timeline.start_date.instant, timeline.end_date.instant
        if timeline.final_timeline is None or not start <= cursor < end:
            return None
        for rotation in timeline.final_timeline.rotations or ():
            held += _within(rotation.periods or (), people, cursor, min(end, until))
        cursor = end
    return held


def _within(periods: Sequence[Period], people: "_People", since: int, until: int) -> Iterator[Held]:
    for period in periods:
        start, end = max(period.start_date.instant, since), min(period.end_date.instant, until)
        if start < end:
            for reference in _holders(period):
                who = participant(people.with_id(reference), "recipient")
                if who.kind != "vacant":
                    yield start, end, (who,)


def _holders(period: Period) -> tuple[Reference, ...]:
    """Of what has been, whoever really served; of what is planned, whose turn it is."""
    if period.type == "historical" and period.flattened_recipients is not None:
        return period.flattened_recipients
    return () if period.recipient is None else (period.recipient,)


class _People:
    """Ids of people who are shown by their user name only."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[str, str] | None = None

    def with_id(self, reference: Reference) -> Reference:
        """Raises UnexpectedResponse for a name that nobody has."""
        if reference.id is not None or reference.type != "user":
            return reference
        if self._ids is None:
            raws: list[JsonValue] = [raw for page in self._client.users() for raw in page.items]
            users = [User.model_validate(raw) for raw in raws]
            self._ids = {user.username.casefold(): user.id for user in users}
        return reference.model_copy(update={"id": self._ids.get(reference.label.casefold())})

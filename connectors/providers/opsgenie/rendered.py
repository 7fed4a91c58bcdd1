"""Reads Opsgenie's own rendering of schedules (the timeline), to compare it with ours."""

from collections.abc import Sequence

from connectors.network.client import JsonValue
from connectors.providers.atlassian import rendered as shared
from connectors.providers.atlassian.wire import Reference
from connectors.providers.opsgenie.client import Client
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.providers.opsgenie.wire import User
from connectors.reading.findings import Findings
from oncall.rendering.final import Span


def rendered(client: Client, ids: Sequence[str], since: int, until: int) -> dict[str, tuple[Span, ...]]:
    """Return final timelines in ``[since, until)`` by id. A schedule that was not reported completely is missing."""
    return shared.rendered(client.timeline, VENDOR, ids, since, until, _People(client).with_id)


class _People:
    """Finds the ids of people whom the timeline shows only by their user name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[str, str] | None = None

    def with_id(self, reference: Reference) -> Reference:
        """Return the reference with the person's id. The id stays None if nobody has the user name."""
        if reference.id is not None or reference.type != "user":
            return reference
        if self._ids is None:
            raws: list[JsonValue] = [raw for page in self._client.users() for raw in page.items]
            users = Findings(VENDOR).read_all(User, raws, "responder", None, "users")
            self._ids = {user.username.casefold(): user.id for user in users}
        return reference.model_copy(update={"id": self._ids.get(reference.label.casefold())})

"""xMatters' own rendering (who is on call), as spans to hold ours against."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from connectors.errors import NotFound, PermissionMissing, ProviderUnavailable, UnexpectedResponse
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import ON_CALL_GROUPS, Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.vendor import invalid
from connectors.reading.listing import RECOVERABLE
from connectors.reading.mapping import spans
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from oncall.rendering.zones import DAY

#: Vendor reference, "Get who is on call": how far back and ahead of now it tells, seconds.
TOLD_BACK: Final = DAY
TOLD_AHEAD: Final = 90 * DAY

#: What may be the fault of one group among those that are asked for together.
_OF_ONE: Final = (NotFound, PermissionMissing, UnexpectedResponse, ValidationError)


class Renderings:
    """Asks who is on call; the groups, of which a nested one may be any, are read once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._directory: Directory | None = None

    def rendered(self, schedules: Mapping[str, Sequence[str]], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        """Everyone on call in a shift in ``[since, until)``, whole seconds: all members at once, whatever their delays.

        schedules: ids of shifts, each with that of its group. Absent is a shift that is not told in full, and one of an
        inactive group: that nobody is on call says nothing about the shift then.
        """
        if self._directory is None:
            self._directory = _directory(self._client)
        groups = self._directory.groups
        of_group: dict[str, list[str]] = {}
        for id_, (group_id, *_) in ((id_, ids) for id_, ids in schedules.items() if ids):
            group = groups.get(group_id)
            if group is not None and group.status != "INACTIVE" and "," not in group_id:
                of_group.setdefault(group_id, []).append(id_)
        held: dict[str, list[Held]] = {}
        asked = list(of_group)
        for first in range(0, len(asked), ON_CALL_GROUPS):
            for told, found in self._told(self._directory, asked[first : first + ON_CALL_GROUPS], since, until):
                held |= {id_: [] for group_id in told for id_ in of_group[group_id]}
                for shift_id, span in found:
                    if shift_id in held:
                        held[shift_id].append(span)
        return {id_: spans(told) for id_, told in held.items()}

    def _told(
        self, directory: Directory, group_ids: Sequence[str], since: int, until: int
    ) -> Iterator[tuple[Sequence[str], list[tuple[str, Held]]]]:
        """(groups, who is on call in their shifts): all at once, or by halves when one of them may be in the way."""
        try:
            yield group_ids, list(_rows(self._client, directory, group_ids, since, until))
        except _OF_ONE:
            half = len(group_ids) // 2
            for some in (group_ids[:half], group_ids[half:]) if half else ():
                yield from self._told(directory, some, since, until)
        except ProviderUnavailable:
            return  # the caller sees them missing and says so


def _directory(client: Client) -> Directory:
    """Every group; none when they cannot be listed: then nothing is told of any shift."""
    try:
        groups = [wire.Group.model_validate(raw) for page in client.groups() for raw in page.items]
    except (*RECOVERABLE, ValidationError):
        groups = []
    return Directory(groups={group.id: group for group in groups})


def _rows(
    client: Client, directory: Directory, group_ids: Sequence[str], since: int, until: int
) -> Iterator[tuple[str, Held]]:
    """Raises UnexpectedResponse when the list, or what a row holds, was told in part only."""
    read = announced = 0
    for page in client.on_call(group_ids, since, until):
        announced = announced if read else page.total or 0  # by the first page: later totals may have moved on
        read += len(page.items)
        for raw in page.items:
            row = _row(client, raw)
            if row.shift is None:
                continue  # time without a shift
            start, end = max(row.start.instant, since), min(row.end.instant, until)
            for member in row.members or ():
                for begins, ends, recipient in _holders(member, row):
                    who = directory.participant(recipient, "members[].member")
                    if (begins := max(begins, start)) < (ends := min(ends, end)):
                        yield row.shift.id, (begins, ends, (who,))
    if read < announced:
        raise _cut()


def _row(client: Client, raw: Any) -> wire.OnCallRow:
    """A row with all of its members. Raises UnexpectedResponse for one whose members stay cut."""
    row = wire.OnCallRow.model_validate({**raw, "members": None} if isinstance(raw, dict) else raw)
    members = client.whole(raw.get("members"))
    if members is None and row.shift is not None:
        raise _cut()
    whole = []
    for member in members or ():
        if not isinstance(member, dict) or member.get("replacements") is None:
            whole.append(member)
            continue
        replacements = client.whole(member["replacements"])
        if replacements is None:
            raise _cut()
        whole.append({**member, "replacements": replacements})
    return wire.OnCallRow.model_validate({**raw, "members": whole})


def _holders(member: wire.OnCallMember, row: wire.OnCallRow) -> Iterator[tuple[int, int, wire.Recipient]]:
    """Whoever is partly absent is shown replaced by themselves for the part they do work (support article on
    temporary absences), so replacements tell the whole of their time."""
    if not member.replacements:
        yield row.start.instant, row.end.instant, member.member
    for stand in member.replacements or ():
        if stand.replacement is not None:
            yield stand.start.instant, stand.end.instant, stand.replacement


def _cut() -> UnexpectedResponse:
    return invalid("missing_field", "members", "Who is on call was told in part only.")

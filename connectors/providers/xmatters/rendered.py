"""Reads xMatters' own rendering (who is on call), as spans that parity compares with ours."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from connectors.errors import NotFound, PermissionMissing, ProviderUnavailable, UnexpectedResponse
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import ON_CALL_GROUPS, Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.vendor import invalid, unknown_value
from connectors.reading.listing import RECOVERABLE
from connectors.reading.mapping import spans
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from oncall.rendering.zones import DAY

#: Vendor reference, "Get who is on call": seconds before and after now that can be requested.
RENDERED_BACK: Final = DAY
RENDERED_AHEAD: Final = 90 * DAY

#: Errors that may be caused by one of several groups in the same request.
_GROUP_ERRORS: Final = (NotFound, PermissionMissing, UnexpectedResponse, ValidationError)


class Renderings:
    """Requests who is on call. All groups are read once, because any of them may be nested in a shift."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._directory: Directory | None = None

    def rendered(self, schedules: Mapping[str, Sequence[str]], since: int, until: int) -> dict[str, tuple[Span, ...]]:
        """Returns who is on call, by the id of the shift. All members are on call at once, whatever their delays are.

        schedules: ids of shifts, each with the id of its group. since, until: instants; until is exclusive. A shift is
        missing if it is not reported completely or if its group is inactive: the group's empty answer then has no
        meaning for the shift.
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
        group_ids = list(of_group)
        for first in range(0, len(group_ids), ON_CALL_GROUPS):
            batch = group_ids[first : first + ON_CALL_GROUPS]
            for answered, found in self._on_call(self._directory, batch, since, until):
                held |= {id_: [] for group_id in answered for id_ in of_group[group_id]}
                for shift_id, span in found:
                    if shift_id in held:
                        held[shift_id].append(span)
        return {id_: spans(holders) for id_, holders in held.items()}

    def _on_call(
        self, directory: Directory, group_ids: Sequence[str], since: int, until: int
    ) -> Iterator[tuple[Sequence[str], list[tuple[str, Held]]]]:
        """Yields groups with who is on call in their shifts: all groups together, or in halves after an error."""
        try:
            yield group_ids, list(_rows(self._client, directory, group_ids, since, until))
        except _GROUP_ERRORS:
            half = len(group_ids) // 2
            for some in (group_ids[:half], group_ids[half:]) if half else ():
                yield from self._on_call(directory, some, since, until)
        except ProviderUnavailable:
            return  # the caller reports the missing schedules


def _directory(client: Client) -> Directory:
    """Returns a directory of all groups. It is empty if they cannot be listed; no shift is then compared."""
    try:
        groups = [wire.Group.model_validate(raw) for page in client.groups() for raw in page.items]
    except (*RECOVERABLE, ValidationError):
        groups = []
    return Directory(groups={group.id: group for group in groups}, owners_listed=False)


def _rows(
    client: Client, directory: Directory, group_ids: Sequence[str], since: int, until: int
) -> Iterator[tuple[str, Held]]:
    """Yields shift ids with a holder. Raises UnexpectedResponse if the list or the members of a row are incomplete."""
    read = announced = 0
    for page in client.on_call(group_ids, since, until):
        announced = announced if read else page.total or 0  # of the first page, because later totals may differ
        read += len(page.items)
        for raw in page.items:
            row = _row(client, raw)
            if row.shift is None:
                continue  # time without a shift
            start, end = max(row.start.instant, since), min(row.end.instant, until)
            for member in row.members or ():
                for begins, ends, recipient in _holders(member, row):
                    participant = directory.participant(recipient, "members[].member")
                    if participant.kind == "unknown":
                        raise unknown_value("members[].member", f"{recipient.label} is of an unknown type.")
                    if (begins := max(begins, start)) < (ends := min(ends, end)):
                        yield row.shift.id, (begins, ends, (participant,))
    if read < announced:
        raise _incomplete()


def _row(client: Client, raw: Any) -> wire.OnCallRow:
    """Returns a row with all its members. Raises UnexpectedResponse if its members cannot be completed."""
    row = wire.OnCallRow.model_validate({**raw, "members": None} if isinstance(raw, dict) else raw)
    members = client.whole(raw.get("members"))
    if members is None and row.shift is not None:
        raise _incomplete()
    complete = []
    for member in members or ():
        if not isinstance(member, dict) or member.get("replacements") is None:
            complete.append(member)
            continue
        replacements = client.whole(member["replacements"])
        if replacements is None:
            raise _incomplete()
        complete.append({**member, "replacements": replacements})
    return wire.OnCallRow.model_validate({**raw, "members": complete})


def _holders(member: wire.OnCallMember, row: wire.OnCallRow) -> Iterator[tuple[int, int, wire.Recipient]]:
    """Yields start, end and recipient for each holder of a member's seat.

    If a member is absent for a part of the time, their replacements cover all of it: for the rest they are listed as
    their own replacement (support article on temporary absences).
    """
    if not member.replacements:
        yield row.start.instant, row.end.instant, member.member
    for stretch in member.replacements or ():
        if stretch.replacement is not None:
            yield stretch.start.instant, stretch.end.instant, stretch.replacement


def _incomplete() -> UnexpectedResponse:
    return invalid("missing_field", "members", "Who is on call was reported incompletely.")

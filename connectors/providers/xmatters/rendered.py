"""xMatters' own rendering (who is on call), as spans to hold ours against."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from connectors.errors import UnexpectedResponse
from connectors.listing import RECOVERABLE
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import ON_CALL_GROUPS, Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.vendor import invalid
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held, merged, together
from oncall.rendering.zones import DAY

#: Vendor reference, "Get who is on call": how far back and ahead it tells.
_BACK: Final = DAY
_AHEAD: Final = 90 * DAY


def rendered(
    client: Client,
    ids: Sequence[str],
    shift_groups: Mapping[str, str],
    since: int,
    until: int,
    now: int,
) -> dict[str, tuple[Span, ...]]:
    """Everyone on call in a shift in ``[since, until)``, whole seconds: all members at once, whatever their delays.

    ``shift_groups``: the group of each shift, as far as known; when one of ``ids`` is missing there, all on-call groups
    are asked. A shift that is not told in full is absent, and so is everything outside of what xMatters tells: a day
    back, ninety days ahead of ``now``.
    """
    if since < now - _BACK or until > now + _AHEAD or since >= until:
        return {}
    directory = Directory()
    wanted = set(ids)
    try:
        groups = [wire.Group.model_validate(raw) for page in client.groups() for raw in page.items]
    except (*RECOVERABLE, ValidationError):
        return {}  # the caller sees them missing and says so
    directory.groups = {group.id: group for group in groups}
    known = {id_: shift_groups[id_] for id_ in wanted if id_ in shift_groups}
    on_call = [group.id for group in groups if group.group_type == "ON_CALL" and "," not in group.id]
    asked = on_call if len(known) < len(wanted) else [id_ for id_ in on_call if id_ in known.values()]
    held: dict[str, list[Held]] = {}
    for first in range(0, len(asked), ON_CALL_GROUPS):
        some = asked[first : first + ON_CALL_GROUPS]
        try:
            found = list(_rows(client, directory, some, since, until))
        except (*RECOVERABLE, ValidationError):
            continue
        for id_ in wanted:
            if known.get(id_) in some:
                held.setdefault(id_, [])
        for shift_id, span in found:
            if shift_id in wanted:
                held.setdefault(shift_id, []).append(span)
    return {id_: tuple(Span(*span) for span in merged(together(spans))) for id_, spans in held.items()}


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

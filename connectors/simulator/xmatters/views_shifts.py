"""The endpoints of shifts, their occurrences, and who is on call."""

from collections.abc import Sequence

from connectors.simulator.exchange import Answer
from connectors.simulator.xmatters.api_call import ApiCall, Json, Refused
from connectors.simulator.xmatters.model import Group
from connectors.simulator.xmatters.oncalls import Row, absence_at, gaps, rows
from connectors.simulator.xmatters.wire import group_reference, person_reference, recipient
from connectors.simulator.xmatters.wire_shifts import (
    exclusion,
    full_seat,
    member,
    occurrence_path,
    on_duty,
    replacement,
    row,
    seats,
    shift,
    shift_reference,
)
from connectors.simulator.zones import DAY, parse_instant

_MOST_GROUPS = 30
_AHEAD = 90 * DAY


def shifts(call: ApiCall, identifier: str) -> Answer:
    group = call.group(identifier)
    if group.type != "ON_CALL":
        raise Refused(404, "The group has no shifts")
    found = sorted(call.state.shifts_of(group.id), key=lambda one: (one.name, one.id))
    return call.page(found, lambda one: shift(call, one))


def one_shift(call: ApiCall, identifier: str, shift_id: str) -> Answer:
    return Answer(200, shift(call, call.shift(call.group(identifier), shift_id)))


def shift_members(call: ApiCall, identifier: str, shift_id: str) -> Answer:
    one = call.shift(call.group(identifier), shift_id)
    wanted = call.request.one("onDuty")
    found = [seat for seat in seats(call, one) if wanted is None or on_duty(call, one, seat[2]) == (wanted == "true")]
    return call.page(found, lambda seat: full_seat(call, one, *seat), kept=("embed", "onDuty"))


def shift_exclusions(call: ApiCall, identifier: str, shift_id: str) -> Answer:
    one = call.shift(call.group(identifier), shift_id)
    return call.page(one.excluded, exclusion)


def _span(call: ApiCall) -> tuple[int, int, bool]:
    """Return the requested (since, until) and whether it is one instant: ``at``, ``from`` and ``to``, or now.

    A range may begin 24 hours ago at the earliest, or lie completely before. It ends in 90 days at the latest.
    """
    at, since, until = call.moment("at"), call.moment("from"), call.moment("to")
    if at is not None and (since is not None or until is not None):
        raise Refused(400, "at cannot be combined with from and to")
    if since is None and until is None:
        instant = int(call.now if at is None else at)
        return instant, instant + 1, True
    if since is None or until is None or since >= until:
        raise Refused(400, "from must come before to")
    if since < call.now - DAY and until > call.now - DAY:
        raise Refused(400, "from may lie 24 hours in the past at most")
    if until > call.now + _AHEAD:
        raise Refused(400, "to may lie 90 days in the future at most")
    return int(since), int(until), False


def _requested_groups(call: ApiCall) -> list[Group]:
    wanted = call.listed("groups")
    if not wanted:
        raise Refused(400, "groups is required")
    if len(wanted) > _MOST_GROUPS:
        raise Refused(400, f"At most {_MOST_GROUPS} groups can be requested")
    found = []
    for identifier in dict.fromkeys(wanted):
        try:
            found.append(call.group(identifier))
        except Refused as refused:
            if refused.status == 404:
                raise Refused(
                    400, f"Could not find group {identifier}", subcode="validation.group.not_exists"
                ) from None
            raise
    return found


_KEPT = ("embed", "groups", "membersPerShift", "at", "from", "to", "include")


def on_call(call: ApiCall) -> Answer:
    found: list[Row] = []
    with_gaps = "GAPS" in call.listed("include")
    most = call.number("membersPerShift", 3, 1, 100)
    since, until, instant = _span(call)
    for group in _requested_groups(call):
        covered = rows(call.state, group, since, until)
        if with_gaps and group.type == "ON_CALL":
            covered += _gaps(call, group, covered, since, until, instant=instant)
            covered.sort(key=lambda one: one.start)
        found += covered
    return call.page(found, lambda one: row(call, one, most, kinds=with_gaps), kept=_KEPT)


def _gaps(
    call: ApiCall, group: Group, covered: Sequence[Row], since: int, until: int, *, instant: bool
) -> Sequence[Row]:
    if not instant:
        return gaps(group, covered, since, until)
    if covered:
        return []
    return gaps(group, rows(call.state, group, since, since + _AHEAD), since, since + _AHEAD)[:1]


def on_call_summary(call: ApiCall) -> Answer:
    """Answer with one row per seat that is on call at an instant."""
    since, until, instant = _span(call)
    if not instant:
        raise Refused(400, "The summary is of one instant")
    most = call.number("recipientsPerShift", 3, 1, 100)
    found: list[Json] = []
    for group in _requested_groups(call):
        for one in rows(call.state, group, since, until):
            level = 1
            for each in one.members[:most]:
                level += 1 if each.seat.delay else 0
                made: Json = {"group": group_reference(group), "recipient": recipient(call, each.recipient)}
                if one.shift is not None:
                    made["shift"] = shift_reference(one.shift)
                made |= {"delay": each.seat.delay, "escalationLevel": level}
                kind, key = each.recipient
                away = absence_at(call.state.absences_of(key, group.id), since) if kind == "PERSON" else None
                if away is not None:
                    made["absence"] = person_reference(call.state.people[away.replacement or key])
                found.append(made)
    return call.page(found, lambda made: made, kept=_KEPT)


def group_occurrences(call: ApiCall, identifier: str) -> Answer:
    group = call.group(identifier)
    since, until, _ = _span(call)
    wanted = call.listed("shifts")
    found = [
        one for one in rows(call.state, group, since, until) if not wanted or (one.shift and one.shift.id in wanted)
    ]

    def written(one: Row) -> Json:
        made = row(call, one, 100)
        if "members" not in call.embedded:
            del made["members"]
        return made

    return call.page(found, written, kept=("embed", "from", "to", "at", "shifts"))


def _occurrence(call: ApiCall, identifier: str, shift_id: str, start: str) -> Row:
    group = call.group(identifier)
    one = call.shift(group, shift_id)
    try:
        instant = int(parse_instant(start, "Etc/UTC"))
    except (ValueError, OverflowError):
        raise Refused(404) from None
    for found in rows(call.state, group, instant, instant + 1):
        if found.shift is one and found.start == instant:
            return found
    raise Refused(404)


def occurrence_members(call: ApiCall, identifier: str, shift_id: str, start: str) -> Answer:
    found = _occurrence(call, identifier, shift_id, start)
    path = occurrence_path(call.shift(call.group(identifier), shift_id), found.start)
    return call.page(found.members, lambda each: member(call, each, path))


def occurrence_replacements(call: ApiCall, identifier: str, shift_id: str, start: str, position: str) -> Answer:
    found = _occurrence(call, identifier, shift_id, start)
    if not position.isdecimal() or not 1 <= int(position) <= len(found.members):
        raise Refused(404)
    return call.page(found.members[int(position) - 1].replacements, lambda each: replacement(call, each))

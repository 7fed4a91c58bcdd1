"""The endpoints of shifts, their occurrences, and who is on call."""

from collections.abc import Sequence

from connectors.simulator.exchange import Answer
from connectors.simulator.xmatters.asking import Asked, Json, Refused
from connectors.simulator.xmatters.model import Group
from connectors.simulator.xmatters.oncalls import Row, absence_at, gaps, rows
from connectors.simulator.xmatters.wire import group_reference, person_reference, recipient
from connectors.simulator.xmatters.wire_shifts import (
    exclusion,
    member,
    occurrence_path,
    on_duty,
    row,
    seats,
    shift,
    shift_reference,
    stand,
    whole_seat,
)
from connectors.simulator.zones import DAY, parse_instant

_MOST_GROUPS = 30
_AHEAD = 90 * DAY


def shifts(asked: Asked, identifier: str) -> Answer:
    group = asked.group(identifier)
    if group.type != "ON_CALL":
        raise Refused(404, "The group has no shifts")
    found = sorted(asked.state.shifts_of(group.id), key=lambda one: (one.name, one.id))
    return asked.page(found, lambda one: shift(asked, one))


def one_shift(asked: Asked, identifier: str, shift_id: str) -> Answer:
    return Answer(200, shift(asked, asked.shift(asked.group(identifier), shift_id)))


def shift_members(asked: Asked, identifier: str, shift_id: str) -> Answer:
    one = asked.shift(asked.group(identifier), shift_id)
    wanted = asked.request.one("onDuty")
    found = [seat for seat in seats(asked, one) if wanted is None or on_duty(asked, one, seat[2]) == (wanted == "true")]
    return asked.page(found, lambda seat: whole_seat(asked, one, *seat), kept=("embed", "onDuty"))


def shift_exclusions(asked: Asked, identifier: str, shift_id: str) -> Answer:
    one = asked.shift(asked.group(identifier), shift_id)
    return asked.page(one.excluded, exclusion)


def _span(asked: Asked) -> tuple[int, int, bool]:
    """[since, until) asked for and whether it is one instant: ``at``, ``from`` and ``to``, or now.

    Live data begins 24 hours ago and ends in 90 days; older data must be wholly older than that.
    """
    at, since, until = asked.moment("at"), asked.moment("from"), asked.moment("to")
    if at is not None and (since is not None or until is not None):
        raise Refused(400, "at cannot be combined with from and to")
    if since is None and until is None:
        instant = int(asked.now if at is None else at)
        return instant, instant + 1, True
    if since is None or until is None or since >= until:
        raise Refused(400, "from must come before to")
    if since < asked.now - DAY and until > asked.now - DAY:
        raise Refused(400, "from may lie 24 hours in the past at most")
    if until > asked.now + _AHEAD:
        raise Refused(400, "to may lie 90 days in the future at most")
    return int(since), int(until), False


def _asked_groups(asked: Asked) -> list[Group]:
    wanted = asked.listed("groups")
    if not wanted:
        raise Refused(400, "groups is required")
    if len(wanted) > _MOST_GROUPS:
        raise Refused(400, f"At most {_MOST_GROUPS} groups can be asked for")
    found = []
    for identifier in dict.fromkeys(wanted):
        try:
            found.append(asked.group(identifier))
        except Refused as refused:
            if refused.status == 404:
                raise Refused(
                    400, f"Could not find group {identifier}", subcode="validation.group.not_exists"
                ) from None
            raise
    return found


_KEPT = ("embed", "groups", "membersPerShift", "at", "from", "to", "include")


def on_call(asked: Asked) -> Answer:
    found: list[Row] = []
    with_gaps = "GAPS" in asked.listed("include")
    most = asked.number("membersPerShift", 3, 1, 100)
    since, until, instant = _span(asked)
    for group in _asked_groups(asked):
        covered = rows(asked.state, group, since, until)
        if with_gaps and group.type == "ON_CALL":
            covered += _gaps(asked, group, covered, since, until, instant=instant)
            covered.sort(key=lambda one: one.start)
        found += covered
    return asked.page(found, lambda one: row(asked, one, most, kinds=with_gaps), kept=_KEPT)


def _gaps(
    asked: Asked, group: Group, covered: Sequence[Row], since: int, until: int, *, instant: bool
) -> Sequence[Row]:
    if not instant:
        return gaps(group, covered, since, until)
    if covered:
        return []
    return gaps(group, rows(asked.state, group, since, since + _AHEAD), since, since + _AHEAD)[:1]


def on_call_summary(asked: Asked) -> Answer:
    """One flat row per seat that is on call at an instant."""
    since, until, instant = _span(asked)
    if not instant:
        raise Refused(400, "The summary is of one instant")
    most = asked.number("recipientsPerShift", 3, 1, 100)
    found: list[Json] = []
    for group in _asked_groups(asked):
        for one in rows(asked.state, group, since, until):
            level = 1
            for each in one.members[:most]:
                level += 1 if each.seat.delay else 0
                made: Json = {"group": group_reference(group), "recipient": recipient(asked, each.recipient)}
                if one.shift is not None:
                    made["shift"] = shift_reference(one.shift)
                made |= {"delay": each.seat.delay, "escalationLevel": level}
                kind, key = each.recipient
                away = absence_at(asked.state.absences_of(key, group.id), since) if kind == "PERSON" else None
                if away is not None:
                    made["absence"] = person_reference(asked.state.people[away.replacement or key])
                found.append(made)
    return asked.page(found, lambda made: made, kept=_KEPT)


def group_occurrences(asked: Asked, identifier: str) -> Answer:
    group = asked.group(identifier)
    since, until, _ = _span(asked)
    wanted = asked.listed("shifts")
    found = [
        one for one in rows(asked.state, group, since, until) if not wanted or (one.shift and one.shift.id in wanted)
    ]

    def written(one: Row) -> Json:
        made = row(asked, one, 100)
        if "members" not in asked.embedded:
            del made["members"]
        return made

    return asked.page(found, written, kept=("embed", "from", "to", "at", "shifts"))


def _occurrence(asked: Asked, identifier: str, shift_id: str, start: str) -> Row:
    group = asked.group(identifier)
    one = asked.shift(group, shift_id)
    try:
        instant = int(parse_instant(start, "Etc/UTC"))
    except (ValueError, OverflowError):
        raise Refused(404) from None
    for found in rows(asked.state, group, instant, instant + 1):
        if found.shift is one and found.start == instant:
            return found
    raise Refused(404)


def occurrence_members(asked: Asked, identifier: str, shift_id: str, start: str) -> Answer:
    found = _occurrence(asked, identifier, shift_id, start)
    path = occurrence_path(asked.shift(asked.group(identifier), shift_id), found.start)
    return asked.page(found.members, lambda each: member(asked, each, path))


def occurrence_replacements(asked: Asked, identifier: str, shift_id: str, start: str, position: str) -> Answer:
    found = _occurrence(asked, identifier, shift_id, start)
    if not position.isdecimal() or not 1 <= int(position) <= len(found.members):
        raise Refused(404)
    return asked.page(found.members[int(position) - 1].stands, lambda each: stand(asked, each))

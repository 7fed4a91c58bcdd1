"""Shifts, their seats, and who is on call in them, in the vendor's JSON.

The vendor uses one key for two values: ``delay`` of a seat is the wait before it, of a member of an occurrence after
it.
"""

from connectors.simulator.xmatters.api_call import ROOT, ApiCall, Json
from connectors.simulator.xmatters.model import Recipient, Recurrence, Repeat, Seat, Shift
from connectors.simulator.xmatters.occurrences import occurrences
from connectors.simulator.xmatters.oncalls import OnDuty, Replacement, Row, absence_at
from connectors.simulator.xmatters.rotation import next_rotation, seated_at
from connectors.simulator.xmatters.wire import (
    fine_moment,
    group_reference,
    moment,
    person_reference,
    recipient,
    reference,
)


def path_of(shift: Shift) -> str:
    return f"/groups/{shift.group_id}/shifts/{shift.id}"


def shift_reference(shift: Shift, *, name: bool = True) -> Json:
    made: Json = {"id": shift.id, "links": {"self": ROOT + path_of(shift)}}
    if name:
        made["name"] = shift.name
    if shift.on_holidays is not None:
        made["siteHolidays"] = _site_holidays(shift)
    return made


def _site_holidays(shift: Shift) -> Json:
    return {"onCall": bool(shift.on_holidays)}


def shift(call: ApiCall, one: Shift) -> Json:
    now, embed = int(call.now), call.embedded
    group = call.state.groups[one.group_id]
    made: Json = {"id": one.id, "group": group_reference(group), "name": one.name}
    made |= {"description": one.description} if one.description else {}
    made |= {"links": {"self": ROOT + path_of(one)}, "created": fine_moment(one.created)}
    if one.start is not None and one.end is not None and one.recurrence is not None:
        made |= {"start": fine_moment(one.start), "end": moment(one.end), "recurrence": _recurrence(one.recurrence)}
    if one.zone_text is not None:
        made["timezone"] = one.zone_text
    if one.on_holidays is not None:
        made["siteHolidays"] = _site_holidays(one)
    made["repeatEscalation"] = _repeat(one.repeat)
    made["notifyEndOfEscalation"] = {"notifyEnabled": False}
    if "members" in embed:
        made["members"] = call.nested(seats(call, one), lambda seat: short_seat(call, *seat), path_of(one) + "/members")
    if one.rotation is not None:
        made["rotationType"] = one.rotation.type
    if one.rotation is not None and "rotation" in embed:
        made["rotation"] = {
            "type": one.rotation.type,
            "direction": one.rotation.direction,
            "interval": one.rotation.interval,
            "intervalUnit": one.rotation.unit,
        }
        following = next_rotation(one, now)
        if following is not None:
            made["rotation"]["nextRotationTime"] = fine_moment(following)
    if "exclusions" in embed and one.excluded:
        made["exclusions"] = call.nested(one.excluded, exclusion, path_of(one) + "/exclusions")
    return made


def _recurrence(rule: Recurrence) -> Json:
    made: Json = {"frequency": rule.frequency}
    words = (
        ("repeatEvery", rule.every),
        ("onDays", None if rule.on_days is None else list(rule.on_days)),
        ("on", rule.on),
        ("months", None if rule.months is None else list(rule.months)),
        ("dateOfMonth", rule.date_of_month),
        ("dayOfWeekClassifier", rule.classifier),
        ("dayOfWeek", rule.day_of_week),
    )
    made |= {name: value for name, value in words if value is not None}
    made["end"] = {"endBy": rule.end_by}
    if rule.end_by == "DATE" and rule.until is not None:
        made["end"]["date"] = fine_moment(rule.until)
    if rule.end_by == "REPETITIONS":
        made["end"]["repetitions"] = rule.repetitions
    return made


def _repeat(repeat: Repeat | None) -> Json:
    """Write a repetition. When the number of repetitions is a text, ``repeatEnabled`` is a text too."""
    if repeat is None:
        return {"repeatEnabled": False}
    return {
        "repeatEnabled": "true" if isinstance(repeat.times, str) else True,
        "escalationType": repeat.escalation,
        "repetitions": repeat.times,
        "waitInSeconds": repeat.wait,
    }


def exclusion(span: tuple[int, int]) -> Json:
    return {"startDate": fine_moment(span[0]), "endDate": moment(span[1])}


# Seats.

Seated = tuple[int, Seat, Recipient]


def seats(call: ApiCall, one: Shift) -> list[Seated]:
    """Return (position from 1, seat, its present recipient) of each seat."""
    order = seated_at(one, int(call.now), call.state.holidays(one.group_id))
    return [(position, seat, who) for position, (seat, who) in enumerate(zip(one.seats, order, strict=True), 1)]


def short_seat(call: ApiCall, position: int, seat: Seat, who: Recipient) -> Json:
    return {
        "position": position,
        "delay": seat.delay,
        "escalationType": seat.escalation,
        "inRotation": seat.in_rotation,
        "recipient": reference(call, who),
    }


def full_seat(call: ApiCall, one: Shift, position: int, seat: Seat, who: Recipient) -> Json:
    """Write a seat for the members of a shift. ``inRotation`` and ``onDuty`` are keys of the recipient."""
    whole = recipient(call, who) | {"inRotation": seat.in_rotation, "onDuty": on_duty(call, one, who)}
    return {
        "position": position,
        "delay": seat.delay,
        "escalationType": seat.escalation,
        "recipient": whole,
        "shift": shift_reference(one),
    }


def on_duty(call: ApiCall, one: Shift, who: Recipient) -> bool:
    """Return whether the shift runs and the recipient is not absent."""
    now, state = int(call.now), call.state
    if not occurrences(one, now, now + 1, state.holidays(one.group_id)):
        return False
    return who[0] != "PERSON" or absence_at(state.absences_of(who[1], one.group_id), now) is None


# On call.


def row(call: ApiCall, one: Row, most: int, *, kinds: bool = False) -> Json:
    """Write a row with at most ``most`` members. kinds: write the type, because some rows are gaps."""
    made: Json = {"group": group_reference(one.group)}
    if one.shift is not None:
        made["shift"] = shift_reference(one.shift, name="shift" in call.embedded)
    made |= {"start": moment(one.start), "end": fine_moment(one.end)}
    if kinds:
        made["occurrenceType"] = "GAP" if one.shift is None else "SHIFT"
    if one.shift is not None:
        made["notifyEndOfEscalation"] = {"notifyEnabled": False}
        path = occurrence_path(one.shift, one.start)
        made["members"] = call.nested(one.members, lambda each: member(call, each, path), f"{path}/members", most)
    return made


def occurrence_path(one: Shift, start: int) -> str:
    return f"{path_of(one)}/occurrences/{fine_moment(start)}"


def member(call: ApiCall, one: OnDuty, path: str) -> Json:
    made: Json = {
        "position": one.position,
        "delay": one.delay_after,
        "escalationType": one.seat.escalation,
        "inRotation": one.seat.in_rotation,
        "member": recipient(call, one.recipient, owner="members.owner" in call.embedded),
    }
    if one.replacements:
        made["replacements"] = call.nested(
            one.replacements, lambda each: replacement(call, each), f"{path}/members/{one.position}/replacements"
        )
    return made


def replacement(call: ApiCall, one: Replacement) -> Json:
    """Write a replacement. A vacancy has none."""
    made: Json = {"start": moment(one.start), "end": fine_moment(one.end)}
    if one.person_id is not None:
        found = call.state.people[one.person_id]
        made["replacement"] = person_reference(found) | {"status": found.status}
    return made

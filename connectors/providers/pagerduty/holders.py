"""Maps whoever holds a turn, and the teams that own an object. Pure.

A holder of an unknown type, or without a usable id, keeps the place in the order as an unknown participant: without it,
everyone after it would get other turns.
"""

from connectors.providers.pagerduty.wire import Holder, Named
from connectors.providers.pagerduty.wire_shifts import ShiftMember
from connectors.reading.findings import Findings
from connectors.reading.texts import short_key
from connectors.records import EntityType
from oncall.rendering.spec import VACANT, Participant, person


def participant(holder: Holder, place: str, path: str, schedule: Named, findings: Findings) -> Participant:
    """The participant of a reference. place: what to call it when it has no id. path: its JSON path."""
    if holder.person is not None:
        return person(holder.person.id)
    return _unknown(holder.kind or "user", holder.id or place, path, schedule, findings)


def member(sent: ShiftMember, place: str, path: str, schedule: Named, findings: Findings) -> Participant:
    """The participant of a member of a shift; place, path: as of :func:`participant`."""
    if sent.type == "empty_member":
        return VACANT
    if sent.person_id is not None:
        return person(sent.person_id)
    return _unknown(sent.type or "user_member", sent.user_id or sent.id or place, path, schedule, findings)


def _unknown(kind: str, name: str, path: str, schedule: Named, findings: Findings) -> Participant:
    kept = Participant("unknown", short_key(f"{kind}:{name}"))
    message = (
        f"A holder of a turn in {schedule.label} is not understood (type {kind[:60]!r}, {name[:60]}). The turn stays "
        "with this unknown holder, and all others keep theirs."
    )
    findings.note("schedule", schedule.id, "unknown_holder", message, path)
    return kept


def team_ids(entity_type: EntityType, owned: Named, teams: tuple[Holder, ...], findings: Findings) -> list[str]:
    """The ids of the teams that own an object, sorted. A note names a team that has no usable id."""
    for place, team in enumerate(teams):
        if team.id is None:
            message = f"A team of {owned.label} has no id and was left out."
            findings.note(entity_type, owned.id, "unreadable_team", message, f"teams[{place}]", loss=True)
    return sorted({short_key(team.id) for team in teams if team.id is not None})

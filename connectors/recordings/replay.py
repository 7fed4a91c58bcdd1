"""Makes the document that ``replay --json`` prints from a snapshot. Pure: the same input gives the same text."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import ConnectorError
from connectors.records import (
    ENTITY_TYPES,
    Account,
    FailedEntity,
    Snapshot,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from oncall.escalation.policy import Target
from oncall.rendering.codec import instant_to_text
from oncall.rendering.final import Rendering, Span, render
from oncall.rendering.spec import InvalidSpec, Substitution

Json = dict[str, Any]


def document(snapshot: Snapshot, since: int, until: int) -> Json:
    """Return all that was read, with schedules rendered in ``[since, until)`` instants. Lists are sorted by id.

    A schedule that cannot be rendered is listed without shifts, and a note has the reason.
    """
    substitutions = tuple(each for user in snapshot.users for each in user.substitutions or ())
    notes = [str(note) for note in snapshot.notes]
    own_notes: dict[str, list[str]] = {}
    for note in snapshot.notes:
        if note.entity_type == "schedule" and note.external_id is not None:
            own_notes.setdefault(note.external_id, []).append(str(note))
    schedules = []
    for schedule in sorted(snapshot.schedules, key=_by_id):
        rendering, reason = _rendered(schedule, substitutions, since, until)
        own = own_notes.get(schedule.external_id, [])
        if reason:
            notes.append(f"schedule {schedule.external_id}: {reason}")
            own.append(notes[-1])
        schedules.append(_schedule(schedule, rendering, own))
    return {
        "provider": snapshot.provider,
        "people": [_person(user) for user in sorted(snapshot.users, key=_by_id)],
        "groups": [_group(team) for team in sorted(snapshot.teams, key=_by_id)],
        "schedules": schedules,
        "policies": [_policy(policy) for policy in sorted(snapshot.policies, key=_by_id)],
        "services": [_service(service) for service in sorted(snapshot.services, key=_by_id)],
        "notes": list(dict.fromkeys(notes)),
        "failed": [
            {
                "entity_type": failed.entity_type,
                "external_id": failed.external_id,
                "code": failed.code,
                "path": failed.path,
                "message": failed.message,
            }
            for failed in snapshot.failed
        ],
    }


def nothing_read(provider: str, at: int, error: ConnectorError) -> Snapshot:
    """Return the snapshot of a read that could not begin: every list failed with the same error."""
    failed = tuple(FailedEntity(kind, None, error.code, "", str(error), error.hint) for kind in ENTITY_TYPES)
    return Snapshot(provider, Account(None, ""), at, failed=failed)


def exit_code(replayed: Mapping[str, Any]) -> int:
    """Return 0 if every object is imported or has a note, 3 if something failed."""
    return 3 if replayed["failed"] else 0


def _by_id(record: SourceUser | SourceTeam | SourceSchedule | SourcePolicy | SourceService) -> str:
    return record.external_id


def _rendered(
    schedule: SourceSchedule, substitutions: Sequence[Substitution], since: int, until: int
) -> tuple[Rendering, str]:
    """Return the rendering and "", or an empty rendering and the reason."""
    spec = schedule.spec()
    empty = Rendering((), ())
    if spec is None:
        return empty, f"it has no shifts, because {schedule.time_zone.raw!r} is not one certain time zone."
    try:
        return render(spec, substitutions, since, until), ""
    except InvalidSpec as error:
        return empty, f"its shifts cannot be shown: {error}"


def _schedule(schedule: SourceSchedule, rendering: Rendering, notes: list[str]) -> Json:
    by_layer = dict(rendering.layers)
    return {
        "external_id": schedule.external_id,
        "name": schedule.name,
        "time_zone": schedule.time_zone.zone,
        "active": schedule.enabled and schedule.time_zone.zone is not None,
        "composition": schedule.composition,
        "shifts": _shifts(rendering.final),
        "layers": [
            {"key": layer.key, "name": layer.name, "shifts": _shifts(by_layer.get(layer.key, ()))}
            for layer in schedule.layers
        ],
        "notes": list(dict.fromkeys(notes)),
    }


def _shifts(spans: Sequence[Span]) -> list[Json]:
    return [
        {
            "start": instant_to_text(span.start),
            "end": instant_to_text(span.end),
            "participants": sorted({str(participant) for participant in span.participants}),
        }
        for span in spans
    ]


def _person(user: SourceUser) -> Json:
    return {
        "external_id": user.external_id,
        "name": user.name,
        "email": user.email,
        "state": user.state,
        "time_zone": user.time_zone.zone,
        "contact_methods": [
            {"channel": method.channel, "address": method.address, "enabled": method.enabled}
            for method in user.contact_methods or ()
        ],
    }


def _group(team: SourceTeam) -> Json:
    members = sorted(team.members or (), key=lambda member: member.person_id)
    return {
        "external_id": team.external_id,
        "name": team.name,
        "members": [{"external_id": member.person_id, "role": member.role} for member in members],
    }


def _policy(policy: SourcePolicy) -> Json:
    return {
        "external_id": policy.external_id,
        "name": policy.name,
        "initial_delay_minutes": policy.policy.initial_wait,
        "repeat_count": policy.policy.repeat_count,
        "levels": [
            {
                "delay_minutes": level.wait,
                "distribution": level.distribution,
                "targets": [_target(target) for target in level.targets],
            }
            for level in policy.policy.levels
        ],
    }


def _target(target: Target) -> Json:
    made: Json = {"type": target.kind, "external_id": target.key, "condition": target.condition}
    if target.kind == "schedule":
        made["mode"] = target.mode
    if target.layers is not None:
        made["layers"] = list(target.layers)
    return made


def _service(service: SourceService) -> Json:
    return {
        "external_id": service.external_id,
        "name": service.name,
        "policy": service.policy_id,
        "group": service.group_id,
    }

"""Turns records into proposals, and compares values by their meaning. Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from connectors.records import Record, SourcePolicy, SourceSchedule, SourceService, SourceTeam, SourceUser
from oncall.aggregates import Kind, Values
from oncall.emails import canonical_email
from oncall.escalation.codec import levels_to_json
from oncall.escalation.policy import Level, Target, TargetKind
from oncall.rendering.codec import (
    instant_to_text,
    layers_to_json,
    participant_to_text,
    reading_from_text,
    reading_to_text,
)
from oncall.rendering.spec import LATEST, Layer, Participant
from syncjobs.planning.values import Proposal, element_key

#: A fixed Monday. Rotations are compared by the turn at this reading.
EPOCH = "2001-01-01T00:00:00"

#: Later than any instant of a source.
_LAST_INSTANT = instant_to_text(LATEST)

#: The field of each kind that is normalized before it is compared, see :func:`normalized`.
_NORMALIZED_FIELDS: Mapping[Kind, str] = {"responder": "email", "schedule": "layers", "escalation_policy": "levels"}

#: Writes canonical JSON. The encoder is shared, because creating it takes as long as encoding a small record. It does
#: not search for circles, because this takes an eighth of the time and records are trees.
_to_text = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

#: Kinds of targets that can have a row here.
_ROW_KINDS: tuple[TargetKind, ...] = ("responder", "schedule", "user_group", "escalation_policy")


def digest(value: Any) -> str:
    """Return the blake2b-16 hash of the canonical JSON of a value, as hex."""
    return blake2b(_to_text(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Proposer:
    """Turns the records of one read of one connection into proposals.

    now: ISO instant of the read. mapping_version: of each kind; it is included in every fingerprint.
    """

    def __init__(self, connection_id: int, now: str, mapping_version: Mapping[Kind, int]) -> None:
        self._prefix = element_key(connection_id, "")
        self.now = now
        self.mapping_version = mapping_version

    def propose(self, record: Record) -> Proposal:
        """Return the proposal of a record."""
        match record:
            case SourceUser():
                return self._user(record)
            case SourceTeam():
                return self._team(record)
            case SourceSchedule():
                return self._schedule(record)
            case SourcePolicy():
                return self._policy(record)
            case SourceService():  # pragma: no branch - the last of the union
                return self._service(record)

    def key(self, *parts: str) -> str:
        """Return the key of an object or element of this connection, unique in the database."""
        return self._prefix + ":".join(parts)

    def _optional_key(self, external_id: str | None) -> str:
        return "" if external_id is None else self.key(external_id)

    def _participant(self, participant: Participant) -> Participant:
        if participant.kind == "vacant":
            return participant
        return Participant(participant.kind, self.key(participant.id))

    def _participant_text(self, participant: Participant) -> str:
        return participant_to_text(self._participant(participant))

    def _proposal(
        self,
        kind: Kind,
        record: Record,
        fields: Values,
        elements: Mapping[str, Mapping[str, Values] | None],
        *,
        on_create: Values | None = None,
        **more: Any,
    ) -> Proposal:
        version, values = self.mapping_version.get(kind, 0), on_create or {}
        unread = getattr(record, "unread", {})
        return Proposal(
            kind=kind,
            external_id=record.external_id,
            key=self.key(record.external_id),
            label=record.name,
            fields=fields,
            elements=elements,
            unread=unread,
            fingerprint=_fingerprint(kind, version, fields, elements, values, unread, self.now),
            mapping_version=version,
            on_create=values,
            because=record.because,
            **more,
        )

    def _user(self, user: SourceUser) -> Proposal:
        values: dict[str, Any] = {
            "name": user.name,
            "email": user.email or "",
            "time_zone": user.time_zone.zone or "",
            "title": user.title,
            "state": user.state,
        }
        # A person who is only referred to keeps their slots. Their fields are left alone, because the list may have
        # failed; only a reference to a deleted person reports a field, the state.
        fields = {**values, "active": True} if user.listed else {"state": "deleted"} if user.state == "deleted" else {}
        unreported = (
            user.unreported if user.time_zone.zone or not user.time_zone.raw else user.unreported | {"time_zone"}
        )
        own = self.key(user.external_id, "")
        methods = (
            None
            if user.contact_methods is None
            else {
                own + m.external_id: {
                    "channel": m.channel,
                    "address": m.address or "",
                    "extension": m.extension,
                    "label": m.label,
                    "enabled": m.enabled,
                }
                for m in user.contact_methods
            }
        )
        rules = (
            None
            if user.notification_rules is None
            else {
                own + r.external_id: {
                    "urgency": r.urgency,
                    "delay": r.delay,
                    "method_key": own + r.method_id,
                    "windows": list(r.windows),
                }
                for r in user.notification_rules
            }
        )
        substitutions = (
            None
            if user.substitutions is None
            else {
                own + s.key: {
                    "by_key": self._participant_text(s.replacement),
                    "scope": None if s.groups is None else sorted(self.key(g) for g in s.groups),
                    "starts_at": instant_to_text(s.starts_at),
                    "ends_at": instant_to_text(s.ends_at),
                }
                for s in user.substitutions
            }
        )
        elements = {"contact_methods": methods, "notification_rules": rules, "substitutions": substitutions}
        # Every source reports all current and future substitutions. Those that ended before the read are history.
        fetched_range = None if user.substitutions is None else (self.now, _LAST_INSTANT)
        return self._proposal(
            "responder",
            user,
            {name: value for name, value in fields.items() if name not in unreported} if unreported else fields,
            elements,
            fetched_range=fetched_range,
            on_create={name: values[name] for name in unreported} if user.listed else values,
            listed=user.listed,
        )

    def _team(self, team: SourceTeam) -> Proposal:
        fields = {"name": team.name, "description": team.description, "active": True}
        members = (
            None
            if team.members is None
            else {
                self.key(team.external_id, m.person_id): {"person_key": self.key(m.person_id), "role": m.role}
                for m in team.members
            }
        )
        holders = frozenset(m["person_key"] for m in (members or {}).values())
        return self._proposal("user_group", team, fields, {"members": members}, holders=holders)

    def _schedule(self, schedule: SourceSchedule) -> Proposal:
        layers = tuple(self._layer(layer) for layer in schedule.layers)
        fields: dict[str, Any] = {
            "name": schedule.name,
            "description": schedule.description,
            "composition": schedule.composition,
            "layers": layers_to_json(layers),
            "group_keys": sorted(self.key(g) for g in schedule.group_ids),
        }
        zone, on_create = schedule.time_zone, {}
        evidence: dict[str, Any] = {}
        if not zone.is_sure:
            evidence |= {"raw": zone.raw, "rule": zone.rule, "candidates": list(zone.candidates)}
        if zone.outcome == "kept":
            evidence["kept"] = zone.zone
        if zone.outcome in ("conflict", "warn"):
            state = "unknown" if zone.rule in ("unknown", "blank") else "ambiguous"
            on_create = {"time_zone": "", "zone_state": state, "active": False}
        else:
            fields |= {"time_zone": zone.zone, "zone_state": "ok", "active": schedule.enabled}
        # The keys of layers stay the same here. Extra shifts are elements, so their keys contain the connection.
        shift_keys = {x.key: self.key(schedule.external_id, x.key) for x in schedule.extra_shifts or ()}
        overrides = (
            None
            if schedule.overrides is None
            else {
                self.key(schedule.external_id, o.key): {
                    "starts_at": instant_to_text(o.starts_at),
                    "ends_at": instant_to_text(o.ends_at),
                    "by_key": self._participant_text(o.by),
                    "sources": None if o.sources is None else sorted(shift_keys.get(s, s) for s in o.sources),
                    "replaces": "" if o.replaces is None else self._participant_text(o.replaces),
                    "covers_gaps": o.covers_gaps,
                    "rank": o.rank,
                }
                for o in schedule.overrides
            }
        )
        extra_shifts = (
            None
            if schedule.extra_shifts is None
            else {
                self.key(schedule.external_id, x.key): {
                    "starts_at": instant_to_text(x.starts_at),
                    "ends_at": instant_to_text(x.ends_at),
                    "by_key": self._participant_text(x.by),
                }
                for x in schedule.extra_shifts
            }
        )
        people = [p for layer in layers for p in layer.participants if p.kind == "person"]
        substitutes = [
            text.removeprefix("person:")
            for elements in (overrides, extra_shifts)
            for values in (elements or {}).values()
            if (text := str(values["by_key"])).startswith("person:")
        ]
        fetched = schedule.fetched_range
        return self._proposal(
            "schedule",
            schedule,
            fields,
            {"overrides": overrides, "extra_shifts": extra_shifts},
            fetched_range=None if fetched is None else (instant_to_text(fetched[0]), instant_to_text(fetched[1])),
            lists_overlapping=schedule.lists_overlapping,
            on_create=on_create,
            zone_evidence=evidence or None,
            holders=frozenset([*(p.id for p in people), *substitutes]),
            turned_by_alert=schedule.turned_by_alert,
        )

    def _layer(self, layer: Layer) -> Layer:
        return replace(layer, participants=tuple(self._participant(p) for p in layer.participants))

    def _policy(self, policy: SourcePolicy) -> Proposal:
        rules = policy.policy
        levels = tuple(
            Level(level.wait, level.distribution, tuple(self._target(t) for t in level.targets))
            for level in rules.levels
        )
        fields = {
            "name": policy.name,
            "description": policy.description,
            "initial_wait": rules.initial_wait,
            "levels": levels_to_json(levels),
            "repeat_count": rules.repeat_count,
            "after_last": rules.after_last,
            "unstaffed_level": rules.unstaffed_level,
            "resolved": rules.resolved,
            "part_of_key": self._optional_key(policy.part_of_id),
            "group_key": self._optional_key(policy.group_id),
            "active": policy.enabled,
        }
        holders = frozenset(t.key for level in levels for t in level.targets if t.kind == "responder")
        return self._proposal("escalation_policy", policy, fields, {}, holders=holders)

    def _target(self, target: Target) -> Target:
        """Return the target with a key of this connection.

        An unresolved target of a kind that is imported gets this kind, so it refers to its object as soon as the object
        is imported. Labels of other targets are dropped; otherwise each rename of an object would change its policies.
        """
        key = self.key(target.key)
        if target.kind != "unresolved":
            return replace(target, key=key, label="")
        kind = next((kind for kind in _ROW_KINDS if kind == target.unresolved_kind), None)
        return replace(target, kind=kind, key=key, unresolved_kind="") if kind else replace(target, key=key)

    def _service(self, service: SourceService) -> Proposal:
        fields = {
            "name": service.name,
            "description": service.description,
            "policy_key": self._optional_key(service.policy_id),
            "group_key": self._optional_key(service.group_id),
            "active": True,
        }
        on_create = {"policy_key": fields.pop("policy_key")} if service.policy_unreported else {}
        return self._proposal("service", service, fields, {}, on_create=on_create)


def fingerprint(proposal: Proposal, now: str) -> str:
    """Return a text that is equal for records with the same meaning at ``now`` and the same mapping version.

    now: ISO instant.
    """
    return _fingerprint(
        proposal.kind,
        proposal.mapping_version,
        proposal.fields,
        proposal.elements,
        proposal.on_create,
        proposal.unread,
        now,
    )


def _fingerprint(
    kind: Kind,
    mapping_version: int,
    fields: Values,
    elements: Mapping[str, Mapping[str, Values] | None],
    on_create: Values,
    unread: Mapping[str, int],
    now: str,
) -> str:
    # It takes the fields of a proposal, because creating a proposal twice would take as long as hashing it.
    name = _NORMALIZED_FIELDS.get(kind)
    if name is not None and name in fields:
        fields = {**fields, name: normalized(kind, name, fields[name], now)}
    parts = [mapping_version, fields, elements, sorted(on_create.items())]
    return digest([*parts, unread] if unread else parts)


def normalized(kind: Kind, path: str, value: Any, now: str) -> Any:
    """Return the form of a value that is compared and hashed. Values with the same meaning have the same form.

    Layers: ended layers and start times in the past are left out, and all anchors are moved to the same turn. Levels:
    labels are left out, except those of unresolved targets. Participants and targets that are all on call or paged at
    the same time are a sorted set. E-mail addresses: in canonical form. now: ISO instant.
    """
    if kind == "responder" and path == "email":
        return canonical_email(value) or value
    if path == "levels":
        return {**value, "levels": [_normalized_level(level) for level in value["levels"]]}
    if path != "layers":
        return value
    layers = [layer for layer in value["layers"] if not (layer["ends_at"] and layer["ends_at"] <= now)]
    return {**value, "layers": [_normalized_layer(layer, now) for layer in layers]}


def _normalized_level(level: Mapping[str, Any]) -> dict[str, Any]:
    targets = [
        {name: value for name, value in target.items() if name != "label" or target["kind"] == "unresolved"}
        for target in level["targets"]
    ]
    return {**level, "targets": _as_set(targets) if level["distribution"] == "everyone" else targets}


def _as_set(values: list[Any]) -> list[Any]:
    """Return the values without repeats, in an order that does not depend on theirs."""
    if len(values) < 2:
        return values  # most levels page one target
    return [value for _, value in sorted({_to_text(value): value for value in values}.items())]


def _normalized_layer(layer: Mapping[str, Any], now: str) -> dict[str, Any]:
    made = dict(layer)
    if made["starts_at"] and made["starts_at"] <= now:
        made["starts_at"] = None
    turns, people = made["turns"], made["participants"]
    if turns["type"] == "everyone":
        made["participants"] = _as_set(people)
    if turns["type"] == "by_time" and turns["unit"] == "seconds" and turns["clock"] == "wall" and turns["length"] > 0:
        anchor, length = reading_from_text(turns["anchor"]), turns["length"]
        turn = (anchor - reading_from_text(EPOCH)) // length
        made["turns"] = {**turns, "anchor": reading_to_text(anchor - turn * length)}
        made["participants"] = [people[(index - turn) % len(people)] for index in range(len(people))]
    return made


def have_same_meaning(kind: Kind, path: str, first: Any, second: Any, now: str) -> bool:
    """Return whether two values of a field have the same meaning at ``now``, an ISO instant."""
    return bool(first == second or normalized(kind, path, first, now) == normalized(kind, path, second, now))

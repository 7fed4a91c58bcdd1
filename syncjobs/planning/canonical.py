"""Records to proposals, and the form in which two values count as equal. Pure."""

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
from oncall.rendering.spec import Layer, Participant
from oncall.rendering.zones import LATEST
from syncjobs.planning.values import Proposal, element_key

#: Any fixed Monday; stored rotations are compared by the turn that this reading falls into.
EPOCH = "2001-01-01T00:00:00"

#: Later than anything a source tells.
_LAST_INSTANT = instant_to_text(LATEST)

#: The field of a kind that has another form than its own in which it is compared: see :func:`normal`.
_COMPARED_OTHERWISE: Mapping[Kind, str] = {"responder": "email", "schedule": "layers", "escalation_policy": "levels"}

#: Canonical JSON. One encoder for all: making one takes as long as a small record does.
_to_text = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode

#: Kinds of targets that can have a row here.
_ROWS: tuple[TargetKind, ...] = ("responder", "schedule", "user_group", "escalation_policy")


def digest(value: Any) -> str:
    """blake2b-16 of canonical JSON, as hex."""
    return blake2b(_to_text(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Proposer:
    """Turns the records of one read of one connection into proposals.

    now: ISO instant of the read. mapping_version: per kind, part of every fingerprint.
    """

    def __init__(self, connection_id: int, now: str, mapping_version: Mapping[Kind, int]) -> None:
        self._own = element_key(connection_id, "")
        self.now = now
        self.mapping_version = mapping_version

    def propose(self, record: Record) -> Proposal:
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
        return self._own + ":".join(parts)

    def _optional_key(self, external_id: str | None) -> str:
        return "" if external_id is None else self.key(external_id)

    def _participant(self, participant: Participant) -> Participant:
        if participant.kind == "vacant":
            return participant
        return Participant(participant.kind, self.key(participant.id))

    def _who(self, participant: Participant) -> str:
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
        told: dict[str, Any] = {
            "name": user.name,
            "email": user.email or "",
            "time_zone": user.time_zone.zone or "",
            "title": user.title,
            "state": user.state,
        }
        # A mere reference is enough to keep a slot, but tells nothing about somebody who is known already: the listing
        # may have failed. That a person was deleted is told by the reference itself.
        fields = {**told, "active": True} if user.listed else {"state": "deleted"} if user.state == "deleted" else {}
        untold = user.untold if user.time_zone.zone or not user.time_zone.raw else user.untold | {"time_zone"}
        methods = (
            None
            if user.contact_methods is None
            else {
                self.key(user.external_id, m.external_id): {
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
                self.key(user.external_id, r.external_id): {
                    "urgency": r.urgency,
                    "delay": r.delay,
                    "method_key": self.key(user.external_id, r.method_id),
                    "windows": list(r.windows),
                }
                for r in user.notification_rules
            }
        )
        substitutions = (
            None
            if user.substitutions is None
            else {
                self.key(user.external_id, s.key): {
                    "by_key": self._who(s.replacement),
                    "scope": None if s.groups is None else sorted(self.key(g) for g in s.groups),
                    "starts_at": instant_to_text(s.starts_at),
                    "ends_at": instant_to_text(s.ends_at),
                }
                for s in user.substitutions
            }
        )
        elements = {"contact_methods": methods, "notification_rules": rules, "substitutions": substitutions}
        # Every source tells all that run now or later; what has ended by the read is history.
        ahead = None if user.substitutions is None else (self.now, _LAST_INSTANT)
        return self._proposal(
            "responder",
            user,
            {name: value for name, value in fields.items() if name not in untold} if untold else fields,
            elements,
            fetched_range=ahead,
            on_create={name: told[name] for name in untold} if user.listed else told,
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
        zone, on_create, evidence = schedule.time_zone, {}, None
        if zone.zone is None:
            state = "unknown" if zone.rule in ("unknown", "blank") else "ambiguous"
            on_create = {"time_zone": "", "zone_state": state, "active": False}
            evidence = {"raw": zone.raw, "candidates": list(zone.candidates), "note": zone.note}
        else:
            fields |= {"time_zone": zone.zone, "zone_state": "ok", "active": schedule.enabled}
        # Layers keep their key here, extra shifts are elements with a key of their own.
        sources = {x.key: self.key(schedule.external_id, x.key) for x in schedule.extra_shifts or ()}
        overrides = (
            None
            if schedule.overrides is None
            else {
                self.key(schedule.external_id, o.key): {
                    "starts_at": instant_to_text(o.starts_at),
                    "ends_at": instant_to_text(o.ends_at),
                    "by_key": self._who(o.by),
                    "sources": None if o.sources is None else sorted(sources.get(s, s) for s in o.sources),
                    "replaces": "" if o.replaces is None else self._who(o.replaces),
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
                    "by_key": self._who(x.by),
                }
                for x in schedule.extra_shifts
            }
        )
        people = [p for layer in layers for p in layer.participants if p.kind == "person"]
        stand_ins = [
            text.removeprefix("person:")
            for elements in (overrides, extra_shifts)
            for values in (elements or {}).values()
            if (text := str(values["by_key"])).startswith("person:")
        ]
        window = schedule.fetched_range
        return self._proposal(
            "schedule",
            schedule,
            fields,
            {"overrides": overrides, "extra_shifts": extra_shifts},
            fetched_range=None if window is None else (instant_to_text(window[0]), instant_to_text(window[1])),
            on_create=on_create,
            zone_evidence=evidence,
            holders=frozenset([*(p.id for p in people), *stand_ins]),
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
        """A target that could not be seen is a key without a row: it resolves itself when its object arrives.

        The name of a target that has a row is the row's: kept here too, each rename would change its policies.
        """
        key = self.key(target.key)
        if target.kind != "unresolved":
            return replace(target, key=key, label="")
        known = next((kind for kind in _ROWS if kind == target.unresolved_kind), None)
        return replace(target, kind=known, key=key, unresolved_kind="") if known else replace(target, key=key)

    def _service(self, service: SourceService) -> Proposal:
        fields = {
            "name": service.name,
            "description": service.description,
            "policy_key": self._optional_key(service.policy_id),
            "group_key": self._optional_key(service.group_id),
            "active": True,
        }
        on_create = {"policy_key": fields.pop("policy_key")} if service.policy_untold else {}
        return self._proposal("service", service, fields, {}, on_create=on_create)


def fingerprint(proposal: Proposal, now: str) -> str:
    """Equal for records that mean the same at ``now`` (ISO instant) and were mapped by the same version."""
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
    """Of the parts, so that a proposal is made once, with its fingerprint: making one takes as long as hashing it."""
    name = _COMPARED_OTHERWISE.get(kind)
    if name is not None and name in fields:
        fields = {**fields, name: normal(kind, name, fields[name], now)}
    parts = [mapping_version, fields, elements, sorted(on_create.items())]
    return digest([*parts, unread] if unread else parts)


def normal(kind: Kind, path: str, value: Any, now: str) -> Any:
    """The form in which a field is compared and hashed. Only layers need one: what moves by itself is taken out.

    A layer that has ended is history; a clip in the past no longer clips; a rotation is the turn at a fixed epoch plus
    the order from there, whatever anchor it is written down with. The label of a target that has a kind is only a name
    to show meanwhile. Addresses compare in their canonical form.
    """
    if kind == "responder" and path == "email":
        return canonical_email(value) or value
    if path == "levels":
        return {**value, "levels": [_without_labels(level) for level in value["levels"]]}
    if path != "layers":
        return value
    layers = [_settled(layer, now) for layer in value["layers"] if not (layer["ends_at"] and layer["ends_at"] <= now)]
    return {**value, "layers": layers}


def _without_labels(level: Mapping[str, Any]) -> dict[str, Any]:
    targets = [
        {name: part for name, part in target.items() if name != "label" or target["kind"] == "unresolved"}
        for target in level["targets"]
    ]
    return {**level, "targets": targets}


def _settled(layer: Mapping[str, Any], now: str) -> dict[str, Any]:
    settled = dict(layer)
    if settled["starts_at"] and settled["starts_at"] <= now:
        settled["starts_at"] = None
    turns, people = settled["turns"], settled["participants"]
    if turns["type"] == "by_time" and turns["unit"] == "seconds" and turns["clock"] == "wall" and turns["length"] > 0:
        anchor, length = reading_from_text(turns["anchor"]), turns["length"]
        turn = (anchor - reading_from_text(EPOCH)) // length
        settled["turns"] = {**turns, "anchor": reading_to_text(anchor - turn * length)}
        settled["participants"] = [people[(index - turn) % len(people)] for index in range(len(people))]
    return settled


def same(kind: Kind, path: str, one: Any, other: Any, now: str) -> bool:
    """Whether two values of a field mean the same."""
    return bool(one == other or normal(kind, path, one, now) == normal(kind, path, other, now))

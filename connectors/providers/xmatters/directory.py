"""What a pointer of xMatters points to: a person, a device's owner, a group of one sort or another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.vendor import invalid, unknown_value
from connectors.reading.findings import Findings
from connectors.records import EntityKey, EntityType
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import Participant, ParticipantKind, person

_ENTITIES: Final[Mapping[ParticipantKind, EntityType]] = {
    "person": "responder",
    "policy": "escalation_policy",
    "group": "user_group",
}


@dataclass(slots=True)
class Directory:
    """people, groups, sites by id, as far as read; sites None: their list failed. owners: the owner of each device that
    was read, by the device's."""

    people: Mapping[str, wire.Person] = field(default_factory=dict)
    groups: Mapping[str, wire.Group] = field(default_factory=dict)
    sites: Mapping[str, wire.Site] | None = field(default_factory=dict)
    owners: Mapping[str, wire.Recipient] = field(default_factory=dict)

    def kind(self, recipient: wire.Recipient) -> str:
        """PERSON, GROUP, DEVICE, DYNAMIC_TEAM or whatever else was sent; "" when nothing tells.

        References may leave out their type (vendor reference, "RecipientReference").
        """
        if recipient.recipient_type:
            return recipient.recipient_type
        if recipient.id in self.people or recipient.first_name or recipient.last_name:
            return "PERSON"
        if recipient.id in self.groups or recipient.group_type:
            return "GROUP"
        return "DEVICE" if recipient.id in self.owners or recipient.owner else ""

    def owner(self, device: wire.Recipient) -> wire.Recipient | None:
        """Whose device it is, None when nobody told. Its target name holds the owner's, but is never taken apart."""
        return device.owner or self.owners.get(device.id)

    def participant(self, recipient: wire.Recipient, path: str) -> Participant:
        """Who takes a seat. A nested group is resolved when it is its turn: an on-call one by its own shifts, a
        broadcast or dynamic one means its members. Raises UnexpectedResponse for what cannot be told."""
        kind = self.kind(recipient)
        if kind == "PERSON":
            return person(recipient.id)
        if kind == "DEVICE":
            owner = self.owner(recipient)
            if owner is None:
                message = f"The device {recipient.id} has a seat, and nothing that may be read tells whose it is."
                raise invalid("owner_not_told", path, message)
            return person(owner.id)
        if kind == "GROUP":
            known = self.groups.get(recipient.id)
            group_type = known.group_type if known else recipient.group_type or "ON_CALL"
            return Participant("policy" if group_type == "ON_CALL" else "group", recipient.id)
        if kind == "DYNAMIC_TEAM":
            return Participant("group", recipient.id)
        raise unknown_value(f"{path}.recipientType", f"{recipient.label} is of the unknown type {kind!r}.")

    def key(self, recipient: wire.Recipient) -> EntityKey | None:
        """The object a recipient leads to, None for what cannot be told."""
        kind = self.kind(recipient)
        if kind not in ("PERSON", "DEVICE", "GROUP", "DYNAMIC_TEAM") or (
            kind == "DEVICE" and self.owner(recipient) is None
        ):
            return None
        who = self.participant(recipient, "")
        return _ENTITIES[who.kind], who.id

    def person(self, recipient: wire.Recipient) -> wire.Recipient | None:
        """The person a recipient is or whose device it is; None for anything else."""
        kind = self.kind(recipient)
        return recipient if kind == "PERSON" else self.owner(recipient) if kind == "DEVICE" else None

    def site_of(self, source: wire.Person | wire.Group) -> wire.Site | None:
        """None: there is none, or it was not told."""
        return None if source.site is None else (self.sites or {}).get(source.site.id)

    def person_zone(self, source: wire.Person, findings: Findings) -> ZoneReading:
        """The person's own time zone, else that of their site."""
        site = self.site_of(source)
        told = source.timezone or (site.timezone if site else None)
        return findings.zone("responder", source.id, convert(told), "timezone")

    def shift_zone(self, source: wire.Shift, group: wire.Group, findings: Findings) -> ZoneReading:
        """The shift's own time zone; without one that of the group, then of the group's site, with a note."""
        site = self.site_of(group)
        told = source.timezone or group.timezone or (site.timezone if site else None)
        zone = findings.zone("schedule", source.id, convert(told), "timezone")
        if not source.timezone and zone.zone is not None and zone.outcome != "warn":
            message = f"{source.label} tells no time zone; that of its group or its group's site was taken."
            findings.note("schedule", source.id, "assumed_zone", message, "timezone")
        return zone

"""Finds the object that a recipient of xMatters refers to: a person, a device's owner or a group. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.vendor import invalid
from connectors.reading.findings import Findings
from connectors.reading.texts import short_key
from connectors.records import EntityKey, EntityType
from connectors.zones.timezones import ZoneReading, convert
from oncall.rendering.spec import Participant, ParticipantKind, person

_ENTITIES: Final[Mapping[ParticipantKind, EntityType]] = {
    "person": "responder",
    "policy": "escalation_policy",
    "group": "user_group",
}


def unknown_holder(kind: str, id_: str) -> Participant:
    """Returns the participant for a holder of a seat that is not known here. kind: as sent, often empty."""
    return Participant("unknown", short_key(f"{kind or 'recipient'}:{id_}"))


@dataclass(slots=True)
class Directory:
    """The objects that were read, by id.

    sites: None means that they were not reported. owners: the owner of each device, by the id of the device.
    owners_listed: whether the list of all devices was read, so that a device that is missing in it has no owner.
    """

    people: Mapping[str, wire.Person] = field(default_factory=dict)
    groups: Mapping[str, wire.Group] = field(default_factory=dict)
    sites: Mapping[str, wire.Site] | None = field(default_factory=dict)
    owners: Mapping[str, wire.Recipient] = field(default_factory=dict)
    owners_listed: bool = True

    def kind(self, recipient: wire.Recipient) -> str:
        """Returns PERSON, GROUP, DEVICE, DYNAMIC_TEAM or the type that was sent, "" if it is unknown.

        A reference may have no type (vendor reference, "RecipientReference").
        """
        if recipient.recipient_type:
            return recipient.recipient_type
        if recipient.id in self.people or recipient.first_name or recipient.last_name:
            return "PERSON"
        if recipient.id in self.groups or recipient.group_type:
            return "GROUP"
        return "DEVICE" if recipient.id in self.owners or recipient.owner else ""

    def owner(self, device: wire.Recipient) -> wire.Recipient | None:
        """Returns the owner of a device, None if unknown. The target name contains the owner's, but is not parsed."""
        return device.owner or self.owners.get(device.id)

    def participant(self, recipient: wire.Recipient, path: str) -> Participant:
        """Returns the participant for a recipient in a seat. A recipient of an unknown type is an ``unknown`` one.

        A nested group is resolved at its turn: an on-call group by its own shifts, a broadcast or dynamic group to its
        members. Raises UnexpectedResponse for a device whose owner was not reported this time.
        """
        kind = self.kind(recipient)
        if kind == "PERSON":
            return person(recipient.id)
        if kind == "GROUP":
            group = self.groups.get(recipient.id)
            group_type = group.group_type if group else recipient.group_type or "ON_CALL"
            return Participant("policy" if group_type == "ON_CALL" else "group", recipient.id)
        if kind == "DYNAMIC_TEAM":
            return Participant("group", recipient.id)
        owner = self.owner(recipient) if kind == "DEVICE" else None
        if owner is not None:
            return person(owner.id)
        if kind == "DEVICE" and not self.owners_listed:
            message = f"The device {recipient.id} has a seat, but its owner was not reported."
            raise invalid("owner_not_told", path, message)
        return unknown_holder(kind, recipient.id)

    def key(self, recipient: wire.Recipient) -> EntityKey | None:
        """Returns the key of the object that a recipient refers to, None if it is unknown."""
        kind = self.kind(recipient)
        if kind not in ("PERSON", "DEVICE", "GROUP", "DYNAMIC_TEAM") or (
            kind == "DEVICE" and self.owner(recipient) is None
        ):
            return None
        participant = self.participant(recipient, "")
        return _ENTITIES[participant.kind], participant.id

    def person(self, recipient: wire.Recipient) -> wire.Recipient | None:
        """Returns the recipient if it is a person, the owner if it is a device, otherwise None."""
        kind = self.kind(recipient)
        return recipient if kind == "PERSON" else self.owner(recipient) if kind == "DEVICE" else None

    def site_of(self, source: wire.Person | wire.Group) -> wire.Site | None:
        """Returns the site of a person or group, None if there is none or it was not reported."""
        return None if source.site is None else (self.sites or {}).get(source.site.id)

    def person_zone(self, source: wire.Person, findings: Findings) -> ZoneReading:
        """Returns the person's own time zone, or that of their site."""
        site = self.site_of(source)
        timezone = source.timezone or (site.timezone if site else None)
        return findings.zone("responder", source.id, convert(timezone), "timezone")

    def shift_zone(self, source: wire.Shift, group: wire.Group, findings: Findings) -> ZoneReading:
        """Returns the shift's own time zone, or with a note that of its group or of its group's site.

        Raises UnexpectedResponse if it is that of a site, and the sites were not reported.
        """
        site = self.site_of(group)
        timezone = source.timezone or group.timezone or (site.timezone if site else None)
        if not timezone and group.site is not None and self.sites is None:
            message = f"The time zone of {source.label} is that of its group's site, but the sites were not reported."
            raise invalid("zone_not_told", "timezone", message)
        zone = findings.zone("schedule", source.id, convert(timezone), "timezone")
        if not source.timezone and zone.is_sure:
            message = f"{source.label} has no time zone. That of its group or its group's site was used."
            findings.note("schedule", source.id, "assumed_zone", message, "timezone")
        return zone

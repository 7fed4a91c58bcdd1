"""Maps rosters of groups to members of user groups. A setting of the connection decides about nested groups. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import members_by_id, unread_of
from connectors.records import SourceTeam

#: How a group that is a member of another group is imported.
Nested = Literal["skip", "link", "expand"]

_REASONS: Mapping[str, str] = {
    "GROUP": "a nested group",
    "DYNAMIC_TEAM": "a dynamic team, whose members change with time",
}


@dataclass(slots=True)
class Rosters:
    """members: the direct members of each group that was read, by its id. None means not reported."""

    nested: Nested
    directory: Directory
    members: dict[str, Elements[wire.Recipient] | None] = field(default_factory=dict)

    def people(self, group_id: str) -> Iterator[tuple[wire.Recipient, str]]:
        """Yields each person of a group once, with their role. A direct member has the role of a direct member."""
        seen: set[str] = set()
        for person, role in sorted(self._walk(group_id), key=lambda found: found[1] != "member"):
            if person.id not in seen:
                seen.add(person.id)
                yield person, role

    def groups(self, group_id: str) -> Iterator[str]:
        """Yields the ids of nested groups that are imported as separate user groups."""
        if self.nested == "link":
            members = self.members.get(group_id) or ()
            yield from (member.id for member in members if self._is_group(member) and member.id != group_id)

    def unread(self, group_id: str) -> set[str]:
        """Returns the ids of nested groups that have to be read before :meth:`people` is complete."""
        return {id_ for id_ in self._expanded(group_id) if id_ not in self.members}

    def team(self, group: wire.Group, because: tuple[str, ...], findings: Findings) -> SourceTeam:
        """Returns the record of a group. Members who are not known are counted as unread, so that nobody seems to have
        left."""
        direct = self.members.get(group.id)
        if direct is not None:
            self._note_left_out(group, direct, findings)
        hidden = self._hidden(group.id)
        if direct is not None and hidden:
            message = f"The members of {group.label} are only partly known: {', '.join(hidden)} cannot be resolved."
            if self.nested == "expand":
                message += " Let the account see them, or choose another setting for groups in groups."
            findings.note("user_group", group.id, "members_behind_not_told", message, "members", loss=True, hides=True)
        listed = [(person.id, role) for person, role in self.people(group.id)]
        members = members_by_id(None if direct is None else listed)
        if members is not None:
            rosters = [self.members.get(id_) for id_ in (group.id, *self._expanded(group.id))]
            members = Elements(members, len(hidden) + sum(roster.unread for roster in rosters if roster is not None))
        return SourceTeam(
            group.id, group.label, group.description or "", members, unread_of(members=members), because=because
        )

    # --- walking --------------------------------------------------------------------------------------------------

    def _walk(self, group_id: str) -> Iterator[tuple[wire.Recipient, str]]:
        yield from self._direct(group_id, "member")
        for id_ in self._expanded(group_id):
            group = self.directory.groups.get(id_)
            yield from self._direct(id_, f"via {group.label if group else id_}")

    def _direct(self, group_id: str, role: str) -> Iterator[tuple[wire.Recipient, str]]:
        for member in self.members.get(group_id) or ():
            found = self.directory.person(member)
            if found is not None:
                yield found, role

    def _expanded(self, group_id: str) -> list[str]:
        """Returns the ids of the nested groups whose members are imported, nearest first, each once, without the group
        itself. Groups may contain each other."""
        found: list[str] = []
        queue = [group_id] if self.nested == "expand" else []
        while queue:
            for member in self.members.get(queue.pop(0)) or ():
                if self._is_group(member) and member.id != group_id and member.id not in found:
                    found.append(member.id)
                    queue.append(member.id)
        return found

    def _hidden(self, group_id: str) -> list[str]:
        """Returns the names of devices with an unknown owner and of expanded groups with unknown members."""
        expanded = self._expanded(group_id)
        members = [member for id_ in (group_id, *expanded) for member in self.members.get(id_) or ()]
        devices = [m for m in members if self.directory.kind(m) == "DEVICE" and not self.directory.owner(m)]
        groups = [m for m in members if m.id in expanded and self.members.get(m.id) is None]
        return sorted({*(f"the device {m.id}" for m in devices), *(f"the group {m.label}" for m in groups)})

    def _is_group(self, recipient: wire.Recipient) -> bool:
        return self.directory.kind(recipient) == "GROUP"

    def _note_left_out(self, group: wire.Group, direct: Sequence[wire.Recipient], findings: Findings) -> None:
        """Adds notes with the number of members, by reason, that are not imported as people."""
        skipped: Counter[str] = Counter()
        linked = 0
        for member in direct:
            kind = self.directory.kind(member)
            if kind in ("PERSON", "DEVICE") or (kind == "GROUP" and self.nested == "expand"):
                continue
            if kind != "GROUP" or self.nested == "skip":
                skipped[_REASONS.get(kind, f"of the unknown type {kind[:40]!r}")] += 1
            elif member.id in self.directory.groups:
                linked += 1
            else:
                skipped["a nested group that is not visible"] += 1
        path = "members[].member.recipientType"
        if linked:
            message = f"{linked} nested group(s) of {group.label} are separate user groups."
            findings.note("user_group", group.id, "linked_groups", message, path)
        for reason, count in sorted(skipped.items()):
            message = f"{count} member(s) of {group.label} left out: {reason}."
            findings.note("user_group", group.id, "skipped_members", message, path)

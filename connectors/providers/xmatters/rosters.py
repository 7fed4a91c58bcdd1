"""Rosters of groups -> members of user groups, nested groups as the connection wants them. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.reading.findings import Findings
from connectors.reading.mapping import members_by_id
from connectors.records import SourceTeam

#: What becomes of a group that is a member of a group.
Nested = Literal["skip", "link", "expand"]

_REASONS: Mapping[str, str] = {
    "GROUP": "a nested group",
    "DYNAMIC_TEAM": "a dynamic team, whose members depend on the moment",
}


@dataclass(slots=True)
class Rosters:
    """told: the direct members of each group that was read, None = not told."""

    nested: Nested
    directory: Directory
    told: dict[str, tuple[wire.Recipient, ...] | None] = field(default_factory=dict)

    def people(self, group_id: str) -> Iterator[tuple[wire.Recipient, str]]:
        """Everyone of a group with how they belong to it, each once; who is a direct member is that first."""
        seen: set[str] = set()
        for one, role in sorted(self._walk(group_id), key=lambda found: found[1] != "member"):
            if one.id not in seen:
                seen.add(one.id)
                yield one, role

    def groups(self, group_id: str) -> Iterator[str]:
        """Ids of the groups that come along because they are linked."""
        if self.nested == "link":
            yield from (one.id for one in self.told.get(group_id) or () if self._is_group(one) and one.id != group_id)

    def unread(self, group_id: str) -> set[str]:
        """Nested groups that have to be read before :meth:`people` knows everyone."""
        return {id_ for id_ in self._expanded(group_id) if id_ not in self.told}

    def team(self, group: wire.Group, because: tuple[str, ...], findings: Findings) -> SourceTeam:
        """Its members are told in full or not at all: whoever is behind something that cannot be read would seem to
        have left."""
        told = self.told.get(group.id)
        if told is not None:
            self._name_left_out(group, told, findings)
        hidden = self._hidden(group.id)
        if told is not None and hidden:
            message = f"The members of {group.label} count as not told: nothing tells whom {', '.join(hidden)} means."
            if self.nested == "expand":
                message += " Let the account see it, or choose another setting for groups in groups."
            findings.note("user_group", group.id, "members_behind_not_told", message, "members", loss=True)
        listed = [(one.id, role) for one, role in self.people(group.id)]
        members = members_by_id(None if told is None or hidden else listed)
        return SourceTeam(group.id, group.label, group.description or "", members, because)

    # --- walking --------------------------------------------------------------------------------------------------

    def _walk(self, group_id: str) -> Iterator[tuple[wire.Recipient, str]]:
        yield from self._direct(group_id, "member")
        for id_ in self._expanded(group_id):
            known = self.directory.groups.get(id_)
            yield from self._direct(id_, f"via {known.label if known else id_}")

    def _direct(self, group_id: str, role: str) -> Iterator[tuple[wire.Recipient, str]]:
        for one in self.told.get(group_id) or ():
            found = self.directory.person(one)
            if found is not None:
                yield found, role

    def _expanded(self, group_id: str) -> list[str]:
        """Every group below whose members are taken over, nearest first, each once however they contain each other; not
        the group itself."""
        found: list[str] = []
        queue = [group_id] if self.nested == "expand" else []
        while queue:
            for one in self.told.get(queue.pop(0)) or ():
                if self._is_group(one) and one.id != group_id and one.id not in found:
                    found.append(one.id)
                    queue.append(one.id)
        return found

    def _hidden(self, group_id: str) -> list[str]:
        """Devices whose owner, and expanded groups whose members are not told, by name."""
        expanded = self._expanded(group_id)
        behind = [one for id_ in (group_id, *expanded) for one in self.told.get(id_) or ()]
        devices = [one for one in behind if self.directory.kind(one) == "DEVICE" and not self.directory.owner(one)]
        groups = [one for one in behind if one.id in expanded and self.told.get(one.id) is None]
        return sorted({*(f"the device {one.id}" for one in devices), *(f"the group {one.label}" for one in groups)})

    def _is_group(self, recipient: wire.Recipient) -> bool:
        return self.directory.kind(recipient) == "GROUP"

    def _name_left_out(self, group: wire.Group, told: Sequence[wire.Recipient], findings: Findings) -> None:
        """Counts, by reason, the members that never have a person behind them here."""
        skipped: Counter[str] = Counter()
        linked = 0
        for one in told:
            kind = self.directory.kind(one)
            if kind in ("PERSON", "DEVICE") or (kind == "GROUP" and self.nested == "expand"):
                continue
            if kind != "GROUP" or self.nested == "skip":
                skipped[_REASONS.get(kind, f"of the unknown type {kind[:40]!r}")] += 1
            elif one.id in self.directory.groups:
                linked += 1
            else:
                skipped["a nested group that cannot be seen"] += 1
        path = "members[].member.recipientType"
        if linked:
            message = f"{linked} nested group(s) of {group.label} are user groups of their own."
            findings.note("user_group", group.id, "linked_groups", message, path)
        for reason, count in sorted(skipped.items()):
            message = f"{count} member(s) of {group.label} left out: {reason}."
            findings.note("user_group", group.id, "skipped_members", message, path)

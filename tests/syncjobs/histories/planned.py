"""Plays a history against the pure planning: it keeps the rows and links of one connection in memory.

What a run would store, this stores; nothing here judges what a plan does.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from connectors.presence import Presences, rights_of
from connectors.records import ENTITY_TYPES, EntityKey, EntityType
from oncall import aggregates
from oncall.rendering.codec import instant_to_text
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.conflicts import COMPARED, identity
from syncjobs.planning.plan import Proposals, by_kind, links_to_compare, make_plan
from syncjobs.planning.values import Base, Item, LinkDetail, LinkView, NamedRow, OpenConflict, Picture, Plan, Rules
from tests.syncjobs.histories.histories import Step

CONNECTION = 3


@dataclass
class Row:
    fields: dict[str, Any]
    elements: dict[str, dict[str, Any]]
    version: int = 1


@dataclass
class Memory:
    """The rows and links of one connection, by object. asked: the open questions. waits: what the guard held last."""

    account: str = "acme"
    rows: dict[int, Row] = field(default_factory=dict)
    links: dict[EntityType, dict[str, LinkView]] = field(default_factory=lambda: {kind: {} for kind in ENTITY_TYPES})
    bases: dict[int, Base] = field(default_factory=dict)
    asked: list[OpenConflict] = field(default_factory=list)
    waits: set[EntityKey] = field(default_factory=set)

    def play(self, step: Step) -> Plan | None:
        """Plan the read of a step and store what would be applied. A person approves what is gone in truth.

        None: a read of another account is not planned, and a cancelled run stores nothing.
        """
        if step.snapshot.account.id != self.account or step.here == "stopped":
            return None
        if step.target is not None and step.here == "edited":
            self._edit(*step.target)
        snapshot = replace(step.snapshot, looked_up=self._looked_up(step))
        now = instant_to_text(step.at)
        proposer = Proposer(CONNECTION, now, snapshot.mapping_version)
        proposals = by_kind(proposer.propose(record) for kind in ENTITY_TYPES for record in snapshot.records(kind))
        presence = Presences(snapshot).of
        plan = make_plan(
            proposals,
            self._picture(proposals, presence),
            Rules("ask", {}, now, CONNECTION, "acme", rights=rights_of(snapshot, None)),
            presence=presence,
            check=lambda kind, fields, elements: None,
            failed=snapshot.failed,
            notes=snapshot.notes,
            is_same_account=True,
        )
        self._store(plan, step)
        return plan

    def inactive(self) -> set[EntityKey]:
        return {
            (kind, id_)
            for kind in ENTITY_TYPES
            for id_, link in self.links[kind].items()
            if link.row_id is not None and not self.rows[link.row_id].fields["active"]
        }

    def followed(self) -> set[EntityKey]:
        return {
            (kind, id_) for kind in ENTITY_TYPES for id_, link in self.links[kind].items() if link.state == "linked"
        }

    def questions(self) -> set[EntityKey]:
        """Return the objects whose absence a person is asked about, or has to approve."""
        prefix = f"{CONNECTION}:"
        about = {"gone", "not_visible", "recreated"}
        found = set(self.waits)
        for each in self.asked:
            if each.kind in about:
                ids = [key.removeprefix(prefix) for key in each.keys[:1]] or [each.external_id]
                found |= {(each.entity_type, id_) for id_ in ids}  # type: ignore[misc]  # the kinds of objects
        return found

    def _edit(self, kind: EntityType, id_: str) -> None:
        link = self.links[kind].get(id_)
        if link is not None and link.row_id is not None:
            row = self.rows[link.row_id]
            row.fields["title" if kind == "responder" else "description"] = "ours"
            row.version += 1
            self._set(kind, id_, row_version=row.version)

    def _looked_up(self, step: Step) -> dict[EntityKey, Any]:
        presences = Presences(step.snapshot)
        keys = ((kind, link.external_id) for kind in ENTITY_TYPES for link in self.links[kind].values())
        return {key: step.answers[key] for key in keys if presences.of(*key).state == "absent"}

    def _picture(self, proposals: Proposals, presence: Any) -> Picture:
        wanted = links_to_compare(proposals, self.links, False, presence)
        by_id = {link.id: link for links in self.links.values() for link in links.values()}
        details = {}
        for id_ in wanted:
            row_id = by_id[id_].row_id
            row = None if row_id is None else self.rows[row_id]
            state = None if row is None else aggregates.State(row.fields, row.elements, row_id, row.version)
            details[id_] = LinkDetail(self.bases[id_], {}, state, primary=True)
        names = {
            kind: tuple(
                NamedRow(link.row_id, f"{CONNECTION}:{id_}", str(row.fields[COMPARED[kind]]), row.fields["active"])
                for id_, link in self.links[kind].items()
                if link.row_id is not None and kind in COMPARED
                for row in [self.rows[link.row_id]]
            )
            for kind in ENTITY_TYPES
        }
        unaccounted = frozenset(self.rows)
        return Picture(self.links, details, names, {}, unaccounted, {}, tuple(self.asked))

    def _store(self, plan: Plan, step: Step) -> None:
        for link, seen in plan.sightings:
            kind = next(kind for kind in ENTITY_TYPES if self.links[kind].get(link.external_id) == link)
            self._set(kind, link.external_id, seen_missing=seen)
        for link, fingerprint in plan.compared:
            kind = next(kind for kind in ENTITY_TYPES if link.external_id in self.links[kind])
            self._set(kind, link.external_id, source_hash=fingerprint)
        self.asked = [each for each in self.asked if each.id not in plan.settled]
        known = {(each.kind, each.subject, each.evidence_hash) for each in self.asked}
        for draft in plan.conflicts:
            if identity(draft) not in known:
                self.asked = [e for e in self.asked if (e.kind, e.subject) != (draft.kind, draft.subject)]
                number = 1 + max((each.id for each in self.asked), default=0)
                about = (draft.entity_type, draft.external_id, identity(draft)[2])
                self.asked.append(OpenConflict(number, draft.kind, draft.subject, *about, keys=draft.keys))
        self.waits = set()
        for item in plan.items:
            key = (item.kind, item.external_id)
            if item.guarded and key in step.existing:
                self.waits.add(key)
            elif item.guarded or (item.action != "missing" and not plan.vanished):
                self._apply(item)

    def _apply(self, item: Item) -> None:
        kind, id_ = item.kind, item.external_id
        if item.action == "create":
            row_id = 1 + len(self.rows)
            values = {path: new for path, (_, new) in item.fields.items()} | {"active": True}
            elements = {name: {k: new for k, (_, new) in each.items()} for name, each in item.elements.items()}
            self.rows[row_id] = Row(values, elements)
            self.bases[row_id] = Base(dict(item.base["fields"]), dict(item.base["elements"]))
            self.links[kind][id_] = LinkView(row_id, id_, "linked", 1, item.fingerprint, 1, row_id, 1)
            return
        link = self.links[kind].get(id_)
        if link is None or link.row_id is None or item.action in ("failed", "conflict", "skip"):
            return
        row, base = self.rows[link.row_id], self.bases[link.id]
        row.fields = row.fields | {path: new for path, (_, new) in item.fields.items()}
        for name, changes in item.elements.items():
            merged = row.elements.get(name, {}) | {key: new for key, (_, new) in changes.items()}
            row.elements[name] = {key: value for key, value in merged.items() if value is not None}
        if item.fields or item.elements:
            row.version += 1
        elements = dict(base.elements)
        for name, values in item.base.get("elements", {}).items():
            merged = {**elements.get(name, {}), **values}
            elements[name] = {key: value for key, value in merged.items() if value is not None}
        self.bases[link.id] = Base({**base.fields, **item.base.get("fields", {})}, elements)
        state = {"detach": "detached", "deactivate": "gone", "missing": "gone"}.get(item.action, "linked")
        source_hash = item.fingerprint if item.settles else link.source_hash
        version = row.version
        self._set(kind, id_, state=state, source_hash=source_hash, synced_version=version, row_version=version)

    def _set(self, kind: EntityType, id_: str, **columns: Any) -> None:
        self.links[kind][id_] = replace(self.links[kind][id_], **columns)

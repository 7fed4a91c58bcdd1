"""Brings back what a run changed in rows: fields, elements, other columns, leads, and what a merge united."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from oncall.aggregates import Draft, Kind
from oncall.errors import NotAllowed, StaleRows
from oncall.models import ChangeRecord, GroupLead, Responder, User
from oncall.models.root import Root
from oncall.operations.audit import Actor, change_record
from oncall.operations.authority import CHANGE_LEAD, authorised, locked
from oncall.operations.drafts import lock_versions, write
from oncall.tables.base import Roots, chunks, element_key
from oncall.tables.kinds import ROOTS

#: What a change record names and a draft does not have, with its column.
COLUMNS: Final[Mapping[str, str]] = {
    "account": "account_id",
    "origin_label": "origin_label",
    "merged_into": "merged_into_id",
}

#: Row -> path -> [old, new].
_Changes = dict[int, dict[str, list[object]]]


@dataclass(frozen=True, slots=True)
class Restoration:
    """The former values of one row.

    draft: its fields and elements, with the id and the version of the row; an element that was deleted gets its former
    key. columns: those of COLUMNS. leads: e-mail address of an account -> whether it leads the group.
    """

    draft: Draft
    columns: Mapping[str, Any] = field(default_factory=dict)
    leads: Mapping[str, bool] = field(default_factory=dict)

    @property
    def id(self) -> int:
        assert self.draft.id is not None  # noqa: S101 - a row that is restored exists
        return self.draft.id


@dataclass(frozen=True, slots=True)
class Move:
    """An element that goes back from the row ``giver`` to the row ``taker``, with the values that it has now."""

    collection: str
    key: str
    giver: int
    taker: int


@transaction.atomic
def restore(kind: Kind, restorations: Sequence[Restoration], by: Actor, moves: Iterable[Move] = ()) -> None:
    """Gives rows their former values. Foreign keys beside keys that change stay empty, until references are filled.

    moves: of elements between these rows. Raises InvalidDraft, StaleRows, and NotAllowed if an account that is linked,
    unlinked, made or unmade a lead holds rights that the actor lacks.
    """
    roots = ROOTS[kind]
    _demand(kind, restorations, by)
    versions = lock_versions(kind, [each.id for each in restorations])
    stale = [each.id for each in restorations if versions.get(each.id) != each.draft.version]
    if stale:
        raise StaleRows(stale)
    rows: dict[int, Root] = {}
    for ids in chunks(versions):
        rows |= {row.pk: row for row in roots.rows.filter(pk__in=ids)}
    changes: _Changes = {pk: {} for pk in rows}
    _move_elements(roots, moves, changes)
    _restore_leads(restorations, by, changes)
    for each in restorations:
        _set_columns(rows[each.id], each.columns, changes[each.id])
    changed = [row for row in rows.values() if changes[row.pk]]
    # Who loses an account is written first, because two people cannot have one account.
    for row in sorted(changed, key=lambda row: isinstance(row, Responder) and row.account_id is not None):
        row.version += 1
        row.save(update_fields=["version", *(name for name in COLUMNS if name in changes[row.pk])])
    ChangeRecord.objects.bulk_create(
        change_record(kind, row.pk, row.name, "update", by, changes[row.pk]) for row in changed
    )
    drafts = [replace(each.draft, version=rows[each.id].version) for each in restorations]
    write(kind, [draft for draft in drafts if draft.fields or draft.elements], by=by, keep_keys=True)


def _demand(kind: Kind, restorations: Iterable[Restoration], by: Actor) -> None:
    """Locks the accounts concerned. Raises NotAllowed if one holds rights that the actor lacks."""
    restorations = list(restorations)
    changed = [each.id for each in restorations if "account" in each.columns]
    ids = {each.columns["account"] for each in restorations if each.columns.get("account") is not None}
    if changed:
        linked = Responder.objects.filter(pk__in=changed, account__isnull=False)
        ids |= set(linked.values_list("account_id", flat=True))
    emails = {email for each in restorations for email in each.leads}
    leading = set(User.objects.filter(email__in=emails).values_list("pk", flat=True))
    if not (ids or leading):
        return
    accounts = locked(ids | leading, by)
    needs_right = leading and not _leads_all(by, [each.id for each in restorations if each.leads])
    authority = authorised(by, accounts, CHANGE_LEAD if needs_right else None)
    for pk in sorted(ids | (leading if needs_right else set())):
        try:
            authority.demand(accounts[pk])
        except NotAllowed as refused:
            raise NotAllowed(f"This would change whom or what {accounts[pk]} belongs to. {refused}") from refused


def _leads_all(by: Actor, groups: Sequence[int]) -> bool:
    """Returns whether the actor leads one of the groups, into which the others were merged."""
    led = GroupLead.objects.filter(group__in=groups, account=by.account_id, account__is_active=True)
    return by.account_id is not None and led.exists()


def _move_elements(roots: Roots, moves: Iterable[Move], changes: _Changes) -> None:
    by_place: dict[tuple[str, int, int], set[str]] = {}
    for move in moves:
        by_place.setdefault((move.collection, move.giver, move.taker), set()).add(move.key)
    found: list[tuple[str, int, list[int]]] = []
    for (name, giver, taker), keys in by_place.items():
        table = roots.elements[name]
        moved = [row for row in table.rows.filter(**{table.owner: giver}).order_by("pk") if element_key(row) in keys]
        for row in moved:
            path, values = f"{name}.{element_key(row)}", table.read(row)
            changes[giver][path], changes[taker][path] = [values, None], [None, values]
        found.append((name, taker, [row.pk for row in moved]))
    for name, taker, ids in found:
        table = roots.elements[name]
        for some in chunks(ids):
            table.rows.filter(pk__in=some).update(**{table.owner_id: taker})


def _restore_leads(restorations: Iterable[Restoration], by: Actor, changes: _Changes) -> None:
    """Moves a lead that one group loses and another gets, so that it is known who granted it."""
    restorations = list(restorations)
    given: dict[str, GroupLead] = {}
    for each in restorations:
        for email in sorted(email for email, leads in each.leads.items() if not leads):
            lead = GroupLead.objects.filter(group=each.id, account__email=email).first()
            if lead is not None:
                given[email] = lead
                changes[each.id][f"leads.{email}"] = [True, None]
    for each in restorations:
        for email in sorted(email for email, leads in each.leads.items() if leads):
            account = User.objects.filter(email=email).first()
            if account is None or GroupLead.objects.filter(group=each.id, account=account).exists():
                continue
            lead = given.pop(email, None) or GroupLead(
                account=account, granted_by_id=by.account_id, granted_at=timezone.now()
            )
            lead.group_id = each.id
            lead.save()
            changes[each.id][f"leads.{email}"] = [None, True]
    for lead in given.values():
        lead.delete()


def _set_columns(row: Root, columns: Mapping[str, Any], changes: dict[str, list[object]]) -> None:
    for name, value in columns.items():
        old = getattr(row, COLUMNS[name])
        if old != value:
            setattr(row, COLUMNS[name], value)
            changes[name] = [old, value]

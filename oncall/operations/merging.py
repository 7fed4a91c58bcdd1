"""Merges two rows of a kind into one."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models, transaction

from oncall.aggregates import Draft, Kind
from oncall.errors import InvalidDraft, NotAllowed, StaleRows
from oncall.models import ChangeRecord, EscalationPolicy, GroupLead, Reference, Responder
from oncall.models.root import Root
from oncall.operations.audit import Actor, change_record
from oncall.operations.authority import CHANGE_ACCOUNT, CHANGE_LEAD, authorised, locked
from oncall.operations.drafts import WriteResult, lock_versions, write
from oncall.operations.keys import Resolve, move_references
from oncall.tables.base import Roots, chunks, element_key
from oncall.tables.kinds import ROOTS

#: Row -> path -> [old, new].
_Changes = dict[int, dict[str, list[object]]]


def lock_for_merge(kind: Kind, loser_id: int, into_id: int, by: Actor) -> dict[int, int]:
    """Locks all rows that a merge changes, in the order of their primary keys; returns the versions of the two rows.

    The accounts whose link or lead right moves are locked first, as by every operation on them. Raises NotAllowed if
    the actor may not move these, StaleRows if meanwhile there are more. A lead of two groups may merge them, with
    their other leads.
    """
    moved = _accounts_moved(kind, loser_id)
    if moved and not (kind == "user_group" and _leads_both(by, loser_id, into_id)):
        _demand(kind, moved, by)
    former = [row.pk for row in _merged_into(ROOTS[kind], loser_id)]
    versions = lock_versions(kind, [loser_id, into_id, *former])
    if not _accounts_moved(kind, loser_id) <= moved:
        raise StaleRows([loser_id])
    return {pk: version for pk, version in versions.items() if pk in (loser_id, into_id)}


@transaction.atomic
def merge(kind: Kind, loser_id: int, into_id: int, by: Actor, *, values: int | None = None) -> list[WriteResult]:
    """Replaces the row ``loser_id`` by ``into_id``; returns the results of both rows, the loser first.

    References, and the leads and the account of the loser, move; the loser becomes inactive. Rows that were merged into
    the loser before are now merged into ``into_id``, so ``merged_into`` never leads to a row that was merged itself.

    values: the row whose fields the row has afterwards, ``into_id`` unless given. In a kind whose rows are united
    (``Roots.united``), the elements of both rows are its elements; in another kind, only those of the row ``values``.
    The loser then keeps the others, and the other fields.

    Raises InvalidDraft if the rows are the same, one of them does not exist or was merged before, one policy is a part
    of the other, or both people have an account; NotAllowed as :func:`lock_for_merge`.
    """
    roots = ROOTS[kind]
    lock_for_merge(kind, loser_id, into_id, by)
    loser, into = _two_rows(roots, loser_id, into_id, values)
    if values == loser_id:
        _take_values(roots, loser, into, by)
    changes: _Changes = {loser_id: {}, into_id: {}}
    _move_elements(roots, loser_id, into_id, changes, is_exchange=not roots.united and values == loser_id)
    _move_labels(roots, loser, into, changes, is_exchange=not roots.united and values == loser_id)
    if isinstance(loser, Responder) and isinstance(into, Responder):
        _move_account(loser, into, changes)
    if kind == "user_group":
        _move_leads(loser_id, into_id, changes)
    move_references(kind, loser_id, into_id)
    if loser.active:
        changes[loser_id]["active"] = [True, False]
        loser.active = False
    changed = {loser_id: loser, into_id: into}
    for former in (*_merged_into(roots, loser_id), loser):
        changes.setdefault(former.pk, {})["merged_into"] = [former.merged_into_id, into_id]
        former.merged_into_id, changed[former.pk] = into_id, former
    for row in changed.values():  # the loser first, because two people cannot have one account
        if changes[row.pk]:
            row.version += 1
            row.save(update_fields=["version", *_columns(changes[row.pk])])
    ChangeRecord.objects.bulk_create(
        change_record(kind, pk, row.name, "update", by, changes[pk]) for pk, row in changed.items() if changes[pk]
    )
    return [WriteResult(loser_id, loser.version), WriteResult(into_id, into.version)]


def _accounts_moved(kind: Kind, loser_id: int) -> set[int]:
    """Returns the accounts of which a merge moves the link to a responder, or the right to lead a group."""
    if kind == "responder":
        linked = Responder.objects.filter(pk=loser_id, account__isnull=False)
        return set(linked.values_list("account_id", flat=True))
    if kind == "user_group":
        return set(GroupLead.objects.filter(group=loser_id).values_list("account_id", flat=True))
    return set()


def _leads_both(by: Actor, *groups: int) -> bool:
    led = GroupLead.objects.filter(group__in=groups, account=by.account_id, account__is_active=True)
    return by.account_id is not None and led.count() == len(groups)


def _demand(kind: Kind, ids: set[int], by: Actor) -> None:
    """Raises NotAllowed, with what would be moved, unless the actor could do the same without a merge."""
    accounts = locked(ids, by)
    what, permission = ("the account", CHANGE_ACCOUNT) if kind == "responder" else ("the right to lead", CHANGE_LEAD)
    try:
        authority = authorised(by, accounts, permission)
        for pk in sorted(ids):
            authority.demand(accounts[pk])
    except NotAllowed as refused:
        names = ", ".join(str(accounts[pk]) for pk in sorted(ids))
        raise NotAllowed(f"The merge would move {what} of {names}. {refused}") from refused


def _merged_into(roots: Roots, row_id: int) -> Iterable[Root]:
    rows: models.QuerySet[Any] = roots.rows
    return rows.filter(merged_into=row_id).order_by("pk")


def _two_rows(roots: Roots, loser_id: int, into_id: int, values: int | None) -> tuple[Root, Root]:
    """Returns the rows, which are locked. Raises InvalidDraft if they cannot be merged."""
    rows = {row.pk: row for row in roots.rows.filter(pk__in=[loser_id, into_id]) if row.merged_into_id is None}
    if len(rows) != 2:
        raise InvalidDraft(
            "merged_into", f"{roots.kind} {loser_id} cannot be merged into {into_id}: these are not two rows"
        )
    if values not in (None, loser_id, into_id):
        raise InvalidDraft("values", f"{values} is neither {loser_id} nor {into_id}")
    loser, into = rows[loser_id], rows[into_id]
    if isinstance(loser, EscalationPolicy) and isinstance(into, EscalationPolicy):
        is_part = loser.part_of_id == into_id or into.part_of_id == loser_id
        if is_part:
            raise InvalidDraft("merged_into", "one of the policies is a part of the other")
    if isinstance(loser, Responder) and isinstance(into, Responder):
        have_accounts = loser.account_id is not None and into.account_id is not None
        if have_accounts:
            raise InvalidDraft("account", f"{loser.name} and {into.name} have an account each; unlink one first")
    return loser, into


def _take_values(roots: Roots, loser: Root, into: Root, by: Actor) -> None:
    """Gives ``into`` the fields of the loser. Rows that are not united exchange their fields."""
    drafts = [Draft(roots.read(loser), id=into.pk, version=into.version)]
    if not roots.united:
        drafts.append(Draft(roots.read(into), id=loser.pk, version=loser.version))
    write(roots.kind, drafts, by=by, resolve=_resolved(roots, loser, into))
    for row in (loser, into):
        row.refresh_from_db()


def _resolved(roots: Roots, *rows: Root) -> Resolve:
    """Returns the primary keys that are stored beside the keys of these rows."""
    found = {}
    for row in rows:
        for column in roots.keys:
            found[column.kind, column.bare(getattr(row, column.key))] = getattr(row, column.row_id)
    if roots.reference_owner:
        for reference in Reference.objects.filter(**{f"{roots.reference_owner}__in": [row.pk for row in rows]}):
            kind: Kind = reference.kind  # type: ignore[assignment] # the choices of the column are kinds
            found[kind, reference.key] = getattr(reference, f"{kind}_id")
    return {key: row_id for key, row_id in found.items() if row_id is not None}


def _move_elements(roots: Roots, loser_id: int, into_id: int, changes: _Changes, *, is_exchange: bool) -> None:
    if not roots.united and not is_exchange:
        return
    targets = {loser_id: into_id, into_id: loser_id} if is_exchange else {loser_id: into_id}
    for name, table in roots.elements.items():
        moved: dict[int, list[int]] = {pk: [] for pk in targets}
        for element in table.rows.filter(**{f"{table.owner}__in": list(targets)}).order_by("pk"):
            path, values = f"{name}.{element_key(element)}", table.read(element)
            owner = getattr(element, table.owner_id)
            changes[owner][path], changes[targets[owner]][path] = [values, None], [None, values]
            moved[owner].append(element.pk)
        for owner, ids in moved.items():
            for some in chunks(ids):
                table.rows.filter(pk__in=some).update(**{table.owner_id: targets[owner]})


def _move_labels(roots: Roots, loser: Root, into: Root, changes: _Changes, *, is_exchange: bool) -> None:
    """Gives a row that was made here the label of the source it also comes from now."""
    labels = loser.origin_label, into.origin_label
    if is_exchange:
        labels = into.origin_label, loser.origin_label
    elif roots.united:
        labels = loser.origin_label, into.origin_label or loser.origin_label
    for row, label in zip((loser, into), labels, strict=True):
        if row.origin_label != label:
            changes[row.pk]["origin_label"], row.origin_label = [row.origin_label, label], label


def _move_account(loser: Responder, into: Responder, changes: _Changes) -> None:
    account_id = loser.account_id
    if account_id is not None:
        changes[loser.pk]["account"], changes[into.pk]["account"] = [account_id, None], [None, account_id]
        loser.account_id, into.account_id = None, account_id


def _move_leads(loser_id: int, into_id: int, changes: _Changes) -> None:
    leads = GroupLead.objects.filter(group=loser_id)
    present = set(GroupLead.objects.filter(group=into_id).values_list("account_id", flat=True))
    for lead in leads.select_related("account").order_by("pk"):
        path = f"leads.{lead.account.email}"
        changes[loser_id][path] = [True, None]
        if lead.account_id not in present:
            changes[into_id][path] = [None, True]
    leads.filter(account__in=present).delete()
    leads.update(group=into_id)


def _columns(changes: Mapping[str, object]) -> list[str]:
    """Returns the columns among the changed paths. Elements and leads have tables of their own."""
    return [path for path in changes if "." not in path]

"""Carries out the outcome of a decision, as a run of its own with an item for each effect."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from connectors.models import Connection
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.errors import InvalidDraft, NotAllowed, StaleRows
from oncall.models import User
from oncall.models.root import NAME_LENGTH
from oncall.operations import Actor, lock_for_merge, lock_versions, write
from oncall.selectors.states import load_states
from oncall.tables.base import LOCAL, local_id
from syncjobs.conflicts.merging import merge_rows
from syncjobs.models import (
    Conflict,
    ExternalLink,
    LinkState,
    Outcome,
    RunKind,
    RunState,
    SyncItem,
    SyncProfile,
    SyncRun,
)
from syncjobs.planning.decisions.values import Effect, LinkEdit, Refused
from syncjobs.planning.impact.fields import matters
from syncjobs.planning.undoing import Place, differing, places
from syncjobs.planning.values import Change, element_key
from syncjobs.runs.impact.measuring import Measurement
from syncjobs.runs.impact.touched import Touched
from syncjobs.runs.stored.links import patched
from syncjobs.runs.stored.references import fill_from_links, known_rows

#: The actions of the items of a decision.
MERGE: Final = "merge"


def carry_out(conflict: Conflict, connection: Connection, effects: Iterable[Effect], by: User | None) -> SyncRun:
    """Write the effects. Return the run that records them, also if there are none, so that each answer can be undone.

    The run also records what they change about who is on call. Raises Refused; the caller's transaction is rolled back.
    """
    effects = list(effects)
    now = timezone.now()
    measurement = Measurement(_touched(effects, connection), int(now.timestamp()))
    run = SyncRun.objects.create(
        connection=connection,
        profile=SyncProfile.objects.get(connection=connection),
        kind=RunKind.DECISION,
        state=RunState.SUCCEEDED,
        phase="done",
        scope={"conflict": conflict.pk},
        requested_by=by,
        notified_at=now,
        started_at=now,
        finished_at=now,
    )
    actor = Actor(by.pk if by else None, f"run:{run.pk}")
    counts: dict[str, dict[str, int]] = {}
    created: dict[tuple[Kind, int], str] = {}
    for number, effect in enumerate(effects, 1):
        before = _links_of(effect)
        try:
            row_id, stored = _write(effect, connection, actor)
        except InvalidDraft as wrong:
            raise Refused("invalid_argument", f"{effect.label}: {wrong.message}. Nothing was written.") from wrong
        except NotAllowed as refused:
            raise Refused("not_allowed", str(refused)) from refused
        except StaleRows as stale:
            raise Refused("stale_question", f"{effect.label} was changed meanwhile. Nothing was written.") from stale
        links = link_changes(before, _links_of(effect, before))
        _item(run, number, stored, row_id, links).save(force_insert=True)
        written = counts.setdefault(effect.kind, {"written": 0})
        written["written"] += 1
        if effect.creates and row_id is not None:
            created[effect.kind, row_id] = _key(effect, connection)
    run.counts, run.impact = counts, measurement.impact(created, keys_of_created=True).to_json()
    run.save(update_fields=["counts", "impact"])
    return run


def _touched(effects: Iterable[Effect], connection: Connection) -> Touched:
    touched = Touched()
    for effect in effects:
        changes = changes_of(effect)
        if effect.creates or matters(effect.kind, _action(effect), changes):
            touched.add(effect.kind, effect.row_id, _key(effect, connection) if effect.creates else "", changes)
            if effect.merge_into is not None:
                touched.add(effect.kind, effect.merge_into, "", {})
    return touched


def _key(effect: Effect, connection: Connection) -> str:
    return element_key(effect.connection_id or connection.pk, effect.external_id)


def lock_rows(effects: Iterable[Effect], by: User | None) -> None:
    """Lock the rows and links that the effects change. Raises Refused."""
    effects = list(effects)
    actor = Actor(by.pk if by else None, "decision")
    for effect in effects:
        if effect.merge_into is not None and effect.row_id is not None:
            try:
                lock_for_merge(effect.kind, effect.row_id, effect.merge_into, actor)
            except NotAllowed as refused:
                raise Refused("not_allowed", str(refused)) from refused
            except StaleRows as stale:
                message = f"{effect.label} was changed meanwhile. Nothing was written."
                raise Refused("stale_question", message) from stale
        elif effect.row_id is not None:
            lock_versions(effect.kind, [effect.row_id])
    links = sorted(effect.link.link.id for effect in effects if effect.link is not None)
    list(ExternalLink.objects.select_for_update(of=("self",)).filter(pk__in=links).order_by("pk").values_list("pk"))


def _write(effect: Effect, connection: Connection, actor: Actor) -> tuple[int | None, Effect]:
    """Write one effect. Return the id of its row, and the effect with the keys that its elements are stored with."""
    row_id, version = effect.row_id, effect.row_version
    if effect.fields or effect.elements or effect.account_id is not None:
        draft = Draft(
            fields={path: new for path, (_, new) in effect.fields.items()},
            elements={name: _element_changes(changes) for name, changes in effect.elements.items()},
            id=row_id,
            version=version,
            origin=connection.origin_label if effect.creates else "",
            account_id=effect.account_id,
        )
        result = write(effect.kind, [draft], by=actor, resolve=known_rows(connection.pk))[0]
        row_id, version = result.id, result.version
        effect = replace(effect, elements=_with_stored_keys(effect, row_id))
    if effect.link is not None:
        _write_link(effect, effect.link, row_id, version)
    if effect.merge_into is not None and row_id is not None:
        merge_rows(effect.kind, row_id, effect.merge_into, by=actor, values=effect.values)
    return row_id, effect


def _write_link(effect: Effect, edit: LinkEdit, row_id: int | None, version: int) -> None:
    link = ExternalLink.objects.get(pk=edit.link.id)  # the caller has locked it
    link.base = patched(link.base, edit.base)
    if edit.pins is not None:
        link.pins = dict(edit.pins)
    if edit.state is not None:
        link.state, link.ignored_reason, link.since = LinkState(edit.state), edit.reason[:200], timezone.now()
    if edit.gets_row:
        setattr(link, f"{effect.kind}_id", row_id)
        link.synced_version, link.source_hash, link.primary = version, "", True
    link.version += 1
    link.save()
    if edit.gets_row:
        fill_from_links(effect.kind, [link])


def _element_changes(changes: Mapping[str, Change]) -> ElementChanges:
    return ElementChanges(
        put={key: new for key, (_, new) in changes.items() if new is not None},
        remove=frozenset(key for key, (_, new) in changes.items() if new is None),
    )


def _links_of(effect: Effect, ids: Iterable[int] = ()) -> dict[int, dict[Place, Any]]:
    """Return the values of the links that an effect may change, by link and place. ids: of further links."""
    rows = [row_id for row_id in (effect.row_id, effect.merge_into) if row_id is not None]
    wanted = Q(**{f"{effect.kind}__in": rows}) | Q(pk__in=[*ids, *([effect.link.link.id] if effect.link else [])])
    return {link.pk: values_of(link) for link in ExternalLink.objects.filter(wanted).order_by("pk")}


def values_of(link: ExternalLink) -> dict[Place, Any]:
    """Return what a decision may change of a link, by place."""
    columns = {"row": link.row_id, "state": link.state, "ignored_reason": link.ignored_reason, "primary": link.primary}
    return places({**columns, "pins": link.pins, "base": link.base})


def link_changes(
    before: Mapping[int, Mapping[Place, Any]], after: Mapping[int, Mapping[Place, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Return both sides of what differs in links, by the id of the link, as an item stores them."""
    return {str(pk): differing(before[pk], after[pk]) for pk in before if before[pk] != after[pk]}


def _item(
    run: SyncRun, number: int, effect: Effect, row_id: int | None, links: Mapping[str, list[dict[str, Any]]]
) -> SyncItem:
    edit = effect.link
    # Objects of two sources may have one id. The ids of items are those of the connection of the run.
    is_own = effect.connection_id in (None, run.connection_id)
    external_id = effect.external_id if is_own else ""
    return SyncItem(
        run=run,
        link_id=edit.link.id if edit else None,
        entity_type=effect.kind,
        external_id=external_id or f"{LOCAL}{row_id}",
        label=effect.label[:NAME_LENGTH],
        group_no=number,
        action=_action(effect),
        outcome=Outcome.APPLIED,
        reason=effect.change,
        row_id=row_id,
        row_version=effect.row_version,
        link_version=edit.link.version if edit else 0,
        changes={**changes_of(effect), **({"links": links} if links or effect.merge_into else {})},
    )


def _with_stored_keys(effect: Effect, row_id: int) -> Mapping[str, Mapping[str, Change]]:
    """Return the changes of elements by the keys that they are stored with, which undoing them needs.

    An element that is created here has its key from its row. The new rows of a collection have the highest ids, in the
    order in which they were written.
    """
    if not any(_is_created(key) for keys in effect.elements.values() for key in keys):
        return effect.elements
    stored = load_states(effect.kind, [row_id])[row_id].elements
    found: dict[str, Mapping[str, Change]] = {}
    for name, changes in effect.elements.items():
        created = [key for key in changes if _is_created(key)]
        local = sorted((key for key in stored[name] if key.startswith(LOCAL)), key=lambda key: local_id(key) or 0)
        keys = dict(zip(created, local[len(local) - len(created) :], strict=True))
        found[name] = {keys.get(key, key): change for key, change in changes.items()}
    return found


def _is_created(key: str) -> bool:
    return key.startswith(LOCAL) and local_id(key) is None


def _action(effect: Effect) -> str:
    if effect.merge_into is not None:
        return MERGE
    if effect.creates:
        return "create"
    if effect.link is not None and effect.link.state is not None and not effect.fields:
        return "detach" if effect.link.state == "detached" else "skip"
    return "update" if effect.fields or effect.elements or effect.account_id is not None else "settle"


def changes_of(effect: Effect) -> dict[str, Any]:
    """Return the changes of a row as :class:`syncjobs.models.SyncItem` stores them. merge: [into, whose values]."""
    changes: dict[str, Any] = {
        "fields": dict(effect.fields),
        "elements": {name: dict(elements) for name, elements in effect.elements.items()},
        "account": effect.account_id,
        "merge": [effect.merge_into, effect.values] if effect.merge_into is not None else None,
    }
    return {name: value for name, value in changes.items() if value}

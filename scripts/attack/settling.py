"""The end of an attack: faults are over, and every connection syncs until nothing is left to do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.db import connection as database
from django.db import transaction

from connectors.records import SourceUser, entity_type_of
from oncall.emails import canonical_email
from oncall.models import Responder
from oncall.rendering.codec import instant_to_text
from scripts.attack.accounts import NOW
from scripts.attack.content import contents, differences, imported, product_models
from scripts.attack.invariants import OF_A_RUN, OF_A_STEP, check_primary, check_run, check_step, raise_for
from scripts.attack.site import AttackedSource, Drive, Site, Violation, last_record
from scripts.attack.steps import reconnect
from syncjobs.models import ExternalLink, RunKind, RunState
from syncjobs.planning.canonical import have_same_meaning
from syncjobs.runs.start import approve

_KEPT = frozenset({"Connection", "SyncProfile", "User"})


def settle(site: Site) -> None:
    """Sync every connection twice and once more, and check what must hold then. Raises Violation."""
    for source in site.sources:
        source.connection.refresh_from_db()
        if source.connection.disconnected_at is not None:
            reconnect(source)
    for _ in range(2):
        for source in site.sources:
            _reviewed(site, source)
    check_step(site)
    check_primary(site)
    for source in site.sources:
        _second_sync(site, source)
    raise_for(site, {name: check(site) for name, check in AT_THE_END.items()})


def _reviewed(site: Site, source: AttackedSource) -> None:
    """Plan, approve everything, also what the guard holds, and apply."""
    run = site.begin(source, RunKind.PLAN)
    first = last_record()
    check_run(site, site.drive(source, run), first)
    if run.state != RunState.AWAITING_REVIEW:
        return
    run.items.update(ticked=True, held_ticked=True)
    approve(run, by=None, notify=False)
    first = last_record()
    check_run(site, site.drive(source, run), first)


def _second_sync(site: Site, source: AttackedSource) -> None:
    """A sync without changes writes nothing, and has no items but those that fail every time."""
    before = contents()
    done: Drive = site.drive(source, site.begin(source, RunKind.APPLY))
    run, changed = done.run, differences(before, contents())
    if run.state not in (RunState.SUCCEEDED, RunState.PARTIAL):
        changed.append(f"it is {run.state}: {run.reason}")
    items = [f"{item} ({item.outcome}) {item.reason}" for item in run.items.exclude(action="failed")]
    items += [f"{counts['written']} {kind} written" for kind, counts in run.counts.items() if counts.get("written")]
    for name, found in (("second sync", changed), ("nothing to do", items)):
        if found and name not in site.known:
            raise Violation(name, [f"run {run.pk} of {source.connection}: {each}" for each in found])


def _doubled(site: Site) -> Iterator[str]:
    """People of both accounts with one unambiguous address, whom nobody edited, are one responder."""
    first, second = site.sources
    links = {
        (link.connection_id, link.external_id): link
        for link in ExternalLink.objects.filter(entity_type="responder", responder__isnull=False)
    }
    here, there = _by_address(first), _by_address(second)
    for address in sorted({*here, *there}):
        if address.casefold() in first.account.touched | second.account.touched:
            continue
        if len(here.get(address, ())) != 1 or len(there.get(address, ())) != 1:
            continue
        one = links.get((first.connection.pk, here[address][0]))
        other = links.get((second.connection.pk, there[address][0]))
        if one is None or other is None or one.responder_id == other.responder_id:
            continue
        if any(("responder", link.responder_id) in site.touched for link in (one, other)):
            continue
        if Responder.objects.filter(pk__in=[one.responder_id, other.responder_id], active=False).exists():
            continue
        yield f"{address} is responder {one.responder_id} and {other.responder_id}"


def _by_address(source: AttackedSource) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in source.account.of_kind("responder"):
        if isinstance(record, SourceUser) and (address := canonical_email(record.email or "")):
            found.setdefault(address, []).append(record.external_id)
    return found


def _fresh_import(site: Site) -> Iterator[str]:
    """Without edits here, the content is that of a first import of the present accounts into an empty database."""
    if site.touched or "local" in site.owners:
        return
    ids = {source.connection.pk for source in site.sources}
    failed = {
        (run.connection_id, item.entity_type, item.external_id)
        for source in site.sources
        for run in source.connection.runs.order_by("-pk")[:1]
        for item in run.items.filter(action="failed")
    }
    ours = imported(ids)
    theirs = _imported_fresh(site, ids)
    reached = {
        (source.connection.pk, *key) for source in site.sources for key in source.account.closure(source.selection())
    }
    for key in sorted(reached - failed):
        mine, fresh = ours.get(key), theirs.get(key)
        if mine is None or fresh is None:
            if mine != fresh:
                yield f"{key} is {'missing here' if mine is None else 'only here'}"
            continue
        if mine["alone"] and fresh["alone"] and mine["primary"]:
            changed = _changed(key[1], mine["fields"], fresh["fields"])
            if changed:
                yield f"{key}: {changed} (here, imported fresh)"[:600]
        if mine["elements"] != fresh["elements"]:
            yield f"{key}: elements {mine['elements']} here, {fresh['elements']} imported fresh"[:600]


def _changed(kind: str, here: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields whose values differ in meaning, each with both values."""
    now = instant_to_text(NOW)
    names = {name for name in here if not have_same_meaning(entity_type_of(kind), name, here[name], fresh[name], now)}
    if fresh.get("time_zone") == "":
        # A row keeps the zone that it had before the source reported one that nobody knows.
        names -= {"time_zone", "zone_state", "active"}
    return {name: (here[name], fresh[name]) for name in sorted(names)}


AT_THE_END: Final[Mapping[str, Callable[[Site], Iterator[str]]]] = {
    "doubled": _doubled,
    "fresh import": _fresh_import,
}
#: The names of all promises.
PROMISES: Final = frozenset(
    {
        *OF_A_RUN,
        *OF_A_STEP,
        *AT_THE_END,
        "active",
        "parallel import",
        "unchanged form",
        "primary",
        "second sync",
        "nothing to do",
        "error",
    }
)


def _imported_fresh(site: Site, ids: set[int]) -> dict[tuple[int, str, str], dict[str, Any]]:
    with transaction.atomic():
        with database.cursor() as cursor:
            for model in product_models():
                if model.__name__ not in _KEPT:
                    for field in model._meta.local_many_to_many:
                        cursor.execute(f'DELETE FROM "{field.m2m_db_table()}"')  # noqa: S608
                    cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608
        for source in site.sources:
            source.profile.refresh_from_db()
            type(source.profile).objects.filter(pk=source.profile.pk).update(evaluated_rules=0, evaluated_mapping={})
        for source in site.sources:
            site.drive(source, site.begin(source, RunKind.APPLY))
        found = imported(ids)
        transaction.set_rollback(True)
    return found

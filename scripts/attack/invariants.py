"""What must hold after every run, after every step, and at the end of an attack. Each promise has a name."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Count, Q

from connectors.records import ENTITY_TYPES, entity_type_of
from oncall.models import ChangeRecord, Responder
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from scripts.attack.content import broken_constraints, contents, differences, wrong_indexes, wrong_references
from scripts.attack.site import Drive, Site, Violation
from syncjobs.models import (
    ACTIVE,
    OPEN_PLAN,
    Conflict,
    ConflictState,
    ExternalLink,
    LinkState,
    Outcome,
    RunState,
    SyncItem,
    SyncRun,
)

_ENDED: Final = (RunState.SUCCEEDED, RunState.PARTIAL)
_WRITES: Final = ("create", "match", "update", "held")
Check = Callable[[Site, Drive, int], Iterator[str]]


def check_run(site: Site, done: Drive, first: int) -> None:
    """Check one drive of a run. first: the last change record before it. Raises Violation."""
    raise_for(site, {name: check(site, done, first) for name, check in OF_A_RUN.items()})


def check_step(site: Site) -> None:
    """Check all rows after a step, and after what the ticks that follow it start. Raises Violation."""
    for done, first in site.after_ticks():
        check_run(site, done, first)
    raise_for(site, {name: check(site) for name, check in OF_A_STEP.items()})


def raise_for(site: Site, checks: Mapping[str, Iterator[str]]) -> None:
    """Raise Violation for the first broken promise, unless it is known to be broken."""
    for name, found in checks.items():
        if name not in site.known and (problems := list(found)):
            raise Violation(name, problems)


# --- of a run ---------------------------------------------------------------------------------------------------------


def _unexpected(site: Site, done: Drive, first: int) -> Iterator[str]:
    """No run fails by an error that nobody foresaw, and no item does."""
    if "unexpected" in done.run.reason:
        yield f"run {done.run.pk}: {done.run.reason}"
    for item in done.run.items.filter(outcome=Outcome.FAILED, reason__contains="unexpected"):
        yield f"run {done.run.pk}, {item}: {item.reason}"


def _after_cancel(site: Site, done: Drive, first: int) -> Iterator[str]:
    """A cancelled run writes nothing more."""
    if done.at_cancel is not None:
        yield from (f"after the cancel: {each}" for each in differences(done.at_cancel, contents()))


def _incomplete(site: Site, done: Drive, first: int) -> Iterator[str]:
    """Nothing is deactivated, removed or detached because something could not be read."""
    if done.read is None or not done.read.fault:
        return
    read, reported = done.read, done.read.reported
    for item in done.run.items.filter(action="detach"):
        if (item.entity_type, item.external_id) in read.complete:
            yield f"run {done.run.pk} detaches {item}, which its selection leads to"
    links: dict[tuple[str, int], set[str]] = {}
    for link in ExternalLink.objects.filter(connection=done.source.connection):
        if link.row_id is not None:
            links.setdefault((link.entity_type, link.row_id), set()).add(link.external_id)
    for record in _records(done, first):
        ids = links.get((record.model, record.object_id), set())
        was_there = any((record.model, id_) in read.complete for id_ in ids)
        if record.action == "update" and was_there and not any((record.model, id_) in reported for id_ in ids):
            yield f"run {done.run.pk} changed {record}, which it did not read: {sorted(record.changes)}"
        if ids & read.fault.without_members:
            gone = [path for path, (_, new) in record.changes.items() if path.startswith("members.") and new is None]
            if gone:
                yield f"run {done.run.pk} removed members of {record}, whose members were not reported"


def _counts(site: Site, done: Drive, first: int) -> Iterator[str]:
    """The counts of a run add up to its items, and what it reports as read is what was read."""
    run = done.run
    if run.state not in _ENDED or done.read is None:
        return
    items = list(run.items.all())
    for kind in ENTITY_TYPES:
        counts = run.counts.get(kind, {})
        own = [item for item in items if item.entity_type == kind]
        applied = [item for item in own if item.outcome == Outcome.APPLIED]
        wrote = [item for item in applied if item.action in _WRITES]
        if not len(wrote) <= counts.get("written", 0) <= len(applied):
            yield f"run {run.pk}: {counts.get('written')} {kind} written, {len(wrote)} to {len(applied)} items"
        for outcome, word in ((Outcome.SKIPPED, "skipped"), (Outcome.STALE, "stale")):
            number = sum(item.outcome == outcome for item in own)
            if counts.get(word, 0) != number:
                yield f"run {run.pk}: {counts.get(word, 0)} {kind} {word}, {number} items"
        if run.kind == "apply":  # the read of a reviewed plan was another one
            reported = {id_ for known, id_ in done.read.reported if known == kind}
            if counts.get("compared", 0) != len(reported):
                yield f"run {run.pk}: {counts.get('compared')} {kind} compared, {len(reported)} read"
            planned = sum(item.external_id in reported for item in own)
            unchanged = counts.get("unchanged", 0)
            if unchanged + planned != len(reported):
                yield f"run {run.pk}: {unchanged} {kind} unchanged and {planned} items, not {len(reported)}"
        if any(item.outcome == Outcome.NONE for item in own):
            yield f"run {run.pk} is {run.state}, but has {kind} items without an outcome"


def _records(done: Drive, first: int) -> list[ChangeRecord]:
    return list(ChangeRecord.objects.filter(cause=f"run:{done.run.pk}", pk__gt=first))


def _plan_applied(site: Site, done: Drive, first: int) -> Iterator[str]:
    """What was applied is what was planned: an applied item has a record of its changes, every other has none."""
    if done.killed:
        return
    written = _records(done, 0)  # a run that goes on after a kill has written a part of it before
    records = {(record.model, record.object_id): record for record in written}
    links = {
        (link.entity_type, link.external_id): link.row_id
        for link in ExternalLink.objects.filter(connection=done.source.connection)
    }
    explained = set()
    for item in done.run.items.all():
        row = item.row_id or links.get((item.entity_type, item.external_id))
        record = records.get((item.entity_type, row)) if row is not None else None
        if record is None:
            if item.outcome == Outcome.APPLIED and _planned(item):
                yield f"run {done.run.pk}: {item} is applied without a record of its changes"
            continue
        if item.outcome != Outcome.APPLIED or not item.ticked:
            yield f"run {done.run.pk}: {item} is {item.outcome or 'not applied'}, but was written: {record.changes}"
        explained.add(record.pk)
        wanted = {} if item.action == "create" else _planned(item)
        given = {path: change for path, change in record.changes.items() if path not in ("account", "origin_label")}
        if wanted != given:
            yield f"run {done.run.pk}: {item} was planned as {wanted} and written as {given}"
    for record in records.values():
        if record.pk not in explained:
            yield f"run {done.run.pk} changed {record.model} {record.object_id} without an item: {record.changes}"


def _planned(item: SyncItem) -> dict[str, Any]:
    """Return path -> [old, new] of an item, as a change record has them."""
    changes: dict[str, Any] = dict(item.changes.get("fields", {}))
    elements = dict(item.changes.get("elements", {}))
    if item.held_ticked:
        elements |= item.changes.get("held", {})
    for name, each in elements.items():
        changes |= {f"{name}.{key}": change for key, change in each.items()}
    return changes


def _references_at_end(site: Site, done: Drive, first: int) -> Iterator[str]:
    """A run that ended leaves no reference open whose object is here."""
    if done.run.state in _ENDED:
        yield from (f"after run {done.run.pk}: {each}" for each in wrong_references(complete=True))


def _superseded(site: Site, done: Drive, first: int) -> Iterator[str]:
    """A newer read of the whole selection replaces an older plan that waits, also if there is nothing to do."""
    if done.run.state in (*_ENDED, RunState.AWAITING_REVIEW) and "only" not in done.run.scope:
        waiting = SyncRun.objects.filter(connection=done.source.connection, state__in=OPEN_PLAN, pk__lt=done.run.pk)
        yield from (f"{each} still waits, although run {done.run.pk} read the source later" for each in waiting)


def _true_sentences(site: Site, done: Drive, first: int) -> Iterator[str]:
    """A run that says that nothing was removed has removed nothing."""
    if "nothing was removed" not in f"{done.run.reason} {done.run.hint}".casefold():
        return
    for record in ChangeRecord.objects.filter(cause=f"run:{done.run.pk}", action="update"):
        gone = [path for path, (_, new) in record.changes.items() if "." in path and new is None]
        gone += [path for path, (old, new) in record.changes.items() if path == "active" and old and not new]
        if gone:
            yield f"run {done.run.pk} says that nothing was removed, but of {record}: {gone}"


# --- of a step --------------------------------------------------------------------------------------------------------


def _references(site: Site) -> Iterator[str]:
    yield from wrong_references(complete=True)


def _aggregates(site: Site) -> Iterator[str]:
    """No aggregate is half written, and no row refers to one that does not exist."""
    yield from wrong_indexes()
    yield from broken_constraints()


def _records_of_rows(site: Site) -> Iterator[str]:
    """Each change has one record for each aggregate and cause, and each raises the version of its row by one."""
    runs = ChangeRecord.objects.filter(cause__startswith="run:").values("cause", "model", "object_id")
    for each in runs.annotate(number=Count("pk")).filter(number__gt=1):
        yield f"{each['cause']} has {each['number']} records of {each['model']} {each['object_id']}"
    updates = Counter(ChangeRecord.objects.filter(action="update").values_list("model", "object_id"))
    creates = Counter(ChangeRecord.objects.filter(action="create").values_list("model", "object_id"))
    for kind, roots in ROOTS.items():
        for pk, version in roots.rows.values_list("pk", "version"):
            if creates[kind, pk] != 1:
                yield f"{kind} {pk} has {creates[kind, pk]} records of its creation"
            if version != 1 + updates[kind, pk]:
                yield f"{kind} {pk} has version {version} and {updates[kind, pk]} records of changes"


def _running(site: Site) -> Iterator[str]:
    """No run stays active, as every worker has stopped."""
    for run in SyncRun.objects.filter(state__in=ACTIVE):
        yield f"{run} is {run.state}"


def _accounts(site: Site) -> Iterator[str]:
    """No sync changes an account or gives a person the account of somebody with rights."""
    if site.accounts() != site.accounts_before:
        yield "accounts changed"
    privileged = get_user_model().objects.filter(Q(is_staff=True) | Q(is_superuser=True))
    for responder in Responder.objects.filter(account__in=privileged):
        yield f"{responder} has the account {responder.account}, which has rights"


def _local_edits(site: Site) -> Iterator[str]:
    """What an administrator set stays, where local changes are preserved."""
    for edit in site.edits:
        roots, kind = ROOTS[entity_type_of(edit.kind)], edit.kind
        if not roots.rows.filter(pk=edit.row).exists():
            continue
        if ExternalLink.objects.filter(connection__in=site.overwriting, **{f"{kind}_id": edit.row}).exists():
            continue
        state = load_states(entity_type_of(kind), [edit.row])[edit.row]
        collection, _, key = edit.path.partition(".")
        value = state.elements[collection].get(key) if key else state.fields[edit.path]
        if value != edit.value:
            yield f"{kind} {edit.row}: {edit.path} was set to {edit.value!r} here and is {value!r}"


def _one_writer(site: Site) -> Iterator[str]:
    """No row has two writers, and each object one link. The database refuses both; this finds lost constraints."""
    for kind in ENTITY_TYPES:
        primary = ExternalLink.objects.filter(primary=True, **{f"{kind}__isnull": False})
        for each in primary.values(f"{kind}_id").annotate(number=Count("pk")).filter(number__gt=1):
            yield f"{kind} {each[f'{kind}_id']} has {each['number']} primary links"
    links = ExternalLink.objects.values("connection", "entity_type", "external_id").annotate(number=Count("pk"))
    yield from (f"{each['external_id']} has {each['number']} links" for each in links.filter(number__gt=1))
    questions = Conflict.objects.filter(state=ConflictState.OPEN).values("connection", "kind", "subject_key")
    for each in questions.annotate(number=Count("pk")).filter(number__gt=1):
        yield f"{each['number']} open questions {each['kind']} about {each['subject_key']}"


def _primary(site: Site) -> Iterator[str]:
    """A row with live links has a live primary link. Checked when every connection has planned again."""
    for kind in ENTITY_TYPES:
        live = ExternalLink.objects.filter(state=LinkState.LINKED, **{f"{kind}__isnull": False})
        writers = set(live.filter(primary=True).values_list(f"{kind}_id", flat=True))
        for row in sorted(set(live.values_list(f"{kind}_id", flat=True)) - writers):
            yield f"{kind} {row} has live links, and none of them is primary"


def check_primary(site: Site) -> None:
    raise_for(site, {"primary": _primary(site)})


OF_A_RUN: Final[Mapping[str, Check]] = {
    "unexpected": _unexpected,
    "after cancel": _after_cancel,
    "incomplete": _incomplete,
    "counts": _counts,
    "plan applied": _plan_applied,
    "references at the end": _references_at_end,
    "superseded": _superseded,
    "true sentences": _true_sentences,
}
OF_A_STEP: Final[Mapping[str, Callable[[Site], Iterator[str]]]] = {
    "running": _running,
    "aggregates": _aggregates,
    "records": _records_of_rows,
    "accounts": _accounts,
    "one writer": _one_writer,
    "local edits": _local_edits,
    "references": _references,
}

"""The steps of an attack. Each takes the site and its own source of random numbers, so that others can be left out."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any, Final

from django.db.models import F
from django.utils import timezone

from connectors.closure import SELECTABLE, Selection
from connectors.records import ENTITY_TYPES
from oncall.aggregates import AGGREGATES
from scripts.attack import invariants, local
from scripts.attack.accounts import Fault
from scripts.attack.content import contents
from scripts.attack.edits import edit_source
from scripts.attack.site import AttackedSource, Drive, Interruption, Site, Violation, any_statement, last_record
from syncjobs.errors import RunAlreadyActive, StalePlan
from syncjobs.models import Outcome, RunKind, RunState, SyncRun
from syncjobs.runs.runner import FRESH
from syncjobs.runs.start import approve
from syncjobs.setup.disconnect import disconnect

Step = Callable[[Site, Random], None]


def edit_sources(site: Site, random: Random) -> None:
    for _ in range(random.randint(1, 4)):
        site.say(f"  {edit_source(random.choice(site.sources).account, random)}")


def sync(site: Site, random: Random) -> None:
    """Plan and apply in one run."""
    _applied(site, random.choice(site.sources), random)


def sync_both(site: Site, random: Random) -> None:
    for source in random.sample(site.sources, 2):
        _applied(site, source, random)


def plan_and_approve(site: Site, random: Random) -> None:
    """Review a plan: untick some items, tick some held ones, perhaps apply it much later, or after an edit."""
    source = random.choice(site.sources)
    run = _begun(site, source, RunKind.PLAN)
    if run is None:
        return
    _driven(site, source, run)
    if run.state != RunState.AWAITING_REVIEW:
        return
    unticked, held = _review(run, random)
    site.say(f"  {unticked} unticked, {held} removals approved")
    match random.choice(["now", "now", "later", "edit", "other"]):
        case "later":
            _age(run)
            if random.random() < 0.5:
                site.say(f"  {edit_source(source.account, random)}")
        case "edit":
            local.edit_in_form(site, random)
        case "other":
            other = next(each for each in site.sources if each is not source)
            _applied(site, other, random)
    _approved(site, source, run, _interruption(site, run, random) if random.random() < 0.2 else None)


def _review(run: SyncRun, random: Random) -> tuple[int, int]:
    items = list(run.items.filter(outcome=Outcome.NONE).order_by("id"))
    unticked = [item.pk for item in items if item.action != "held" and random.random() < 0.3]
    held = [item.pk for item in items if "held" in item.changes and random.random() < 0.5]
    run.items.filter(pk__in=unticked).update(ticked=False)
    run.items.filter(pk__in=held).update(held_ticked=True)
    return len(unticked), len(held)


def _age(run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(planned_at=timezone.now() - FRESH - timedelta(minutes=1))


def plan(site: Site, random: Random) -> None:
    """Plan, and leave the plan."""
    source = random.choice(site.sources)
    if (run := _begun(site, source, RunKind.PLAN)) is not None:
        _driven(site, source, run)


def approve_old_plan(site: Site, random: Random) -> None:
    source = random.choice(site.sources)
    waiting = source.connection.runs.filter(state=RunState.AWAITING_REVIEW).order_by("pk").first()
    if waiting is not None:
        _approved(site, source, waiting)


def sync_some(site: Site, random: Random) -> None:
    """Sync a few objects and what they refer to."""
    source = random.choice(site.sources)
    keys = [key for key in sorted(source.account.records) if key[0] in SELECTABLE]
    if not keys:
        return
    only = random.sample(keys, min(len(keys), random.randint(1, 2)))
    if (run := _begun(site, source, RunKind.APPLY, only)) is not None:
        site.say(f"  only {only}")
        _driven(site, source, run)


def sync_with_fault(site: Site, random: Random) -> None:
    """Sync while a list breaks off, objects are unreadable, members are not reported or the source fails."""
    source = random.choice(site.sources)
    records = sorted(source.account.records)
    match random.choice(["incomplete", "unreadable", "members", "error"]):
        case "incomplete":
            kinds = sorted({kind for kind, _ in records})
            source.fault = Fault(incomplete=frozenset(random.sample(kinds, min(2, len(kinds)))))
        case "unreadable":
            source.fault = Fault(unreadable=frozenset(random.sample(records, min(3, len(records)))))
        case "members":
            groups = frozenset(id_ for kind, id_ in records if kind == "user_group")
            source.fault = Fault(without_members=groups)
        case _:
            source.fault = Fault(error=random.choice(ENTITY_TYPES))
    site.say(f"  {source.fault}")
    try:
        _applied(site, source, random)
    finally:
        source.fault = Fault()


def interrupted_sync(site: Site, random: Random) -> None:
    """Kill the worker in a statement, or cancel the run between two transactions."""
    source = random.choice(site.sources)
    if (run := _begun(site, source, RunKind.APPLY)) is not None:
        _driven(site, source, run, _interruption(site, run, random))


def nested_sync(site: Site, random: Random) -> None:
    """Sync the other connection while this one is being read, or between two of its transactions."""
    source, other = random.sample(site.sources, 2)

    def during() -> None:
        source.during = _nothing
        _applied(site, other, random)
        try:
            site.begin(source, RunKind.APPLY)
        except RunAlreadyActive:
            return
        if "active" not in site.known:
            raise Violation("active", [f"a second run of {source.connection} started while the first one was running"])

    def also() -> None:
        _applied(site, other, random)

    between = None
    if random.random() < 0.3:
        source.during = during
    else:
        between = Interruption(any_statement(random), also, between=True)
    run = _begun(site, source, RunKind.APPLY)
    try:
        done = None if run is None else _driven(site, source, run, between)
    finally:
        source.during = _nothing
    stale = [] if done is None else list(done.run.items.filter(outcome=Outcome.STALE, link=None))
    if stale and "parallel import" not in site.known:
        raise Violation("parallel import", [f"run {item.run_id} left {item} stale: {item.reason}" for item in stale])


def _nothing() -> None:
    """Let nothing happen during a read."""


def change_rules(site: Site, random: Random) -> None:
    """Narrow or widen the selection, change the strategy, or give a field another owner."""
    source = random.choice(site.sources)
    profile = source.profile
    profile.refresh_from_db()
    keys = [key for key in sorted(source.account.records) if key[0] in SELECTABLE]
    if random.random() < 0.3 or not keys:
        profile.strategy = "source" if profile.strategy == "ask" else "ask"
    elif random.random() < 0.2:
        kind = random.choice(ENTITY_TYPES)
        owned, owner = random.choice(AGGREGATES[kind].fields), random.choice(["ask", "source", "local"])
        profile.ownership = {**profile.ownership, f"{kind}.{owned}": owner}
        site.owners.add(owner)
    elif random.random() < 0.3:
        profile.selection = Selection().to_json()
    else:
        chosen = frozenset(random.sample(keys, random.randint(1, min(3, len(keys)))))
        profile.selection = Selection(False, chosen).to_json()
    profile.rules_version = F("rules_version") + 1
    profile.save()
    profile.refresh_from_db()
    site.say(f"  {source.connection}: {profile.strategy}, {profile.ownership}, {profile.selection}")


def disconnect_source(site: Site, random: Random) -> None:
    """Disconnect, or connect again."""
    source = random.choice(site.sources)
    source.connection.refresh_from_db()
    if source.connection.disconnected_at is None:
        disconnect(source.connection)
    else:
        reconnect(source)
    site.say(f"  {source.connection}: disconnected at {source.connection.disconnected_at}")


def reconnect(source: AttackedSource) -> None:
    source.connection.seal_credentials({"api_key": "not-a-key"})
    source.connection.disconnected_at = None
    source.connection.save()


# --- runs -------------------------------------------------------------------------------------------------------------


def _begun(site: Site, source: AttackedSource, kind: RunKind, only: Any = ()) -> SyncRun | None:
    try:
        return site.begin(source, kind, only)
    except RunAlreadyActive as active:
        raise Violation("running", [f"{source.connection} cannot start a run: {active}"]) from active


def _applied(site: Site, source: AttackedSource, random: Random) -> Drive | None:
    run = _begun(site, source, RunKind.APPLY)
    return None if run is None else _driven(site, source, run)


def _approved(site: Site, source: AttackedSource, run: SyncRun, interruption: Interruption | None = None) -> None:
    try:
        approve(run, by=None, notify=False)
    except StalePlan as stale:
        site.say(f"  run {run.pk} is not approved: {stale}")
        return
    except RunAlreadyActive as active:
        raise Violation("running", [f"{run} cannot be approved: {active}"]) from active
    _driven(site, source, run, interruption)


def _driven(site: Site, source: AttackedSource, run: SyncRun, interruption: Interruption | None = None) -> Drive:
    first = last_record()
    done = site.drive(source, run, interruption)
    invariants.check_run(site, done, first)
    return done


def _interruption(site: Site, run: SyncRun, random: Random) -> Interruption:
    if random.random() < 0.6:
        return site.kill(random)
    return site.cancelling(run, random, lambda: site.note_cancel(contents()))


STEPS: Final[Mapping[str, tuple[Step, int]]] = {
    "edit the sources": (edit_sources, 6),
    "sync": (sync, 3),
    "sync both": (sync_both, 3),
    "plan and approve": (plan_and_approve, 3),
    "plan": (plan, 1),
    "approve an old plan": (approve_old_plan, 1),
    "sync some": (sync_some, 1),
    "sync with a fault": (sync_with_fault, 4),
    "interrupted sync": (interrupted_sync, 5),
    "nested sync": (nested_sync, 3),
    "edit in a form": (local.edit_in_form, 3),
    "save an unchanged form": (local.save_unchanged_form, 1),
    "deactivate or reactivate": (local.switch_active, 1),
    "delete": (local.delete_row, 1),
    "change the rules": (change_rules, 3),
    "disconnect or connect": (disconnect_source, 1),
}


def draw(random: Random, count: int) -> list[tuple[str, int]]:
    """Return the steps of a sequence: the name of each, and the seed of its random numbers."""
    names = random.choices(list(STEPS), [weight for _, weight in STEPS.values()], k=count)
    if random.random() < 0.5:
        names[:1] = ["sync both"]  # so that the other steps have rows to work on
    return [(name, random.randrange(2**32)) for name in names]

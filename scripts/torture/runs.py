"""Kills, stops and cuts off the workers of runs, and compares what follows with an undisturbed run."""

import argparse
import json
import math
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from connectors.models import Connection
from connectors.simulator.serve import demo_account
from oncall.tables.kinds import ROOTS
from scripts.bench.database import _tables
from scripts.torture.machines import PacedVendor, Redis, Worker, environment_of, until
from scripts.torture.outages import OUTAGES
from syncjobs.models import ExternalLink, FetchedPage, RunKind, RunState, SyncItem, SyncProfile, SyncRun
from syncjobs.runs.start import start

#: Seconds. The lease is short, so that the figures take no day, but longer than a busy machine stands still.
LEASE: Final = 10
RECOVERY: Final = LEASE + 5.0
GIVEN_BACK: Final = 10.0
PAGES_DELETED: Final = 10.0
SLICE: Final = 2
#: The most repeated requests of one kind after a kill.
REPEATED: Final = 1


@dataclass
class Figures:
    """What was measured. wrong: the promises that were broken, in sentences.

    starved: how often a worker lost a run without being struck, because the machine gave it no time for a whole lease.
    """

    wrong: list[str] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    given_back: list[float] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    starved: int = 0

    def __str__(self) -> str:
        recovery, back = percentile(self.recovered, 0.95), max(self.given_back, default=0.0)
        return (
            f"recovered {len(self.recovered)}, p95 {recovery:.1f} s; given back {len(self.given_back)}, "
            f"at most {back:.1f} s; repeated at most {max(self.repeated, default=0)}; broken {len(self.wrong)}"
        )

    def demand(self, kept: bool, sentence: str) -> None:
        if not kept:
            self.wrong.append(sentence)
            print(f"BROKEN: {sentence}", flush=True)


class Torture:
    """One set of workers, and one import at a time. content, requests: of the undisturbed import."""

    def __init__(self, redis: Redis, vendor: PacedVendor, origin: str, random: Random) -> None:
        self.redis, self.vendor, self.random = redis, vendor, random
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        broker = settings.CELERY_BROKER_URL
        more = {"RUN_LEASE_SECONDS": str(LEASE), "RUN_SLICE_SECONDS": "300"}
        self.environment = environment_of(broker, url, origin, **more)
        self.workers: list[Worker] = []
        self.figures = Figures()
        self.content: Any = None
        self.requests: Counter[str] = Counter()
        self.seconds = 0.0
        self.where = ""
        self.prefix: Sequence[str] = ()  # how workers are started
        with connection.cursor() as cursor:  # a server for tests may lose commits when it crashes
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
        connection.close()

    def begin(self, name: str = "source") -> SyncRun:
        """Start an import of a new connection."""
        given, secrets = demo_account("pagerduty")
        connected = Connection(name=name, provider="pagerduty", settings=given)
        connected.enter_credentials(secrets)
        connected.save()
        profile = SyncProfile.objects.create(connection=connected)
        return start(profile, RunKind.APPLY, by=None)

    def clear(self) -> None:
        """Empty all tables."""
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(_tables())} RESTART IDENTITY CASCADE")
        self.vendor.reset()

    def ended(self, run: SyncRun, seconds: float = 120.0) -> SyncRun:
        until(lambda: not SyncRun.objects.get(pk=run.pk).is_active, f"{run} ends", seconds)
        return SyncRun.objects.get(pk=run.pk)

    def two_workers(self) -> None:
        """Start workers until two are there, and wait until each takes messages."""
        self.workers = [worker for worker in self.workers if worker.is_alive]
        while len(self.workers) < 2:
            self.workers.append(Worker(self.environment, self.prefix))
        for worker in self.workers:
            until(lambda: " ready." in worker.log(), "a worker is ready")  # noqa: B023 - called at once

    def holder(self, run: SyncRun) -> Worker | None:
        """Return the worker that has claimed a run."""
        owner = SyncRun.objects.values_list("lease_owner", flat=True).get(pk=run.pk)
        return next((each for each in self.workers if owner.endswith(f":{each.process_id}")), None)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.is_alive:
                worker.kill()

    # --- the scenes ---------------------------------------------------------------------------------------------------

    def undisturbed(self) -> None:
        self.clear()
        started = time.monotonic()
        run = self.ended(self.begin())
        self.seconds = time.monotonic() - started
        self.figures.demand(run.state == RunState.SUCCEEDED, f"The undisturbed import is {run.state}: {run.reason}")
        self.content, self.requests = content(run), Counter(self.vendor.requests)

    def disturb(self, strike: Callable[[Worker], None], what: str) -> tuple[SyncRun, float]:
        """Strike the worker of an import at a random request or moment. Return the run, and when it was struck."""
        self.two_workers()
        self.clear()
        struck: list[float] = []
        strike_now = threading.Event()
        at_request = self.random.random() < 0.6
        number = self.random.randint(1, sum(self.requests.values()))
        if at_request:
            self.vendor.on_request = lambda count: strike_now.set() if count == number else None
        run = self.begin()
        if at_request:
            strike_now.wait(60)
        else:
            until(lambda: self.holder(run), "a worker has the run")
            time.sleep(self.random.random() * self.seconds)
        worker = self.holder(run)
        if worker is not None and SyncRun.objects.get(pk=run.pk).state == RunState.RUNNING:
            struck.append(time.monotonic())
            strike(worker)
        self.where = f"{what} at request {number}" if at_request else f"{what} at a random moment"
        return run, struck[0] if struck else 0.0

    def judge(self, run: SyncRun, *, claims: int = 2, keeps_pages: bool = True) -> None:
        """Compare a run with the undisturbed one. claims: how often workers take it if none is starved."""
        ended = self.ended(run)
        where, demand = self.where, self.figures.demand
        demand(ended.state == RunState.SUCCEEDED, f"{where}: the run is {ended.state}: {ended.reason}")
        found = content(ended)
        different = [name for name in found if found[name] != self.content[name]]
        demand(not different, f"{where}: {different} differ from the undisturbed import")
        self.figures.starved += (more := max(ended.fence - claims, 0))
        if keeps_pages:
            repeated = self.vendor.repeated(self.requests)
            self.figures.repeated.append(max(repeated.values(), default=0))
            most = REPEATED * (1 + more)
            demand(
                self.figures.repeated[-1] <= most,
                f"{where}: repeated requests in {ended.fence} claims: {dict(repeated)}",
            )
        # A worker deletes the pages after it has stored the end of the run.
        with suppress(TimeoutError):
            until(lambda: not FetchedPage.objects.exists(), "the pages are deleted", PAGES_DELETED)
        demand(not FetchedPage.objects.exists(), f"{where}: pages are left")

    def kill(self) -> None:
        run, at = self.disturb(lambda worker: worker.kill(), "killed")
        if at:
            fence = SyncRun.objects.get(pk=run.pk).fence
            until(lambda: SyncRun.objects.get(pk=run.pk).fence > fence, f"{run} is claimed again")
            self.figures.recovered.append(time.monotonic() - at)
        self.judge(run)

    def freeze(self) -> None:
        """Take all time away from the worker of an import until another one has the run."""
        run, at = self.disturb(lambda worker: worker.freeze(), "frozen")
        if at:
            frozen, fence = self.holder(run), SyncRun.objects.get(pk=run.pk).fence
            until(lambda: SyncRun.objects.get(pk=run.pk).fence > fence, f"{run} is claimed again")
            if frozen is not None:
                frozen.thaw()
        self.judge(run)

    def terminate(self) -> None:
        run, at = self.disturb(lambda worker: worker.terminate(), "stopped")
        if at:
            worker = self.holder(run)
            fence = SyncRun.objects.get(pk=run.pk).fence
            until(lambda: is_given_back(run, fence), f"{run} is given back")
            self.figures.given_back.append(time.monotonic() - at)
            self.figures.demand(worker is None or worker.ends_within(30), f"{self.where}: the worker does not end")
        self.judge(run)

    def share(self, number: int) -> tuple[float, float]:
        """Let many sources share two workers. Return the longest wait for the first slice, and the promised one."""
        self.stop()
        self.environment["RUN_SLICE_SECONDS"] = str(SLICE)
        self.two_workers()
        self.clear()
        runs = [self.begin(f"source {count}") for count in range(number)]
        for run in runs:
            ended = self.ended(run, 600)
            self.figures.demand(
                ended.state in (RunState.SUCCEEDED, RunState.PARTIAL), f"{run} is {ended.state}: {ended.reason}"
            )
        times = SyncRun.objects.values_list("created_at", "started_at")
        longest = max((begun - created).total_seconds() for created, begun in times if begun is not None)
        # Every other source has one slice before, on one of two workers; a slice ends at a page.
        promised = math.ceil(number / 2) * (SLICE + 1) + 5.0
        self.figures.demand(longest <= promised, f"A source waited {longest:.1f} s for its first slice")
        return longest, promised


def is_given_back(run: SyncRun, fence: int) -> bool:
    now = SyncRun.objects.get(pk=run.pk)
    return now.state != RunState.RUNNING or now.fence > fence


def content(run: SyncRun) -> dict[str, Any]:
    """Return what a run has imported, without numbers that depend on the order of writing."""
    key = re.compile(rf"(?<![0-9]){run.connection_id}:")
    links = ExternalLink.objects.order_by("entity_type", "external_id")
    items = SyncItem.objects.filter(run=run).order_by("entity_type", "external_id")
    found: dict[str, Any] = {
        "links": [
            (*row, key.sub("", json.dumps(base, sort_keys=True)))
            for *row, base in links.values_list("entity_type", "external_id", "state", "primary", "base")
        ],
        "items": list(items.values_list("entity_type", "external_id", "action", "outcome", "reason")),
        "counts": {
            kind: {name: value for name, value in words.items() if not name.startswith("parity")}
            for kind, words in run.counts.items()
        },
    }
    for kind, roots in ROOTS.items():
        found[str(kind)] = sorted(roots.model._default_manager.values_list("name", "version", "active"))
        for name, table in roots.elements.items():
            found[f"{kind}.{name}"] = table.model._default_manager.count()
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed; 0 of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def torture(given: argparse.Namespace, redis: Redis, vendor: PacedVendor, origin: str) -> int:
    """Run all scenes and print the figures. Return the exit code."""
    work = Torture(redis, vendor, origin, Random(given.seed))  # noqa: S311 - it chooses moments
    figures = work.figures
    with stopped_at_the_end(work):
        work.two_workers()
        work.undisturbed()
        print(f"Undisturbed: {sum(work.requests.values())} requests, {work.seconds:.1f} s", flush=True)
        for scene, number in ((work.kill, given.kills), (work.terminate, given.stops), (work.freeze, given.freezes)):
            for count in range(1, number + 1):
                scene()
                if count % 10 == 0:  # a long torture that is ended early has figures, too
                    print(f"{scene.__name__}: {count} of {number}; {figures}", flush=True)
        for outage in () if given.quick else OUTAGES:
            outage(work)
        recovery, back = percentile(figures.recovered, 0.95), max(figures.given_back, default=0.0)
        figures.demand(recovery <= RECOVERY, f"95 % of the runs go on after at most {recovery:.1f} s")
        figures.demand(back <= GIVEN_BACK, f"A run was given back after {back:.1f} s")
        print(f"Kills: {given.kills}, of which in a running run: {len(figures.recovered)}")
        print(f"Recovery after a kill, p95: {recovery:.1f} s (at most {RECOVERY:.1f} s; lease {LEASE} s)")
        print(f"SIGTERM: {given.stops}; given back after at most {back:.1f} s (at most {GIVEN_BACK:.0f} s)")
        print(f"Frozen workers: {given.freezes}; runs lost by workers that the machine gave no time: {figures.starved}")
        repeated = max(figures.repeated, default=0)
        print(f"Repeated requests of one kind: at most {repeated} (at most {REPEATED} for each worker that was lost)")
        if given.sources:
            longest, promised = work.share(given.sources)
            print(f"{given.sources} sources, two workers: longest wait {longest:.1f} s (at most {promised:.1f} s)")
        print(f"Broken promises: {len(figures.wrong)}", flush=True)
    return 1 if figures.wrong else 0


@contextmanager
def stopped_at_the_end(work: Torture) -> Iterator[None]:
    try:
        yield
    finally:
        work.stop()

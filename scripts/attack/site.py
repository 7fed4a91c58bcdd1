"""A site under attack: connections to accounts that change, their runs, and what interrupts a run."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from django.db import connection as database
from django.db.models.functions import Now
from django.test import Client

from connectors.base import Sought
from connectors.closure import Selection
from connectors.errors import ConnectionConfigError, ProviderUnavailable, ReadStopped
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, EntityKey, Found, Snapshot
from oncall.models import ChangeRecord, User
from oncall.operations import create_account
from oncall.rendering.final import Span
from scripts.attack.accounts import Fault, SourceAccount
from syncjobs.models import RunKind, RunState, Strategy, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import cancel, start
from syncjobs.tasks import tick

#: So many ticks may pass until no run is queued any more.
MOST_TICKS: Final = 5


class Violation(BaseException):
    """A promise that the product broke. invariant: its name. Not an Exception, as the product catches those."""

    def __init__(self, invariant: str, found: Sequence[str]) -> None:
        super().__init__("; ".join(found[:6]) + (f" (and {len(found) - 6} more)" if len(found) > 6 else ""))
        self.invariant = invariant


class Killed(BaseException):
    """The process of a worker ends in the middle of a statement. Nothing may catch it."""


@dataclass
class Interruption:
    """Calls ``act`` at a statement of a run. Used as an execute wrapper.

    at: number of the statement. between: wait for a statement outside of the run's transactions. after: call ``act``
    after the statement instead of before it.
    """

    at: int
    act: Callable[[], None]
    between: bool = False
    after: bool = False
    happened: bool = False
    depth: int = field(default_factory=lambda: len(database.savepoint_ids))

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.at -= 1
        if self.happened or self.at > 0 or sql.startswith("ROLLBACK"):
            return execute(sql, params, many, context)
        if self.between and len(database.savepoint_ids) != self.depth:
            return execute(sql, params, many, context)
        self.happened = True
        # Whether a COMMIT was executed is not known to a worker that is killed there; without it, nothing is undone
        # here, because the release of a savepoint is not a COMMIT.
        if not (self.after or sql.startswith("RELEASE")):
            self.act()
        result = execute(sql, params, many, context)
        if self.after or sql.startswith("RELEASE"):
            self.act()
        return result


@dataclass
class Read:
    """One read of a run. complete: the keys that the selection leads to, whatever could not be read."""

    snapshot: Snapshot
    fault: Fault
    complete: set[EntityKey]

    @property
    def reported(self) -> set[EntityKey]:
        return {(kind, each.external_id) for kind in ENTITY_TYPES for each in self.snapshot.records(kind)}


class AttackedSource:
    """A connection and its account. It is also the reading half of a connector."""

    rendered_together = 1
    calls = 0

    def __init__(self, account: SourceAccount, name: str, strategy: str) -> None:
        self.account = account
        self.connection = Connection(name=name, provider=account.provider)
        self.connection.seal_credentials({"api_key": "not-a-key"})
        self.connection.save()
        self.profile = SyncProfile.objects.create(connection=self.connection, strategy=strategy)
        self.fault = Fault()
        self.during: Callable[[], None] = lambda: None
        self.reads: list[Read] = []
        self._should_stop: Callable[[], bool] = lambda: False

    def open(self, connection: Connection, *, should_stop: Callable[[], bool], **durable: Any) -> "AttackedSource":
        if Connection.objects.get(pk=connection.pk).disconnected_at is not None:
            raise ConnectionConfigError("It is disconnected.", hint="Connect it.", provider=self.account.provider)
        self._should_stop = should_stop
        return self

    def fetch(self, selection: Selection, *, contact_details: bool, progress: Any) -> Snapshot:
        snapshot = self.account.read(selection, self.fault)
        for kind in ENTITY_TYPES:
            if self._should_stop():
                raise ReadStopped("The read was stopped.", hint="", provider=self.account.provider)
            if self.fault.error == kind:
                raise ProviderUnavailable("The source is down.", hint="Wait.", provider=self.account.provider)
            progress(kind, len(snapshot.records(kind)), None)
        self.during()
        self.reads.append(Read(snapshot, self.fault, self.account.closure(selection)))
        return snapshot

    def look_up(self, sought: Sequence[Sought]) -> Mapping[EntityKey, Found]:
        """Answer about objects that are requested by their id."""
        keys: list[EntityKey] = [(each.kind, each.external_id) for each in sought]
        return {key: "found" if key in self.account.records else "not_found" for key in keys}

    def rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        return {}

    def rendered_range(self) -> tuple[int, int] | None:
        return None

    def selection(self) -> Selection:
        return Selection.from_json(self.profile.selection)


@dataclass
class Drive:
    """What one drive of a run did. at_cancel: all rows at the instant at which it was cancelled."""

    source: AttackedSource
    run: SyncRun
    read: Read | None
    killed: bool
    at_cancel: Any = None


@dataclass
class LocalEdit:
    """A value that an administrator set. path: of a field, or ``collection.key`` of an element that was removed."""

    kind: str
    row: int
    path: str
    value: Any


class Site:
    """Two connections, an administrator who is logged in, and accounts with the addresses of imported people.

    known: names of promises that are not checked. touched: rows that were edited, deactivated or deleted here, by kind
    and primary key. overwriting: connections that had the strategy *overwrite with source*, or it for a field, at any
    time. owners: the owners that fields were given.
    """

    def __init__(
        self, accounts: Sequence[SourceAccount], strategies: Sequence[str], known: Collection[str] = ()
    ) -> None:
        self.known = known
        self.sources = [
            AttackedSource(account, f"source {number}", strategy)
            for number, (account, strategy) in enumerate(zip(accounts, strategies, strict=True))
        ]
        self.administrator = create_account("root@example.com", is_staff=True, is_superuser=True)
        addresses = sorted(
            {each.email.casefold() for account in accounts for each in account.template.users if each.email}
        )
        for number, address in enumerate(addresses[:6]):
            create_account(address, is_staff=number % 3 == 0)
        self.browser = Client()
        self.browser.force_login(self.administrator)
        self.accounts_before = self.accounts()
        self.edits: list[LocalEdit] = []
        self.touched: set[tuple[str, int]] = set()
        self.overwriting: set[int] = set()
        self.owners: set[str] = set()
        self.drives: list[Drive] = []
        self.log: list[str] = []
        self._at_cancel: Any = None

    @staticmethod
    def accounts() -> list[Any]:
        names = ("email", "password", "is_active", "is_staff", "is_superuser", "groups", "user_permissions")
        return list(User.objects.order_by("pk").values_list(*names))

    def say(self, text: str) -> None:
        self.log.append(text)

    def begin(self, source: AttackedSource, kind: RunKind, only: Sequence[EntityKey] = ()) -> SyncRun:
        source.profile.refresh_from_db()
        if Strategy.OVERWRITE in (source.profile.strategy, *source.profile.ownership.values()):
            self.overwriting.add(source.connection.pk)
        return start(source.profile, kind, by=None, only=only, notify=False)

    def drive(self, source: AttackedSource, run: SyncRun, interruption: Interruption | None = None) -> Drive:
        """Drive a run in the way of a worker, perhaps with an interruption, and then do what a tick does."""
        reads, killed = len(source.reads), False
        try:
            with _wrapped(interruption):
                drive(run.pk, opener=source.open)
        except Killed:
            killed = True
            SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
                lease_expires_at=Now() - timedelta(seconds=1)
            )
        run.refresh_from_db()
        done = Drive(source, run, source.reads[-1] if len(source.reads) > reads else None, killed)
        done.at_cancel, self._at_cancel = self._at_cancel, None
        self.drives.append(done)
        self.say(
            f"  run {run.pk} of {source.connection}: {run.kind} {run.state} {'(killed) ' if killed else ''}{run.reason}"
        )
        return done

    def after_ticks(self) -> Iterator[tuple[Drive, int]]:
        """Tick, and drive what is queued then, as workers do. Yields each drive, and the last record before it."""
        for _ in range(MOST_TICKS):
            tick()
            queued = list(SyncRun.objects.filter(state=RunState.QUEUED).order_by("pk"))
            for run in queued:
                source = next(each for each in self.sources if each.connection.pk == run.connection_id)
                first = last_record()
                yield self.drive(source, run), first
            if not queued:
                return

    def note_cancel(self, rows: Any) -> None:
        self._at_cancel = rows

    def kill(self, random: Random) -> Interruption:
        def die() -> None:
            raise Killed

        return Interruption(any_statement(random), die, after=random.random() < 0.5)

    def cancelling(self, run: SyncRun, random: Random, note: Callable[[], None]) -> Interruption:
        """Return an interruption that cancels the run between two of its transactions."""

        def stop() -> None:
            cancel(run)
            note()

        return Interruption(any_statement(random), stop, between=True)


def last_record() -> int:
    """Return the id of the last change record. Those of a run that starts now have greater ids."""
    return ChangeRecord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def any_statement(random: Random) -> int:
    """Return the number of a statement of a run: all parts of a run have a good chance."""
    return random.randint(1, random.choice([20, 60, 120, 200]))


@contextmanager
def _wrapped(interruption: Interruption | None) -> Iterator[None]:
    if interruption is None:
        yield
        return
    with database.execute_wrapper(interruption):
        yield

"""The overview of a source: its state in facts, what to do next, and the buttons."""

from dataclasses import dataclass

from django.utils import timezone

from connectors.admin.connections import START
from connectors.models import Connection
from connectors.records import ENTITY_TYPES
from oncall.models import User
from syncjobs.models import OPEN_PLAN, SyncProfile, SyncRun
from syncjobs.pages.marks import ago, conflicts_link, kind_words, last_moved, next_link, page_of, run_link, state_mark
from syncjobs.pages.status import ConnectionStatus
from syncjobs.slots.every import OFF, span_in_words, stored_in_words
from syncjobs.slots.status import slots_of


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the overview. mark: text and colour of a label before the value. url: empty if it leads nowhere."""

    word: str
    value: str
    url: str = ""
    mark: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button. url: where it leads, or where it posts ``do`` if is_post. is_main: what to do next; at most one is."""

    text: str
    url: str
    is_post: bool = True
    is_main: bool = False
    do: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview. refusal: why the source refused the key, in sentences; nothing is planned meanwhile."""

    facts: tuple[Fact, ...]
    actions: tuple[Action, ...]
    refusal: str


def why_not_read(connection: Connection) -> str:
    """Return why nothing is planned, and what to do; empty if a plan may be started."""
    if connection.disconnected_at is not None:
        return f"{connection} is disconnected. Enter its key again, then sync."
    return refusal_of(connection, connection.runs.order_by("-pk").filter(planned_at__isnull=False).first())


def refusal_of(connection: Connection, run: SyncRun | None) -> str:
    """Return why the source refused the key in the last test; empty if a later run has read the source.

    run: the last run that has planned, or any.
    """
    if not connection.test_refused or connection.test_refused_at is None:
        return ""
    if run is not None and run.planned_at is not None and run.planned_at > connection.test_refused_at:
        return ""
    return f"The source refused the key in the last test: {connection.test_refused} Replace the key, or test it again."


def overview_of(status: ConnectionStatus, profile: SyncProfile, viewer: User, *, may_change: bool) -> Overview:
    """Return the overview of a source. Makes the queries of :func:`syncjobs.slots.status.slots_of`.

    profile: with its connection. may_change: whether the viewer may change the connection.
    """
    connection = status.connection
    refusal = refusal_of(connection, status.run)
    return Overview(_facts(status, profile, viewer), _actions(status, profile, viewer, refusal, may_change), refusal)


def _facts(status: ConnectionStatus, profile: SyncProfile, viewer: User) -> tuple[Fact, ...]:
    connection, run = status.connection, status.run
    facts = []
    if run is not None:
        facts.append(Fact("Last run", last_moved(run), run_link(run, viewer), state_mark(run)))
    synced = status.synced
    facts.append(
        Fact("Data", f"as of {ago(synced.finished_at or synced.created_at)}" if synced else "nothing imported yet")
    )
    facts.append(Fact("Next automatic sync", _next_in_words(profile), page_of(connection, "rules")))
    if status.compared:
        facts.append(Fact("Matches the source", f"{status.equal} of {status.compared} schedules"))
    if status.conflicts:
        facts.append(Fact("Questions", f"{status.conflicts} open", conflicts_link(connection, viewer)))
    if status.imported:
        numbers = [
            f"{status.imported[kind]} {kind_words(kind, plural=status.imported[kind] != 1)}"
            for kind in ENTITY_TYPES
            if kind in status.imported
        ]
        facts.append(Fact("Imported", ", ".join(numbers)))
    return tuple(facts)


def _next_in_words(profile: SyncProfile) -> str:
    connection = profile.connection
    if profile.every == OFF:
        return OFF
    words = stored_in_words(profile.every)
    if connection.disconnected_at is not None or connection.refused_account:
        return f"{words}, but nothing is read now"
    if profile.setup_step:
        return f"{words}, after the first import"
    if profile.paused_at is not None:
        return f"{words}, but paused {ago(profile.paused_at)}"
    now = timezone.now()
    following = slots_of([profile], now)[profile.pk].following
    return f"{words}, next in {span_in_words(int((following - now).total_seconds()))}" if following else words


def _actions(
    status: ConnectionStatus, profile: SyncProfile, viewer: User, refusal: str, may_change: bool
) -> tuple[Action, ...]:
    connection, step = status.connection, status.next_step
    may_start = viewer.has_perm(START) and connection.disconnected_at is None
    may_replace = may_change and viewer.has_perm("connectors.change_connection")
    reads = may_start and not refusal and not connection.refused_account
    starts = step in ("plan", "sync") and not refusal
    actions: list[Action] = []
    if may_replace and (step == "reconnect" or refusal):
        text = "Connect again …" if connection.disconnected_at else "Replace key …"
        actions.append(Action(text, page_of(connection, "key"), is_post=False, is_main=True))
    elif step in ("set_up", "watch", "review", "look", "decide"):
        text, url = next_link(status, viewer)
        if url:
            actions.append(Action(text, url, is_post=False, is_main=True))
    if reads and not profile.setup_step:
        is_open = status.run is not None and status.run.state in OPEN_PLAN
        actions.append(
            Action("Plan", page_of(connection, "plan"), is_main=starts and status.review_first and not is_open)
        )
        if not status.review_first:
            actions.append(Action("Sync now", page_of(connection, "sync"), is_main=starts))
        actions.append(Action("Sync some …", page_of(connection, "import"), is_post=False))
    if may_start:
        actions.append(
            Action("Test connection", page_of(connection, "test"), is_main=step == "test" and not refusal, do="test")
        )
    if viewer.has_perm("syncjobs.change_syncprofile") and not profile.setup_step and profile.every != OFF:
        paused = profile.paused_at is not None
        text, do = ("Resume", "resume") if paused else ("Pause", "pause")
        actions.append(Action(text, page_of(connection, "pause"), do=do))
    if may_start and may_change:
        actions.append(Action("Disconnect …", page_of(connection, "disconnect"), do="disconnect"))
    return tuple(actions)

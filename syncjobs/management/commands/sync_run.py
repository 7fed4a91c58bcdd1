"""Plan and apply a sync of a connection at once."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from connectors.base import Connector
from connectors.closure import SELECTABLE
from connectors.connections.opening import live_transport, open_connector
from connectors.models import Connection
from connectors.network.client import Request, Response, Transport
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityKey, entity_type_of
from syncjobs.management.shell import (
    COUNTERS,
    DONE,
    ERROR,
    USAGE,
    ShellCommand,
    exit_code,
    find_profile,
    impact_lines,
    run_document,
)
from syncjobs.models import Outcome, RunKind, RunState, SyncRun
from syncjobs.pages.run.traces import traces_of
from syncjobs.planning.impact.values import Impact
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from syncjobs.words.runs import run_word

#: Counters of planned items and their titles. An item that is already equal only changes what the link remembers.
_PLANNED: Final = {
    "plan_create": "to create",
    "plan_update": "to update",
    "plan_match": "to match",
    "plan_settle": "already equal",
    "plan_detach": "to detach",
}


class SyncCommand(ShellCommand):
    """The base of the commands that drive a run."""

    kind = RunKind.APPLY

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument(
            "--trace",
            action="store_true",
            help="print every request with the status of its response, and with --only what was done with each object",
        )
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="TYPE:ID",
            help=f"only these objects and what they refer to ({', '.join(SELECTABLE)})",
        )

    def work(self, **options: Any) -> int:
        profile = find_profile(options["connection"])
        only = [_key(text) for text in options["only"]]
        run = start(profile, self.kind, by=None, only=only, notify=False)
        finished = drive(run.pk, opener=self._tracing if options["trace"] else open_connector)
        if finished is None:
            raise CommandError(f"{run} was taken by a worker. Watch it on the site.")
        self.report(finished, as_json=options["json"])
        for traced in traces_of(finished) if options["trace"] and not options["json"] else ():
            self.print_table(
                (f"{traced['entity_type']} {traced['external_id']}", ""),
                [(step["step"], step["text"]) for step in traced["steps"]],
            )
        unknown = _unknown(finished, only)
        for kind, external_id in unknown:
            self.stderr.write(
                f"{kind}:{external_id} is known neither at the source nor here, so nothing was done about it. "
                "Check the id in the address of its page at the source."
            )
        return exit_code(finished, questions=self.kind != RunKind.PLAN) or (ERROR if unknown else DONE)

    def _tracing(self, connection: Connection, **how: Any) -> Connector:
        transport = TracingTransport(live_transport(connection), self.stderr.write)
        return open_connector(connection, **how, transport=transport)

    def report(self, run: SyncRun, *, as_json: bool) -> None:
        if as_json:
            self.print_json(run_document(run))
            return
        self.stdout.write(f"Run {run.pk} of {run.connection.name}: {run_word(run)}, {run.get_state_display()}")
        words = [*COUNTERS, *_PLANNED]
        used = [word for word in words if any(word in run.counts.get(kind, {}) for kind in ENTITY_TYPES)]
        self.print_table(
            ("", *(_PLANNED.get(word, word) for word in used)),
            [(ENTITY_WORDS[kind][1], *(run.counts[kind].get(word, 0) for word in used)) for kind in ENTITY_TYPES],
        )
        for sentence in () if run.impact is None else impact_lines(Impact.from_json(run.impact), run):
            self.stdout.write(sentence)
        for item in run.items.filter(outcome__in=[Outcome.FAILED, Outcome.STALE, Outcome.DEFERRED])[:50]:
            self.stdout.write(f"{item.outcome}: {item.entity_type} {item.label}: {item.reason}")
        for text in (run.reason, run.hint):
            if text:
                self.stdout.write(text)
        if run.has_open_plan:
            self.stdout.write(f"Nothing was written. Apply this plan with: manage.py apply {run.pk}")
        for following in run.following.filter(state=RunState.AWAITING_REVIEW):
            self.stdout.write(f"Some items were planned again. Apply them with: manage.py apply {following.pk}")


class Command(SyncCommand):
    help = "Sync a connection now. Exit 3 if it found new questions or held back removals, 1 if something failed."


def _key(text: str) -> EntityKey:
    kind, colon, external_id = text.partition(":")
    if kind not in SELECTABLE or not colon or not external_id:
        raise CommandError(f"{text!r} is not TYPE:ID with a type of {', '.join(SELECTABLE)}.", returncode=USAGE)
    return entity_type_of(kind), external_id


def _unknown(run: SyncRun, only: Iterable[EntityKey]) -> list[EntityKey]:
    """Return the requested objects of which a run that read them has neither a link nor an item."""
    if run.planned_at is None:
        return []
    return [
        (kind, external_id)
        for kind, external_id in only
        if not run.items.filter(entity_type=kind, external_id=external_id).exists()
        and not run.connection.links.filter(entity_type=kind, external_id=external_id).exists()
    ]


class TracingTransport:
    """A transport that prints each request, without its headers."""

    def __init__(self, transport: Transport, write: Callable[[str], object]) -> None:
        self._transport = transport
        self._write = write

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        started = time.monotonic()
        response = self._transport.exchange(request, headers=headers, deadline=deadline)
        query = "&".join(f"{name}={value}" for name, value in request.query)
        seconds = time.monotonic() - started
        self._write(f"{request.method} {request.path}?{query} -> {response.status} in {seconds:.2f} s")
        return response

"""The base of all shell commands. They print a table, or one JSON document with --json.

Exit codes: 0 done, 1 error, 2 a plan found changes, 3 something waits for a person, 64 wrong usage.
"""

import json
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.errors import ConnectorError
from connectors.models import Connection
from oncall.emails import canonical_email
from oncall.models import User
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import EARLIEST, LATEST, OUTSIDE
from syncjobs.errors import RunAlreadyActive, StalePlan, UndoRefused
from syncjobs.models import HELD_ITEMS, Outcome, RunState, SyncProfile, SyncRun
from syncjobs.pages.run.traces import traces_of
from syncjobs.planning.impact.values import Impact
from syncjobs.runs.durable.quarantine import quarantine_of
from syncjobs.words.impact import impact_document, impact_in_words, request_names
from syncjobs.words.names import Names
from syncjobs.words.runs import run_word

DONE: Final = 0
ERROR: Final = 1
CHANGES: Final = 2
WAITING: Final = 3
USAGE: Final = 64


class _Parser(CommandParser):
    def error(self, message: str) -> NoReturn:
        if self.called_from_command_line:
            self.print_usage(sys.stderr)
            self.exit(USAGE, f"{self.prog}: {message}\n")
        raise CommandError(message, returncode=USAGE)


class ShellCommand(BaseCommand, ABC):
    """A command whose :meth:`work` returns the exit code. Errors of connectors and runs print a sentence and exit 1."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = _Parser
        parser.add_argument("--json", action="store_true", help="Print one JSON document instead of a table.")
        return parser

    @abstractmethod
    def work(self, **options: Any) -> int:
        """Do the work of the command and return the exit code."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.work(**options)
        except (ConnectorError, RunAlreadyActive, StalePlan, UndoRefused) as error:
            if options["json"]:
                self.print_json({"error": str(error), "code": getattr(error, "code", type(error).__name__)})
            raise CommandError(str(error), returncode=ERROR) from error
        if code != DONE:
            sys.exit(code)

    def print_json(self, document: Any) -> None:
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str))

    def print_table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table. Columns of numbers are aligned right, others left."""
        texts = [[_text(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in [list(head), *texts]) for i in range(len(head))]
        right = [all(_is_number(row[i]) for row in texts) and bool(texts) for i in range(len(head))]
        for row in [list(head), *texts]:
            cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
            self.stdout.write("  ".join(cells).rstrip())


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _is_number(text: str) -> bool:
    return text == "" or text.replace(".", "", 1).replace("%", "", 1).strip().isdigit()


def instant_of(text: str) -> int:
    """Return an ISO instant with an offset in seconds since 1970. Raises CommandError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not an ISO instant such as 2026-11-20T12:00:00Z.", returncode=USAGE) from None
    if at.tzinfo is None:
        raise CommandError(f"{text!r} has no offset. Add one, such as Z.", returncode=USAGE)
    instant = math.floor(at.timestamp())
    if not EARLIEST <= instant < LATEST:
        raise CommandError(f"{text!r} is {OUTSIDE}.", returncode=USAGE)
    return instant


def argument_of(text: str) -> tuple[str, str]:
    """Return the name and the value of NAME=VALUE. Raises CommandError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--set {text!r} has no “=”. Write NAME=VALUE.", returncode=USAGE)
    return name, value


def find_connection(name: str) -> Connection:
    """Return the connection of this name. Raises CommandError, which lists all connections."""
    try:
        return Connection.objects.get(name=name)
    except Connection.DoesNotExist:
        names = ", ".join(Connection.objects.values_list("name", flat=True)) or "none (create one with connect_source)"
        raise CommandError(f"There is no connection {name!r}. Connections: {names}.", returncode=USAGE) from None


def find_account(email: str) -> User:
    """Return the active account with this address. Raises CommandError."""
    account = User.objects.filter(email_canonical=canonical_email(email) or "", is_active=True).first()
    if account is None:
        raise CommandError(f"There is no active account {email!r}.", returncode=USAGE)
    return account


def find_profile(name: str) -> SyncProfile:
    """Return the profile of the connection of this name. Raises CommandError."""
    return SyncProfile.objects.select_related("connection").get(connection=find_connection(name))


def find_run(number: int) -> SyncRun:
    """Return the run of this number. Raises CommandError."""
    try:
        return SyncRun.objects.select_related("connection", "profile").get(pk=number)
    except SyncRun.DoesNotExist:
        raise CommandError(f"There is no run {number}.", returncode=USAGE) from None


COUNTERS: Final = ("fetched", "compared", "unchanged", "written", "skipped", "conflict", "failed", "stale", "held")


def guard_document(run: SyncRun) -> dict[str, Any]:
    """Return what of a run waits for approval: the number of items, the hours that nobody would cover, and why."""
    held = run.items.filter(HELD_ITEMS).count()
    return {"held": held, "hours": run.guard.get("hours", 0), "reasons": run.guard.get("reasons", [])}


def run_document(run: SyncRun) -> dict[str, Any]:
    """Return a run as JSON: its state, its counts by kind, its items and its notes."""
    texts = ("entity_type", "external_id", "label", "action", "outcome", "code", "reason")
    columns = (*texts, "ticked", "held_ticked", "sighting")
    items = run.items.values(*columns, "held", "changes")
    return {
        "run": run.pk,
        "kind": run_word(run).partition(" ")[0].lower(),
        "connection": run.connection.name,
        "state": run.state,
        "reason": run.reason,
        "hint": run.hint,
        "counts": run.counts,
        "calls": run.calls,
        "slot": None if run.slot is None else instant_to_text(int(run.slot.timestamp())),
        "guard": guard_document(run),
        "items": [
            {
                **{name: item[name] for name in columns},
                "held": item["held"] or "held" in item["changes"],
                "fields": item["changes"].get("fields", {}),
            }
            for item in items
        ],
        "trace": traces_of(run),
        "impact": impact_json(None if run.impact is None else Impact.from_json(run.impact), run),
        "notes": [{k: v for k, v in note.items() if k != "loss"} for note in run.notes],
        **({"quarantine": quarantine_of(run.profile)} if run.state == RunState.FAILED else {}),
    }


def impact_json(impact: Impact | None, run: SyncRun | None = None) -> dict[str, Any]:
    """Return the impact of a decision or of a run as JSON, with names. None: it was not computed."""
    return impact_document(impact, _names_in(impact, run))


def impact_lines(impact: Impact, run: SyncRun | None = None) -> tuple[str, ...]:
    """Return the impact of a decision or of a run as sentences."""
    return impact_in_words(impact, _names_in(impact, run))


def _names_in(impact: Impact | None, run: SyncRun | None) -> Names:
    names = Names(run)
    if impact is not None:
        request_names(impact, names)
        names.load()
    return names


def exit_code(run: SyncRun, *, questions: bool = True) -> int:
    """Return the exit code of a command that drove this run. questions: whether new questions count as waiting."""
    if run.state in (RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED):
        return ERROR
    if run.state == RunState.AWAITING_REVIEW or run.following.filter(state=RunState.AWAITING_REVIEW).exists():
        return CHANGES
    if run.state == RunState.PARTIAL:
        failed = run.items.filter(outcome__in=[Outcome.FAILED, Outcome.STALE]).exists()
        return ERROR if failed else WAITING
    opened = questions and run.checkpoint.get("opened_conflicts")
    return WAITING if run.state == RunState.HELD or opened else DONE

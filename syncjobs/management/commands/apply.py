"""Apply a reviewed plan."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from connectors.records import ENTITY_TYPES
from syncjobs.management.commands.sync_run import SyncCommand
from syncjobs.management.shell import USAGE, exit_code, find_run
from syncjobs.models import HELD_ITEMS, Outcome, SyncItem, SyncRun
from syncjobs.runs.impact.measuring import forget
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve

#: Option -> its help.
TICKS = {
    "tick": "apply this item",
    "untick": "leave this item out, also if it is ticked or approved here; the next plan offers it again",
    "approve": "apply the removals that this item holds back, too",
}


class Command(SyncCommand):
    help = "Apply a plan of sync_plan. Objects that changed since then are stale and not written (exit 1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        for name, words in TICKS.items():
            metavar = "TYPE:ID|all" if name == "approve" else "TYPE:ID"
            parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=words)
        parser.add_argument(
            "--despite-rules",
            action="store_true",
            help="apply the plan as it was reviewed, also if the selection or the rules changed after it was made",
        )

    def work(self, **options: Any) -> int:
        run = find_run(options["run"])
        chosen = {name: [_items(run, text) for text in options[name]] for name in TICKS}
        for text, items in zip(options["approve"], chosen["approve"], strict=True):
            if text != "all" and not items.filter(HELD_ITEMS).exists():
                raise CommandError(
                    f"The item {text!r} of {run} holds nothing back. Nothing was changed.", returncode=USAGE
                )
        if run.has_open_plan:
            for items in chosen["tick"]:
                items.update(ticked=True)
            for items in chosen["approve"]:
                items.filter(HELD_ITEMS).update(ticked=True, held_ticked=True)
            for items in chosen["untick"]:  # last, so that "--approve all --untick X" leaves X out
                items.update(ticked=False, held_ticked=False)
            if any(chosen.values()):
                forget(run)
        approve(run, by=None, notify=False, despite_rules=options["despite_rules"])
        finished = drive(run.pk)
        if finished is None:
            raise CommandError(f"{run} was taken by a worker. Watch it on the site.")
        self.report(finished, as_json=options["json"])
        return exit_code(finished)


def _items(run: SyncRun, text: str) -> "QuerySet[SyncItem]":
    """Return the open items that ``TYPE:ID`` or ``all`` names. Raises CommandError if the plan has no such item."""
    items = run.items.filter(outcome=Outcome.NONE)
    if text == "all":
        return items
    kind, _, external_id = text.partition(":")
    found = items.filter(entity_type=kind, external_id=external_id)
    if not found.exists():
        kinds = ", ".join(ENTITY_TYPES)
        raise CommandError(f"{run} has no open item {text!r}. Write TYPE:ID with a type of {kinds}.", returncode=USAGE)
    return found

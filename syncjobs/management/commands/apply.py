"""Apply a reviewed plan."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from syncjobs.management.commands.sync_run import SyncCommand
from syncjobs.management.shell import exit_code, find_run
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve


class Command(SyncCommand):
    help = "Apply a plan of sync_plan. Objects that changed since then are stale and not written (exit 1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument(
            "--despite-rules",
            action="store_true",
            help="apply the plan as it was reviewed, also if the selection or the rules changed after it was made",
        )

    def work(self, **options: Any) -> int:
        run = find_run(options["run"])
        approve(run, by=None, notify=False, despite_rules=options["despite_rules"])
        finished = drive(run.pk)
        if finished is None:
            raise CommandError(f"{run} was taken by a worker. Watch it on the site.")
        self.report(finished, as_json=options["json"])
        return exit_code(finished)

"""Cancel a run, or drop a plan that waits for review."""

from typing import Any

from django.core.management.base import CommandParser

from syncjobs.management.shell import DONE, ERROR, ShellCommand, find_run
from syncjobs.runs.start import cancel


class Command(ShellCommand):
    help = "Stop a run at its next safe point, or drop a plan. What was written stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)

    def work(self, **options: Any) -> int:
        run = find_run(options["run"])
        cancelled = cancel(run)
        if options["json"]:
            self.print_json({"run": run.pk, "cancelled": cancelled})
        else:
            self.stdout.write(f"{run} {'was cancelled' if cancelled else 'had already ended'}.")
        return DONE if cancelled else ERROR

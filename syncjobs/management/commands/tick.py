"""Do now what beat does every minute."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from syncjobs.management.shell import DONE, ShellCommand, instant_of
from syncjobs.models import SyncRun
from syncjobs.runs.runner import drive
from syncjobs.slots.ticking import run_tick
from syncjobs.words.runs import objects_written, run_word


class Command(ShellCommand):
    help = "Start the periodic syncs that are due, recover runs and send the mails that are due, as beat does it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", metavar="T", help="the clock of this tick (an ISO instant; default: now)")
        parser.add_argument(
            "--drive", action="store_true", help="work on the runs in this process instead of leaving them to workers"
        )

    def work(self, **options: Any) -> int:
        at = datetime.fromtimestamp(instant_of(options["at"]), UTC) if options["at"] is not None else None
        driven: list[SyncRun | None] = []
        ticked = run_tick(at, drive=(lambda pk: driven.append(drive(pk, at=at))) if options["drive"] else None)
        runs = {"started": ticked.started, "resumed": ticked.resumed, "failed": ticked.failed}
        if options["json"]:
            self.print_json({**{name: list(found) for name, found in runs.items()}, "mails": ticked.mails})
        else:
            rows = [(name, ", ".join(map(str, found)) or "none") for name, found in runs.items()]
            self.print_table(("", "runs"), rows)
            for run in driven:
                if run is not None:  # else a worker was faster
                    words = f"{run_word(run)}, {run.get_state_display()}"
                    self.stdout.write(f"{run}: {words}; objects written: {objects_written(run)}.")
            self.stdout.write(f"Mails sent: {ticked.mails}.")
        return DONE

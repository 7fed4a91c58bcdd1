"""Plan a sync and store the plan for review."""

from syncjobs.management.commands.sync_run import SyncCommand
from syncjobs.models import RunKind


class Command(SyncCommand):
    help = "Read a source and show what a sync would change. Exit 2 if there are changes. Apply them with: apply RUN."
    kind = RunKind.PLAN

"""Plan a sync and stop: what would be imported, stored for review."""

from syncjobs.management.commands.sync_run import SyncCommand
from syncjobs.models import RunKind


class Command(SyncCommand):
    help = "Read a source and show what a sync would change. Exit 2 when there is something; apply it with: apply RUN."
    kind = RunKind.PLAN

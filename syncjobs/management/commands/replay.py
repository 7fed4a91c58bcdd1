"""Read a recording instead of a source, without a database or a network."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors.closure import Selection
from connectors.connections.opening import replay_connector
from connectors.errors import ConnectorError
from connectors.recordings.recording import load
from connectors.recordings.replay import document, exit_code, nothing_read
from oncall.rendering.zones import DAY
from syncjobs.management.shell import USAGE, ShellCommand, instant_of


class Command(ShellCommand):
    requires_system_checks: tuple[str, ...] = ()  # needs no keys, database or network
    help = "Show what a recording would import and who would be on call. Exit 3 if an object failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--since", help="ISO instant; default: the time of the recording, or now")
        parser.add_argument("--until", help="ISO instant; default: 14 days later")

    def work(self, **options: Any) -> int:
        connector = replay_connector(load(options["file"]))
        since = instant_of(options["since"]) if options["since"] is not None else int(connector.rim.now())
        until = instant_of(options["until"]) if options["until"] is not None else since + 14 * DAY
        if until <= since:
            raise CommandError("--until must be later than --since.", returncode=USAGE)
        try:
            snapshot = connector.fetch(Selection(), contact_details=True)
        except ConnectorError as error:
            snapshot = nothing_read(connector.provider, int(connector.rim.now()), error)
        answer = document(snapshot, since, until)
        if options["json"]:
            self.print_json(answer)
        else:
            kinds = ("people", "groups", "schedules", "policies", "services", "notes", "failed")
            self.print_table(("", "number"), [(kind, len(answer[kind])) for kind in kinds])
            for failed in answer["failed"]:
                self.stdout.write(f"failed: {failed['entity_type']} {failed['external_id']}: {failed['message']}")
        return exit_code(answer)

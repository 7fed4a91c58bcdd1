"""Record the exchanges of a read without secrets, so that it can be replayed offline."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from connectors.closure import Selection
from connectors.connections.opening import recording_connector
from connectors.private_files import write_private
from syncjobs.management.shell import DONE, WAITING, ShellCommand, find_profile


class Command(ShellCommand):
    help = "Read a source and write its answers to a file. It contains personal data, no secrets. Only you may read it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection")
        parser.add_argument("file", type=Path)

    def work(self, **options: Any) -> int:
        profile = find_profile(options["connection"])
        connector, recorder = recording_connector(profile.connection)
        snapshot = connector.fetch(Selection.from_json(profile.selection), contact_details=profile.contact_details)
        # The instant from which the requests were built, so that a replay builds the same ones.
        document = recorder.dump(datetime.fromtimestamp(snapshot.fetched_at, UTC))
        write_private(options["file"], json.dumps(document, indent=1, ensure_ascii=False))
        exchanges = document["exchanges"]
        facts = {
            "file": str(options["file"]),
            "exchanges": len(exchanges) if isinstance(exchanges, list) else 0,
            "failed": len(snapshot.failed),
        }
        if options["json"]:
            self.print_json(facts)
        else:
            self.stdout.write(f"{facts['exchanges']} exchanges written to {facts['file']}; {facts['failed']} failed.")
        return WAITING if snapshot.failed else DONE
